//! What types of the protocol look like as JSON, for the API's document: the protocol's crate knows of codecs only, and so
//! describes nothing.
//!
//! These are never made. A test of the API holds real answers against the document, so that they can't part ways.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A command, as an author writes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Command)]
#[expect(dead_code, clippy::use_self, reason = "described, never made; the derive wants the name")]
pub(super) struct Instruction {
    /// `get`, `add`, `replace`, `delete` or `exec`; `atomic` or `sequence` for a group.
    #[schema(example = "get")]
    kind: String,
    /// What it is about; of everything but a group.
    items: Option<Vec<Setting>>,
    /// What belongs to the group.
    #[schema(no_recursion)]
    commands: Option<Vec<Instruction>>,
    /// What an Add does where the node exists: `fail` or `replace`.
    if_exists: Option<String>,
}

/// A node of a device and its value.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Setting {
    /// The node's address.
    #[schema(example = "./DevDetail/SwV")]
    target: String,
    /// `chr`, `int`, `bool`, `b64`, `bin`, `node`, `null`, `xml`, `float`, `date` or `time`.
    format: Option<String>,
    /// MIME type of the value.
    r#type: Option<String>,
    /// The value; numbers and truth values stand for their text.
    data: Option<Value>,
}

/// Which values a node takes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Allowed {
    /// Of which kind the values are, and which there are.
    k: Value,
    /// What stands between the members of a list.
    l: Option<String>,
}

/// On which Windows a node is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Applicability {
    /// From which build on; of each branch that got it.
    r: Option<Vec<Value>>,
    /// Since which version of its CSP.
    c: Option<String>,
    /// In which editions, by their numbers; in all when there is none.
    e: Option<Vec<u32>>,
}

/// Since when a node is going away.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Deprecated {
    /// The build.
    since: Option<String>,
}

/// A node that two drops know differently.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Difference {
    /// Which.
    uri: String,
    /// What is different: `kind` is `added`, `removed` or `changed`, `what` names the properties that changed.
    change: Value,
}

/// One thing that is to be said of a proposal.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never made")]
pub(super) struct Finding {
    /// `error`, `warning` or `note`.
    level: String,
    /// Which rule it is of.
    rule: String,
    /// What, and what to do.
    what: String,
}
