//! One enrollment's device, its store, its operator and the wire between them; time is a field.

use std::collections::{BTreeMap, VecDeque};

use super::checks::Ledger;
use super::device::{Device, Next, Post};
use super::operator::Operator;
use super::random::Random;
use crate::session::tests::judge::judge;
use crate::session::tests::store::{Incoming, Outcome, Store};
use crate::session::{
    A1, Account, AuthMode, AuthScheme, CommandId, Credential, Guesses, Nonce, Pending, Rotation, Rules, Secret32,
    Session, Timestamp,
};
use crate::syncml::Message;

/// Steps that are told when a promise is broken; `TRANSOM_SIM_STEPS` says another number.
const TOLD: usize = 50;

/// Everything of one run. It prints its last steps when it is dropped in a panic.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) random: Random,
    pub(super) now: Timestamp,
    pub(super) rules: Rules,
    pub(super) device: Device,
    /// The same computer as its users see it: each has sessions of his own.
    pub(super) users: Vec<Device>,
    pub(super) store: Store,
    pub(super) ledger: Ledger,
    pub(super) tally: super::Tally,
    pub(super) operator: Operator,
    /// Everything that the device ever sent, and when: a wire may bring it again.
    pub(super) sent: Vec<(Timestamp, Post)>,
    /// The reply that each message got, as values.
    replies: BTreeMap<String, Message>,
    told: VecDeque<String>,
    steps_told: usize,
    pub(super) calm: bool,
}

/// What was stored before a message, as far as it may have changed.
struct Before {
    session: Option<Session>,
    reply: Option<String>,
    /// The commands that changed.
    commands: BTreeMap<CommandId, Pending>,
}

impl Before {
    fn of(store: &Store, outcome: &Outcome) -> Self {
        let changed = match outcome {
            Outcome::Decided(decision) => &decision.commands[..],
            _ => &[],
        };
        let commands = changed.iter().map(|pending| (pending.id.clone(), store.commands[&pending.id].clone()));
        Self { session: store.session.clone(), reply: store.reply.clone(), commands: commands.collect() }
    }
}

/// What the device gets for a message.
pub(super) enum Heard {
    Reply(Box<Message>),
    Nothing,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let by_transport = random.percent(50);
        let auth_mode = if random.percent(25) { AuthMode::PerMessage } else { AuthMode::PerSession };
        let rules = Rules {
            auth_mode,
            package_commands: 1 + usize::try_from(random.below(12)).expect("small"),
            ..Rules::default()
        };
        let a1 = A1::new("user", "password");
        let account = Account {
            scheme: AuthScheme::Md5,
            client: Credential { name: "user".to_owned(), a1: a1.clone() },
            server: None,
            next_nonce: Nonce::from_bytes(&random.bytes()),
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
        let mut store = Store::new(account);
        // More than a package holds, so that what is held back hides nothing.
        store.limit = 2 * rules.package_commands + 20;
        let number = usize::try_from(seed % 10).expect("small");
        let mut device = Device::new(number, a1, by_transport, &mut random);
        let users = if random.percent(40) { device.with_users(3, &mut random) } else { Vec::new() };
        store.enrolled_user = users.first().and_then(Device::user);
        Self {
            seed,
            now: Timestamp(1_700_000_000_000),
            rules,
            operator: Operator::new(number, users.iter().filter_map(Device::user).collect()),
            device,
            users,
            store,
            ledger: Ledger::default(),
            tally: super::Tally::new(),
            sent: Vec::new(),
            replies: BTreeMap::new(),
            told: VecDeque::new(),
            steps_told: super::number("TRANSOM_SIM_STEPS")
                .map_or(TOLD, |number| usize::try_from(number).expect("small")),
            calm: false,
            random,
        }
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told.len() >= self.steps_told {
            self.told.pop_front();
        }
        self.told.push_back(what());
    }

