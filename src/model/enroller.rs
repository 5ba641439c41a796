//! Who may enroll devices: accounts with a password, and tokens that stand in for one.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{EnrollmentId, EnrollmentTokenId, EnrollmentUserId, Secret};

/// The name of somebody who enrolls devices: what is typed into Windows, trimmed. Two names that differ only in small
/// and capital letters are the same name.
///
/// `CONTOSO\ada` and `ada@contoso.com` are names like any other: the account is found under the spelling that it was
/// made with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// Longest name, in characters.
    pub const MAX_LEN: usize = 256;

    /// The name that a text is, when it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim();
        let fits = !name.is_empty() && name.chars().count() <= Self::MAX_LEN && !name.chars().any(char::is_control);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is compared.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for UserName {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for UserName {}

impl TryFrom<String> for UserName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a user name has 1 to 256 characters, none of them a control character")
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl std::fmt::Display for UserName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An account that enrolls devices with a password, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentUser {
    /// Its id.
    pub id: EnrollmentUserId,
    /// What is typed into Windows.
    pub name: UserName,
    /// What people call its owner.
    pub display_name: Option<String>,
    /// Enrolls devices for others: the number of its devices is not limited.
    pub is_bulk: bool,
    /// How many devices it may have, where that is not what the settings say.
    pub max_devices: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its password was last set.
    pub password_set_at: Timestamp,
    /// Since when it enrolls nothing.
    pub disabled_at: Option<Timestamp>,
    /// When it last enrolled a device.
    pub last_used_at: Option<Timestamp>,
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewEnrollmentUser {
    /// What is typed into Windows.
    pub name: UserName,
    /// What people call its owner.
    pub display_name: Option<String>,
    /// The hash of its password, as a PHC string.
    pub password: Secret<String>,
    /// Enrolls devices for others.
    pub is_bulk: bool,
    /// How many devices it may have, where that is not what the settings say.
    pub max_devices: Option<u32>,
}

/// A token that enrolls devices in place of a password, without the token: only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentToken {
    /// Its id.
    pub id: EnrollmentTokenId,
    /// Whose devices it enrolls.
    pub user: UserName,
    /// How many enrollments it is good for.
    pub uses: u32,
    /// How many it has made.
    pub used: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Worth nothing from then on.
    pub expires_at: Option<Timestamp>,
    /// When it last enrolled a device.
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewEnrollmentToken {
    /// Whose devices it enrolls.
    pub user: UserName,
    /// How many enrollments it is good for.
    pub uses: u32,
    /// Worth nothing from then on.
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who orders it.
    pub created_by: String,
}

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentTokenState {
    /// It enrolls.
    Live,
    /// It was used as often as it may be.
    Spent,
    /// Its time has passed.
    Expired,
    /// It was taken back.
    Revoked,
}

impl EnrollmentToken {
    /// What has become of it at `now`.
    pub fn state(&self, now: Timestamp) -> EnrollmentTokenState {
        if self.revoked_at.is_some() {
            EnrollmentTokenState::Revoked
        } else if self.expires_at.is_some_and(|end| end <= now) {
            EnrollmentTokenState::Expired
        } else if self.used >= self.uses {
            EnrollmentTokenState::Spent
        } else {
            EnrollmentTokenState::Live
        }
    }
}

/// Who made an enrollment, and by what right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The enrollment.
    pub enrollment: EnrollmentId,
    /// Whose device it is.
    pub user: UserName,
    /// Word for what the user showed.
    pub means: String,
    /// The token that was used up by it, where it was one.
    pub token: Option<EnrollmentTokenId>,
    /// The device.
    pub device: DeviceId,
    /// What the device said its hardware is.
    pub hw_dev_id: Option<String>,
    /// When.
    pub admitted_at: Timestamp,
}

/// What a device is declared by, before it enrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredKind {
    /// `HWDevID`: 64 hexadecimal digits.
    HardwareHash,
    /// Serial number. Windows on a PC tells none when it enrolls.
    Serial,
    /// A network address of the device.
    Mac,
    /// The number of its modem.
    Imei,
}

