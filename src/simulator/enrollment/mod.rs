//! A device enrolls, and later renews its certificate, as Windows does it (MS-MDE2): GET and POST of discovery, policies,
//! token request, provisioning document.
//!
//! It takes what a server gives as strictly as Windows is known to, and notes what Windows would forgive or what only a
//! later step would show. What comes out is a [`DeviceIdentity`] with account, key and certificate, for
//! [`Client::for_device`](super::client::Client::for_device).

mod check;
mod error;
mod machine;
mod shown;
mod walk;
mod wire;

use std::net::SocketAddr;
use std::time::Duration;

use transom_protocol::enrollment::client::Provisioned;
use transom_protocol::enrollment::{EnrollmentType, Version};
use transom_protocol::session::Timestamp;

pub use error::{EnrollError, Step};
pub use machine::Machine;

use super::identity::{DeviceIdentity, Password};
use crate::pki::device::{DeviceKeyKind, RequestShape};

/// Lets devices into the management of one server.
#[derive(Debug, Clone)]
pub struct Enroller {
    discovery: String,
    ca_pem: Vec<u8>,
    options: EnrollOptions,
}

/// How devices enroll.
#[derive(Debug, Clone)]
pub struct EnrollOptions {
    /// Where every host is, when the resolver does not know it.
    pub address: Option<SocketAddr>,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// `RequestVersion`; Windows 11 says 9.0.
    pub version: Version,
    /// For a user or for the device.
    pub enrollment_type: EnrollmentType,
    /// The kind of the device's key; Windows makes RSA.
    pub key: DeviceKeyKind,
    /// Which Windows the certificate request looks like.
    pub shape: RequestShape,
}

/// Who enrolls a device.
#[derive(Debug, Clone)]
pub enum SignIn {
    /// A user name and a password, or an enrollment token in its place.
    Password {
        /// The name.
        name: String,
        /// The password.
        password: Password,
    },
    /// A token of Entra, and the address of its user.
    Entra {
        /// The address, for discovery.
        email: String,
        /// The JWT.
        token: Password,
    },
    /// What a sign-in page of the server gave, and the address that was typed there.
    Page {
        /// The address, for discovery.
        email: String,
        /// The `wresult`.
        token: Password,
    },
    /// A certificate that came with a provisioning package, for many devices.
    Certificate {
        /// The address of the account that the package names.
        email: String,
        /// The certificate, PEM.
        certificate: String,
        /// Its RSA key, PEM.
        key: Password,
        /// From when the signed requests count.
        now: Timestamp,
    },
}

/// A device that enrolled.
#[derive(Debug, Clone)]
pub struct Enrolled {
    /// Who it is now, and how it proves it.
    pub identity: DeviceIdentity,
    /// Address of the management service.
    pub address: String,
    /// The document, as the device read it.
    pub provisioned: Provisioned,
    /// What was not right, and yet no reason to stop.
    pub problems: Vec<String>,
}

/// A device that has its next certificate.
#[derive(Debug, Clone)]
pub struct Renewed {
    /// Who it is, with the new key and certificate.
    pub identity: DeviceIdentity,
    /// What was not right, and yet no reason to stop.
    pub problems: Vec<String>,
}

impl Default for EnrollOptions {
    fn default() -> Self {
        Self {
            address: None,
            timeout: Duration::from_secs(30),
            version: Version { major: 9, minor: 0 },
            enrollment_type: EnrollmentType::Full,
            key: DeviceKeyKind::default(),
            shape: RequestShape::default(),
        }
    }
}

impl Enroller {
    /// The path that Windows knows by heart.
    pub const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";

    /// Devices enroll with the server at `server`: an address with or without the path of discovery. `ca_pem` holds the
    /// certificates of the authorities that they trust before they enroll.
    pub fn new(server: &str, ca_pem: &[u8], options: EnrollOptions) -> Result<Self, EnrollError> {
        let wrong = |error: &dyn std::fmt::Display| EnrollError::Setup(format!("{server}: {error}"));
        let mut url = reqwest::Url::parse(server).map_err(|error| wrong(&error))?;
        if url.scheme() != "https" {
            return Err(wrong(&"devices enroll over https"));
        }
        if matches!(url.path(), "" | "/") {
            url.set_path(Self::DISCOVERY);
        }
        Ok(Self { discovery: url.into(), ca_pem: ca_pem.to_vec(), options })
    }

    /// Where devices look for the services.
    pub fn discovery(&self) -> &str {
        &self.discovery
    }

    /// Enrolls a device.
    pub async fn enroll(&self, machine: &Machine, sign_in: &SignIn) -> Result<Enrolled, EnrollError> {
        walk::enroll(self, machine, sign_in).await
    }

    /// Renews the certificate of a device that enrolled: with a new key, in a request that the old one signs, over a
    /// connection with the old certificate.
    pub async fn renew(&self, identity: &DeviceIdentity) -> Result<Renewed, EnrollError> {
        walk::renew(self, identity).await
    }
}

impl SignIn {
    /// A user name and a password.
    pub fn password(name: impl Into<String>, password: impl Into<Password>) -> Self {
        Self::Password { name: name.into(), password: password.into() }
    }

    /// What is typed first.
    fn email(&self) -> &str {
        match self {
            Self::Password { name, .. } => name,
            Self::Entra { email, .. } | Self::Page { email, .. } | Self::Certificate { email, .. } => email,
        }
    }
}
