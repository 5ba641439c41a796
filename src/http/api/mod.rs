//! `/api/v1`: one file per noun. Every request carries a bearer token.

mod token;

use actix_web::{
    ResponseError as _,
    error::{JsonPayloadError, PathError, QueryPayloadError},
    middleware::from_fn,
    web,
};

pub use token::{Caller, Token, TokenVerifier, Verdict};

use super::problem::Problem;

/// Routes of the nouns, below `/api/v1`.
pub fn configure(_routes: &mut web::ServiceConfig) {}

/// The whole API: authentication around the nouns, and errors of reading a request as problems.
pub(super) fn scope(
    body_limit: usize,
    nouns: impl FnOnce(&mut web::ServiceConfig),
) -> impl FnOnce(&mut web::ServiceConfig) {
    move |routes| {
        let json =
            web::JsonConfig::default().limit(body_limit).error_handler(|error, _| problem_of_json(&error).into());
        let query = web::QueryConfig::default().error_handler(|error, _| problem_of_query(&error).into());
        let path = web::PathConfig::default().error_handler(|error, _| problem_of_path(&error).into());
        routes.service(
            web::scope("/api/v1")
                .app_data(json)
                .app_data(web::PayloadConfig::new(body_limit))
                .app_data(query)
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

fn problem_of_json(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::Overflow { limit } | JsonPayloadError::OverflowKnownLength { limit, .. } => {
            Problem::new(error.status_code()).detail(format!("the body is larger than {limit} bytes"))
        }
        JsonPayloadError::ContentType => Problem::new(actix_web::http::StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .detail("the body must be application/json"),
        JsonPayloadError::Deserialize(error) => {
            Problem::bad_request(format!("the body can't be read: {error}")).kind("body", "The body can't be read")
        }
        _ => Problem::bad_request("the body can't be read"),
    }
}

fn problem_of_query(error: &QueryPayloadError) -> Problem {
    Problem::bad_request(format!("the query can't be read: {error}"))
}

fn problem_of_path(error: &PathError) -> Problem {
    Problem::bad_request(format!("the path can't be read: {error}"))
}
