//! A server of nothing but the session core, with its queue in memory: bytes in, bytes out.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};
use transom_protocol::csp::Instruction;
use transom_protocol::session::{
    A1, Account, Admission, Arrival, AuthScheme, CommandId, CommandState, Credential, DeviceId, Event, Guesses,
    Introduction, Nonce, Pending, Rotation, Rules, Secret32, Session, Timestamp, admit, refuse_stranger,
};
use transom_protocol::syncml::codec::{Encoding, decode, encode};
use transom_protocol::xml::Limits;

/// What the server keeps of one enrollment.
struct Enrollment {
    account: Account,
    session: Option<Session>,
    reply: Vec<u8>,
    queue: Vec<Pending>,
    events: Vec<Event>,
}

/// The server. Time stands still.
pub(crate) struct Server {
    enrollments: HashMap<String, Enrollment>,
    pub(crate) rules: Rules,
    nonces: u64,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { enrollments: HashMap::new(), rules: Rules::default(), nonces: 0 }
    }

    /// Lets a device in, with the same name and password on both sides.
    pub(crate) fn enroll(&mut self, device_id: &str, name: &str, password: &str) {
        let credential = |name: &str| Credential { name: name.to_owned(), a1: A1::new(name, password) };
        let account = Account {
            scheme: AuthScheme::Md5,
            client: credential(name),
            server: Some(credential("server")),
            next_nonce: Nonce::from_bytes(b"first"),
            previous_nonce: None,
            server_nonce: None,
            challenge_key: Secret32::new([7; 32]),
            accepted: 0,
            failures: 0,
            failed_session: None,
            recent_sessions: Vec::new(),
            proofs: None,
            rotation: Rotation::default(),
        };
        let enrollment =
            Enrollment { account, session: None, reply: Vec::new(), queue: Vec::new(), events: Vec::new() };
        self.enrollments.insert(device_id.to_ascii_lowercase(), enrollment);
    }

    /// Queues a command, written as in the API.
    pub(crate) fn queue(&mut self, device_id: &str, json: &str) {
        let instruction: Instruction = serde_json::from_str(json).unwrap();
        let queue = &mut self.enrollments.get_mut(&device_id.to_ascii_lowercase()).unwrap().queue;
        let sequence = i64::try_from(queue.len()).unwrap() + 1;
        queue.push(Pending::new(CommandId(format!("command-{sequence}")), sequence, instruction));
    }

    /// Where the commands of a device stand, in the order of the queue.
    pub(crate) fn states(&self, device_id: &str) -> Vec<CommandState> {
        self.enrollment(device_id).queue.iter().map(|pending| pending.state).collect()
    }

    /// The values that the command at a place brought.
    pub(crate) fn values(&self, device_id: &str, at: usize) -> Vec<String> {
        let items = &self.enrollment(device_id).queue[at].progress.items;
        items.iter().flat_map(|item| &item.result).map(|value| value.data.clone()).collect()
    }

    /// Types of the alerts that came.
    pub(crate) fn alerts(&self, device_id: &str) -> Vec<&str> {
        let events = &self.enrollment(device_id).events;
        events
            .iter()
            .filter_map(|event| if let Event::Alert { kind, .. } = event { Some(kind.as_str()) } else { None })
            .collect()
    }

    fn enrollment(&self, device_id: &str) -> &Enrollment {
        &self.enrollments[&device_id.to_ascii_lowercase()]
    }

    /// One message: status of HTTP and body.
    pub(crate) fn handle(&mut self, encoding: Encoding, body: &[u8]) -> (u16, Vec<u8>) {
        let Ok(decoded) = decode(encoding, body, &Limits::default()) else { return (400, Vec::new()) };
        let device = DeviceId::parse(&decoded.message.header.source.loc_uri).map(|device| device.key());
        let Some(enrollment) = device.and_then(|key| self.enrollments.get_mut(&key)) else {
            return (200, encode(encoding, &refuse_stranger(&decoded.message, &self.rules).reply));
        };
        self.nonces += 1;
        let body_hash: String = Sha256::digest(body).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let arrival = Arrival {
            message: &decoded.message,
            body_hash: &body_hash,
            account: enrollment.account.clone(),
            says: Introduction::default(),
            session: enrollment.session.clone(),
            has_reply: !enrollment.reply.is_empty(),
            by_transport: false,
            guesses: Guesses::Few,
            fresh_nonce: Nonce::from_bytes(&[self.nonces.to_be_bytes(), [1; 8]].concat()),
            now: Timestamp(0),
            rules: &self.rules,
        };
        let reply = match admit(arrival) {
            Admission::Repeat => return (200, enrollment.reply.clone()),
            Admission::Refused(refused) => {
                enrollment.account = refused.account.unwrap_or(enrollment.account.clone());
                enrollment.session = refused.session.or(enrollment.session.take());
                return (200, encode(encoding, &refused.reply));
            }
            Admission::Accepted(admitted) => {
                let open = |pending: &&Pending| {
                    matches!(pending.state, CommandState::Queued | CommandState::Sent | CommandState::Deferred)
                };
                let pending = enrollment.queue.iter().filter(open).cloned().collect();
                let decision = admitted.process(pending, &BTreeMap::new());
                enrollment.account = decision.account.unwrap_or(enrollment.account.clone());
                enrollment.session = Some(decision.session);
                for changed in decision.commands {
                    let at = enrollment.queue.iter().position(|pending| pending.id == changed.id).unwrap();
                    enrollment.queue[at] = changed;
                }
                enrollment.events.extend(decision.events);
                encode(encoding, &decision.reply)
            }
        };
        enrollment.reply.clone_from(&reply);
        (200, reply)
    }
}
