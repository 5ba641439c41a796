//! What answers say of a part, and where it stands then.

use transom_protocol::csp::Setting;
use transom_protocol::session::{ItemOutcome, Timestamp};
use transom_protocol::syncml::{StatusClass, StatusCode, Verb};

use super::nodes::{Name, Nodes};
use super::tell::question;
use crate::model::{
    ExpectedKind, ItemState, PartState, ProvisionedState, ProvisioningPart, ProvisioningPlan, ToldNode,
};

impl Nodes {
    /// Keeps what one answer says.
    pub(super) fn hear(
        &self,
        part: &mut ProvisioningPart,
        (verb, setting): (Verb, &Setting),
        outcome: &ItemOutcome,
        now: Timestamp,
    ) {
        if part.state.is_final() {
            return;
        }
        let target = setting.target.as_str();
        match verb {
            Verb::Get => {
                let value = outcome.result.as_ref().map(|result| result.data.trim());
                if self.is(&setting.target, part, Name::SYNC_DONE) {
                    match value.and_then(truth) {
                        Some(done) => part.sync_done = Some(done),
                        None => part.is_silent |= is_absent(outcome.status),
                    }
                } else if self.is(&setting.target, part, Name::PROVISIONED) {
                    part.provisioned = value.and_then(provisioned);
                }
                let asked = part.items.iter_mut();
                for item in asked
                    .filter(|item| question(item).is_some_and(|node| node.names_same_node(target)) && !item.is_done())
                {
                    let (state, said) = heard(item.kind, outcome.status, value);
                    item.hear(state, &said, now);
                }
            }
            Verb::Add | Verb::Replace => {
                for told in part.told.iter_mut().filter(|told| told.node.names_same_node(target)) {
                    told.status = Some(outcome.status.map_or(0, |status| status.0));
                }
                let took_it = outcome.status.is_some_and(|status| status.class() == StatusClass::Done);
                let set_to = setting.data.as_deref().map(str::trim).filter(|_| took_it);
                if self.is(&setting.target, part, Name::SYNC_DONE) {
                    part.sync_done = set_to.and_then(truth).or(part.sync_done);
                } else if self.is(&setting.target, part, Name::PROVISIONED) {
                    part.provisioned = set_to.and_then(provisioned).or(part.provisioned);
                }
                // Whoever sets it: the device has it.
                let by_value = |kind| matches!(kind, ExpectedKind::Policy | ExpectedKind::Network);
                let set = part.items.iter_mut().filter(|item| by_value(item.kind) && item.node.names_same_node(target));
                for item in set.filter(|_| took_it) {
                    item.hear(ItemState::Done, "set", now);
                }
            }
            _ => {}
        }
    }

    /// Lets a part go one step further, where it can. Whether it did.
    pub(super) fn turn(&self, part: &mut ProvisioningPart, plan: &ProvisioningPlan, now: Timestamp) -> bool {
        let next = match part.state {
            PartState::Telling if part.told.is_empty() || part.told.iter().any(|told| told.status.is_none()) => None,
            PartState::Telling if part.told.iter().any(was_needed_in_vain) => Some(PartState::Refused),
            PartState::Telling => Some(PartState::Waiting),
            PartState::Waiting => part.is_acknowledged().then_some(PartState::Finishing),
            PartState::Finishing => {
                let finished = part.told.iter().find(|told| self.is(&told.node, part, Name::FINISHED));
                match finished.filter(|told| told.status.is_some()) {
                    Some(told) if was_needed_in_vain(told) => Some(PartState::Refused),
                    Some(_) => Some(PartState::Following),
                    None => None,
                }
            }
            PartState::Following => followed(part, plan),
            PartState::Done | PartState::Failed | PartState::TimedOut | PartState::Refused => return false,
        };
        // A device that is through says so, whatever it was told.
        let next = if part.sync_done == Some(true) { followed(part, plan) } else { next };
        part.is_locked |= next == Some(PartState::Following);
        let next = next.or((now > part.deadline).then_some(PartState::TimedOut));
        let Some(next) = next else { return false };
        part.turn(next, now);
        true
    }
}

