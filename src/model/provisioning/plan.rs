//! A plan: what is expected, and what the status page shows meanwhile.

use serde::{Deserialize, Serialize};
use transom_protocol::csp::{LocUri, Scope};
use transom_protocol::session::Timestamp;

use super::{ExpectedItem, ExpectedKind, ItemState};

/// What is expected of a device, and how its status pages behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProvisioningPlan {
    /// Whether the device shows a page while it is set up.
    pub show_device_page: bool,
    /// Whether it shows one to each user.
    pub show_user_page: bool,
    /// When the device gives up, in minutes from 1 to 1440.
    pub timeout_minutes: u32,
    /// What the page offers when it fails; with nothing, people may leave it at any time.
    pub on_failure: Vec<FailureChoice>,
    /// What the page says when it fails; empty for the words of Windows.
    pub error_text: String,
    /// Whether the page offers to collect logs.
    pub collect_logs: bool,
    /// Nodes of policies and other settings. A node below `./User` is expected of each user.
    pub policies: Vec<String>,
    /// Nodes of network and VPN profiles.
    pub networks: Vec<String>,
    /// Nodes of certificates that come by SCEP.
    pub scep: Vec<String>,
    /// Nodes of certificates with their keys.
    pub pfx: Vec<String>,
    /// `Status` nodes of MSI jobs; `;2` behind one says that there are two apps in it.
    pub msi: Vec<String>,
    /// `Name` nodes of packages, with the number of apps likewise.
    pub modern: Vec<String>,
    /// Apps that an agent reports, as `PROVIDER/APP`; `./User/PROVIDER/APP` for one of each user.
    pub win32: Vec<String>,
}

/// What a page offers when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureChoice {
    /// To reset the computer.
    Reset,
    /// To try again.
    Retry,
    /// To go on all the same.
    Continue,
}

/// Why something can't be a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlanRefused {
    /// The field.
    pub field: &'static str,
    /// What it must be.
    pub message: String,
}

/// What stands between the entries of a list (`CSP_LIST_DELIMITER`).
pub(crate) const DELIMITER: char = '\u{f000}';

/// Most things that are expected of one part.
const MOST: usize = 100;

/// Longest text of the page, in characters.
const LONGEST_TEXT: usize = 500;

/// Most apps of one package.
const MOST_APPS: u32 = 1000;

impl Default for ProvisioningPlan {
    fn default() -> Self {
        Self {
            show_device_page: true,
            show_user_page: false,
            timeout_minutes: 60,
            on_failure: Vec::new(),
            error_text: String::new(),
            collect_logs: false,
            policies: Vec::new(),
            networks: Vec::new(),
            scep: Vec::new(),
            pfx: Vec::new(),
            msi: Vec::new(),
            modern: Vec::new(),
            win32: Vec::new(),
        }
    }
}

impl ProvisioningPlan {
    /// Whether devices can follow it.
    pub fn check(&self) -> Result<(), PlanRefused> {
        let refused = |field, message: &str| Err(PlanRefused { field, message: message.to_owned() });
        if !(1..=1440).contains(&self.timeout_minutes) {
            return refused("timeout_minutes", "must be from 1 to 1440 minutes");
        }
        let is_shown = |character: char| !character.is_control() && character != DELIMITER;
        if self.error_text.chars().count() > LONGEST_TEXT || !self.error_text.chars().all(is_shown) {
            return refused("error_text", "must be one line of at most 500 characters");
        }
        for (kind, field, entries) in self.lists() {
            for entry in entries {
                item(kind, entry).map_err(|why| PlanRefused { field, message: format!("{entry:?} {why}") })?;
            }
        }
        let nowhere = Timestamp(0);
        let fits = [Scope::Device, Scope::User].map(|scope| self.items(scope, nowhere).len() <= MOST);
        if fits == [true, true] { Ok(()) } else { refused("policies", "more than 100 things are expected together") }
    }

    /// What is expected of the device, or of each user.
    pub fn items(&self, of: Scope, now: Timestamp) -> Vec<ExpectedItem> {
        let mut items: Vec<ExpectedItem> = Vec::new();
        for (kind, _, entries) in self.lists() {
            for (node, apps) in entries.iter().filter_map(|entry| item(kind, entry).ok()) {
                let is_new = !items.iter().any(|item| item.kind == kind && item.node.names_same_node(node.as_str()));
                if node.scope() == of && is_new {
                    let state = ItemState::Unknown;
                    items.push(ExpectedItem { kind, node, apps, state, since: now, heard_at: None, said: None });
                }
            }
        }
        items
    }

    /// Whether anything is to be done for users.
    pub fn is_for_users(&self) -> bool {
        self.show_user_page || !self.items(Scope::User, Timestamp(0)).is_empty()
    }

