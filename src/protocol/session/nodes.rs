//! Finds the node that a device names among those of a command, however many there are.

use std::collections::BTreeMap;

use super::{ItemOutcome, Progress, ResultValue};
use crate::csp::{Instruction, LocUri, Operation, Setting};

/// Values below one node that are kept of one Get.
const MAX_BELOW: usize = 20_000;

/// The nodes of one command, by their place in [`Instruction::settings`].
#[derive(Debug)]
pub(super) struct Nodes {
    /// Operation and item.
    coordinates: Vec<(usize, usize)>,
    by_key: BTreeMap<String, Vec<usize>>,
    below: Option<Below>,
}

/// Values of nodes below the ones that were asked for.
#[derive(Debug, Default)]
struct Below {
    by_uri: BTreeMap<(usize, String), usize>,
    bytes: u64,
}

/// Why a value below a node is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

impl Nodes {
    pub(super) fn of(instruction: &Instruction) -> Self {
        let mut coordinates = Vec::new();
        let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, operation) in instruction.operations().iter().enumerate() {
            for (item, setting) in operation.items.iter().enumerate() {
                by_key.entry(setting.target.node_key()).or_default().push(coordinates.len());
                coordinates.push((number, item));
            }
        }
        Self { coordinates, by_key, below: None }
    }

    pub(super) fn at<'i>(&self, instruction: &'i Instruction, place: usize) -> Option<(&'i Operation, &'i Setting)> {
        let (operation, item) = *self.coordinates.get(place)?;
        let operation = instruction.operations().get(operation)?;
        Some((operation, operation.items.get(item)?))
    }

    /// The place among `items` of the node that `uri` names; where it stands more than once, the first that `wants`
    /// an answer.
    pub(super) fn find(
        &self,
        instruction: &Instruction,
        items: &[usize],
        uri: &str,
        wants: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let named = |place: &&usize| {
            let setting = self.at(instruction, **place).map(|(_, setting)| setting);
            items.binary_search(place).is_ok() && setting.is_some_and(|setting| setting.target.names_same_node(uri))
        };
        let places = self.by_key.get(&LocUri::foreign_key(uri))?;
        let first = places.iter().find(named).copied()?;
        let wanting = places.iter().filter(|place| items.binary_search(place).is_ok()).find(|place| wants(**place));
        wanting.copied().or(Some(first))
    }

    /// The place among `items` of the nearest node above `uri`.
    pub(super) fn find_above(&self, instruction: &Instruction, items: &[usize], uri: &str) -> Option<usize> {
        let mut key = LocUri::foreign_key(uri);
        while let Some(end) = key.rfind('\n') {
            key.truncate(end);
            let above = |place: &&usize| {
                let setting = self.at(instruction, **place).map(|(_, setting)| setting);
                items.binary_search(place).is_ok() && setting.is_some_and(|setting| setting.target.is_ancestor_of(uri))
            };
            if let Some(place) = self.by_key.get(&key).and_then(|places| places.iter().find(above)) {
                return Some(*place);
            }
        }
        None
    }

    /// Keeps the value of a node below the one at `place`; the same node again replaces what was known.
    pub(super) fn keep_below(
        &mut self,
        progress: &mut Progress,
        place: usize,
        value: ResultValue,
        max_bytes: u64,
    ) -> Result<(), TooMany> {
        let below = self.below.get_or_insert_with(|| Below::of(&progress.items));
        let Some(outcome) = progress.items.get_mut(place) else { return Ok(()) };
        let count = outcome.below.len();
        let at = below.by_uri.get(&(place, value.uri.clone()));
        let known = at.and_then(|at| outcome.below.get_mut(*at));
        let freed = known.as_ref().map_or(0, |known| weight(known));
        let bytes = below.bytes.saturating_sub(freed).saturating_add(weight(&value));
        if bytes > max_bytes || (known.is_none() && count >= MAX_BELOW) {
            return Err(TooMany);
        }
        below.bytes = bytes;
        if let Some(known) = known {
            *known = value;
        } else {
            below.by_uri.insert((place, value.uri.clone()), count);
            outcome.below.push(value);
        }
        Ok(())
    }
}

impl Below {
    fn of(items: &[ItemOutcome]) -> Self {
        let mut below = Self::default();
        for (place, item) in items.iter().enumerate() {
            for (at, value) in item.below.iter().enumerate() {
                below.bytes = below.bytes.saturating_add(weight(value));
                below.by_uri.insert((place, value.uri.clone()), at);
            }
        }
        below
    }
}

fn weight(value: &ResultValue) -> u64 {
    (value.uri.len() + value.data.len()) as u64
}
