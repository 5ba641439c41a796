//! What is enough to believe that a message is a device's: sets of proofs, each of which is enough by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::AuthScheme;

/// What may prove who sent a message, as a policy names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// The client certificate that was issued to the enrollment.
    Certificate,
    /// `MS-Signature`, made with the key of that certificate.
    Signature,
    /// A `Cred` of `syncml:auth-md5`.
    Digest,
    /// A `Cred` of `syncml:auth-basic`.
    Basic,
}

/// Some of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProofSet(u8);

/// What is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProofPolicy {
    /// Certificate or signature; where an enrollment has no certificate, the credential that its account was made for.
    #[default]
    Standard,
    /// Any of these sets, whole.
    AnyOf(Vec<ProofSet>),
}

/// How far the proofs of a message go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// They are enough.
    Yes,
    /// They are, together with the credential of the account.
    WithCredential,
    /// They are not: of the set that is nearest, these are missing.
    No(ProofSet),
}

/// Why a text is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write \"standard\", or certificate, signature, digest and basic, joined by \"and\" and \"or\", such as \
     \"certificate and signature or digest\""
)]
pub struct NoPolicy;

const STANDARD: &str = "standard";

impl Means {
    /// Every one, the stronger first.
    pub const ALL: [Self; 4] = [Self::Certificate, Self::Signature, Self::Digest, Self::Basic];

    /// The word in settings and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Signature => "signature",
            Self::Digest => "digest",
            Self::Basic => "basic",
        }
    }

    /// What a device proves with an account that was made for this scheme.
    pub const fn of_account(scheme: AuthScheme) -> Self {
        match scheme {
            AuthScheme::Md5 => Self::Digest,
            AuthScheme::Basic => Self::Basic,
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Certificate => 1,
            Self::Signature => 2,
            Self::Digest => 4,
            Self::Basic => 8,
        }
    }
}

impl ProofSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, means: Means) -> Self {
        Self(self.0 | means.bit())
    }

    /// Whether one is among them.
    pub const fn has(self, means: Means) -> bool {
        self.0 & means.bit() != 0
    }

    /// Those of these that are not among others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, the stronger first.
    pub fn each(self) -> impl Iterator<Item = Means> {
        Means::ALL.into_iter().filter(move |means| self.has(*means))
    }

    const fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl ProofPolicy {
    /// The sets that are enough, for an enrollment that was made with a certificate or not.
    fn sets(&self, needs_certificate: bool) -> Vec<ProofSet> {
        let all = match self {
            Self::Standard if needs_certificate => &Means::ALL[..2],
            Self::Standard => &Means::ALL[..],
            Self::AnyOf(sets) => return sets.clone(),
        };
        all.iter().map(|means| ProofSet::NONE.with(*means)).collect()
    }

    /// How far certificate and signature of a message go, as far as they were `shown` and are good, for an enrollment
    /// whose account was made for `scheme`. The credential is not judged here.
    pub fn judge(&self, shown: ProofSet, scheme: AuthScheme, needs_certificate: bool) -> Enough {
        let sets = self.sets(needs_certificate);
        if sets.iter().any(|set| set.without(shown).is_empty()) {
            return Enough::Yes;
        }
        let credential = ProofSet::NONE.with(Means::of_account(scheme));
        if sets.iter().any(|set| set.without(shown) == credential) {
            return Enough::WithCredential;
        }
        let missing = sets.into_iter().map(|set| set.without(shown));
        Enough::No(missing.min_by_key(|set| set.count()).unwrap_or_default())
    }

    /// Whether signatures count by its own word, so that they are to be judged.
    pub fn names_signatures(&self) -> bool {
        matches!(self, Self::AnyOf(sets) if sets.iter().any(|set| set.has(Means::Signature)))
    }

    /// Whether a device that proves no more than this gets in somehow.
    pub fn can_be_met(&self, available: ProofSet, needs_certificate: bool) -> bool {
        self.sets(needs_certificate).into_iter().any(|set| set.without(available).is_empty())
    }
}

