//! Forms with a file in them, as browsers send them without scripts: read part by part, and kept in memory alone.
//!
//! The first part is the token of the form: of what is not from a page of ours nothing else is read. Every part is one that
//! was asked for, stands there once, and has a bound; so has the whole body.

use std::collections::BTreeMap;

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use transom_protocol::xml;

use super::{Failure, Visitor};
use crate::http::problem::Problem;
use crate::model::Right;

/// The part with the token.
const TOKEN: &str = "csrf";

/// Longest token, in bytes.
const LONGEST_TOKEN: usize = 256;

/// What may stand around a part, in bytes.
const AROUND: usize = 4096;

/// What a form has brought.
#[derive(Debug, Default)]
pub(super) struct Uploaded(BTreeMap<&'static str, Vec<u8>>);

/// Something in a form that is no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoText;

impl Uploaded {
    /// A part as text; nothing where it is not there. Editors and shells of Windows write UTF-16, and begin UTF-8 with a
    /// mark too.
    pub(super) fn text(&self, name: &str) -> Result<String, NoText> {
        let bytes = self.0.get(name).map_or(&[][..], Vec::as_slice);
        if matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]) {
            let limits = xml::Limits { bytes: bytes.len(), ..xml::Limits::default() };
            return xml::text(bytes, &limits).map_err(|_| NoText);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoText)?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
    }
}

/// Reads a form of whoever may send it. `known` are its parts, each with its bound in bytes.
pub(super) async fn read(
    visitor: &Visitor,
    right: Right,
    request: &HttpRequest,
    payload: Payload,
    known: &[(&'static str, usize)],
) -> Result<Uploaded, Failure> {
    let most = known.iter().fold(LONGEST_TOKEN + AROUND, |sum, (_, most)| sum + most + AROUND);
    let mut parts = Multipart::new(request.headers(), bounded(payload, most));
    let mut uploaded = Uploaded::default();
    let mut is_ours = false;
    while let Some(mut part) = parts.try_next().await.map_err(|error| Failure::form(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if !is_ours {
            let token = if name == TOKEN { all(&mut part, LONGEST_TOKEN).await? } else { Vec::new() };
            visitor.verify(std::str::from_utf8(&token).unwrap_or_default(), right)?;
            is_ours = true;
            continue;
        }
        let Some((name, most)) = known.iter().copied().find(|(known, _)| *known == name) else {
            return Err(Failure::form(&"it has a part that nobody asked for"));
        };
        let bytes = all(&mut part, most).await?;
        if uploaded.0.insert(name, bytes).is_some() {
            return Err(Failure::form(&format!("it has the part {name} twice")));
        }
    }
    if is_ours { Ok(uploaded) } else { Err(Failure::forged()) }
}

/// All of a part.
async fn all(part: &mut actix_multipart::Field, most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut is_long = false;
    while let Some(chunk) = part.try_next().await.map_err(|error| Failure::form(&error))? {
        // What is too long is read to its end all the same: a browser that is cut off shows nothing of the reason.
        is_long |= bytes.len() + chunk.len() > most;
        if !is_long {
            bytes.extend_from_slice(&chunk);
        }
    }
    if !is_long {
        return Ok(bytes);
    }
    let why = format!("a part of the form has more than {most} bytes");
    Err(Failure::Problem(Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(why)))
}

/// A body that ends in an error where it is longer.
fn bounded(payload: Payload, most: usize) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    let mut left = most;
    payload.map(move |chunk| {
        let chunk = chunk?;
        left = left.checked_sub(chunk.len()).ok_or(PayloadError::Overflow)?;
        Ok(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_utf_8_or_utf_16_with_a_mark() {
        let parts = [
            ("utf-8", b"\xef\xbb\xbfone".to_vec()),
            ("little", b"\xff\xfeo\0n\0e\0".to_vec()),
            ("big", b"\xfe\xff\0o\0n\0e".to_vec()),
            ("odd", b"\xff\xfeo".to_vec()),
            ("neither", b"MZ\x90\0\xff".to_vec()),
        ];
        let uploaded = Uploaded(BTreeMap::from(parts));
        for name in ["utf-8", "little", "big"] {
            assert_eq!(uploaded.text(name), Ok("one".to_owned()), "{name}");
        }
        assert_eq!((uploaded.text("odd"), uploaded.text("neither")), (Err(NoText), Err(NoText)));
        assert_eq!(uploaded.text("absent"), Ok(String::new()));
    }
}
