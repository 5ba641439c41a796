//! Sessions: found, told, live, and as a file.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Path, Query},
};
use serde::Deserialize;

use super::visitor::Onlooker;
use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, Error, Explored, Meant, PageJson, SessionQuery};
use crate::model::DeviceId;
use crate::ui::message::MessagePage;
use crate::ui::session::{Conversation, ConversationPart, Only, SessionPage, pulse};
use crate::ui::sessions::{SessionsPage, device};
use crate::ui::{Frame, Section, export, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/sessions").route(web::get().to(list)))
        .service(web::resource("/sessions/{id}").route(web::get().to(show)))
        .service(web::resource("/sessions/{id}/live").route(web::get().to(live)))
        .service(web::resource("/sessions/{id}/messages/{message}").route(web::get().to(message)))
        .service(web::resource("/sessions/{id}/export.html").route(web::get().to(export_html)))
        .service(web::resource("/sessions/{id}/export.json").route(web::get().to(export_json)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    text: String,
    #[serde(default)]
    device: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    only: String,
    #[serde(default)]
    pulse: String,
}

async fn list(visitor: Visitor, admin: Data<Admin>, query: Query<Listed>) -> Reply {
    let Listed { text, device, from, until, cursor } = query.into_inner();
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let meant = match given(&device) {
        Some(device) => Some(admin.meant_device(&device).await?),
        None => None,
    };
    let device_id = match meant {
        None => Ok(None),
        Some(Meant::One(id)) => Ok(Some(id.to_string())),
        Some(Meant::None) => Err(texts::sessions::NO_SUCH_DEVICE.to_owned()),
        Some(Meant::OneOf(ids)) => {
            let ids: Vec<&str> = ids.iter().map(DeviceId::as_str).collect();
            Err(format!("{} {}", texts::sessions::SEVERAL_DEVICES, ids.join(", ")))
        }
    };
    let found = match device_id {
        Err(why) => Err(why),
        Ok(device_id) => {
            let query = SessionQuery {
                device_id,
                from: given(&from).map(|text| in_utc(&text)),
                until: given(&until).map(|text| in_utc(&text)),
                text: given(&text),
                limit: Some(LISTED),
                cursor,
            };
            match admin.sessions(query).await {
                Ok(found) => Ok(found),
                Err(Error::Parameter(fault)) => Err(format!("{}: {}", field(&fault.at), fault.what)),
                Err(error) => return Err(error.into()),
            }
        }
    };
    // What is wrong with the question is said where it was asked.
    let (found, error) = match found {
        Ok(found) => (found, None),
        Err(why) => (PageJson { items: Vec::new(), next_cursor: None }, Some(why)),
    };
    let more = |cursor| {
        let [text, device, from, until] = [&text, &device, &from, &until].map(|text| part(text));
        format!("/sessions?text={text}&device={device}&from={from}&until={until}&cursor={cursor}")
    };
    Ok(page(&SessionsPage {
        frame: Frame::new(texts::everywhere::SESSIONS, Section::Sessions, &visitor.viewer),
        sessions: &found.items,
        error: error.as_deref(),
        next: found.next_cursor.map(more),
        text: &text,
        device: &device,
        from: &from,
        until: &until,
    }))
}

/// What a field of the form is called.
fn field(parameter: &str) -> &str {
    match parameter {
        "text" => texts::sessions::SAID_IN_IT,
        "from" => texts::everywhere::FROM_UTC,
        "until" => texts::everywhere::UNTIL_UTC,
        other => other,
    }
}

async fn show(visitor: Visitor, admin: Data<Admin>, id: Path<String>, query: Query<Shown>) -> Reply {
    let told = told(admin.explore(&id).await?, Only::of(&query.only)).await?;
    let frame = Frame::new(
        format!("{} {}", texts::sessions::SESSION_OF, device(&told.session)),
        Section::Sessions,
        &visitor.viewer,
    );
    Ok(page(&SessionPage { frame, told: &told }))
}

/// What is new in a session that goes on: nothing, or the conversation as it stands. Asked every two seconds by each
/// open page, and reads one row while nothing is new. A page that asks by itself is no sign of a person.
async fn live(_: Onlooker, admin: Data<Admin>, id: Path<String>, query: Query<Shown>) -> Reply {
    if pulse(&admin.session_state(&id).await?) == query.pulse {
        return Ok(HttpResponse::NoContent().finish());
    }
    let told = told(admin.explore(&id).await?, Only::of(&query.only)).await?;
    Ok(page(&ConversationPart { told: &told }))
}

async fn message(visitor: Visitor, admin: Data<Admin>, path: Path<(String, String)>) -> Reply {
    let (session, message) = path.into_inner();
    let found = admin.message(&session, &message).await?;
    let frame = Frame::new("A message", Section::Sessions, &visitor.viewer);
    Ok(page(&MessagePage { frame, session: &session, message: &found }))
}

async fn export_html(_: Visitor, admin: Data<Admin>, id: Path<String>) -> Reply {
    let explored = admin.explore(&id).await?;
    let name = file_name(&explored, "html");
    let file = web::block(move || export::session(explored)).await.map_err(|_| Error::Busy)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(file))
}

async fn export_json(_: Visitor, admin: Data<Admin>, id: Path<String>) -> Reply {
    let explored = admin.explore(&id).await?;
    let name = file_name(&explored, "json");
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_DISPOSITION, name)).json(explored.export()))
}

/// Large sessions take a while to be made ready.
async fn told(explored: Explored, only: Only) -> Result<Conversation, Error> {
    web::block(move || Conversation::new(explored, only)).await.map_err(|_| Error::Busy)
}

/// The id of a session is a UUID: nothing in it can break a header.
fn file_name(explored: &Explored, ending: &str) -> String {
    format!("attachment; filename=\"session-{}.{ending}\"", explored.detail.session.id)
}

/// Browsers write a local time without seconds and zone; here it is UTC.
pub(super) fn in_utc(text: &str) -> String {
    match text.len() {
        16 => format!("{text}:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    }
}
