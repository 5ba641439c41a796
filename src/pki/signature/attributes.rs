//! The signed attributes that a message signature must have (RFC 5652 11): each once, each with one value.

use der::{
    Any, Tag, Tagged as _,
    asn1::{ObjectIdentifier, OctetString},
};
use transom_protocol::session::Timestamp;
use x509_cert::{attr::Attributes as AttributeSet, time::Time};

use super::SignatureRefused;

pub(super) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(super) const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");

pub(super) struct Attributes {
    pub(super) content_type: ObjectIdentifier,
    pub(super) message_digest: Vec<u8>,
    pub(super) signing_time: Timestamp,
}

impl Attributes {
    pub(super) fn read(attributes: &AttributeSet) -> Result<Self, SignatureRefused> {
        let content_type = one(attributes, CONTENT_TYPE, "content-type")?;
        let message_digest = one(attributes, MESSAGE_DIGEST, "message-digest")?;
        let signing_time = one(attributes, SIGNING_TIME, "signing-time")?;
        let time = match signing_time.tag() {
            Tag::UtcTime => signing_time.decode_as().map(Time::UtcTime),
            _ => signing_time.decode_as().map(Time::GeneralTime),
        };
        let time = time.map_err(|_: der::Error| SignatureRefused::Unreadable("signing-time"))?.to_unix_duration();
        Ok(Self {
            content_type: content_type
                .decode_as()
                .map_err(|_: der::Error| SignatureRefused::Unreadable("content-type"))?,
            message_digest: message_digest
                .decode_as::<OctetString>()
                .map_err(|_: der::Error| SignatureRefused::Unreadable("message-digest"))?
                .into_bytes()
                .to_vec(),
            signing_time: Timestamp(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)),
        })
    }
}

fn one<'a>(
    attributes: &'a AttributeSet,
    oid: ObjectIdentifier,
    name: &'static str,
) -> Result<&'a Any, SignatureRefused> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let attribute = found.next().ok_or(SignatureRefused::Missing(name))?;
    match (attribute.values.as_ref(), found.next()) {
        ([value], None) => Ok(value),
        _ => Err(SignatureRefused::Ambiguous(name)),
    }
}
