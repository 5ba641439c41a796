//! What the judge remembers of a session, and the rules that span its messages.

use std::collections::BTreeMap;

use super::client::ClientMessage;
use super::large_object::Download;
use super::{Findings, Parts, Rule};

/// A session, and another one that may have begun under the same number: a device that enrolls anew counts from 1 again.
#[derive(Debug, Default)]
pub(super) struct Lives {
    current: Memory,
    /// Took over once a message of it was accepted; until then it may be anybody's.
    next: Option<Memory>,
}

/// One session of one device.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last exchange, as bytes.
    pub(super) last: Option<Exchange>,
    /// Highest `MsgID` of the client that was accepted.
    client_message: u32,
    /// `MsgID` of our last reply that was accepted or challenged, 0 before the first.
    server_message: u32,
    /// Replies since then that the count need not have seen: lost ones and refusals.
    slack: u32,
    /// A message with a digest was accepted.
    digest: bool,
    /// A nonce came with an accepted message.
    renewed: bool,
    /// Wrong credentials since the last right one that were answered with a Chal.
    rechallenged: u32,
    pub(super) max_msg_size: Option<usize>,
    pub(super) max_obj_size: Option<usize>,
    pub(super) login: Option<String>,
    pub(super) sync_type: Option<String>,
    /// `LocURI` of a large object that the client is sending.
    pub(super) upload: Option<String>,
    /// Large object that we are sending.
    pub(super) download: Option<Download>,
}

/// A message and its reply, as bytes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Vec<u8>,
    pub(super) reply: Vec<u8>,
    /// The reply was a refusal, which need not be the same twice.
    pub(super) refused: bool,
}

impl Lives {
    /// The session that a message belongs to.
    pub(super) fn life_of(&mut self, client: &ClientMessage, body: &[u8]) -> &mut Memory {
        let from_the_past = self.current.is_stale(client) && !self.current.is_repeat(body);
        if from_the_past && client.msg_number() == Some(1) && self.next.is_none() {
            self.next = Some(Memory::default());
        }
        match &mut self.next {
            Some(next) if from_the_past => next,
            _ => &mut self.current,
        }
    }

    /// A new session that was accepted replaces the old one.
    pub(super) fn settle(&mut self) {
        if self.next.as_ref().is_some_and(|next| next.client_message > 0) {
            self.current = self.next.take().unwrap_or_default();
        }
    }

    /// What can only be said when a session is over.
    pub(super) fn end(&self, findings: &mut Findings) {
        self.current.end(findings);
    }
}

/// Nonces that were given out, each with the message that it answered.
pub(super) type Nonces = BTreeMap<String, (String, String, String)>;

impl Memory {
    /// Whether the client's message is from the past: not above the highest that was accepted.
    pub(super) fn is_stale(&self, client: &ClientMessage) -> bool {
        client.msg_number().is_some_and(|number| number <= self.client_message)
    }

    /// Whether a message is the last one again, byte for byte.
    pub(super) fn is_repeat(&self, body: &[u8]) -> bool {
        self.last.as_ref().is_some_and(|last| last.request == body && !last.refused)
    }

    /// Whether the last reply was this one.
    pub(super) fn answered_with(&self, body: &[u8]) -> bool {
        self.last.as_ref().is_some_and(|last| last.reply == body)
    }

    /// A reply was sent that nobody saw.
    pub(super) fn lose(&mut self) {
        self.slack += 1;
        self.last = None;
        // Any of these may have changed in what was lost.
        self.download = None;
        self.upload = None;
    }

    /// Checks the number of our message (MS-MDM 2.2.3.7).
    pub(super) fn check_number(&self, parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
        let (Some(ours), Some(theirs)) = (super::header::number(&parts.msg_id()), client.msg_number()) else {
            return;
        };
        let next = self.server_message + 1;
        let allowed = if self.server_message == 0 {
            // A session that is seen from its middle on has a count of its own already.
            1..=theirs.max(1) + self.slack
        } else if self.is_stale(client) {
            1..=next + self.slack
        } else {
            next..=next + self.slack
        };
        if !allowed.contains(&ours) {
            findings.add(Rule::ServerMsgId, format!("MsgID {ours}, wanted is {allowed:?}"));
        }
    }

    /// Checks the challenges of the session, and that its nonces are new.
    pub(super) fn check_challenge(
        &self,
        parts: &Parts<'_, '_>,
        client: &ClientMessage,
        nonces: &mut Nonces,
        findings: &mut Findings,
    ) {
        if parts.code() == 401 && parts.chal().is_some() && self.rechallenged > 0 {
            findings.add(Rule::ChallengeLoop, "a second Chal after a wrong credential");
        }
        if let Some(nonce) = parts.nonce() {
            let answered = (client.source.to_lowercase(), client.session_id.clone(), client.msg_id.clone());
            let first = nonces.entry(nonce.clone()).or_insert_with(|| answered.clone());
            if *first != answered {
                findings.add(Rule::NonceFresh, format!("{nonce} was given out for {first:?}"));
            }
        }
    }

    /// Takes in that a message from the past was answered: our count may have gone on.
    pub(super) fn learn_stale(&mut self) {
        self.slack += 1;
    }

    /// Takes in an exchange after it was judged.
    pub(super) fn learn(&mut self, parts: &Parts<'_, '_>, client: &ClientMessage, download: Option<Download>) {
        let ours = super::header::number(&parts.msg_id()).unwrap_or(0);
        if !parts.is_accepted() {
            self.slack += 1;
            if parts.code() == 401 && parts.chal().is_some() {
                self.rechallenged += 1;
            }
            return;
        }
        if ours > self.server_message {
            self.server_message = ours;
            self.slack = 0;
        }
        self.client_message = self.client_message.max(client.msg_number().unwrap_or(0));
        self.rechallenged = 0;
        self.digest |= client.digest;
        self.renewed |= parts.nonce().is_some();
        self.max_msg_size = client.max_msg_size.or(self.max_msg_size);
        self.max_obj_size = client.max_obj_size.or(self.max_obj_size);
        self.login = client.login().map(str::to_owned).or(self.login.take());
        self.sync_type = client.sync_type().map(str::to_owned).or(self.sync_type.take());
        self.upload = client.open_upload();
        self.download = download;
        if client.has_alert("1223") || parts.has_alert("1223") {
            self.download = None;
            self.upload = None;
        }
    }

    fn end(&self, findings: &mut Findings) {
        if self.digest && !self.renewed {
            findings.add(Rule::NonceRenewed, "no NextNonce beside an accepted digest");
        }
        if let Some(download) = &self.download {
            let Download { target, sent, announced, .. } = download;
            findings.add(Rule::ObjectLeftOpen, format!("{target} stopped after {sent} of {announced} bytes"));
        }
    }
}

impl ClientMessage {
    /// What the client says of who is signed in.
    pub(super) fn login(&self) -> Option<&str> {
        self.alert_data("1224", "com.microsoft/MDM/LoginStatus").last()
    }

    /// What the client says the session is for.
    pub(super) fn sync_type(&self) -> Option<&str> {
        self.alert_data("1224", "com.microsoft.mdm.synctype").last()
    }

    /// Address of the item that goes on in the client's next message.
    fn open_upload(&self) -> Option<String> {
        let mut items = self.commands.iter().flat_map(|command| &command.items);
        let open = items.find(|item| item.more_data)?;
        Some(if open.source.is_empty() { open.target.clone() } else { open.source.clone() })
    }
}
