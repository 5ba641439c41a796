//! What is wanted differently while something is on its way.

use transom_protocol::session::{CommandState, Timestamp};

use super::{CONFIG, Kept, facts, policy, two};
use crate::model::{MOST_LOST, PolicyState};

fn away() -> Kept {
    Kept { is_away: true, ..Kept::default() }
}

/// The settings of all that waits, with their values.
fn queued(kept: &Kept) -> Vec<(String, Option<String>)> {
    let settings = kept.queue.iter().flat_map(|command| command.instruction.settings());
    settings
        .map(|(verb, item)| {
            let name = item.target.as_str().rsplit('/').next().unwrap_or_default();
            (format!("{} {name}", verb.as_str()), item.data.clone())
        })
        .collect()
}

#[test]
fn a_device_that_was_away_gets_the_difference_and_nothing_in_between() {
    let facts = facts(22631);
    let mut kept = away();
    assert_eq!(kept.look(&two("8"), &facts), 1);
    assert_eq!(kept.look(&two("9"), &facts), 1);
    let nine = ("Replace MinDevicePasswordLength".to_owned(), Some("9".to_owned()));
    assert_eq!((queued(&kept).len(), kept.queue.len()), (2, 1), "the one before is not sent any more");
    assert!(queued(&kept).contains(&nine));
    assert_eq!(kept.look(&two("9"), &facts), 0, "nothing differs");
    // Nothing is wanted any more: nothing is sent, and nothing is left.
    assert_eq!(kept.look(&policy(&[], ""), &facts), 0);
    assert!(kept.queue.is_empty() && kept.policy.settings.is_empty());
    // What it has confirmed is what it is compared with.
    kept.look(&two("8"), &facts);
    kept.answer(|_| 200);
    let camera = format!("{CONFIG}/Camera/AllowCamera");
    let other = policy(&[(camera.as_str(), "1")], "");
    assert_eq!(kept.look(&other, &facts), 2, "one is taken back, and one is another");
    assert_eq!(kept.look(&two("8"), &facts), 0);
    assert!(kept.queue.is_empty(), "{:?}", queued(&kept));
    assert_eq!(kept.policy.standings["all"], PolicyState::Applied);
}

#[test]
fn what_is_under_way_is_waited_for() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    // It is no longer wanted.
    assert_eq!(kept.look(&policy(&[], ""), &facts), 0);
    kept.answer(|_| 200);
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    assert!(queued(&kept).iter().all(|(what, _)| what.starts_with("Delete ")));
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty());
    // Nobody knows what became of it: it may be there.
    kept.look(&two("8"), &facts);
    for _ in 0..=MOST_LOST {
        kept.end(CommandState::Unknown);
        kept.look(&two("8"), &facts);
    }
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
}

#[test]
fn what_the_device_has_refused_is_not_taken_from_it() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 425 } else { 200 });
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    assert_eq!(queued(&kept), [("Delete MinDevicePasswordLength".to_owned(), None)], "its own camera stays");
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty());
    // What it took before it refused another value is taken from it.
    kept.look(&two("8"), &facts);
    kept.answer(|_| 200);
    kept.look(&two("9"), &facts);
    kept.answer(|_| 500);
    kept.look(&policy(&[], ""), &facts);
    assert_eq!(queued(&kept).len(), 2);
}

#[test]
fn an_atomic_that_changes_before_its_answer_stays_whole() {
    let facts = facts(22631);
    let both = |length: &str| {
        let settings = format!(
            "type: configuration\nidentifier: base\npayload:\n  settings:\n    {CONFIG}/Camera/AllowCamera: 0\n    \
             {CONFIG}/DeviceLock/MinDevicePasswordLength: {length}\n---\ntype: activation\nidentifier: all\npayload:\n  \
             configurations: [base]\n  atomic: true\n"
        );
        super::of_text(&settings)
    };
    // It was not sent: all of it is another.
    let mut kept = away();
    kept.look(&both("8"), &facts);
    assert_eq!(kept.look(&both("9"), &facts), 1);
    assert_eq!((kept.queue.len(), queued(&kept).len()), (1, 2));
    // It was sent: what became of it is waited for. As it failed, all of it goes again.
    let mut kept = Kept::default();
    kept.look(&both("8"), &facts);
    assert_eq!(kept.look(&both("9"), &facts), 0);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 500 } else { 215 });
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
    assert_eq!(kept.look(&both("9"), &facts), 1);
    assert_eq!((kept.queue.len(), queued(&kept).len()), (1, 2), "{:?}", queued(&kept));
}

#[test]
fn a_part_that_waits_for_the_rest_of_its_atomic_is_looked_at_when_that_is_known() {
    let facts = facts(22631);
    let of = |more: &str| {
        let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
        let settings = format!("    {rule}/Name: Web\n    {rule}/Enabled: true\n{more}").replace("{rule}", rule);
        super::of_text(&format!(
            "type: configuration\nidentifier: base\npayload:\n  settings:\n{settings}---\ntype: activation\n\
             identifier: all\npayload:\n  configurations: [base]\n"
        ))
    };
    let mut kept = Kept::default();
    kept.look(&of(""), &facts);
    let more = of("    ./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web/Protocol: 6\n");
    assert_eq!(kept.look(&more, &facts), 0);
    assert_ne!(kept.policy.look_at(), Some(Timestamp(0)), "nobody looks again and again meanwhile");
    kept.answer(|_| 200);
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
    assert_eq!(kept.look(&more, &facts), 1);
    assert_eq!(queued(&kept).len(), 1);
}

#[test]
fn part_of_a_command_may_be_known_before_the_rest() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    let waits = kept.queue[0].clone();
    kept.answer_in_part(|uri| if uri.as_str().contains("Camera") { Some(202) } else { Some(200) });
    assert_eq!(kept.state("MinDevicePasswordLength"), Some(PolicyState::Applied));
    let camera = kept.setting("AllowCamera");
    assert_eq!((camera.state, camera.status), (PolicyState::Pending, Some(202)));
    assert!(camera.why.as_deref().unwrap().contains("is to say when it is done"));
    // The device never says so: what it has is read.
    kept.carriers.insert(waits.id.0, CommandState::Unknown);
    kept.checks.after_applying = true;
    assert_eq!(kept.look(&two("8"), &facts), 0, "it is not sent again");
    assert_eq!(kept.setting("AllowCamera").state, PolicyState::Applied);
}
