//! The session core and the simulated device talk to each other in memory, and the judge reads every reply.
//!
//! No socket, no database, no clock: the server is the core with its values in variables, time is a number. The wire
//! loses replies and repeats messages, devices abort, begin anew and come with wrong credentials. Each conversation
//! follows from its seed alone, which a failure names.

mod server;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use transom::protocol::session::LoginStatus;
use transom::protocol::syncml::Message;
use transom::protocol::syncml::codec::{Encoding, decode, encode};
use transom::protocol::xml::Limits;
use transom::simulator::device::{Behaviour, Device, Next, SessionIds, Trigger};
use transom::simulator::identity::{DeviceIdentity, ServerIdentity};
use transom::simulator::notice::Notice;

use crate::support::judge::{Judge, Reply, Request, assert_clean, wbxml};
use server::{Server, URL};

/// Conversations in a run of the tests.
const SEEDS: u64 = 200;
/// Sessions in a conversation.
const SESSIONS: u32 = 5;

/// What a device is asked, in random order. `{n}` is a number, `{long}` a long text.
const INSTRUCTIONS: &[&str] = &[
    r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"}]}"#,
    r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"},{"target":"./Vendor/MSFT/Nope"},{"target":"./DevInfo/Man"}]}"#,
    r#"{"kind":"get","items":[{"target":"./DevDetail/Ext/DeviceHardwareData"}]}"#,
    r#"{"kind":"replace","items":[{"target":"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera","format":"int","data":"{n}"}]}"#,
    r#"{"kind":"add","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera","format":"int","data":"{n}"}],"if_exists":"replace"}"#,
    r#"{"kind":"add","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera","format":"int","data":"1"}]}"#,
    r#"{"kind":"delete","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera"}]}"#,
    r#"{"kind":"replace","items":[{"target":"./User/Vendor/MSFT/Policy/Config/Education/DefaultPrinterName","data":"<printer & more>\r\n\"{n}\""}]}"#,
    r#"{"kind":"replace","items":[{"target":"./Vendor/MSFT/Policy/Config/Browser/HomePages","data":"{long}"}]}"#,
    r#"{"kind":"atomic","commands":[{"kind":"replace","items":[{"target":"./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength","format":"int","data":"{n}"}]},{"kind":"delete","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera"}]}]}"#,
    r#"{"kind":"atomic","commands":[{"kind":"replace","items":[{"target":"./Vendor/MSFT/Policy/Config/Camera/AllowCamera","format":"int","data":"1"}]},{"kind":"delete","items":[{"target":"./Vendor/MSFT/Nope"}]}]}"#,
    r#"{"kind":"sequence","commands":[{"kind":"get","items":[{"target":"./DevInfo/DmV"}]},{"kind":"exec","items":[{"target":"./Vendor/MSFT/Nope/Run","data":"{n}"}]}]}"#,
    r#"{"kind":"exec","items":[{"target":"./Device/Vendor/MSFT/Reboot/RebootNow"}]}"#,
    r#"{"kind":"exec","items":[{"target":"./Vendor/MSFT/RemoteRing/Ring"}]}"#,
];

/// What a long text is made of.
const LONG: &str = "a long text, ";

/// One device and its server.
struct Conversation {
    seed: u64,
    random: SmallRng,
    encoding: Encoding,
    server: Server,
    device: Device,
    judge: Judge,
}

