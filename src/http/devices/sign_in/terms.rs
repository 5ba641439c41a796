//! `GET` and `POST /EnrollmentServer/Terms` (MS-MDE2 3.5).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    web::{Data, Payload},
};
use tokio::time::timeout;

use super::{
    super::{DeviceDoor, body::Body, refusal::Refusal},
    Caller,
    page::{self, TermsPage},
    parameter,
};
use crate::{
    enrollment::{
        applicant::Gate,
        sign_in::{BrokerRedirect, Denied, Terms},
    },
    http::{devices::now, observe::Note},
    model::EnrollmentStep,
};

/// The name of the route in logs and counters.
pub(super) const ROUTE: &str = "terms";

/// Longest form that is read.
const FORM: usize = 16 * 1024;

/// Shows the terms to somebody whose device brings a token along.
pub(super) async fn ask(request: HttpRequest, door: Data<DeviceDoor>, gate: Data<Gate>) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    let caller = match Caller::let_in(&request, (&note, &door, &gate), EnrollmentStep::Terms).await {
        Ok(caller) => caller,
        Err(reply) => return reply,
    };
    let back = parameter(request.query_string(), "redirect_uri").and_then(|back| back.parse::<BrokerRedirect>().ok());
    let Some(back) = back else {
        note.reason("redirect_uri");
        return page::not_from_windows("there is no address of the broker of Windows to return to", note.id());
    };
    match gate.sign_ins().terms(bearer(request.headers()), back.clone(), now()).await {
        Ok(Terms::Ask { text, user, ticket }) => page::reply(StatusCode::OK, &TermsPage::new(&text, &user, &ticket)),
        Ok(Terms::None(answer)) => redirect(answer.location),
        Err(denied) => {
            caller.write_down(&denied).await;
            redirect(back.refused(&denied))
        }
    }
}

/// Takes the answer, and tells Windows.
pub(super) async fn answer(
    request: HttpRequest,
    payload: Payload,
    door: Data<DeviceDoor>,
    gate: Data<Gate>,
) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    let caller = match Caller::let_in(&request, (&note, &door, &gate), EnrollmentStep::Terms).await {
        Ok(caller) => caller,
        Err(reply) => return reply,
    };
    let form = match timeout(door.body_timeout, Body::read(payload, None, FORM, &door.memory)).await {
        Ok(Ok(body)) => {
            note.received(body.len());
            String::from_utf8(body.into_parts().0).unwrap_or_default()
        }
        Ok(Err(refusal)) => return turned_away(&note, refusal, &door),
        Err(_) => return turned_away(&note, Refusal::BodyTooSlow, &door),
    };
    let accepted = match parameter(&form, "answer").as_deref() {
        Some("accept") => true,
        Some("decline") => false,
        _ => return caller.refused(&Denied::Browser).await,
    };
    let ticket = parameter(&form, "ticket").unwrap_or_default();
    match gate.sign_ins().terms_answered(&ticket, accepted, now()) {
        Ok(answer) => {
            tracing::info!(id = note.id(), accepted, "the terms of use were answered");
            redirect(answer.location)
        }
        Err(denied) => caller.refused(&denied).await,
    }
}

fn redirect(location: String) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((header::LOCATION, location))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

fn turned_away(note: &Note, refusal: Refusal, door: &DeviceDoor) -> HttpResponse {
    note.reason(refusal.word());
    refusal.reply(door.retry_after)
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
