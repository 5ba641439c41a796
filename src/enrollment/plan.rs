//! What devices are told, from the settings: checked once, when the server starts.

use std::time::Duration;

use transom_protocol::enrollment::{HttpsUrl, Poll, PollSchedule, ProviderId, RenewSettings};

use crate::config::{self, Host, PollSet};
use crate::model::Signing;

/// The paths of the device door (MS-MDE2 1.3 fixes the first).
pub(super) const POLICIES: &str = "/EnrollmentServer/Policy.svc";
pub(super) const ENROLLMENT: &str = "/EnrollmentServer/Enrollment.svc";
pub(super) const AUTHENTICATION: &str = "/EnrollmentServer/Auth";
pub(super) const MANAGEMENT: &str = "/ManagementServer/Mdm.svc";

/// What devices are told.
#[derive(Debug, Clone)]
pub struct Plan {
    host: Host,
    url: Option<HttpsUrl>,
    pub(super) provider_id: ProviderId,
    pub(super) provider_name: Option<String>,
    pub(super) lifetime: Duration,
    pub(super) renew_before: Duration,
    pub(super) renew: RenewSettings,
    pub(super) grace: Duration,
    pub(super) poll: PollSchedule,
    pub(super) require_signing: bool,
}

/// A setting that devices can't be told.
#[derive(Debug, thiserror::Error)]
#[error("enrollment.{setting}: {what}")]
pub struct PlanError {
    setting: &'static str,
    what: String,
}

const DAY: u64 = 24 * 60 * 60;

impl Plan {
    /// From the settings.
    pub fn new(host: &Host, settings: &config::Enrollment) -> Result<Self, PlanError> {
        let wrong = |setting| move |what: String| PlanError { setting, what };
        let url = Some(settings.url.trim().trim_end_matches('/')).filter(|url| !url.is_empty());
        let url = url.map(HttpsUrl::parse).transpose().map_err(|error| wrong("url")(error.to_string()))?;
        let provider_id =
            ProviderId::parse(&settings.provider_id).map_err(|error| wrong("provider_id")(error.to_string()))?;
        let before = days(settings.renew_before).ok_or_else(|| wrong("renew_before")(WHOLE_DAYS.to_owned()))?;
        let retry = days(settings.renew_retry).ok_or_else(|| wrong("renew_retry")(WHOLE_DAYS.to_owned()))?;
        let renew =
            RenewSettings::new(before, retry, None).map_err(|error| wrong("renew_before")(error.to_string()))?;
        if settings.certificate_lifetime <= settings.renew_before {
            return Err(wrong("certificate_lifetime")("must be longer than renew_before".to_owned()));
        }
        let set = |set: PollSet| Poll::new(set.count, set.minutes);
        let poll = PollSchedule::new(
            set(settings.poll_first),
            set(settings.poll_second),
            set(settings.poll_remaining),
            settings.poll_on_login,
        );
        let name = settings.provider_name.trim();
        Ok(Self {
            host: host.clone(),
            url,
            provider_id,
            provider_name: (!name.is_empty()).then(|| name.to_owned()),
            lifetime: settings.certificate_lifetime,
            renew_before: settings.renew_before,
            renew,
            grace: settings.renew_grace,
            poll: poll.map_err(|error| wrong("poll_first")(error.to_string()))?,
            require_signing: false,
        })
    }

    /// The same, where devices are told from the beginning to sign their messages, or are not.
    #[must_use]
    pub fn with_signing(self, signing: Signing) -> Self {
        Self { require_signing: signing == Signing::Require, ..self }
    }

    /// The URL of a path, for devices that came in at this port.
    pub fn url(&self, path: &str, port: u16) -> Result<HttpsUrl, PlanError> {
        let base = match &self.url {
            Some(url) => url.as_str().to_owned(),
            None if port == 443 => format!("https://{}", self.host.in_url()),
            None => format!("https://{}:{port}", self.host.in_url()),
        };
        HttpsUrl::parse(&format!("{base}{path}")).map_err(|error| PlanError { setting: "url", what: error.to_string() })
    }
}

const WHOLE_DAYS: &str = "write whole days, from 1d to 1000d";

fn days(duration: Duration) -> Option<u16> {
    let seconds = duration.as_secs();
    let days = u16::try_from(seconds / DAY).ok()?;
    (seconds.is_multiple_of(DAY) && days > 0).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(change: impl FnOnce(&mut config::Enrollment)) -> Result<Plan, String> {
        let mut settings = config::Enrollment::default();
        change(&mut settings);
        Plan::new(&"mdm.example.test".parse().unwrap(), &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn urls_begin_with_what_is_configured_or_else_with_host_and_port() {
        let url = |plan: &Plan, port| plan.url(MANAGEMENT, port).unwrap().as_str().to_owned();
        let default = plan(|_| {}).unwrap();
        assert_eq!(url(&default, 8443), "https://mdm.example.test:8443/ManagementServer/Mdm.svc");
        assert_eq!(url(&default, 443), "https://mdm.example.test/ManagementServer/Mdm.svc");
        let behind = plan(|settings| settings.url = "https://outside.example.test/".to_owned()).unwrap();
        assert_eq!(url(&behind, 8443), "https://outside.example.test/ManagementServer/Mdm.svc");
    }

    #[test]
    fn what_windows_would_refuse_is_refused_by_name() {
        for (named, wrong) in [
            ("enrollment.url", plan(|settings| settings.url = "http://mdm.example.test".to_owned())),
            ("enrollment.provider_id", plan(|settings| settings.provider_id = "MS DM Server".to_owned())),
            ("enrollment.renew_before", plan(|settings| settings.renew_before = Duration::from_secs(DAY / 2))),
            ("enrollment.renew_before", plan(|settings| settings.renew_retry = Duration::from_secs(90 * DAY))),
            ("enrollment.certificate_lifetime", plan(|settings| settings.certificate_lifetime = settings.renew_before)),
            ("enrollment.poll_first", plan(|settings| settings.poll_first = PollSet { count: 0, minutes: 1 })),
        ] {
            let told = wrong.unwrap_err();
            assert!(told.starts_with(named), "{told}");
        }
    }
}
