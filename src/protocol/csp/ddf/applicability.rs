//! Which versions and editions of Windows have a node (`MSFT:Applicability`).

use serde::{Deserialize, Serialize};

use crate::csp::short;

/// A build of Windows: `10.0.<number>.<revision>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Build {
    /// Such as 22631.
    pub number: u32,
    /// The update within it; `None` where nothing was said of it.
    pub revision: Option<u32>,
}

/// A text that is no build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no build: write one such as 22631, 22631.3155 or 10.0.22631.3155")]
pub struct BuildError(String);

impl Build {
    /// Such as `10.0.22631`, without an update.
    pub const fn new(number: u32) -> Self {
        Self { number, revision: None }
    }
}

impl std::str::FromStr for Build {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || BuildError(short(text, 40));
        let parts: Vec<u32> =
            text.trim().split('.').map(|part| part.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
        match parts[..] {
            [_, _, number] | [number] => Ok(Self { number, revision: None }),
            [_, _, number, revision] | [number, revision] => Ok(Self { number, revision: Some(revision) }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Build {
    type Error = BuildError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Build> for String {
    fn from(build: Build) -> Self {
        build.to_string()
    }
}

impl std::fmt::Display for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "10.0.{}", self.number)?;
        self.revision.map_or(Ok(()), |revision| write!(f, ".{revision}"))
    }
}

/// One entry of the list of builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Release {
    /// From this build on; with a revision: from this update on, on the builds that share it.
    From(Build),
    /// In no Windows that one can buy: the file says `99.9.99999`. Written as `null`.
    NotReleased,
}

/// Which versions and editions have a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Applicability {
    /// Where it is; one is enough. Empty: nothing was said.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<Release>,
    /// Version of the CSP that brought it; `None` also where the file says 9.9, "not released".
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub csp_version: Option<String>,
    /// `GetProductInfo` numbers of the editions that have it. Empty: nothing was said.
    #[serde(rename = "e", default, skip_serializing_if = "Vec::is_empty")]
    pub editions: Vec<u32>,
}

/// What is known of the device that a node is to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Device {
    /// Its build, from `./DevDetail/SwV`.
    pub build: Option<Build>,
    /// Its edition, from `./Vendor/MSFT/DeviceStatus/OS/Edition`.
    pub edition: Option<u32>,
}

/// Whether a device has a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It does, as far as one can tell.
    Yes,
    /// Its Windows is too old.
    TooOld {
        /// The build from which on it has it.
        needs: Build,
        /// The update that brings it to the device's own build, where there is one.
        update: Option<Build>,
    },
    /// Of the released Windows only others have it: it came to these with updates, and to nothing since.
    OtherBuilds {
        /// Each with the update that brings it.
        on: Vec<Build>,
    },
    /// Its edition does not have it.
    Edition,
    /// No Windows that one can buy has it.
    NotReleased,
}

impl Fit {
    /// Why a device does not have it, in words; `None` where it has, or where no device does.
    pub fn told(&self) -> Option<String> {
        Some(match self {
            Self::Yes | Self::NotReleased => return None,
            Self::Edition => "the device's edition of Windows does not have it".to_owned(),
            Self::TooOld { needs, update: Some(update) } if needs == update => {
                format!("it needs the update to {update}")
            }
            Self::TooOld { needs, update: None } => format!("it needs {needs} or later"),
            Self::TooOld { needs, update: Some(update) } => {
                format!("it needs {needs} or later, or the update to {update}")
            }
            Self::OtherBuilds { on } => {
                let on: Vec<String> = on.iter().map(ToString::to_string).collect();
                format!("of the released Windows only those with the updates to {} have it", on.join(", "))
            }
        })
    }
}

/// Builds that get the same updates: what came to one of them with a revision came to all with the same.
const BRANCHES: [std::ops::RangeInclusive<u32>; 3] = [19041..=19045, 22621..=22631, 26100..=26200];

impl Applicability {
    /// Whether a device has the node. What is not known of it is no hindrance.
    pub fn fits(&self, device: &Device) -> Fit {
        match self.fits_build(device.build) {
            Fit::Yes => self.fits_edition(device.edition),
            no => no,
        }
    }

