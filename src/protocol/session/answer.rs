//! Building blocks of a reply: header, Status of the header, challenge (MS-MDM 2.2.6.1, OMA DM Security 5).

use super::{Account, AuthScheme, MsgId, Nonce};
use crate::syncml::{
    Address, Alert, AlertCode, Chal, Command, Cred, Format, Item, Message, Meta, Status, StatusCode, SyncBody, SyncHdr,
};

/// `CmdID`s of one of our messages: 1, 2, 3, …
#[derive(Debug, Default)]
pub(super) struct CmdIds(u32);

impl CmdIds {
    pub(super) fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }

    /// How many were given out.
    pub(super) const fn used(&self) -> u32 {
        self.0
    }

    /// Takes back what was given out after `used`.
    pub(super) const fn rewind(&mut self, used: u32) {
        self.0 = used;
    }
}

/// The header of an answer to `wire`.
pub(super) fn header(wire: &SyncHdr, message: MsgId) -> SyncHdr {
    SyncHdr {
        ver_dtd: "1.2".to_owned(),
        ver_proto: "DM/1.2".to_owned(),
        session_id: wire.session_id.clone(),
        msg_id: message.to_string(),
        target: Address::uri(wire.source.loc_uri.clone()),
        source: Address::uri(wire.target.loc_uri.clone()),
        ..SyncHdr::default()
    }
}

/// A message that holds nothing but the Status of the header.
pub(super) fn header_only(wire: &SyncHdr, message: MsgId, code: StatusCode, chal: Option<Chal>) -> Message {
    let status = header_status(&mut CmdIds::default(), &wire.msg_id, code, chal);
    Message {
        header: header(wire, message),
        body: SyncBody { commands: vec![Command::Status(status)], is_final: true },
        oddities: Vec::new(),
    }
}

/// The Status that comes first in every message.
pub(super) fn header_status(ids: &mut CmdIds, msg_ref: &str, code: StatusCode, chal: Option<Chal>) -> Status {
    Status { chal, ..status(ids, msg_ref, "0", "SyncHdr", code) }
}

/// A Status without references to items.
pub(super) fn status(ids: &mut CmdIds, msg_ref: &str, cmd_ref: &str, cmd: &str, code: StatusCode) -> Status {
    Status {
        cmd_id: ids.next().to_string(),
        msg_ref: msg_ref.to_owned(),
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

/// An alert of ours.
pub(super) fn alert(ids: &mut CmdIds, code: AlertCode, items: Vec<Item>) -> Command {
    Command::Alert(Alert { cmd_id: ids.next().to_string(), no_resp: false, code: Some(code), correlator: None, items })
}

/// A challenge for the scheme of the account. Basic has no nonce.
pub(super) fn challenge(account: &Account, nonce: &Nonce) -> Chal {
    let next_nonce = (account.scheme == AuthScheme::Md5).then(|| nonce.to_base64());
    Chal {
        meta: Meta {
            format: Some(Format::B64),
            mime: Some(account.scheme.as_str().to_owned()),
            next_nonce,
            ..Meta::default()
        },
    }
}

/// Our own credential, when the device asked for it and we have one (OMA DM Security 5.2). A device that asks once more
/// in the same session may have taken what was offered.
pub(super) fn server_cred(account: &Account, asked: u32) -> Option<(String, Cred)> {
    let offered = account.rotation.offered.iter().rev().find_map(|offered| offered.server.as_ref());
    let server = offered.filter(|_| asked > 1).or(account.server.as_ref())?;
    let nonce = account.server_nonce.clone().unwrap_or_else(|| Nonce::from_bytes(&[]));
    let meta = Meta { format: Some(Format::B64), mime: Some(AuthScheme::Md5.as_str().to_owned()), ..Meta::default() };
    Some((server.name.clone(), Cred { meta: Some(meta), data: server.a1.digest(&nonce) }))
}
