//! Why somebody may not enroll: in words for an administrator, and as the fault that the device gets.

use transom_protocol::session::Timestamp;
use transom_protocol::soap::FaultKind;

use crate::enrollment::sign_in;
use crate::model::rfc3339_text;
use crate::store;

/// Why somebody may not enroll. The text is for administrators; a device gets [`Self::fault`] and no more.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The request shows nothing.
    #[error("the device showed neither a password nor anything else")]
    NoCredential,
    /// What it shows is not among what is configured.
    #[error("the device signs in by a way that is not configured: {0}")]
    NotOffered(&'static str),
    /// What stands where a user name belongs can't be one.
    #[error("what was typed as the user name can't be one")]
    NoUserName,
    /// There is no such account.
    #[error("there is no account of this name")]
    UnknownUser,
    /// The password is another.
    #[error("the password is wrong")]
    WrongPassword,
    /// The account is locked after failures.
    #[error("the account is locked until {}, after too many wrong passwords", rfc3339_text(*until))]
    AccountLocked {
        /// Until when.
        until: Timestamp,
    },
    /// The address is locked after failures.
    #[error("the address is locked until {}, after too many failed attempts from there", rfc3339_text(*until))]
    AddressLocked {
        /// Until when.
        until: Timestamp,
    },
    /// The account enrolls nothing.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The account was removed since.
    #[error("the account was removed while the device enrolled")]
    AccountGone,
    /// There is no such token.
    #[error("there is no such enrollment token")]
    UnknownToken,
    /// The token is for somebody else.
    #[error("the enrollment token belongs to another user")]
    TokenOfAnother,
    /// Its time has passed.
    #[error("the enrollment token has expired")]
    TokenExpired,
    /// It was taken back.
    #[error("the enrollment token was revoked")]
    TokenRevoked,
    /// It was used as often as it may be.
    #[error("the enrollment token is used up")]
    TokenSpent,
    /// The user has as many devices as allowed.
    #[error("the user has {has} devices, and {most} are allowed")]
    CapReached {
        /// How many there are.
        has: u32,
        /// How many may be.
        most: u32,
    },
    /// The request does not say which device it is.
    #[error("the device does not say its DeviceID, or one that can't be")]
    NoDeviceId,
    /// Windows is too old, too new, or of no known version.
    #[error("Windows {version} is not allowed: {limit}")]
    Version {
        /// What the device says.
        version: String,
        /// The limit, in words.
        limit: String,
    },
    /// The edition is not allowed.
    #[error("the edition {edition} of Windows is not allowed")]
    Edition {
        /// What the device says, with its name where it is known.
        edition: String,
    },
    /// The type is not allowed.
    #[error("the device type {device_type} is not allowed")]
    DeviceType {
        /// What the device says.
        device_type: String,
    },
    /// Nobody declared the device.
    #[error("the device was not declared")]
    NotDeclared,
    /// Who signed in elsewhere is not let in.
    #[error(transparent)]
    SignIn(sign_in::Denied),
    /// Too many passwords are being checked.
    #[error("too many sign-ins at once")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<sign_in::Denied> for Denied {
    fn from(denied: sign_in::Denied) -> Self {
        match denied {
            sign_in::Denied::Store(error) => Self::Store(error),
            denied => Self::SignIn(denied),
        }
    }
}

