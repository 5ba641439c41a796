//! What a device shows of who enrolls it, in the header of every request but the first (MS-MDE2 3.3, 3.4).

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::x509::X509;
use transom_protocol::enrollment::AuthPolicy;
use transom_protocol::enrollment::client::{Presented, sign};
use transom_protocol::soap::SignatureRefused;

use super::{EnrollError, SignIn, Step};

/// Who enrolls the device, ready to be shown.
pub(super) struct Shown<'a> {
    sign_in: &'a SignIn,
    /// The certificate that signs.
    signs: Option<Signs>,
}

/// A certificate with its key.
struct Signs {
    certificate: Vec<u8>,
    key: PKey<Private>,
    now_millis: i64,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
enum NotSigned {
    #[error(transparent)]
    Envelope(#[from] SignatureRefused),
    #[error(transparent)]
    Key(#[from] ErrorStack),
}

impl<'a> Shown<'a> {
    pub(super) fn new(sign_in: &'a SignIn) -> Result<Self, EnrollError> {
        let SignIn::Certificate { certificate, key, now, .. } = sign_in else {
            return Ok(Self { sign_in, signs: None });
        };
        let read = || -> Result<Signs, ErrorStack> {
            let certificate = X509::from_pem(certificate.as_bytes())?.to_der()?;
            let key = PKey::private_key_from_pem(key.expose().as_bytes())?;
            Ok(Signs { certificate, key, now_millis: now.0 })
        };
        let signs = read().map_err(|error| EnrollError::Setup(format!("the certificate that signs in: {error}")))?;
        Ok(Self { sign_in, signs: Some(signs) })
    }

    /// What it offers in discovery: a provisioning package names its one way.
    pub(super) const fn offered(&self) -> &'static [AuthPolicy] {
        match self.sign_in {
            SignIn::Certificate { .. } => &[AuthPolicy::Certificate],
            _ => &[AuthPolicy::OnPremise, AuthPolicy::Federated],
        }
    }

    /// A device does not ask for a password where a page is wanted. Entra has its token whatever is said.
    pub(super) fn fits(&self, wanted: AuthPolicy) -> Result<(), EnrollError> {
        let (has, fits) = match self.sign_in {
            SignIn::Password { .. } => ("a password", wanted == AuthPolicy::OnPremise),
            SignIn::Page { .. } => ("a token of its page", wanted == AuthPolicy::Federated),
            SignIn::Entra { .. } => ("a token of Entra", wanted == AuthPolicy::Federated),
            SignIn::Certificate { .. } => ("a certificate", wanted == AuthPolicy::Certificate),
        };
        if fits {
            return Ok(());
        }
        let what = format!("the server wants sign-in by {}, the device has {has}", wanted.as_str());
        Err(EnrollError::wrong(Step::Discover, what))
    }

    /// An envelope with it, signed where that is due.
    pub(super) fn envelope(&self, write: impl FnOnce(Presented<'_>) -> String) -> Result<String, EnrollError> {
        let Some(signs) = &self.signs else { return Ok(write(self.presented())) };
        let Signs { certificate, key, now_millis } = signs;
        let envelope = write(Presented::Certificate { certificate, now_millis: *now_millis });
        let by = |what: &[u8]| -> Result<Vec<u8>, NotSigned> {
            Ok(Signer::new(MessageDigest::sha256(), key)?.sign_oneshot_to_vec(what)?)
        };
        sign(&envelope, by).map_err(|error| EnrollError::Setup(format!("can't sign the request: {error}")))
    }

    fn presented(&self) -> Presented<'_> {
        match self.sign_in {
            SignIn::Password { name, password } => Presented::Password { name, password: password.expose() },
            SignIn::Entra { token, .. } => Presented::Jwt(token.expose()),
            SignIn::Page { token, .. } => Presented::UserToken(token.expose()),
            SignIn::Certificate { .. } => Presented::Nothing,
        }
    }
}
