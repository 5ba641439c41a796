//! The signature of a message, held against the certificates that the database has for the enrollment (MS-MDM 2.1 note
//! 4; threats T08 to T10). It counts for as much as the client certificate of a connection.

use super::exchange::{Frame, Heard};
use super::identity::{Mismatch, policy, standing};
use crate::model::{CertificateRecord, CertificateState, EnrollmentId, Signing};
use crate::pki::signature::{MessageSignature, SignatureRefused, Signed};
use crate::store::{Contact, Error, Tx};

/// What came of a signature, or of there being none.
pub(super) enum Judged {
    /// It is good, by this certificate.
    Good(Box<CertificateRecord>, Signed),
    /// It is not, or is missing, and so is the message.
    Refused(Mismatch, Option<EnrollmentId>),
    /// There is none, or it was not judged.
    Nothing(Unjudged),
}

/// Why a signature was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unjudged {
    /// None came, and none had to.
    Absent,
    /// It is switched off for the enrollment.
    Off,
    /// The enrollment has no certificate of ours, so that nobody knows what it would have to be made with.
    NoCertificate,
}

/// Judges the signature of a message whose connection showed a certificate that counts: that one has to have made it.
pub(super) fn by(heard: &Heard, contact: &Contact, record: &CertificateRecord, frame: &Frame<'_>) -> Judged {
    if mode(contact, heard, frame) == Signing::Off {
        return Judged::Nothing(heard.signature.as_ref().map_or(Unjudged::Absent, |_| Unjudged::Off));
    }
    match &heard.signature {
        None => absent(heard, contact, frame),
        Some(Err(refused)) => refused_for(refused.clone(), contact),
        Some(Ok(signature)) => verified(heard, signature, contact, record.clone(), frame),
    }
}

/// Judges the signature of a message that came over a connection without a certificate: any that still counts, of any
/// life that the device may use, may have made it.
pub(super) fn by_any(tx: &mut Tx<'_>, heard: &Heard, contacts: &[Contact], frame: &Frame<'_>) -> Result<Judged, Error> {
    let Some(newest) = contacts.first() else { return Ok(Judged::Nothing(Unjudged::Absent)) };
    let judging: Vec<&Contact> =
        contacts.iter().filter(|contact| mode(contact, heard, frame) != Signing::Off).collect();
    let Some(signature) = &heard.signature else {
        // Only where every life of the device signs is it clear that this message should.
        let missing = contacts.iter().all(|contact| requires(contact, heard, frame));
        return Ok(if missing { absent(heard, newest, frame) } else { Judged::Nothing(Unjudged::Absent) });
    };
    let Some(first) = judging.first() else { return Ok(Judged::Nothing(Unjudged::Off)) };
    let signature = match signature {
        Ok(signature) => signature,
        Err(refused) => return Ok(refused_for(refused.clone(), first)),
    };
    let mut other = None;
    for contact in &judging {
        let known = tx.certificates_of(&contact.enrollment)?;
        let known = known.into_iter().rev().filter(|record| !record.certificate.der.is_empty());
        for record in known {
            if signature.names(&record.certificate.der) {
                return Ok(verified(heard, signature, contact, record, frame));
            }
            let counts = matches!(record.state, CertificateState::Current | CertificateState::Next);
            if counts && other.is_none() {
                other = Some((*contact, record));
            }
        }
    }
    Ok(match other {
        Some((contact, record)) => verified(heard, signature, contact, record, frame),
        None if requires(first, heard, frame) => refused_for(SignatureRefused::Foreign, first),
        None => Judged::Nothing(Unjudged::NoCertificate),
    })
}

fn verified(
    heard: &Heard,
    signature: &MessageSignature,
    contact: &Contact,
    record: CertificateRecord,
    frame: &Frame<'_>,
) -> Judged {
    if let Some(mismatch) = standing(&record, is_ours(heard, &record), heard.received_at) {
        return Judged::Refused(mismatch, Some(contact.enrollment.clone()));
    }
    match signature.verify(&heard.body, &record.certificate.der, heard.received_at, &frame.window) {
        Ok(signed) => match heard.wrapped.as_ref().and_then(|wrapped| wrapped.header(&record, heard, &frame.window)) {
            Some(refused) => refused_for(refused, contact),
            None => Judged::Good(Box::new(record), signed),
        },
        Err(refused) => refused_for(refused, contact),
    }
}

/// Whether the authority that issued a certificate is one that we still trust.
pub(super) fn is_ours(heard: &Heard, record: &CertificateRecord) -> bool {
    heard.authorities.as_ref().is_some_and(|authorities| {
        authorities
            .trusted(heard.received_at)
            .any(|authority| authority.id().is_ok_and(|id| id.to_string() == record.certificate.authority))
    })
}

fn absent(heard: &Heard, contact: &Contact, frame: &Frame<'_>) -> Judged {
    if requires(contact, heard, frame) {
        Judged::Refused(Mismatch::Unsigned, Some(contact.enrollment.clone()))
    } else {
        Judged::Nothing(Unjudged::Absent)
    }
}

fn refused_for(refused: SignatureRefused, contact: &Contact) -> Judged {
    Judged::Refused(Mismatch::Signature(refused), Some(contact.enrollment.clone()))
}

/// A policy that names signatures has them judged, and so has an envelope: nothing else says who made it.
fn mode(contact: &Contact, heard: &Heard, frame: &Frame<'_>) -> Signing {
    match contact.signing.unwrap_or(frame.signing) {
        Signing::Off if heard.wrapped.is_some() || policy(contact, frame).names_signatures() => Signing::Accept,
        mode => mode,
    }
}

/// Whether this message of the enrollment has to be signed: it is wanted, and the device has said that it does so. Not
/// yet in the session in which it says so: what a device was told holds from the next one on. And never of an enrollment
/// that was imported, because nobody here knows what it signs with.
fn requires(contact: &Contact, heard: &Heard, frame: &Frame<'_>) -> bool {
    let Some(confirmed) = contact
        .signing_confirmed_at
        .filter(|_| contact.needs_certificate && mode(contact, heard, frame) == Signing::Require)
    else {
        return false;
    };
    let goes_on = contact.session.as_ref().is_some_and(|(_, session)| {
        session.session_id.as_str() == heard.message.header.session_id && session.started_at <= confirmed
    });
    !goes_on
}
