//! The session core as a server whose store is a few variables.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use transom::protocol::csp::Instruction;
use transom::protocol::session::{
    A1, Account, Admission, Arrival, AuthMode, AuthScheme, CommandId, CommandState, Credential, Decision, Guesses,
    Introduction, Nonce, Pending, Rotation, Rules, Secret32, Session, Timestamp, admit,
};
use transom::protocol::syncml::codec::{Encoding, decode, encode};
use transom::protocol::xml::Limits;

/// Where it is.
pub(super) const URL: &str = "https://mdm.example/ManagementServer/Mdm.svc";

/// One enrollment and all that is known of it.
pub(super) struct Server {
    seed: u64,
    drawn: u64,
    now: Timestamp,
    rules: Rules,
    account: Account,
    session: Option<Session>,
    /// The reply to the last message that was processed.
    reply: Option<Vec<u8>>,
    commands: Vec<Pending>,
}

impl Server {
    pub(super) fn new(seed: u64) -> Self {
        let credential = |name: &str, password: &str| Credential { name: name.to_owned(), a1: A1::new(name, password) };
        let account = Account {
            scheme: AuthScheme::Md5,
            client: credential("dm-client", "Secr3t-Password!"),
            server: Some(credential("dm-server", "An0ther-Password!")),
            next_nonce: Nonce::from_bytes(&[7; 16]),
            previous_nonce: None,
            server_nonce: None,
            challenge_key: Secret32::new([9; 32]),
            accepted: 0,
            failures: 0,
            failed_session: None,
            recent_sessions: Vec::new(),
            proofs: None,
            rotation: Rotation::default(),
        };
        Self {
            seed,
            drawn: 0,
            now: Timestamp(1_700_000_000_000),
            rules: Rules::default(),
            account,
            session: None,
            reply: None,
            commands: Vec::new(),
        }
    }

    /// A credential stands for one message only.
    pub(super) const fn demand_a_credential_for_each_message(&mut self) {
        self.rules.auth_mode = AuthMode::PerMessage;
    }

    /// Messages are small.
    pub(super) const fn send_little(&mut self, bytes: usize, commands: usize) {
        self.rules.package_bytes = bytes;
        self.rules.package_commands = commands;
    }

    /// Lets time pass.
    pub(super) const fn pass(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Puts a command into the queue.
    pub(super) fn enqueue(&mut self, json: &str) {
        let instruction: Instruction = serde_json::from_str(json).expect("an instruction");
        let sequence = i64::try_from(self.commands.len()).expect("few commands") + 1;
        self.commands.push(Pending::new(CommandId(format!("c{sequence}")), sequence, instruction));
    }

    /// No command was sent and nobody was let in.
    pub(super) fn untouched(&self) -> bool {
        self.session.is_none() && self.commands.iter().all(|command| command.attempts == 0)
    }

    /// Answers one message.
    pub(super) fn receive(&mut self, encoding: Encoding, body: &[u8]) -> Vec<u8> {
        let decoded = decode(encoding, body, &Limits::default()).expect("a message");
        let body_hash = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let fresh_nonce = self.draw();
        let rules = self.rules.clone();
        let arrival = Arrival {
            message: &decoded.message,
            body_hash: &body_hash,
            account: self.account.clone(),
            says: Introduction::default(),
            session: self.session.clone(),
            has_reply: self.reply.is_some(),
            by_transport: false,
            guesses: Guesses::Few,
            fresh_nonce,
            now: self.now,
            rules: &rules,
        };
        match admit(arrival) {
            Admission::Repeat => self.reply.clone().expect("the reply that the core was told of"),
            Admission::Refused(refused) => {
                self.account = refused.account.unwrap_or_else(|| self.account.clone());
                self.session = refused.session.or(self.session.take());
                encode(encoding, &refused.reply)
            }
            Admission::Accepted(admitted) => {
                let open = self.commands.iter().filter(|command| command.state.is_open()).cloned().collect();
                let settled = self.settled();
                self.keep(encoding, admitted.process(open, &settled))
            }
        }
    }

    fn settled(&self) -> BTreeMap<CommandId, CommandState> {
        let closed = self.commands.iter().filter(|command| !command.state.is_open());
        closed.map(|command| (command.id.clone(), command.state)).collect()
    }

    fn keep(&mut self, encoding: Encoding, decision: Decision) -> Vec<u8> {
        if let Some(account) = decision.account {
            self.account = account;
        }
        self.session = Some(decision.session);
        for changed in decision.commands {
            let place = self.commands.iter_mut().find(|command| command.id == changed.id).expect("a command of ours");
            *place = changed;
        }
        let reply = encode(encoding, &decision.reply);
        self.reply = Some(reply.clone());
        reply
    }

    /// A nonce that nobody had before.
    fn draw(&mut self) -> Nonce {
        self.drawn += 1;
        let digest = Sha256::digest(format!("{} {}", self.seed, self.drawn));
        Nonce::from_bytes(&digest[..16])
    }
}
