//! What is sent again although the same is wanted.

use transom_protocol::csp::Instruction;
use transom_protocol::session::{CommandState, ItemOutcome, Pending};
use transom_protocol::syncml::StatusCode;

use super::super::hear::hear;
use super::super::staged::again;
use super::super::{afresh, search};
use super::{CONFIG, Kept, NOW, catalogue, facts, policy, two};
use crate::model::{MOST_LOST, PolicyState, Timestamp};
use crate::policy::declaration::{Declaration, read_text};
use crate::policy::reconcile::Policy;

const MOST: [&str; 3] = ["AllowCortana", "AllowFindMyDevice", "AllowScreenCapture"];

/// Settings of an activation that are all or none.
fn atomic(settings: &[(&str, &str)]) -> Policy {
    activation(settings, "true")
}

fn activation(settings: &[(&str, &str)], atomic: &str) -> Policy {
    let settings: String =
        settings.iter().map(|(name, value)| format!("    {CONFIG}/Experience/{name}: {value}\n")).collect();
    let text = format!(
        "type: configuration\nidentifier: base\npayload:\n  settings:\n{settings}---\n\
         type: activation\nidentifier: all\npayload:\n  configurations: [base]\n  atomic: {atomic}\n"
    );
    let read = read_text("x.yaml", &text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    Policy::build(&declarations, catalogue())
}

fn three() -> Policy {
    atomic(&MOST.map(|name| (name, "0")))
}

/// What waits: the last parts of the addresses of each command, with whether it is an Atomic.
fn queued(kept: &Kept) -> Vec<(bool, Vec<String>)> {
    let of = |command: &Pending| {
        let names = command.instruction.settings();
        let names = names.map(|(_, item)| item.target.as_str().rsplit('/').next().unwrap().to_owned()).collect();
        (matches!(command.instruction, Instruction::Group { .. }), names)
    };
    kept.queue.iter().map(of).collect()
}

/// The Atomic that waits fails because of one setting, which the device names, or with no word of it.
fn fail(kept: &mut Kept, culprit: Option<&str>) {
    let mut command = kept.queue.pop().unwrap();
    let code = |target: &str| StatusCode(if culprit.is_some_and(|name| target.ends_with(name)) { 425 } else { 216 });
    let item = |target: &str| ItemOutcome { status: Some(code(target)), ..ItemOutcome::default() };
    command.progress.items = command.instruction.settings().map(|(_, setting)| item(setting.target.as_str())).collect();
    command.progress.group_status = Some(StatusCode(507));
    command.state = CommandState::Failed;
    kept.carriers.insert(command.id.0.clone(), command.state);
    hear(&mut kept.policy, &[command], &|_| true, NOW);
}

/// A device on which an Atomic of three failed.
fn failed(culprit: Option<&str>) -> Kept {
    let mut kept = Kept::default();
    kept.look(&three(), &facts(22631));
    fail(&mut kept, culprit);
    assert_eq!(kept.look(&three(), &facts(22631)), 0, "the same is not sent again and again");
    kept.queue.clear();
    kept
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_an_atomic_undid_is_sent_again_when_the_culprit_is_gone_or_mended() {
    let facts = facts(22631);
    for culprit in [Some(MOST[2]), None] {
        // It is taken out: the others go together, and only they. The device has refused it, so that there is nothing to take
        // back.
        let mut kept = failed(culprit);
        kept.look(&atomic(&[(MOST[0], "0"), (MOST[1], "0")]), &facts);
        let waits = queued(&kept);
        assert_eq!(waits, [(true, names(&MOST[..2]))], "{culprit:?}");
        kept.answer(|_| 200);
        assert_eq!(kept.policy.standings["all"], PolicyState::Applied);
        // It is mended, another of them is changed, or one comes along: they are one Atomic still.
        for (changed, more) in [(2, None), (0, None), (0, Some(("AllowSyncMySettings", "0")))] {
            let mut kept = failed(culprit);
            let mut settings: Vec<(&str, &str)> = MOST.map(|name| (name, "0")).to_vec();
            match more {
                None => settings[changed].1 = "1",
                Some(more) => settings.push(more),
            }
            assert_eq!(kept.look(&atomic(&settings), &facts), 1, "{culprit:?} {changed} {more:?}");
            let all: Vec<&str> = settings.iter().map(|(name, _)| *name).collect();
            assert_eq!(queued(&kept), [(true, names(&all))]);
            fail(&mut kept, culprit);
            assert_eq!(kept.look(&atomic(&settings), &facts), 0, "and that once");
        }
        // It is no Atomic any more: each counts for itself.
        let mut kept = failed(culprit);
        assert_eq!(kept.look(&activation(&MOST.map(|name| (name, "0")), "false"), &facts), 1);
        kept.answer(|uri| if uri.as_str().ends_with(MOST[2]) { 425 } else { 200 });
        assert_eq!(kept.state(MOST[0]), Some(PolicyState::Applied));
    }
}

#[test]
fn what_a_device_could_not_undo_is_not_told_as_undone() {
    let mut kept = Kept::default();
    kept.look(&three(), &facts(22631));
    let mut command = kept.queue.pop().unwrap();
    let code = |target: &str| if target.ends_with("AllowCortana") { 425 } else { 200 };
    let item = |target: &str| ItemOutcome { status: Some(StatusCode(code(target))), ..ItemOutcome::default() };
    command.progress.items = command.instruction.settings().map(|(_, setting)| item(setting.target.as_str())).collect();
    command.progress.group_status = Some(StatusCode(516));
    command.state = CommandState::Failed;
    hear(&mut kept.policy, &[command], &|_| true, NOW);
    for name in ["AllowFindMyDevice", "AllowScreenCapture"] {
        let setting = kept.setting(name);
        assert_eq!((setting.state, setting.status), (PolicyState::Failed, Some(516)));
        let why = setting.why.as_deref().unwrap();
        assert!(why.contains("AllowCortana failed") && why.contains("could not undo"), "{why}");
        assert!(setting.because_of.is_some());
    }
    assert_eq!(kept.setting("AllowCortana").status, Some(425));
}

#[test]
fn what_the_culprit_of_an_atomic_is_retried_for_is_all_of_it() {
    let mut kept = failed(Some(MOST[2]));
    let asked = [(String::new(), NOW)].into_iter().collect();
    again(&mut kept.policy, &asked);
    assert_eq!(kept.look(&three(), &facts(22631)), 1);
    assert_eq!(queued(&kept), [(true, names(&MOST))]);
}

#[test]
fn a_node_that_is_written_in_one_atomic_is_written_whole_again() {
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
    let of = |more: &[(&str, &str)]| {
        let all = [&[("Direction", "OUT"), ("Enabled", "true")], more].concat();
        let settings: Vec<(String, &str)> =
            all.iter().map(|(name, value)| (format!("{rule}/{name}"), *value)).collect();
        policy(&settings.iter().map(|(uri, value)| (uri.as_str(), *value)).collect::<Vec<_>>(), "")
    };
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&of(&[]), &facts);
    fail(&mut kept, Some("Enabled"));
    assert_eq!(kept.look(&of(&[]), &facts), 0);
    // What it lacked comes along.
    kept.look(&of(&[("Protocol", "6")]), &facts);
    assert_eq!(queued(&kept), [(true, names(&["Protocol", "Direction", "Enabled"]))]);
}

const INSTALL: &str = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/AcmeAdmx";
const IN_TEMPLATE: &str = "./Device/Vendor/MSFT/Policy/Config/Acme~Policy~acme/Color";

fn acme(template: Option<&str>) -> Policy {
    let value = "{value: <enabled/>, format: chr, type: text/plain}";
    let mut settings = vec![(IN_TEMPLATE, value)];
    settings.extend(template.map(|template| (INSTALL, template)));
    policy(&settings, "")
}

/// The device answers what waits; by the catalogue all addresses are there on every device.
fn answer(kept: &mut Kept, code: impl Fn(&str) -> u16) {
    for mut command in std::mem::take(&mut kept.queue) {
        let codes: Vec<u16> = command.instruction.settings().map(|(_, item)| code(item.target.as_str())).collect();
        command.state =
            if codes.iter().all(|code| *code == 200) { CommandState::Succeeded } else { CommandState::Failed };
        let item = |code: u16| ItemOutcome { status: Some(StatusCode(code)), ..ItemOutcome::default() };
        command.progress.items = codes.into_iter().map(item).collect();
        kept.carriers.insert(command.id.0.clone(), command.state);
        hear(&mut kept.policy, &[command], &|_| true, NOW);
    }
}

#[test]
fn a_setting_that_came_before_its_template_is_sent_again_behind_it() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&acme(None), &facts);
    answer(&mut kept, |_| 404);
    let setting = kept.setting("Color");
    assert_eq!(setting.state, PolicyState::Failed, "it is not the device that does not have it");
    assert!(setting.why.as_deref().unwrap().contains("template acme/policy"), "{:?}", setting.why);
    assert_eq!(kept.look(&acme(None), &facts), 0);
    // The template comes, and it goes along, behind it.
    assert_eq!(kept.look(&acme(Some("one")), &facts), 2);
    assert_eq!(queued(&kept), [(false, names(&["AcmeAdmx"])), (false, names(&["Color"]))]);
    answer(&mut kept, |uri| if uri == INSTALL { 500 } else { 404 });
    assert!(kept.setting("Color").why.as_deref().unwrap().contains(INSTALL), "{:?}", kept.setting("Color").why);
    assert_eq!(kept.look(&acme(Some("one")), &facts), 0);
    // Another template may do better.
    assert_eq!(kept.look(&acme(Some("two")), &facts), 2);
    answer(&mut kept, |_| 200);
    assert_eq!(kept.policy.standings["all"], PolicyState::Applied);
}

