//! `schema/policy.schema.json` says what the code reads. `BLESS=1` writes it anew.

use std::path::Path;

use serde_json::{Value, json};

use super::{Drift, Kind, read_json};
use crate::model::fact::catalogue;

fn schema() -> Value {
    // A number without quotes is taken as it is written.
    let text = |meaning: &str| json!({"type": ["string", "number"], "description": meaning});
    let identifier = json!({"type": ["string", "number"], "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"});
    let of = |kind: Kind, payload: Value| json!({"properties": {"type": {"const": kind.as_str()}, "payload": payload}, "required": ["type", "payload"]});
    let object = |properties: Value, required: Value| json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required});
    let facts: Vec<&str> = catalogue().iter().map(|fact| fact.name).collect();
    let formats = ["chr", "int", "bool", "b64", "bin", "node", "null", "xml", "float", "date", "time"];
    let scalar = json!({"type": ["string", "number", "boolean"]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A declaration of Transom",
        "description": "One document of a policy file; a YAML file may have several, a JSON file a list of them. What a \
                        setting takes is in the catalogue: transom csp show, transom policy check.",
        "type": "object",
        "required": ["type", "identifier", "payload"],
        "properties": {
            "type": {"enum": Kind::ALL.map(Kind::as_str)},
            "identifier": {"$ref": "#/$defs/identifier"},
            "token": text("Made by the server of the content; what is written here is passed over."),
            "payload": {"type": "object"},
        },
        "additionalProperties": false,
        "oneOf": [
            of(Kind::Configuration, object(json!({
                "description": text("What it is for."),
                "settings": {
                    "type": "object",
                    "description": "Addresses of nodes with their values.",
                    "propertyNames": {"pattern": "^\\./"},
                    "additionalProperties": {"$ref": "#/$defs/value"},
                },
                "overrides": {
                    "type": "object",
                    "description": "Settings on which the author insists though the check refuses them, with the reason.",
                    "propertyNames": {"pattern": "^\\./"},
                    "additionalProperties": {"type": ["string", "number"], "minLength": 1},
                },
                "drift": {
                    "enum": Drift::ALL.map(Drift::as_str),
                    "default": Drift::default().as_str(),
                    "description": "What is done where a device has something else by now: it gets what is wanted again \
                                    (repair, at most 3 times a day for each setting), or it is only told (report).",
                },
            }), json!(["settings"]))),
            of(Kind::Asset, json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "description": text("What it is for."),
                    "text": text("Its content."),
                    "base64": text("Its content, as base64."),
                    "file": text("A file beside this one that has its content."),
                    "secret": {"const": true, "description": "The server is given its value by itself."},
                },
                "oneOf": [
                    {"required": ["text"]}, {"required": ["base64"]}, {"required": ["file"]}, {"required": ["secret"]},
                ],
            })),
            of(Kind::Activation, object(json!({
                "description": text("What it is for."),
                "configurations": {"type": "array", "items": {"$ref": "#/$defs/identifier"}},
                "atomic": {"type": "boolean", "description": "All of their settings, or none."},
                "when": {
                    "type": ["string", "boolean"],
                    "description": "A condition on the facts of a device, such as os.build >= 19041; absent: all devices.",
                },
            }), json!(["configurations"]))),
            of(Kind::Management, object(json!({
                "organization": text("The organization that manages the devices."),
                "contact": text("Whom to ask."),
                "properties": {
                    "type": "array",
                    "description": "The facts that conditions and variables may use; absent: all.",
                    "items": {"type": "string", "examples": facts},
                },
            }), json!([]))),
        ],
        "$defs": {
            "identifier": identifier,
            "scalar": scalar,
            "value": {
                "description": "Format, delimiter and escaping are the catalogue's to say. ${os.build} stands for a fact of \
                                the device, ${asset.NAME} for an asset, $${ for ${.",
                "anyOf": [
                    {"$ref": "#/$defs/scalar"},
                    {"type": "array", "items": {"$ref": "#/$defs/scalar"}},
                    {
                        "type": "object",
                        "description": "A policy of an administrative template, with what it asks for.",
                        "properties": {"enabled": {"type": "boolean"}},
                        "required": ["enabled"],
                    },
                    object(json!({"disabled": {"type": "boolean"}}), json!(["disabled"])),
                    object(json!({"asset": {"$ref": "#/$defs/identifier"}}), json!(["asset"])),
                    object(json!({
                        "value": {"$ref": "#/$defs/scalar"},
                        "format": {"enum": formats, "description": "As SyncML has it."},
                        "type": text("MIME type."),
                    }), json!(["value"])),
                    {"type": "object", "description": "The node itself, which has no value.", "maxProperties": 0},
                ],
            },
        },
    })
}

#[test]
fn the_schema_of_policies_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/policy.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "schema/policy.schema.json differs from the code: run BLESS=1 cargo test");
}

/// The reader takes the fields that the schema has for each type, and no others.
#[test]
fn the_reader_knows_the_fields_of_the_schema() {
    let schema = schema();
    for each in schema["oneOf"].as_array().unwrap() {
        let kind = &each["properties"]["type"]["const"];
        for name in each["properties"]["payload"]["properties"].as_object().unwrap().keys() {
            let document = |name: &str| json!({"type": kind, "identifier": "a", "payload": {name: {"odd": []}}});
            let says = |name: &str| {
                let remarks = read_json(&document(name)).remarks;
                remarks.iter().any(|remark| remark.what.contains(&format!("has no {name:?}")))
            };
            assert!(!says(name), "{kind} has no {name}");
            assert!(says(&format!("{name}x")), "{kind} has {name}x");
        }
    }
}
