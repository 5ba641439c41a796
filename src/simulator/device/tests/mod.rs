//! The device against hand-made server messages.

mod authentication;
mod complaints;
mod execution;
mod groups;
mod large_objects;
mod lifecycle;
mod package_one;
mod recorded;

use transom_protocol::syncml::{
    Address, Alert, AlertCode, Chal, Command, Data, Format, Group, GroupKind, Item, Message, Meta, Request, Results,
    Status, StatusCode, SyncBody, SyncHdr, Verb,
};

use super::*;

const URL: &str = "https://mdm.example.test/ManagementServer/Mdm.svc";
const DEVICE: &str = "B5B954E81FBCB94EB79BD08BE625F4EE";

fn device() -> Device {
    device_that(Behaviour::default())
}

fn device_that(behaviour: Behaviour) -> Device {
    let identity = DeviceIdentity::new(DEVICE, "dm-client-01", "Secr3t-Password!");
    Device::new(identity, format!("{URL}?mode=Maintenance&Platform=WoA"), behaviour, 1)
}

/// A server that keeps the book, made by hand: it answers what came and adds what the test wants.
struct Server {
    messages: u32,
    /// `MaxMsgSize` and `MaxObjSize`.
    sizes: Option<(u64, u64)>,
}

impl Server {
    fn new() -> Self {
        Self { messages: 0, sizes: None }
    }

    /// An answer: header's Status, one Status for each command, then `commands`, numbered on.
    fn answer(&mut self, to: &Message, commands: Vec<Command>) -> Message {
        self.answer_with(to, StatusCode::OK, None, commands)
    }

    fn answer_with(&mut self, to: &Message, code: StatusCode, chal: Option<Chal>, commands: Vec<Command>) -> Message {
        let mut body = vec![status(to, "0", "SyncHdr", code)];
        if let Command::Status(header) = &mut body[0] {
            header.chal = chal;
        }
        for command in &to.body.commands {
            match command {
                Command::Status(_) => {}
                Command::Results(results) if !results.items.iter().any(|item| item.more_data) => {}
                Command::Results(results) => body.push(status(to, &results.cmd_id, "Results", StatusCode::BUFFERED)),
                other => body.push(status(to, other.cmd_id(), other.name(), StatusCode::OK)),
            }
        }
        body.extend(commands);
        self.message(to, body)
    }

    /// A challenge as the book has it: 407 or 401, nothing else.
    fn challenge(&mut self, to: &Message, code: u16, nonce: &str) -> Message {
        let mut header = status(to, "0", "SyncHdr", StatusCode(code));
        if let Command::Status(header) = &mut header {
            header.chal = Some(chal(nonce));
        }
        self.message(to, vec![header])
    }

    /// A message with exactly these commands; they are numbered from 1, children of groups too.
    fn message(&mut self, to: &Message, mut commands: Vec<Command>) -> Message {
        self.messages += 1;
        renumber(&mut commands, &mut 0);
        let meta = self.sizes.map(|(message, object)| Meta {
            max_msg_size: Some(message),
            max_obj_size: Some(object),
            ..Meta::default()
        });
        let header = SyncHdr {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: to.header.session_id.clone(),
            msg_id: self.messages.to_string(),
            target: Address::uri(to.header.source.loc_uri.clone()),
            source: Address::uri(to.header.target.loc_uri.clone()),
            meta,
            ..SyncHdr::default()
        };
        Message { header, body: SyncBody { commands, is_final: true }, oddities: Vec::new() }
    }
}

fn renumber(commands: &mut [Command], last: &mut u32) {
    for command in commands {
        *last += 1;
        let number = last.to_string();
        match command {
            Command::Request(request) => request.cmd_id = number,
            Command::Alert(alert) => alert.cmd_id = number,
            Command::Status(status) => status.cmd_id = number,
            Command::Results(results) => results.cmd_id = number,
            Command::Unreadable(element) => element.cmd_id = number,
            Command::Group(group) => {
                group.cmd_id = number;
                renumber(&mut group.commands, last);
            }
        }
    }
}

fn status(to: &Message, cmd_ref: &str, cmd: &str, code: StatusCode) -> Command {
    Command::Status(compose::status_of(to.header.msg_id.clone(), cmd_ref, cmd, code))
}

fn chal(nonce: &str) -> Chal {
    let meta = Meta {
        format: Some(Format::B64),
        mime: Some("syncml:auth-md5".to_owned()),
        next_nonce: Some(nonce.to_owned()),
        ..Meta::default()
    };
    Chal { meta }
}

fn request(verb: Verb, items: Vec<Item>) -> Command {
    Command::Request(Request { verb, cmd_id: String::new(), no_resp: false, meta: None, items })
}

fn get(uris: &[&str]) -> Command {
    request(Verb::Get, uris.iter().map(|uri| Item::target(*uri)).collect())
}

fn item(uri: &str, format: Format, data: &str) -> Item {
    let meta = Meta { format: Some(format), ..Meta::default() };
    Item { meta: Some(meta), data: Some(Data::from(data)), ..Item::target(uri) }
}

fn set(verb: Verb, uri: &str, format: Format, data: &str) -> Command {
    request(verb, vec![item(uri, format, data)])
}

fn group(kind: GroupKind, commands: Vec<Command>) -> Command {
    Command::Group(Group { kind, cmd_id: String::new(), no_resp: false, meta: None, commands })
}

/// The message that a device must have sent.
#[track_caller]
fn sent(next: Next) -> Message {
    match next {
        Next::Send(message) => message,
        other => panic!("the device sends nothing: {other:?}"),
    }
}

/// Brings a session to the point where the server may give orders, and gives them.
fn order(device: &mut Device, server: &mut Server, commands: Vec<Command>) -> Next {
    let first = device.start_session(Trigger::Schedule);
    let orders = server.answer(&first, commands);
    device.receive(&orders)
}

/// Every Status of a message: what it answers, of which item, and the code.
fn statuses_of(message: &Message) -> Vec<(&str, &str, Option<&str>, u16)> {
    message
        .body
        .commands
        .iter()
        .filter_map(|command| if let Command::Status(status) = command { Some(status) } else { None })
        .map(|status| {
            let target = status.target_refs.first().map(String::as_str);
            (status.cmd_ref.as_str(), status.cmd.as_str(), target, status.code.0)
        })
        .collect()
}

fn results_of(message: &Message) -> Vec<&Results> {
    message
        .body
        .commands
        .iter()
        .filter_map(|command| if let Command::Results(results) = command { Some(results) } else { None })
        .collect()
}

fn alerts_of(message: &Message) -> Vec<&Alert> {
    message
        .body
        .commands
        .iter()
        .filter_map(|command| if let Command::Alert(alert) = command { Some(alert) } else { None })
        .collect()
}

fn alert_codes(message: &Message) -> Vec<AlertCode> {
    alerts_of(message).iter().filter_map(|alert| alert.code).collect()
}

#[track_caller]
fn assert_content(device: &Device) {
    assert_eq!(device.complaints(), [], "the server of this test keeps the book");
}
