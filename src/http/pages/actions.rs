//! What a person can make a device do from its page. What its user notices is asked about first; what takes away what
//! can't be brought back wants the name of the device typed.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Data, Form, Path},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::see_other;
use super::{Failure, Reply, Visitor, page};
use crate::actions::Request;
use crate::admin::{Admin, DeviceJson, Error, NewAction, Reveal, Unenroll};
use crate::http::api::{self, now};
use crate::http::problem::Problem;
use crate::model::Right;
use crate::ui::actions::{CHOICES, Choice, ConfirmPage, Field, KeyPage, Offered, UNENROLL};
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/devices/{id}/sync").route(web::post().to(sync)))
        .service(web::resource("/devices/{id}/actions/{word}").route(web::get().to(ask)).route(web::post().to(act)))
        .service(web::resource("/devices/{id}/keys/{key}").route(web::get().to(key)).route(web::post().to(reveal)))
        .service(web::resource("/actions/{id}/cancel").route(web::post().to(cancel)))
        .service(web::resource("/actions/{id}/archive").route(web::get().to(archive)));
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

#[derive(Deserialize)]
struct Reason {
    csrf: String,
    reason: String,
}

/// What was done, in words.
pub(super) fn notice(word: &str) -> Option<&'static str> {
    match word {
        "push" => Some(texts::devices::WOKEN),
        "poll" => Some(texts::devices::NOT_WOKEN),
        "reboot" => Some(texts::devices::RESTART_QUEUED),
        "cancel" => Some(texts::commands::TAKEN_BACK),
        "retry" => Some(texts::publishing::RETRIED),
        UNENROLL => Some(texts::devices::LEAVING_QUEUED),
        word => Choice::of(word).map(|_| texts::devices::ACTION_QUEUED),
    }
}

/// What whoever looks may ask of a device, each with why it can't be asked for now.
pub(super) async fn offered(admin: &Admin, visitor: &Visitor, device: &str) -> Result<Vec<Offered>, Failure> {
    let choices = CHOICES.iter().filter(|choice| visitor.viewer.rights.contains(&choice.right));
    let choices: Vec<&'static Choice> = choices.collect();
    let requests = choices.iter().map(|choice| asked(choice, &HashMap::new()));
    // Ending management is no action of the queue: what stands in the way of a restart stands in its way.
    let requests: Vec<Request> = requests.collect::<Result<_, _>>()?;
    let obstacles = admin.obstacles(device, requests).await?;
    Ok(choices.into_iter().zip(obstacles).map(|(choice, obstacle)| Offered { choice, obstacle }).collect())
}

/// The request of a form; without one, as it would be asked for where nothing else is said.
fn asked(choice: &Choice, form: &HashMap<String, String>) -> Result<Request, Failure> {
    let word = if choice.word == UNENROLL { "reboot" } else { choice.word };
    let mut json = Map::from_iter([("kind".to_owned(), Value::from(word))]);
    for field in choice.fields {
        let given = form.get(field.name()).map(|text| text.trim()).filter(|text| !text.is_empty());
        let value = match (field, given) {
            (Field::Tick { .. }, given) => Value::from(given.is_some()),
            (Field::OneOf { .. }, Some(word)) => Value::from(word),
            (Field::OneOf { .. }, None) => continue,
            (Field::Text { .. }, given) => Value::from(given.unwrap_or_default()),
        };
        json.insert(field.name().to_owned(), value);
    }
    serde_json::from_value(Value::Object(json)).map_err(|error| Failure::form(&error))
}

async fn sync(visitor: Visitor, admin: Data<Admin>, id: Path<String>, form: Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Act)?;
    let reached = admin.sync(&id, visitor.actor(), now()).await?;
    let how = if reached.push_at.is_some() { "push" } else { "poll" };
    Ok(see_other(&format!("/devices/{}?done={how}", part(&id))))
}

fn chosen(word: &str) -> Result<&'static Choice, Failure> {
    Choice::of(word).ok_or(Failure::Problem(Problem::not_found()))
}

async fn ask(visitor: Visitor, admin: Data<Admin>, path: Path<(String, String)>) -> Reply {
    let (id, word) = path.into_inner();
    let choice = chosen(&word)?;
    visitor.require(choice.right)?;
    let device = admin.device(&id).await?;
    let obstacle = admin.obstacles(&id, vec![asked(choice, &HashMap::new())?]).await?.pop().flatten();
    let frame = Frame::new(choice.name, Section::Devices, &visitor.viewer);
    let (obstacle, given) = (obstacle.as_deref(), HashMap::new());
    Ok(page(&ConfirmPage { frame, device: &device, choice, obstacle, error: None, given: &given }))
}