impl Conversation {
    fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut identity = DeviceIdentity::new("3A5C9D0000000000000000000000B5F4", "dm-client", "Secr3t-Password!");
        let mutual = random.random_bool(0.2);
        if mutual {
            identity.server = Some(ServerIdentity::new("dm-server", "An0ther-Password!"));
        }
        let login = [LoginStatus::User, LoginStatus::User, LoginStatus::Others, LoginStatus::None];
        let ids = [SessionIds::Decimal, SessionIds::DecimalFromZero, SessionIds::Hex];
        let behaviour = Behaviour {
            login: login[random.random_range(0..login.len())],
            session_ids: ids[random.random_range(0..ids.len())],
            remembers_nonce: random.random_bool(0.3),
            authenticates_server: mutual,
            max_msg_size: random.random_bool(0.4).then(|| random.random_range(1_500..20_000)),
            max_obj_size: random.random_bool(0.2).then(|| random.random_range(2_000..20_000)),
            large_objects: random.random_bool(0.5),
            split_answers: random.random_bool(0.2).then(|| random.random_range(1..4)),
            keep_alive: random.random_bool(0.2),
            repeats_results: random.random_bool(0.2),
            ..Behaviour::default()
        };
        let mut server = Server::new(seed);
        if random.random_bool(0.2) {
            server.demand_a_credential_for_each_message();
        }
        if random.random_bool(0.2) {
            server.send_little(random.random_range(1_500..6_000), random.random_range(1..6));
        }
        let device = Device::new(identity, format!("{URL}?mode=Maintenance&Platform=WoA"), behaviour, seed);
        Self { seed, random, encoding: Encoding::Xml, server, device, judge: Judge::new() }
    }

    /// Talks for some sessions.
    fn run(mut self) {
        for _ in 0..SESSIONS {
            for _ in 0..self.random.random_range(0..12) {
                self.ask();
            }
            if self.random.random_bool(0.1) {
                self.device.notify(Notice::event("com.example:status", "a < b"));
            }
            if self.random.random_bool(0.05) {
                self.device.unenroll();
            }
            if !self.device.is_enrolled() {
                break;
            }
            self.session();
            self.server.pass(8 * 60 * 60 * 1000);
        }
        let complaints = self.device.complaints();
        assert!(complaints.is_empty(), "seed {}: the device complains: {complaints:#?}", self.seed);
    }

    /// Puts a command into the queue.
    fn ask(&mut self) {
        let text = INSTRUCTIONS[self.random.random_range(0..INSTRUCTIONS.len())];
        let number = self.random.random_range(0..100).to_string();
        let long = LONG.repeat(self.random.random_range(1..1_500));
        self.server.enqueue(&text.replace("{n}", &number).replace("{long}", &long));
    }

    fn session(&mut self) {
        let mut next = Next::Send(self.device.start_session(Trigger::Schedule));
        let mut messages = 0;
        while let Next::Send(message) = next {
            messages += 1;
            assert!(messages < 400, "seed {}: the session does not end", self.seed);
            let (bytes, reply) = self.deliver(&message);
            self.server.pass(700);
            if self.random.random_bool(0.02) {
                return self.leave();
            }
            self.device.weigh(bytes);
            next = self.device.receive(&reply);
        }
    }

    /// Brings a message over a bad wire: what the device hears in the end.
    fn deliver(&mut self, message: &Message) -> (usize, Message) {
        let body = encode(self.encoding, message);
        let mut reply = self.exchange(&body);
        while self.random.random_bool(0.1) {
            // The reply was lost, or the message came twice.
            reply = self.exchange(&body);
        }
        let read = decode(self.encoding, &reply, &Limits::default());
        let read = read.unwrap_or_else(|error| panic!("seed {}: the reply can't be read: {error}", self.seed));
        (reply.len(), read.message)
    }

    /// One exchange, judged.
    fn exchange(&mut self, body: &[u8]) -> Vec<u8> {
        let reply = self.server.receive(self.encoding, body);
        let content_type = self.encoding.content_type();
        let violations = self.judge.exchange(&Request { content_type, body }, &Reply { content_type, body: &reply });
        let found: Vec<String> = violations.iter().map(ToString::to_string).collect();
        let (theirs, ours) = (shown(body), shown(&reply));
        assert!(found.is_empty(), "seed {}: {}\nrequest: {theirs}\nreply: {ours}", self.seed, found.join("\n"));
        reply
    }

    /// The device ends the session in the middle: with an abort, or without a word.
    fn leave(&mut self) {
        let abort = self.random.random_bool(0.5).then(|| self.device.abort()).flatten();
        if let Some(message) = abort {
            let body = encode(self.encoding, &message);
            self.exchange(&body);
        } else {
            self.device.die();
        }
    }
}

/// A body for the message of a failure, its filler cut.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).replace(&LONG.repeat(8), "…")
}

#[test]
fn whatever_devices_and_the_wire_do_the_judge_finds_nothing() {
    let only = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        Conversation::new(seed).run();
    }
}

#[test]
fn binary_conversations_are_no_different() {
    if !wbxml::is_installed() {
        return;
    }
    for seed in 0..6 {
        let mut conversation = Conversation::new(seed);
        conversation.encoding = Encoding::Wbxml;
        conversation.run();
    }
}

#[test]
fn a_session_without_faults_leaves_nothing_undone() {
    for seed in 0..20 {
        let mut conversation = Conversation::new(seed);
        conversation.device.behave(Behaviour::default());
        conversation.ask();
        let mut next = Next::Send(conversation.device.start_session(Trigger::Login));
        while let Next::Send(message) = next {
            let reply = conversation.exchange(&encode(Encoding::Xml, &message));
            next = conversation.device.receive(&decode(Encoding::Xml, &reply, &Limits::default()).unwrap().message);
        }
        assert_clean(&conversation.judge.session_end());
    }
}

#[test]
fn a_wrong_password_gets_two_challenges_and_nothing_else() {
    let mut conversation = Conversation::new(1);
    conversation.server.enqueue(INSTRUCTIONS[0]);
    let stranger = DeviceIdentity::new("3A5C9D0000000000000000000000B5F4", "dm-client", "guessed");
    conversation.device = Device::new(stranger, URL, Behaviour::default(), 1);
    for _ in 0..3 {
        conversation.session();
    }
    assert!(conversation.server.untouched());
}
