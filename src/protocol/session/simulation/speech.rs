//! How a device puts what it has to say into elements.

use crate::session::MsgId;
use crate::syncml::{
    Address, Alert, AlertCode, Command, Cred, Data, Format, Item, Message, Meta, Request, Results, Status, StatusCode,
    SyncBody, SyncHdr, Verb,
};

pub(super) const DOOR: &str = "https://mdm.example.test/ManagementServer/MDM.svc";

pub(super) fn header(device: &str, session: &str, message: u32) -> SyncHdr {
    SyncHdr {
        ver_dtd: "1.2".to_owned(),
        ver_proto: "DM/1.2".to_owned(),
        session_id: session.to_owned(),
        msg_id: message.to_string(),
        target: Address::uri(DOOR),
        source: Address::uri(device),
        ..SyncHdr::default()
    }
}

pub(super) fn cred(data: String) -> Cred {
    let meta = Meta { format: Some(Format::B64), mime: Some("syncml:auth-md5".to_owned()), ..Meta::default() };
    Cred { meta: Some(meta), data }
}

/// A message; its elements are numbered from `first`.
pub(super) fn message(header: SyncHdr, mut commands: Vec<Command>, first: u32, is_final: bool) -> Message {
    for (command, id) in commands.iter_mut().zip(first..) {
        let cmd_id = match command {
            Command::Request(request) => &mut request.cmd_id,
            Command::Alert(alert) => &mut alert.cmd_id,
            Command::Group(group) => &mut group.cmd_id,
            Command::Status(status) => &mut status.cmd_id,
            Command::Results(results) => &mut results.cmd_id,
            Command::Unreadable(element) => &mut element.cmd_id,
        };
        *cmd_id = id.to_string();
    }
    Message { header, body: SyncBody { commands, is_final }, oddities: Vec::new() }
}

pub(super) fn status(message: u32, cmd_ref: &str, cmd: &str, target: Option<&str>, code: u16) -> Command {
    Command::Status(Status {
        cmd_id: String::new(),
        msg_ref: message.to_string(),
        cmd_ref: cmd_ref.to_owned(),
        cmd: cmd.to_owned(),
        target_refs: target.map(str::to_owned).into_iter().collect(),
        source_refs: Vec::new(),
        cred: None,
        chal: None,
        code: StatusCode(code),
        original_error: (code >= 500).then(|| "0x80004005".to_owned()),
        items: Vec::new(),
    })
}

pub(super) fn results(message: u32, cmd_ref: &str, items: Vec<Item>) -> Command {
    Command::Results(Results {
        cmd_id: String::new(),
        msg_ref: Some(message.to_string()),
        cmd_ref: Some(cmd_ref.to_owned()),
        meta: None,
        target_ref: None,
        source_ref: None,
        items,
    })
}

pub(super) fn value(uri: &str, data: &str, size: Option<usize>, more: bool) -> Item {
    Item {
        source: Some(Address::uri(uri)),
        meta: size.map(|size| Meta { size: Some(size as u64), ..Meta::default() }),
        data: Some(Data::Text(data.to_owned())),
        more_data: more,
        ..Item::default()
    }
}

pub(super) fn alert(code: u16, items: Vec<Item>) -> Command {
    Command::Alert(Alert {
        cmd_id: String::new(),
        no_resp: false,
        code: Some(AlertCode(code)),
        correlator: None,
        items,
    })
}

/// A client event.
pub(super) fn event(kind: &str, source: Option<&str>, data: &str) -> Command {
    let item = Item {
        source: source.map(Address::uri),
        meta: Some(Meta { mime: Some(kind.to_owned()), ..Meta::default() }),
        data: Some(Data::Text(data.to_owned())),
        ..Item::default()
    };
    alert(1224, vec![item])
}

pub(super) fn device_info(device: &str) -> Command {
    let items = vec![value("./DevInfo/DevId", device, None, false), value("./DevInfo/Man", "Contoso", None, false)];
    Command::Request(Request { verb: Verb::Replace, cmd_id: String::new(), no_resp: false, meta: None, items })
}

/// `MsgID` of a message of ours or theirs.
pub(super) fn number(message: &Message) -> u32 {
    MsgId::parse(&message.header.msg_id).expect("a number").number()
}
