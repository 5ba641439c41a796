//! Who signed in, and whether they may enroll: claims of the ID token and, where they are missing there, of the user
//! information (OpenID Connect Core 1.0, 5.3).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::Denied;
use crate::{
    config,
    model::{Attribute, Heard, Line, MAX_GROUPS},
    pki::token::holds,
};

/// Longest name of a user that is taken, in characters.
const LONGEST: usize = 256;

/// The claim of a mail address, which has another one that says whether it was verified.
const EMAIL: &str = "email";

/// Which claims matter.
pub(super) struct UserRules {
    name: String,
    required: Option<(String, Option<String>)>,
    groups: Option<String>,
    attributes: BTreeMap<Attribute, String>,
}

impl UserRules {
    pub(super) fn new(settings: &config::OpenId) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let required = some(&settings.required_claim).map(|claim| (claim, some(&settings.required_value)));
        // What can't be one was refused with the settings.
        let attributes = settings.attribute_claims().unwrap_or_default();
        Self { name: settings.user_claim.clone(), required, groups: some(&settings.groups_claim), attributes }
    }

    /// The claims that matter.
    pub(super) fn wanted(&self) -> Vec<&str> {
        let required = self.required.as_ref().map(|(claim, _)| claim.as_str());
        std::iter::once(self.name.as_str()).chain(required).collect()
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

    /// What somebody is called who may enroll.
    pub(super) fn judge<'a>(&self, claim: &dyn Fn(&str) -> Option<&'a Value>) -> Result<String, Denied> {
        let name = name(&self.name, claim)?;
        if let Some((required, value)) = &self.required {
            let found = claim(required);
            let is_there = match value {
                Some(value) => holds(found, value),
                None => found.is_some_and(|found| !matches!(found, Value::Null | Value::Bool(false))),
            };
            if !is_there {
                return Err(Denied::NotAllowed(required.clone()));
            }
        }
        Ok(name)
    }
}

/// A name that can be shown, of a claim.
pub(super) fn name<'a>(claim: &str, of: &dyn Fn(&str) -> Option<&'a Value>) -> Result<String, Denied> {
    let nameless = || Denied::Nameless(claim.to_owned());
    let name = of(claim).and_then(Value::as_str).map(str::trim).ok_or_else(nameless)?;
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(nameless());
    }
    if claim == EMAIL && is_unverified(of) {
        return Err(nameless());
    }
    Ok(name.to_owned())
}

/// Whether nobody has checked an address: it may be anybody's.
fn is_unverified<'a>(of: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
    of("email_verified").is_some_and(|verified| *verified != Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(rules: &UserRules, claims: &Value) -> Result<String, &'static str> {
        rules.judge(&|name| claims.get(name)).map_err(|denied| denied.word())
    }

    fn rules(name: &str, required: Option<(&str, Option<&str>)>) -> UserRules {
        let required = required.map(|(claim, value)| (claim.to_owned(), value.map(str::to_owned)));
        UserRules { name: name.to_owned(), required, groups: None, attributes: BTreeMap::new() }
    }

    #[test]
    fn a_user_has_a_name_that_can_be_shown() {
        let by_name = rules("preferred_username", None);
        assert_eq!(
            judged(&by_name, &json!({ "preferred_username": " ada@contoso.test " })),
            Ok("ada@contoso.test".into())
        );
        for name in [json!(null), json!(""), json!(7), json!(["ada"]), json!("a\nb"), json!("x".repeat(257))] {
            assert_eq!(judged(&by_name, &json!({ "preferred_username": name })), Err("sign_in_nameless"));
        }
        assert_eq!(judged(&by_name, &json!({ "email": "ada@contoso.test" })), Err("sign_in_nameless"));
    }

    #[test]
    fn an_address_that_was_not_verified_is_no_name() {
        let by_address = rules("email", None);
        let address =
            |verified: Value| judged(&by_address, &json!({ "email": "a@b.test", "email_verified": verified }));
        assert!(address(json!(true)).is_ok() && judged(&by_address, &json!({ "email": "a@b.test" })).is_ok());
        assert!(address(json!(false)).is_err() && address(json!("true")).is_err());
    }

    #[test]
    fn what_is_said_of_a_user_is_kept_within_bounds() {
        let settings = config::OpenId {
            attributes: ["department=ou", "email", "custom_1=level"].map(str::to_owned).into(),
            ..config::OpenId::default()
        };
        let rules = UserRules::new(&settings);
        assert_eq!(rules.welcome(), ["groups", "level", "ou", "email"]);
        let heard = |claims: &Value| rules.heard(&|name| claims.get(name));
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
    }

    #[test]
    fn a_required_claim_has_to_be_there_with_its_value() {
        let grouped = rules("sub", Some(("groups", Some("enrollers"))));
        let with = |groups: Value| judged(&grouped, &json!({ "sub": "ada", "groups": groups }));
        assert!(with(json!("enrollers")).is_ok() && with(json!(["x", "enrollers"])).is_ok());
        for groups in [json!("Enrollers"), json!(["enrollers2"]), json!(null), json!({ "enrollers": true })] {
            assert_eq!(with(groups), Err("sign_in_not_allowed"));
        }
        let any = rules("sub", Some(("mdm", None)));
        assert!(judged(&any, &json!({ "sub": "ada", "mdm": 1 })).is_ok());
        assert!(judged(&any, &json!({ "sub": "ada", "mdm": false })).is_err());
        assert!(judged(&any, &json!({ "sub": "ada" })).is_err());
    }
}
