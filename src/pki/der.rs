//! Just enough of DER to look at what OpenSSL has no word for: which algorithm a request names, how many have signed,
//! whether anything follows. Whatever is trusted afterwards has been read and verified by OpenSSL as well.

use der::{AnyRef, Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

/// Deeper than any message of an enrollment goes.
const MAX_DEPTH: u8 = 16;

/// One value in its encoding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    pub(super) value: &'a [u8],
    /// With its tag and length.
    pub(super) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// What is in it, when it has this tag.
    pub(super) fn inside(&self, tag: Tag) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.value)
    }
}

/// All values, one after the other; `None` when something else is between or behind them.
pub(super) fn elements(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        let whole = reader.tlv_bytes().ok()?;
        let any = AnyRef::from_der(whole).ok()?;
        elements.push(Element { tag: any.tag(), value: any.value(), whole });
    }
    Some(elements)
}

/// What is in the one value that all of the bytes are.
pub(super) fn only(bytes: &[u8], tag: Tag) -> Option<&[u8]> {
    match elements(bytes)?.as_slice() {
        [element] => element.inside(tag),
        _ => None,
    }
}

/// The tag `[number]` of something constructed.
pub(super) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { number: TagNumber(number), constructed: true }
}

/// A value with its tag and length.
pub(super) fn write(tag: Tag, value: &[u8]) -> Result<Vec<u8>, der::Error> {
    AnyRef::new(tag, value)?.to_der()
}

/// Several values as one.
pub(super) fn write_all(tag: Tag, values: &[Vec<u8>]) -> Result<Vec<u8>, der::Error> {
    write(tag, &values.concat())
}

/// How many bytes the value takes that the bytes begin with, lengths of BER included; `None` when it goes beyond them,
/// or deeper than is sane. No declared length is believed before the bytes are there.
pub(super) fn extent(bytes: &[u8]) -> Option<usize> {
    extent_within(bytes, MAX_DEPTH)
}

fn extent_within(bytes: &[u8], depth: u8) -> Option<usize> {
    let (&tag, &length) = (bytes.first()?, bytes.get(1)?);
    // Nothing in an enrollment has a tag of several bytes.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let end = match length {
        0x80 if tag & 0x20 != 0 => {
            let depth = depth.checked_sub(1)?;
            let mut at: usize = 2;
            while bytes.get(at..at.checked_add(2)?)? != [0, 0] {
                at = at.checked_add(extent_within(bytes.get(at..)?, depth)?)?;
            }
            at.checked_add(2)?
        }
        0..0x80 => 2 + usize::from(length),
        0x81..=0x84 => {
            let behind = 2 + usize::from(length & 0x7f);
            let number = bytes.get(2..behind)?.iter().fold(0_usize, |number, byte| (number << 8) | usize::from(*byte));
            behind.checked_add(number)?
        }
        _ => return None,
    };
    (end <= bytes.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_one_after_the_other() {
        let two = [2, 1, 7, 4, 2, 1, 2];
        let read = elements(&two).unwrap();
        assert_eq!((read[0].inside(Tag::Integer), read[1].whole), (Some(&[7][..]), &two[3..]));
        assert_eq!(read[0].inside(Tag::OctetString), None);
        assert!(only(&two, Tag::Integer).is_none() && only(&two[..3], Tag::Integer).is_some());
        for wrong in [&two[..6], &[2, 0x84, 0xff, 0xff, 0xff, 0xff, 1], &[0x30, 0x80, 0, 0]] {
            assert!(elements(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn an_extent_never_goes_beyond_what_is_there() {
        assert_eq!(extent(&[0x30, 0x80, 2, 1, 7, 0, 0, 9]), Some(7));
        assert_eq!(extent(&[4, 0x81, 1, 0xff]), Some(4));
        let deep = [0x30, 0x80].repeat(40);
        let nothing: &[u8] = &[];
        for wrong in [
            nothing,
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x80, 0],
            &[0x04, 0x80, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x1f, 0x81, 0],
            &deep,
        ] {
            assert_eq!(extent(wrong), None, "{wrong:?}");
        }
    }
}
