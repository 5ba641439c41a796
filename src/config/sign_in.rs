//! Sign-in at somebody else's: an OpenID Connect provider, Entra ID, an authority for bulk enrollment.
//!
//! All three are off until they are configured, and only what is configured is advertised to devices.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::values;
use crate::model::{Attribute, Secret};

/// Federated sign-in with an OpenID Connect provider (MS-MDE2 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OpenId {
    /// The provider's issuer, exactly as it calls itself; empty to offer no such sign-in.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// What proves it; empty for a public client.
    pub client_secret: SecretText,
    /// File that holds the same, relative to the data folder.
    pub client_secret_file: PathBuf,
    /// Where the provider sends people back to; empty for the callback of the device door.
    pub redirect_uri: String,
    /// What is asked for; `openid` is always.
    #[serde(with = "values::list")]
    pub scopes: Vec<String>,
    /// The claim that names the user.
    pub user_claim: String,
    /// A claim without which nobody may enroll; empty for none.
    pub required_claim: String,
    /// A value that this claim must have or contain.
    pub required_value: String,
    /// The claim that has the user's groups; empty to keep none.
    pub groups_claim: String,
    /// What else is kept of a user: names of attributes, with the claim behind `=` where that is called otherwise.
    #[serde(with = "values::list")]
    pub attributes: Vec<String>,
    /// PEM file of certificates that the provider's may come from, beside the system's roots; relative to the data folder.
    pub ca: PathBuf,
}

/// Entra ID: join and work account (MS-MDE2 3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Entra {
    /// Tenants whose users may enroll, by id; empty to take no token of Entra ID.
    #[serde(with = "values::list")]
    pub tenants: Vec<String>,
    /// What tokens for this server are made out to: the application's id URI, its client id, or both.
    #[serde(with = "values::list")]
    pub audiences: Vec<String>,
    /// Who signs; `{tenant}` stands for the tenant's id.
    #[serde(with = "values::list")]
    pub issuers: Vec<String>,
    /// The published keys: an https URL, or a file relative to the data folder.
    pub keys: String,
    /// PEM file of certificates that the keys' server may have, beside the system's roots; relative to the data folder.
    pub ca: PathBuf,
    /// Plain text of the terms of use, relative to the data folder; empty for none.
    pub terms: PathBuf,
    /// The claim that has the user's groups; empty to keep none.
    pub groups_claim: String,
    /// What else is kept of a user: names of attributes, with the claim behind `=` where that is called otherwise.
    #[serde(with = "values::list")]
    pub attributes: Vec<String>,
}

/// Sign-in with a certificate from a provisioning package (MS-MDE2 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateSignIn {
    /// PEM file of authorities whose certificates may enroll devices, relative to the data folder.
    pub issuers: PathBuf,
    /// Single certificates that may, by SHA-1 or SHA-256 thumbprint.
    #[serde(with = "values::list")]
    pub thumbprints: Vec<String>,
}

/// A secret among the settings. Neither `Display`, `Debug` nor anything that is written out shows it.
#[derive(Clone)]
pub struct SecretText(Secret<String>);

/// Entra ID's keys for every tenant of the public cloud.
const ENTRA_KEYS: &str = "https://login.microsoftonline.com/common/discovery/v2.0/keys";

impl OpenId {
    /// Whether it is offered.
    pub fn is_configured(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What is kept of a user, with the claims that say it; `None` where an attribute can't be one, or stands twice.
    pub fn attribute_claims(&self) -> Option<BTreeMap<Attribute, String>> {
        attribute_claims(&self.attributes)
    }
}

impl Entra {
    /// Whether tokens are taken.
    pub fn is_configured(&self) -> bool {
        !self.tenants.is_empty()
    }

    /// What is kept of a user, with the claims that say it; `None` where an attribute can't be one, or stands twice.
    pub fn attribute_claims(&self) -> Option<BTreeMap<Attribute, String>> {
        attribute_claims(&self.attributes)
    }
}

impl CertificateSignIn {
    /// Whether it is offered.
    pub fn is_configured(&self) -> bool {
        !self.issuers.as_os_str().is_empty() || !self.thumbprints.is_empty()
    }
}

fn attribute_claims(all: &[String]) -> Option<BTreeMap<Attribute, String>> {
    let mut claims = BTreeMap::new();
    for written in all {
        let (name, claim) = written.split_once('=').unwrap_or((written, written));
        let (attribute, claim) = (Attribute::parse(name.trim())?, claim.trim());
        if claim.is_empty() || claims.insert(attribute, claim.to_owned()).is_some() {
            return None;
        }
    }
    Some(claims)
}

impl Default for OpenId {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: SecretText::default(),
            client_secret_file: PathBuf::new(),
            redirect_uri: String::new(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
            user_claim: "preferred_username".to_owned(),
            required_claim: String::new(),
            required_value: String::new(),
            groups_claim: "groups".to_owned(),
            attributes: ["display_name=name", "given_name", "family_name", "email", "department"]
                .map(str::to_owned)
                .into(),
            ca: PathBuf::new(),
        }
    }
}

impl Default for Entra {
    fn default() -> Self {
        let issuers = ["https://sts.windows.net/{tenant}/", "https://login.microsoftonline.com/{tenant}/v2.0"];
        Self {
            tenants: Vec::new(),
            audiences: Vec::new(),
            issuers: issuers.map(str::to_owned).into(),
            keys: ENTRA_KEYS.to_owned(),
            ca: PathBuf::new(),
            terms: PathBuf::new(),
            groups_claim: "groups".to_owned(),
            attributes: ["display_name=name", "given_name", "family_name"].map(str::to_owned).into(),
        }
    }
}

impl SecretText {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }

    /// The secret, for the one place that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Default for SecretText {
    fn default() -> Self {
        Self(Secret::new(String::new()))
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { "…" })
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The default message of a wrong type would quote the value.
        let text = String::deserialize(deserializer).map_err(|_| serde::de::Error::custom("must be a text"))?;
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Settings, resolve};

    fn settings(text: &str, environment: &[(&str, &str)]) -> Settings {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        resolve(Some(("transom.toml".into(), text)), environment, &[]).unwrap()
    }

    #[test]
    fn nothing_is_configured_by_default() {
        let settings = Settings::default();
        assert!(!settings.openid.is_configured() && !settings.entra.is_configured());
        assert!(!settings.certificate_sign_in.is_configured());
    }

    #[test]
    fn lists_are_arrays_in_the_file_and_words_in_the_environment() {
        let read = settings("[entra]\ntenants = [\"a\", \"b\"]\naudiences = [\"c\"]", &[]);
        assert_eq!((read.entra.tenants, read.entra.audiences), (vec!["a".into(), "b".into()], vec!["c".to_owned()]));
        let read = settings("", &[("TRANSOM_OPENID_SCOPES", "openid, groups  email,")]);
        assert_eq!(read.openid.scopes, ["openid", "groups", "email"]);
    }

    #[test]
    fn the_client_secret_is_not_shown() {
        let read = settings("[openid]\nclient_secret = \"hunter2\"", &[]);
        assert_eq!(read.openid.client_secret.expose(), "hunter2");
        assert!(!format!("{read:?}").contains("hunter2"));
        assert!(!toml::to_string(&read).unwrap().contains("hunter2"));
        let error = resolve(Some(("f".into(), "[openid]\nclient_secret = [\"hunter2\"]")), [], &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
