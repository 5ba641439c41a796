//! What is decided for a device, and what answers make of it: a device that is a value.

mod afresh;
mod checks;
mod doubtful;
mod overtaken;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::{Instruction, LocUri, Setting};
use transom_protocol::session::{CommandId, CommandState, ItemOutcome, Pending, Progress, ResultValue, Timestamp};
use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::decide::decide;
use super::drift;
use super::hear::hear;
use super::overtaken::Carriers;
use super::search::{self, Move};
use super::watch;
use crate::model::{
    DevicePolicy, EnrollmentId, Fact, FactName, FactValue, Facts, MOST_LOST, PolicyState, SettingRecord,
};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{Declaration, read_text};
use crate::policy::reconcile::Policy;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";

fn catalogue() -> &'static Catalogue {
    static MADE: OnceLock<Catalogue> = OnceLock::new();
    MADE.get_or_init(|| builtin::catalogue().unwrap())
}

fn policy(settings: &[(&str, &str)], when: &str) -> Policy {
    let settings: String = settings.iter().map(|(uri, value)| format!("    {uri}: {value}\n")).collect();
    let settings = if settings.is_empty() { " {}\n".to_owned() } else { format!("\n{settings}") };
    let when = if when.is_empty() { String::new() } else { format!("\n  when: {when}") };
    let text = format!(
        "type: configuration\nidentifier: base\npayload:\n  settings:{settings}---\n\
         type: activation\nidentifier: all\npayload:\n  configurations: [base]{when}\n"
    );
    of_text(&text)
}

fn of_text(text: &str) -> Policy {
    let read = read_text("x.yaml", text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    Policy::build(&declarations, catalogue())
}

fn facts(build: i64) -> Facts {
    let enrollment = EnrollmentId::new(NOW);
    let fact = |name: &str, value| Fact {
        name: FactName::parse(name).unwrap(),
        value: FactValue::Integer(value),
        observed_at: NOW,
        changed_at: NOW,
        enrollment: enrollment.clone(),
    };
    [fact("os.build", build), fact("os.edition_id", 4)].into_iter().collect()
}

/// A device, and what the server keeps of it.
struct Kept {
    policy: DevicePolicy,
    queue: Vec<Pending>,
    carriers: BTreeMap<String, CommandState>,
    checks: drift::Plan<'static>,
    now: Timestamp,
    found: drift::Found,
    /// Nothing of what waits was sent.
    is_away: bool,
    /// But for these.
    sent: BTreeSet<String>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            policy: DevicePolicy::default(),
            queue: Vec::new(),
            carriers: BTreeMap::new(),
            checks: drift::Plan { watch: None, after_applying: false, every: None, spread: 0 },
            now: NOW,
            found: drift::Found::default(),
            is_away: false,
            sent: BTreeSet::new(),
        }
    }
}

impl Kept {
    /// Looks at the device; how many commands that makes.
    fn look(&mut self, policy: &Policy, facts: &Facts) -> usize {
        let unsent = if self.is_away {
            self.carriers.keys().filter(|id| !self.sent.contains(*id)).cloned().collect()
        } else {
            BTreeSet::new()
        };
        let carriers = Carriers { states: &self.carriers, unsent: &unsent };
        let mut decided = decide(policy, catalogue(), facts, &self.policy, &carriers, self.checks, self.now);
        self.queue.retain(|command| !decided.withdrawn.contains(&command.id.0));
        for id in &decided.withdrawn {
            self.carriers.insert(id.clone(), CommandState::Canceled);
        }
        let count = decided.parcels.len();
        for place in 0..count {
            let id = self.queued(decided.parcels[place].instruction.clone());
            decided.carried_by(place, &id);
        }
        match decided.watching.take() {
            Some(watch::Step::Build(all)) => {
                decided.policy.watched.building = all.into_iter().map(|each| self.queued(each)).collect();
            }
            Some(watch::Step::Ask(question)) => decided.policy.watched.question = Some(self.queued(question)),
            None => {}
        }
        for place in 0..decided.questions.len() {
            let id = self.queued(decided.questions[place].instruction.clone());
            decided.asked_by(place, &id);
        }
        for (place, step) in std::mem::take(&mut decided.moves) {
            let instructions = match step {
                Move::Ask(question) => vec![question.instruction],
                Move::Try { attempt, back } => [vec![attempt], back].concat(),
            };
            let ids: Vec<String> = instructions.into_iter().map(|instruction| self.queued(instruction)).collect();
            decided.policy.searches[place].carrier = ids.into_iter().next();
        }
        self.found = std::mem::take(&mut decided.found);
        self.policy = decided.policy;
        count
    }

