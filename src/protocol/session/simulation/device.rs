//! A device as Windows behaves: package 1 without credentials, one Status for each item, Results before or after,
//! repeated or late, large values in pieces; and it answers honestly for what its tree did.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};

use super::operator::command_of;
use super::random::Random;
use super::speech;
use super::tree::{Tree, items_of};
use crate::session::{A1, CommandId, Nonce, Principal};
use crate::syncml::{Command, Item, Message, Status};

/// A message on its way, and what it says, command by command.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) message: Message,
    pub(super) hash: String,
    /// Commands that it answers, wholly or in part.
    pub(super) answers: BTreeSet<CommandId>,
}

/// Whose sessions a device has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The computer's and its user's in one.
    All,
    /// The computer's, beside those of its users.
    Machine,
    /// Of one of several users.
    User(u32),
}

impl Whose {
    const fn number(self) -> u32 {
        match self {
            Self::All | Self::Machine => 0,
            Self::User(number) => number,
        }
    }
}

/// What comes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is something more to say.
    Speak,
    /// The session is over.
    Over,
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: String,
    /// Whose sessions these are; unsaid, for everything.
    pub(super) whose: Whose,
    pub(super) a1: A1,
    pub(super) by_transport: bool,
    pub(super) max_msg_size: Option<u64>,
    /// Values longer than this are sent in pieces.
    pub(super) piece: Option<usize>,
    pub(super) signed_in: bool,
    pub(super) tree: Tree,
    pub(super) session: Option<Talk>,
    /// Does no harm to anybody: no faults of its own any more.
    pub(super) reliable: bool,
    nonce: Option<Nonce>,
    sessions: u32,
    posts: u64,
}

/// A session as the device knows it.
#[derive(Debug)]
pub(super) struct Talk {
    session: String,
    message: u32,
    pub(super) post: Post,
    /// How often the last post was sent.
    pub(super) tries: u32,
    challenged: u32,
    last_reply: u32,
    /// What is still to be said, in later messages.
    pub(super) later: Vec<Command>,
    /// A value that goes out in pieces: `MsgRef`, `CmdRef`, node, what is left.
    pub(super) upload: Option<(u32, String, String, String)>,
    pub(super) download: Option<(String, String)>,
    pub(super) interrupted: bool,
    repeated: Option<Command>,
    package_one: bool,
}

impl Device {
    pub(super) fn new(number: usize, a1: A1, by_transport: bool, random: &mut Random) -> Self {
        Self {
            id: format!("device-{number}"),
            whose: Whose::All,
            a1,
            by_transport,
            max_msg_size: random.percent(30).then(|| 1_500 + random.below(4_000)),
            piece: random.percent(30).then_some(700),
            signed_in: false,
            tree: Tree::default(),
            session: None,
            reliable: false,
            nonce: None,
            sessions: 0,
            posts: 0,
        }
    }

    /// Makes it a computer that several work on at once, and gives the part of each.
    pub(super) fn with_users(&mut self, count: u32, random: &mut Random) -> Vec<Self> {
        self.whose = Whose::Machine;
        let of_device = self.id.rsplit('-').next().and_then(|text| text.parse().ok()).expect("a number");
        let user = |number: u32| {
            let mut user = Self::new(of_device, self.a1.clone(), self.by_transport, random);
            user.whose = Whose::User(number);
            user.max_msg_size = self.max_msg_size;
            // One counter for the whole computer, as Windows has it.
            user.sessions = number * 10_000;
            user
        };
        (1..=count).map(user).collect()
    }

    /// Who it is, when it is a user.
    pub(super) fn user(&self) -> Option<Principal> {
        match self.whose {
            Whose::User(number) => Principal::parse(&format!("user{number}@contoso.test")),
            Whose::All | Whose::Machine => None,
        }
    }

