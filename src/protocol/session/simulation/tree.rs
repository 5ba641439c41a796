//! The nodes of an honest device, and what it really did: the truth that outcomes are compared with.

use std::collections::BTreeMap;

use super::operator::command_of;
use crate::session::CommandId;
use crate::syncml::{Command, GroupKind, Item, Request, Verb};

/// What a device did for one command.
#[derive(Debug, Clone, Default)]
pub(super) struct Deeds {
    /// How often an Exec took effect.
    pub(super) executed: BTreeMap<String, u32>,
    /// Data that was written, by node.
    pub(super) written: BTreeMap<String, String>,
    /// Codes that were decided on, delivered or not.
    pub(super) codes: Vec<u16>,
    /// When it was first looked at, as a count over all commands of the device.
    pub(super) first_seen: Option<u64>,
}

/// A management tree. A node that nobody wrote has the value that its name tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Option<String>>,
    /// How often a node said "later".
    later: BTreeMap<String, u32>,
    pub(super) deeds: BTreeMap<CommandId, Deeds>,
    /// Jobs that were begun and will be reported, each with the user in whose sessions; 0 is the computer.
    pub(super) jobs: Vec<(u32, String)>,
    /// In whose session the tree is used.
    pub(super) whose: u32,
    seen: u64,
}

/// What a node answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) value: Option<String>,
}

/// The value that a node has from the start.
pub(super) fn value_of(uri: &str) -> String {
    let long = if uri.ends_with("/big") { 3_000 } else { 1 };
    format!("value of {uri} <&>").repeat(long / 40 + 1)
}

impl Tree {
    fn deeds(&mut self, uri: &str) -> &mut Deeds {
        let id = command_of(uri).unwrap_or_else(|| panic!("{uri} was drawn for no command"));
        self.deeds.entry(id).or_default()
    }

    /// The device looks at a node for the first time.
    pub(super) fn sees(&mut self, uri: &str) {
        self.seen += 1;
        let seen = self.seen;
        self.deeds(uri).first_seen.get_or_insert(seen);
    }

    fn exists(&self, uri: &str) -> bool {
        match self.nodes.get(uri) {
            Some(value) => value.is_some(),
            None => uri.ends_with("/exists") || uri.ends_with("/big"),
        }
    }

    /// Does one item. `data` is the whole value.
    pub(super) fn does(&mut self, verb: Verb, uri: &str, data: &str) -> Answer {
        self.sees(uri);
        let answer = self.decides(verb, uri, data);
        self.deeds(uri).codes.push(answer.code);
        answer
    }

    fn decides(&mut self, verb: Verb, uri: &str, data: &str) -> Answer {
        let plain = |code| Answer { code, value: None };
        let manner = uri.rsplit('/').next().unwrap_or_default();
        match manner {
            "fail405" => return plain(405),
            "fail500" => return plain(500),
            "later1" | "later2" => {
                let most = if manner == "later1" { 1 } else { 2 };
                let said = self.later.entry(uri.to_owned()).or_default();
                if *said < most {
                    *said += 1;
                    return plain(503);
                }
            }
            _ => {}
        }
        match verb {
            Verb::Get if manner == "novalue" => plain(200),
            Verb::Get => Answer { code: 200, value: Some(value_of(uri)) },
            Verb::Add if self.exists(uri) => plain(418),
            Verb::Delete if !self.exists(uri) => plain(404),
            Verb::Delete => {
                self.nodes.insert(uri.to_owned(), None);
                plain(200)
            }
            Verb::Add | Verb::Replace => {
                self.nodes.insert(uri.to_owned(), Some(data.to_owned()));
                self.deeds(uri).written.insert(uri.to_owned(), data.to_owned());
                plain(200)
            }
            Verb::Exec | Verb::Copy => {
                *self.deeds(uri).executed.entry(uri.to_owned()).or_default() += 1;
                let job = uri.ends_with("/DownloadInstall") || manner == "accept";
                if job {
                    self.jobs.push((self.whose, uri.to_owned()));
                }
                plain(if job { 202 } else { 200 })
            }
        }
    }

    /// Does an Atomic: all or nothing. An Exec is left to the end, because it can't be taken back.
    pub(super) fn does_all_or_nothing(&mut self, requests: &[&Request]) -> (u16, Vec<Vec<Answer>>) {
        let before = (self.nodes.clone(), self.jobs.clone());
        let mut answers: Vec<Vec<Option<Answer>>> = Vec::new();
        let mut failed = false;
        for request in requests {
            let mut own = Vec::new();
            for item in &request.items {
                let uri = item.target_uri().expect("a target");
                self.sees(uri);
                if failed || request.verb == Verb::Exec {
                    own.push(None);
                    continue;
                }
                let answer = self.does(request.verb, uri, item.text());
                failed |= answer.code >= 400 && !(request.verb == Verb::Delete && answer.code == 404);
                own.push(Some(answer));
            }
            answers.push(own);
        }
        if failed {
            (self.nodes, self.jobs) = before;
        }
        let answers = requests.iter().zip(answers).map(|(request, own)| {
            let answered = request.items.iter().zip(own).map(|(item, answer)| match answer {
                Some(answer) if failed && answer.code < 300 => Answer { code: 216, value: None },
                Some(answer) => answer,
                None if failed => Answer { code: 215, value: None },
                None => self.does(request.verb, item.target_uri().expect("a target"), item.text()),
            });
            answered.collect::<Vec<_>>()
        });
        let answers: Vec<_> = answers.collect();
        // An Exec that fails after the rest was done: the device says so, and could not take the rest back.
        let late = answers.iter().flatten().any(|answer| answer.code >= 400 && answer.code != 404);
        (if failed || late { 507 } else { 200 }, answers)
    }
}

/// The requests of a reply with the nodes that they name, groups included.
pub(super) fn items_of(commands: &[Command]) -> Vec<(&Request, &Item)> {
    let mut found = Vec::new();
    for command in commands {
        match command {
            Command::Request(request) => found.extend(request.items.iter().map(|item| (request, item))),
            Command::Group(group) => found.extend(items_of(&group.commands)),
            _ => {}
        }
    }
    found
}

/// Whether a group has to be done as a whole.
pub(super) fn is_atomic(command: &Command) -> bool {
    matches!(command, Command::Group(group) if group.kind == GroupKind::Atomic)
}
