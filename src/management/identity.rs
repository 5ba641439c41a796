//! Whose message is it? What the TLS handshake showed is held against the database with every message, because a
//! resumed or open connection is not checked again (OMA DM Security 5; threats T01 to T03, T06, T07).
//!
//! A certificate speaks for the one enrollment that it was issued to. What is enough to believe a message is the policy
//! of the enrollment: by default, one that was made with a certificate is heard only with it, and imported enrollments,
//! which have none, prove themselves with a credential.

use transom_protocol::session::{DeviceId, Enough, Header, Means, ProofPolicy, ProofSet, Timestamp};
use transom_protocol::syncml::{Command, Message, Verb};

use super::beside;
use super::exchange::{Frame, Heard};
use super::proofs::Proofs;
use super::signature::{self, Judged};
use super::tokens;
use crate::model::{CertificateRecord, CertificateState, EnrollmentId};
use crate::pki::envelope::EnvelopeRefused;
use crate::pki::signature::SignatureRefused;
use crate::store::{Contact, Error, Tx};

/// Who speaks.
pub(super) enum Identity {
    /// Nobody is enrolled under this name.
    Stranger,
    /// An enrollment.
    Contact {
        /// With all that is known of it.
        contact: Box<Contact>,
        /// Its certificate, if that was shown in TLS or signed the message.
        certificate: Option<CertificateRecord>,
        /// Whether that is enough, or a credential has to come along.
        is_proved: bool,
    },
    /// Not the one who should; the enrollment whose certificate or signature it was to be.
    Mismatch(Mismatch, Option<EnrollmentId>),
}

/// Why certificate or signature and message do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mismatch {
    Missing,
    Foreign,
    Unknown,
    NotYetValid,
    Expired,
    Superseded,
    Revoked,
    OtherDevice,
    OtherCredential,
    Proxy(&'static str),
    Unsigned,
    Signature(SignatureRefused),
    /// The device envelopes its messages, and this one is in clear.
    Unenveloped,
    /// Nothing of this enrollment comes in envelopes.
    EnvelopeOff,
    /// It was made for a key that the device has replaced.
    EnvelopeKeyRetired,
    /// The device has no key that a reply could be enveloped for.
    EnvelopeWithoutRsa,
    /// It was not opened, or what was in it is no message.
    Envelope(EnvelopeRefused),
    /// It was opened, and there was no message in it.
    EnvelopeContent,
    /// What came is good, and by the policy of the enrollment not enough.
    Insufficient(ProofSet),
}

impl Mismatch {
    /// The word for it in counters and events.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "certificate_missing",
            Self::Foreign => "certificate_foreign",
            Self::Unknown => "certificate_not_issued",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::Expired => "certificate_expired",
            Self::Superseded => "certificate_superseded",
            Self::Revoked => "certificate_revoked",
            Self::OtherDevice => "certificate_of_another_device",
            Self::OtherCredential => "credential_of_another_device",
            Self::Proxy(lie) => lie,
            Self::Unsigned => "signature_missing",
            Self::Signature(refused) => refused.as_str(),
            Self::Unenveloped => "envelope_missing",
            Self::EnvelopeOff => "envelope_off",
            Self::EnvelopeKeyRetired => "envelope_for_replaced_key",
            Self::EnvelopeWithoutRsa => "envelope_without_rsa",
            Self::Envelope(refused) => refused.as_str(),
            Self::EnvelopeContent => "envelope_content",
            Self::Insufficient(_) => "proof_missing",
        }
    }

    /// Whether it is the envelope.
    pub(super) const fn is_of_envelope(&self) -> bool {
        matches!(
            self,
            Self::Unenveloped
                | Self::EnvelopeOff
                | Self::EnvelopeKeyRetired
                | Self::EnvelopeWithoutRsa
                | Self::Envelope(_)
                | Self::EnvelopeContent
        )
    }

    /// Whether it is the signature that does not go with the message.
    pub(super) fn is_of_signature(&self) -> bool {
        match self {
            Self::Unsigned | Self::Signature(_) => true,
            Self::Insufficient(missing) => missing.each().eq([Means::Signature]),
            _ => false,
        }
    }

    /// The same for a reader.
    pub(super) fn meaning(&self) -> String {
        let meaning = match self {
            Self::Missing => "the device enrolled with a certificate and came without one",
            Self::Foreign => "the certificate is not of one of our authorities",
            Self::Unknown => "the certificate is of one of our authorities, and was not issued to a device",
            Self::NotYetValid => "the certificate is not good yet; see whether the server's clock is right",
            Self::Expired => "the certificate has ended; the device has to enroll anew",
            Self::Superseded => "the certificate was renewed, and the new one is in use",
            Self::Revoked => "the certificate was taken back",
            Self::OtherDevice => "the certificate is another device's than the message says",
            Self::OtherCredential => "the message has another device's credential than the certificate",
            Self::Proxy("proxy_header_of_a_stranger") => {
                "the message has a header of a proxy, and is not from one that the settings name (proxy.trusted)"
            }
            Self::Proxy("proxy_header_twice") => {
                "the proxy lets through what clients say in its name; it has to remove such headers (docs/proxies.md)"
            }
            Self::Proxy(_) => "what the proxy says of the client can not be read",
            Self::Unsigned => "the device signs its messages, and this one is not signed",
            Self::Unenveloped => "the device envelopes its messages, and this one came in clear",
            Self::EnvelopeOff => "the message came in an envelope, and those of this device are not opened",
            Self::EnvelopeKeyRetired => {
                "the envelope is for a key of this server that the device has replaced with a newer one"
            }
            Self::EnvelopeWithoutRsa => "the device has no RSA key that a reply could be enveloped for",
            Self::EnvelopeContent => "the envelope was opened, and what is signed in it is no message",
            Self::Envelope(refused) => {
                let hint = refused.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                return format!("{refused}{hint}");
            }
            Self::Insufficient(missing) => {
                return format!(
                    "what this device is believed by (transom device trust) was not there whole: {missing}"
                );
            }
            Self::Signature(refused) => {
                let hint = refused.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                return format!("{refused}{hint}");
            }
        };
        meaning.to_owned()
    }
}

