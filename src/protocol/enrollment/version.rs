//! `RequestVersion` and `EnrollmentVersion` (MS-MDE2 3.1.4.1.3): which protocol both sides speak.

/// A version of the enrollment protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Before the point.
    pub major: u16,
    /// After it.
    pub minor: u16,
}

impl Version {
    /// The one that we speak: Windows 10 1703 and later. From 5.0 on clients add attestation, which nobody here asks for.
    pub const OURS: Self = Self { major: 4, minor: 0 };
    /// The lowest that is answered: Windows 10.
    pub const LOWEST: Self = Self { major: 3, minor: 0 };

    /// A version as it is written: `4.0`, `4`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| -> Option<u16> {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let (major, minor) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
        Some(Self { major: number(major)?, minor: number(minor)? })
    }

    /// What a client of this version is answered: ours, or its own where that is lower. No version is too high.
    #[must_use]
    pub fn answer(self) -> Self {
        self.min(Self::OURS)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_decimal_and_none_is_too_high() {
        for (theirs, ours) in
            [("3.0", "3.0"), (" 4.0 ", "4.0"), ("5.0", "4.0"), ("9.0", "4.0"), ("12.7", "4.0"), ("4", "4.0")]
        {
            assert_eq!(Version::parse(theirs).unwrap().answer().to_string(), ours, "{theirs}");
        }
        for wrong in ["", ".", "4.", "a", "+4.0", "4.0.0", "-1", "99999.0"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
        assert!(Version::parse("2.9").unwrap() < Version::LOWEST);
    }
}
