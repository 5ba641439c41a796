//! What a device was given when it enrolled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transom_protocol::session::{A1, AuthScheme, Nonce};
use zeroize::ZeroizeOnDrop;

/// Who a device is and how it proves it. Written with its secrets: into files for their owner alone.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceIdentity {
    /// `DevId` and the `LocURI` of its `Source`.
    pub device_id: String,
    /// `AAUTHNAME` of the client's credential.
    pub name: String,
    /// `AAUTHSECRET` of the client's credential.
    pub password: Password,
    /// The nonce of the provisioning document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// `AAUTHTYPE`.
    #[serde(default = "digest")]
    pub scheme: AuthScheme,
    /// `PROVIDER-ID`.
    #[serde(default = "transom")]
    pub provider_id: String,
    /// What the server proves, when it is asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerIdentity>,
    /// What it shows to TLS, once it enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<ClientCertificate>,
    /// What enrollment set below `DMClient/Provider/…`: `UPN`, `EntDMID`, `Poll/PollOnLogin`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provisioned: BTreeMap<String, String>,
}

/// A certificate of a device, and where the next one comes from.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its key, PKCS#8 in PEM.
    pub key: Password,
    /// The address of discovery for renewals.
    pub renew_at: String,
}

/// The credential that the server proves to the device.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerIdentity {
    /// `AAUTHNAME` of the server's credential.
    pub name: String,
    /// `AAUTHSECRET` of the server's credential.
    pub password: Password,
    /// The nonce of the provisioning document, which the server's first credential is made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
}

/// A password, a token or a key. Never printed.
#[derive(Clone, Deserialize, Serialize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Password(String);

impl DeviceIdentity {
    /// A device with a digest credential and nothing else.
    pub fn new(device_id: impl Into<String>, name: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            device_id: device_id.into(),
            name: name.into(),
            password: Password(password.into()),
            nonce: None,
            scheme: digest(),
            provider_id: transom(),
            server: None,
            certificate: None,
            provisioned: BTreeMap::new(),
        }
    }

    /// What a digest is made of.
    pub(super) fn a1(&self) -> A1 {
        A1::new(&self.name, &self.password.0)
    }

    /// `name:password`, for a basic credential.
    pub(super) fn plain(&self) -> String {
        format!("{}:{}", self.name, self.password.0)
    }
}

impl ServerIdentity {
    /// A name and a password.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: Password(password.into()), nonce: None }
    }

    /// What a digest is made of.
    pub(super) fn a1(&self) -> A1 {
        A1::new(&self.name, &self.password.0)
    }
}

impl Password {
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

fn digest() -> AuthScheme {
    AuthScheme::Md5
}

fn transom() -> String {
    "Transom".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_from_json_and_never_shows_its_password() {
        let json = r#"{"device_id":"B5B9","name":"dm-client","password":"Secr3t","nonce":"Tm9uY2U="}"#;
        let identity: DeviceIdentity = serde_json::from_str(json).unwrap();
        assert_eq!(identity.scheme, AuthScheme::Md5);
        assert_eq!(identity.nonce, Nonce::from_base64("Tm9uY2U="));
        assert!(!format!("{identity:?}").contains("Secr3t"));
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let json = r#"{"device_id":"B5B9","name":"n","password":"p","pasword":"q"}"#;
        let error = serde_json::from_str::<DeviceIdentity>(json).unwrap_err();
        assert!(error.to_string().contains("pasword"));
    }
}
