//! A password in what is sent and answered.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Secret;

/// A secret in JSON: never in a log or in an error, not even one about its type.
#[derive(Clone)]
pub struct SecretText(Secret<String>);

impl SecretText {
    /// Takes a secret in.
    pub const fn new(secret: Secret<String>) -> Self {
        Self(secret)
    }

    /// The secret.
    pub const fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(Secret::new(text))),
            _ => Err(D::Error::custom("this must be text")),
        }
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_the_wrong_type_is_not_shown() {
        for wrong in ["1234567", r#"{"hunter2":1}"#, r#"["hunter2"]"#] {
            let error = serde_json::from_str::<SecretText>(wrong).unwrap_err().to_string();
            assert!(error.starts_with("this must be text"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains("1234567"), "{error}");
        }
        let secret: SecretText = serde_json::from_str(r#""hunter2""#).unwrap();
        assert_eq!((format!("{secret:?}").as_str(), secret.secret().expose().as_str()), ("SecretText(…)", "hunter2"));
    }
}
