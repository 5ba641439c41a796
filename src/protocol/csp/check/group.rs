//! What holds for the commands of a group together (MS-MDM 2.2.7.3, 2.2.7.9; what the Windows client refuses).

use std::collections::HashMap;

use super::{MAX_COMMANDS, MAX_ITEMS, Place, Problems};
use crate::csp::{Operation, Scope, Setting};
use crate::syncml::{GroupKind, Verb};

impl Problems {
    pub(super) fn group(&mut self, kind: GroupKind, operations: &[Operation]) {
        let commands = "commands".to_owned();
        if operations.is_empty() {
            self.add(commands, "there is nothing in the group: write at least one command");
            return;
        }
        if operations.len() > MAX_COMMANDS {
            let count = operations.len();
            self.add(
                commands,
                format!("{count} commands are too many, {MAX_COMMANDS} are the most: write several groups"),
            );
            return;
        }
        let items: usize = operations.iter().map(|operation| operation.items.len()).sum();
        if items > MAX_ITEMS {
            self.add(commands, format!("{items} nodes are too many, {MAX_ITEMS} are the most: write several groups"));
            return;
        }
        for (index, operation) in operations.iter().enumerate() {
            self.operation(operation, &Place::command(index));
            if operation.verb == Verb::Exec {
                self.ends_nothing(operation, index);
            }
        }
        if kind == GroupKind::Atomic {
            self.gets_nothing(operations);
            self.has_one_scope(operations);
            self.adds_or_replaces(operations);
        }
    }

    /// A reboot, wipe or unenrollment goes alone and last: the answers of its group would never come.
    fn ends_nothing(&mut self, operation: &Operation, index: usize) {
        for (item, setting) in operation.items.iter().enumerate() {
            if setting.target.ends_session() {
                let what = "this ends the session, so the group would never be answered: send it as a command of its \
                            own, after the group";
                self.add(Place::command(index).item(item).field("target"), what);
            }
        }
    }

    /// The client answers a Get in an Atomic with 500 and the Atomic with 507.
    fn gets_nothing(&mut self, operations: &[Operation]) {
        for (index, operation) in operations.iter().enumerate() {
            if operation.verb == Verb::Get {
                let what = "Windows refuses a get inside an atomic: write it as a command of its own, before or after";
                self.add(Place::command(index).field("kind"), what);
            }
        }
    }

    /// Device and user nodes are served in different sessions, so they can't be one transaction.
    fn has_one_scope(&mut self, operations: &[Operation]) {
        let mut targets = targets(operations);
        let Some((_, _, first)) = targets.next() else { return };
        let scope = first.target.scope();
        let other = targets.find(|(_, _, setting)| setting.target.scope() != scope);
        if let Some((_, place, _)) = other {
            let (this, that) = if scope == Scope::User { ("a device", "./User") } else { ("a ./User", "device") };
            let what = format!("{this} node can't share an atomic with {that} nodes: write an atomic for each");
            self.add(place.field("target"), what);
        }
    }

    /// Add and Replace of one node in one Atomic is not supported by the client.
    fn adds_or_replaces(&mut self, operations: &[Operation]) {
        let mut seen: HashMap<String, Verb> = HashMap::new();
        for (verb, place, setting) in targets(operations) {
            if !matches!(verb, Verb::Add | Verb::Replace) {
                continue;
            }
            let before = *seen.entry(setting.target.node_key()).or_insert(verb);
            if before != verb {
                let what = "Windows refuses add and replace of one node in one atomic: write one of them";
                self.add(place.field("target"), what);
            }
        }
    }
}

fn targets(operations: &[Operation]) -> impl Iterator<Item = (Verb, Place, &Setting)> {
    operations.iter().enumerate().flat_map(|(index, operation)| {
        let items = operation.items.iter().enumerate();
        items.map(move |(item, setting)| (operation.verb, Place::command(index).item(item), setting))
    })
}
