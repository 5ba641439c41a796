//! Who may enroll, and what: the one place that decides it (threats: guessing, reuse and races of tokens).
//!
//! [`Gate::check`] judges what a device shows, before anything else is done for it; `GetPolicies` and the request for a
//! certificate both ask. [`admit`] then decides, inside the transaction that makes the enrollment, whether this user
//! may have this device: that is where a token is used up and where devices are counted, so that neither a race nor a
//! crash can use one twice.
//!
//! What is refused is told to the administrator in full ([`Denied`] and the list of attempts), and to the device no
//! more than the fault that Windows has a message for (MS-MDE2 2.2.10).

mod admit;
mod denied;
mod gate;
mod journal;
mod lockout;
mod password;
mod verified;

use transom_protocol::enrollment::DeviceContext;
use transom_protocol::session::DeviceId;

pub use admit::{Admitted, admit};
pub use denied::Denied;
pub use gate::Gate;
pub use journal::Visit;
pub use password::{PasswordRefused, hash_password, is_acceptable, is_password, new_password, new_token, token_hash};
pub use transom_protocol::soap::FaultKind;

use super::sign_in::{CertificateUser, EntraUser, FederatedUser};
use crate::model::{DeclaredKind, EnrollmentTokenId, EnrollmentUserId, UserName};

/// What every enrollment token begins with, so that one that was lost somewhere is recognised, and none is taken for a
/// password.
pub const TOKEN_PREFIX: &str = "transom-enroll-";

/// Somebody who showed that they may enroll devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// Whose device it will be.
    pub user: UserName,
    /// What they showed.
    pub means: Means,
}

/// What somebody showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// The password of an account.
    Account(EnrollmentUserId),
    /// A token in place of a password.
    Token(EnrollmentTokenId),
    /// A sign-in at the OpenID Connect provider.
    Federated(FederatedUser),
    /// A token of Entra ID.
    Entra(EntraUser),
    /// The certificate of a provisioning package.
    Certificate(CertificateUser),
}

/// What a device says of itself when it enrolls (MS-MDE2 3.4.4.1.1.1). Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// `DeviceID`.
    pub device_id: Option<DeviceId>,
    /// `HWDevID`.
    pub hw_dev_id: Option<String>,
    /// `DeviceName`.
    pub device_name: Option<String>,
    /// `DeviceType`.
    pub device_type: Option<String>,
    /// `OSVersion`.
    pub os_version: Option<String>,
    /// `OSEdition`.
    pub os_edition: Option<u32>,
    /// `MAC`, each.
    pub macs: Vec<String>,
    /// `IMEI`, each.
    pub imeis: Vec<String>,
    /// Its serial number, where it tells one.
    pub serial: Option<String>,
    /// `EnrollmentData`: what it got for accepting the terms of use.
    pub enrollment_data: Option<String>,
}

impl Means {
    /// The word in the journal and in the database.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Token(_) => "token",
            Self::Federated(_) => "federated",
            Self::Entra(_) => "entra",
            Self::Certificate(_) => "certificate",
        }
    }
}

impl From<&DeviceContext> for Claims {
    fn from(context: &DeviceContext) -> Self {
        Self {
            device_id: context.device_id.as_deref().and_then(DeviceId::parse),
            hw_dev_id: context.hw_dev_id.clone(),
            device_name: context.device_name.clone(),
            device_type: context.device_type.clone(),
            os_version: context.os_version.clone(),
            os_edition: context.os_edition,
            macs: context.macs.clone(),
            imeis: context.imeis.clone(),
            serial: context.serial_number.clone(),
            enrollment_data: context.enrollment_data.clone(),
        }
    }
}

impl Claims {
    /// The hardware, in the form that is compared.
    fn hardware(&self) -> Option<String> {
        self.hw_dev_id.as_deref().map(|hash| hash.trim().to_lowercase()).filter(|hash| !hash.is_empty())
    }

    /// All that a declaration may name, in the form that is compared.
    fn declarable(&self) -> Vec<(DeclaredKind, String)> {
        let one = |kind: DeclaredKind, value: Option<&String>| {
            value.and_then(|value| kind.fold(value)).map(|value| (kind, value))
        };
        let many = |kind: DeclaredKind, values: &[String]| {
            let folded = values.iter().take(MOST_ADDRESSES).filter_map(|value| kind.fold(value));
            folded.map(|value| (kind, value)).collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        all.extend(one(DeclaredKind::HardwareHash, self.hw_dev_id.as_ref()));
        all.extend(one(DeclaredKind::Serial, self.serial.as_ref()));
        all.extend(many(DeclaredKind::Mac, &self.macs));
        all.extend(many(DeclaredKind::Imei, &self.imeis));
        all
    }
}

/// Network addresses of a device that are looked at.
const MOST_ADDRESSES: usize = 64;
