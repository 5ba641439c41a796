//! The token that WNS wants with every push: asked for in one of two forms.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use zeroize::Zeroizing;

/// How a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenForm {
    /// `login.live.com`, with a package SID and its secret: documented for device management, closed to identities that
    /// are new.
    Live,
    /// Entra, with an application and its secret (OAuth 2.0 client credentials).
    Entra,
}

/// A request for a token.
#[derive(Clone)]
pub struct TokenRequest {
    /// In which form.
    pub form: TokenForm,
    /// Package SID, or id of the application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Zeroizing<String>,
}

/// What the token endpoint answers when it gives one.
#[derive(Clone, Deserialize)]
pub struct TokenAnswer {
    /// The token.
    #[serde(deserialize_with = "secret")]
    pub access_token: Zeroizing<String>,
    /// For how many seconds it is good. Some endpoints write it as text.
    #[serde(default, deserialize_with = "seconds")]
    pub expires_in: Option<u64>,
}

/// What the token endpoint answers when it gives none (RFC 6749 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct TokenProblem {
    /// Its word.
    #[serde(default)]
    pub error: String,
    /// Its sentence.
    #[serde(default)]
    pub error_description: String,
}

impl TokenForm {
    /// The word in the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Entra => "entra",
        }
    }

    /// What the token is for.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Live => "notify.windows.com",
            Self::Entra => "https://wns.windows.com/.default",
        }
    }
}

impl TokenRequest {
    /// The form that is posted, as `application/x-www-form-urlencoded`.
    pub fn body(&self) -> Zeroizing<String> {
        let mut body = Zeroizing::new(String::new());
        for (name, value) in self.fields() {
            let separator = if body.is_empty() { "" } else { "&" };
            for part in [separator, name, "="].into_iter().chain(utf8_percent_encode(&value, NON_ALPHANUMERIC)) {
                body.push_str(part);
            }
        }
        body
    }

    fn fields(&self) -> [(&'static str, Zeroizing<String>); 4] {
        let client_id = match self.form {
            // The bare SID is `invalid_client`.
            TokenForm::Live if !self.client_id.starts_with("ms-app://") => format!("ms-app://{}", self.client_id),
            _ => self.client_id.clone(),
        };
        [
            ("grant_type", Zeroizing::new("client_credentials".to_owned())),
            ("client_id", Zeroizing::new(client_id)),
            ("client_secret", self.client_secret.clone()),
            ("scope", Zeroizing::new(self.form.scope().to_owned())),
        ]
    }
}

impl TokenAnswer {
    /// For how many seconds it is used: until shortly before it ends. An endpoint that does not say how long gives one
    /// for an hour.
    pub fn usable_seconds(&self) -> u64 {
        let whole = self.expires_in.unwrap_or(3600).min(7 * 24 * 3600);
        whole.saturating_sub((whole / 10).clamp(1, 300))
    }

    /// Whether it can stand in a header.
    pub fn is_usable(&self) -> bool {
        let token = self.access_token.as_bytes();
        (1..=16 * 1024).contains(&token.len()) && token.iter().all(u8::is_ascii_graphic)
    }
}

impl TokenProblem {
    /// The problem in one bounded line, without what a terminal would obey.
    pub fn told(&self) -> String {
        let line = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).take(300).collect() };
        match (line(&self.error), line(&self.error_description)) {
            (word, text) if text.is_empty() => word,
            (word, text) if word.is_empty() => text,
            (word, text) => format!("{word}: {text}"),
        }
    }
}

impl std::fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("form", &self.form).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    Ok(match Option::<Written>::deserialize(deserializer)? {
        None => None,
        Some(Written::Number(number)) => Some(number),
        Some(Written::Text(text)) => text.trim().parse().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(form: TokenForm, client_id: &str) -> TokenRequest {
        let client_secret = Zeroizing::new("hunter2".to_owned());
        TokenRequest { form, client_id: client_id.to_owned(), client_secret }
    }

    fn field(request: &TokenRequest, name: &str) -> String {
        let fields = request.fields();
        fields.iter().find(|(known, _)| *known == name).unwrap().1.to_string()
    }

    #[test]
    fn the_two_forms_ask_in_their_own_words() {
        for sid in ["S-1-15-2-1", "ms-app://S-1-15-2-1"] {
            let live = request(TokenForm::Live, sid);
            assert_eq!(field(&live, "client_id"), "ms-app://S-1-15-2-1");
            assert_eq!(field(&live, "scope"), "notify.windows.com");
            assert_eq!(field(&live, "grant_type"), "client_credentials");
        }
        let entra = request(TokenForm::Entra, "0000-1111");
        assert_eq!(field(&entra, "client_id"), "0000-1111");
        assert_eq!(field(&entra, "scope"), "https://wns.windows.com/.default");
        assert_eq!(field(&entra, "client_secret"), "hunter2");
        assert!(!format!("{entra:?}").contains("hunter2"));
        let body = request(TokenForm::Live, "S-1-15-2-1").body();
        assert_eq!(
            body.as_str(),
            "grant_type=client%5Fcredentials&client_id=ms%2Dapp%3A%2F%2FS%2D1%2D15%2D2%2D1&client_secret=hunter2\
             &scope=notify%2Ewindows%2Ecom"
        );
    }

    #[test]
    fn a_token_is_used_until_shortly_before_its_end() {
        let read = |json: &str| serde_json::from_str::<TokenAnswer>(json).unwrap();
        assert_eq!(read(r#"{"access_token":"a","expires_in":86400}"#).usable_seconds(), 86_100);
        assert_eq!(read(r#"{"access_token":"a","expires_in":"3599"}"#).usable_seconds(), 3299);
        assert_eq!(read(r#"{"access_token":"a","expires_in":60}"#).usable_seconds(), 54);
        assert_eq!(read(r#"{"access_token":"a"}"#).usable_seconds(), 3300);
        assert_eq!(read(r#"{"access_token":"a","expires_in":0}"#).usable_seconds(), 0);
        assert!(!format!("{:?}", read(r#"{"access_token":"hunter2"}"#)).contains("hunter2"));
        assert!(read(r#"{"access_token":"EgAaAQMAAAAE"}"#).is_usable());
        assert!(!read(r#"{"access_token":"a\r\nb"}"#).is_usable());
    }

    #[test]
    fn a_problem_is_told_in_one_line() {
        let problem = TokenProblem { error: "invalid_client".to_owned(), error_description: "No\r\nsuch".to_owned() };
        assert_eq!(problem.told(), "invalid_client: Nosuch");
        assert_eq!(TokenProblem::default().told(), "");
    }
}
