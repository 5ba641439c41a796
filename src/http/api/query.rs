//! The query of a request: known parameters, each once.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::http::problem::Problem;

/// The parameters of a request. What is wrong with them is told with their name.
pub struct Query<T>(pub T);

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// What was read, or the parameter that was wrong and why.
struct Tracked<T>(Result<T, (String, String)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tracked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = serde_path_to_error::deserialize(deserializer);
        Ok(Self(read.map_err(|error| named(error.path(), error.inner().to_string()))))
    }
}

/// The parameter that is wrong, and why. Of one that came twice only the message has the name.
fn named(path: &serde_path_to_error::Path, what: String) -> (String, String) {
    let name = match path.iter().next() {
        Some(_) => path.to_string(),
        None => what.split('`').nth(1).unwrap_or_default().to_owned(),
    };
    (name, what)
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self))
    }
}

fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    match web::Query::<Tracked<T>>::from_query(query).map(web::Query::into_inner) {
        Ok(Tracked(Ok(value))) => Ok(value),
        Ok(Tracked(Err((name, what)))) => {
            Err(Problem::bad_request(format!("the query can't be read: {name}: {what}")).error(name, what))
        }
        Err(error) => Err(Problem::bad_request(format!("the query can't be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::CommandQuery;

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, name, what) in [
            ("limit=many", "limit", "invalid digit"),
            ("limit=-1", "limit", "invalid digit"),
            ("devcie=x", "devcie", "unknown field `devcie`"),
            ("state=sent&state=queued", "state", "duplicate field `state`"),
        ] {
            let problem = read::<CommandQuery>(query).unwrap_err();
            let [error] = problem.errors() else { panic!("{problem:?}") };
            assert_eq!(error.pointer, name);
            assert!(error.detail.contains(what), "{query}: {}", error.detail);
        }
        assert!(read::<NoQuery>("x=1").is_err());
        assert!(read::<NoQuery>("").is_ok());
    }

    #[test]
    fn values_are_decoded() {
        let query: CommandQuery = read("device=a%2Fb+c%27&limit=7").unwrap();
        assert_eq!((query.device_id.as_deref(), query.limit), (Some("a/b c'"), Some(7)));
    }
}
