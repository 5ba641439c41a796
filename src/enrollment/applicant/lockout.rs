//! How often one may fail to prove who enrolls, by the settings.

use crate::config::EnrollmentLimits;
use crate::model::Patience;

/// With accounts.
pub(super) fn with_accounts(limits: &EnrollmentLimits) -> Patience {
    Patience {
        allowed: limits.attempts_per_account,
        forgive_every: limits.forgive_every,
        lockout: limits.lockout,
        max_lockout: limits.max_lockout,
    }
}

/// With addresses.
pub(super) fn with_addresses(limits: &EnrollmentLimits) -> Patience {
    Patience { allowed: limits.attempts_per_address, ..with_accounts(limits) }
}