/// Says who speaks. Locks the enrollments of the device that the message names, so that a certificate which is taken
/// back at the same time counts in all of the message or in none of it.
///
/// A certificate and a signature are both judged where both are there, and have to be of the same certificate: one that
/// is wrong refuses the message, whatever else is right.
pub(super) fn identify(
    tx: &mut Tx<'_>,
    heard: &Heard,
    header: &Header,
    frame: &Frame<'_>,
    proofs: &mut Proofs,
) -> Result<Identity, Error> {
    if let Some(lie) = heard.lie {
        return Ok(Identity::Mismatch(Mismatch::Proxy(lie), None));
    }
    let mut contacts = tx.live_enrollments(&header.device)?;
    for contact in &mut contacts {
        beside::turn_to(tx, contact, header, heard)?;
    }
    let (otherwise, certified) = match certified(tx, heard, contacts, proofs)? {
        Certified::Mismatch(mismatch, whose) => return Ok(Identity::Mismatch(mismatch, whose)),
        Certified::Contact(contact, record) => (Mismatch::Missing, Ok((contact, record))),
        Certified::Nothing(otherwise, contacts) => (otherwise, Err(contacts)),
    };
    let judged = match &certified {
        Ok((contact, record)) => signature::by(heard, contact, record, frame),
        Err(contacts) => signature::by_any(tx, heard, contacts, frame)?,
    };
    proofs.signature(&judged, heard);
    let certificate_alone = ProofSet::NONE.with(Means::Certificate);
    let (contact, record, shown) = match (judged, certified) {
        (Judged::Refused(mismatch, whose), _) => return Ok(Identity::Mismatch(mismatch, whose)),
        (Judged::Good(..), Ok((contact, record))) => (contact, record, certificate_alone.with(Means::Signature)),
        (Judged::Nothing(_), Ok((contact, record))) => (contact, record, certificate_alone),
        (Judged::Good(record, _), Err(contacts)) => {
            match contacts.into_iter().find(|contact| contact.enrollment == record.enrollment) {
                Some(contact) => (Box::new(contact), *record, ProofSet::NONE.with(Means::Signature)),
                None => return Ok(Identity::Stranger),
            }
        }
        (Judged::Nothing(_), Err(contacts)) => {
            if let Some(contact) = by_token(heard, &contacts, frame, proofs) {
                return Ok(Identity::Contact { contact, certificate: None, is_proved: true });
            }
            return Ok(by_credential(contacts, &heard.message, header, (frame, otherwise), proofs));
        }
    };
    proofs.device_token(&heard.tokens.of_device(&contact), false);
    if let Some(mismatch) = contradiction(&heard.message, &contact) {
        return Ok(Identity::Mismatch(mismatch, Some(contact.enrollment)));
    }
    let is_proved = match judge(&contact, frame, shown) {
        Enough::Yes => true,
        Enough::WithCredential => false,
        Enough::No(missing) => {
            proofs.insufficient(missing, policy(&contact, frame));
            return Ok(Identity::Mismatch(Mismatch::Insufficient(missing), Some(contact.enrollment)));
        }
    };
    Ok(Identity::Contact { contact, certificate: Some(record), is_proved })
}