    fn queued(&mut self, instruction: Instruction) -> String {
        let id = format!("command {}", self.carriers.len());
        self.queue.push(Pending {
            id: CommandId(id.clone()),
            sequence: 1,
            progress: Progress::new(&instruction),
            instruction,
            user: None,
            state: CommandState::Queued,
            reason: None,
            attempts: 0,
            not_before: None,
            expires_at: None,
            depends_on: Vec::new(),
        });
        self.carriers.insert(id.clone(), CommandState::Queued);
        id
    }

    /// The device does all that waits with what it has; an Atomic fails as a whole where it takes one setting not, without
    /// saying which.
    fn session(&mut self, has: &mut BTreeMap<String, String>, refuses: impl Fn(&str) -> bool) {
        for mut command in std::mem::take(&mut self.queue) {
            let group = matches!(command.instruction, Instruction::Group { .. });
            let parts: Vec<(Verb, Setting)> =
                command.instruction.settings().map(|(verb, item)| (verb, item.clone())).collect();
            let fails = group && parts.iter().any(|(_, item)| refuses(item.target.as_str()));
            let outcome = |(verb, item): &(Verb, Setting)| {
                let uri = item.target.as_str().to_owned();
                let mut result = None;
                let code = match verb {
                    _ if fails => 215,
                    Verb::Get => {
                        result = has.get(&uri).map(|data| ResultValue {
                            uri: uri.clone(),
                            format: Format::Chr,
                            mime: None,
                            data: data.clone(),
                            chunked: false,
                        });
                        if result.is_some() { 200 } else { 404 }
                    }
                    Verb::Delete => {
                        if has.remove(&uri).is_some() {
                            200
                        } else {
                            404
                        }
                    }
                    _ if refuses(&uri) => 500,
                    _ => {
                        has.insert(uri, item.data.clone().unwrap_or_default());
                        200
                    }
                };
                ItemOutcome { status: Some(StatusCode(code)), result, ..ItemOutcome::default() }
            };
            command.progress.items = parts.iter().map(outcome).collect();
            command.progress.group_status = group.then_some(StatusCode(if fails { 507 } else { 200 }));
            let is_delete = |place: usize| parts[place].0 == Verb::Delete;
            let mut items = command.progress.items.iter().enumerate();
            let all = items.all(|(place, item)| item.status == Some(StatusCode(200)) || is_delete(place));
            command.state = if all { CommandState::Succeeded } else { CommandState::Failed };
            self.carriers.insert(command.id.0.clone(), command.state);
            let is_fixed = |uri: &LocUri| catalogue().known(uri).is_some_and(|hit| hit.chosen.is_empty());
            let commands = [command];
            watch::hear(&mut self.policy.watched, &commands, self.now);
            search::hear(&mut self.policy, &commands);
            drift::hear(&mut self.policy, &commands, self.now);
            hear(&mut self.policy, &commands, &is_fixed, self.now);
        }
    }

    /// All that waits ends without a message that said how.
    fn end(&mut self, end: CommandState) {
        for command in self.queue.drain(..) {
            self.carriers.insert(command.id.0, end);
        }
    }

    fn setting(&self, name: &str) -> &SettingRecord {
        let folded = name.to_ascii_lowercase();
        self.policy.settings.iter().find(|(key, _)| key.ends_with(&folded)).map(|(_, setting)| setting).unwrap()
    }

    /// The device answers all that waits, each address with its code.
    fn answer(&mut self, code: impl Fn(&LocUri) -> u16) {
        for mut command in std::mem::take(&mut self.queue) {
            let codes: Vec<u16> = command.instruction.settings().map(|(_, setting)| code(&setting.target)).collect();
            let all = codes.iter().all(|code| *code == 200);
            command.progress.items = codes
                .into_iter()
                .map(|code| ItemOutcome { status: Some(StatusCode(code)), ..ItemOutcome::default() })
                .collect();
            command.state = if all { CommandState::Succeeded } else { CommandState::Failed };
            self.carriers.insert(command.id.0.clone(), command.state);
            let is_fixed = |uri: &LocUri| catalogue().known(uri).is_some_and(|hit| hit.chosen.is_empty());
            let is_waited_for =
                self.policy.settings.values().any(|setting| setting.carrier.as_deref() == Some(command.id.0.as_str()));
            assert_eq!(hear(&mut self.policy, &[command], &is_fixed, NOW), is_waited_for);
        }
    }

    /// The device answers some of what waits, and is to say more.
    fn answer_in_part(&mut self, code: impl Fn(&LocUri) -> Option<u16>) {
        for command in &mut self.queue {
            let codes = command.instruction.settings().map(|(_, setting)| code(&setting.target).map(StatusCode));
            command.progress.items = codes.map(|status| ItemOutcome { status, ..ItemOutcome::default() }).collect();
            command.state = CommandState::Deferred;
            self.carriers.insert(command.id.0.clone(), command.state);
            hear(&mut self.policy, std::slice::from_ref(command), &|_| false, NOW);
        }
    }

