//! The envelope: header, body, and the one thing that the body asks.

use zeroize::Zeroizing;

use super::{Asked, Credential, Element, Refused, Why, security};
use crate::xml::{self, Limits};

/// An envelope that was taken apart.
pub(crate) struct Envelope<'e, 'a> {
    /// The header, where there is one.
    pub(crate) header: Option<&'e Element<'a>>,
    /// The one element in the body.
    pub(crate) content: &'e Element<'a>,
}

/// Longest `MessageID` and `To` that are kept: both are echoed or shown.
const LONGEST: usize = 512;

/// Reads what a client asks: the envelope, its credential, and the body by `parse`, which gets the element in the body.
pub(crate) fn read<T>(
    body: &[u8],
    limits: &Limits,
    expected: &'static str,
    parse: impl FnOnce(&Element<'_>) -> Result<T, Why>,
) -> Result<Asked<T>, Refused> {
    let unread = |why: Why| Refused { message_id: None, why };
    // It may hold a password in the clear.
    let text = Zeroizing::new(xml::text(body, limits).map_err(|refusal| unread(refusal.into()))?);
    let root = Element::read(&text, limits).map_err(|refusal| unread(refusal.into()))?;
    // A header that can't be told apart is refused below; until then there is no id.
    let header = root.child("Header").ok().flatten();
    let message_id = header.and_then(|header| addressing(header, "MessageID"));
    let ask = || -> Result<(Credential, T), Why> {
        let envelope = Envelope::of(&root)?;
        let credential = security::credential(&root, &envelope, &text)?;
        if envelope.content.name != expected {
            return Err(Why::OtherRequest(expected));
        }
        Ok((credential, parse(envelope.content)?))
    };
    match ask() {
        Ok((credential, body)) => {
            Ok(Asked { message_id, to: header.and_then(|header| addressing(header, "To")), credential, body })
        }
        Err(why) => Err(Refused { message_id, why }),
    }
}

impl<'e, 'a> Envelope<'e, 'a> {
    /// Takes an envelope of SOAP 1.1 or 1.2 apart.
    pub(crate) fn of(root: &'e Element<'a>) -> Result<Self, Why> {
        if root.name != "Envelope" {
            return Err(Why::NoEnvelope);
        }
        let header = root.child("Header")?;
        match root.required("Body")?.children.as_slice() {
            [content] => Ok(Self { header, content }),
            [] => Err(Why::Missing("request in the body")),
            _ => Err(Why::Twice("the request in the body")),
        }
    }
}

/// A text of the addressing header. It decides nothing, so that one that can't be read is none.
fn addressing(header: &Element<'_>, name: &'static str) -> Option<String> {
    header.word(name).ok().flatten().filter(|word| word.len() <= LONGEST).map(str::to_owned)
}
