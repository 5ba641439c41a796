//! Sign-ins at an OpenID Connect provider.

use transom_protocol::session::Timestamp;

use super::{Heard, SignInId};

/// A sign-in that was completed, and that a device can enroll with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// The provider.
    pub issuer: String,
    /// Who it was, as the provider keeps people apart.
    pub subject: String,
    /// Who it was, as people call them.
    pub user_name: String,
    /// Worth nothing from then on.
    pub expires_at: Timestamp,
    /// When it was completed.
    pub created_at: Timestamp,
    /// When a device enrolled with it.
    pub spent_at: Option<Timestamp>,
    /// What the provider says of them.
    pub said: Heard,
}

/// A sign-in to keep. What a browser and a device show for it is kept as a hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignIn {
    /// SHA-256 of the state that the provider gave back: each is taken once.
    pub state_hash: [u8; 32],
    /// SHA-256 of the handle that the device will show.
    pub handle_hash: [u8; 32],
    /// The provider.
    pub issuer: String,
    /// Who it was, as the provider keeps people apart.
    pub subject: String,
    /// Who it was, as people call them.
    pub user_name: String,
    /// Worth nothing from then on.
    pub expires_at: Timestamp,
    /// What the provider says of them.
    pub said: Heard,
}
