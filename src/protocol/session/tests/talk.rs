//! A conversation between one device and the core, line by line: what the device says is XML text and goes through the
//! reader, what it hears is judged and can be asked about.

use sha2::{Digest as _, Sha256};

use super::judge::{judge, statuses};
use super::store::{Incoming, Outcome, Store};
use crate::session::{
    A1, Account, AuthScheme, CommandId, CommandState, Credential, Decision, Ending, Event, Guesses, ItemOutcome,
    LoginStatus, Nonce, Pending, Phase, ReasonCode, RefusalKind, Rotation, Rules, Secret32, Session, Timestamp,
};
use crate::syncml::{Command, Message, read, write};
use crate::xml::Limits;

pub(crate) const DEVICE: &str = "B5B954E81FBCB94EB79BD08BE625F4EE";
pub(crate) const DOOR: &str = "https://mdm.example.test/ManagementServer/MDM.svc";

/// A device that speaks, and the store of the one that it speaks to.
pub(crate) struct Talk {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) now: Timestamp,
    pub(crate) by_transport: bool,
    pub(crate) guesses: Guesses,
    /// What the device proves itself with, where that is not what its account has.
    pub(crate) other: Option<Credential>,
    pub(crate) session: String,
    /// `MsgID` of the last message.
    pub(crate) message: u32,
    /// Goes into the header of the next message.
    pub(crate) cred: Option<Nonce>,
    /// Goes into the header of every message.
    pub(crate) meta: String,
    pub(crate) is_final: bool,
    sent: Option<(Message, String, bool)>,
    drawn: u64,
    sequence: i64,
}

/// What the device heard.
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) message: Message,
    pub(crate) outcome: Outcome,
}

/// An account as the tests use it everywhere.
pub(crate) fn account(scheme: AuthScheme) -> Account {
    let credential = |name: &str, password: &str| Credential { name: name.to_owned(), a1: A1::new(name, password) };
    Account {
        scheme,
        client: credential("dm-client-01", "Secr3t-Password!"),
        server: Some(credential("dm-server-01", "An0ther-Password!")),
        next_nonce: Nonce::from_bytes(b"first nonce"),
        previous_nonce: None,
        server_nonce: None,
        challenge_key: Secret32::new([7; 32]),
        accepted: 0,
        failures: 0,
        failed_session: None,
        recent_sessions: Vec::new(),
        proofs: None,
        rotation: Rotation::default(),
    }
}

impl Talk {
    fn new(scheme: AuthScheme, by_transport: bool) -> Self {
        Self {
            store: Store::new(account(scheme)),
            rules: Rules::default(),
            now: Timestamp(1_000_000_000_000),
            by_transport,
            guesses: Guesses::Few,
            other: None,
            session: "1".to_owned(),
            message: 0,
            cred: None,
            meta: String::new(),
            is_final: true,
            sent: None,
            drawn: 0,
            sequence: 0,
        }
    }

    /// The transport proves who speaks.
    pub(crate) fn by_certificate() -> Self {
        Self::new(AuthScheme::Md5, true)
    }

    /// Only a digest proves who speaks.
    pub(crate) fn by_digest() -> Self {
        Self::new(AuthScheme::Md5, false)
    }

    /// Only a password proves who speaks.
    pub(crate) fn by_password() -> Self {
        Self::new(AuthScheme::Basic, false)
    }

    /// A device that began a session by certificate, with nobody signed in.
    pub(crate) fn begun() -> Self {
        let mut talk = Self::by_certificate();
        talk.says([alert(2, 1201)]);
        talk
    }

    /// Puts a command, in JSON, into the queue.
    pub(crate) fn order(&mut self, json: &str) -> CommandId {
        self.order_with(json, |_| {})
    }

    pub(crate) fn order_with(&mut self, json: &str, change: impl FnOnce(&mut Pending)) -> CommandId {
        self.sequence += 1;
        let id = CommandId(format!("c{}", self.sequence));
        let mut pending = Pending::new(id.clone(), self.sequence, serde_json::from_str(json).expect("an instruction"));
        change(&mut pending);
        self.store.commands.insert(id.clone(), pending);
        id
    }

    /// The next session begins with the next message.
    pub(crate) fn begins(&mut self, session: &str) {
        self.session = session.to_owned();
        self.message = 0;
    }

    /// The device's next message in this session.
    pub(crate) fn says(&mut self, body: impl AsRef<[String]>) -> Reply {
        self.message += 1;
        self.tells(&body.as_ref().concat())
    }

    /// A message with the same `MsgID` as the last one.
    pub(crate) fn tells(&mut self, body: &str) -> Reply {
        let text = self.text(body);
        self.posts(&text)
    }

    /// The bytes of the last message again.
    pub(crate) fn repeats(&mut self) -> Reply {
        let (_, text, _) = self.sent.clone().expect("something was said");
        self.posts(&text)
    }