    fn state(&self, name: &str) -> Option<PolicyState> {
        let folded = name.to_ascii_lowercase();
        self.policy.settings.iter().find(|(key, _)| key.ends_with(&folded)).map(|(_, setting)| setting.state)
    }
}

fn two(length: &str) -> Policy {
    let length_uri = format!("{CONFIG}/DeviceLock/MinDevicePasswordLength");
    let camera = format!("{CONFIG}/Camera/AllowCamera");
    policy(&[(length_uri.as_str(), length), (camera.as_str(), "0")], "")
}

#[test]
fn what_is_wanted_is_given_once_and_stands_applied() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    assert_eq!(kept.look(&two("8"), &facts), 1);
    assert_eq!(kept.policy.standings["all"], PolicyState::Pending);
    assert_eq!(kept.policy.waiting(), 2);
    assert_eq!(kept.look(&two("8"), &facts), 0, "it is on its way");
    kept.answer(|_| 200);
    assert_eq!(kept.policy.standings["base"], PolicyState::Applied);
    assert_eq!((kept.look(&two("8"), &facts), kept.policy.waiting()), (0, 0));
    // One setting changes: one command with one setting.
    assert_eq!(kept.look(&two("9"), &facts), 1);
    assert_eq!(kept.queue[0].instruction.settings().count(), 1);
    assert_eq!((kept.state("AllowCamera"), kept.policy.waiting()), (Some(PolicyState::Applied), 1));
    kept.answer(|_| 200);
    // No longer wanted: all is taken back, and then nothing is left.
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Retracting));
    assert_eq!(kept.look(&policy(&[], ""), &facts), 0, "it is on its way");
    kept.answer(|_| 200);
    assert!(kept.policy.settings.is_empty());
}

#[test]
fn what_a_device_has_accepted_is_no_failure_and_is_read_back() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.checks.after_applying = true;
    kept.look(&two("8"), &facts);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 202 } else { 500 });
    let camera = kept.setting("AllowCamera");
    assert_eq!((camera.state, camera.status), (PolicyState::Applied, Some(202)));
    assert_eq!(camera.why.as_deref(), Some("the device has accepted it, and did not say that it is done"));
    assert_eq!(kept.state("MinDevicePasswordLength"), Some(PolicyState::Failed));
    assert_eq!(kept.look(&two("8"), &facts), 0, "it is not sent again");
    assert!(kept.setting("AllowCamera").why.is_some() && kept.queue.len() == 1, "it is asked for");
    let mut has = BTreeMap::from([(format!("{CONFIG}/Camera/AllowCamera"), "0".to_owned())]);
    kept.session(&mut has, |_| false);
    kept.look(&two("8"), &facts);
    let camera = kept.setting("AllowCamera");
    assert_eq!((camera.state, camera.status, camera.why.as_deref()), (PolicyState::Applied, None, None));
    // What is taken back, as well.
    assert_eq!(kept.look(&policy(&[], ""), &facts), 1);
    kept.answer(|uri| if uri.as_str().contains("Camera") { 202 } else { 404 });
    assert!(kept.policy.settings.is_empty());
}

#[test]
fn why_one_of_two_values_holds_stands_at_the_setting() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    let text = |name: &str, value: i64| {
        format!(
            "type: configuration\nidentifier: {name}\npayload:\n  settings:\n    {CONFIG}/Camera/AllowCamera: {value}\n---\n"
        )
    };
    let all = "type: activation\nidentifier: all\npayload:\n  configurations: [adm, kinds]\n";
    let read = read_text("x.yaml", &(text("kinds", 0) + &text("adm", 1) + all));
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    let policy = Policy::build(&declarations, catalogue());
    let why = Some("adm wants 1, kinds wants 0: the safest holds, 0");
    kept.look(&policy, &facts);
    assert_eq!(
        (kept.state("AllowCamera"), kept.setting("AllowCamera").why.as_deref()),
        (Some(PolicyState::Pending), why)
    );
    kept.answer(|_| 200);
    assert_eq!(
        (kept.state("AllowCamera"), kept.setting("AllowCamera").why.as_deref()),
        (Some(PolicyState::Applied), why)
    );
    kept.look(&policy, &facts);
    assert_eq!(kept.setting("AllowCamera").why.as_deref(), why);
}