    /// Whether a build has the node.
    pub fn fits_build(&self, build: Option<Build>) -> Fit {
        if !self.releases.is_empty() && self.releases.iter().all(|release| *release == Release::NotReleased) {
            return Fit::NotReleased;
        }
        if let Some(build) = build
            && !self.releases.is_empty()
            && !self.released().any(|release| is_on(release, build))
        {
            let is_open = self.releases.contains(&Release::NotReleased);
            let update = self.released().find(|release| same_branch(release.number, build.number));
            if is_open && self.released().all(|release| release.revision.is_some()) {
                // The release after these is still to come: what is newer than they are does not have it either.
                return match update {
                    Some(update) => Fit::TooOld { needs: update, update: Some(update) },
                    None => Fit::OtherBuilds { on: self.released().collect() },
                };
            }
            let plain = self.released().filter(|release| release.revision.is_none()).min();
            // Where all came with an update, builds before one of them, also those between two, never had it; what is
            // newer than all of them has.
            let next = self.released().filter(|release| build.number < release.number).min();
            if let Some(needs) = plain.or(update).or(next) {
                return Fit::TooOld { needs, update: update.filter(|update| update.revision.is_some()) };
            }
        }
        Fit::Yes
    }

    /// Whether an edition has the node.
    pub fn fits_edition(&self, edition: Option<u32>) -> Fit {
        match edition {
            Some(edition) if !self.editions.is_empty() && !self.editions.contains(&edition) => Fit::Edition,
            _ => Fit::Yes,
        }
    }

    /// Whether there is a Windows that has it.
    pub fn is_released(&self) -> bool {
        self.releases.is_empty() || self.released().next().is_some()
    }

    /// The builds, without the sentinel.
    pub fn released(&self) -> impl Iterator<Item = Build> {
        self.releases.iter().filter_map(|release| match release {
            Release::From(build) => Some(*build),
            Release::NotReleased => None,
        })
    }
}

fn is_on(release: Build, build: Build) -> bool {
    match release.revision {
        None => build.number >= release.number,
        // A revision that nobody told is no reason to say no.
        Some(wanted) => {
            same_branch(release.number, build.number) && build.revision.is_none_or(|revision| revision >= wanted)
        }
    }
}

fn same_branch(one: u32, other: u32) -> bool {
    one == other || BRANCHES.iter().any(|branch| branch.contains(&one) && branch.contains(&other))
}

/// The list of builds as the file writes it. What is no build is handed back.
pub(super) fn releases(list: &str) -> (Vec<Release>, Vec<String>) {
    let mut found = Vec::new();
    let mut odd = Vec::new();
    for entry in list.split([',', ';']).map(str::trim).filter(|entry| !entry.is_empty()) {
        if entry.starts_with("99.") {
            found.push(Release::NotReleased);
        } else if let Ok(build) = entry.parse() {
            found.push(Release::From(build));
        } else {
            odd.push(entry.to_owned());
        }
    }
    (found, odd)
}

