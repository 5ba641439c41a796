//! The web pages of enrollment: sign-in at the OpenID Connect provider (MS-MDE2 3.2) and terms of use (3.5).
//!
//! A person's browser speaks here, inside of Windows. Codes, tokens and handles stand in addresses only where the
//! protocols put them there, and no log has the query of an address.

mod auth;
mod page;
mod terms;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Query},
};

use super::{DeviceDoor, headers, refusal::Refusal};
use crate::http::{connections::PeerKey, observe::Note};

/// The routes. Case does not matter, as everywhere at this door.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Auth)}")
            .route(web::get().to(auth::begin))
            .default_service(web::to(|request: HttpRequest| not_so(request, "GET"))),
    );
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Auth/Callback)}")
            .route(web::get().to(auth::finish))
            .default_service(web::to(|request: HttpRequest| not_so(request, "GET"))),
    );
    routes.service(
        web::resource(r"/{path:(?i:EnrollmentServer/Terms)}")
            .route(web::get().to(terms::ask))
            .route(web::post().to(terms::answer))
            .default_service(web::to(|request: HttpRequest| not_so(request, "GET, POST"))),
    );
}

async fn not_so(request: HttpRequest, allowed: &'static str) -> HttpResponse {
    Note::of(&request).reason("method");
    HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed)).finish()
}

impl DeviceDoor {
    /// Whether somebody comes too often.
    fn let_in(&self, request: &HttpRequest, note: &Note) -> Result<(), HttpResponse> {
        let checked = self.peers.check(&PeerKey::of(headers::peer(request))).map_err(Refusal::PeerRate);
        let checked = checked.and_then(|()| self.everybody.check().map_err(Refusal::Rate));
        checked.map_err(|refusal| {
            note.reason(refusal.word());
            refusal.reply(self.retry_after)
        })
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
