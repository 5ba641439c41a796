//! What really took effect on a device, in order. Survives a reboot; tests prove with it that nothing ran twice and
//! that the order was kept.

use transom_protocol::syncml::{Format, Verb};

/// One command that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Which enrollment of the device: 1, 2, …
    pub life: u32,
    /// How often the device had restarted.
    pub boot: u32,
    /// The session.
    pub session: String,
    /// `MsgID` of the server's message.
    pub message: String,
    /// `CmdID` in it.
    pub cmd_id: String,
    /// Add, Replace, Delete or Exec.
    pub verb: Verb,
    /// The node, as the server wrote it.
    pub target: String,
    /// Format that the command named.
    pub format: Option<Format>,
    /// The value; empty when there is none.
    pub data: String,
}

/// The effects of a device.
#[derive(Debug, Clone, Default)]
pub struct EffectLog(Vec<Effect>);

impl EffectLog {
    /// Oldest first.
    pub fn effects(&self) -> &[Effect] {
        &self.0
    }

    /// The data of all Execs of a node, oldest first.
    pub fn execs_of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a str> {
        self.execs().filter(move |effect| effect.target == target).map(|effect| effect.data.as_str())
    }

    /// Execs that ran more than once with the same target and data, each named once.
    pub fn repeated_execs(&self) -> Vec<&Effect> {
        let execs: Vec<&Effect> = self.execs().collect();
        let same = |a: &Effect, b: &Effect| a.target == b.target && a.data == b.data;
        let first_repeat =
            |at: usize, effect: &Effect| execs.iter().take(at).filter(|earlier| same(earlier, effect)).count() == 1;
        execs.iter().enumerate().filter(|(at, effect)| first_repeat(*at, effect)).map(|(_, effect)| *effect).collect()
    }

    pub(super) fn has_exec(&self, target: &str, data: &str) -> bool {
        self.execs().any(|effect| effect.target == target && effect.data == data)
    }

    pub(super) fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets what an Atomic did before it failed.
    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    fn execs(&self) -> impl Iterator<Item = &Effect> {
        self.0.iter().filter(|effect| effect.verb == Verb::Exec)
    }
}