/// The newest enrollment, where the settings let the token of the device speak for it. A certificate that is wrong was
/// refused before.
fn by_token(heard: &Heard, contacts: &[Contact], frame: &Frame<'_>, proofs: &mut Proofs) -> Option<Box<Contact>> {
    let newest = contacts.first()?;
    let proves = tokens::proves(heard, newest, frame) && contradiction(&heard.message, newest).is_none();
    proofs.device_token(&heard.tokens.of_device(newest), proves);
    proves.then(|| Box::new(newest.clone()))
}

/// What is enough for an enrollment.
pub(super) fn policy<'a>(contact: &'a Contact, frame: &Frame<'a>) -> &'a ProofPolicy {
    contact.account.proofs.as_ref().unwrap_or(frame.proofs)
}

fn judge(contact: &Contact, frame: &Frame<'_>, shown: ProofSet) -> Enough {
    policy(contact, frame).judge(shown, contact.account.scheme, contact.needs_certificate)
}

/// What a client certificate says.
enum Certified {
    /// Nothing, and what is wrong where a certificate is needed.
    Nothing(Mismatch, Vec<Contact>),
    Contact(Box<Contact>, CertificateRecord),
    Mismatch(Mismatch, Option<EnrollmentId>),
}

fn certified(tx: &mut Tx<'_>, heard: &Heard, contacts: Vec<Contact>, proofs: &mut Proofs) -> Result<Certified, Error> {
    let Some(presented) = heard.certificate.as_deref() else {
        return Ok(Certified::Nothing(Mismatch::Missing, contacts));
    };
    let Some(record) = tx.certificate(presented.fingerprint())? else {
        return Ok(match presented.verdict() {
            Ok(_) => {
                proofs.certificate_refused(&Mismatch::Unknown);
                Certified::Mismatch(Mismatch::Unknown, None)
            }
            // Shown for another purpose. It opens nothing, and a device that proves itself otherwise needs none.
            Err(why) => {
                proofs.certificate_ignored(*why);
                Certified::Nothing(Mismatch::Foreign, contacts)
            }
        });
    };
    let contact = contacts.into_iter().find(|contact| contact.enrollment == record.enrollment);
    // The verdict is the one of the handshake; an authority may have been retired since.
    let is_ours = presented.verdict().is_ok() && signature::is_ours(heard, &record);
    let mismatch = standing(&record, is_ours, heard.received_at);
    Ok(match (mismatch, contact) {
        (None, Some(contact)) => {
            proofs.certificate_good(&record, presented.passed_on_by());
            Certified::Contact(Box::new(contact), record)
        }
        (mismatch, _) => {
            let mismatch = mismatch.unwrap_or(Mismatch::OtherDevice);
            proofs.certificate_refused(&mismatch);
            Certified::Mismatch(mismatch, Some(record.enrollment))
        }
    })
}

/// Why a certificate that we issued does not count.
pub(super) fn standing(record: &CertificateRecord, is_ours: bool, now: Timestamp) -> Option<Mismatch> {
    match record.state {
        CertificateState::Superseded => Some(Mismatch::Superseded),
        CertificateState::Revoked => Some(Mismatch::Revoked),
        CertificateState::Current | CertificateState::Next if now < record.certificate.not_before => {
            Some(Mismatch::NotYetValid)
        }
        CertificateState::Current | CertificateState::Next if now >= record.certificate.not_after => {
            Some(Mismatch::Expired)
        }
        // The authority that issued it is no longer one of ours.
        CertificateState::Current | CertificateState::Next if !is_ours => Some(Mismatch::Foreign),
        CertificateState::Current | CertificateState::Next => None,
    }
}

/// Where the message says that it is from another device than its certificate.
fn contradiction(message: &Message, contact: &Contact) -> Option<Mismatch> {
    let named = message.header.source.loc_name.as_deref();
    let foreign_name = named.is_some_and(|name| name != contact.account.client.name);
    if message.header.cred.is_some() && foreign_name {
        return Some(Mismatch::OtherCredential);
    }
    said_device_ids(message)
        .any(|id| DeviceId::parse(id).is_none_or(|id| id.key() != contact.device_id.key()))
        .then_some(Mismatch::OtherDevice)
}

/// Values of `./DevInfo/DevId` in package 1.
fn said_device_ids(message: &Message) -> impl Iterator<Item = &str> {
    let requests = message.body.commands.iter().filter_map(|command| match command {
        Command::Request(request) if request.verb == Verb::Replace => Some(request),
        _ => None,
    });
    requests
        .flat_map(|request| &request.items)
        .filter(|item| item.source_uri().is_some_and(|uri| uri.eq_ignore_ascii_case("./DevInfo/DevId")))
        .map(|item| item.text().trim())
}