impl fmt::Display for ProofSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, means) in self.each().enumerate() {
            f.write_str(if place == 0 { "" } else { " and " })?;
            f.write_str(means.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ProofSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

impl fmt::Display for ProofPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::AnyOf(sets) = self else { return f.write_str(STANDARD) };
        for (place, set) in sets.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { " or " })?;
            set.fmt(f)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ProofPolicy {
    type Err = NoPolicy;

    fn from_str(text: &str) -> Result<Self, NoPolicy> {
        if text.len() > 256 {
            return Err(NoPolicy);
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
        if words == [STANDARD] {
            return Ok(Self::Standard);
        }
        let mut sets: Vec<ProofSet> = Vec::new();
        for words in words.split(|word| word == "or") {
            let mut set = ProofSet::NONE;
            for one in words.split(|word| word == "and") {
                let [word] = one else { return Err(NoPolicy) };
                let means = Means::ALL.into_iter().find(|means| means.as_str() == word).ok_or(NoPolicy)?;
                set = set.with(means);
            }
            // No account has both.
            if set.has(Means::Digest) && set.has(Means::Basic) {
                return Err(NoPolicy);
            }
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        Ok(Self::AnyOf(sets))
    }
}

impl TryFrom<String> for ProofPolicy {
    type Error = NoPolicy;

    fn try_from(text: String) -> Result<Self, NoPolicy> {
        text.parse()
    }
}

impl From<ProofPolicy> for String {
    fn from(policy: ProofPolicy) -> Self {
        policy.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: ProofSet = ProofSet::NONE.with(Means::Certificate);
    const SIGNATURE: ProofSet = ProofSet::NONE.with(Means::Signature);
    const DIGEST: ProofSet = ProofSet::NONE.with(Means::Digest);

    fn policy(text: &str) -> ProofPolicy {
        text.parse().unwrap()
    }

    #[test]
    fn a_policy_is_written_as_it_is_said() {
        for (text, written) in [
            ("standard", "standard"),
            (" Certificate  AND signature or digest ", "certificate and signature or digest"),
            ("signature and certificate or signature", "certificate and signature or signature"),
            ("digest or digest", "digest"),
        ] {
            assert_eq!(policy(text).to_string(), written);
            assert_eq!(policy(written), policy(text));
        }
        for wrong in ["", "or", "digest or", "standard or digest", "digest certificate", "password", "digest and basic"]
        {
            assert_eq!(wrong.parse::<ProofPolicy>(), Err(NoPolicy), "{wrong}");
        }
        assert_eq!("digest or ".repeat(100).parse::<ProofPolicy>(), Err(NoPolicy));
    }

    #[test]
    fn by_default_a_digest_counts_where_there_is_no_certificate() {
        let judge = |shown, has| ProofPolicy::Standard.judge(shown, AuthScheme::Md5, has);
        for shown in [CERTIFICATE, SIGNATURE] {
            assert_eq!((judge(shown, true), judge(shown, false)), (Enough::Yes, Enough::Yes));
        }
        assert_eq!(judge(ProofSet::NONE, true), Enough::No(CERTIFICATE));
        assert_eq!(judge(ProofSet::NONE, false), Enough::WithCredential);
        assert_eq!(ProofPolicy::Standard.judge(ProofSet::NONE, AuthScheme::Basic, false), Enough::WithCredential);
    }

    #[test]
    fn a_set_is_enough_only_whole() {
        let both = policy("certificate and signature");
        assert_eq!(both.judge(CERTIFICATE, AuthScheme::Md5, true), Enough::No(SIGNATURE));
        assert_eq!(both.judge(CERTIFICATE.with(Means::Signature), AuthScheme::Md5, true), Enough::Yes);
        let two = policy("certificate and digest");
        assert_eq!(two.judge(CERTIFICATE, AuthScheme::Md5, true), Enough::WithCredential);
        assert_eq!(two.judge(ProofSet::NONE, AuthScheme::Md5, true), Enough::No(CERTIFICATE.with(Means::Digest)));
        assert_eq!(two.judge(SIGNATURE, AuthScheme::Md5, true), Enough::No(CERTIFICATE.with(Means::Digest)));
    }

    #[test]
    fn basic_counts_only_where_it_is_named() {
        let digest = policy("certificate or digest");
        assert_eq!(digest.judge(ProofSet::NONE, AuthScheme::Basic, false), Enough::No(CERTIFICATE));
        assert_eq!(digest.judge(ProofSet::NONE, AuthScheme::Md5, true), Enough::WithCredential);
        assert_eq!(policy("basic").judge(ProofSet::NONE, AuthScheme::Md5, false).missing(), Some("basic".to_owned()));
    }

    #[test]
    fn what_no_device_could_meet_is_known() {
        assert!(!policy("certificate and signature").can_be_met(CERTIFICATE.with(Means::Digest), true));
        assert!(policy("certificate and signature or digest").can_be_met(DIGEST, true));
        assert!(!ProofPolicy::Standard.can_be_met(DIGEST, true));
    }

    impl Enough {
        fn missing(self) -> Option<String> {
            match self {
                Self::No(missing) => Some(missing.to_string()),
                _ => None,
            }
        }
    }
}
