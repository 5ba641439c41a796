//! `transom enrollment import`: enrollments that were made elsewhere, with their credentials, for migrations.

use serde::Deserialize;
use transom_protocol::session::{A1, Account, AuthScheme, Credential, DeviceId, Nonce, Rotation, Secret32};

/// One enrollment of an import file.
///
/// `{"device_id": "…", "user": "…", "secret": "…", "nonce": "base64"}`, and optionally `name`, `scheme` (`md5`, `basic`)
/// and `server_user` with `server_secret` for devices that want the server's credential too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedEnrollment {
    /// `Source` of the device's messages, and its `./DevInfo/DevId`.
    pub device_id: String,
    /// Name that people know the device by.
    #[serde(default, alias = "device_name")]
    pub name: Option<String>,
    /// `AAUTHNAME` of `APPSRV`; the device id when it is missing.
    #[serde(default, alias = "username", alias = "digest_user")]
    user: Option<String>,
    /// `AAUTHSECRET` of `APPSRV`.
    #[serde(alias = "password", alias = "digest_secret")]
    secret: String,
    /// `AAUTHDATA` of `APPSRV`: the nonce that the device knows, in base64. Without it the device is challenged.
    #[serde(default)]
    nonce: Option<String>,
    /// `AAUTHTYPE` of `APPSRV`.
    #[serde(default = "md5")]
    scheme: AuthScheme,
    /// `AAUTHNAME` of `CLIENT`.
    #[serde(default)]
    server_user: Option<String>,
    /// `AAUTHSECRET` of `CLIENT`.
    #[serde(default)]
    server_secret: Option<String>,
}

/// Why an entry can't be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportFault {
    /// The id is empty, too long or has control characters.
    #[error("device_id is empty, longer than 255 bytes or has control characters")]
    DeviceId,
    /// The secret is empty.
    #[error("secret is empty")]
    Secret,
    /// The nonce is not base64.
    #[error("nonce is not base64 text")]
    Nonce,
    /// Only one of the two was given.
    #[error("server_user and server_secret go together")]
    ServerCredential,
}

const fn md5() -> AuthScheme {
    AuthScheme::Md5
}

impl ImportedEnrollment {
    /// The device and its credentials. `random` becomes the challenge key and, where none was given, the first nonce.
    pub fn into_account(self, random: &[u8; 48]) -> Result<(DeviceId, Option<String>, Account), ImportFault> {
        let device = DeviceId::parse(&self.device_id).ok_or(ImportFault::DeviceId)?;
        if self.secret.is_empty() {
            return Err(ImportFault::Secret);
        }
        let (key, nonce) = random.split_first_chunk::<32>().map_or(([0; 32], &random[..]), |(key, rest)| (*key, rest));
        let next_nonce = match self.nonce.as_deref() {
            Some(text) => Nonce::from_base64(text).ok_or(ImportFault::Nonce)?,
            None => Nonce::from_bytes(nonce),
        };
        let server = match (self.server_user, self.server_secret) {
            (Some(name), Some(secret)) => Some(Credential { a1: A1::new(&name, &secret), name }),
            (None, None) => None,
            _ => return Err(ImportFault::ServerCredential),
        };
        let user = self.user.unwrap_or_else(|| self.device_id.trim().to_owned());
        let account = Account {
            scheme: self.scheme,
            client: Credential { a1: A1::new(&user, &self.secret), name: user },
            server,
            next_nonce,
            previous_nonce: None,
            server_nonce: None,
            challenge_key: Secret32::new(key),
            accepted: 0,
            failures: 0,
            failed_session: None,
            recent_sessions: Vec::new(),
            proofs: None,
            rotation: Rotation::default(),
        };
        let name = self.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok((device, name, account))
    }
}

impl std::fmt::Debug for ImportedEnrollment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedEnrollment").field("device_id", &self.device_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ImportedEnrollment {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_entry_becomes_an_account() {
        let entry = read(r#"{"device_id":"D1","user":"Bruce2","secret":"OhBehave","nonce":"Tm9uY2U="}"#);
        let (device, _, account) = entry.into_account(&[7; 48]).unwrap();
        assert_eq!(device.as_str(), "D1");
        assert!(account.client.a1.verify(&account.next_nonce, "Zz6EivR3yeaaENcRN6lpAQ=="));
    }

    #[test]
    fn the_user_is_the_device_where_none_is_named() {
        let (_, _, account) = read(r#"{"device_id":"D1","secret":"s"}"#).into_account(&[7; 48]).unwrap();
        assert_eq!(account.client.name, "D1");
    }

    #[test]
    fn faults_are_told() {
        let fault = |json: &str| read(json).into_account(&[0; 48]).unwrap_err();
        assert_eq!(fault(r#"{"device_id":" ","secret":"s"}"#), ImportFault::DeviceId);
        assert_eq!(fault(r#"{"device_id":"D","secret":""}"#), ImportFault::Secret);
        assert_eq!(fault(r#"{"device_id":"D","secret":"s","nonce":"!"}"#), ImportFault::Nonce);
        assert_eq!(fault(r#"{"device_id":"D","secret":"s","server_user":"u"}"#), ImportFault::ServerCredential);
        assert!(serde_json::from_str::<ImportedEnrollment>(r#"{"device_id":"D","secret":"s","nonsense":1}"#).is_err());
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", read(r#"{"device_id":"D1","secret":"hunter2"}"#)).contains("hunter2"));
    }
}
