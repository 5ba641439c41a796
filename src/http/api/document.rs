//! The API as `OpenAPI` 3.1 describes it, made of the table of routes and of the types that they take and give.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, openapi::path::Parameter};

use super::{
    route::{BASE, Route, all},
    shape::{Content, Schemas},
};
use crate::http::problem::{Problem, ProblemError};

/// What the API is, before its routes.
const ABOUT: &str = "What people and scripts ask of Transom. Every request carries a bearer token; what is wrong is \
    always answered with problem JSON (RFC 9457). Lists come in pages: hand in `next_cursor` as `cursor` for the next. \
    Unknown parameters and fields are refused by name. A request with an `Idempotency-Key` may be sent again and is \
    carried out once.";

/// The document.
pub fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut tags = BTreeSet::new();
    for route in all() {
        let (method, tag) = (route.method.to_lowercase(), tag(route));
        paths.entry(route.path).or_default().insert(method, operation(route, tag, &mut schemas));
        tags.insert(tag);
    }
    schemas.push(("Problem".to_owned(), Problem::schema()));
    schemas.push(("ProblemError".to_owned(), ProblemError::schema()));
    let schemas: BTreeMap<String, Value> = schemas.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Transom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [{"url": BASE}],
        "security": [{"token": []}],
        "tags": tags.into_iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems(),
            "parameters": {"IdempotencyKey": idempotency_key(), "IfMatch": if_match()},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token that `transom token create` or `POST /tokens` made. What its role and its \
                    scope allow is said at each route as `x-right`.",
            }},
        },
    });
    let known = document["components"]["schemas"].clone();
    unite(&mut document, &known);
    document
}

/// The first word of the path.
fn tag(route: &Route) -> &'static str {
    route.path.split('/').nth(1).unwrap_or_default()
}

fn operation(route: &Route, tag: &str, schemas: &mut Schemas) -> Value {
    let shape = &route.shape;
    let mut parameters: Vec<Value> = names(route.path).map(path_parameter).collect();
    parameters.extend(shape.query.map(|of| of()).unwrap_or_default().iter().map(query_parameter));
    if shape.repeatable {
        parameters.push(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
    }
    if shape.guarded {
        parameters.push(json!({"$ref": "#/components/parameters/IfMatch"}));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": format!("Needs the right `{}`.", route.right),
        "x-right": route.right.as_str(),
        "tags": [tag],
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = shape.body {
        operation["requestBody"] = json!({"required": true, "content": content(body, schemas)});
    }
    let mut responses = Map::new();
    for (status, given) in shape.answer.into_iter().chain(shape.other) {
        let mut response = json!({"description": meaning(status), "content": content(given, schemas)});
        if shape.versioned {
            response["headers"] = json!({"ETag": {
                "description": "The state of what is answered, to be sent back as `If-Match`.",
                "schema": {"type": "string"},
            }});
        }
        responses.insert(status.to_string(), response);
    }
    for status in refusals(route) {
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{status}")}));
    }
    operation["responses"] = responses.into();
    operation
}

/// `GET /devices/{id}/events` is `get_devices_by_id_events`.
fn operation_id(route: &Route) -> String {
    let steps = route.path.split('/').filter(|step| !step.is_empty());
    let words = steps.map(|step| match step.strip_prefix('{').and_then(|step| step.strip_suffix('}')) {
        Some(name) => format!("by_{name}"),
        None => step.replace('-', "_"),
    });
    std::iter::once(route.method.to_lowercase()).chain(words).collect::<Vec<_>>().join("_")
}

/// What varies in a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let what = match name {
        "id" => "Which one, by its id or its name.",
        "name" => "Which one, by its name.",
        "kind" => "Of which kind.",
        "value" => "The value that it was declared with.",
        "key" => "Which key.",
        "file" => "Which file.",
        _ => "Which one.",
    };
    json!({"name": name, "in": "path", "required": true, "description": what, "schema": {"type": "string"}})
}

/// What may be left out in a query is not `null` there.
fn query_parameter(parameter: &Parameter) -> Value {
    let mut parameter = json!(parameter);
    if let Some(Value::Array(types)) = parameter.pointer("/schema/type") {
        parameter["schema"]["type"] = types.iter().find(|name| *name != "null").cloned().unwrap_or_default();
    }
    parameter
}

fn content(content: Content, schemas: &mut Schemas) -> Value {
    match content {
        Content::Json(describe) => json!({"application/json": {"schema": describe(schemas)}}),
        Content::AnyJson => json!({"application/json": {"schema": {}}}),
        Content::Bytes(media_type) => json!({media_type: {"schema": {"type": "string", "format": "binary"}}}),
    }
}