#[test]
fn what_a_device_with_the_template_does_not_have_it_does_not_have() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&acme(Some("one")), &facts);
    answer(&mut kept, |uri| if uri == INSTALL { 200 } else { 404 });
    assert_eq!(kept.state("Color"), Some(PolicyState::NotApplicable));
    assert_eq!(kept.look(&acme(Some("one")), &facts), 0);
    // Somebody says that it is to be tried again.
    kept.policy.again = Some(("base".to_owned(), NOW));
    again(&mut kept.policy, &[].into_iter().collect());
    assert_eq!(kept.look(&acme(Some("one")), &facts), 1);
}

#[test]
fn a_template_that_is_taken_later_brings_what_was_refused_before() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&acme(Some("one")), &facts);
    let template = kept.queue.remove(0);
    answer(&mut kept, |_| 404);
    assert_eq!(kept.state("Color"), Some(PolicyState::Failed));
    kept.queue.push(template);
    answer(&mut kept, |_| 200);
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)), "it is to be sent again");
    assert_eq!((kept.look(&acme(Some("one")), &facts), afresh::templates(&kept.policy).len()), (1, 1));
    assert_eq!(queued(&kept), [(false, names(&["Color"]))]);
}

#[test]
fn what_a_device_does_not_have_is_not_taken_from_it() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 404 } else { 200 });
    kept.look(&policy(&[], ""), &facts);
    assert_eq!(queued(&kept), [(false, names(&["MinDevicePasswordLength"]))]);
    assert_eq!(kept.policy.settings.len(), 1);
}

