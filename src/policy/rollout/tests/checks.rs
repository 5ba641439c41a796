//! What devices have by their own word: read back, mended, watched; and searches for what failed.

use std::collections::BTreeMap;

use transom_protocol::csp::LocUri;
use transom_protocol::session::{CommandState, ItemOutcome, Timestamp};
use transom_protocol::syncml::StatusCode;

use super::super::hear::hear;
use super::super::{drift, search};
use super::{CONFIG, Kept, NOW, catalogue, facts, policy, two};
use crate::model::{Facts, MENDS_WITHIN, MOST_MENDS, PolicyState, ReadVerdict};
use crate::policy::declaration::{Declaration, read_text};
use crate::policy::reconcile::Policy;

const HOUR: i64 = 60 * 60 * 1000;

/// A device that has taken what is wanted, and is asked for it every hour.
fn checked() -> (Kept, BTreeMap<String, String>, Facts) {
    let checks = drift::Plan { watch: None, after_applying: true, every: Some(HOUR), spread: 7 * 60 * 1000 };
    let (mut kept, mut has, facts) = (Kept { checks, ..Kept::default() }, BTreeMap::new(), facts(22631));
    kept.look(&two("8"), &facts);
    kept.session(&mut has, |_| false);
    (kept, has, facts)
}

#[test]
fn what_a_device_took_is_read_back_once_and_then_by_plan() {
    let (mut kept, mut has, facts) = checked();
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)), "it is to be asked");
    assert_eq!(kept.look(&two("8"), &facts), 0);
    assert_eq!((kept.queue.len(), kept.queue[0].instruction.settings().count()), (1, 2), "one question for both");
    assert_eq!((kept.policy.waiting(), kept.policy.look_at()), (2, kept.policy.sweep_at));
    assert_eq!(kept.look(&two("8"), &facts), 0);
    assert_eq!(kept.queue.len(), 1, "it was asked");
    // The value may be written otherwise.
    for value in has.values_mut() {
        value.insert(0, '0');
    }
    kept.session(&mut has, |_| false);
    assert_eq!((kept.policy.waiting(), kept.policy.look_at()), (0, Some(Timestamp(0))));
    kept.look(&two("8"), &facts);
    assert!(kept.found.drifted.is_empty() && kept.found.answered.len() == 1, "{:?}", kept.found);
    let last = kept.setting("AllowCamera").check.last.clone().unwrap();
    assert_eq!(
        (last.verdict, last.at, kept.state("AllowCamera")),
        (ReadVerdict::Same, NOW, Some(PolicyState::Applied))
    );
    // By plan: at the same time of each hour, all of it.
    let sweep = kept.policy.sweep_at.unwrap();
    assert_eq!((sweep.0 % HOUR, sweep.0 - NOW.0 <= HOUR), (7 * 60 * 1000, true));
    kept.now = Timestamp(sweep.0 - 1);
    kept.look(&two("8"), &facts);
    assert!(kept.queue.is_empty());
    kept.now = sweep;
    kept.look(&two("8"), &facts);
    assert_eq!((kept.queue.len(), kept.policy.sweep_at), (1, Some(sweep.plus_millis(HOUR))));
    // One that was not answered yet is not asked again.
    kept.now = sweep.plus_millis(HOUR);
    kept.look(&two("8"), &facts);
    assert_eq!(kept.queue.len(), 1);
}