/// Which refusals a route may answer with.
fn refusals(route: &Route) -> Vec<u16> {
    let mut statuses = vec![400, 401, 403, 500, 503];
    let (writes, shape) = (route.method != "GET", &route.shape);
    if writes || names(route.path).next().is_some() || shape.query.is_some() {
        statuses.push(404);
    }
    if writes {
        statuses.extend([409, 413, 415, 422]);
    }
    if shape.guarded {
        statuses.push(412);
    }
    statuses.sort_unstable();
    statuses
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done; this is how it is now.",
        201 => "Made.",
        400 => "What was sent can't be read.",
        401 => "No token, or one that is not good.",
        403 => "The token does not have the right that this needs.",
        404 => "There is no such thing.",
        409 => "The state of things stands in the way, or the key was used for another request.",
        412 => "It was changed by somebody else meanwhile.",
        413 => {
            "The body is larger than this takes: than `admin_door.body_limit`, or than the limit that the operation has of its own."
        }
        415 => "The body is not of the media type that this takes.",
        422 => "Understood, but it can't be carried out.",
        500 => "A defect; the log has more under the id in `instance`.",
        503 => "Not now; come back when `Retry-After` says.",
        _ => "An answer.",
    }
}

fn problems() -> Map<String, Value> {
    let statuses = [400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 503];
    let problem = |status: u16| {
        let content = json!({Problem::CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}});
        (status.to_string(), json!({"description": meaning(status), "content": content}))
    };
    statuses.into_iter().map(problem).collect()
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Made by the caller. The same request with the same key again is answered as before, and \
            changes nothing; another request with it is refused.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    })
}

fn if_match() -> Value {
    json!({
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` as it was seen: the change is refused where somebody else was faster.",
        "schema": {"type": "string", "pattern": "^(\\*|\"[0-9A-Za-z-]{1,64}\")$"},
    })
}

/// Makes one object of objects that `allOf` holds together. Left apart, one that takes no unknown fields would refuse
/// those of its neighbour.
fn unite(value: &mut Value, known: &Value) {
    match value {
        Value::Object(fields) => {
            for field in fields.values_mut() {
                unite(field, known);
            }
            let Some(parts) = fields.get("allOf").and_then(Value::as_array) else { return };
            let Some(united) = united(parts, known) else { return };
            fields.remove("allOf");
            for (name, part) in united {
                fields.entry(name).or_insert(part);
            }
        }
        Value::Array(items) => {
            for item in items {
                unite(item, known);
            }
        }
        _ => {}
    }
}

fn united(parts: &[Value], known: &Value) -> Option<Map<String, Value>> {
    let (mut properties, mut required, mut closed) = (Map::new(), Vec::new(), false);
    for part in parts {
        let part = match part["$ref"].as_str() {
            Some(reference) => &known[reference.rsplit('/').next()?],
            None => part,
        };
        let mut part = part.clone();
        unite(&mut part, known);
        properties.extend(part.get("properties")?.as_object()?.clone());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
        closed |= part["additionalProperties"] == json!(false);
    }
    let mut united =
        Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), properties.into())]);
    if !required.is_empty() {
        united.insert("required".to_owned(), required.into());
    }
    if closed {
        united.insert("additionalProperties".to_owned(), json!(false));
    }
    Some(united)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_describes_each_route_and_no_other() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                described.insert((method.to_uppercase(), path.clone()));
                assert!(operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')));
                assert!(!operation["summary"].as_str().unwrap().is_empty() && operation["x-right"].is_string());
            }
        }
        let routes: BTreeSet<_> = all().map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
        assert_eq!(described, routes);
    }

    /// Whoever reads the repository reads what the code says. `BLESS=1` writes it anew.
    #[test]
    fn the_document_in_the_repository_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/openapi.json");
        let text = format!("{:#}\n", document());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == text, "schema/openapi.json differs from the code: run BLESS=1 cargo test");
    }

    #[test]
    fn each_operation_has_an_id_of_its_own() {
        let ids: BTreeSet<_> = all().map(operation_id).collect();
        assert_eq!(ids.len(), all().count());
    }

    /// Two types of one name would be described as one of them.
    #[test]
    fn a_name_stands_for_one_type() {
        let (mut schemas, mut seen) = (Schemas::new(), BTreeMap::new());
        for route in all() {
            operation(route, "", &mut schemas);
        }
        for (name, schema) in schemas {
            let schema = json!(schema);
            assert_eq!(*seen.entry(name.clone()).or_insert_with(|| schema.clone()), schema, "{name}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            if let Some(reference) = value["$ref"].as_str() {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            let below: Vec<&Value> = match value {
                Value::Object(fields) => fields.values().collect(),
                Value::Array(items) => items.iter().collect(),
                _ => Vec::new(),
            };
            for value in below {
                walk(value, document);
            }
        }
        let document = document();
        walk(&document, &document);
    }
}