impl Denied {
    /// The word for lists, filters and counters.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::NotOffered(_) => "not_offered",
            Self::NoUserName => "no_user_name",
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::AccountLocked { .. } => "account_locked",
            Self::AddressLocked { .. } => "address_locked",
            Self::AccountDisabled => "account_disabled",
            Self::AccountGone => "account_gone",
            Self::UnknownToken => "unknown_token",
            Self::TokenOfAnother => "token_of_another",
            Self::TokenExpired => "token_expired",
            Self::TokenRevoked => "token_revoked",
            Self::TokenSpent => "token_spent",
            Self::CapReached { .. } => "cap_reached",
            Self::NoDeviceId => "no_device_id",
            Self::Version { .. } => "version_not_allowed",
            Self::Edition { .. } => "edition_not_allowed",
            Self::DeviceType { .. } => "device_type_not_allowed",
            Self::NotDeclared => "not_declared",
            Self::SignIn(denied) => denied.word(),
            Self::Busy => "busy",
            Self::Store(_) => "store",
        }
    }

    /// What the device gets. Nothing of it tells one who guesses how near they are.
    pub fn fault(&self) -> FaultKind {
        match self {
            Self::NoCredential
            | Self::NotOffered(_)
            | Self::NoUserName
            | Self::UnknownUser
            | Self::WrongPassword
            | Self::AccountLocked { .. }
            | Self::AddressLocked { .. }
            | Self::UnknownToken
            | Self::TokenOfAnother
            | Self::TokenExpired
            | Self::TokenRevoked
            | Self::TokenSpent => FaultKind::Authentication,
            // Who gets this has shown a password or a token that is good.
            Self::AccountDisabled | Self::AccountGone | Self::NotDeclared => FaultKind::Authorization,
            Self::NoDeviceId => FaultKind::MessageFormat,
            Self::CapReached { .. } => FaultKind::DeviceCapReached,
            Self::Version { .. } | Self::Edition { .. } | Self::DeviceType { .. } => FaultKind::DeviceNotSupported,
            Self::SignIn(denied) => denied.fault(),
            Self::Busy => FaultKind::InMaintenance,
            Self::Store(error) if error.is_temporary() => FaultKind::InMaintenance,
            Self::Store(_) => FaultKind::InternalServiceFault,
        }
    }

    /// What an administrator can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        Self::remedy_of(self.word())
    }

    /// What an administrator can do about what a word stands for.
    pub fn remedy_of(word: &str) -> Option<&'static str> {
        let all = REMEDIES.iter().chain(sign_in::REMEDIES);
        all.into_iter().find(|(of, _)| *of == word).map(|(_, remedy)| *remedy)
    }

    /// Whether it counts against who tries. Who has a token that was good once guesses nothing, and a provisioning
    /// package with such a one comes from many devices behind one address.
    pub(super) const fn is_failure(&self) -> bool {
        if let Self::SignIn(denied) = self {
            return denied.is_failure();
        }
        matches!(
            self,
            Self::NoUserName | Self::UnknownUser | Self::WrongPassword | Self::UnknownToken | Self::TokenOfAnother
        )
    }
}

const NEW_TOKEN: &str = "make a new one with `transom enrollment token create`";
const AGAIN: &str = "the device can try again in a moment";

/// What helps, by the word.
const REMEDIES: &[(&str, &str)] = &[
    (
        "unknown_user",
        "compare the name with `transom enrollment user list`: it is found as it was made, in any case of letters",
    ),
    ("wrong_password", "set another with `transom enrollment user passwd`, or give the user a token"),
    ("account_locked", "wait, or `transom enrollment user enable` unlocks it; a token works meanwhile"),
    ("address_locked", "wait; for many devices behind one router raise enrollment_limits.attempts_per_address"),
    ("account_disabled", "`transom enrollment user enable` lets it enroll again"),
    ("unknown_token", NEW_TOKEN),
    ("token_of_another", "type the name that the token was made for, or make a new one for this name"),
    ("token_expired", NEW_TOKEN),
    ("token_revoked", NEW_TOKEN),
    ("token_spent", NEW_TOKEN),
    (
        "cap_reached",
        "unenroll a device of this user, make the account with --max-devices, or raise enrollment_limits.devices_per_user",
    ),
    ("version_not_allowed", "update Windows, or change minimum_build and maximum_build of [enrollment_limits]"),
    ("edition_not_allowed", "change enrollment_limits.allowed_editions if this edition may enroll"),
    ("device_type_not_allowed", "change enrollment_limits.device_types if this type may enroll"),
    ("not_declared", "declare it with `transom enrollment declare add`; the list of attempts shows its hardware hash"),
    ("not_offered", "configure it, or let the user sign in with a password"),
    ("busy", AGAIN),
    ("store", AGAIN),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_learns_nothing_from_the_fault() {
        let until = Timestamp(1);
        for denied in [
            Denied::UnknownUser,
            Denied::WrongPassword,
            Denied::AccountLocked { until },
            Denied::AddressLocked { until },
            Denied::UnknownToken,
            Denied::TokenOfAnother,
            Denied::TokenExpired,
            Denied::TokenRevoked,
            Denied::TokenSpent,
        ] {
            assert_eq!(denied.fault(), FaultKind::Authentication, "{denied}");
            assert!(denied.remedy().is_some(), "{denied}");
        }
        assert_eq!(Denied::CapReached { has: 2, most: 2 }.fault(), FaultKind::DeviceCapReached);
        assert_eq!(Denied::NotDeclared.fault(), FaultKind::Authorization);
        assert_eq!(Denied::Store(store::Error::Busy).fault(), FaultKind::InMaintenance);
        assert_eq!(Denied::Store(store::Error::Panicked).fault(), FaultKind::InternalServiceFault);
    }
}