#[test]
fn what_drifted_is_mended_alone_and_a_few_times_a_day() {
    let (mut kept, mut has, facts) = checked();
    kept.look(&two("8"), &facts);
    for turn in 1..=MOST_MENDS {
        let camera = has.keys().find(|uri| uri.contains("AllowCamera")).unwrap().clone();
        has.insert(camera.clone(), "1".to_owned());
        kept.session(&mut has, |_| false);
        assert_eq!(kept.look(&two("8"), &facts), 1, "{turn}: it is mended");
        let command = &kept.queue[0].instruction;
        assert_eq!(command.settings().map(|(_, item)| item.target.as_str()).collect::<Vec<_>>(), [camera.as_str()]);
        assert_eq!(kept.found.drifted.len(), 1);
        let setting = kept.setting("AllowCamera");
        let last = setting.check.last.as_ref().unwrap();
        assert_eq!((setting.state, last.verdict), (PolicyState::Drifted, ReadVerdict::Drifted));
        assert_eq!((last.wanted.as_deref(), last.observed.as_deref()), (Some("0"), Some("1")));
        assert!(last.carrier.is_some() && setting.why.is_some());
        assert_eq!(kept.policy.standings["all"], PolicyState::Drifted);
        assert_eq!(kept.look(&two("8"), &facts), 0, "it is on its way");
        assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Drifted));
        kept.session(&mut has, |_| false);
        assert_eq!((has[&camera].as_str(), kept.state("AllowCamera")), ("0", Some(PolicyState::Applied)));
        // Whether it stays so is looked at.
        assert_eq!(kept.look(&two("8"), &facts), 0);
        if turn == 1 {
            let mut calm = has.clone();
            let queue = kept.queue.clone();
            let before = kept.policy.clone();
            kept.session(&mut calm, |_| false);
            kept.look(&two("8"), &facts);
            assert_eq!((kept.found.mended.len(), kept.found.drifted.len()), (1, 0), "it holds");
            (kept.policy, kept.queue) = (before, queue);
            kept.carriers.values_mut().for_each(|state| *state = CommandState::Queued);
        }
    }
    has.iter_mut().filter(|(uri, _)| uri.contains("Camera")).for_each(|(_, value)| *value = "1".to_owned());
    kept.session(&mut has, |_| false);
    assert_eq!(kept.look(&two("8"), &facts), 0, "often enough");
    assert!(kept.setting("AllowCamera").why.as_deref().unwrap().contains("changes it back"));
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Drifted));
    kept.now = kept.now.plus_millis(MENDS_WITHIN);
    assert_eq!(kept.look(&two("8"), &facts), 1, "another day");
}

#[test]
fn what_is_only_to_be_told_is_not_mended() {
    let (mut kept, mut has, facts) = checked();
    let mut report = two("8");
    report.report_only("base");
    kept.look(&report, &facts);
    has.retain(|uri, _| !uri.contains("AllowCamera"));
    kept.session(&mut has, |_| false);
    assert_eq!(kept.look(&report, &facts), 0);
    let setting = kept.setting("AllowCamera");
    assert_eq!((setting.state, setting.check.last.as_ref().unwrap().observed.as_deref()), (PolicyState::Drifted, None));
    assert_eq!((kept.found.drifted.len(), kept.look(&report, &facts), kept.found.drifted.len()), (1, 0, 0));
    // It comes back by itself.
    kept.now = kept.policy.sweep_at.unwrap();
    kept.look(&report, &facts);
    has.insert(format!("{CONFIG}/Camera/AllowCamera"), "0".to_owned());
    kept.session(&mut has, |_| false);
    kept.look(&report, &facts);
    assert_eq!((kept.state("AllowCamera"), kept.found.mended.len()), (Some(PolicyState::Applied), 1));
    // Its author has another mind.
    kept.now = kept.policy.sweep_at.unwrap();
    kept.look(&report, &facts);
    has.retain(|uri, _| !uri.contains("AllowCamera"));
    kept.session(&mut has, |_| false);
    kept.look(&report, &facts);
    assert_eq!(kept.look(&two("8"), &facts), 1);
}

const DNS_NAME: &str = "./DevDetail/Ext/Microsoft/DNSComputerName";

