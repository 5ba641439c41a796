//! BER as DER (X.690 8 and 10). Windows may send a message in BER, and what reads it afterwards takes DER only.
//!
//! Lengths that are not told, told in more bytes than needed or told in pieces become plain ones. Nothing is believed
//! that is not there, nothing goes deeper than a certificate in a message does, and the number of values is bounded,
//! because what reads them sorts them.

/// A certificate of a signed message has its deepest value at 12.
const MAX_DEPTH: usize = 20;
/// A signature with a chain of four certificates has fewer than 500.
const MAX_VALUES: usize = 2_000;

const BOOLEAN: u8 = 0x01;
const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTETS_IN_PIECES: u8 = 0x24;
const CONSTRUCTED: u8 = 0x20;
const CLASS: u8 = 0xc0;

/// Why bytes are not BER that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BerRefused {
    /// A length goes beyond the end.
    #[error("it ends before its length says")]
    Truncated,
    /// Something stands behind it.
    #[error("something follows behind its end")]
    Trailing,
    /// Deeper than any real one.
    #[error("its values are nested too deep")]
    TooDeep,
    /// More values than any real one.
    #[error("it has too many values")]
    TooMany,
    /// A tag or a length that nothing here has.
    #[error("it is not well formed")]
    Malformed,
}

/// The one value that the bytes are, in DER. The order of a SET is left as it is.
pub(super) fn to_der(bytes: &[u8]) -> Result<Vec<u8>, BerRefused> {
    let mut transcoder = Transcoder { left: MAX_VALUES };
    let mut der = Vec::with_capacity(bytes.len());
    let rest = transcoder.value(bytes, 0, &mut der)?;
    if rest.is_empty() { Ok(der) } else { Err(BerRefused::Trailing) }
}

struct Transcoder {
    left: usize,
}

/// What stands before a value.
struct Head<'a> {
    tag: u8,
    /// `None`: as long as it takes to the two zeros.
    length: Option<usize>,
    behind: &'a [u8],
}

impl Transcoder {
    /// Writes the first value; what follows it comes back.
    fn value<'a>(&mut self, bytes: &'a [u8], depth: usize, der: &mut Vec<u8>) -> Result<&'a [u8], BerRefused> {
        self.left = self.left.checked_sub(1).ok_or(BerRefused::TooMany)?;
        if depth > MAX_DEPTH {
            return Err(BerRefused::TooDeep);
        }
        let Head { tag, length, behind } = head(bytes)?;
        if tag & CONSTRUCTED == 0 {
            let (value, rest) =
                behind.split_at_checked(length.ok_or(BerRefused::Malformed)?).ok_or(BerRefused::Truncated)?;
            match (tag, value) {
                (BOOLEAN, [flag]) => write(BOOLEAN, &[if *flag == 0 { 0 } else { 0xff }], der),
                (BOOLEAN, _) => return Err(BerRefused::Malformed),
                _ => write(tag, value, der),
            }
            return Ok(rest);
        }
        let mut content = Vec::new();
        let rest = match tag {
            OCTETS_IN_PIECES => {
                let rest = self.inside(length, behind, |this, bytes| this.piece(bytes, depth + 1, &mut content))?;
                write(OCTETS, &content, der);
                return Ok(rest);
            }
            SEQUENCE | SET => self.inside(length, behind, |this, bytes| this.value(bytes, depth + 1, &mut content))?,
            _ if tag & CLASS != 0 => {
                self.inside(length, behind, |this, bytes| this.value(bytes, depth + 1, &mut content))?
            }
            _ => return Err(BerRefused::Malformed),
        };
        write(tag, &content, der);
        Ok(rest)
    }

    /// Part of an OCTET STRING.
    fn piece<'a>(&mut self, bytes: &'a [u8], depth: usize, content: &mut Vec<u8>) -> Result<&'a [u8], BerRefused> {
        let mut octets = Vec::new();
        let rest = self.value(bytes, depth, &mut octets)?;
        let Head { tag: OCTETS, behind, .. } = head(&octets)? else { return Err(BerRefused::Malformed) };
        content.extend_from_slice(behind);
        Ok(rest)
    }

    /// Everything inside a constructed value.
    fn inside<'a>(
        &mut self,
        length: Option<usize>,
        behind: &'a [u8],
        mut each: impl FnMut(&mut Self, &'a [u8]) -> Result<&'a [u8], BerRefused>,
    ) -> Result<&'a [u8], BerRefused> {
        let Some(length) = length else {
            let mut at = behind;
            loop {
                match at {
                    [0, 0, rest @ ..] => return Ok(rest),
                    [] => return Err(BerRefused::Truncated),
                    _ => at = each(self, at)?,
                }
            }
        };
        let (mut at, rest) = behind.split_at_checked(length).ok_or(BerRefused::Truncated)?;
        while !at.is_empty() {
            at = each(self, at)?;
        }
        Ok(rest)
    }
}

