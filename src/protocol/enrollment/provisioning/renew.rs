//! When a device asks for its next certificate (CSP `CertificateStore`, `My/WSTEP/Renew`).

use super::super::HttpsUrl;
use super::wap::{DataType, Wap};

/// When a device renews its certificate by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewSettings {
    before_days: u16,
    retry_days: u16,
    server: Option<HttpsUrl>,
}

/// Why two numbers are no such settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RenewRefused {
    /// Out of the range of the CSP.
    #[error("days of renewal go from 1 to 1000")]
    Range,
    /// A device that would try once and then be too late.
    #[error("the days between two tries can not be more than the days before the end")]
    Retry,
}

impl RenewSettings {
    /// How many days before its end the certificate is renewed, how many days lie between two tries, and where; the
    /// address of discovery when nothing is said.
    pub fn new(before_days: u16, retry_days: u16, server: Option<HttpsUrl>) -> Result<Self, RenewRefused> {
        if !(1..=1000).contains(&before_days) || !(1..=1000).contains(&retry_days) {
            return Err(RenewRefused::Range);
        }
        if retry_days > before_days {
            return Err(RenewRefused::Retry);
        }
        Ok(Self { before_days, retry_days, server })
    }

    pub(super) fn write(&self, wap: &mut Wap) {
        wap.characteristic("WSTEP", |wap| {
            wap.characteristic("Renew", |wap| {
                wap.typed("ROBOSupport", "true", DataType::Boolean);
                wap.typed("RenewPeriod", &self.before_days.to_string(), DataType::Integer);
                wap.typed("RetryInterval", &self.retry_days.to_string(), DataType::Integer);
                if let Some(server) = &self.server {
                    wap.typed("ServerURL", server.as_str(), DataType::Text);
                }
            });
        });
    }
}

impl Default for RenewSettings {
    /// 60 days before the end, every 4 days: within what Microsoft recommends.
    fn default() -> Self {
        Self { before_days: 60, retry_days: 4, server: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_within_the_range_of_the_csp() {
        assert!(RenewSettings::new(42, 7, None).is_ok());
        assert!(RenewSettings::new(1000, 1000, None).is_ok());
        for (before, retry, why) in [
            (0, 1, RenewRefused::Range),
            (1001, 1, RenewRefused::Range),
            (5, 0, RenewRefused::Range),
            (4, 5, RenewRefused::Retry),
        ] {
            assert_eq!(RenewSettings::new(before, retry, None), Err(why));
        }
    }
}