/// The list of editions: hexadecimal numbers; one that ends in `*` (Holographic) stands for its family.
pub(super) fn editions(list: &str) -> Vec<u32> {
    let number = |entry: &str| {
        let digits = entry.trim().trim_end_matches('*');
        u32::from_str_radix(digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?, 16).ok()
    };
    let mut editions: Vec<u32> = list.split(';').filter_map(number).collect();
    editions.sort_unstable();
    editions.dedup();
    editions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(list: &str) -> Applicability {
        Applicability { releases: releases(list).0, ..Applicability::default() }
    }

    fn device(build: &str) -> Device {
        Device { build: Some(build.parse().unwrap()), edition: Some(0x30) }
    }

    #[test]
    fn a_first_release_holds_for_everything_after_it() {
        let node = on("10.0.17763");
        assert_eq!(node.fits(&device("10.0.17763.1")), Fit::Yes);
        assert_eq!(node.fits(&device("26100")), Fit::Yes);
        assert_eq!(node.fits(&device("10.0.17134.1")), Fit::TooOld { needs: Build::new(17763), update: None });
    }

    #[test]
    fn a_backport_holds_on_its_branch_only() {
        let node = on("10.0.26100, 10.0.22621.2361, 10.0.19041.3636");
        assert_eq!(node.fits(&device("10.0.22631.2361")), Fit::Yes);
        assert_eq!(node.fits(&device("10.0.19045.4000")), Fit::Yes);
        let update = Some("10.0.22621.2361".parse().unwrap());
        assert_eq!(node.fits(&device("10.0.22631.100")), Fit::TooOld { needs: Build::new(26100), update });
        assert_eq!(node.fits(&device("10.0.22000.9999")), Fit::TooOld { needs: Build::new(26100), update: None });
    }

    #[test]
    fn what_came_with_updates_alone_is_not_on_builds_before() {
        let node = on("10.0.22621.3374");
        let needs = "10.0.22621.3374".parse().unwrap();
        assert_eq!(node.fits(&device("10.0.19045.6000")), Fit::TooOld { needs, update: None });
        assert_eq!(node.fits(&device("10.0.22631.100")), Fit::TooOld { needs, update: Some(needs) });
        assert_eq!(node.fits(&device("10.0.22631.3374")), Fit::Yes);
        assert_eq!(node.fits(&device("10.0.26100.1")), Fit::Yes, "what comes later has it");
    }

    #[test]
    fn builds_between_two_updates_have_neither() {
        let node = on("10.0.19045.2913, 10.0.22621.1635");
        let [first, second]: [Build; 2] = ["10.0.19045.2913", "10.0.22621.1635"].map(|build| build.parse().unwrap());
        for (build, fit) in [
            ("10.0.17763.7000", Fit::TooOld { needs: first, update: None }),
            ("10.0.19045.2912", Fit::TooOld { needs: first, update: Some(first) }),
            ("10.0.19045.2913", Fit::Yes),
            ("10.0.22000.9999", Fit::TooOld { needs: second, update: None }),
            ("10.0.22631.1634", Fit::TooOld { needs: second, update: Some(second) }),
            ("10.0.22631.1635", Fit::Yes),
            ("10.0.26100.1", Fit::Yes),
        ] {
            assert_eq!(node.fits(&device(build)), fit, "{build}");
        }
    }

    #[test]
    fn beside_the_sentinel_only_the_builds_that_are_named_have_it() {
        let node = on("99.9.99999, 10.0.19045.6387");
        let update: Build = "10.0.19045.6387".parse().unwrap();
        for (build, fit) in [
            ("10.0.19045.6387", Fit::Yes),
            ("10.0.19044.7000", Fit::Yes),
            ("10.0.19045", Fit::Yes),
            ("10.0.19045.6386", Fit::TooOld { needs: update, update: Some(update) }),
            ("10.0.22631.5000", Fit::OtherBuilds { on: vec![update] }),
            ("10.0.26100.7000", Fit::OtherBuilds { on: vec![update] }),
            ("10.0.17763.7000", Fit::OtherBuilds { on: vec![update] }),
        ] {
            assert_eq!(node.fits(&device(build)), fit, "{build}");
        }
        assert_eq!(on("99.9.99999, 10.0.22000").fits(&device("26100")), Fit::Yes, "a release is one");
    }

    #[test]
    fn what_is_not_known_of_a_device_is_no_hindrance() {
        let node = Applicability { editions: vec![0x4], ..on("10.0.17763") };
        assert_eq!(node.fits(&Device::default()), Fit::Yes);
        assert_eq!(node.fits(&Device { edition: Some(0x65), ..Device::default() }), Fit::Edition);
        assert_eq!(on("10.0.26100,10.0.22621.2361").fits(&device("22631")), Fit::Yes);
    }

    #[test]
    fn the_sentinel_is_in_no_release() {
        assert_eq!(on("99.9.99999").fits(&device("99999")), Fit::NotReleased);
        assert!(!on("99.9.99999").is_released());
        assert!(on("99.9.99999, 10.0.26100.3000").is_released());
    }

    #[test]
    fn lists_read_as_they_are_written() {
        let (found, odd) = releases("10.0.22000, 10.0.19041.1, soon,, 99.9.99999");
        assert_eq!((found.len(), odd), (3, vec!["soon".to_owned()]));
        assert_eq!(editions("0x4;0x1B;0x4;0x88*;x;"), [0x4, 0x1B, 0x88]);
    }
}
