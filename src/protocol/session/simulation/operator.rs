//! What people order. The name of a node says what a device does with it, and for which command.

use super::random::Random;
use crate::csp::{IfExists, Instruction, Operation, Scope, Setting};
use crate::session::{CommandId, Pending, Principal, Timestamp};
use crate::syncml::{Format, GroupKind, Verb};

/// What a device does with a node, by the last segment of its address.
const MANNERS: [(&str, u64); 11] = [
    ("ok", 60),
    ("exists", 8),
    ("fail405", 5),
    ("fail500", 3),
    ("later1", 3),
    ("later2", 2),
    ("accept", 4),
    ("novalue", 2),
    ("poison", 3),
    ("refuse", 2),
    ("big", 8),
];

/// Draws commands with ids that no other device has.
#[derive(Debug)]
pub(super) struct Operator {
    device: usize,
    users: Vec<Principal>,
    ordered: i64,
}

impl Operator {
    pub(super) const fn new(device: usize, users: Vec<Principal>) -> Self {
        Self { device, users, ordered: 0 }
    }

    /// The next command.
    pub(super) fn orders(&mut self, random: &mut Random, now: Timestamp, known: &[CommandId]) -> Pending {
        self.ordered += 1;
        let id = CommandId(format!("d{}c{:04}", self.device, self.ordered));
        let for_users = if self.users.is_empty() { 15 } else { 45 };
        let mut pending = Pending::new(id.clone(), self.ordered, instruction(random, &id.0, for_users));
        if random.percent(10) {
            pending.not_before = Some(now.plus_millis(minutes(random, 90)));
        }
        if random.percent(10) {
            pending.expires_at = Some(now.plus_millis(minutes(random, 240)));
        }
        if random.percent(15) && !known.is_empty() {
            pending.depends_on = vec![random.pick(known).clone()];
        }
        let for_user = pending.instruction.settings().any(|(_, setting)| setting.target.scope() == Scope::User);
        if for_user && !self.users.is_empty() && random.percent(80) {
            pending.user = Some(random.pick(&self.users).clone());
        }
        pending
    }
}

fn minutes(random: &mut Random, most: i64) -> i64 {
    i64::try_from(random.below(u64::try_from(most).expect("positive"))).expect("small") * 60_000
}

fn instruction(random: &mut Random, id: &str, for_users: u64) -> Instruction {
    let scope = if random.percent(for_users) { "./User/Vendor/MSFT" } else { "./Vendor/MSFT" };
    match random.below(100) {
        0..=71 => Instruction::Single(operation(random, scope, id, 0)),
        72..=75 => Instruction::Single(exec(&format!("./Device/Vendor/MSFT/RemoteWipe/{id}"))),
        76..=80 => {
            let msi = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI";
            Instruction::Single(exec(&format!("{msi}/{id}/DownloadInstall")))
        }
        81..=90 => group(random, GroupKind::Atomic, scope, id),
        _ => group(random, GroupKind::Sequence, scope, id),
    }
}

fn group(random: &mut Random, kind: GroupKind, scope: &str, id: &str) -> Instruction {
    let count = 1 + random.below(4);
    let operations = (0..count)
        .map(|place| {
            let mut operation = operation(random, scope, id, place * 10);
            if kind == GroupKind::Atomic && operation.verb == Verb::Get {
                operation.verb = Verb::Delete;
            }
            operation
        })
        .collect();
    Instruction::Group { kind, operations }
}

fn operation(random: &mut Random, scope: &str, id: &str, first: u64) -> Operation {
    let verb = *random.pick(&[Verb::Get, Verb::Get, Verb::Replace, Verb::Replace, Verb::Add, Verb::Delete, Verb::Exec]);
    let count = if verb == Verb::Exec || random.percent(70) { 1 } else { 2 + random.below(3) };
    let items = (0..count).map(|place| item(random, verb, scope, id, first + place)).collect();
    let if_exists = if verb == Verb::Add && random.percent(50) { IfExists::Replace } else { IfExists::Fail };
    Operation { verb, items, if_exists }
}

fn item(random: &mut Random, verb: Verb, scope: &str, id: &str, place: u64) -> Setting {
    let manner = manner(random);
    let target = format!("{scope}/Sim/{id}/n{place}/{manner}").parse().expect("an address");
    let data = matches!(verb, Verb::Add | Verb::Replace).then(|| {
        let size = if manner == "big" { 1_000 + random.below(3_000) } else { random.below(60) };
        (0..size).map(|_| *random.pick(&['a', '<', '&', '\u{e9}', '7', '"', '\n'])).collect()
    });
    let format = data.as_ref().map(|_| Format::Chr);
    Setting { target, format, mime: None, data }
}

fn exec(target: &str) -> Operation {
    let item = Setting::bare(target.parse().expect("an address"));
    Operation { verb: Verb::Exec, items: vec![item], if_exists: IfExists::Fail }
}

fn manner(random: &mut Random) -> &'static str {
    let mut left = random.below(MANNERS.iter().map(|(_, weight)| weight).sum());
    for (manner, weight) in MANNERS {
        if left < weight {
            return manner;
        }
        left -= weight;
    }
    "ok"
}

/// The command that an address was drawn for.
pub(super) fn command_of(uri: &str) -> Option<CommandId> {
    uri.split('/')
        .find(|segment| {
            segment.starts_with('d') && segment.contains('c') && segment.ends_with(|c: char| c.is_ascii_digit())
        })
        .map(|segment| CommandId(segment.to_owned()))
}
