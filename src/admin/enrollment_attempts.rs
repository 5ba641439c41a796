//! Attempts to enroll: who was let in, who was refused, why, and what helps.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::device_filter;
use super::enrollment_tokens::user_filter;
use super::{Admin, Error, PageJson, Part};
use crate::enrollment::applicant::{Denied, FaultKind};
use crate::model::{
    AttemptFilter, AttemptOutcome, EnrollmentAttempt, EnrollmentStep, Timestamp, from_rfc3339, rfc3339,
};
use crate::store::Tx;

/// An attempt to enroll. What the device says of itself is only its word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentAttemptJson {
    /// Its id.
    pub id: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the last one like it was.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// How many like it there were: those of somebody who is locked are counted here.
    pub count: i64,
    /// From which address.
    pub peer: String,
    /// The user, by the word of the device.
    pub user: Option<String>,
    /// The device.
    pub device_id: Option<String>,
    /// The hash of its hardware, by which it can be declared.
    pub hardware_hash: Option<String>,
    /// Its name.
    pub device_name: Option<String>,
    /// `discover`, `sign_in`, `terms`, `policies`, `issue`, `renew` or `recover`.
    pub step: EnrollmentStep,
    /// `enrolled`, `renewed` or `refused`.
    pub outcome: AttemptOutcome,
    /// Word for why it was refused.
    pub reason: Option<String>,
    /// The same in a sentence.
    pub detail: Option<String>,
    /// What helps.
    pub remedy: Option<String>,
    /// Word for what the device was told.
    pub fault: Option<String>,
    /// The number that Windows shows for it.
    pub hresult: Option<String>,
    /// The enrollment that was made.
    pub enrollment_id: Option<String>,
    /// What the event log of the device shows with the fault.
    pub trace_id: String,
}

/// Which attempts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EnrollmentAttemptQuery {
    /// Only those of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only those of this device.
    #[serde(default, alias = "device", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only those with this trace id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Only those that ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Admin {
    /// Attempts to enroll, newest first.
    pub async fn enrollment_attempts(
        &self,
        query: EnrollmentAttemptQuery,
    ) -> Result<PageJson<EnrollmentAttemptJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let outcome = query.outcome.as_deref().map(|word| {
            AttemptOutcome::parse(word).ok_or_else(|| {
                let known: Vec<_> = AttemptOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
                Error::parameter("outcome", format!("'{word}' is no outcome; there are {}", known.join(", ")))
            })
        });
        let filter = AttemptFilter {
            user: user_filter(query.user.as_deref())?,
            device: device_filter(query.device_id.as_deref())?,
            trace_id: query.trace_id,
            outcome: outcome.transpose()?,
        };
        let job = move |tx: &mut Tx<'_>| tx.enrollment_attempts(&filter, cursor.as_ref(), limit);
        let page = self.store.read(job).await?;
        Ok(PageJson::of(page, EnrollmentAttemptJson::from))
    }
}

impl From<EnrollmentAttempt> for EnrollmentAttemptJson {
    fn from(attempt: EnrollmentAttempt) -> Self {
        let fault = attempt.fault.as_deref();
        let fault = fault.and_then(|word| FaultKind::ALL.iter().find(|kind| kind.as_str() == word));
        let remedy = attempt.reason.as_deref().and_then(Denied::remedy_of).or_else(|| fault.map(|kind| kind.remedy()));
        Self {
            id: attempt.id.to_string(),
            at: attempt.at,
            last_at: attempt.last_at,
            count: attempt.count,
            peer: attempt.peer,
            user: attempt.user,
            device_id: attempt.device.map(|device| device.to_string()),
            hardware_hash: attempt.hw_dev_id,
            device_name: attempt.device_name,
            step: attempt.step,
            outcome: attempt.outcome,
            reason: attempt.reason,
            detail: attempt.detail,
            remedy: remedy.map(str::to_owned),
            hresult: fault.map(|kind| format!("0x{:08X}", kind.hresult())),
            fault: attempt.fault,
            enrollment_id: attempt.enrollment.map(|enrollment| enrollment.to_string()),
            trace_id: attempt.trace_id,
        }
    }
}