#[test]
fn an_answer_counts_for_what_it_answers() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    assert_eq!(kept.look(&two("9"), &facts), 0, "what becomes of the value before is waited for");
    kept.answer(|_| 200);
    assert_eq!(kept.state("MinDevicePasswordLength"), Some(PolicyState::Pending), "that was the value before");
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Applied));
    assert_eq!(kept.policy.look_at(), Some(Timestamp(0)), "and then it is looked at once");
    assert_eq!(kept.look(&two("9"), &facts), 1);
    kept.answer(|_| 500);
    let setting = kept.policy.settings.values().find(|setting| setting.uri.contains("Length")).unwrap();
    assert_eq!((setting.state, setting.status), (PolicyState::Failed, Some(500)));
    assert!(setting.why.as_deref().unwrap().contains("500"));
    assert_eq!(kept.policy.standings["all"], PolicyState::Failed);
    assert_eq!(kept.look(&two("9"), &facts), 0, "what failed is not sent again and again");
    assert_eq!(kept.state("MinDevicePasswordLength"), Some(PolicyState::Failed));
    assert_eq!(kept.look(&two("10"), &facts), 1, "something else may work");
}

#[test]
fn what_a_device_does_not_have_is_no_failure_and_is_tried_on_another_windows() {
    let mut kept = Kept::default();
    kept.look(&two("8"), &facts(22631));
    kept.answer(|uri| if uri.as_str().contains("Camera") { 404 } else { 200 });
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::NotApplicable));
    assert_eq!(kept.policy.standings["all"], PolicyState::Applied);
    assert_eq!(kept.look(&two("8"), &facts(22631)), 0);
    assert_eq!(kept.look(&two("8"), &facts(26100)), 1);
    kept.answer(|_| 200);
    assert_eq!(kept.state("AllowCamera"), Some(PolicyState::Applied));
    // By the catalogue: it is not sent at all.
    let mut old = Kept::default();
    assert_eq!(old.look(&two("8"), &facts(7601)), 0);
    assert_eq!(old.policy.standings["all"], PolicyState::NotApplicable);
    assert!(old.policy.settings.values().all(|setting| setting.why.is_some()));
}

#[test]
fn what_is_wanted_again_while_it_is_taken_back_is_given_when_that_is_done() {
    for answer in [200, 500] {
        let (mut kept, facts) = (Kept::default(), facts(22631));
        kept.look(&two("8"), &facts);
        kept.answer(|_| 200);
        kept.look(&policy(&[], ""), &facts);
        assert_eq!(kept.look(&two("8"), &facts), 0);
        kept.answer(|_| answer);
        assert_eq!(kept.policy.look_at(), Some(Timestamp(0)));
        // Where it could not be taken back the device has it still.
        assert_eq!(kept.look(&two("8"), &facts), usize::from(answer == 200));
        kept.answer(|_| 200);
        assert_eq!(kept.policy.standings["all"], PolicyState::Applied, "{answer}");
        assert_eq!(kept.policy.settings.len(), 2);
    }
}

#[test]
fn a_command_that_ends_without_an_answer_is_no_longer_waited_for() {
    let (mut kept, facts) = (Kept::default(), facts(22631));
    kept.look(&two("8"), &facts);
    for _ in 0..MOST_LOST {
        kept.end(CommandState::Canceled);
        assert_eq!(kept.look(&two("8"), &facts), 1, "it is wanted still");
        assert_eq!(kept.policy.standings["all"], PolicyState::Pending);
    }
    kept.end(CommandState::Canceled);
    assert_eq!(kept.look(&two("8"), &facts), 0);
    assert_eq!(kept.policy.standings["all"], PolicyState::Failed);
    assert!(kept.policy.settings.values().all(|setting| setting.why.as_deref().unwrap().contains("canceled")));
    // What could not be taken back is told, and not tried for ever.
    let mut kept = Kept::default();
    kept.look(&two("8"), &facts);
    kept.answer(|_| 200);
    kept.look(&policy(&[], ""), &facts);
    kept.answer(|_| 500);
    assert!(kept.policy.settings.values().all(|setting| setting.by.is_empty() && setting.state == PolicyState::Failed));
    assert_eq!((kept.look(&policy(&[], ""), &facts), kept.policy.waiting()), (0, 0));
}

#[test]
fn an_activation_is_of_the_devices_that_its_condition_selects() {
    let camera = format!("{CONFIG}/Camera/AllowCamera");
    let newer = policy(&[(camera.as_str(), "0")], "os.build >= 26100");
    let mut kept = Kept::default();
    assert_eq!(kept.look(&newer, &facts(22631)), 0);
    assert!(kept.policy.standings.is_empty() && kept.policy.settings.is_empty());
    assert_eq!(kept.look(&newer, &facts(26100)), 1);
    kept.answer(|_| 200);
    assert_eq!(kept.look(&newer, &facts(22631)), 1, "it is taken back");
    kept.answer(|_| 404);
    assert!(kept.policy.settings.is_empty() && kept.policy.standings.is_empty());
}
