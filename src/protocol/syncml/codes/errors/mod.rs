//! Well-known values of `msft:originalerror` (MS-MDM 2.2.4.3): the HRESULT behind a Status code, in words for people
//! who help the owner of a device. Only values that can be told with confidence stand here.

mod accounts;
mod consoles;
mod general;
mod management;
mod network;
mod software;

use super::{StatusCode, causes};

/// An error of a device in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The value as Microsoft writes it: `0x` and eight hexadecimal digits in capitals.
    pub code: &'static str,
    /// A few words.
    pub name: &'static str,
    /// What happened, in a sentence.
    pub meaning: &'static str,
    /// What to do about it, in a sentence.
    pub remedy: &'static str,
}

impl Explained {
    /// What is likely behind it, where the meaning does not say it.
    pub fn cause(&self) -> Option<&'static str> {
        let own = causes::ERRORS.iter().find(|(code, _)| *code == self.code).map(|(_, cause)| *cause);
        // How consoles tell a Status.
        let status = || u16::from_str_radix(self.code.strip_prefix("0x87D1")?, 16).ok();
        own.or_else(|| StatusCode(status()?).cause())
    }
}

/// What a value of `msft:originalerror` means: hexadecimal with or without `0x`, or decimal with or without a sign.
/// `None` when it is not one of the well-known.
///
/// ```
/// use transom_protocol::syncml::hresult;
///
/// assert_eq!(hresult("0x86000002").map(|error| error.name), Some("no such setting"));
/// assert_eq!(hresult("-2147024891"), hresult("0x80070005"));
/// assert_eq!(hresult("0x12345678"), None);
/// ```
pub fn hresult(value: &str) -> Option<&'static Explained> {
    let code = format!("0x{:08X}", number(value.trim())?);
    all().find(|error| error.code == code)
}

/// Every value that is explained.
pub(super) fn all() -> impl Iterator<Item = &'static Explained> {
    [
        management::MANAGEMENT,
        general::GENERAL,
        accounts::ACCOUNTS,
        software::SOFTWARE,
        network::NETWORK,
        consoles::CONSOLES,
    ]
    .into_iter()
    .flatten()
}

/// The 32 bits that a text stands for. Eight digits without a prefix are hexadecimal.
fn number(value: &str) -> Option<u32> {
    let digits = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
    if let Some(digits) = digits.or_else(|| (value.len() == 8).then_some(value)) {
        // `from_str_radix` would take a sign.
        return u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['+', '-']));
    }
    let number: i64 = value.parse().ok()?;
    i32::try_from(number).map(i32::cast_unsigned).or_else(|_| u32::try_from(number)).ok()
}

const fn error(code: &'static str, name: &'static str, meaning: &'static str, remedy: &'static str) -> Explained {
    Explained { code, name, meaning, remedy }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_error_is_found_in_every_spelling() {
        for value in ["0x80070005", "0X80070005", " 0x80070005\n", "80070005", "2147942405", "-2147024891"] {
            assert_eq!(hresult(value).map(|error| error.name), Some("access denied"), "{value}");
        }
        assert_eq!(hresult("0x8000ffff").map(|error| error.code), Some("0x8000FFFF"));
    }

    #[test]
    fn what_is_no_number_is_not_found() {
        for value in ["", "0x", "0x+8007005", "+8007005", "0x180070005", "access denied", "99999999999", "0x8007 0005"]
        {
            assert_eq!(hresult(value), None, "{value}");
        }
    }

    #[test]
    fn each_value_stands_once_in_its_own_spelling() {
        let mut seen = HashSet::new();
        for error in all() {
            assert_eq!(hresult(error.code), Some(error));
            assert!(seen.insert(error.code), "{} stands twice", error.code);
        }
    }
}
