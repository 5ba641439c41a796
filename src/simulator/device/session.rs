//! What a device remembers of the session that is open.

use std::collections::VecDeque;

use transom_protocol::syncml::{Command, Verb};

use super::Ending;
use crate::simulator::tree::{Consequence, Value};

/// An open session.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// `SessionID`.
    pub(super) id: String,
    /// `MsgID` of the last message that was sent.
    pub(super) sent_message: u32,
    /// `MsgID` of the last message that came.
    pub(super) server_message: u32,
    /// Body of the last message but its header's Status: it goes out again after a challenge.
    pub(super) body: Vec<Command>,
    /// The last message had `Final`.
    pub(super) was_final: bool,
    /// What was sent and wants a Status.
    pub(super) awaited: Vec<Awaited>,
    /// How many of the device's notices stood in package 1; they are told when it is answered.
    pub(super) notices_sent: usize,
    /// That has happened.
    pub(super) notices_are_told: bool,
    /// Each message carries a credential.
    pub(super) sends_cred: bool,
    /// How often the server refused a credential.
    pub(super) rejections: u32,
    /// How often the server asked for one.
    pub(super) challenges: u32,
    /// The server has proved who it is.
    pub(super) server_is_known: bool,
    /// How often the server failed to prove who it is.
    pub(super) server_rejections: u32,
    /// `MaxMsgSize` of the server.
    pub(super) server_max_msg_size: Option<u64>,
    /// `MaxObjSize` of the server.
    pub(super) server_max_obj_size: Option<u64>,
    /// Parts of an answer that wait for their turn.
    pub(super) outbox: VecDeque<Part>,
    /// A value that the server is sending in chunks.
    pub(super) download: Option<Download>,
    /// Results of the last message.
    pub(super) last_results: Vec<Command>,
    /// What happens when the session is over.
    pub(super) consequence: Option<Consequence>,
    /// The next message is an abort: an answer was too large.
    pub(super) aborts_next: bool,
    /// The last word was spoken; whatever comes ends the session so.
    pub(super) closing: Option<Ending>,
    /// The device leaves management with it.
    pub(super) is_last: bool,
    /// The device itself has broken the book in this session: it does not complain.
    pub(super) is_excused: bool,
}

/// A command that was sent and wants a Status.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    /// `MsgID`.
    pub(super) message: u32,
    /// `CmdID`.
    pub(super) cmd_id: String,
    /// Element name.
    pub(super) name: String,
    /// Its absence is no reason to complain.
    pub(super) is_optional: bool,
}

/// One message of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// Statuses, Results and alerts, without `CmdID`.
    pub(super) commands: Vec<Command>,
    /// The package ends with it.
    pub(super) is_final: bool,
    /// It begins with the next chunk of the value that the part before ended with.
    pub(super) continues_value: bool,
}

/// A value that comes in chunks.
#[derive(Debug, Clone)]
pub(super) struct Download {
    pub(super) verb: Verb,
    pub(super) uri: String,
    /// `Size` of the first chunk.
    pub(super) announced: u64,
    /// What came so far.
    pub(super) value: Value,
}

impl Session {
    /// The chunks that the outbox begins with never go out: the server wants no more of that value.
    pub(super) fn drop_rest_of_value(&mut self) {
        while self.outbox.front().is_some_and(|part| part.continues_value) {
            self.outbox.pop_front();
        }
    }
}
