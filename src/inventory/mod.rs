//! Knowing devices: asking them for the facts of the catalogue, by plan, and keeping what they answer.
//!
//! The questions are Gets of the server's own; each node is an item with a status of its own, so that a node that is
//! missing takes no other with it, and is itself a fact. Whoever else reads such a node teaches us the same. A device in
//! whose sessions nothing is due costs no statement.

mod ask;
mod reading;

use transom_protocol::session::{CommandState, Decision, LoginStatus, Timestamp};
use transom_protocol::syncml::Verb;

use crate::model::fact::{Definition, catalogue};
use crate::model::{CommandId, FactName, FactValue, Facts, ItemOutcome, NewCommand, Setting, WatchedFacts};
use crate::store::{Contact, Error, Tx};

pub use ask::questions;

/// Who orders the questions: `transom:` and this.
pub const NAME: &str = "inventory";

/// How long answers are waited for before it is looked again whether something is due, in milliseconds.
const PATIENCE: i64 = 15 * 60_000;

/// Choices of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Facts that are read with each session are read at most once in this time, in milliseconds.
    pub each_session: i64,
    /// Changes that are kept of one fact.
    pub history: usize,
}

/// Collects facts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inventory {
    options: Options,
    watched: Option<WatchedFacts>,
}

/// What an answer says of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// A value, or that there is none.
    Value(FactValue),
    /// The node could not be read this time, which says nothing of its value.
    NotNow(FactValue),
}

impl Inventory {
    /// With these choices.
    pub fn new(options: Options) -> Self {
        Self { options, watched: None }
    }

    /// The same; a device of which one of these facts changes is to be looked at by those who decide what it is to have.
    #[must_use]
    pub fn telling(self, watched: WatchedFacts) -> Self {
        Self { watched: Some(watched), ..self }
    }

    /// What a device is to be asked with its next message: nothing most of the time.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        if contact.facts_due_at.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        if contact.facts_due_at.is_none() {
            tx.forget_facts_of_others(&contact.device, &contact.enrollment)?;
        }
        if contact.open_commands > 0 && tx.awaits_own(&contact.enrollment, NAME)? {
            tx.ask_facts_at(&contact.enrollment, now.plus_millis(PATIENCE))?;
            return Ok(Vec::new());
        }
        let known = tx.facts(&contact.device)?;
        let login = contact.session.as_ref().map(|(_, session)| session.login);
        let due = self.due(&known, login == Some(LoginStatus::User), now);
        tx.ask_facts_at(&contact.enrollment, now.plus_millis(self.options.each_session))?;
        Ok(questions(&due))
    }

    /// The facts that are to be read now. What is due soon goes along, so that a session that comes a minute early does
    /// not put it off to the next.
    fn due(&self, known: &Facts, user: bool, now: Timestamp) -> Vec<FactName> {
        let is_due = |fact: &Definition| match known.get(fact.fact_name()) {
            Some(known) => now.millis_since(known.observed_at) >= fact.good_for(self.options.each_session) / 10 * 9,
            None => true,
        };
        catalogue()
            .iter()
            .filter(|fact| fact.fact_name().is_asked() && (user || !fact.needs_user()))
            .filter(|fact| is_due(fact))
            .map(Definition::fact_name)
            .collect()
    }

    /// Keeps what a message has told.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut said: Vec<(&'static Definition, Said)> = Vec::new();
        let mut ours: Vec<CommandId> = Vec::new();
        for command in &decision.commands {
            if !matches!(command.state, CommandState::Succeeded | CommandState::Failed) {
                continue;
            }
            let items: Vec<(Verb, &Setting)> = command.instruction.settings().collect();
            let asks = |(verb, setting): &(Verb, &Setting)| *verb == Verb::Get && !ask::read_by(setting).is_empty();
            if !items.iter().any(asks) {
                continue;
            }
            if items.iter().all(asks) {
                ours.push(command.id.clone());
            }
            // Of a value that came in chunks the message has only the last one.
            let in_chunks = |item: &ItemOutcome| item.result.as_ref().is_some_and(|value| value.chunked);
            let whole = command.progress.items.iter().any(in_chunks).then(|| tx.command(&command.id)).transpose()?;
            let whole = whole.flatten().map(|view| view.progress);
            let outcomes = &whole.as_ref().unwrap_or(&command.progress).items;
            for ((_, setting), outcome) in items.iter().zip(outcomes).filter(|(item, _)| asks(item)) {
                said.extend(ask::read_by(setting).into_iter().filter_map(|fact| Some((fact, heard(fact, outcome)?))));
            }
        }
        let login = login_told(contact, decision);
        if said.is_empty() && login.is_none() {
            return Ok(());
        }
        let names: Vec<FactName> = said.iter().map(|(fact, _)| fact.fact_name()).collect();
        let needs_known = said.iter().any(|(_, said)| matches!(said, Said::NotNow(_)));
        let known = if needs_known { tx.facts_named(&contact.device, &names)? } else { Facts::default() };
        let mut observed: Vec<(FactName, FactValue)> = Vec::new();
        for (fact, said) in said {
            let name = fact.fact_name();
            // The same node may have been read twice: the last answer counts.
            observed.retain(|(other, _)| *other != name);
            match said {
                Said::Value(value) => observed.push((name, value)),
                Said::NotNow(value) if known.get(name).is_none() => observed.push((name, value)),
                Said::NotNow(_) => {}
            }
        }
        observed.extend(login.map(|login| (FactName::USER_LOGIN, FactValue::Text(login.to_owned()))));
        let changed = tx.save_facts(&contact.device, &contact.enrollment, &observed, self.options.history, now)?;
        if self.watched.as_ref().is_some_and(|watched| watched.concern(&changed)) {
            tx.look_at_policies(&contact.enrollment, now)?;
        }
        tx.forget_own(&ours, NAME).map(drop)
    }
}

