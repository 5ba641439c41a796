//! The enrollment status page: what a device does with what it was told to expect (CSP `DMClient`, `FirstSyncStatus`).

use transom_protocol::syncml::{Format, StatusCode};

use super::path::Path;
use super::{Refusal, Tree};

/// What stands between the entries of a list.
const DELIMITER: char = '\u{f000}';

/// The lists that a page waits for.
const LISTS: [&str; 6] = [
    "ExpectedPolicies",
    "ExpectedNetworkProfiles",
    "ExpectedSCEPCerts",
    "ExpectedPFXCerts",
    "ExpectedMSIAppPackages",
    "ExpectedModernAppPackages",
];

impl Tree {
    /// Refuses what a page takes no more once it was told that all was sent, and what can't be taken back.
    pub(super) fn check_first_sync(&self, path: &Path) -> Result<(), Refusal> {
        let mut names: Vec<&str> = path.segments.iter().map(|segment| segment.key.as_str()).collect();
        let last = names.pop().unwrap_or_default();
        if names.last() != Some(&"firstsyncstatus") {
            return Ok(());
        }
        let base = path.segments.get(..path.segments.len().saturating_sub(1)).unwrap_or_default();
        let is_told = self.page_value(base, "ServerHasFinishedProvisioning").as_deref() == Some("true");
        let is_list = LISTS.iter().any(|list| list.eq_ignore_ascii_case(last));
        let refused = is_told && (is_list || last == "serverhasfinishedprovisioning");
        if refused { Err(Refusal::status(StatusCode::NOT_ALLOWED)) } else { Ok(()) }
    }

    /// Looks whether all is there, of each page that was told that all was sent.
    pub(super) fn go_on_with_pages(&mut self) {
        for root in ["Device", "User"] {
            let Ok((providers, _)) = Path::parse(&format!("./{root}/Vendor/MSFT/DMClient/Provider")) else { continue };
            let Some(node) = self.root.at(&providers.segments) else { continue };
            let names: Vec<String> = node.children.values().map(|child| super::path::escape(&child.name)).collect();
            for name in names {
                self.go_on_with(&format!("./{root}/Vendor/MSFT/DMClient/Provider/{name}/FirstSyncStatus"));
            }
        }
    }

    fn go_on_with(&mut self, page: &str) {
        let Ok((path, _)) = Path::parse(page) else { return };
        let value = |name: &str| self.page_value(&path.segments, name);
        let is_true = |name: &str| value(name).as_deref() == Some("true");
        if !is_true("ServerHasFinishedProvisioning") || is_true("IsSyncDone") {
            return;
        }
        let lists = LISTS.iter().filter_map(|list| value(list));
        let entries: Vec<String> =
            lists.flat_map(|list| list.split(DELIMITER).map(str::to_owned).collect::<Vec<_>>()).collect();
        let state = |entry: &String| {
            let uri = entry.split(';').next().unwrap_or_default();
            let value = Path::parse(uri).ok().and_then(|(path, _)| {
                self.root
                    .at(&path.segments)
                    .map(|node| node.value.as_ref().map(|stored| stored.data.clone()).unwrap_or_default())
            });
            match value {
                None => "2",
                Some(value) if uri.to_ascii_lowercase().ends_with("/status") => match value.as_str() {
                    "70" => "1",
                    "60" => "0",
                    _ => "2",
                },
                Some(_) => "1",
            }
        };
        let states: Vec<&str> = entries.iter().map(state).collect();
        let told = if states.contains(&"0") {
            "0"
        } else if states.iter().all(|state| *state == "1") {
            "1"
        } else {
            "2"
        };
        self.root.plant(&format!("{page}/WasDeviceSuccessfullyProvisioned"), Format::Int, told);
        if told != "2" {
            self.root.plant(&format!("{page}/IsSyncDone"), Format::Bool, "true");
        }
    }

    fn page_value(&self, page: &[super::path::Segment], name: &str) -> Option<String> {
        let node = page.iter().try_fold(&self.root, |node, segment| node.children.get(&segment.key))?;
        node.children.get(&name.to_lowercase())?.value.as_ref().map(|stored| stored.data.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    const PAGE: &str = "./Device/Vendor/MSFT/DMClient/Provider/Transom/FirstSyncStatus";
    const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";

    #[test]
    fn a_page_waits_for_what_it_was_told_and_takes_no_other_list_then() {
        let mut tree = Tree::windows_11("D", "Transom", "https://mdm.example.test/", 7);
        let (list, finished) = (format!("{PAGE}/ExpectedPolicies"), format!("{PAGE}/ServerHasFinishedProvisioning"));
        tree.add(&list, &Value::text(CAMERA)).unwrap();
        tree.settle();
        assert_eq!(tree.value(&format!("{PAGE}/IsSyncDone")).as_deref(), Some("false"));
        tree.replace(&finished, &Value { format: Some(Format::Bool), data: Some("true".to_owned()) }).unwrap();
        assert_eq!(tree.replace(&list, &Value::text("./X")).unwrap_err().code, StatusCode::NOT_ALLOWED);
        tree.settle();
        assert_eq!(tree.value(&format!("{PAGE}/WasDeviceSuccessfullyProvisioned")).as_deref(), Some("2"));
        tree.replace(CAMERA, &Value { format: Some(Format::Int), data: Some("0".to_owned()) }).unwrap();
        tree.settle();
        assert_eq!(tree.value(&format!("{PAGE}/WasDeviceSuccessfullyProvisioned")).as_deref(), Some("1"));
        assert_eq!(tree.value(&format!("{PAGE}/IsSyncDone")).as_deref(), Some("true"));
    }
}
