//! Credentials of both sides (OMA DM Security 5, MS-MDM 1.3.1), as a client sees them.

use rand::RngExt as _;
use transom_protocol::enrollment::CredentialSide;
use transom_protocol::session::Nonce;
use transom_protocol::syncml::{Chal, Format, Message, Meta, Status, StatusCode};

use super::session::Session;
use super::{Device, Ending};
use crate::simulator::identity::Password;

/// Challenges in one session after which a device stops answering them.
const MOST_CHALLENGES: u32 = 8;

/// What the server's Status of the header means for the device.
pub(super) enum Verdict {
    /// Go on.
    Accepted,
    /// The last message again, with a credential.
    Repeat,
    /// The session is over.
    GivenUp(Ending),
}

/// What the device answers to the server's own credential.
pub(super) enum ServerVerdict {
    /// Go on; this is the Status of the header.
    Known(StatusCode),
    /// The message again, with a credential.
    Challenge(StatusCode),
    /// The session is over.
    GivenUp,
}

impl Device {
    /// Secrets that the server has set hold from the next session on (DDF of the `DMAcc` CSP).
    pub(super) fn take_new_credentials(&mut self) {
        let provider = &self.identity.provider_id;
        let changed = |side| self.tree.changed_secret(provider, side).map(Password::from);
        let (client, server) = (changed(CredentialSide::Client), changed(CredentialSide::Server));
        if let Some(client) = client {
            self.identity.password = client;
        }
        if let (Some(known), Some(server)) = (&mut self.identity.server, server) {
            known.password = server;
        }
    }

    /// Reads the Status of the header: 407 and 401 ask for a credential, 212 makes further ones needless.
    pub(super) fn judge(&mut self, session: &mut Session, header: Option<&Status>) -> Verdict {
        let Some(status) = header else { return Verdict::Accepted };
        let chal = status.chal.as_ref();
        if let Some(nonce) = chal.and_then(|chal| chal.meta.next_nonce.as_deref()).and_then(Nonce::from_base64) {
            self.nonce = Some(nonce);
        }
        match status.code {
            StatusCode::MISSING_CREDENTIALS | StatusCode::INVALID_CREDENTIALS => self.challenged(session, chal),
            StatusCode::AUTHENTICATED => {
                session.sends_cred = false;
                Verdict::Accepted
            }
            StatusCode(200..=299) => Verdict::Accepted,
            code => Verdict::GivenUp(Ending::Refused(code)),
        }
    }

    fn challenged(&self, session: &mut Session, chal: Option<&Chal>) -> Verdict {
        let Some(chal) = chal else { return Verdict::GivenUp(Ending::NotAuthenticated) };
        let scheme = chal.meta.mime.as_deref().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(self.identity.scheme.as_str()) {
            // A weaker or unknown scheme is never taken: the account says which one holds.
            return Verdict::GivenUp(Ending::SchemeNotSupported);
        }
        session.challenges += 1;
        session.rejections += u32::from(session.sends_cred);
        if session.rejections >= 2 || session.challenges > MOST_CHALLENGES {
            return Verdict::GivenUp(Ending::NotAuthenticated);
        }
        session.sends_cred = true;
        Verdict::Repeat
    }

    /// Checks the server's credential, where the device demands one.
    pub(super) fn judge_server(&mut self, session: &mut Session, message: &Message) -> ServerVerdict {
        if !self.behaviour.authenticates_server {
            return ServerVerdict::Known(StatusCode::OK);
        }
        let code = match &message.header.cred {
            Some(cred) if self.is_servers(&cred.data, message.header.source.loc_name.as_deref()) => {
                let is_first = !std::mem::replace(&mut session.server_is_known, true);
                return ServerVerdict::Known(if is_first { StatusCode::AUTHENTICATED } else { StatusCode::OK });
            }
            None if session.server_is_known => return ServerVerdict::Known(StatusCode::OK),
            Some(_) => StatusCode::INVALID_CREDENTIALS,
            None => StatusCode::MISSING_CREDENTIALS,
        };
        session.server_is_known = false;
        session.server_rejections += 1;
        if session.server_rejections > 2 { ServerVerdict::GivenUp } else { ServerVerdict::Challenge(code) }
    }

    fn is_servers(&self, digest: &str, name: Option<&str>) -> bool {
        let Some(server) = &self.identity.server else { return false };
        let nonce = self.server_nonce.clone().unwrap_or_else(|| Nonce::from_bytes(&[]));
        name == Some(server.name.as_str()) && server.a1().verify(&nonce, digest)
    }

    /// Asks for the server's next credential; from here on its nonce is another one.
    pub(super) fn challenge_server(&mut self) -> Chal {
        let nonce = Nonce::from_bytes(&self.random.random::<[u8; 16]>());
        let meta = Meta {
            format: Some(Format::B64),
            mime: Some("syncml:auth-md5".to_owned()),
            next_nonce: Some(nonce.to_base64()),
            ..Meta::default()
        };
        self.server_nonce = Some(nonce);
        Chal { meta }
    }
}
