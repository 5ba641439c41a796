//! What provisioning waits for: which thing has not arrived, since when, and what helps.

use transom_protocol::session::{Principal, Timestamp};
use transom_protocol::syncml::{StatusClass, StatusCode};

use super::tell::agent_and_app;
use crate::model::{ExpectedItem, ExpectedKind, ItemState, PartState, Provisioning, ProvisioningPart};

/// One thing that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Whose part it is of; nobody's is the device's.
    pub user: Option<Principal>,
    /// The node, or what is to happen.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not there.
    pub why: String,
    /// What helps.
    pub remedy: String,
}

/// What is waited for, in the order in which it is worth looking at; nothing where all is there.
pub fn stuck(provisioning: &Provisioning) -> Vec<Stuck> {
    provisioning.parts().flat_map(of_part).collect()
}

fn of_part(part: &ProvisioningPart) -> Vec<Stuck> {
    let stuck = |what: &str, since: Timestamp, why: &str, remedy: &str| Stuck {
        user: part.user.clone(),
        what: what.to_owned(),
        since,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
    };
    let comes = match &part.user {
        Some(_) => "it goes out in the next session of this user: let the user sign in on the device",
        None => "let the device come: transom device sync",
    };
    let mut found = Vec::new();
    match part.state {
        PartState::Done => return found,
        PartState::Telling => {
            found.push(stuck("the list of what to expect", part.since, "the device has not taken it yet", comes));
        }
        PartState::Finishing => {
            let why = "all has reached the device, and it does not know so yet";
            found.push(stuck("ServerHasFinishedProvisioning", part.since, why, comes));
        }
        PartState::Refused => found.extend(part.told.iter().filter_map(|told| {
            let status =
                told.status.filter(|status| StatusCode(*status).class() != StatusClass::Done && told.needed)?;
            let why = if status == 0 { "it came to nothing".to_owned() } else { format!("the device says {status}") };
            let remedy = match status {
                404 | 406 => "this Windows has no status page of this kind; take the expectation away",
                405 => "its page has begun already and takes no other list: set the plan before the device enrolls",
                _ => "see the command with transom session show, then set the plan anew",
            };
            Some(stuck(told.node.as_str(), part.since, &why, remedy))
        })),
        PartState::TimedOut => {
            let why = "not all was there when the time was over; the page of the device says that it failed";
            let remedy = "mend what is listed below, then set the plan anew, or end it: transom device provisioning ID \
                          --end success";
            found.push(stuck("the time", part.since, why, remedy));
        }
        PartState::Failed if part.items.iter().all(|item| item.state != ItemState::Failed) => {
            let why = "the device itself says that it failed";
            let remedy =
                "its page names the step: look there, or ask it for its logs: transom device collect-diagnostics";
            found.push(stuck("the status page", part.since, why, remedy));
        }
        PartState::Following if part.items.iter().all(ExpectedItem::is_done) => {
            let why = "all that was expected is there, and the device does not say yet that it is through";
            found.push(stuck("IsSyncDone", part.since, why, "its page shows what it still does; look there"));
        }
        PartState::Waiting | PartState::Failed | PartState::Following => {}
    }
    let items = part.items.iter().filter(|item| !item.is_done());
    found.extend(items.map(|item| {
        let (why, remedy) = of_item(item);
        stuck(item.node.as_str(), item.since, &why, &remedy)
    }));
    found
}

fn of_item(item: &ExpectedItem) -> (String, String) {
    let said = item.said.as_deref().unwrap_or("nothing");
    let why = match item.state {
        ItemState::Unknown => "the device was not asked yet, or has not answered".to_owned(),
        ItemState::Missing if item.kind == ExpectedKind::Win32 => format!("its agent has not begun ({said})"),
        ItemState::Missing => format!("the device does not have it (it says {said})"),
        ItemState::Working => format!("the device is at it (state {said})"),
        ItemState::Failed => format!("the device could not get it (state {said})"),
        ItemState::Done => "it is there".to_owned(),
    };
    let remedy = match (item.kind, item.state) {
        (_, ItemState::Unknown) => "let the device come: transom device sync".to_owned(),
        (ExpectedKind::Policy | ExpectedKind::Network, _) => {
            "set it (transom command send), or take it from the plan; see whether a command for it failed".to_owned()
        }
        (ExpectedKind::Scep | ExpectedKind::Pfx, ItemState::Failed) => {
            "look at the address, the challenge and the key of the certificate, and install it again".to_owned()
        }
        (ExpectedKind::Scep | ExpectedKind::Pfx, _) => "install the certificate: transom device --help".to_owned(),
        (ExpectedKind::Msi, ItemState::Missing) => "order the installation: transom device install-msi".to_owned(),
        (ExpectedKind::Msi, ItemState::Failed) => {
            let error = item.node.as_str().trim_end_matches("Status").to_owned() + "LastError";
            format!("read why: transom command send get {error}")
        }
        (ExpectedKind::Modern, _) => "install the package, and compare its name with that of the plan".to_owned(),
        (ExpectedKind::Win32, _) => {
            let agent = agent_and_app(&item.node).map_or_else(|| "its agent".to_owned(), |(agent, _)| agent);
            format!("see that the agent {agent} runs on the device and knows this app")
        }
        (ExpectedKind::Msi, _) => "wait; an installation takes its time".to_owned(),
    };
    (why, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProvisioningPlan, ToldNode};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn what_has_not_arrived_is_named_with_a_remedy() {
        let plan = ProvisioningPlan {
            policies: vec!["./Vendor/MSFT/Policy/Config/Camera/AllowCamera".to_owned()],
            msi: vec!["./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1%7D/Status".to_owned()],
            win32: vec!["Agent/App".to_owned()],
            ..ProvisioningPlan::default()
        };
        let mut provisioning = Provisioning::begin(plan, NOW);
        assert_eq!(stuck(&provisioning).len(), 4, "the list, and what it names");
        let later = NOW.plus_millis(1000);
        provisioning.device.state = PartState::Waiting;
        provisioning.device.items[0].hear(ItemState::Done, "set", later);
        provisioning.device.items[1].hear(ItemState::Failed, "60", later);
        provisioning.device.items[2].hear(ItemState::Working, "2", later);
        let found = stuck(&provisioning);
        assert_eq!(found.len(), 2);
        assert!(found[0].since == later && found[0].remedy.ends_with("/LastError"), "{found:?}");
        assert!(found[1].remedy.contains("agent Agent"), "{found:?}");
        provisioning.device.state = PartState::Done;
        provisioning.device.items.clear();
        assert_eq!(stuck(&provisioning), []);
        provisioning.device.state = PartState::Refused;
        let node = "./Device/A/FirstSyncStatus/ExpectedPolicies".parse().unwrap();
        provisioning.device.told = vec![ToldNode { node, needed: true, status: Some(404) }];
        assert!(stuck(&provisioning)[0].why.contains("404"));
    }
}
