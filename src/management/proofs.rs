//! What came with a message to prove whose it is, and how each was judged: for the journal, and for whoever has to find
//! out why a device is turned away.

use std::net::IpAddr;

use transom_protocol::session::{Authentication, Means, ProofPolicy, ProofSet};

use super::exchange::{ExchangeOutcome, Heard};
use super::identity::Mismatch;
use super::signature::{Judged, Unjudged};
use super::tokens::{OfDevice, Shown, Tokens};
use crate::model::{CertificateRecord, Proof, ProofKind, Verdict, rfc3339_text};
use crate::pki::{CertificateRefused, signature::Scheme};
use crate::store::Contact;

/// The proofs of one message.
#[derive(Debug, Clone, Default)]
pub(super) struct Proofs(Vec<Proof>);

impl Proofs {
    pub(super) fn all(&self) -> Vec<Proof> {
        self.0.clone()
    }

    fn add(&mut self, kind: ProofKind, verdict: Verdict, reason: &str, detail: impl Into<String>) {
        self.0.push(Proof::new(kind, verdict, reason, detail));
    }

    /// What became of tokens that speak of users. They prove nothing of the device.
    pub(super) fn user_tokens(&mut self, tokens: &Tokens) {
        for (what, shown) in tokens.of_users() {
            match shown {
                Shown::Absent => {}
                Shown::Unchecked => {
                    let detail = format!("{what} was not checked: no tenant is configured ([entra])");
                    self.add(ProofKind::Token, Verdict::Ignored, "token_unchecked", detail);
                }
                Shown::Good(user) => {
                    let detail = format!("{what} is of {} in tenant {}", user.name, user.tenant);
                    self.add(ProofKind::Token, Verdict::Good, "token", detail);
                }
                Shown::Denied(denied) => {
                    self.add(ProofKind::Token, Verdict::Refused, denied.word, format!("{what}: {}", denied.detail));
                }
            }
        }
    }

    /// What the token of the device says; `proves` where it is enough by itself.
    pub(super) fn device_token(&mut self, token: &OfDevice, proves: bool) {
        let (verdict, reason, detail) = match token {
            OfDevice::Nothing => return,
            OfDevice::Known if proves => (Verdict::Good, "device_token", "the token of this device".to_owned()),
            OfDevice::Known => {
                (Verdict::Ignored, "device_token", "the token of this device; it proves nothing by itself".to_owned())
            }
            OfDevice::First(_) => (
                Verdict::Ignored,
                "device_token_first",
                "the first token of this enrollment; it proves nothing".to_owned(),
            ),
            OfDevice::Other => {
                (Verdict::Refused, "device_token_of_another_device", "the token is of another device".to_owned())
            }
            OfDevice::Denied(denied) => (Verdict::Refused, denied.word, format!("DeviceToken: {}", denied.detail)),
        };
        self.add(ProofKind::Token, verdict, reason, detail);
    }

    pub(super) fn certificate_good(&mut self, record: &CertificateRecord, passed_on_by: Option<IpAddr>) {
        let serial = record.certificate.serial.as_str();
        let how = match passed_on_by {
            None => "shown and proved by TLS".to_owned(),
            Some(proxy) => format!("passed on by the proxy {proxy}"),
        };
        let detail = format!("certificate {serial} of this enrollment, {how}");
        self.add(ProofKind::Certificate, Verdict::Good, "certificate", detail);
    }

    pub(super) fn certificate_refused(&mut self, mismatch: &Mismatch) {
        self.add(ProofKind::Certificate, Verdict::Refused, mismatch.as_str(), mismatch.meaning());
    }

    pub(super) fn certificate_ignored(&mut self, why: CertificateRefused) {
        let detail = format!("a certificate was shown that is not of this server: {why}");
        self.add(ProofKind::Certificate, Verdict::Ignored, "certificate_foreign", detail);
    }

    /// What came is good, and not enough.
    pub(super) fn insufficient(&mut self, missing: ProofSet, policy: &ProofPolicy) {
        for means in missing.each() {
            let kind = match means {
                Means::Certificate => ProofKind::Certificate,
                Means::Signature => ProofKind::Signature,
                Means::Digest | Means::Basic => ProofKind::Credential,
            };
            let detail = format!("{} is missing: this device is believed by {policy}", means.as_str());
            self.add(kind, Verdict::Missing, "proof_missing", detail);
        }
    }

