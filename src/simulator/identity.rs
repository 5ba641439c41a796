//! What a device was given when it enrolled.

use std::sync::Arc;

use serde::Deserialize;
use transom_protocol::session::{A1, AuthScheme, Nonce};
use zeroize::ZeroizeOnDrop;

use crate::pki::{
    Error,
    device::{DeviceKeyPair, certificate_der, certificate_pem},
};

/// Who a device is and how it proves it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceIdentity {
    /// `DevId` and the `LocURI` of its `Source`.
    pub device_id: String,
    /// `AAUTHNAME` of the client's credential.
    pub name: String,
    /// `AAUTHSECRET` of the client's credential.
    pub password: Password,
    /// The nonce of the provisioning document.
    #[serde(default)]
    pub nonce: Option<Nonce>,
    /// `AAUTHTYPE`.
    #[serde(default = "digest")]
    pub scheme: AuthScheme,
    /// `PROVIDER-ID`.
    #[serde(default = "transom")]
    pub provider_id: String,
    /// What the server proves, when it is asked to.
    #[serde(default)]
    pub server: Option<ServerIdentity>,
    /// The certificate that it was given, with its key.
    #[serde(default)]
    pub certificate: Option<Holding>,
}

/// A certificate with its key: `certificate` and `key` in PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "HoldingText")]
pub struct Holding(Arc<(DeviceKeyPair, Vec<u8>)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldingText {
    certificate: String,
    key: Password,
}

/// The credential that the server proves to the device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerIdentity {
    /// `AAUTHNAME` of the server's credential.
    pub name: String,
    /// `AAUTHSECRET` of the server's credential.
    pub password: Password,
    /// The nonce of the provisioning document, which the server's first credential is made with.
    #[serde(default)]
    pub nonce: Option<Nonce>,
}

/// A password. Never printed.
#[derive(Clone, Deserialize, ZeroizeOnDrop)]
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

impl Holding {
    /// A key, and the certificate for it in DER.
    pub fn new(key: DeviceKeyPair, certificate: Vec<u8>) -> Self {
        Self(Arc::new((key, certificate)))
    }

    /// The key.
    pub fn key(&self) -> &DeviceKeyPair {
        &self.0.0
    }

    /// The certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.0.1
    }

    /// What a TLS client shows.
    pub(super) fn tls(&self) -> Result<native_tls::Identity, String> {
        let text = |error: Error| error.to_string();
        let (certificate, key) =
            (certificate_pem(self.certificate()).map_err(text)?, self.key().key_pem().map_err(text)?);
        native_tls::Identity::from_pkcs8(&certificate, &key).map_err(|error| error.to_string())
    }
}

impl TryFrom<HoldingText> for Holding {
    type Error = Error;

    fn try_from(text: HoldingText) -> Result<Self, Error> {
        Ok(Self::new(DeviceKeyPair::from_pem(text.key.0.as_bytes())?, certificate_der(text.certificate.as_bytes())?))
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
