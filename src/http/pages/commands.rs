//! Commands: why one stands where it stands, and what a person can do about it.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::devices::Shown;
use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, CommandQuery, ResolveAs};
use crate::http::api::now;
use crate::model::Right;
use crate::ui::command::{CommandPage, CommandsPage};
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/commands").route(web::get().to(list)))
        .service(web::resource("/commands/{id}").route(web::get().to(show)))
        .service(web::resource("/commands/{id}/cancel").route(web::post().to(cancel)))
        .service(web::resource("/commands/{id}/resolve").route(web::post().to(resolve)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    state: String,
    #[serde(default)]
    device: String,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

#[derive(Deserialize)]
struct Resolved {
    csrf: String,
    #[serde(rename = "as")]
    how: ResolveAs,
}

async fn list(visitor: Visitor, admin: Data<Admin>, query: Query<Listed>) -> Reply {
    let Listed { state, device, cursor } = query.into_inner();
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let query = CommandQuery {
        device_id: given(&device),
        state: given(&state),
        limit: Some(LISTED),
        cursor,
        ..CommandQuery::default()
    };
    let found = admin.commands(query).await?;
    let more = |cursor| format!("/commands?state={}&device={}&cursor={cursor}", part(&state), part(&device));
    Ok(page(&CommandsPage {
        frame: Frame::new(texts::everywhere::COMMANDS, Section::Devices, &visitor.viewer),
        device: Some(device.as_str()).filter(|device| !device.is_empty()),
        state: &state,
        commands: &found.items,
        next: found.next_cursor.map(more),
    }))
}

async fn show(visitor: Visitor, admin: Data<Admin>, id: Path<String>, query: Query<Shown>) -> Reply {
    let command = admin.command(&id).await?;
    let device = admin.device(&command.device_id).await.ok();
    let notice = query.done.as_deref().and_then(|word| match word {
        "cancel" => Some(texts::commands::TAKEN_BACK),
        "resolve" => Some(texts::commands::NOTED),
        _ => None,
    });
    Ok(page(&CommandPage {
        frame: Frame::new(texts::commands::TITLE_WHY, Section::Devices, &visitor.viewer),
        command: &command,
        device: device.as_ref(),
        notice,
    }))
}

async fn cancel(visitor: Visitor, admin: Data<Admin>, id: Path<String>, form: Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Act)?;
    let command = admin.cancel(&id, visitor.actor(), None, now()).await?;
    Ok(see_other(&format!("/commands/{}?done=cancel", command.id)))
}

async fn resolve(visitor: Visitor, admin: Data<Admin>, id: Path<String>, form: Form<Resolved>) -> Reply {
    visitor.verify(&form.csrf, Right::Command)?;
    let rights = visitor.viewer.rights.iter().copied().collect();
    let command = admin.resolve(&id, form.how, (visitor.actor(), &rights), None, now()).await?;
    Ok(see_other(&format!("/commands/{}?done=resolve", command.id)))
}
