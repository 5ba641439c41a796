//! `/api/v1`: one file per noun. Every request carries a bearer token.
//!
//! A handler reads what was sent, has it decided by [`Admin`](crate::admin::Admin), and answers with its JSON. What is
//! wrong is always a [`Problem`], and nothing that was sent is ignored: unknown parameters and fields are refused by
//! name.

mod body;
mod commands;
mod declared_devices;
mod devices;
mod enrollment_attempts;
mod enrollment_tokens;
mod enrollment_users;
mod enrollments;
mod push;
mod query;
mod refusal;
mod repeat;
mod sessions;
mod status;
mod token;

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

pub use body::{Body, NoBody};
pub use query::{NoQuery, Query};
pub(super) use status::Since;
pub use token::{Caller, Token, TokenVerifier, Verdict, verifier};

use super::problem::Problem;

/// What a handler gives.
type Answer = Result<HttpResponse, Problem>;

/// Routes of the nouns, below `/api/v1`.
pub fn configure(routes: &mut web::ServiceConfig) {
    commands::configure(routes);
    devices::configure(routes);
    sessions::configure(routes);
    enrollments::configure(routes);
    push::configure(routes);
    enrollment_users::configure(routes);
    enrollment_tokens::configure(routes);
    enrollment_attempts::configure(routes);
    declared_devices::configure(routes);
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

/// The time. Below the doors it is an argument.
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}