#[test]
fn what_takes_effect_with_a_restart_is_no_drift_before_it() {
    let (named, facts) = (policy(&[(DNS_NAME, "NEWPC")], ""), facts(22631));
    let checks = drift::Plan { watch: None, after_applying: true, every: Some(HOUR), spread: 0 };
    let (mut kept, mut has) = (Kept { checks, ..Kept::default() }, BTreeMap::new());
    kept.look(&named, &facts);
    // Reads by plan what the device shows, and gives what is sent because of it.
    let read = |kept: &mut Kept, has: &mut BTreeMap<String, String>, shows: &str| {
        kept.session(has, |_| false);
        has.insert(DNS_NAME.to_owned(), shows.to_owned());
        kept.now = kept.now.plus_millis(HOUR);
        assert_eq!((kept.look(&named, &facts), kept.queue.len()), (0, 1), "it is asked");
        kept.session(has, |_| false);
        kept.look(&named, &facts)
    };
    for _ in 0..3 {
        assert_eq!(read(&mut kept, &mut has, "OLDPC"), 0, "it has not restarted");
        let (state, check) =
            (kept.state("DNSComputerName"), kept.setting("DNSComputerName").check.last.clone().unwrap());
        assert_eq!((state, check.verdict), (Some(PolicyState::Applied), ReadVerdict::NotVerifiable));
        assert!(check.why.unwrap().contains("next restart") && check.observed.as_deref() == Some("OLDPC"));
    }
    assert_eq!(read(&mut kept, &mut has, "NEWPC"), 0);
    assert_eq!(kept.setting("DNSComputerName").check.last.as_ref().unwrap().verdict, ReadVerdict::Same);
    // Now somebody has changed it. It is mended once, and takes effect with the next restart again.
    assert_eq!(read(&mut kept, &mut has, "OTHER"), 1);
    assert_eq!((kept.state("DNSComputerName"), kept.found.drifted.len()), (Some(PolicyState::Drifted), 1));
    assert_eq!(read(&mut kept, &mut has, "OTHER"), 0);
    assert_eq!(kept.state("DNSComputerName"), Some(PolicyState::Applied));
    assert_eq!(read(&mut kept, &mut has, "NEWPC"), 0);
    assert_eq!(kept.found.mended.len(), 1);
}

#[test]
fn a_name_that_the_device_makes_is_not_compared() {
    for name in ["PC-%SERIAL%", "PC-%RAND:6%"] {
        let (named, facts) = (policy(&[(DNS_NAME, name)], ""), facts(22631));
        let checks = drift::Plan { watch: None, after_applying: true, every: Some(HOUR), spread: 0 };
        let (mut kept, mut has) = (Kept { checks, ..Kept::default() }, BTreeMap::new());
        kept.look(&named, &facts);
        kept.session(&mut has, |_| false);
        assert_eq!((kept.look(&named, &facts), kept.queue.len()), (0, 0), "nothing is asked");
        let check = kept.setting("DNSComputerName").check.last.clone().unwrap();
        assert_eq!(check.verdict, ReadVerdict::NotVerifiable);
        assert!(check.why.unwrap().contains("makes its value"));
    }
}

#[test]
fn an_answer_to_what_was_wanted_before_says_nothing() {
    let (mut kept, mut has, facts) = checked();
    kept.look(&two("8"), &facts);
    kept.look(&two("9"), &facts);
    for value in has.values_mut() {
        "3".clone_into(value);
    }
    let question = kept.queue.remove(0);
    let behind = std::mem::replace(&mut kept.queue, vec![question]);
    kept.session(&mut has, |_| false);
    kept.queue = behind;
    kept.look(&two("9"), &facts);
    assert_eq!(kept.state("MinDevicePasswordLength"), Some(PolicyState::Pending));
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Drifted));
}

#[test]
fn a_question_that_is_gone_is_not_waited_for() {
    let (mut kept, _, facts) = checked();
    kept.look(&two("8"), &facts);
    kept.queue.clear();
    kept.carriers.clear();
    kept.look(&two("8"), &facts);
    assert_eq!((kept.policy.waiting(), kept.queue.len()), (0, 0));
    assert!(kept.policy.look_at() > Some(NOW));
}

/// Nine settings, all or none.
fn nine() -> Policy {
    nine_of("\n  atomic: true")
}