/// A device that may enroll because somebody said so before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredDevice {
    /// What it is declared by.
    pub kind: DeclaredKind,
    /// In the form that is compared.
    pub value: String,
    /// In its declarer's words.
    pub note: Option<String>,
    /// When it was declared.
    pub created_at: Timestamp,
}

impl DeclaredKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::HardwareHash, Self::Serial, Self::Mac, Self::Imei];

    /// Longest value, in bytes.
    pub const MAX_LEN: usize = 128;

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardwareHash => "hardware_hash",
            Self::Serial => "serial",
            Self::Mac => "mac",
            Self::Imei => "imei",
        }
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// A value of this kind in the form that is compared, when it can be one: lower case, and where separators mean
    /// nothing without them.
    pub fn fold(self, value: &str) -> Option<String> {
        let value = value.trim();
        let digits = |separators: &[char]| value.replace(separators, "").to_ascii_lowercase();
        let is_hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
        match self {
            Self::HardwareHash => Some(digits(&['-', ' '])).filter(|hash| is_hex(hash, 64)),
            Self::Mac => Some(digits(&['-', ':', '.', ' '])).filter(|mac| is_hex(mac, 12)),
            Self::Imei => Some(digits(&['-', ' ', '/']))
                .filter(|imei| (14..=16).contains(&imei.len()) && imei.bytes().all(|b| b.is_ascii_digit())),
            Self::Serial => (!value.is_empty() && value.len() <= Self::MAX_LEN && !value.chars().any(char::is_control))
                .then(|| value.to_lowercase()),
        }
    }
}

impl std::fmt::Display for DeclaredKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_compared_without_case() {
        let name = |text: &str| UserName::parse(text).unwrap();
        assert_eq!(name(" Ada@Contoso.com\t"), name("ada@contoso.com"));
        assert_eq!(name("CONTOSO\\Ada"), name("contoso\\ada"));
        assert_eq!(name("ÄÖÜ"), name("äöü"));
        assert_ne!(name("ada"), name("ada@contoso.com"));
        assert_eq!(name(" Ada ").as_str(), "Ada");
        for wrong in ["", "  ", "a\0b", "a\nb", &"x".repeat(257)] {
            assert_eq!(UserName::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_a_device_is_declared_by_has_one_spelling() {
        let hash = "0A".repeat(32);
        assert_eq!(DeclaredKind::HardwareHash.fold(&hash), Some("0a".repeat(32)));
        assert_eq!(DeclaredKind::HardwareHash.fold("0a"), None);
        assert_eq!(DeclaredKind::Mac.fold("00-0C-29-51-60-9D"), Some("000c2951609d".to_owned()));
        assert_eq!(DeclaredKind::Mac.fold("00:0c:29:51:60:9d"), DeclaredKind::Mac.fold("000c.2951.609d"));
        assert_eq!(DeclaredKind::Mac.fold("00:0c:29:51:60"), None);
        assert_eq!(DeclaredKind::Imei.fold("49-015420-323751-8"), Some("490154203237518".to_owned()));
        assert_eq!(DeclaredKind::Serial.fold(" PF-1AB2 "), Some("pf-1ab2".to_owned()));
        assert_eq!(DeclaredKind::Serial.fold(" "), None);
    }

    #[test]
    fn a_token_that_was_revoked_is_no_longer_anything_else() {
        let token = EnrollmentToken {
            id: EnrollmentTokenId::new(Timestamp(1)),
            user: UserName::parse("ada").unwrap(),
            uses: 1,
            used: 0,
            created_at: Timestamp(1),
            created_by: String::new(),
            expires_at: Some(Timestamp(10)),
            last_used_at: None,
            revoked_at: None,
        };
        assert_eq!(token.state(Timestamp(9)), EnrollmentTokenState::Live);
        assert_eq!(token.state(Timestamp(10)), EnrollmentTokenState::Expired);
        let spent = EnrollmentToken { used: 1, ..token };
        assert_eq!(spent.state(Timestamp(9)), EnrollmentTokenState::Spent);
        let revoked = EnrollmentToken { revoked_at: Some(Timestamp(2)), ..spent };
        assert_eq!(revoked.state(Timestamp(11)), EnrollmentTokenState::Revoked);
    }
}