    fn lists(&self) -> [(ExpectedKind, &'static str, &Vec<String>); 7] {
        [
            (ExpectedKind::Policy, "policies", &self.policies),
            (ExpectedKind::Network, "networks", &self.networks),
            (ExpectedKind::Scep, "scep", &self.scep),
            (ExpectedKind::Pfx, "pfx", &self.pfx),
            (ExpectedKind::Msi, "msi", &self.msi),
            (ExpectedKind::Modern, "modern", &self.modern),
            (ExpectedKind::Win32, "win32", &self.win32),
        ]
    }
}

impl FailureChoice {
    /// Its flag in `BlockInStatusPage`.
    pub const fn flag(self) -> u32 {
        match self {
            Self::Reset => 1,
            Self::Retry => 2,
            Self::Continue => 4,
        }
    }
}

/// The node and the number of apps that an entry names.
fn item(kind: ExpectedKind, entry: &str) -> Result<(LocUri, Option<u32>), String> {
    if kind == ExpectedKind::Win32 {
        return Ok((agents_app(entry)?, None));
    }
    let (uri, apps) = match entry.rsplit_once(';') {
        Some((uri, count)) if kind.is_counted() => {
            let count = count.parse().ok().filter(|count| (1..=MOST_APPS).contains(count));
            (uri, count.ok_or("must end in a number of apps from 1 to 1000")?)
        }
        _ => (entry, 1),
    };
    let node: LocUri = uri.parse().map_err(|error| format!("is no node: {error}"))?;
    if uri.contains(DELIMITER) || node.query().is_some() {
        return Err("is no plain node".to_owned());
    }
    if kind == ExpectedKind::Msi && !uri.to_ascii_lowercase().ends_with("/status") {
        return Err("must be the Status node of an MSI job".to_owned());
    }
    Ok((node, kind.is_counted().then_some(apps)))
}

/// Where an agent says how far its app is.
fn agents_app(entry: &str) -> Result<LocUri, String> {
    let (root, path) = entry.strip_prefix("./User/").map_or(("./Device", entry), |path| ("./User", path));
    let is_name = |name: &str| {
        let fits = |character: char| character.is_ascii_alphanumeric() || "-_.{} ".contains(character);
        !name.is_empty() && name.len() <= 128 && name.trim() == name && name.chars().all(fits)
    };
    let (provider, app) = path
        .split_once('/')
        .filter(|(provider, app)| is_name(provider) && is_name(app))
        .ok_or("must be PROVIDER/APP, of letters, digits and - _ . { }")?;
    let segment = |name: &str| percent_encoding::utf8_percent_encode(name, AS_SEGMENT).to_string();
    format!("{root}{APPS}/Tracking/{}/{}/InstallationState", segment(provider), segment(app))
        .parse()
        .map_err(|error| format!("makes no node: {error}"))
}

/// What can't stand in a segment of a node.
const AS_SEGMENT: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b'{').add(b'}').add(b'%');

/// Where agents report their apps.
pub(crate) const APPS: &str = "/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ProvisioningPlan {
        ProvisioningPlan {
            policies: vec![
                "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera".to_owned(),
                "./User/Vendor/MSFT/Policy/Config/Experience/AllowCortana".to_owned(),
            ],
            msi: vec!["./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1%7D/Status;4".to_owned()],
            win32: vec!["Agent/app one".to_owned()],
            ..ProvisioningPlan::default()
        }
    }

    #[test]
    fn what_is_expected_is_parted_by_scope() {
        let plan = plan();
        plan.check().unwrap();
        let device = plan.items(Scope::Device, Timestamp(0));
        let told: Vec<_> = device.iter().map(|item| (item.kind, item.node.as_str(), item.apps)).collect();
        assert_eq!(
            told,
            [
                (ExpectedKind::Policy, "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", None),
                (ExpectedKind::Msi, "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1%7D/Status", Some(4)),
                (
                    ExpectedKind::Win32,
                    "./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps/Tracking/Agent/app%20one/InstallationState",
                    None
                ),
            ]
        );
        assert_eq!(plan.items(Scope::User, Timestamp(0)).len(), 1);
        assert!(plan.is_for_users() && !ProvisioningPlan::default().is_for_users());
    }

    #[test]
    fn what_no_device_could_follow_is_refused() {
        let with = |change: &dyn Fn(&mut ProvisioningPlan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.check().map_err(|refused| refused.field)
        };
        assert_eq!(with(&|plan| plan.timeout_minutes = 0), Err("timeout_minutes"));
        assert_eq!(with(&|plan| plan.timeout_minutes = 1441), Err("timeout_minutes"));
        assert_eq!(with(&|plan| plan.error_text = "a\nb".to_owned()), Err("error_text"));
        assert_eq!(with(&|plan| plan.policies = vec!["nonsense".to_owned()]), Err("policies"));
        assert_eq!(with(&|plan| plan.policies = vec!["./A/\u{f000}B".to_owned()]), Err("policies"));
        assert_eq!(with(&|plan| plan.policies = (0..101).map(|n| format!("./A/{n}")).collect()), Err("policies"));
        for wrong in ["./A/DownloadInstall", "./A/Status;0", "./A/Status;x"] {
            assert_eq!(with(&|plan| plan.msi = vec![wrong.to_owned()]), Err("msi"), "{wrong}");
        }
        for wrong in ["Agent", "Agent/", "a/b/c", "Agent/<x>"] {
            assert_eq!(with(&|plan| plan.win32 = vec![wrong.to_owned()]), Err("win32"), "{wrong}");
        }
    }
}
