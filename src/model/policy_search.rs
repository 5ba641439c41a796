//! A search for the setting because of which an Atomic failed.

use serde::{Deserialize, Serialize};

/// An Atomic failed, and the device did not say because of which of its settings. They are tried from the first one on, in
/// Atomics of fewer and fewer, and after each try the device gets back what it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySearch {
    /// The settings, by their folded address, in the order in which they were sent.
    pub settings: Vec<String>,
    /// Of what was sent of each. The search ends when something else is wanted.
    pub tokens: Vec<String>,
    /// So many from the beginning the device takes.
    pub taken: usize,
    /// So many it does not.
    pub failing: usize,
    /// The code that the device gave the Atomic.
    #[serde(default)]
    pub status: Option<u16>,
    /// What the device had before the first try; `None`: it was not asked yet.
    #[serde(default)]
    pub before: Option<Vec<HadBefore>>,
    /// What carries the question or the try that is on its way; empty where that ended without an answer.
    #[serde(default)]
    pub carrier: Option<String>,
}

/// What a device had at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HadBefore {
    /// Nothing.
    Nothing,
    /// This.
    Value(String),
    /// It did not say: what is tried could not be taken back.
    Unknown,
}

impl PolicySearch {
    /// Whether somebody is to go on with it: nothing is on its way, or what was ended without saying anything.
    pub fn waits_for_nothing(&self) -> bool {
        self.carrier.as_deref().is_none_or(str::is_empty)
    }

    /// What was on its way ended without saying whether the device takes it: the search is over.
    pub fn end_unanswered(&mut self) {
        self.carrier = Some(String::new());
    }

    /// So many are tried next; nothing where it is found.
    pub fn next(&self) -> Option<usize> {
        (self.failing > self.taken + 1).then(|| self.taken.midpoint(self.failing))
    }

    /// The setting because of which the Atomic failed, once it is found.
    pub fn found(&self) -> Option<&String> {
        if self.next().is_some() {
            return None;
        }
        self.settings.get(self.failing.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_of_an_atomic_is_found_in_few_tries() {
        for count in 1..=40_usize {
            for culprit in 0..count {
                let settings: Vec<String> = (0..count).map(|number| number.to_string()).collect();
                let mut search = PolicySearch {
                    tokens: settings.clone(),
                    settings,
                    taken: 0,
                    failing: count,
                    status: None,
                    before: None,
                    carrier: None,
                };
                let mut tries = 0;
                while let Some(next) = search.next() {
                    tries += 1;
                    if culprit < next { search.failing = next } else { search.taken = next }
                }
                assert_eq!(search.found(), Some(&culprit.to_string()));
                assert!(tries <= 6, "{count}: {tries}");
            }
        }
    }
}
