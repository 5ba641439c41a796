//! Whose message is it? What the TLS handshake showed is held against the database with every message, because a
//! resumed or open connection is not checked again (OMA DM Security 5; threats T01 to T03, T06, T07).
//!
//! A certificate speaks for the one enrollment that it was issued to, and an enrollment that was made with a
//! certificate is heard only with one. Imported enrollments have none, and prove themselves with a credential.

use transom_protocol::session::{DeviceId, Header, Timestamp};
use transom_protocol::syncml::{Command, Message, Verb};

use crate::model::{CertificateRecord, CertificateState};
use crate::pki::Presented;
use crate::store::{Contact, Error, Tx};

/// Who speaks.
pub(super) enum Identity {
    /// Nobody is enrolled under this name.
    Stranger,
    /// An enrollment; its certificate, if that proved it, or else a credential has to.
    Contact(Box<Contact>, Option<CertificateRecord>),
    /// Not the one who should; the record of the certificate, if we issued it.
    Mismatch(Mismatch, Option<CertificateRecord>),
}

/// Why certificate and message do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

impl Mismatch {
    /// The word for it in counters and events.
    pub(super) const fn as_str(self) -> &'static str {
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
        }
    }

    /// The same for a reader.
    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Missing => "the device enrolled with a certificate and came without one",
            Self::Foreign => "the certificate is not of one of our authorities",
            Self::Unknown => "the certificate is of one of our authorities, and was not issued to a device",
            Self::NotYetValid => "the certificate is not good yet; see whether the server's clock is right",
            Self::Expired => "the certificate has ended; the device has to enroll anew",
            Self::Superseded => "the certificate was renewed, and the new one is in use",
            Self::Revoked => "the certificate was taken back",
            Self::OtherDevice => "the certificate is another device's than the message says",
            Self::OtherCredential => "the message has another device's credential than the certificate",
        }
    }
}

/// Says who speaks. Locks the enrollments of the device that the message names, so that a certificate which is taken
/// back at the same time counts in all of the message or in none of it.
pub(super) fn identify(
    tx: &mut Tx<'_>,
    message: &Message,
    header: &Header,
    presented: Option<&Presented>,
    now: Timestamp,
) -> Result<Identity, Error> {
    let contacts = tx.live_enrollments(&header.device)?;
    let Some(presented) = presented else { return Ok(by_credential(contacts, message, header, Mismatch::Missing)) };
    let Some(record) = tx.certificate(presented.fingerprint())? else {
        return Ok(match presented.verdict() {
            Ok(_) => Identity::Mismatch(Mismatch::Unknown, None),
            // Shown for another purpose. It opens nothing, and a device that proves itself otherwise needs none.
            Err(_) => by_credential(contacts, message, header, Mismatch::Foreign),
        });
    };
    let contact = contacts.into_iter().find(|contact| contact.enrollment == record.enrollment);
    let mismatch = standing(presented, &record, now).or_else(|| match &contact {
        None => Some(Mismatch::OtherDevice),
        Some(contact) => contradiction(message, contact),
    });
    Ok(match (mismatch, contact) {
        (None, Some(contact)) => Identity::Contact(Box::new(contact), Some(record)),
        (mismatch, _) => Identity::Mismatch(mismatch.unwrap_or(Mismatch::OtherDevice), Some(record)),
    })
}

/// Why a certificate that we issued does not count.
fn standing(presented: &Presented, record: &CertificateRecord, now: Timestamp) -> Option<Mismatch> {
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
        CertificateState::Current | CertificateState::Next if presented.verdict().is_err() => Some(Mismatch::Foreign),
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
