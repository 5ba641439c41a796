//! `/api/v1`: one file per noun. Every request carries a bearer token.
//!
//! A handler reads what was sent, has it decided by [`Admin`](crate::admin::Admin), and answers with its JSON. What is
//! wrong is always a [`Problem`], and nothing that was sent is ignored: unknown parameters and fields are refused by
//! name.

mod actions;
mod alerts;
mod audit;
mod body;
mod certificates;
mod commands;
mod csp;
mod declared_devices;
mod devices;
mod directory;
mod document;
mod enrollment_attempts;
mod enrollment_tokens;
mod enrollment_users;
mod enrollments;
mod envelopes;
mod events;
mod facts;
mod operators;
mod policies;
mod provisioning;
mod push;
mod query;
mod recovery_keys;
mod refusal;
mod repeat;
pub mod route;
mod sessions;
mod settings;
mod shape;
mod status;
mod tag;
mod token;
mod tokens;
mod webhooks;

use actix_web::{
    HttpResponse, ResponseError as _, Route,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::from_fn,
    web,
};
use transom_protocol::session::Timestamp;

pub(super) use actions::archive_of;
pub use body::{Body, NoBody};
pub use document::document;
pub use query::{NoQuery, Query};
pub(super) use status::Since;
pub use token::{Caller, Token, TokenVerifier, Verdict, verifier};

use super::problem::Problem;

/// The largest body that some route takes, whatever `admin_door.body_limit` says of the others.
pub(super) const LARGEST_BODY: usize = csp::MAX_ARCHIVE;

/// What a handler gives.
type Answer = Result<HttpResponse, Problem>;

/// Routes of the nouns, below `/api/v1`.
pub fn configure(routes: &mut web::ServiceConfig) {
    commands::configure(routes);
    csp::configure(routes);
    devices::configure(routes);
    facts::configure(routes);
    directory::configure(routes);
    policies::configure(routes);
    provisioning::configure(routes);
    actions::configure(routes);
    recovery_keys::configure(routes);
    sessions::configure(routes);
    enrollments::configure(routes);
    envelopes::configure(routes);
    push::configure(routes);
    events::configure(routes);
    alerts::configure(routes);
    webhooks::configure(routes);
    enrollment_users::configure(routes);
    enrollment_tokens::configure(routes);
    enrollment_attempts::configure(routes);
    declared_devices::configure(routes);
    operators::configure(routes);
    tokens::configure(routes);
    audit::configure(routes);
    certificates::configure(routes);
    settings::configure(routes);
    status::configure(routes);
}

/// The whole API: authentication around the nouns, and errors of reading a request as problems.
pub(super) fn scope(
    body_limit: usize,
    nouns: impl FnOnce(&mut web::ServiceConfig),
) -> impl FnOnce(&mut web::ServiceConfig) {
    move |routes| {
        let path = web::PathConfig::default()
            .error_handler(|error, _| Problem::bad_request(format!("the path can't be read: {error}")).into());
        routes.service(
            web::scope("/api/v1")
                .app_data(web::PayloadConfig::new(body_limit))
                .app_data(path)
                .wrap(from_fn(route::authorize))
                .wrap(from_fn(token::authenticate))
                .configure(nouns)
                .default_service(web::to(no_such_noun)),
        );
    }
}

async fn no_such_noun() -> Problem {
    Problem::not_found()
}

/// What a resource answers to methods that it does not have.
fn only(methods: &'static str) -> Route {
    web::to(move || async move {
        let mut reply = Problem::new(StatusCode::METHOD_NOT_ALLOWED).error_response();
        reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
        reply
    })
}

// No route takes more than the largest.
const _: () = assert!(policies::MAX_SET <= LARGEST_BODY && directory::MAX_PEOPLE <= LARGEST_BODY);

/// The time. Below the doors it is an argument.
pub(super) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
