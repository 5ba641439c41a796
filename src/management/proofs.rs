//! What came with a message to prove whose it is, and how each was judged: for the journal, and for whoever has to find
//! out why a device is turned away.

use std::net::IpAddr;

use transom_protocol::session::Authentication;

use super::exchange::{ExchangeOutcome, Heard};
use super::identity::Mismatch;
use super::signature::{Judged, Unjudged};
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

    /// A certificate that had to be there, or that belongs to somebody else than the message says.
    pub(super) fn turned_away(&mut self, mismatch: &Mismatch) {
        let is_told = self.0.iter().any(|proof| matches!(proof.verdict, Verdict::Refused | Verdict::Missing));
        if is_told {
            return;
        }
        let verdict = if *mismatch == Mismatch::Missing { Verdict::Missing } else { Verdict::Refused };
        self.add(ProofKind::Certificate, verdict, mismatch.as_str(), mismatch.meaning());
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
            ExchangeOutcome::Challenged => {
                (Verdict::Missing, "credential_missing", "nothing proved who this is, so a digest was asked for")
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
