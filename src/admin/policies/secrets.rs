//! Values of secret assets: taken, never given back. Who may write what refers to a secret may set it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::admin::{Admin, Error, SecretText};
use crate::model::{Actor, AuditRecord, PolicySecret, Secret, Timestamp, from_rfc3339, rfc3339};
use crate::policy::declaration::{Identifier, Kind, Payload, read_json};
use crate::store::Tx;

/// Most secrets that have a value.
const MOST: usize = 1_000;

/// Longest value, in bytes.
const LONGEST: usize = 256 * 1024;

/// A secret asset that has a value, without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicySecretJson {
    /// The asset.
    pub name: String,
    /// Counts its values.
    pub version: i64,
    /// When it got this one.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub set_at: Timestamp,
    /// Of whom.
    pub set_by: String,
    /// Whether a secret asset of this name is published.
    pub declared: bool,
}

/// Which secrets have a value, and which wait for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicySecretsJson {
    /// Those that have one, by name.
    pub items: Vec<PolicySecretJson>,
    /// Secret assets that are published and have none: what needs them is unresolved.
    pub missing: Vec<String>,
}

/// A value for a secret asset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPolicySecret {
    /// The value: text, or base64 where a node takes bytes.
    #[schema(value_type = String)]
    pub value: SecretText,
}

impl Admin {
    /// Which secrets have a value.
    pub async fn policy_secrets(&self) -> Result<PolicySecretsJson, Error> {
        let job = move |tx: &mut Tx<'_>| {
            let declared = declared(tx)?;
            let known = tx.policy_secrets(i64::try_from(MOST).unwrap_or(i64::MAX))?;
            let missing = declared.iter().filter(|name| known.iter().all(|known| known.name != **name));
            let missing = missing.cloned().collect();
            let items = known.into_iter().map(|secret| shown(secret, &declared)).collect();
            Ok::<_, Error>(PolicySecretsJson { items, missing })
        };
        self.store.read(job).await
    }

    /// Gives a secret asset a value. What uses it is sent again.
    pub async fn set_policy_secret(
        &self,
        name: &str,
        set: SetPolicySecret,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PolicySecretJson, Error> {
        let name = named(name)?;
        let value: Secret<String> = set.value.secret().clone();
        if let Some(what) = wrong(value.expose()) {
            return Err(Error::invalid("/value", what));
        }
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let declared = declared(tx)?;
            let known = tx.policy_secrets(i64::try_from(MOST).unwrap_or(i64::MAX))?;
            if known.len() >= MOST && known.iter().all(|known| known.name != name.as_str()) {
                return Err(Error::Conflict(format!("at most {MOST} secrets can have a value")));
            }
            let secret = tx.set_policy_secret(name.as_str(), &value, &by.name, now)?;
            tx.touch_policies(now)?;
            let record = AuditRecord::new("policy_secret.set", "policy", name.as_str());
            tx.audit(&by, record.after(json!({"version": secret.version})), now);
            Ok(shown(secret, &declared))
        };
        self.store.write(job).await
    }

    /// Takes the value of a secret asset away. What needs it is unresolved from now on.
    pub async fn remove_policy_secret(
        &self,
        name: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<PolicySecretsJson, Error> {
        let name = named(name)?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            if !tx.remove_policy_secret(name.as_str(), &by.name, now)? {
                return Err(Error::NotFound("secret"));
            }
            tx.touch_policies(now)?;
            tx.audit(&by, AuditRecord::new("policy_secret.remove", "policy", name.as_str()), now);
            Ok(())
        };
        self.store.write(job).await?;
        self.policy_secrets().await
    }
}

fn named(name: &str) -> Result<Identifier, Error> {
    Identifier::parse(name).map_err(|error| Error::parameter("name", error.to_string()))
}

/// What is wrong with a value, without any of it.
fn wrong(value: &str) -> Option<String> {
    let is_odd = |letter: char| letter.is_control() && !matches!(letter, '\t' | '\n' | '\r');
    if value.is_empty() || value.len() > LONGEST {
        return Some(format!("a value has 1 to {LONGEST} bytes"));
    }
    value.chars().any(is_odd).then(|| "a value is text: write bytes in base64".to_owned())
}

/// The secret assets that are published.
fn declared(tx: &mut Tx<'_>) -> Result<Vec<String>, Error> {
    let policies = tx.policies(None)?;
    let assets = policies.into_iter().filter(|policy| policy.kind == Kind::Asset.as_str());
    let tokens: Vec<String> = assets.map(|policy| policy.token).collect();
    let mut names: Vec<String> = Vec::new();
    for content in tx.policy_contents(&tokens)?.into_values() {
        let json = serde_json::from_str(&content).unwrap_or_default();
        let secret =
            read_json(&json).documents.into_iter().map(|document| document.declaration).filter(
                |declaration| matches!(&declaration.payload, Payload::Asset(asset) if asset.content.is_secret()),
            );
        names.extend(secret.map(|declaration| declaration.identifier.to_string()));
    }
    names.sort();
    Ok(names)
}

fn shown(secret: PolicySecret, declared: &[String]) -> PolicySecretJson {
    let declared = declared.contains(&secret.name);
    let PolicySecret { name, version, set_at, set_by } = secret;
    PolicySecretJson { name, version, set_at, set_by, declared }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_value_does_not_tell_it() {
        assert_eq!(wrong("pass\tword\r\n"), None);
        for value in [String::new(), "hunter2\0".to_owned(), "hunter2".repeat(LONGEST)] {
            assert!(wrong(&value).is_some_and(|what| !what.contains("hunter2")));
        }
    }
}
