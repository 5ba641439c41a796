//! Who signed in, and whether they may enroll: claims of the ID token and, where they are missing there, of the user
//! information (OpenID Connect Core 1.0, 5.3).

use serde_json::Value;

use super::super::Denied;
use super::super::hearing::{EMAIL, is_unverified};
use crate::config;
use crate::pki::token::holds;

/// Longest name of a user that is taken, in characters.
const LONGEST: usize = 256;

/// Which claims matter.
pub(super) struct UserRules {
    name: String,
    required: Option<(String, Option<String>)>,
}

impl UserRules {
    pub(super) fn new(settings: &config::OpenId) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let required = some(&settings.required_claim).map(|claim| (claim, some(&settings.required_value)));
        Self { name: settings.user_claim.clone(), required }
    }

    /// The claims that matter.
    pub(super) fn wanted(&self) -> Vec<&str> {
        let required = self.required.as_ref().map(|(claim, _)| claim.as_str());
        std::iter::once(self.name.as_str()).chain(required).collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(rules: &UserRules, claims: &Value) -> Result<String, &'static str> {
        rules.judge(&|name| claims.get(name)).map_err(|denied| denied.word())
    }

    fn rules(name: &str, required: Option<(&str, Option<&str>)>) -> UserRules {
        let required = required.map(|(claim, value)| (claim.to_owned(), value.map(str::to_owned)));
        UserRules { name: name.to_owned(), required }
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