#[test]
fn what_a_device_may_have_is_taken_back_although_nobody_knows() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    unknown(&mut kept);
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Retracting));
    let mut kept = Kept::default();
    kept.look(&two("8"), &facts);
    kept.end(CommandState::Unknown);
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
}

/// What a message says of a command that nobody knows the outcome of.
fn unknown(kept: &mut Kept) {
    for mut command in std::mem::take(&mut kept.queue) {
        command.state = CommandState::Unknown;
        kept.carriers.insert(command.id.0.clone(), command.state);
        hear(&mut kept.policy, &[command], &|_| true, NOW);
    }
}

#[test]
fn what_was_not_answered_is_sent_again_a_few_times() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    for turn in 0..MOST_LOST {
        unknown(&mut kept);
        assert_eq!((kept.policy.waiting(), kept.policy.look_at()), (0, Some(Timestamp(0))), "{turn}");
        assert_eq!(kept.policy.standings["all"], PolicyState::Pending);
        assert_eq!(kept.look(&two("8"), &facts), 1, "{turn}");
    }
    unknown(&mut kept);
    assert_eq!(kept.policy.standings["all"], PolicyState::Failed);
    assert_eq!(kept.look(&two("8"), &facts), 0, "and then it is told");
    // Something else may come through, and it is counted anew then.
    assert_eq!(kept.look(&two("9"), &facts), 1);
    unknown(&mut kept);
    assert_eq!(kept.look(&two("9"), &facts), 1);
    kept.answer(|_| 200);
    assert_eq!(kept.setting("MinDevicePasswordLength").lost, 0);
}

#[test]
fn what_could_not_be_taken_back_is_counted_and_can_be_retried() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    kept.answer(|_| 200);
    kept.look(&policy(&[], ""), &facts);
    // Not answered: it is taken back again, a few times.
    for turn in 0..MOST_LOST {
        unknown(&mut kept);
        assert_eq!((kept.policy.waiting(), kept.policy.look_at()), (0, Some(Timestamp(0))), "{turn}");
        assert_eq!(kept.look(&policy(&[], ""), &facts), 1, "{turn}");
        assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Retracting));
    }
    kept.end(CommandState::Expired);
    assert_eq!(kept.look(&policy(&[], ""), &facts), 0);
    assert_eq!((kept.policy.standings["base"], kept.policy.look_at()), (PolicyState::Failed, kept.policy.sweep_at));
    // Somebody says so.
    kept.policy.again = Some(("base".to_owned(), NOW));
    again(&mut kept.policy, &[].into_iter().collect());
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    kept.answer(|_| 500);
    assert_eq!(kept.policy.standings["base"], PolicyState::Failed, "the device refuses it");
    assert_eq!(kept.look(&policy(&[], ""), &facts), 0);
    kept.policy.again = Some(("base".to_owned(), NOW));
    again(&mut kept.policy, &[].into_iter().collect());
    kept.look(&policy(&[], ""), &facts);
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty());
}

#[test]
fn a_try_that_was_not_answered_names_nobody() {
    let mut kept = Kept::default();
    kept.look(&three(), &facts(22631));
    fail(&mut kept, None);
    let mut has = std::collections::BTreeMap::new();
    kept.look(&three(), &facts(22631));
    kept.session(&mut has, |_| false);
    kept.look(&three(), &facts(22631));
    // The try, and what takes it back.
    assert!(kept.queue.len() > 1);
    let mut attempt = kept.queue.remove(0);
    attempt.state = CommandState::Unknown;
    assert!(search::hear(&mut kept.policy, &[attempt]));
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
    kept.look(&three(), &facts(22631));
    assert!(kept.policy.searches.is_empty());
    for setting in kept.policy.settings.values() {
        assert_eq!(setting.because_of, None);
        assert!(setting.why.as_deref().unwrap().contains("did not answer"), "{:?}", setting.why);
    }
}