/// Without a certificate that counts, only enrollments are left for which a credential is enough: by default those that
/// never had a certificate.
fn by_credential(
    contacts: Vec<Contact>,
    message: &Message,
    header: &Header,
    (frame, otherwise): (&Frame<'_>, Mismatch),
    proofs: &mut Proofs,
) -> Identity {
    let Some(newest) = contacts.first() else { return Identity::Stranger };
    let wanted = (policy(newest, frame).clone(), judge(newest, frame, ProofSet::NONE));
    let open: Vec<Contact> = contacts
        .into_iter()
        .filter(|contact| judge(contact, frame, ProofSet::NONE) == Enough::WithCredential)
        .collect();
    match choose(open, message, header) {
        Some(contact) => Identity::Contact { contact: Box::new(contact), certificate: None, is_proved: false },
        None => match wanted {
            (policy @ ProofPolicy::AnyOf(_), Enough::No(missing)) => {
                proofs.insufficient(missing, &policy);
                Identity::Mismatch(Mismatch::Insufficient(missing), None)
            }
            _ => Identity::Mismatch(otherwise, None),
        },
    }
}

/// Which enrollment of a device speaks: the one whose name the credential has, or whose session this continues, or the
/// newest. A wrong guess costs a challenge and nothing else.
fn choose(mut contacts: Vec<Contact>, message: &Message, header: &Header) -> Option<Contact> {
    let name = message.header.source.loc_name.as_deref().filter(|_| message.header.cred.is_some());
    let place = match name {
        Some(name) => contacts.iter().position(|contact| contact.account.client.name == name),
        None => contacts.iter().position(|contact| {
            let session = contact.session.as_ref().map(|(_, session)| session);
            session
                .is_some_and(|session| session.session_id == header.session && header.message >= session.client_message)
        }),
    };
    let place = place.unwrap_or(0);
    (place < contacts.len()).then(|| contacts.swap_remove(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CertificateFingerprint, KeyFingerprint, NewCertificate, SerialNumber};

    fn record(state: CertificateState) -> CertificateRecord {
        CertificateRecord {
            certificate: NewCertificate {
                fingerprint: CertificateFingerprint::new([1; 32]),
                serial: SerialNumber::from_bytes(&[1; 16]).unwrap(),
                key: KeyFingerprint::new([2; 32]),
                authority: "0a1b".to_owned(),
                not_before: Timestamp(1_000),
                not_after: Timestamp(2_000),
                der: Vec::new(),
            },
            enrollment: EnrollmentId::new(Timestamp(1)),
            state,
            issued_at: Timestamp(1_000),
            first_used_at: None,
            revoked_at: None,
            reason: None,
        }
    }

    #[test]
    fn a_certificate_counts_in_its_time_and_while_nothing_took_it_back() {
        for state in [CertificateState::Current, CertificateState::Next] {
            let at = |now, is_ours| standing(&record(state), is_ours, Timestamp(now));
            assert_eq!([at(1_000, true), at(1_999, true)], [None, None]);
            assert_eq!(at(999, true), Some(Mismatch::NotYetValid));
            assert_eq!(at(2_000, true), Some(Mismatch::Expired));
            assert_eq!(at(1_500, false), Some(Mismatch::Foreign), "its authority was retired");
        }
        for (state, mismatch) in
            [(CertificateState::Superseded, Mismatch::Superseded), (CertificateState::Revoked, Mismatch::Revoked)]
        {
            assert_eq!(standing(&record(state), true, Timestamp(1_500)), Some(mismatch));
        }
    }

    #[test]
    fn every_refusal_is_told_as_one() {
        use crate::model::{EventKind, FeedKind};
        for mismatch in [
            Mismatch::Missing,
            Mismatch::Foreign,
            Mismatch::Unknown,
            Mismatch::NotYetValid,
            Mismatch::Expired,
            Mismatch::Superseded,
            Mismatch::Revoked,
            Mismatch::OtherDevice,
            Mismatch::OtherCredential,
            Mismatch::Proxy("proxy_header_twice"),
            Mismatch::Unsigned,
            Mismatch::Signature(SignatureRefused::Blank),
            Mismatch::Unenveloped,
            Mismatch::EnvelopeOff,
            Mismatch::EnvelopeKeyRetired,
            Mismatch::EnvelopeWithoutRsa,
            Mismatch::Envelope(EnvelopeRefused::OtherKey),
            Mismatch::EnvelopeContent,
            Mismatch::Insufficient(ProofSet::default()),
        ] {
            let kind = FeedKind::of_journal(EventKind::Security, mismatch.as_str());
            assert_eq!(kind, FeedKind::IdentityRefused, "{mismatch:?}");
        }
    }
}
