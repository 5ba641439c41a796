//! Who looks at a page: a [`SignedIn`] person, as pages know them. Forms carry a token that only a page of theirs can know.

use std::fmt;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::Failure;
use crate::{
    admin::{Granter, rights},
    http::people::{Asks, NotSignedIn, SignedIn},
    http::problem::Problem,
    model::{Actor, Maker, OperatorId, Right},
    ui::Viewer,
};

/// Somebody who is signed in.
pub(super) struct Visitor {
    /// As pages know them.
    pub(super) viewer: Viewer,
    person: SignedIn,
}

impl Visitor {
    /// Who gives orders.
    pub(super) const fn actor(&self) -> &Actor {
        &self.person.actor
    }

    /// The same, who lets others in.
    pub(super) fn granter(&self) -> Granter {
        Granter {
            actor: self.person.actor.clone(),
            rights: self.viewer.rights.iter().copied().collect(),
            maker: Maker::Operator(self.person.operator.clone()),
        }
    }

    /// Whose own things they see.
    pub(super) const fn operator(&self) -> &OperatorId {
        &self.person.operator
    }

    /// Refuses who may not see or do something.
    pub(super) fn require(&self, right: Right) -> Result<(), Failure> {
        self.person.require(right).map_err(Failure::Problem)
    }

    /// Whether a form is from one of our pages, and its sender may do what it asks for.
    pub(super) fn verify(&self, csrf: &str, right: Right) -> Result<(), Failure> {
        self.person.verify(csrf).map_err(|_| Failure::forged())?;
        self.require(right)
    }
}

impl FromRequest for Visitor {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (person, is_part) = (SignedIn::from_request(request, payload), is_part(request));
        async move {
            let person = person.await.map_err(|why| refused(why, is_part))?;
            let (name, csrf) = (person.name.clone(), person.csrf.clone());
            let viewer = Viewer { name, csrf, rights: rights::allows(person.role) };
            Ok(Self { viewer, person })
        }
        .boxed_local()
    }
}

/// Somebody whose open page asks by itself: it keeps nobody signed in.
#[derive(Debug)]
pub(super) struct Onlooker;

impl FromRequest for Onlooker {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (person, is_part) = (SignedIn::of(request, Asks::Page), is_part(request));
        async move { person.await.map(|_| Self).map_err(|why| refused(why, is_part)) }.boxed_local()
    }
}

/// Whether a script asks for a part of a page that is open.
fn is_part(request: &HttpRequest) -> bool {
    request.headers().contains_key("hx-request")
}

fn refused(why: NotSignedIn, is_part: bool) -> Failure {
    match why {
        NotSignedIn::Page(_) | NotSignedIn::Other if is_part => Failure::Outlived,
        NotSignedIn::Page(back) => Failure::NotSignedIn(back),
        NotSignedIn::Other => Failure::NotSignedIn("/".to_owned()),
        NotSignedIn::Unavailable => Failure::Problem(Problem::unavailable()),
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("name", &self.viewer.name).finish_non_exhaustive()
    }
}
