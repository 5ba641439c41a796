//! What `admin` would not do, as a problem.

use actix_web::http::StatusCode;

use crate::{
    admin::{Error, Fault},
    http::problem::Problem,
};

/// Most faults that one problem lists.
const MAX_FAULTS: usize = 100;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => Self::not_found().detail(error.to_string()),
            Error::Conflict(why) => Self::conflict(why),
            Error::Changed => Self::new(StatusCode::PRECONDITION_FAILED).detail(error.to_string()),
            Error::Beyond(why) => Self::new(StatusCode::FORBIDDEN).detail(why).kind("right", "Not allowed"),
            Error::NotAllowed(_) => {
                Self::new(StatusCode::FORBIDDEN).detail(error.to_string()).kind("right", "Not allowed")
            }
            Error::Parameter(ref fault) => Self::bad_request(error.to_string()).error(&fault.at, &fault.what),
            Error::Invalid { summary, faults } => invalid(summary, faults),
            Error::Busy => Self::unavailable().detail(error.to_string()),
            Error::Elsewhere(why) => {
                tracing::error!(%why, "something that is kept beside the database can't be had");
                Self::unavailable().detail(why)
            }
            Error::Store(error) if error.is_temporary() => {
                tracing::error!(%error, cause = std::error::Error::source(&error), "the store did not answer");
                Self::unavailable()
            }
            Error::Store(error) => Self::internal(error),
        }
    }
}

fn invalid(summary: String, faults: Vec<Fault>) -> Problem {
    let more = faults.len().saturating_sub(MAX_FAULTS);
    let summary = if more > 0 { format!("{summary} (and {more} more errors)") } else { summary };
    let problem = Problem::unprocessable(summary).kind("invalid", "The request can't be carried out");
    faults.into_iter().take(MAX_FAULTS).fold(problem, |problem, fault| problem.error(fault.at, fault.what))
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;

    use super::*;
    use crate::model::Right;

    #[test]
    fn every_error_has_its_status() {
        let fault = |at: &str| Fault { at: at.to_owned(), what: "is wrong".to_owned() };
        for (error, status) in [
            (Error::NotFound("device"), 404),
            (Error::Conflict("it is sent".to_owned()), 409),
            (Error::Parameter(fault("limit")), 400),
            (Error::invalid("/command", "is wrong"), 422),
            (Error::Beyond("they may more".to_owned()), 403),
            (Error::Busy, 503),
            (Error::Elsewhere("the folder is gone".to_owned()), 503),
            (Error::Changed, 412),
            (Error::NotAllowed(Right::Retire), 403),
        ] {
            assert_eq!(Problem::from(error).status_code().as_u16(), status);
        }
    }

    #[test]
    fn a_long_list_of_faults_is_cut_and_says_so() {
        let faults = (0..250).map(|place| Fault { at: format!("/{place}"), what: "is wrong".to_owned() }).collect();
        let problem = invalid("all are wrong".to_owned(), faults);
        assert_eq!(problem.errors().len(), MAX_FAULTS);
        assert!(problem.to_body().contains("(and 150 more errors)"));
    }
}
