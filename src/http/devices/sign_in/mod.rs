//! The web pages of enrollment: sign-in at the OpenID Connect provider (MS-MDE2 3.2) and terms of use (3.5).
//!
//! A person's browser speaks here, inside of Windows. Codes, tokens and handles stand in addresses only where the
//! protocols put them there, and no log has the query of an address.

mod auth;
mod page;
mod terms;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Query},
};

use super::{DeviceDoor, headers, now, only};
use crate::{
    enrollment::{
        applicant::{self, Claims, Gate, Visit},
        sign_in::Denied,
    },
    http::observe::Note,
    model::EnrollmentStep,
};

/// The routes. Case does not matter, as everywhere at this door.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Auth)}")
            .route(web::get().to(auth::begin))
            .default_service(web::to(|request| only(request, auth::ROUTE, "GET"))),
    );
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Auth/Callback)}")
            .route(web::get().to(auth::finish))
            .default_service(web::to(|request| only(request, auth::ROUTE, "GET"))),
    );
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Terms)}")
            .route(web::get().to(terms::ask))
            .route(web::post().to(terms::answer))
            .default_service(web::to(|request| only(request, terms::ROUTE, "GET, POST"))),
    );
}

/// One visit of a browser.
struct Caller<'a> {
    note: &'a Note,
    gate: &'a Gate,
    visit: Visit,
}

impl<'a> Caller<'a> {
    /// Lets somebody in, unless they come too often or have failed too often.
    async fn let_in(
        request: &HttpRequest,
        (note, door, gate): (&'a Note, &DeviceDoor, &'a Gate),
        step: EnrollmentStep,
    ) -> Result<Self, HttpResponse> {
        let peer = headers::peer(request);
        if let Err(refusal) = door.check_rates(peer) {
            note.reason(refusal.word());
            return Err(refusal.reply(door.retry_after));
        }
        let visit = Visit { peer, step, trace_id: note.id().to_owned(), device: Claims::default() };
        let caller = Self { note, gate, visit };
        match gate.is_open_to(peer, now()).await {
            Ok(()) => Ok(caller),
            Err(denied) => Err(caller.turned_away(&denied)),
        }
    }

    /// Writes down why somebody is not signed in, where that is worth a line: not what anybody can cause with one
    /// request out of nothing.
    async fn write_down(&self, denied: &Denied) {
        self.note.reason(denied.word());
        tracing::warn!(id = self.note.id(), reason = denied.word(), error = %denied, "nobody signed in");
        if !matches!(denied, Denied::NotOffered | Denied::Browser) {
            let _ = self.gate.failed(&self.visit, None, denied.clone().into(), now()).await;
        }
    }

    /// The same, and the page that says so.
    async fn refused(&self, denied: &Denied) -> HttpResponse {
        self.write_down(denied).await;
        page::refused(denied, self.note.id())
    }

    fn turned_away(&self, denied: &applicant::Denied) -> HttpResponse {
        self.note.reason(denied.word());
        let remedy = denied.remedy().unwrap_or_default();
        page::said(StatusCode::TOO_MANY_REQUESTS, &denied.to_string(), remedy, self.note.id())
    }
}

/// A parameter of a query, whatever the case of its name; of one that comes twice, none.
fn parameter(query: &str, name: &str) -> Option<String> {
    let query = Query::<Vec<(String, String)>>::from_query(query).ok()?.into_inner();
    let mut found = query.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let value = found.next()?;
    if found.next().is_some() { None } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::parameter;

    #[test]
    fn a_parameter_counts_once() {
        assert_eq!(parameter("AppRu=ms-app%3A%2F%2Fx&login_hint=a", "appru").as_deref(), Some("ms-app://x"));
        for query in ["", "appr=x", "appru=x&appru=y", "appru=x&APPRU=x"] {
            assert_eq!(parameter(query, "appru"), None, "{query}");
        }
    }
}