fn head(bytes: &[u8]) -> Result<Head<'_>, BerRefused> {
    let [tag, first, behind @ ..] = bytes else { return Err(BerRefused::Truncated) };
    // Nothing in a signed message has a tag of several bytes, or none.
    if tag & 0x1f == 0x1f || *tag == 0 {
        return Err(BerRefused::Malformed);
    }
    match first {
        0..0x80 => Ok(Head { tag: *tag, length: Some(usize::from(*first)), behind }),
        0x80 => Ok(Head { tag: *tag, length: None, behind }),
        0x81..=0x84 => {
            let (number, behind) = behind.split_at_checked(usize::from(first & 0x7f)).ok_or(BerRefused::Truncated)?;
            let length = number.iter().fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
            Ok(Head { tag: *tag, length: Some(length), behind })
        }
        _ => Err(BerRefused::Malformed),
    }
}

fn write(tag: u8, value: &[u8], der: &mut Vec<u8>) {
    der.push(tag);
    let length = value.len().to_be_bytes();
    if value.len() < 0x80 {
        der.extend(u8::try_from(value.len()));
    } else {
        let number = length.iter().skip_while(|byte| **byte == 0);
        der.extend(u8::try_from(0x80 + number.clone().count()));
        der.extend(number);
    }
    der.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_become_plain_ones() {
        for (ber, der) in [
            (&[0x30, 0x80, 2, 1, 7, 0, 0][..], &[0x30, 3, 2, 1, 7][..]),
            (&[0x30, 0x83, 0, 0, 3, 2, 1, 7], &[0x30, 3, 2, 1, 7]),
            (&[0x24, 0x80, 4, 1, 1, 0x24, 3, 4, 1, 2, 0, 0], &[4, 2, 1, 2]),
            (&[0xa0, 0x80, 0x31, 0x80, 0, 0, 0, 0], &[0xa0, 2, 0x31, 0]),
            (&[1, 1, 7], &[1, 1, 0xff]),
        ] {
            assert_eq!(to_der(ber).unwrap(), der, "{ber:02x?}");
        }
        let long = [&[4, 0x82, 1, 0][..], &[9; 256]].concat();
        assert_eq!(to_der(&long).unwrap(), long);
    }

    #[test]
    fn what_is_not_there_is_not_believed() {
        let deep = [0x30, 0x80].repeat(40);
        let many = [&[0x30, 0x82, 0x10, 0x00][..], &[5, 0].repeat(2048)].concat();
        for (bytes, refused) in [
            (&[][..], BerRefused::Truncated),
            (&[0x30], BerRefused::Truncated),
            (&[0x30, 0x80, 2, 1, 7], BerRefused::Truncated),
            (&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], BerRefused::Truncated),
            (&[0x30, 3, 2, 2, 7], BerRefused::Truncated),
            (&[0x30, 0, 0], BerRefused::Trailing),
            (&[0x30, 0x85, 0, 0, 0, 0, 0], BerRefused::Malformed),
            (&[0x04, 0x80, 0, 0], BerRefused::Malformed),
            (&[0x24, 2, 2, 0], BerRefused::Malformed),
            (&[0x23, 4, 3, 2, 0, 1], BerRefused::Malformed),
            (&[0x1f, 0x81, 0], BerRefused::Malformed),
            (&[0x30, 2, 0, 0], BerRefused::Malformed),
            (&[1, 2, 0, 0], BerRefused::Malformed),
            (&deep, BerRefused::TooDeep),
            (&many, BerRefused::TooMany),
        ] {
            assert_eq!(to_der(bytes), Err(refused), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_made_plain_stays_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(der) = to_der(&bytes) {
                prop_assert_eq!(to_der(&der).unwrap(), der);
            }
        }
    }
}
