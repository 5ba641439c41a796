//! Whether the server can do its work, part by part.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a part of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As it should be.
    Fine,
    /// It works, and will not for long.
    Warning,
    /// It does not work: nobody should be sent here.
    Failed,
}

/// A part, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PartHealth)]
pub struct Finding {
    /// Which part: `database`, `schema`, `authority`, `server_certificate`, `disk`, …
    pub part: String,
    /// How it is.
    pub condition: Condition,
    /// The same in words, for who runs the server.
    pub detail: String,
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Whether it can do its work.
    pub ready: bool,
    /// Each part.
    pub parts: Vec<Finding>,
}

impl Finding {
    /// Of a part.
    pub fn new(part: &str, condition: Condition, detail: impl Into<String>) -> Self {
        Self { part: part.to_owned(), condition, detail: detail.into() }
    }
}

impl Health {
    /// Of its parts: ready when none has failed.
    pub fn of(parts: Vec<Finding>) -> Self {
        Self { ready: parts.iter().all(|part| part.condition != Condition::Failed), parts }
    }

    /// Why it is not ready, in words.
    pub fn why_not(&self) -> Option<String> {
        let failed = self.parts.iter().filter(|part| part.condition == Condition::Failed);
        let told: Vec<String> = failed.map(|part| format!("{}: {}", part.part, part.detail)).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_fail_is_no_reason_to_send_devices_elsewhere() {
        let warned = Finding::new("disk", Condition::Warning, "little is free");
        let health = Health::of(vec![warned.clone()]);
        assert_eq!((health.ready, health.why_not()), (true, None));
        let failed = Finding::new("database", Condition::Failed, "it is full");
        let health = Health::of(vec![warned, failed]);
        assert_eq!((health.ready, health.why_not().as_deref()), (false, Some("database: it is full")));
    }
}
