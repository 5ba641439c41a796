//! Who is signed in, for the handlers of pages.

use std::fmt;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{Method, StatusCode, header},
    web::Data,
};
use futures_util::{FutureExt as _, future::LocalBoxFuture};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cookie;
use crate::{
    admin::{Admin, rights},
    http::{api, observe::Note, problem::Problem},
    model::{Actor, Operator, OperatorId, Right, Role, Secret},
};

/// What stands for itself in the value of a parameter.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'&').add(b'+').add(b'%').add(b'<').add(b'>');

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Their id.
    pub operator: OperatorId,
    /// Their name, as a person wrote it: escape it.
    pub name: String,
    /// What they are here for.
    pub role: Role,
    /// To be a hidden field `csrf` of every form.
    pub csrf: String,
    /// Who that is in the audit log.
    pub actor: Actor,
    /// The whole record.
    pub(super) record: Operator,
    /// What the browser showed.
    pub(super) secret: Secret<String>,
}

impl SignedIn {
    /// Whether they may do something.
    pub fn may(&self, right: Right) -> bool {
        rights::may(self.role, right)
    }

    /// Refuses what they may not do.
    pub fn require(&self, right: Right) -> Result<(), Problem> {
        if self.may(right) {
            return Ok(());
        }
        let detail = format!("this needs the right '{right}', which the role {} does not have", self.role);
        Err(Problem::new(StatusCode::FORBIDDEN).detail(detail).kind("right", "Not allowed"))
    }

    /// Refuses a form that does not come from a page of this session.
    pub fn verify(&self, csrf: &str) -> Result<(), Problem> {
        let (ours, theirs) = (self.csrf.as_bytes(), csrf.as_bytes());
        if ours.len() == theirs.len() && openssl::memcmp::eq(ours, theirs) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN).detail("this form is from another session; load the page again"))
    }
}

/// Nobody is signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// A page was asked for: sign in first, then come back here.
    Page(String),
    /// Something else.
    Other,
    /// Nobody can tell now.
    Unavailable,
}

impl fmt::Display for NotSignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody is signed in")
    }
}

impl ResponseError for NotSignedIn {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Page(path) => {
                let to = format!("/sign-in?next={}", utf8_percent_encode(path, VALUE));
                HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
            }
            Self::Other => Problem::new(StatusCode::UNAUTHORIZED).detail("sign in first").error_response(),
            Self::Unavailable => Problem::unavailable().error_response(),
        }
    }
}

/// Whether a request is a sign that its person is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Somebody asks.
    Person,
    /// A page that is open asks by itself.
    Page,
}

impl FromRequest for SignedIn {
    type Error = NotSignedIn;
    type Future = LocalBoxFuture<'static, Result<Self, NotSignedIn>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Self::of(request, Asks::Person)
    }
}

impl SignedIn {
    /// Who is signed in where a request comes from.
    pub fn of(request: &HttpRequest, asks: Asks) -> LocalBoxFuture<'static, Result<Self, NotSignedIn>> {
        let request = request.clone();
        async move {
            let nobody = || match *request.method() {
                Method::GET => {
                    NotSignedIn::Page(request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned())
                }
                _ => NotSignedIn::Other,
            };
            let secret = cookie::of(&request).ok_or_else(nobody)?;
            let admin = request.app_data::<Data<Admin>>().ok_or(NotSignedIn::Unavailable)?;
            let found = match asks {
                Asks::Person => admin.signed_in(&secret, api::now()).await,
                Asks::Page => admin.still_signed_in(&secret, api::now()).await,
            };
            let found = found.map_err(|error| {
                tracing::error!(%error, "a session could not be looked up");
                NotSignedIn::Unavailable
            })?;
            let (_, record) = found.ok_or_else(nobody)?;
            let csrf = cookie::csrf(&secret);
            let actor = actor(&request, record.name.as_str());
            Ok(Self {
                operator: record.id.clone(),
                name: record.name.to_string(),
                role: record.role,
                csrf,
                actor,
                record,
                secret,
            })
        }
        .boxed_local()
    }
}

/// Somebody of this name, who asks from where the request comes.
fn actor(request: &HttpRequest, name: &str) -> Actor {
    let note = Note::of(request);
    Actor::operator(name).asking(note.peer(), Some(note.id().to_owned()))
}
