//! What pages answer with: HTML, and refusals as pages.

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use askama::Template;

use crate::{
    admin,
    http::{observe::Note, problem::Problem},
    ui::{Frame, html, problem::ProblemPage, texts},
};

/// What a handler gives.
pub(super) type Reply = Result<HttpResponse, Failure>;

/// Why there is no page, to be shown as one.
#[derive(Debug)]
pub(super) enum Failure {
    /// A problem.
    Problem(Problem),
    /// Somebody has to sign in first, and then comes back here.
    NotSignedIn(String),
    /// Somebody's session is over, and a script asks for a part of their page: the page is to be loaded anew, which leads
    /// to signing in and back to it.
    Outlived,
}

/// A page as a reply.
pub(super) fn page(page: &impl Template) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html(page))
}

/// To another page.
pub(super) fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, address)).finish()
}

impl Failure {
    /// A form that can't be read.
    pub(super) fn form(error: &impl std::fmt::Display) -> Self {
        Self::Problem(Problem::bad_request(format!("the form can't be read: {error}")))
    }

    /// A query that can't be read.
    pub(super) fn query(error: &impl std::fmt::Display) -> Self {
        Self::Problem(Problem::bad_request(format!("the address can't be read: {error}")))
    }

    /// A form that is not from a page of ours.
    pub(super) fn forged() -> Self {
        let why = "this form was not sent from a page of this server, or the page was too old; go back and try again";
        Self::Problem(Problem::new(StatusCode::FORBIDDEN).detail(why))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::NotSignedIn(_) | Self::Outlived => f.write_str("not signed in"),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => problem.status_code(),
            Self::NotSignedIn(_) => StatusCode::SEE_OTHER,
            Self::Outlived => StatusCode::UNAUTHORIZED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::NotSignedIn(next) => see_other(&format!("/sign-in?next={}", crate::ui::text::part(next))),
            Self::Outlived => HttpResponse::Unauthorized().insert_header(("HX-Refresh", "true")).finish(),
            Self::Problem(problem) => shown(problem, ""),
        }
    }
}

impl From<admin::Error> for Failure {
    fn from(error: admin::Error) -> Self {
        Self::Problem(error.into())
    }
}

fn shown(problem: &Problem, request: &str) -> HttpResponse {
    let status = problem.status_code();
    let title = match status.as_u16() {
        404 => texts::everywhere::NO_SUCH_PAGE,
        403 => texts::everywhere::NOT_ALLOWED,
        409 => texts::everywhere::NOT_NOW,
        503 => texts::everywhere::BUSY,
        500.. => texts::everywhere::OUR_FAULT,
        _ => texts::everywhere::NOT_POSSIBLE,
    };
    let page = ProblemPage {
        frame: Frame::for_anybody(title),
        status: status.as_u16(),
        title,
        detail: problem.what(),
        request,
    };
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html(&page))
}

/// What no page is at.
pub(super) async fn nothing_here(request: HttpRequest) -> HttpResponse {
    shown(&Problem::not_found(), Note::of(&request).id())
}

/// Counts pages under a name of their own; what each says to a browser is [`guard`](crate::http::people::guard)'s.
pub(super) async fn named(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    Note::of(request.request()).route("page");
    next.call(request).await
}