    /// What the sessions are for.
    pub(super) const fn kind(&self) -> &'static str {
        match self.whose {
            Whose::All => "mixed",
            Whose::Machine => "device",
            Whose::User(_) => "user",
        }
    }

    /// What a session says of itself beside who is signed in.
    fn introduces(&self) -> Vec<Command> {
        let kind = "com.microsoft.mdm.synctype";
        match self.user() {
            Some(name) => {
                let claims = BASE64URL.encode(format!("{{\"upn\":\"{name}\"}}"));
                let token = speech::event("com.microsoft/MDM/AADUserToken", None, &format!("e30.{claims}.c2ln"));
                vec![speech::event(kind, None, "user"), token]
            }
            None if self.whose == Whose::Machine => vec![speech::event(kind, None, "device")],
            None => Vec::new(),
        }
    }

    /// Begins a session; what was not said in the one before is forgotten.
    pub(super) fn begins(&mut self, random: &mut Random) {
        let again = !self.reliable && self.sessions > 0 && random.percent(8);
        if !again {
            self.sessions += 1;
        }
        let who = if self.signed_in { "user" } else { *random.pick(&["none", "others"]) };
        let mut commands = vec![speech::alert(if random.percent(50) { 1200 } else { 1201 }, Vec::new())];
        commands.push(speech::event("com.microsoft/MDM/LoginStatus", None, who));
        commands.extend(self.introduces());
        commands.push(speech::device_info(&self.id));
        let own = self.whose.number();
        for (_, job) in self.tree.jobs.iter().filter(|(whose, _)| *whose == own) {
            let kind = "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install";
            commands.push(speech::event(kind, Some(job), "0"));
        }
        let cred = (!self.by_transport && random.percent(30)).then(|| self.nonce.clone()).flatten();
        let session = self.sessions.to_string();
        let post = self.post(&session, 1, commands, 2, true, cred.as_ref());
        self.session = Some(Talk {
            session,
            message: 1,
            post,
            tries: 0,
            challenged: 0,
            last_reply: 0,
            later: Vec::new(),
            upload: None,
            download: None,
            interrupted: false,
            repeated: None,
            package_one: true,
        });
    }

    fn post(
        &mut self,
        session: &str,
        message: u32,
        commands: Vec<Command>,
        first: u32,
        is_final: bool,
        nonce: Option<&Nonce>,
    ) -> Post {
        self.posts += 1;
        let mut header = speech::header(&self.id, session, message);
        if let Some(nonce) = nonce {
            header.source.loc_name = Some("user".to_owned());
            header.cred = Some(speech::cred(self.a1.digest(nonce)));
        }
        header.meta =
            self.max_msg_size.map(|size| crate::syncml::Meta { max_msg_size: Some(size), ..Default::default() });
        let mut answers = BTreeSet::new();
        for command in &commands {
            let named: Vec<&str> = match command {
                Command::Status(status) => status.target_refs.iter().map(String::as_str).collect(),
                Command::Alert(alert) => alert.items.iter().filter_map(Item::source_uri).collect(),
                _ => continue,
            };
            answers.extend(named.into_iter().filter_map(command_of));
        }
        let message = speech::message(header, commands, first, is_final);
        Post { message, hash: self.hash(), answers }
    }

    /// The same content under the next number, as after a message that was given up.
    pub(super) fn skips(&mut self) {
        if let Some(talk) = self.session.as_mut() {
            self.posts += 1;
            talk.message += 1;
            talk.tries = 0;
            talk.post.message.header.msg_id = talk.message.to_string();
            talk.post.hash = format!("{}-{}-{}", self.id, self.whose.number(), self.posts);
        }
    }

    fn hash(&self) -> String {
        format!("{}-{}-{}", self.id, self.whose.number(), self.posts)
    }

    /// Hears a reply.
    pub(super) fn hears(&mut self, reply: &Message, random: &mut Random) -> Next {
        let Some(mut talk) = self.session.take() else { return Next::Over };
        self.tree.whose = self.whose.number();
        let number = speech::number(reply);
        // A message that was not heard because another session began meanwhile gets a number of its own.
        let unheard = reply.body.commands.len() == 1;
        assert!(number > talk.last_reply || unheard, "our MsgID {number} came after {}", talk.last_reply);
        talk.last_reply = number;
        let Some(Command::Status(first)) = reply.body.commands.first() else { panic!("no Status of the header") };
        let nonce = first.chal.as_ref().and_then(|chal| chal.meta.next_nonce.as_deref()).and_then(Nonce::from_base64);
        let nonce = nonce.inspect(|nonce| self.nonce = Some(nonce.clone()));
        match first.code.0 {
            200 | 212 => {}
            401 | 407 => return self.is_challenged(talk, nonce.as_ref(), number, first),
            _ => return Next::Over,
        }
        // What was reported was heard.
        if talk.package_one && reply.body.commands.len() > 1 {
            let told = &talk.post.answers;
            self.tree.jobs.retain(|(_, job)| !command_of(job).is_some_and(|id| told.contains(&id)));
        }
        talk.package_one = false;
        let needs_cred = first.code.0 == 200 && nonce.is_some();
        let cred = nonce.filter(|_| needs_cred);
        self.goes_on(talk, reply, number, cred.as_ref(), random)
    }

    fn is_challenged(&mut self, mut talk: Talk, nonce: Option<&Nonce>, number: u32, first: &Status) -> Next {
        talk.challenged += 1;
        let Some(nonce) = nonce.filter(|_| talk.challenged <= 2) else { return Next::Over };
        talk.message += 1;
        let mut commands = talk.post.message.body.commands.clone();
        if !matches!(commands.first(), Some(Command::Status(status)) if status.cmd_ref == "0") {
            commands.insert(0, speech::status(number, "0", "SyncHdr", None, 200));
        }
        let is_final = talk.post.message.body.is_final;
        assert!(matches!(first.code.0, 401 | 407));
        talk.post = self.post(&talk.session.clone(), talk.message, commands, 1, is_final, Some(nonce));
        talk.tries = 0;
        self.session = Some(talk);
        Next::Speak
    }

    fn goes_on(
        &mut self,
        mut talk: Talk,
        reply: &Message,
        number: u32,
        cred: Option<&Nonce>,
        random: &mut Random,
    ) -> Next {
        let items = items_of(&reply.body.commands);
        let bad =
            |manner: &str| items.iter().any(|(_, item)| item.target_uri().is_some_and(|uri| uri.ends_with(manner)));
        let had_upload = talk.upload.is_some();
        let head = |code| speech::status(number, "0", "SyncHdr", None, code);
        let mut commands = vec![head(200)];
        if bad("/refuse") {
            commands = vec![head(400)];
        } else if bad("/poison") {
            // It may have done all of it before it fell silent.
            if random.percent(50) {
                self.does(reply, number, random, &mut talk);
            }
            return Next::Over;
        } else {
            if let Some(repeated) = talk.repeated.take() {
                commands.push(repeated);
            }
            commands.append(&mut talk.later);
            commands.extend(self.next_piece(&mut talk, reply, random));
            commands.extend(self.does(reply, number, random, &mut talk));
        }
        let sends_pieces = had_upload || talk.upload.is_some();
        let asked = reply
            .body
            .commands
            .iter()
            .any(|command| matches!(command, Command::Alert(a) if a.code.is_some_and(|code| code.0 == 1222)));
        if commands.len() == 1 && items.is_empty() && !asked && talk.upload.is_none() {
            return Next::Over;
        }
        if !self.reliable && random.percent(2) {
            commands.truncate(1 + usize::try_from(random.below(3)).expect("small"));
            commands.push(speech::alert(1223, Vec::new()));
            talk.upload = None;
            talk.later.clear();
        }
        let mut is_final = !sends_pieces || random.percent(50);
        if std::mem::take(&mut talk.interrupted) {
            // The rest of a value did not come.
            commands.push(speech::alert(1225, Vec::new()));
        }
        if items.iter().any(|(_, item)| item.more_data) {
            commands.push(speech::alert(1222, Vec::new()));
            is_final = random.percent(50);
        } else if !self.reliable && random.percent(4) && commands.len() > 1 && !sends_pieces {
            // It needs longer than the line stays open.
            talk.later = commands.split_off(1);
            commands.push(speech::event("Reversed-Domain-Name:com.microsoft.mdm.requestpending", None, "1"));
        } else if !self.reliable && random.percent(4) && commands.len() > 2 && !sends_pieces {
            talk.later = commands.split_off(2);
            is_final = false;
        }
        if !self.reliable && !sends_pieces && random.percent(5) {
            talk.repeated = commands.iter().find(|command| matches!(command, Command::Results(_))).cloned();
        }
        talk.message += 1;
        talk.tries = 0;
        talk.post = self.post(&talk.session.clone(), talk.message, commands, 1, is_final, cred);
        self.session = Some(talk);
        let ends = items.iter().any(|(_, item)| item.target_uri().is_some_and(|uri| uri.contains("/RemoteWipe/")));
        if ends && random.percent(50) {
            // The device is gone before it can answer.
            self.session = None;
            return Next::Over;
        }
        Next::Speak
    }
}
