//! Whose session it is: the user whom a device names (MS-MDM 3.2.5.1.5; alert `com.microsoft/MDM/AADUserToken`).
//!
//! Reads the name in a token and believes nothing: a name counts as verified only where somebody who checked the token
//! says so. The token itself is never kept, shown or compared.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::{Deserialize, Serialize};

use super::hear::kind_of;
use crate::syncml::{AlertCode, Command, Message};

/// The name of a user, as a token or an operator gives it: a UPN such as `bob@contoso.com`, or an object id.
///
/// Two spellings that differ only in ASCII case name the same user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Principal(String);

/// The user of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// By the token's own word.
    pub name: Principal,
    /// Somebody checked the token. Otherwise it is the word of the device, which is enrolled, and no more.
    pub verified: bool,
    /// Where the token stands for, when somebody checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryUser>,
}

/// A user as the directory that issued the token keeps people apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryUser {
    /// The tenant.
    pub tenant: String,
    /// The user in it.
    pub object_id: String,
}

/// Longest token that is looked at, in bytes. Those of Entra have two or three thousand.
const MAX_TOKEN: usize = 16 * 1024;

impl Principal {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 320;

    /// A name, when the text can be one: not empty, not too long, and nothing in it that can't be seen.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_seen = |character: char| !character.is_control() && !character.is_whitespace();
        let fits = !text.is_empty() && text.len() <= Self::MAX_LEN && text.chars().all(is_seen);
        fits.then(|| Self(text.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for every spelling of the name.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Principal {}

impl TryFrom<String> for Principal {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("this is no name of a user")
    }
}

impl From<Principal> for String {
    fn from(name: Principal) -> Self {
        name.0
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The token in a message that says whose session it is, for who can verify it. Only the first one counts.
pub fn user_token(message: &Message) -> Option<&str> {
    let items = message.body.commands.iter().filter_map(|command| match command {
        Command::Alert(alert) if alert.code == Some(AlertCode::CLIENT_EVENT) => Some(&alert.items),
        _ => None,
    });
    let token = items.flatten().find(|item| kind_of(item).eq_ignore_ascii_case("com.microsoft/MDM/AADUserToken"))?;
    let text = token.text().trim();
    (!text.is_empty() && text.len() <= MAX_TOKEN).then_some(text)
}

/// The user that a token names, by its own word: `upn`, else `preferred_username`, `unique_name` or `oid`.
pub fn claimed_user(token: &str) -> Option<Principal> {
    #[derive(Deserialize)]
    struct Claims {
        upn: Option<String>,
        preferred_username: Option<String>,
        unique_name: Option<String>,
        oid: Option<String>,
    }
    let payload = token.split('.').nth(1)?;
    let json = BASE64URL.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    let names = [claims.upn, claims.preferred_username, claims.unique_name, claims.oid];
    names.into_iter().flatten().find_map(|name| Principal::parse(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL.encode(claims))
    }

    #[test]
    fn the_name_is_the_first_claim_that_is_one() {
        let name = |claims: &str| claimed_user(&token(claims)).map(String::from);
        assert_eq!(name(r#"{"oid":"1","upn":"bob@contoso.com"}"#).as_deref(), Some("bob@contoso.com"));
        assert_eq!(name(r#"{"upn":" ","unique_name":"eve@contoso.com"}"#).as_deref(), Some("eve@contoso.com"));
        assert_eq!(name(r#"{"oid":"7f3c"}"#).as_deref(), Some("7f3c"));
        for odd in [r#"{"upn":"a\u0000b"}"#, r#"{"upn":7}"#, "[]", "{}", "nonsense"] {
            assert_eq!(name(odd), None, "{odd}");
        }
        let long = format!(r#"{{"upn":"{}"}}"#, "a".repeat(Principal::MAX_LEN + 1));
        assert_eq!(name(&long), None);
        for odd in ["", ".", "a.b", "..", "a.%%%.c"] {
            assert_eq!(claimed_user(odd), None, "{odd}");
        }
    }

    #[test]
    fn spellings_of_a_name_are_one_user() {
        let (one, other) = (Principal::parse("Bob@Contoso.com").unwrap(), Principal::parse("bob@contoso.COM").unwrap());
        assert_eq!(one, other);
        assert_eq!(one.key(), other.key());
    }
}