    /// The text of a message as it would be sent now.
    pub(crate) fn text(&mut self, body: &str) -> String {
        let Self { session, message, meta, .. } = self;
        let (name, cred) = self.cred.take().map_or_else(Default::default, |nonce| {
            let client = self.other.as_ref().unwrap_or(&self.store.account.client);
            credential(&self.store.account, client, &nonce)
        });
        let end = if self.is_final { "<Final/>" } else { "" };
        let meta = if meta.is_empty() { String::new() } else { format!("<Meta>{meta}</Meta>") };
        format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{DOOR}</LocURI></Target>\
             <Source><LocURI>{DEVICE}</LocURI>{name}</Source>{cred}{meta}</SyncHdr>\
             <SyncBody>{body}{end}</SyncBody></SyncML>"
        )
    }

    /// Any text at all, in a transaction that is committed.
    pub(crate) fn posts(&mut self, text: &str) -> Reply {
        let message = read::read(text, &Limits::default()).unwrap_or_else(|refusal| panic!("{refusal}: {text:.400}"));
        let hash = format!("{:x?}", Sha256::digest(text.as_bytes()).as_slice());
        self.drawn += 1;
        let incoming = Incoming {
            message: &message,
            hash: &hash,
            by_transport: self.by_transport,
            guesses: self.guesses,
            fresh_nonce: &Nonce::from_bytes(&Sha256::digest(self.drawn.to_be_bytes())[..16]),
            now: self.now,
            rules: &self.rules,
        };
        self.store.turns_to(&incoming);
        let outcome = self.store.exchange(&incoming);
        let reply = self.store.commit(&outcome);
        self.store.session = self.store.session.take().map(|session| stored_and_loaded(&session));
        self.store.account = stored_and_loaded(&self.store.account);
        let heard = read::read(&reply, &Limits::default()).expect("what we write can be read");
        assert!(heard.oddities.is_empty(), "{:?}", heard.oddities);
        match &outcome {
            Outcome::Repeat(_) => {
                let (request, _, processed) = self.sent.as_ref().expect("something was said before");
                judge(request, &heard, *processed);
            }
            Outcome::Refused(_) => judge(&message, &heard, false),
            Outcome::Decided(_) => judge(&message, &heard, true),
        }
        if !matches!(outcome, Outcome::Repeat(_)) && self.sent.as_ref().is_none_or(|(_, sent, _)| sent != text) {
            self.sent = Some((message, text.to_owned(), matches!(outcome, Outcome::Decided(_))));
        }
        Reply { text: reply, message: heard, outcome }
    }

    /// So many minutes pass.
    pub(crate) fn waits(&mut self, minutes: i64) {
        self.now = self.now.plus_millis(minutes * 60_000);
    }

    /// Maintenance ends the session.
    pub(crate) fn is_closed(&mut self) {
        self.store.close(self.now, &self.rules);
    }

    pub(crate) fn command(&self, id: &CommandId) -> &Pending {
        &self.store.commands[id]
    }

    pub(crate) fn state(&self, id: &CommandId) -> CommandState {
        self.command(id).state
    }

    pub(crate) fn why(&self, id: &CommandId) -> Option<ReasonCode> {
        self.command(id).reason.as_ref().map(|reason| reason.code)
    }

    pub(crate) fn item(&self, id: &CommandId, place: usize) -> &ItemOutcome {
        &self.command(id).progress.items[place]
    }

    /// The value of a node, if it came.
    pub(crate) fn value(&self, id: &CommandId, place: usize) -> Option<&str> {
        self.item(id, place).result.as_ref().map(|result| &result.data[..])
    }

    pub(crate) fn session(&self) -> &Session {
        self.store.session.as_ref().expect("a session")
    }

    /// The session but for our message counter, which an answer to an old message takes too.
    pub(crate) fn standing(&self) -> Session {
        Session { server_message: crate::session::MsgId::FIRST, ..self.session().clone() }
    }

    pub(crate) fn ending(&self) -> Option<Ending> {
        match self.session().phase {
            Phase::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    pub(crate) fn login(&self) -> LoginStatus {
        self.session().login
    }
}

/// `Source/LocName` and `Cred` of a header.
fn credential(account: &Account, client: &Credential, nonce: &Nonce) -> (String, String) {
    let data = match account.scheme {
        AuthScheme::Md5 => client.a1.digest(nonce),
        AuthScheme::Basic => "ZG0tY2xpZW50LTAxOlNlY3IzdC1QYXNzd29yZCE=".to_owned(),
    };
    let kind = account.scheme.as_str();
    let cred = format!(
        "<Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">{kind}</Type></Meta>\
         <Data>{data}</Data></Cred>"
    );
    (format!("<LocName>{}</LocName>", account.client.name), cred)
}

fn stored_and_loaded<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).expect("is written")).expect("is read")
}

impl Reply {
    /// `CmdRef`, name and code of each Status.
    pub(crate) fn statuses(&self) -> Vec<String> {
        statuses(&self.message)
            .into_iter()
            .map(|status| format!("{} {} {}", status.cmd_ref, status.cmd, status.code))
            .collect()
    }

