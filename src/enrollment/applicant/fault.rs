//! What a device may be told of a refusal.

/// A fault that Windows has a message for (MS-MDE2 2.2.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The user could not be authenticated.
    Authentication,
    /// The user may not enroll.
    Authorization,
    /// The server can't do it just now.
    EnrollmentServer,
    /// Something broke.
    InternalServiceFault,
    /// The user has as many devices as allowed.
    DeviceCapReached,
    /// This device may not enroll.
    DeviceNotSupported,
    /// Later.
    InMaintenance,
}

impl FaultKind {
    /// The word in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "Authentication",
            Self::Authorization => "Authorization",
            Self::EnrollmentServer => "EnrollmentServer",
            Self::InternalServiceFault => "InternalServiceFault",
            Self::DeviceCapReached => "DeviceCapReached",
            Self::DeviceNotSupported => "DeviceNotSupported",
            Self::InMaintenance => "InMaintenance",
        }
    }
}
