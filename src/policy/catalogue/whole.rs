//! A setting held against the catalogue, and against what holds for whatever is sent.

use transom_protocol::csp::catalogue::{Catalogue, Checked, Finding, Proposed, Rule};
use transom_protocol::csp::check::check;
use transom_protocol::csp::ddf::Device;
use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::syncml::Verb;

/// What the catalogue says of a proposal that is complete, and what would be refused wherever it is sent to: a value that
/// is missing, or one beside a verb that has none.
pub fn held_whole(catalogue: &Catalogue, proposed: &Proposed<'_>, device: &Device) -> Checked {
    let mut checked = catalogue.check(proposed, Some(device));
    let item =
        Setting { target: checked.uri.clone(), format: checked.format.clone(), mime: None, data: checked.data.clone() };
    let operation = Operation { verb: proposed.verb, items: vec![item], if_exists: IfExists::Fail };
    let writes = matches!(proposed.verb, Verb::Add | Verb::Replace | Verb::Exec);
    // Of the value of a known node the catalogue has said it.
    let is_said = writes && checked.node.is_some() && proposed.data.is_some();
    let problems = check(&Instruction::Single(operation), usize::MAX).err().unwrap_or_default();
    let findings = problems.into_iter().map(Finding::from);
    checked.findings.extend(findings.filter(|finding| !is_said || finding.rule != Rule::Value));
    checked.findings.sort_by_key(|finding| finding.level);
    checked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::catalogue::builtin;

    #[test]
    fn what_would_not_be_sent_is_not_accepted() {
        let catalogue = builtin::catalogue().unwrap();
        let refused = |verb, target: &str, data: Option<&str>| {
            let uri = target.parse().unwrap();
            let proposed = Proposed { verb, uri: &uri, format: None, data, in_atomic: false };
            held_whole(&catalogue, &proposed, &Device::default()).is_refused()
        };
        let length = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
        let app = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/App/Policy";
        for verb in [Verb::Add, Verb::Replace] {
            assert!(refused(verb, length, None));
            assert!(!refused(verb, length, Some("12")));
        }
        assert!(!refused(Verb::Get, length, None) && !refused(Verb::Delete, length, None));
        assert!(refused(Verb::Get, length, Some("12")));
        assert!(refused(Verb::Add, app, Some("hello")) && !refused(Verb::Add, app, None));
        assert!(!refused(Verb::Exec, "./Device/Vendor/MSFT/Reboot/RebootNow", None));
    }
}
