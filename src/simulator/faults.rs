//! A bad wire and a bad device, on request: what goes wrong, decided by a seed or by a script.
//!
//! Nothing here sends anything: [`FaultPlan::draw`] says what happens to the next message, [`tamper`] and [`spoil`] do
//! to messages and bytes what can be done to them. The rest (losing replies, sending twice) is the driver's.

use std::collections::BTreeMap;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use transom_protocol::syncml::{Address, Command, Data, Item, Message, Results, Status, StatusCode};

use super::device::Device;

/// Something that goes wrong with one message of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The reply is lost: the device sends the same bytes again.
    DropReply,
    /// The message arrives twice, one after the other; the replies must be the same bytes.
    SendTwice,
    /// The message arrives twice at the same time; the replies must be the same bytes.
    SendTwiceAtOnce,
    /// The device aborts the session with Alert 1223 in place of its answer.
    Abort,
    /// Power goes off before the reply is read.
    DieUnheard,
    /// Power goes off when the reply was done and nothing of it answered yet.
    DieAfterwards,
    /// The credential is wrong once.
    BadDigest,
    /// Random bytes arrive before the message.
    Garbage,
    /// Half of the message arrives before the whole.
    Truncated,
    /// `MsgID` jumps ahead.
    SkipMsgId,
    /// `MsgID` is the one of the message before, the body is not.
    RepeatMsgId,
    /// An element that is no command. Only in XML.
    UnknownElement,
    /// Statuses and Results for commands that never were.
    LyingStatus,
}

/// How often each fault happens: probabilities between 0 and 1, for each message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultRates(BTreeMap<Fault, f64>);

/// What happens to which message.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    rates: FaultRates,
    script: BTreeMap<usize, Fault>,
    random: SmallRng,
    messages: usize,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::DropReply,
        Self::SendTwice,
        Self::SendTwiceAtOnce,
        Self::Abort,
        Self::DieUnheard,
        Self::DieAfterwards,
        Self::BadDigest,
        Self::Garbage,
        Self::Truncated,
        Self::SkipMsgId,
        Self::RepeatMsgId,
        Self::UnknownElement,
        Self::LyingStatus,
    ];

    /// The word for it on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DropReply => "drop",
            Self::SendTwice => "twice",
            Self::SendTwiceAtOnce => "twice-at-once",
            Self::Abort => "abort",
            Self::DieUnheard => "die-unheard",
            Self::DieAfterwards => "die",
            Self::BadDigest => "bad-digest",
            Self::Garbage => "garbage",
            Self::Truncated => "truncated",
            Self::SkipMsgId => "skip-msgid",
            Self::RepeatMsgId => "repeat-msgid",
            Self::UnknownElement => "unknown-element",
            Self::LyingStatus => "lie",
        }
    }
}

impl FaultRates {
    /// The same rate for every fault.
    pub fn all(rate: f64) -> Self {
        Self(Fault::ALL.into_iter().map(|fault| (fault, rate.clamp(0.0, 1.0))).collect())
    }

    /// With another rate for one fault.
    #[must_use]
    pub fn with(mut self, fault: Fault, rate: f64) -> Self {
        self.0.insert(fault, rate.clamp(0.0, 1.0));
        self
    }
}

impl std::str::FromStr for FaultRates {
    type Err = String;

    /// `none`, `all=0.01`, or a list such as `drop=0.1,abort=0.02`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rates = Self::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty() && *entry != "none") {
            let (word, rate) = entry.split_once('=').ok_or_else(|| format!("write {entry}=0.1"))?;
            let rate = rate.parse::<f64>().ok().filter(|rate| (0.0..=1.0).contains(rate));
            let rate = rate.ok_or_else(|| format!("the rate of {word} is no number between 0 and 1"))?;
            if word == "all" {
                rates = Self::all(rate);
            } else {
                let known = || Fault::ALL.map(Fault::as_str).join(", ");
                let fault = Fault::ALL.into_iter().find(|fault| fault.as_str() == word);
                let fault = fault.ok_or_else(|| format!("{word} is no fault; there are: all, {}", known()))?;
                rates.0.insert(fault, rate);
            }
        }
        Ok(rates)
    }
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::scripted([])
    }

    /// The faults of a test: each with the number of the message that it happens to, counted from 1 over the life of
    /// the plan.
    pub fn scripted(script: impl IntoIterator<Item = (usize, Fault)>) -> Self {
        let random = SmallRng::seed_from_u64(0);
        Self { rates: FaultRates::default(), script: script.into_iter().collect(), random, messages: 0 }
    }

    /// Faults by chance. The same seed and the same number of messages give the same faults.
    pub fn seeded(rates: FaultRates, seed: u64) -> Self {
        Self { rates, script: BTreeMap::new(), random: SmallRng::seed_from_u64(seed), messages: 0 }
    }

    /// What happens to the next message.
    pub fn draw(&mut self) -> Option<Fault> {
        self.messages += 1;
        if let Some(fault) = self.script.get(&self.messages) {
            return Some(*fault);
        }
        let Self { rates, random, .. } = self;
        // Every fault is drawn for each message, so that another rate for one does not move the others.
        let drawn: Vec<Fault> =
            rates.0.iter().filter_map(|(fault, rate)| random.random_bool(*rate).then_some(*fault)).collect();
        let at = random.random_range(0..drawn.len().max(1));
        drawn.get(at).copied()
    }

    /// Bytes that are no message.
    pub fn garbage(&mut self) -> Vec<u8> {
        let len = self.random.random_range(1..512);
        (0..len).map(|_| self.random.random()).collect()
    }
}

