//! Reading the pieces that WBXML is made of, never past the end.

/// A place in a body.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte, which stays unread.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn byte(&mut self) -> Result<u8, &'static str> {
        let byte = self.peek().ok_or("the body ends too early")?;
        self.at += 1;
        Ok(byte)
    }

    /// `length` bytes; a length beyond the end is refused before anything is done with it.
    pub(super) fn take(&mut self, length: u32) -> Result<&'a [u8], &'static str> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let taken = end
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or("a length is given that goes beyond the end of the body")?;
        self.at += taken.len();
        Ok(taken)
    }

    /// An `mb_u_int32`: seven bits in each byte, the highest first (WBXML 1.3, 5.1).
    pub(super) fn number(&mut self) -> Result<u32, &'static str> {
        let mut value: u64 = 0;
        for _ in 0..5 {
            let byte = self.byte()?;
            value = value << 7 | u64::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| "a number is larger than 32 bits");
            }
        }
        Err("a number is longer than five bytes")
    }

    /// The bytes up to the next NUL, which is read too.
    pub(super) fn string(&mut self) -> Result<&'a [u8], &'static str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == 0).ok_or("a string is not ended by a NUL")?;
        let (string, _) = rest.split_at(length);
        self.at += length + 1;
        Ok(string)
    }
}

/// The string at an index of a string table: up to a NUL or the end, for the last one may lack its NUL.
pub(super) fn table_string(table: &[u8], index: u32) -> Result<&[u8], &'static str> {
    let rest = usize::try_from(index)
        .ok()
        .filter(|&index| index < table.len())
        .and_then(|index| table.get(index..))
        .ok_or("an index lies outside of the string table")?;
    Ok(rest.split(|&byte| byte == 0).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Result<u32, &'static str> {
        Cursor::new(bytes).number()
    }

    #[test]
    fn numbers_have_seven_bits_in_a_byte() {
        assert_eq!(number(&[0x6A]), Ok(106));
        assert_eq!(number(&[0xA4, 0x01]), Ok(0x1201));
        assert_eq!(number(&[0x80, 0x80, 0x80, 0x80, 0x05]), Ok(5));
        assert_eq!(number(&[0x8F, 0xFF, 0xFF, 0xFF, 0x7F]), Ok(u32::MAX));
    }

    #[test]
    fn numbers_beyond_32_bits_or_five_bytes_are_refused() {
        assert_eq!(number(&[0x90, 0x80, 0x80, 0x80, 0x00]), Err("a number is larger than 32 bits"));
        assert_eq!(number(&[0x80; 9]), Err("a number is longer than five bytes"));
        assert_eq!(number(&[0x81]), Err("the body ends too early"));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_and_reads_nothing() {
        let mut cursor = Cursor::new(b"abc");
        assert!(cursor.take(4).is_err());
        assert!(cursor.take(u32::MAX).is_err());
        assert_eq!(cursor.take(3), Ok(b"abc".as_slice()));
        assert!(cursor.is_at_end());
    }

    #[test]
    fn a_string_needs_its_nul_except_at_the_end_of_the_table() {
        assert_eq!(Cursor::new(b"ab\0c").string(), Ok(b"ab".as_slice()));
        assert!(Cursor::new(b"ab").string().is_err());
        assert_eq!(table_string(b"ab\0cd", 0), Ok(b"ab".as_slice()));
        assert_eq!(table_string(b"ab\0cd", 1), Ok(b"b".as_slice()));
        assert_eq!(table_string(b"ab\0cd", 3), Ok(b"cd".as_slice()));
        assert!(table_string(b"ab\0cd", 5).is_err());
        assert!(table_string(b"", 0).is_err());
    }
}
