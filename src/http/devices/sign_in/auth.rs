//! `GET /EnrollmentServer/Auth` and the way back from the provider (MS-MDE2 3.2).

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::{StatusCode, header},
    web::{Data, Query},
};

use super::{
    super::DeviceDoor,
    Caller,
    page::{self, Handoff},
    parameter,
};
use crate::{
    enrollment::{
        applicant::Gate,
        sign_in::{AppRedirect, Begun, Callback, Chance},
    },
    http::{devices::now, observe::Note},
    model::EnrollmentStep,
};

/// The name of the route in logs and counters.
pub(super) const ROUTE: &str = "sign_in";

/// Bound to this very host by its prefix, so that no other server of the domain can set it.
const COOKIE: &str = "__Host-transom-sign-in";

/// Sends the browser to the provider.
pub(super) async fn begin(request: HttpRequest, door: Data<DeviceDoor>, gate: Data<Gate>) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    let caller = match Caller::let_in(&request, (&note, &door, &gate), EnrollmentStep::SignIn).await {
        Ok(caller) => caller,
        Err(reply) => return reply,
    };
    let app = parameter(request.query_string(), "appru").and_then(|app| app.parse::<AppRedirect>().ok());
    let Some(app) = app else {
        note.reason("appru");
        return page::not_from_windows("there is no ms-app address to return to (appru)", note.id());
    };
    let hint = parameter(request.query_string(), "login_hint");
    let chance = Chance { state: rand::random(), nonce: rand::random(), verifier: rand::random() };
    match gate.sign_ins().begin(app, hint.as_deref(), &chance, now()).await {
        Ok(Begun { location, kept, seconds }) => {
            let cookie = cookie(kept, Duration::seconds(seconds));
            HttpResponse::Found()
                .insert_header((header::LOCATION, location))
                .insert_header((header::REFERRER_POLICY, "no-referrer"))
                .cookie(cookie)
                .finish()
        }
        Err(denied) => caller.refused(&denied).await,
    }
}

/// Takes the browser back, and makes the page that tells Windows.
pub(super) async fn finish(request: HttpRequest, door: Data<DeviceDoor>, gate: Data<Gate>) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    let caller = match Caller::let_in(&request, (&note, &door, &gate), EnrollmentStep::SignIn).await {
        Ok(caller) => caller,
        Err(reply) => return reply,
    };
    // What can't be read holds no state of ours, and ends as such.
    let callback = Query::<Callback>::from_query(request.query_string()).map(Query::into_inner).unwrap_or_default();
    let kept = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned());
    let mut reply = match gate.sign_ins().finish(&callback, kept.as_deref(), rand::random(), now()).await {
        Ok(finished) => {
            tracing::info!(id = note.id(), "somebody signed in to enroll");
            page::reply(StatusCode::OK, &Handoff::new(&finished.app.to_string(), finished.handle.expose()))
        }
        Err(denied) => caller.refused(&denied).await,
    };
    if kept.is_some() {
        let _ = reply.add_cookie(&cookie(String::new(), Duration::ZERO));
    }
    reply
}

/// Comes along when the provider sends the browser back, which is a navigation from another site (`Lax`).
fn cookie(value: String, age: Duration) -> Cookie<'static> {
    Cookie::build(COOKIE, value).path("/").secure(true).http_only(true).same_site(SameSite::Lax).max_age(age).finish()
}
