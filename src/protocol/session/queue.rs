//! The commands that one message may concern, and which of them it changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{CommandId, CommandState, Pending, Reason, ReasonCode, Timestamp};

/// Pending commands in the order of their sequence.
#[derive(Debug)]
pub(super) struct Queue {
    entries: Vec<Pending>,
    index: BTreeMap<CommandId, usize>,
    changed: BTreeSet<usize>,
}

impl Queue {
    pub(super) fn new(mut entries: Vec<Pending>) -> Self {
        entries.sort_by_key(|command| command.sequence);
        let index = entries.iter().enumerate().map(|(place, command)| (command.id.clone(), place)).collect();
        Self { entries, index, changed: BTreeSet::new() }
    }

    pub(super) fn find(&self, id: &CommandId) -> Option<&Pending> {
        self.index.get(id).and_then(|place| self.entries.get(*place))
    }

    /// The command, to be changed.
    pub(super) fn change(&mut self, id: &CommandId) -> Option<&mut Pending> {
        let place = *self.index.get(id)?;
        self.changed.insert(place);
        self.entries.get_mut(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.entries.iter()
    }

    pub(super) fn ids(&self) -> Vec<CommandId> {
        self.entries.iter().map(|command| command.id.clone()).collect()
    }

    /// The commands that were changed, in the order of their sequence.
    pub(super) fn into_changed(self) -> Vec<Pending> {
        let changed = self.changed;
        let mut place = 0..;
        self.entries.into_iter().filter(|_| place.next().is_some_and(|place| changed.contains(&place))).collect()
    }
}

impl Pending {
    /// Moves to a state for a reason. The same reason again keeps its beginning and counts up.
    pub(super) fn become_for(&mut self, state: CommandState, code: ReasonCode, now: Timestamp) -> &mut Reason {
        self.state = state;
        let before = self.reason.take().filter(|reason| reason.code == code);
        let (since, count) = before.map_or((now, 0), |reason| (reason.since, reason.count));
        self.reason.insert(Reason { code, since, count: count.saturating_add(1), retry_at: None, detail: None })
    }

    /// Moves to a state that explains itself.
    pub(super) fn become_plain(&mut self, state: CommandState) {
        self.state = state;
        self.reason = None;
    }
}
