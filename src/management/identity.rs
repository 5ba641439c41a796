//! Whose message is it? What the TLS handshake showed is held against the database with every message, because a
//! resumed or open connection is not checked again (OMA DM Security 5; threats T01 to T03, T06, T07).
//!
//! A certificate speaks for the one enrollment that it was issued to, and an enrollment that was made with a
//! certificate is heard only with one. Imported enrollments have none, and prove themselves with a credential.

use transom_protocol::session::{DeviceId, Header, Timestamp};
use transom_protocol::syncml::{Command, Message, Verb};

use super::exchange::{Frame, Heard};
use super::proofs::Proofs;
use super::signature::{self, Judged};
use crate::model::{CertificateRecord, CertificateState, EnrollmentId};
use crate::pki::signature::SignatureRefused;
use crate::store::{Contact, Error, Tx};

/// Who speaks.
pub(super) enum Identity {
    /// Nobody is enrolled under this name.
    Stranger,
    /// An enrollment; its certificate, if that proved it by TLS or by a signature, or else a credential has to.
    Contact(Box<Contact>, Option<CertificateRecord>),
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
        }
    }

    /// Whether it is the signature that does not go with the message.
    pub(super) const fn is_of_signature(&self) -> bool {
        matches!(self, Self::Unsigned | Self::Signature(_))
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
    let contacts = tx.live_enrollments(&header.device)?;
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
    let (contact, record) = match (judged, certified) {
        (Judged::Refused(mismatch, whose), _) => return Ok(Identity::Mismatch(mismatch, whose)),
        (_, Ok((contact, record))) => (contact, Some(record)),
        (Judged::Good(record, _), Err(contacts)) => {
            match contacts.into_iter().find(|contact| contact.enrollment == record.enrollment) {
                Some(contact) => (Box::new(contact), Some(*record)),
                None => return Ok(Identity::Stranger),
            }
        }
        (Judged::Nothing(_), Err(contacts)) => match by_credential(contacts, &heard.message, header, otherwise) {
            Identity::Contact(contact, record) => (contact, record),
            other => return Ok(other),
        },
    };
    if record.is_some()
        && let Some(mismatch) = contradiction(&heard.message, &contact)
    {
        return Ok(Identity::Mismatch(mismatch, Some(contact.enrollment)));
    }
    Ok(Identity::Contact(contact, record))
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
    let mismatch = standing(&record, presented.verdict().is_ok(), heard.received_at);
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

/// Without a certificate that counts, only enrollments that never had one are left.
fn by_credential(contacts: Vec<Contact>, message: &Message, header: &Header, otherwise: Mismatch) -> Identity {
    if contacts.is_empty() {
        return Identity::Stranger;
    }
    let open = contacts.into_iter().filter(|contact| !contact.needs_certificate).collect();
    match choose(open, message, header) {
        Some(contact) => Identity::Contact(Box::new(contact), None),
        None => Identity::Mismatch(otherwise, None),
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