/// Who is signed in, where the device says it and it is another than in the session before: what stays the same costs nothing.
fn login_told(contact: &Contact, decision: &Decision) -> Option<&'static str> {
    let login = decision.session.login;
    let before = contact.session.as_ref().map(|(_, session)| session.login);
    if before == Some(login) {
        return None;
    }
    match login {
        LoginStatus::User => Some("user"),
        LoginStatus::Others => Some("others"),
        LoginStatus::None => Some("none"),
        LoginStatus::Unsaid => None,
    }
}

/// What an answer says of a fact; `None` when there was none.
fn heard(fact: &Definition, outcome: &ItemOutcome) -> Option<Said> {
    let status = outcome.status?;
    Some(match (status.0, outcome.result.as_ref()) {
        (200..300, Some(value)) => Said::Value(reading::read(fact, &value.data)),
        (200..300 | 404..407, _) => Said::Value(FactValue::Absent(status)),
        _ => Said::NotNow(FactValue::Absent(status)),
    })
}

#[cfg(test)]
mod tests {
    use transom_protocol::session::ResultValue;
    use transom_protocol::syncml::{Format, StatusCode};

    use super::*;
    use crate::model::{EnrollmentId, Fact};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR: i64 = 3_600_000;

    fn inventory() -> Inventory {
        Inventory::new(Options { each_session: 4 * HOUR, history: 20 })
    }

    fn known(observed_at: Timestamp) -> Facts {
        let fact = |fact: &Definition| Fact {
            name: fact.fact_name(),
            value: FactValue::Absent(StatusCode(404)),
            observed_at,
            changed_at: observed_at,
            enrollment: EnrollmentId::new(NOW),
        };
        catalogue().iter().map(fact).collect()
    }

    fn due(observed_at: Timestamp, after: i64) -> Vec<&'static str> {
        let due = inventory().due(&known(observed_at), true, observed_at.plus_millis(after));
        due.into_iter().map(FactName::as_str).collect()
    }

    #[test]
    fn facts_are_due_by_their_plan() {
        assert_eq!(due(NOW, 3 * HOUR), Vec::<&str>::new());
        let each_session = due(NOW, 4 * HOUR);
        assert!(each_session.contains(&"os.build") && each_session.contains(&"storage.free"));
        assert!(!each_session.contains(&"security.firewall"));
        let daily = due(NOW, 23 * HOUR);
        assert!(daily.contains(&"security.firewall") && !daily.contains(&"device.serial"));
        assert!(due(NOW, 30 * 24 * HOUR).contains(&"device.serial"));
    }

    #[test]
    fn what_is_not_known_is_due_and_nodes_of_the_user_wait_for_the_user() {
        let nothing = Facts::default();
        let given = catalogue().iter().filter(|fact| !fact.fact_name().is_asked()).count();
        assert_eq!(inventory().due(&nothing, true, NOW).len(), catalogue().len() - given);
        let without_user = inventory().due(&nothing, false, NOW);
        assert!(without_user.iter().all(|name| !name.definition().needs_user()));
        assert_eq!(without_user.len(), catalogue().len() - given - 1);
    }

    #[test]
    fn a_missing_node_is_a_fact_and_a_failure_is_none() {
        let fact = FactName::parse("device.serial").unwrap().definition();
        let answer = |status: u16, data: Option<&str>| {
            let result = data.map(|data| ResultValue {
                uri: String::new(),
                format: Format::Chr,
                mime: None,
                data: data.to_owned(),
                chunked: false,
            });
            heard(fact, &ItemOutcome { status: Some(StatusCode(status)), result, ..ItemOutcome::default() })
        };
        assert_eq!(answer(200, Some("S1")), Some(Said::Value(FactValue::Text("S1".to_owned()))));
        for status in [200, 404, 405, 406] {
            assert_eq!(answer(status, None), Some(Said::Value(FactValue::Absent(StatusCode(status)))));
        }
        for status in [425, 500, 503] {
            assert_eq!(answer(status, None), Some(Said::NotNow(FactValue::Absent(StatusCode(status)))));
        }
        assert_eq!(heard(fact, &ItemOutcome::default()), None);
    }
}