    /// Status of the header.
    pub(crate) fn header(&self) -> u16 {
        statuses(&self.message)[0].code.0
    }

    /// The nonce of the challenge, or for the next credential.
    pub(crate) fn nonce(&self) -> Option<Nonce> {
        let chal = statuses(&self.message)[0].chal.as_ref()?;
        chal.meta.next_nonce.as_deref().and_then(Nonce::from_base64)
    }

    /// `CmdID`, verb and nodes of each command; children of a group stand in brackets.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.message.body.commands.iter().filter_map(told).collect()
    }

    /// The code of each alert.
    pub(crate) fn alerts(&self) -> Vec<u16> {
        let code = |command: &Command| match command {
            Command::Alert(alert) => alert.code.map(|code| code.0),
            _ => None,
        };
        self.message.body.commands.iter().filter_map(code).collect()
    }

    pub(crate) fn is_final(&self) -> bool {
        self.message.body.is_final
    }

    pub(crate) fn is_repeat(&self) -> bool {
        matches!(self.outcome, Outcome::Repeat(_))
    }

    pub(crate) fn refusal(&self) -> Option<RefusalKind> {
        match &self.outcome {
            Outcome::Refused(refused) => Some(refused.kind),
            _ => None,
        }
    }

    pub(crate) fn decision(&self) -> &Decision {
        match &self.outcome {
            Outcome::Decided(decision) => decision,
            other => panic!("nothing was decided: {other:?}"),
        }
    }

    /// Whether the message began a session.
    pub(crate) fn is_new(&self) -> bool {
        self.decision().is_new
    }

    /// The words for what the protocol does not foresee.
    pub(crate) fn anomalies(&self) -> Vec<&'static str> {
        let kind = |event: &Event| match event {
            Event::Anomaly { kind, .. } => Some(*kind),
            _ => None,
        };
        self.decision().events.iter().filter_map(kind).collect()
    }

    /// Bytes of the reply.
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.text, write::write(&self.message));
        self.text.len()
    }
}

fn told(command: &Command) -> Option<String> {
    match command {
        Command::Request(request) => {
            let targets: Vec<_> = request.items.iter().filter_map(|item| item.target_uri()).collect();
            Some(format!("{} {} {}", request.cmd_id, request.verb.as_str(), targets.join(" ")))
        }
        Command::Group(group) => {
            let children: Vec<_> = group.commands.iter().filter_map(told).collect();
            Some(format!("{} {} [{}]", group.cmd_id, group.kind.as_str(), children.join("; ")))
        }
        _ => None,
    }
}

pub(crate) fn alert(cmd_id: u32, code: u16) -> String {
    format!("<Alert><CmdID>{cmd_id}</CmdID><Data>{code}</Data></Alert>")
}

/// A client event or generic alert.
pub(crate) fn typed_alert(cmd_id: u32, code: u16, kind: &str, source: &str, data: &str) -> String {
    let source = if source.is_empty() { String::new() } else { format!("<Source><LocURI>{source}</LocURI></Source>") };
    format!(
        "<Alert><CmdID>{cmd_id}</CmdID><Data>{code}</Data><Item>{source}<Meta><Type xmlns=\"syncml:metinf\">{kind}\
         </Type></Meta><Data>{data}</Data></Item></Alert>"
    )
}

/// Somebody is signed in.
pub(crate) fn login(cmd_id: u32, who: &str) -> String {
    typed_alert(cmd_id, 1224, "com.microsoft/MDM/LoginStatus", "", who)
}

/// Status of our header.
pub(crate) fn heard(message: u32) -> String {
    status(1, message, 0, "SyncHdr", 200)
}

pub(crate) fn status(cmd_id: u32, message: u32, cmd_ref: u32, cmd: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>{cmd_id}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{cmd_ref}</CmdRef><Cmd>{cmd}</Cmd>\
         <Data>{code}</Data></Status>"
    )
}

/// Status of one item.
pub(crate) fn status_of(cmd_id: u32, message: u32, cmd_ref: u32, cmd: &str, node: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>{cmd_id}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{cmd_ref}</CmdRef><Cmd>{cmd}</Cmd>\
         <TargetRef>{node}</TargetRef><Data>{code}</Data></Status>"
    )
}

/// Results with one value.
pub(crate) fn results(cmd_id: u32, message: u32, cmd_ref: u32, node: &str, data: &str) -> String {
    format!(
        "<Results><CmdID>{cmd_id}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{cmd_ref}</CmdRef>\
         <Item><Source><LocURI>{node}</LocURI></Source><Data>{data}</Data></Item></Results>"
    )
}

pub(crate) fn get(node: &str) -> String {
    format!(r#"{{"kind":"get","items":[{{"target":"{node}"}}]}}"#)
}

pub(crate) fn replace(node: &str, data: &str) -> String {
    format!(r#"{{"kind":"replace","items":[{{"target":"{node}","data":"{data}"}}]}}"#)
}

pub(crate) fn exec(node: &str) -> String {
    format!(r#"{{"kind":"exec","items":[{{"target":"{node}"}}]}}"#)
}
