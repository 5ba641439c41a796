//! What Windows an action needs, and whether a device has it. Only what is known speaks against a device: one that has
//! not said its version yet is asked, and answers for itself.

use super::Refusal;

/// What is known of a device's Windows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The build, such as 22631.
    pub build: Option<u32>,
    /// The edition, in the device's words.
    pub edition: Option<String>,
}

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needs {
    /// The first build that has it.
    pub(super) build: u32,
    /// Editions called Home do not have it.
    pub(super) not_home: bool,
}

impl Facts {
    /// From what the device has told of itself, or else from the version that it enrolled with.
    pub(super) fn of(known: &crate::model::Facts, version: Option<&str>) -> Self {
        let build = known.os_build().map(|os| os.build);
        let edition = known.text("os.edition").map(str::to_owned);
        Self { build: build.or(Self::of_version(version).build), edition }
    }

    /// From a version such as `10.0.22631.3007`.
    pub fn of_version(version: Option<&str>) -> Self {
        let build = version.and_then(|version| version.trim().split('.').nth(2)?.parse().ok());
        Self { build, edition: None }
    }
}

impl Needs {
    /// Every Windows that is managed.
    pub(super) const NOTHING: Self = Self { build: 0, not_home: false };

    /// Editions for businesses, from a build on.
    pub(super) const fn business(build: u32) -> Self {
        Self { build, not_home: true }
    }

    /// Whether a device has it.
    pub(super) fn check(self, facts: &Facts) -> Result<(), Refusal> {
        if let Some(build) = facts.build.filter(|build| *build < self.build) {
            let needs = self.build;
            return Err(Refusal::Unsuitable(format!(
                "it needs Windows build {needs} or later, the device has {build}"
            )));
        }
        match &facts.edition {
            Some(edition) if self.not_home && is_home(edition) => {
                Err(Refusal::Unsuitable(format!("it needs Pro, Enterprise or Education, the device has {edition}")))
            }
            _ => Ok(()),
        }
    }
}

/// Windows calls its Home editions `Home` to people and `Core` to programs.
fn is_home(edition: &str) -> bool {
    edition.split([' ', '-', '_']).any(|word| word.eq_ignore_ascii_case("home"))
        || edition.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("core"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_speaks_against_a_device() {
        let needs = Needs::business(22_621);
        let of = |version: &str| Facts::of_version(Some(version));
        assert!(needs.check(&of("10.0.22621.1")).is_ok() && needs.check(&of("10.0.26200.9278")).is_ok());
        assert!(needs.check(&of("10.0.19045.3")).unwrap_err().to_string().contains("22621"));
        for unknown in ["", "ten", "10.0"] {
            assert!(needs.check(&of(unknown)).is_ok(), "{unknown}");
        }
        let with = |edition: &str| Facts { edition: Some(edition.to_owned()), ..of("10.0.26100.1") };
        assert!(needs.check(&with("Windows 11 Enterprise")).is_ok());
        for home in ["Windows 11 Home", "Core", "CoreSingleLanguage"] {
            assert!(needs.check(&with(home)).is_err(), "{home}");
            assert!(Needs::NOTHING.check(&with(home)).is_ok());
        }
    }
}