/// How it ended: by the device's own word where its page tracks, else by what was expected.
fn followed(part: &ProvisioningPart, plan: &ProvisioningPlan) -> Option<PartState> {
    let shown = if part.user.is_some() { plan.show_user_page } else { plan.show_device_page };
    let has_failed = part.items.iter().any(|item| item.state == ItemState::Failed);
    match (part.provisioned, part.sync_done) {
        (Some(ProvisionedState::Failed), _) => Some(PartState::Failed),
        (_, Some(true)) => Some(PartState::Done),
        _ if shown && !part.is_silent => None,
        _ if part.items.iter().all(|item| matches!(item.state, ItemState::Done | ItemState::Failed)) => {
            Some(if has_failed { PartState::Failed } else { PartState::Done })
        }
        _ => None,
    }
}

fn was_needed_in_vain(told: &ToldNode) -> bool {
    told.needed && told.status.is_some_and(|status| StatusCode(status).class() != StatusClass::Done)
}

const fn is_absent(status: Option<StatusCode>) -> bool {
    matches!(status, Some(StatusCode(404..=406)))
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn provisioned(text: &str) -> Option<ProvisionedState> {
    match text {
        "0" => Some(ProvisionedState::Failed),
        "1" => Some(ProvisionedState::Succeeded),
        "2" => Some(ProvisionedState::Going),
        _ => None,
    }
}

/// How far a thing is by an answer, and the answer in short.
fn heard(kind: ExpectedKind, status: Option<StatusCode>, value: Option<&str>) -> (ItemState, String) {
    let Some(status) = status else { return (ItemState::Missing, String::new()) };
    if status.class() != StatusClass::Done {
        return (ItemState::Missing, status.0.to_string());
    }
    let value = value.unwrap_or_default();
    let state = match (kind, value) {
        // Whatever it is set to is nobody's business here.
        (ExpectedKind::Policy | ExpectedKind::Network | ExpectedKind::Modern, _) => {
            return (ItemState::Done, "there".to_owned());
        }
        (ExpectedKind::Msi, "70")
        | (ExpectedKind::Scep, "1")
        | (ExpectedKind::Pfx, "0")
        | (ExpectedKind::Win32, "3") => ItemState::Done,
        // An empty value says that it was not begun.
        (ExpectedKind::Win32, "1") | (_, "") => ItemState::Missing,
        // Whatever else a PFX says is an error.
        (ExpectedKind::Msi, "60")
        | (ExpectedKind::Scep, "32")
        | (ExpectedKind::Win32, "4")
        | (ExpectedKind::Pfx, _) => ItemState::Failed,
        (ExpectedKind::Msi | ExpectedKind::Scep | ExpectedKind::Win32, _) => ItemState::Working,
    };
    (state, value.to_owned())
}

#[cfg(test)]
mod tests {
    use transom_protocol::session::ResultValue;
    use transom_protocol::syncml::Format;

    use super::*;
    use crate::model::{Principal, Provisioning};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    const MSI: &str = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1%7D/Status";

    fn nodes() -> Nodes {
        Nodes::of("Transom").unwrap()
    }

    fn begun() -> Provisioning {
        let plan = ProvisioningPlan {
            policies: vec![CAMERA.to_owned()],
            msi: vec![MSI.to_owned()],
            ..ProvisioningPlan::default()
        };
        plan.check().unwrap();
        Provisioning::begin(plan, NOW)
    }

    fn answer(status: u16, value: Option<&str>) -> ItemOutcome {
        let result = value.map(|data| ResultValue {
            uri: String::new(),
            format: Format::Chr,
            mime: None,
            data: data.to_owned(),
            chunked: false,
        });
        ItemOutcome { status: Some(StatusCode(status)), result, ..ItemOutcome::default() }
    }

    /// Answers each command as it is told, and lets the part go on.
    fn say(provisioning: &mut Provisioning, answers: &[(&str, ItemOutcome)]) -> usize {
        let nodes = nodes();
        let Provisioning { plan, device, .. } = provisioning;
        let commands = nodes.step(device, plan, None);
        let count = commands.len();
        for command in commands {
            for (verb, setting) in command.instruction.settings() {
                let named = answers.iter().find(|(node, _)| setting.target.as_str().ends_with(node));
                let outcome = named.map_or_else(|| answer(200, None), |(_, outcome)| outcome.clone());
                nodes.hear(device, (verb, setting), &outcome, NOW);
            }
        }
        while nodes.turn(device, plan, NOW) {}
        count
    }

    #[test]
    fn the_server_is_through_only_when_all_has_reached_the_device() {
        let mut provisioning = begun();
        let nothing = [("AllowCamera", answer(404, None)), ("Status", answer(404, None))];
        assert!(say(&mut provisioning, &nothing) > 6);
        assert_eq!(provisioning.device.state, PartState::Waiting);
        let told: Vec<&str> = provisioning.device.told.iter().map(|told| told.node.as_str()).collect();
        assert!(told.iter().all(|node| node.starts_with("./Device/Vendor/MSFT/DMClient/Provider/Transom/FirstSync")));
        assert!(!told.iter().any(|node| node.ends_with("ServerHasFinishedProvisioning")));
        // One of two is not all.
        say(&mut provisioning, &[("AllowCamera", answer(200, Some("0"))), ("Status", answer(404, None))]);
        assert_eq!(provisioning.device.state, PartState::Waiting);
        // An installation that goes on was acknowledged.
        say(&mut provisioning, &[("Status", answer(200, Some("50")))]);
        assert_eq!(provisioning.device.state, PartState::Finishing);
        assert_eq!(say(&mut provisioning, &[]), 1);
        assert_eq!((provisioning.device.state, provisioning.device.is_locked), (PartState::Following, true));
        let going = [("IsSyncDone", answer(200, Some("false"))), ("Status", answer(200, Some("70")))];
        say(&mut provisioning, &going);
        assert_eq!(provisioning.device.state, PartState::Following, "the device's own page decides");
        say(&mut provisioning, &[("IsSyncDone", answer(200, Some("true")))]);
        assert_eq!(provisioning.device.state, PartState::Done);
        assert_eq!(say(&mut provisioning, &[]), 0);
    }

    #[test]
    fn a_device_that_refuses_a_list_is_not_told_that_all_is_there() {
        let mut provisioning = begun();
        say(&mut provisioning, &[("ExpectedPolicies", answer(405, None))]);
        assert_eq!(provisioning.device.state, PartState::Refused);
        let mut provisioning = begun();
        say(&mut provisioning, &[("SkipUserStatusPage", answer(404, None)), ("Status", answer(404, None))]);
        assert_eq!(provisioning.device.state, PartState::Waiting, "a page that can't be hidden is no reason");
    }

    #[test]
    fn time_runs_out_and_a_failure_is_told() {
        let mut provisioning = begun();
        say(&mut provisioning, &[("Status", answer(404, None))]);
        let late = NOW.plus_millis(60 * 60_000 + 1);
        let Provisioning { plan, device, .. } = &mut provisioning;
        assert!(nodes().turn(device, plan, late));
        assert_eq!((device.state, device.since), (PartState::TimedOut, late));

        let mut provisioning = begun();
        say(&mut provisioning, &[("Status", answer(200, Some("60")))]);
        say(&mut provisioning, &[]);
        say(&mut provisioning, &[("WasDeviceSuccessfullyProvisioned", answer(200, Some("0")))]);
        assert_eq!(provisioning.device.state, PartState::Failed);
    }

    #[test]
    fn without_a_page_what_was_expected_decides() {
        let mut provisioning = begun();
        provisioning.plan.show_device_page = false;
        say(&mut provisioning, &[("Status", answer(200, Some("20")))]);
        say(&mut provisioning, &[]);
        say(&mut provisioning, &[("Status", answer(200, Some("50"))), ("IsSyncDone", answer(200, Some("false")))]);
        assert_eq!(provisioning.device.state, PartState::Following);
        say(&mut provisioning, &[("Status", answer(200, Some("70"))), ("IsSyncDone", answer(200, Some("false")))]);
        assert_eq!(provisioning.device.state, PartState::Done);
    }

    #[test]
    fn a_user_is_told_only_what_is_below_the_user() {
        let user = Principal::parse("bob@contoso.test").unwrap();
        let plan = ProvisioningPlan {
            policies: vec![CAMERA.to_owned(), CAMERA.replace("./Device", "./User")],
            win32: vec!["./User/Agent/App".to_owned()],
            ..ProvisioningPlan::default()
        };
        let mut provisioning = Provisioning::begin(plan, NOW);
        assert!(provisioning.welcome(&user, NOW) && !provisioning.welcome(&user, NOW));
        let Provisioning { plan, users, .. } = &mut provisioning;
        let commands = nodes().step(&mut users[0], plan, None);
        assert!(commands.iter().all(|command| command.user.as_ref() == Some(&user)));
        let targets: Vec<&str> = commands
            .iter()
            .flat_map(|command| command.instruction.settings().map(|(_, setting)| setting.target.as_str()))
            .collect();
        assert!(targets.iter().all(|target| target.starts_with("./User/")), "{targets:?}");
        assert!(targets.iter().any(|target| target.ends_with("Agent/TrackingPoliciesCreated")), "{targets:?}");
    }
}