    /// A certificate that had to be there, or that belongs to somebody else than the message says.
    pub(super) fn turned_away(&mut self, mismatch: &Mismatch) {
        let decides = |proof: &&Proof| proof.kind != ProofKind::Token;
        let is_told =
            self.0.iter().filter(decides).any(|proof| matches!(proof.verdict, Verdict::Refused | Verdict::Missing));
        if is_told {
            return;
        }
        let is_missing = matches!(mismatch, Mismatch::Missing | Mismatch::Unenveloped);
        let verdict = if is_missing { Verdict::Missing } else { Verdict::Refused };
        let kind = if mismatch.is_of_envelope() { ProofKind::Envelope } else { ProofKind::Certificate };
        self.add(kind, verdict, mismatch.as_str(), mismatch.meaning());
    }

    /// The envelope of a message that is taken.
    pub(super) fn envelope(&mut self, heard: &Heard) {
        if let Some(wrapped) = &heard.wrapped {
            self.add(ProofKind::Envelope, Verdict::Good, "envelope", wrapped.meaning());
        }
    }

    pub(super) fn signature(&mut self, judged: &Judged, heard: &Heard) {
        let (verdict, reason, detail) = match judged {
            Judged::Good(record, signed) => {
                let scheme = match signed.scheme {
                    Scheme::RsaPkcs1 => "RSA",
                    Scheme::RsaPss { .. } => "RSA-PSS",
                    Scheme::Ecdsa => "ECDSA",
                };
                let (serial, at) = (record.certificate.serial.as_str(), rfc3339_text(signed.signing_time));
                let detail = format!("{scheme} by certificate {serial} of this enrollment, signed at {at}");
                (Verdict::Good, "signature", detail)
            }
            Judged::Refused(mismatch @ Mismatch::Unsigned, _) => {
                (Verdict::Missing, mismatch.as_str(), mismatch.meaning())
            }
            Judged::Refused(mismatch, _) => (Verdict::Refused, mismatch.as_str(), mismatch.meaning()),
            Judged::Nothing(Unjudged::Absent) => return,
            Judged::Nothing(Unjudged::Off) => {
                (Verdict::Ignored, "signature_off", "signatures of this device are not looked at".to_owned())
            }
            Judged::Nothing(Unjudged::NoCertificate) => {
                let detail = "this server has given the enrollment no certificate that it could be held against";
                (Verdict::Ignored, "signature_without_certificate", detail.to_owned())
            }
        };
        debug_assert!(heard.signature.is_some() || verdict == Verdict::Missing, "nothing to judge");
        self.add(ProofKind::Signature, verdict, reason, detail);
    }

    /// What became of the credential, as far as one was needed.
    pub(super) fn credential(
        &mut self,
        heard: &Heard,
        contact: &Contact,
        outcome: ExchangeOutcome,
        is_certified: bool,
    ) {
        let has_cred = heard.message.header.cred.is_some();
        let (verdict, reason, detail) = match outcome {
            _ if is_certified && !has_cred => return,
            _ if is_certified => (Verdict::Ignored, "credential_not_needed", "not looked at: the rest was enough"),
            ExchangeOutcome::WrongCredential => {
                (Verdict::Refused, "credential_wrong", "the digest does not fit the password and the last nonce")
            }
            ExchangeOutcome::Locked => (
                Verdict::Refused,
                "credential_locked",
                "too many wrong credentials of this device came from this address; until the lock ends, only one made \
                 with the nonce that the device was told last counts",
            ),
            ExchangeOutcome::Challenged => {
                (Verdict::Missing, "credential_missing", "what came was not enough, so a credential was asked for")
            }
            ExchangeOutcome::Answered if has_cred => {
                (Verdict::Good, "credential", "the credential of the enrollment's account")
            }
            ExchangeOutcome::Answered | ExchangeOutcome::Repeated => match authentication(contact) {
                Some(Authentication::Digest(_) | Authentication::Basic) => {
                    (Verdict::Good, "credential_of_the_session", "an earlier message of the session had the credential")
                }
                _ => return,
            },
            _ => return,
        };
        self.add(ProofKind::Credential, verdict, reason, detail);
    }
}

fn authentication(contact: &Contact) -> Option<&Authentication> {
    contact.session.as_ref().map(|(_, session)| &session.authentication)
}
