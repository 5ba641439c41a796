//! What is kept of whoever signs in, beside who they are: groups and attributes, as the claims say them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::{Attribute, Heard, Line, MAX_GROUPS};

/// The claim of a mail address, which has another one that says whether it was verified.
pub(super) const EMAIL: &str = "email";

/// Which claims are listened to.
pub(super) struct Hearing {
    groups: Option<String>,
    attributes: BTreeMap<Attribute, String>,
}

impl Hearing {
    /// By the settings: the claim of groups, empty for none, and those of attributes; what can't be one was refused with
    /// the settings.
    pub(super) fn new(groups: &str, attributes: Option<BTreeMap<Attribute, String>>) -> Self {
        let groups = (!groups.is_empty()).then(|| groups.to_owned());
        Self { groups, attributes: attributes.unwrap_or_default() }
    }

    /// The claims that are only good to know.
    pub(super) fn welcome(&self) -> Vec<&str> {
        self.groups.iter().chain(self.attributes.values()).map(String::as_str).collect()
    }

    /// What is kept of somebody: what can't be kept as it is, is passed over. No claim of groups, or one that is null, says
    /// nothing of them: providers leave it out for people with very many.
    pub(super) fn heard<'a>(&self, claim: &dyn Fn(&str) -> Option<&'a Value>) -> Heard {
        let groups = self.groups.as_deref().and_then(claim).and_then(|said| match said {
            Value::Array(all) => Some(all.iter().filter_map(Value::as_str).filter_map(Line::parse).collect()),
            Value::String(one) => Some(Line::parse(one).into_iter().collect()),
            _ => None,
        });
        let groups = groups.filter(|groups: &BTreeSet<Line>| {
            if groups.len() > MAX_GROUPS {
                tracing::warn!(groups = groups.len(), "somebody is in too many groups, none of which is kept");
            }
            groups.len() <= MAX_GROUPS
        });
        let line = |name: &str| match claim(name)? {
            Value::String(_) if name == EMAIL && is_unverified(claim) => None,
            Value::String(text) => Line::parse(text),
            Value::Number(number) => Line::parse(&number.to_string()),
            Value::Bool(truth) => Line::parse(&truth.to_string()),
            _ => None,
        };
        let attributes =
            self.attributes.iter().filter_map(|(attribute, claim)| Some((*attribute, line(claim)?))).collect();
        Heard { groups, attributes }
    }
}

/// Whether nobody has checked an address: it may be anybody's.
pub(super) fn is_unverified<'a>(of: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
    of("email_verified").is_some_and(|verified| *verified != Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config;

    #[test]
    fn what_is_said_of_a_user_is_kept_within_bounds() {
        let settings = config::OpenId {
            attributes: ["department=ou", "email", "custom_1=level"].map(str::to_owned).into(),
            ..config::OpenId::default()
        };
        let hearing = Hearing::new(&settings.groups_claim, settings.attribute_claims());
        assert_eq!(hearing.welcome(), ["groups", "level", "ou", "email"]);
        let heard = |claims: &Value| hearing.heard(&|name| claims.get(name));
        let of = |heard: &Heard| serde_json::to_value(heard).unwrap();
        let said = json!({ "groups": ["staff", " staff ", "a\nb", 7, ""], "ou": " Sales ", "email": "a@b.test", "level": 3,
            "phone": "not asked for" });
        let kept = json!({ "groups": ["staff"],
            "attributes": { "department": "Sales", "email": "a@b.test", "custom_1": "3" } });
        assert_eq!(of(&heard(&said)), kept);
        // Said is another thing than not said.
        assert_eq!(heard(&json!({ "groups": [] })).groups, Some(BTreeSet::new()));
        for silent in [json!({}), json!({ "groups": null }), json!({ "groups": { "a": 1 } })] {
            assert!(heard(&silent).is_silent(), "{silent}");
        }
        assert!(heard(&json!({ "email": "a@b.test", "email_verified": false, "ou": "x".repeat(257) })).is_silent());
        let many: Vec<String> = (0..=MAX_GROUPS).map(|number| format!("group-{number}")).collect();
        assert!(heard(&json!({ "groups": many })).is_silent(), "a part of them would be wrong");
        let deaf = Hearing::new("", Some(BTreeMap::new()));
        assert!(deaf.heard(&|name| said.get(name)).is_silent());
    }
}
