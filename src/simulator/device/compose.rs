//! Messages of the device: header, package 1, numbering.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use transom_protocol::session::{AuthScheme, LoginStatus, Nonce};
use transom_protocol::syncml::{
    Address, Alert, AlertCode, Chal, Command, Cred, Data, Format, Item, Message, Meta, Request, Status, StatusCode,
    SyncBody, SyncHdr, Verb,
};

use super::session::{Awaited, Session};
use super::{Device, Trigger};
use crate::simulator::notice::Notice;

/// `CmdID` of the first command of package 1; Windows leaves 1 to the Status of the header, even when there is none.
const FIRST_CMD_ID: u32 = 2;

/// Nodes of the Replace in package 1, in order.
const DEV_INFO: [&str; 5] = ["./DevInfo/DevId", "./DevInfo/Man", "./DevInfo/Mod", "./DevInfo/DmV", "./DevInfo/Lang"];

impl Device {
    /// The body of package 1: trigger, who is signed in, waiting notices, `DevInfo`.
    pub(super) fn package_one(&self, trigger: Trigger) -> Vec<Command> {
        let login = match self.behaviour.login {
            LoginStatus::User => Some("user"),
            LoginStatus::Others => Some("others"),
            LoginStatus::None => Some("none"),
            LoginStatus::Unsaid => None,
        };
        let mut commands = vec![alert(match trigger {
            Trigger::Push => AlertCode::SERVER_INITIATED,
            Trigger::Schedule | Trigger::Login => AlertCode::CLIENT_INITIATED,
        })];
        commands.extend(login.map(|word| Command::Alert(Notice::login_status(word).alert())));
        commands.extend(self.introductions().map(|notice| Command::Alert(notice.alert())));
        commands.extend(self.notices.iter().map(|notice| Command::Alert(notice.alert())));
        commands.push(self.dev_info());
        number(commands)
    }

    /// What its sessions are for, and whose they are.
    fn introductions(&self) -> impl Iterator<Item = Notice> {
        let kind = self.behaviour.sync_type.map(|kind| Notice::event("com.microsoft.mdm.synctype", kind.as_str()));
        let token = self.behaviour.user_token.as_deref();
        let signed = token.map(|token| Notice::event("com.microsoft/MDM/AADUserToken", token));
        let user = signed.or_else(|| self.behaviour.user.as_deref().map(Notice::user_token));
        let prep = self.behaviour.device_prep.as_deref();
        let prep = prep.map(|word| Notice::event("com.microsoft/MDM/DevicePrepSync", word));
        [kind, user, prep].into_iter().flatten()
    }

    /// The next message of a session. The body is numbered already.
    pub(super) fn message(
        &mut self,
        session: &mut Session,
        head: Option<Status>,
        body: Vec<Command>,
        is_final: bool,
    ) -> Message {
        session.sent_message = session.sent_message.saturating_add(1);
        session.awaited = body.iter().filter_map(|command| awaited(session.sent_message, command)).collect();
        session.was_final = is_final;
        session.body.clone_from(&body);
        let commands = head.map(Command::Status).into_iter().chain(body).collect();
        Message { header: self.header(session), body: SyncBody { commands, is_final }, oddities: Vec::new() }
    }

    fn header(&self, session: &Session) -> SyncHdr {
        let cred = session.sends_cred.then(|| self.cred());
        let sizes = Meta {
            max_msg_size: self.behaviour.max_msg_size,
            max_obj_size: self.behaviour.max_obj_size,
            ..Meta::default()
        };
        SyncHdr {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: session.id.clone(),
            msg_id: session.sent_message.to_string(),
            target: Address::uri(self.address()),
            source: Address {
                loc_uri: self.identity.device_id.clone(),
                loc_name: cred.is_some().then(|| self.identity.name.clone()),
            },
            resp_uri: None,
            no_resp: false,
            cred,
            meta: (sizes != Meta::default()).then_some(sizes),
        }
    }

    /// The server's address without its query.
    pub(super) fn address(&self) -> &str {
        self.server_url.split('?').next().unwrap_or_default()
    }

    fn cred(&self) -> Cred {
        let data = match self.identity.scheme {
            AuthScheme::Md5 => {
                let nonce = self.nonce.clone().unwrap_or_else(|| Nonce::from_bytes(&[]));
                self.identity.a1().digest(&nonce)
            }
            AuthScheme::Basic => BASE64.encode(self.identity.plain()),
        };
        let meta =
            Meta { format: Some(Format::B64), mime: Some(self.identity.scheme.as_str().to_owned()), ..Meta::default() };
        Cred { meta: Some(meta), data }
    }

    fn dev_info(&self) -> Command {
        let item = |uri: &str| Item {
            source: Some(Address::uri(uri)),
            data: Some(Data::from(self.tree.value(uri).unwrap_or_default())),
            ..Item::default()
        };
        Command::Request(Request {
            verb: Verb::Replace,
            cmd_id: String::new(),
            no_resp: false,
            meta: None,
            items: DEV_INFO.iter().map(|uri| item(uri)).collect(),
        })
    }
}

/// The Status of the header of the server's last message; always `CmdID` 1.
pub(super) fn header_status(session: &Session, code: StatusCode, chal: Option<Chal>) -> Status {
    let mut status = status_of(session.server_message.to_string(), "0", "SyncHdr", code);
    "1".clone_into(&mut status.cmd_id);
    status.chal = chal;
    status
}

/// A Status without `CmdID`.
pub(super) fn status_of(msg_ref: String, cmd_ref: &str, cmd: &str, code: StatusCode) -> Status {
    Status {
        cmd_id: String::new(),
        msg_ref,
        cmd_ref: cmd_ref.to_owned(),
        cmd: cmd.to_owned(),
        target_refs: Vec::new(),
        source_refs: Vec::new(),
        cred: None,
        chal: None,
        code,
        original_error: None,
        items: Vec::new(),
    }
}

/// An alert without items and `CmdID`.
pub(super) fn alert(code: AlertCode) -> Command {
    Command::Alert(Alert {
        cmd_id: String::new(),
        no_resp: false,
        code: Some(code),
        correlator: None,
        items: Vec::new(),
    })
}

/// Numbers the commands of an answer; 1 is the Status of the header.
pub(super) fn number(mut commands: Vec<Command>) -> Vec<Command> {
    for (command, number) in commands.iter_mut().zip(FIRST_CMD_ID..) {
        set_cmd_id(command, number);
    }
    commands
}

fn set_cmd_id(command: &mut Command, number: u32) {
    let cmd_id = match command {
        Command::Request(request) => &mut request.cmd_id,
        Command::Alert(alert) => &mut alert.cmd_id,
        Command::Group(group) => &mut group.cmd_id,
        Command::Status(status) => &mut status.cmd_id,
        Command::Results(results) => &mut results.cmd_id,
        Command::Unreadable(element) => &mut element.cmd_id,
    };
    *cmd_id = number.to_string();
}

/// What the server has to answer, or may: a Status never, Results only while they go on.
fn awaited(message: u32, command: &Command) -> Option<Awaited> {
    let is_optional = match command {
        Command::Status(_) => return None,
        Command::Results(results) => !results.items.iter().any(|item| item.more_data),
        _ => false,
    };
    let (cmd_id, name) = (command.cmd_id().to_owned(), command.name().to_owned());
    Some(Awaited { message, cmd_id, name, is_optional })
}
