//! The routes of the API as a table: which right each needs, and what it is in the API's document.
//!
//! Each noun has its rows beside its handlers. A request whose method and path have no row is refused before any
//! handler runs, so that a route that was forgotten here opens to nobody.

use actix_web::{
    Error, HttpMessage as _, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};

use utoipa::{IntoParams, ToSchema};

use super::{
    Caller,
    shape::{Content, Shape, listed, parameters},
};
use crate::{
    http::{observe::Note, problem::Problem},
    model::Right,
};

/// Where the API begins.
pub(super) const BASE: &str = "/api/v1";

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Below `/api/v1`, with `{names}` for what varies.
    pub path: &'static str,
    /// What whoever calls it must be allowed.
    pub right: Right,
    /// What it does, in a sentence without an end.
    pub summary: &'static str,
    /// What goes in and what comes out.
    pub(super) shape: Shape,
}

/// A route of which nobody has said yet what it answers. It can't stand in a table: [`Self::gives`] makes a [`Route`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft(Route);

impl Route {
    /// `GET`.
    pub(super) const fn get(path: &'static str, right: Right, summary: &'static str) -> Draft {
        Draft(Self { method: "GET", path, right, summary, shape: Shape::NONE })
    }

    /// `POST`.
    pub(super) const fn post(path: &'static str, right: Right, summary: &'static str) -> Draft {
        Draft(Self { method: "POST", path, right, summary, shape: Shape::NONE })
    }

    /// `DELETE`.
    pub(super) const fn delete(path: &'static str, right: Right, summary: &'static str) -> Draft {
        Draft(Self { method: "DELETE", path, right, summary, shape: Shape::NONE })
    }

    /// The same, and in some cases it answers this.
    pub(super) const fn or<T: ToSchema>(mut self, status: u16) -> Self {
        self.shape.other = Some((status, Content::of::<T>()));
        self
    }
}

impl Draft {
    /// With these parameters behind the question mark.
    pub(super) const fn query<Q: IntoParams>(mut self) -> Self {
        self.0.shape.query = Some(parameters::<Q>);
        self
    }

    /// With this body.
    pub(super) const fn body<T: ToSchema>(mut self) -> Self {
        self.0.shape.body = Some(Content::of::<T>());
        self
    }

    /// With a body of any JSON.
    pub(super) const fn body_of_json(mut self) -> Self {
        self.0.shape.body = Some(Content::AnyJson);
        self
    }

    /// With a body that is no JSON.
    pub(super) const fn body_of_bytes(mut self, media_type: &'static str) -> Self {
        self.0.shape.body = Some(Content::Bytes(media_type));
        self
    }

    /// It takes an `Idempotency-Key`.
    pub(super) const fn repeatable(mut self) -> Self {
        self.0.shape.repeatable = true;
        self
    }

    /// It answers with an `ETag`.
    pub(super) const fn versioned(mut self) -> Self {
        self.0.shape.versioned = true;
        self
    }

    /// It answers with an `ETag`, and takes an `If-Match`.
    pub(super) const fn guarded(mut self) -> Self {
        self.0.shape.versioned = true;
        self.0.shape.guarded = true;
        self
    }

    /// It takes an `If-Match`; there is nothing afterwards that could have an `ETag`.
    pub(super) const fn conditional(mut self) -> Self {
        self.0.shape.guarded = true;
        self
    }

    /// It answers this.
    pub(super) const fn gives<T: ToSchema>(self, status: u16) -> Route {
        self.answers(status, Content::of::<T>())
    }

    /// It answers a list of these.
    pub(super) const fn gives_all<T: ToSchema>(self, status: u16) -> Route {
        self.answers(status, Content::Json(listed::<T>))
    }

    /// It answers something that is no JSON.
    pub(super) const fn gives_bytes(self, media_type: &'static str) -> Route {
        self.answers(200, Content::Bytes(media_type))
    }

    const fn answers(self, status: u16, content: Content) -> Route {
        let mut route = self.0;
        route.shape.answer = Some((status, content));
        route
    }
}

/// Every route of the API.
pub fn all() -> impl Iterator<Item = &'static Route> {
    let nouns = [
        super::commands::ROUTES,
        super::devices::ROUTES,
        super::policies::ROUTES,
        super::sessions::ROUTES,
        super::enrollments::ROUTES,
        super::envelopes::ROUTES,
        super::push::ROUTES,
        super::enrollment_users::ROUTES,
        super::enrollment_tokens::ROUTES,
        super::enrollment_attempts::ROUTES,
        super::declared_devices::ROUTES,
        super::directory::ROUTES,
        super::operators::ROUTES,
        super::tokens::ROUTES,
        super::audit::ROUTES,
        super::actions::ROUTES,
        super::recovery_keys::ROUTES,
        super::csp::ROUTES,
        super::facts::ROUTES,
        super::provisioning::ROUTES,
        super::events::ROUTES,
        super::alerts::ROUTES,
        super::webhooks::ROUTES,
        super::certificates::ROUTES,
        super::settings::ROUTES,
        super::status::ROUTES,
    ];
    nouns.into_iter().flatten()
}

/// Lets a request pass whose caller has the right that the route needs.
pub(super) async fn authorize(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // The path as the router reads it: what it would decode is decoded here as well.
    let pattern = request.resource_map().match_pattern(request.match_info().as_str());
    let path = pattern.as_deref().and_then(|pattern| pattern.strip_prefix(BASE));
    let Some(path) = path.filter(|path| all().any(|route| route.path == *path)) else {
        return Ok(request.into_response(Problem::not_found().error_response()));
    };
    let Some(route) = all().find(|route| route.path == path && route.method == request.method().as_str()) else {
        let methods: Vec<&str> = all().filter(|route| route.path == path).map(|route| route.method).collect();
        let mut reply = Problem::new(StatusCode::METHOD_NOT_ALLOWED).error_response();
        if let Ok(allowed) = header::HeaderValue::from_str(&methods.join(", ")) {
            reply.headers_mut().insert(header::ALLOW, allowed);
        }
        return Ok(request.into_response(reply));
    };
    let may = request.extensions().get::<Caller>().is_some_and(|caller| caller.rights.contains(&route.right));
    if !may {
        Note::of(request.request()).reason("right");
        let problem = Problem::new(StatusCode::FORBIDDEN)
            .detail(format!("this needs the right '{}', which the token does not have", route.right))
            .kind("right", "Not allowed");
        return Ok(request.into_response(problem.error_response()));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}
