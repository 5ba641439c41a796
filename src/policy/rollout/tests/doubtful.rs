//! What of a setting nobody knows for sure: what is ours, what the device still has, what half a command has done.

use transom_protocol::csp::Instruction;
use transom_protocol::session::{CommandState, Timestamp};
use transom_protocol::syncml::Verb;

use super::{CONFIG, Kept, facts, of_text, policy, two};
use crate::model::PolicyState;
use crate::policy::reconcile::Policy;

/// It takes Add and Delete, and no Replace.
const INSTALL: &str = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/Fabrikam_1/HostedInstall";
const GROUPS: &str = "./Device/Vendor/MSFT/DynamicManagement/Contexts/Home";

fn verbs(kept: &Kept) -> Vec<Verb> {
    kept.queue.iter().flat_map(|command| command.instruction.settings().map(|(verb, _)| verb)).collect()
}

fn nothing() -> Policy {
    policy(&[], "")
}

fn camera(value: &str) -> Policy {
    policy(&[(format!("{CONFIG}/Camera/AllowCamera").as_str(), value)], "")
}

#[test]
fn what_is_refused_as_often_as_it_is_sent_is_not_ours() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&camera("0"), &facts);
    kept.answer(|_| 425);
    for setting in kept.policy.settings.values_mut() {
        setting.send_again();
    }
    assert_eq!(kept.look(&camera("0"), &facts), 1);
    kept.answer(|_| 425);
    assert_eq!(kept.look(&nothing(), &facts), 0, "{:?}", kept.queue);
    assert!(kept.policy.settings.is_empty());
    // Neither is what somebody took out of the queue before it was sent.
    let mut kept = Kept { is_away: true, ..Kept::default() };
    kept.look(&camera("0"), &facts);
    kept.end(CommandState::Canceled);
    assert_eq!(kept.look(&nothing(), &facts), 0);
    kept.look(&camera("0"), &facts);
    kept.end(CommandState::Canceled);
    assert_eq!(kept.look(&camera("0"), &facts), 1, "it is wanted all the same");
}

#[test]
fn what_the_device_could_not_undo_is_taken_back() {
    let facts = facts(22631);
    let text = |length: &str| {
        of_text(&format!(
            "type: configuration\nidentifier: base\npayload:\n  settings:\n    {CONFIG}/Camera/AllowCamera: 0\n    \
             {CONFIG}/DeviceLock/MinDevicePasswordLength: {length}\n---\ntype: activation\nidentifier: all\npayload:\n  \
             configurations: [base]\n  atomic: true\n"
        ))
    };
    // It was no longer wanted when the device said so.
    let mut kept = Kept::default();
    kept.look(&text("8"), &facts);
    kept.look(&nothing(), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 500 } else { 516 });
    assert_eq!(kept.look(&nothing(), &facts), 1);
    assert_eq!(kept.queue[0].instruction.settings().count(), 1);
    // Neither did the device take another value since.
    let mut kept = Kept::default();
    kept.look(&text("8"), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 500 } else { 516 });
    kept.look(&text("9"), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 500 } else { 215 });
    assert_eq!(kept.look(&nothing(), &facts), 1);
}

#[test]
fn another_windows_is_given_what_it_may_have() {
    let mut kept = Kept::default();
    kept.look(&two("8"), &facts(19045));
    kept.answer(|_| 200);
    kept.look(&two("9"), &facts(19045));
    kept.answer(|_| 406);
    // It is upgraded, and nothing is wanted any more: what it took goes.
    assert_eq!(kept.look(&nothing(), &facts(22631)), 1);
    assert_eq!(kept.queue[0].instruction.settings().count(), 2);
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty());
}

#[test]
fn a_value_that_takes_two_commands_goes_whole_or_not_at_all() {
    let (mut kept, facts) = (Kept::default(), facts(26100));
    let of = |name: &str| policy(&[(INSTALL, &format!("<Application Name='{name}'/>"))], "");
    kept.look(&of("a"), &facts);
    kept.answer(|_| 200);
    kept.is_away = true;
    kept.look(&of("b"), &facts);
    assert_eq!(verbs(&kept), [Verb::Delete, Verb::Add]);
    // Neither was sent: both are withdrawn.
    kept.look(&of("a"), &facts);
    assert!(kept.queue.is_empty(), "{:?}", kept.queue);
    assert_eq!(kept.state("HostedInstall"), Some(PolicyState::Applied));
    // The first was sent: the second follows, and what is wanted by now after that.
    kept.look(&of("b"), &facts);
    let first = kept.queue.remove(0);
    kept.sent.insert(first.id.0.clone());
    kept.carriers.insert(first.id.0, CommandState::Succeeded);
    assert_eq!(kept.look(&of("a"), &facts), 0);
    assert_eq!(verbs(&kept), [Verb::Add]);
    kept.answer(|_| 200);
    kept.look(&of("a"), &facts);
    assert_eq!(verbs(&kept), [Verb::Delete, Verb::Add]);
}

#[test]
fn a_part_is_not_answered_by_the_node_above_it() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    let of = || policy(&[(GROUPS, "{}"), (&format!("{GROUPS}/SignalDefinition"), "x")], "");
    kept.look(&of(), &facts);
    let both = kept.queue.iter().any(|command| {
        matches!(command.instruction, Instruction::Single(_)) && command.instruction.settings().count() == 2
    });
    assert!(both, "{:?}", kept.queue);
    kept.answer_in_part(|uri| (uri.as_str() == GROUPS).then_some(200));
    assert_eq!(kept.state("Home"), Some(PolicyState::Applied));
    assert_eq!(kept.state("SignalDefinition"), Some(PolicyState::Pending));
}

#[test]
fn a_node_that_is_only_needed_goes_with_the_last_thing_in_it() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    let below = format!("{GROUPS}/SignalDefinition");
    kept.look(&policy(&[(GROUPS, "{}"), (&below, "x")], ""), &facts);
    kept.answer(|_| 200);
    let only = policy(&[(&below, "x")], "");
    assert_eq!(kept.look(&only, &facts), 0);
    assert_eq!(kept.state("Home"), Some(PolicyState::Kept));
    assert_ne!(kept.policy.look_at(), Some(Timestamp(0)), "nobody looks again and again meanwhile");
    assert_eq!((kept.look(&only, &facts), kept.state("Home")), (0, Some(PolicyState::Kept)));
    assert_eq!(kept.look(&nothing(), &facts), 1);
    assert_eq!(
        kept.queue[0].instruction.settings().map(|(_, item)| item.target.as_str()).collect::<Vec<_>>(),
        [GROUPS]
    );
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty(), "{:?}", kept.policy.settings);
}

#[test]
fn what_is_wanted_again_while_it_is_taken_back_is_not_there_yet() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&camera("0"), &facts);
    kept.answer(|_| 200);
    kept.look(&nothing(), &facts);
    assert_eq!(kept.look(&camera("0"), &facts), 0, "what becomes of it is waited for");
    assert_eq!(kept.policy.standings["base"], PolicyState::Retracting);
    // And then it is not.
    kept.look(&nothing(), &facts);
    kept.answer(|_| 500);
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Failed), "it is not tried for ever");
    assert_eq!(kept.look(&nothing(), &facts), 0);
}