/// Does to a message what a fault does to messages, and tells the device what it has to know of it. Gives whether the
/// fault applies: there is no wrong credential without a credential.
pub fn tamper(fault: Fault, device: &mut Device, message: &mut Message) -> bool {
    let msg_id: u32 = message.header.msg_id.parse().unwrap_or_default();
    let mut renumber = |device: &mut Device, number: u32| {
        message.header.msg_id = number.to_string();
        device.renumber(number);
        device.excuse();
    };
    match fault {
        Fault::BadDigest => match &mut message.header.cred {
            Some(cred) => {
                cred.data = cred.data.chars().rev().collect();
                true
            }
            None => false,
        },
        Fault::SkipMsgId => {
            renumber(device, msg_id.saturating_add(3));
            true
        }
        Fault::RepeatMsgId if msg_id > 1 => {
            renumber(device, msg_id - 1);
            true
        }
        Fault::RepeatMsgId => false,
        Fault::LyingStatus => {
            lie(message);
            true
        }
        _ => true,
    }
}

/// `CmdID` of the element that [`spoil`] puts into a message.
const FOREIGN_CMD_ID: &str = "9001";

/// Puts an element into an XML message that is no command. `false` where that can't be done.
pub fn spoil(body: &mut Vec<u8>, device: &mut Device) -> bool {
    let end = b"</SyncBody>";
    let final_tag = b"<Final/>";
    let find = |needle: &[u8]| body.windows(needle.len()).rposition(|window| window == needle);
    let Some(at) = find(final_tag).or_else(|| find(end)) else { return false };
    let element = format!("<Frobnicate><CmdID>{FOREIGN_CMD_ID}</CmdID></Frobnicate>");
    body.splice(at..at, element.into_bytes());
    device.declare(FOREIGN_CMD_ID, "Frobnicate");
    true
}

/// Answers to what nobody asked.
fn lie(message: &mut Message) {
    let msg_ref = message.header.msg_id.clone();
    let status = |cmd_id: &str, cmd_ref: &str, cmd: &str| {
        Command::Status(Status {
            cmd_id: cmd_id.to_owned(),
            msg_ref: msg_ref.clone(),
            cmd_ref: cmd_ref.to_owned(),
            cmd: cmd.to_owned(),
            target_refs: Vec::new(),
            source_refs: Vec::new(),
            cred: None,
            chal: None,
            code: StatusCode::OK,
            original_error: None,
            items: Vec::new(),
        })
    };
    let item = Item { source: Some(Address::uri("./DevInfo/Man")), data: Some(Data::from("a lie")), ..Item::default() };
    let results = Command::Results(Results {
        cmd_id: "9004".to_owned(),
        msg_ref: Some("4711".to_owned()),
        cmd_ref: Some("4712".to_owned()),
        meta: None,
        target_ref: None,
        source_ref: None,
        items: vec![item],
    });
    message.body.commands.extend([status("9002", "4711", "Exec"), status("9003", "4712", "Get"), results]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::device::{Behaviour, Trigger};
    use crate::simulator::identity::DeviceIdentity;

    #[test]
    fn rates_are_read_from_a_list() {
        let rates: FaultRates = "drop=0.5, abort=1".parse().unwrap();
        assert_eq!(rates, FaultRates::default().with(Fault::DropReply, 0.5).with(Fault::Abort, 1.0));
        assert_eq!("none".parse(), Ok(FaultRates::default()));
        assert_eq!("all=0.25".parse(), Ok(FaultRates::all(0.25)));
        for wrong in ["drop", "drop=2", "drop=x", "dorp=0.1"] {
            assert!(wrong.parse::<FaultRates>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let draw = |seed| {
            let mut plan = FaultPlan::seeded(FaultRates::all(0.1), seed);
            (0..200).map(|_| plan.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!(Fault::ALL.iter().all(|fault| draw(3).contains(&Some(*fault))));
    }

    #[test]
    fn a_script_says_which_message() {
        let mut plan = FaultPlan::scripted([(2, Fault::Abort)]);
        assert_eq!([plan.draw(), plan.draw(), plan.draw()], [None, Some(Fault::Abort), None]);
    }

    #[test]
    fn faults_that_do_not_apply_say_so() {
        let identity = DeviceIdentity::new("D", "n", "p");
        let mut device = Device::new(identity, "https://a.test/x", Behaviour::default(), 1);
        let mut message = device.start_session(Trigger::Schedule);
        let before = message.clone();
        assert!(!tamper(Fault::BadDigest, &mut device, &mut message));
        assert!(!tamper(Fault::RepeatMsgId, &mut device, &mut message));
        assert_eq!(message, before);
        assert!(tamper(Fault::SkipMsgId, &mut device, &mut message));
        assert_eq!(message.header.msg_id, "4");
    }

    #[test]
    fn an_element_is_put_before_final() {
        let identity = DeviceIdentity::new("D", "n", "p");
        let mut device = Device::new(identity, "https://a.test/x", Behaviour::default(), 1);
        let mut body = b"<SyncML><SyncBody><Final/></SyncBody></SyncML>".to_vec();
        assert!(spoil(&mut body, &mut device));
        let text = String::from_utf8(body).unwrap();
        assert!(text.contains("<SyncBody><Frobnicate><CmdID>9001</CmdID></Frobnicate><Final/>"), "{text}");
        assert!(!spoil(&mut b"\x02\x9f\x53".to_vec(), &mut device));
    }
}
