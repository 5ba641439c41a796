//! What a device says of its channel (`Push/Status`, CSP `DMClient`).

/// The value of `Push/Status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PushStatus(pub i64);

impl PushStatus {
    /// The device is registered for pushes.
    pub const SUCCESS: Self = Self(0);

    /// The value in a text of the device.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }

    /// What it means, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "the device is registered for pushes",
            1 => "the package family name is not valid",
            2 => "the device could not authenticate with Microsoft, or its authentication has expired",
            3 => "the device could not register with WNS: the package family name is not valid or was revoked",
            4 => "WNS gave the device no channel",
            5 => "the channel has expired",
            6 => "the channel could not be revoked",
            7 => "a push came, but the device could not start a session (power or connectivity)",
            8 => "an unknown error, or this edition of Windows has no push",
            _ => "a status that is not documented",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_has_a_meaning_of_its_own() {
        let meanings: std::collections::BTreeSet<_> = (0..=9).map(|code| PushStatus(code).meaning()).collect();
        assert_eq!(meanings.len(), 10);
        assert_eq!(PushStatus::parse(" 3 "), Some(PushStatus(3)));
        assert_eq!(PushStatus::parse("soon"), None);
    }
}