    pub(super) fn count(&mut self, what: String) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        match self.random.below(100) {
            0..=64 => self.device_acts(),
            65..=79 => self.operator_orders(),
            80..=82 => self.operator_cancels(),
            83..=91 => self.time_passes(),
            92..=94 => self.maintains(),
            95..=97 => self.wire_brings_something_old(),
            _ => self.somebody_forges(),
        }
    }

    /// Everything works from now on, and what is open comes to its end.
    pub(super) fn drains(&mut self) {
        self.calm = true;
        self.device.reliable = true;
        self.device.signed_in = true;
        let mut rounds = 0;
        while self.store.open().next().is_some() {
            rounds += 1;
            if rounds > 400 {
                let open: Vec<_> = self.store.open().collect();
                panic!("still open: {open:#?}");
            }
            self.now = self.now.plus_millis(45 * 60_000);
            self.maintains();
            self.resolves_for_dependents();
            for place in 0..=self.users.len() {
                self.device.session = None;
                self.device.reliable = true;
                self.device_acts();
                while self.device.session.is_some() {
                    self.device_acts();
                }
                self.another_acts(place);
            }
        }
        self.ledger.compare(&self.store, &self.device.tree);
        for pending in self.store.commands.values() {
            super::checks::tally_end(pending, &mut self.tally);
        }
    }

    /// Whoever acts now is another one of the computer's users, or the computer itself; what it did is one truth.
    fn another_acts(&mut self, place: usize) {
        let Some(other) = self.users.get_mut(place) else { return };
        std::mem::swap(&mut self.device, other);
        std::mem::swap(&mut self.device.tree, &mut other.tree);
    }

    fn device_acts(&mut self) {
        if !self.calm && !self.users.is_empty() && self.random.percent(60) {
            let place = self.random.below(self.users.len() as u64);
            self.another_acts(usize::try_from(place).expect("small"));
        }
        if self.device.session.is_none() {
            self.device.signed_in = self.calm || self.random.percent(50);
            self.device.begins(&mut self.random);
            self.count("sessions".to_owned());
            let who = self.device.user().map_or_else(|| "the device".to_owned(), |user| user.to_string());
            self.count(format!("sessions {}", self.device.kind()));
            self.tell(|| format!("{who} begins a session"));
        }
        let Some(talk) = self.device.session.as_mut() else { return };
        talk.tries += 1;
        let (tries, post) = (talk.tries, talk.post.clone());
        self.sent.push((self.now, post.clone()));
        let heard = if !self.calm && self.random.percent(5) {
            self.tell(|| format!("{} is lost on the way", post.hash));
            Heard::Nothing
        } else {
            self.arrives(&post)
        };
        if !self.calm && self.random.percent(3) {
            self.tell(|| format!("{} arrives twice", post.hash));
            self.arrives(&post);
        }
        match heard {
            Heard::Reply(reply) if self.calm || !self.random.percent(6) => {
                if self.device.hears(&reply, &mut self.random) == Next::Over {
                    self.tell(|| "the device ends the session".to_owned());
                    self.device.session = None;
                }
            }
            _ => self.hears_nothing(tries),
        }
    }

    /// No reply came: the device tries again, goes on, or gives the session up.
    fn hears_nothing(&mut self, tries: u32) {
        self.tell(|| "no reply reaches the device".to_owned());
        match self.random.below(10) {
            0..=6 if tries < 4 => {}
            7 => self.device.skips(),
            _ => self.device.session = None,
        }
    }

    /// A message reaches the server, which may be killed at any moment.
    pub(super) fn arrives(&mut self, post: &Post) -> Heard {
        let nonce = Nonce::from_bytes(&self.random.bytes());
        let incoming = Incoming {
            message: &post.message,
            hash: &post.hash,
            by_transport: self.device.by_transport,
            guesses: Guesses::Few,
            fresh_nonce: &nonce,
            now: self.now,
            rules: &self.rules,
        };
        self.store.turns_to(&incoming);
        let outcome = self.store.exchange(&incoming);
        if !self.calm && self.random.percent(2) {
            self.tell(|| format!("{}: the server dies before it commits", post.hash));
            return Heard::Nothing;
        }
        let before = Before::of(&self.store, &outcome);
        let text = self.store.commit(&outcome);
        let reply = match &outcome {
            Outcome::Repeat(_) => self.replies.get(&post.hash).cloned().expect("the message was answered before"),
            Outcome::Refused(refused) => refused.reply.clone(),
            Outcome::Decided(decision) => decision.reply.clone(),
        };
        let told = super::checks::summary(&post.message, &reply, &outcome);
        self.tell(|| format!("{} {told}", post.hash));
        super::checks::tally_exchange(&reply, &outcome, &mut self.tally);
        self.check(post, &before, &outcome, &reply, &text);
        if matches!(outcome, Outcome::Decided(_)) {
            self.replies.insert(post.hash.clone(), reply.clone());
        }
        if !self.calm && self.random.percent(2) {
            self.tell(|| "the server dies after it committed".to_owned());
            return Heard::Nothing;
        }
        Heard::Reply(Box::new(reply))
    }

    fn check(&mut self, post: &Post, before: &Before, outcome: &Outcome, reply: &Message, text: &str) {
        let last = before.session.as_ref().filter(|session| session.client_hash == post.hash);
        let kept = last.is_some_and(|session| self.now.millis_since(session.last_at) <= self.rules.reply_kept);
        match outcome {
            Outcome::Repeat(_) => {
                assert!(kept, "a reply is repeated to another message");
                assert_eq!(Some(text), before.reply.as_deref(), "not the same bytes");
                assert_eq!(self.store.session, before.session, "a repetition changed something");
            }
            Outcome::Refused(refused) => {
                assert!(!kept, "the last message again was refused: {:?}", refused.kind);
                judge(&post.message, reply, false);
                let flying = |session: &Session| session.in_flight.clone();
                let now = self.store.session.as_ref().map(flying);
                assert_eq!(now, before.session.as_ref().map(flying), "a refused message changed the session");
            }
            Outcome::Decided(decision) => {
                assert!(!kept, "the last message again was heard again");
                judge(&post.message, reply, true);
                if let Some(limit) = self.device.max_msg_size {
                    assert!(text.len() as u64 <= limit, "{} bytes where {limit} are allowed", text.len());
                }
                self.ledger.heard(post);
                self.ledger.follow(&before.commands, &self.store, decision, self.now, &self.rules);
            }
        }
        self.ledger.hold(&self.store);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the last steps of TRANSOM_SIM_SEED={}:", self.seed);
            for step in &self.told {
                eprintln!("  {step}");
            }
        }
    }
}
