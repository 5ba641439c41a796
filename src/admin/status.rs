//! What this server is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Admin, Error};
use crate::model::{PublicCertificateState, Timestamp, from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option};
use crate::store::Tx;

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Since when it runs.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// For how long, in seconds.
    pub uptime_seconds: i64,
    /// Its clock.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// The certificate that an ACME server issues, where one is ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_certificate: Option<PublicCertificate>,
}

/// How the certificate for the public name stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicCertificate {
    /// Whether the device door shows it; otherwise it shows the one of its files.
    pub shown: bool,
    /// When it ends.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// Why the last try to get one came to nothing.
    pub problem: Option<String>,
    /// When that was.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub problem_at: Option<Timestamp>,
    /// How often in a row that was so.
    pub failures: u32,
    /// Not tried again before.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub again_at: Option<Timestamp>,
}

impl PublicCertificate {
    fn of(state: PublicCertificateState, now: Timestamp) -> Self {
        Self {
            shown: state.ends_at.is_some_and(|ends| ends > now),
            ends_at: state.ends_at,
            problem: state.problem,
            problem_at: state.problem_at,
            failures: state.failures,
            again_at: state.again_at,
        }
    }
}

impl Admin {
    /// What this server is; it runs since `started_at`.
    pub async fn status(&self, started_at: Timestamp, now: Timestamp) -> Result<Status, Error> {
        let public_certificate = if self.orders_certificates {
            Some(self.store.read(|tx: &mut Tx<'_>| tx.public_certificate()).await?)
        } else {
            None
        };
        Ok(Status {
            public_certificate: public_certificate.map(|state| PublicCertificate::of(state, now)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: self.store.engine().to_owned(),
            started_at,
            uptime_seconds: now.millis_since(started_at).max(0) / 1000,
            now,
        })
    }
}
