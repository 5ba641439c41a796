//! Certificates of devices as the API and the command line list them.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::device_filter;
use super::{Admin, Error, PageJson, Part};
use crate::model::{
    CertificateFilter, CertificateRecord, CertificateState, DeviceId, RevocationReason, Timestamp, from_rfc3339,
    from_rfc3339_option, parse_rfc3339, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// Which certificates, and which part of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CertificateQuery {
    /// Only those of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only those in this state: `current`, `next`, `superseded` or `revoked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only those that end before this time (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_before: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A certificate that a device was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateJson {
    /// SHA-256 of it, in hexadecimal digits.
    pub fingerprint: String,
    /// Its number.
    pub serial: String,
    /// The device.
    pub device_id: String,
    /// The life of the device that it speaks for.
    pub enrollment_id: String,
    /// The authority that issued it.
    pub authority: String,
    /// Where it stands.
    pub state: CertificateState,
    /// Good from then on.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Timestamp,
    /// Good until then.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Timestamp,
    /// When it was issued.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When the device first spoke with it.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_used_at: Option<Timestamp>,
    /// When it stopped to count before its time.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<RevocationReason>,
}

impl Admin {
    /// Certificates of devices, the first to end first.
    pub async fn certificates(&self, query: CertificateQuery) -> Result<PageJson<CertificateJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let state = query.state.as_deref().map(|word| {
            CertificateState::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
                let known: Vec<_> = CertificateState::ALL.iter().map(|state| state.as_str()).collect();
                Error::parameter("state", format!("'{word}' is no state; there are {}", known.join(", ")))
            })
        });
        let ends_before = query.ends_before.as_deref().map(|text| {
            let what = "this is no time; write it like 2026-11-20T22:00:00Z";
            parse_rfc3339(text).ok_or_else(|| Error::parameter("ends_before", what))
        });
        let filter = CertificateFilter {
            device: device_filter(query.device_id.as_deref())?,
            state: state.transpose()?,
            ends_before: ends_before.transpose()?,
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.certificates(&filter, cursor.as_ref(), limit)).await;
        let page = page.map_err(Part::misplaced)?;
        Ok(PageJson::of(page, CertificateJson::from))
    }
}

impl From<(DeviceId, CertificateRecord)> for CertificateJson {
    fn from((device, record): (DeviceId, CertificateRecord)) -> Self {
        Self {
            fingerprint: record.certificate.fingerprint.to_string(),
            serial: record.certificate.serial.as_str().to_owned(),
            device_id: device.to_string(),
            enrollment_id: record.enrollment.to_string(),
            authority: record.certificate.authority,
            state: record.state,
            not_before: record.certificate.not_before,
            not_after: record.certificate.not_after,
            issued_at: record.issued_at,
            first_used_at: record.first_used_at,
            revoked_at: record.revoked_at,
            reason: record.reason,
        }
    }
}
