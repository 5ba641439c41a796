//! What goes into a route and what comes out, as the API's document needs it.

use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        path::{Parameter, ParameterIn},
        schema::{ArrayBuilder, Schema},
    },
};

/// Descriptions of types by their names.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// What goes into a route and what comes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// What may stand behind the question mark.
    pub(super) query: Option<fn() -> Vec<Parameter>>,
    /// What is sent.
    pub(super) body: Option<Content>,
    /// Whether it takes an `Idempotency-Key`.
    pub(super) repeatable: bool,
    /// Whether what it answers has an `ETag`.
    pub(super) versioned: bool,
    /// Whether it takes an `If-Match`.
    pub(super) guarded: bool,
    /// What it answers, with its status.
    pub(super) answer: Option<(u16, Content)>,
    /// What it answers in other cases that are good.
    pub(super) other: Option<(u16, Content)>,
}

/// A body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// JSON of a type.
    Json(fn(&mut Schemas) -> RefOr<Schema>),
    /// Any JSON.
    AnyJson,
    /// No JSON, of this media type.
    Bytes(&'static str),
}

impl Shape {
    /// Nothing in, nothing out.
    pub(super) const NONE: Self = Self {
        query: None,
        body: None,
        repeatable: false,
        versioned: false,
        guarded: false,
        answer: None,
        other: None,
    };
}

impl Content {
    /// JSON of a type.
    pub(super) const fn of<T: ToSchema>() -> Self {
        Self::Json(described::<T>)
    }
}

/// Adds a type and all that it is made of, and refers to it.
pub(super) fn described<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    let name = T::name().into_owned();
    schemas.push((name.clone(), <T as PartialSchema>::schema()));
    T::schemas(schemas);
    RefOr::Ref(Ref::from_schema_name(name))
}

/// The same for a list of them.
pub(super) fn listed<T: ToSchema>(schemas: &mut Schemas) -> RefOr<Schema> {
    RefOr::T(Schema::Array(ArrayBuilder::new().items(described::<T>(schemas)).build()))
}

/// The parameters of a query.
pub(super) fn parameters<Q: IntoParams>() -> Vec<Parameter> {
    Q::into_params(|| Some(ParameterIn::Query))
}
