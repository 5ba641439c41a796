//! What an order needs beyond the right to order: some nodes do what has a right of its own elsewhere, and an order of
//! them is no way around it.

use super::Error;
use crate::model::{Instruction, LocUri, Right, Rights, Setting, Verb};

/// What lies at or below these is not for everybody who may order.
const GUARDED: [(&str, Right); 8] = [
    ("./Device/Vendor/MSFT/RemoteWipe", Right::Retire),
    ("./Device/Vendor/MSFT/CleanPC", Right::Retire),
    ("./Device/Vendor/MSFT/RootCATrustedCertificates", Right::Trust),
    ("./Device/Vendor/MSFT/ClientCertificateInstall", Right::Trust),
    ("./User/Vendor/MSFT/RootCATrustedCertificates", Right::Trust),
    ("./User/Vendor/MSFT/ClientCertificateInstall", Right::Trust),
    // The older place of both.
    ("./Device/Vendor/MSFT/CertificateStore", Right::Trust),
    ("./User/Vendor/MSFT/CertificateStore", Right::Trust),
];

/// Where management ends.
const DM_CLIENT: &str = "./Device/Vendor/MSFT/DMClient";

/// Refuses an order of what its author may not do.
pub(super) fn allowed<'a>(
    instructions: impl IntoIterator<Item = &'a Instruction>,
    rights: &Rights,
) -> Result<(), Error> {
    let mut needed = instructions.into_iter().flat_map(|instruction| {
        let nodes = instruction.operations().iter().filter(|operation| operation.verb != Verb::Get);
        nodes.flat_map(|operation| operation.items.iter().filter_map(move |item| right_of(operation.verb, item)))
    });
    match needed.find(|right| !rights.contains(right)) {
        Some(right) => Err(Error::NotAllowed(right)),
        None => Ok(()),
    }
}

/// The right that changing a node needs besides.
fn right_of(verb: Verb, setting: &Setting) -> Option<Right> {
    let target = &setting.target;
    let found = GUARDED.into_iter().find(|(root, _)| {
        root.parse::<LocUri>().is_ok_and(|root| is_within(&root, target))
            // What is above takes along what is below.
            || (verb == Verb::Delete && target.is_ancestor_of(root))
    });
    found.map(|(_, right)| right).or_else(|| ends_management(verb, target).then_some(Right::Retire))
}

/// Whether the node is where a device is told to leave, or is deleted with it.
fn ends_management(verb: Verb, target: &LocUri) -> bool {
    if verb == Verb::Delete && target.is_ancestor_of(DM_CLIENT) {
        return true;
    }
    let Ok(client) = DM_CLIENT.parse::<LocUri>() else { return false };
    let below = || format!("{}/Unenroll", target.path()).parse::<LocUri>();
    is_within(&client, target)
        && (target.ends_session() || (verb == Verb::Delete && below().is_ok_and(|below| below.ends_session())))
}

fn is_within(root: &LocUri, target: &LocUri) -> bool {
    root.names_same_node(target.as_str()) || root.is_ancestor_of(target.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(command: &serde_json::Value) -> Option<Right> {
        let instruction: Instruction = serde_json::from_value(command.clone()).unwrap();
        match allowed([&instruction], &Rights::from([Right::Look, Right::Command])) {
            Ok(()) => None,
            Err(Error::NotAllowed(right)) => {
                let all = Right::ALL.into();
                assert!(allowed([&instruction], &all).is_ok(), "{command}");
                Some(right)
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn one(kind: &str, target: &str) -> serde_json::Value {
        serde_json::json!({"kind": kind, "items": [{"target": target}]})
    }

    #[test]
    fn what_has_a_right_of_its_own_needs_it_in_an_order_as_well() {
        for (kind, target, right) in [
            ("exec", "./Device/Vendor/MSFT/RemoteWipe/doWipe", Right::Retire),
            ("exec", "./Vendor/MSFT/remotewipe/DOWIPE", Right::Retire),
            ("exec", "./Vendor/MSFT/Remote%57ipe/doWipeProtected", Right::Retire),
            ("exec", "./Vendor/MSFT/RemoteWipe/AutomaticRedeployment/doAutomaticRedeployment", Right::Retire),
            ("exec", "./Vendor/MSFT/CleanPC/CleanPCWithoutRetainingUserData", Right::Retire),
            ("exec", "./Device/Vendor/MSFT/DMClient/Provider/Transom/Unenroll", Right::Retire),
            ("replace", "./Vendor/MSFT/DMClient/Unenroll", Right::Retire),
            ("delete", "./Vendor/MSFT/DMClient/Provider/Transom", Right::Retire),
            ("delete", "./Vendor/MSFT/DMClient", Right::Retire),
            ("add", "./Device/Vendor/MSFT/RootCATrustedCertificates/Root/AB/EncodedCertificate", Right::Trust),
            ("add", "./User/Vendor/MSFT/ClientCertificateInstall/SCEP/A/Install/Enroll", Right::Trust),
            ("delete", "./Device/Vendor/MSFT/ClientCertificateInstall", Right::Trust),
            ("replace", "./Vendor/MSFT/CertificateStore/Root/System/AB/EncodedCertificate", Right::Trust),
        ] {
            assert_eq!(needs(&one(kind, target)), Some(right), "{kind} {target}");
        }
        assert!(needs(&one("delete", "./Vendor/MSFT")).is_some(), "with all that is below");
    }

    #[test]
    fn in_a_group_it_is_the_same() {
        for kind in ["atomic", "sequence"] {
            let harmless = one("delete", "./Device/Vendor/MSFT/WiFi/Profile/A");
            let wipe = one("exec", "./Device/Vendor/MSFT/RemoteWipe/doWipe");
            let group = serde_json::json!({"kind": kind, "commands": [harmless, wipe]});
            assert_eq!(needs(&group), Some(Right::Retire), "{kind}");
        }
    }

    #[test]
    fn to_read_and_everything_else_is_for_whoever_may_order() {
        for (kind, target) in [
            ("get", "./Device/Vendor/MSFT/RootCATrustedCertificates/Root"),
            ("get", "./Device/Vendor/MSFT/RemoteWipe/AutomaticRedeployment/Status"),
            ("exec", "./Device/Vendor/MSFT/Reboot/RebootNow"),
            ("replace", "./Device/Vendor/MSFT/DMClient/Provider/Transom/Poll/IntervalForRemainingScheduledRetries"),
            ("delete", "./Device/Vendor/MSFT/DMClient/Provider/Transom/Push"),
            ("replace", "./Vendor/MSFT/RemoteWipeX/doWipe"),
        ] {
            assert_eq!(needs(&one(kind, target)), None, "{kind} {target}");
        }
    }
}