fn nine_of(more: &str) -> Policy {
    let names = [
        "AllowCortana",
        "AllowManualMDMUnenrollment",
        "AllowFindMyDevice",
        "AllowScreenCapture",
        "AllowSyncMySettings",
        "AllowTaskSwitcher",
        "AllowThirdPartySuggestionsInWindowsSpotlight",
        "AllowWindowsConsumerFeatures",
        "AllowWindowsTips",
    ];
    let settings: String = names.map(|name| format!("    {CONFIG}/Experience/{name}: 0\n")).concat();
    let text = format!(
        "type: configuration\nidentifier: base\npayload:\n  settings:\n{settings}---\n\
         type: activation\nidentifier: all\npayload:\n  configurations: [base]{more}\n"
    );
    let read = read_text("x.yaml", &text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    Policy::build(&declarations, catalogue())
}

#[test]
fn because_of_which_setting_an_atomic_failed_is_found_and_nothing_stays() {
    let (policy, facts) = (nine(), facts(22631));
    let keys: Vec<String> = {
        let mut kept = Kept::default();
        kept.look(&policy, &facts);
        assert_eq!(kept.queue.len(), 1);
        kept.queue[0].instruction.settings().map(|(_, item)| item.target.as_str().to_owned()).collect()
    };
    for culprit in &keys {
        let mut kept = Kept::default();
        // One of them it had before, with another value.
        let mut has = BTreeMap::from([(keys[4].clone(), "1".to_owned())]);
        let before = has.clone();
        kept.look(&policy, &facts);
        let mut sessions = 0;
        while !kept.queue.is_empty() && sessions < 12 {
            kept.session(&mut has, |uri| uri == culprit);
            assert_eq!(has, before, "no part of it stays");
            kept.look(&policy, &facts);
            sessions += 1;
        }
        assert!(sessions <= 7, "{sessions}");
        assert!(kept.policy.searches.is_empty());
        for setting in kept.policy.settings.values() {
            assert_eq!(setting.state, PolicyState::Failed);
            if setting.uri == *culprit {
                assert_eq!((setting.because_of.as_deref(), setting.status), (None, Some(507)), "{setting:?}");
                assert!(setting.why.as_deref().unwrap().contains("found by trying"), "{setting:?}");
            } else {
                assert_eq!(setting.because_of.as_ref(), Some(culprit), "{setting:?}");
            }
        }
        assert_eq!(kept.look(&policy, &facts), 0, "and it is not sent again");
    }
}

#[test]
fn where_the_device_names_it_nothing_is_tried() {
    let (policy, facts) = (nine(), facts(22631));
    let mut kept = Kept::default();
    kept.look(&policy, &facts);
    let mut command = kept.queue.pop().unwrap();
    let codes = [216, 216, 425, 215, 215, 215, 215, 215, 215];
    let item = |code: u16| ItemOutcome { status: Some(StatusCode(code)), ..ItemOutcome::default() };
    command.progress.items = codes.map(item).to_vec();
    command.progress.group_status = Some(StatusCode(507));
    command.state = CommandState::Failed;
    let named = command.instruction.settings().nth(2).unwrap().1.target.as_str().to_owned();
    hear(&mut kept.policy, &[command], &|_| true, NOW);
    assert!(kept.policy.searches.is_empty());
    for setting in kept.policy.settings.values() {
        assert_eq!(setting.state, PolicyState::Failed);
        let (status, because) = (setting.status, setting.because_of.as_ref());
        if setting.uri == named {
            assert_eq!((status, because), (Some(425), None));
        } else {
            assert_eq!(because, Some(&named), "{setting:?}");
            assert!(setting.why.as_deref().unwrap().contains(&named));
        }
    }
}

#[test]
fn what_could_not_be_taken_back_is_not_tried() {
    let (policy, facts) = (nine(), facts(22631));
    let mut kept = Kept::default();
    kept.look(&policy, &facts);
    let (mut has, culprit) =
        (BTreeMap::new(), kept.queue[0].instruction.settings().next().unwrap().1.target.to_string());
    kept.session(&mut has, |uri| uri == culprit);
    kept.look(&policy, &facts);
    // It is asked what it has, and does not say.
    let mut question = kept.queue.pop().unwrap();
    question.state = CommandState::Failed;
    question.progress.items.iter_mut().for_each(|item| item.status = Some(StatusCode(500)));
    search::hear(&mut kept.policy, &[question]);
    kept.look(&policy, &facts);
    assert!(kept.queue.is_empty() && kept.policy.searches.is_empty());
    assert!(kept.policy.settings.values().all(|setting| setting.why.as_deref().unwrap().contains("one of the 9")));
    // Something else is wanted meanwhile: the search is over.
    let mut kept = Kept::default();
    kept.look(&policy, &facts);
    kept.session(&mut has, |uri| uri == culprit);
    assert_eq!(kept.policy.searches.len(), 1);
    kept.look(&two("8"), &facts);
    assert!(kept.policy.searches.is_empty());
}

#[test]
fn a_device_that_watches_its_nodes_is_asked_one_question() {
    const ROOT: &str = "./Device/Vendor/MSFT/NodeCache/Transom";
    let root: &'static LocUri = Box::leak(Box::new(ROOT.parse().unwrap()));
    let checks = drift::Plan { watch: Some(root), after_applying: true, every: Some(HOUR), spread: 0 };
    let (mut kept, mut has, facts) = (Kept { checks, ..Kept::default() }, BTreeMap::new(), facts(22631));
    let policy = nine_of("");
    let sweep = |kept: &mut Kept| {
        kept.now = kept.policy.sweep_at.unwrap();
        kept.look(&policy, &facts);
        kept.queue.iter().map(|command| command.instruction.settings().count()).collect::<Vec<_>>()
    };
    kept.look(&policy, &facts);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    // It is told what to watch, and read right behind that: so nothing slips in between.
    let told = sweep(&mut kept);
    assert_eq!(told, [1, 20, 8, 1, 9]);
    assert!(kept.policy.watched.building.len() == 4 && has.len() == 9);
    kept.session(&mut has, |_| false);
    let first = kept.setting("AllowCortana").uri.clone();
    assert_eq!((has[&format!("{ROOT}/Nodes/1/NodeURI")].as_str(), has.contains_key(&first)), (first.as_str(), true));
    kept.look(&policy, &facts);
    assert_eq!((kept.found.answered.len(), kept.policy.waiting()), (5, 0));
    // Nothing has changed.
    has.insert(format!("{ROOT}/ChangedNodes"), String::new());
    assert_eq!(sweep(&mut kept), [2]);
    let asked_at = kept.now;
    kept.session(&mut has, |_| false);
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
    kept.look(&policy, &facts);
    assert!(kept.queue.is_empty());
    assert!(kept.policy.settings.values().all(|setting| setting.check.last.as_ref().unwrap().at == asked_at));
    // One has: that one is read.
    has.insert(format!("{ROOT}/ChangedNodes"), "1".to_owned());
    has.insert(first, "7".to_owned());
    sweep(&mut kept);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    assert_eq!(kept.queue.iter().map(|command| command.instruction.settings().count()).collect::<Vec<_>>(), [1]);
    kept.session(&mut has, |_| false);
    assert_eq!((kept.look(&policy, &facts), kept.state("AllowCortana")), (1, Some(PolicyState::Drifted)));
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    // Somebody else told it to watch something else: all is read, and it is told anew the next time.
    has.insert(format!("{ROOT}/CacheVersion"), "another".to_owned());
    assert_eq!(sweep(&mut kept), [2]);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    assert_eq!(kept.queue.iter().map(|command| command.instruction.settings().count()).collect::<Vec<_>>(), [9]);
    kept.session(&mut has, |_| false);
    kept.look(&policy, &facts);
    assert_eq!(sweep(&mut kept).len(), 5);
    // It can't: all is read each time.
    kept.session(&mut has, |uri| uri.starts_with(ROOT));
    kept.look(&policy, &facts);
    assert_eq!(kept.policy.watched.state, crate::model::WatchState::Unable);
    assert_eq!(sweep(&mut kept), [9]);
}