/// Asks again, with what was given: a choice that fell back to its default would do more than was asked for.
fn ask_again(
    visitor: &Visitor,
    device: &DeviceJson,
    choice: &'static Choice,
    given: &HashMap<String, String>,
    error: &str,
) -> HttpResponse {
    let frame = Frame::new(choice.name, Section::Devices, &visitor.viewer);
    let error = Some(error);
    let mut reply = page(&ConfirmPage { frame, device, choice, obstacle: None, error, given });
    *reply.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    reply
}

async fn act(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    form: Form<HashMap<String, String>>,
) -> Reply {
    let (id, word) = path.into_inner();
    let choice = chosen(&word)?;
    let given = |name: &str| form.get(name).map_or("", |text| text.trim());
    visitor.verify(given("csrf"), choice.right)?;
    if given("device") != id {
        return Err(Failure::Problem(Problem::bad_request("the device that was confirmed is another one")));
    }
    let action = asked(choice, &form)?;
    let device = admin.device(&id).await?;
    if choice.is_typed && !is_named(&device, given("typed")) {
        return Ok(ask_again(&visitor, &device, choice, &form, texts::actions::NOT_ITS_NAME));
    }
    let done = if choice.word == UNENROLL {
        admin.unenroll(&id, Unenroll::default(), visitor.actor(), now()).await.map(drop)
    } else {
        let confirm = choice.is_typed.then(|| device.id.clone());
        let new = NewAction { action, confirm, not_before: None, expires_at: None };
        admin.act(&id, new, visitor.actor(), None, now()).await.map(drop)
    };
    match done {
        Ok(()) => Ok(see_other(&format!("/devices/{}?done={}", part(&id), choice.word))),
        // What somebody wrote is wrong: they are asked again.
        Err(Error::Invalid { summary, .. }) => Ok(ask_again(&visitor, &device, choice, &form, &summary)),
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody typed which device it is: its name, or its id where the name can't be typed.
fn is_named(device: &DeviceJson, typed: &str) -> bool {
    let is = |name: &str| !typed.is_empty() && typed.eq_ignore_ascii_case(name.trim());
    is(&device.id) || device.info.name.as_deref().is_some_and(is)
}

async fn cancel(visitor: Visitor, admin: Data<Admin>, id: Path<String>, form: Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Act)?;
    let action = admin.cancel_action(&id, visitor.actor(), now()).await?;
    Ok(see_other(&format!("/devices/{}?done=cancel", part(&action.device_id))))
}

async fn archive(visitor: Visitor, admin: Data<Admin>, id: Path<String>) -> Reply {
    visitor.require(Right::Reveal)?;
    api::archive_of(&admin, &id, visitor.actor()).await.map_err(Failure::Problem)
}

async fn key(visitor: Visitor, admin: Data<Admin>, path: Path<(String, String)>) -> Reply {
    visitor.require(Right::Reveal)?;
    let (id, key) = path.into_inner();
    let device = admin.device(&id).await?;
    let keys = admin.recovery_keys(&id).await?;
    let key = keys.items.iter().find(|kept| kept.id == key).ok_or(Error::NotFound("recovery key"))?;
    let frame = Frame::new(texts::actions::RECOVERY_KEY, Section::Devices, &visitor.viewer);
    Ok(page(&KeyPage { frame, device: &device, key, revealed: None, error: None }))
}

async fn reveal(visitor: Visitor, admin: Data<Admin>, path: Path<(String, String)>, Form(form): Form<Reason>) -> Reply {
    visitor.verify(&form.csrf, Right::Reveal)?;
    let (id, key) = path.into_inner();
    let device = admin.device(&id).await?;
    let frame = Frame::new(texts::actions::RECOVERY_KEY, Section::Devices, &visitor.viewer);
    match admin.reveal_recovery_key(&id, &key, Reveal { reason: form.reason }, visitor.actor(), now()).await {
        Ok(revealed) => {
            let key = &revealed.key;
            Ok(page(&KeyPage { frame, device: &device, key, revealed: Some(&revealed), error: None }))
        }
        Err(Error::Invalid { summary, .. }) => {
            let keys = admin.recovery_keys(&id).await?;
            let key = keys.items.iter().find(|kept| kept.id == key).ok_or(Error::NotFound("recovery key"))?;
            let page = page(&KeyPage { frame, device: &device, key, revealed: None, error: Some(&summary) });
            Ok(page)
        }
        Err(error) => Err(error.into()),
    }
}
