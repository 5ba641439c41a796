//! From a [`Message`] to WBXML 1.2, children in the order of the DTD (OMA `SyncML` `RepPro` DTD 1.2).

use super::content::Binary;
use super::tables::SYNCML_12;
use super::tag::Tag;
use super::token;
use crate::syncml::{
    Address, Alert, Chal, Command, Cred, Data, Format, Group, GroupKind, Item, Message, Meta, Request, Results, Status,
    SyncBody, SyncHdr, Verb,
};

/// Data from this many bytes on goes out as `OPAQUE`, which a reader can skip without looking at it.
const LONG: usize = 128;

const VERSION_12: u8 = 0x02;
const UTF_8: u32 = 106;

/// Encodes a whole message.
pub(super) fn message(message: &Message) -> Vec<u8> {
    let mut writer = Writer { bytes: vec![VERSION_12], page: 0 };
    writer.number(SYNCML_12);
    writer.number(UTF_8);
    // The string table is empty.
    writer.number(0);
    writer.element(Tag::SYNC_ML, |writer| {
        header(writer, &message.header);
        body(writer, &message.body);
    });
    writer.bytes
}

fn header(writer: &mut Writer, header: &SyncHdr) {
    writer.element(Tag::SYNC_HDR, |writer| {
        writer.text(Tag::VER_DTD, &header.ver_dtd);
        writer.text(Tag::VER_PROTO, &header.ver_proto);
        writer.text(Tag::SESSION_ID, &header.session_id);
        writer.text(Tag::MSG_ID, &header.msg_id);
        address(writer, Tag::TARGET, &header.target);
        address(writer, Tag::SOURCE, &header.source);
        writer.optional(Tag::RESP_URI, header.resp_uri.as_deref());
        writer.flag(Tag::NO_RESP, header.no_resp);
        cred(writer, header.cred.as_ref());
        meta(writer, header.meta.as_ref());
    });
}

fn body(writer: &mut Writer, body: &SyncBody) {
    writer.element(Tag::SYNC_BODY, |writer| {
        for command in &body.commands {
            self::command(writer, command, Binary::No);
        }
        writer.flag(Tag::FINAL, body.is_final);
    });
}

/// `inherited` is what the format of the commands around this one says.
fn command(writer: &mut Writer, command: &Command, inherited: Binary) {
    match command {
        Command::Request(request) => self::request(writer, request, inherited),
        Command::Alert(alert) => self::alert(writer, alert),
        Command::Group(group) => self::group(writer, group, inherited),
        Command::Status(status) => self::status(writer, status),
        Command::Results(results) => self::results(writer, results),
        // Kept so that it can be answered; there is nothing to write.
        Command::Unreadable(_) => {}
    }
}

fn request(writer: &mut Writer, request: &Request, inherited: Binary) {
    let tag = match request.verb {
        Verb::Add => Tag::ADD,
        Verb::Replace => Tag::REPLACE,
        Verb::Delete => Tag::DELETE,
        Verb::Get => Tag::GET,
        Verb::Exec => Tag::EXEC,
        Verb::Copy => Tag::COPY,
    };
    writer.element(tag, |writer| {
        writer.text(Tag::CMD_ID, &request.cmd_id);
        writer.flag(Tag::NO_RESP, request.no_resp);
        meta(writer, request.meta.as_ref());
        items(writer, &request.items, binary(request.meta.as_ref(), inherited));
    });
}

fn group(writer: &mut Writer, group: &Group, inherited: Binary) {
    let tag = match group.kind {
        GroupKind::Atomic => Tag::ATOMIC,
        GroupKind::Sequence => Tag::SEQUENCE,
    };
    writer.element(tag, |writer| {
        writer.text(Tag::CMD_ID, &group.cmd_id);
        writer.flag(Tag::NO_RESP, group.no_resp);
        meta(writer, group.meta.as_ref());
        for command in &group.commands {
            self::command(writer, command, binary(group.meta.as_ref(), inherited));
        }
    });
}

fn alert(writer: &mut Writer, alert: &Alert) {
    writer.element(Tag::ALERT, |writer| {
        writer.text(Tag::CMD_ID, &alert.cmd_id);
        writer.flag(Tag::NO_RESP, alert.no_resp);
        writer.optional(Tag::DATA, alert.code.map(|code| code.to_string()).as_deref());
        writer.optional(Tag::CORRELATOR, alert.correlator.as_deref());
        items(writer, &alert.items, Binary::No);
    });
}

fn status(writer: &mut Writer, status: &Status) {
    writer.element(Tag::STATUS, |writer| {
        writer.text(Tag::CMD_ID, &status.cmd_id);
        writer.text(Tag::MSG_REF, &status.msg_ref);
        writer.text(Tag::CMD_REF, &status.cmd_ref);
        writer.text(Tag::CMD, &status.cmd);
        for uri in &status.target_refs {
            writer.optional(Tag::TARGET_REF, Some(uri));
        }
        for uri in &status.source_refs {
            writer.optional(Tag::SOURCE_REF, Some(uri));
        }
        cred(writer, status.cred.as_ref());
        chal(writer, status.chal.as_ref());
        writer.text(Tag::DATA, &status.code.to_string());
        items(writer, &status.items, Binary::No);
    });
}

fn results(writer: &mut Writer, results: &Results) {
    writer.element(Tag::RESULTS, |writer| {
        writer.text(Tag::CMD_ID, &results.cmd_id);
        writer.optional(Tag::MSG_REF, results.msg_ref.as_deref());
        writer.optional(Tag::CMD_REF, results.cmd_ref.as_deref());
        meta(writer, results.meta.as_ref());
        writer.optional(Tag::TARGET_REF, results.target_ref.as_deref());
        writer.optional(Tag::SOURCE_REF, results.source_ref.as_deref());
        items(writer, &results.items, binary(results.meta.as_ref(), Binary::No));
    });
}

fn items(writer: &mut Writer, items: &[Item], inherited: Binary) {
    for item in items {
        writer.element(Tag::ITEM, |writer| {
            if let Some(target) = &item.target {
                address(writer, Tag::TARGET, target);
            }
            if let Some(source) = &item.source {
                address(writer, Tag::SOURCE, source);
            }
            meta(writer, item.meta.as_ref());
            if let Some(data) = &item.data {
                writer.data(data, binary(item.meta.as_ref(), inherited));
            }
            writer.flag(Tag::MORE_DATA, item.more_data);
        });
    }
}

fn address(writer: &mut Writer, tag: Tag, address: &Address) {
    writer.element(tag, |writer| {
        writer.text(Tag::LOC_URI, &address.loc_uri);
        writer.optional(Tag::LOC_NAME, address.loc_name.as_deref());
    });
}

fn cred(writer: &mut Writer, cred: Option<&Cred>) {
    if let Some(cred) = cred {
        writer.element(Tag::CRED, |writer| {
            meta(writer, cred.meta.as_ref());
            writer.text(Tag::DATA, &cred.data);
        });
    }
}

fn chal(writer: &mut Writer, chal: Option<&Chal>) {
    if let Some(chal) = chal {
        writer.element(Tag::CHAL, |writer| meta(writer, Some(&chal.meta)));
    }
}

fn meta(writer: &mut Writer, meta: Option<&Meta>) {
    if let Some(meta) = meta.filter(|meta| **meta != Meta::default()) {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        writer.element(Tag::META, |writer| {
            writer.optional(Tag::FORMAT, meta.format.as_ref().map(Format::as_str));
            writer.optional(Tag::TYPE, meta.mime.as_deref());
            writer.optional(Tag::MARK, meta.mark.as_deref());
            writer.optional(Tag::SIZE, number(meta.size).as_deref());
            writer.optional(Tag::NEXT_NONCE, meta.next_nonce.as_deref());
            writer.optional(Tag::MAX_MSG_SIZE, number(meta.max_msg_size).as_deref());
            writer.optional(Tag::MAX_OBJ_SIZE, number(meta.max_obj_size).as_deref());
        });
    }
}

/// What the format that holds for a value says: its own, else that of what is around it (MS-MDM 2.2.5.3).
fn binary(meta: Option<&Meta>, inherited: Binary) -> Binary {
    meta.and_then(|meta| meta.format.as_ref()).map_or(inherited, Binary::of)
}

struct Writer {
    bytes: Vec<u8>,
    page: u8,
}

impl Writer {
    /// An element with whatever `content` writes into it; a bare tag when that is nothing.
    fn element(&mut self, tag: Tag, content: impl FnOnce(&mut Self)) {
        if tag.page != self.page {
            self.bytes.extend([token::SWITCH_PAGE, tag.page]);
            self.page = tag.page;
        }
        let at = self.bytes.len();
        self.bytes.push(tag.token);
        content(self);
        if self.bytes.len() > at + 1 {
            if let Some(byte) = self.bytes.get_mut(at) {
                *byte |= token::HAS_CONTENT;
            }
            self.bytes.push(token::END);
        }
    }

    fn text(&mut self, tag: Tag, text: &str) {
        self.element(tag, |writer| writer.string(text));
    }

    /// Left out when it is absent or empty, as in the XML form.
    fn optional(&mut self, tag: Tag, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.text(tag, text);
        }
    }

    fn flag(&mut self, tag: Tag, is_set: bool) {
        if is_set {
            self.element(tag, |_| ());
        }
    }

    /// `Data` of an item. Base64 text stays a string, or a reader would take it for the raw bytes.
    fn data(&mut self, data: &Data, binary: Binary) {
        let text = data.as_str();
        let is_opaque = binary == Binary::No
            && (matches!(data, Data::Markup(_)) || text.len() >= LONG || text.contains(['<', '&']));
        self.element(Tag::DATA, |writer| if is_opaque { writer.opaque(text) } else { writer.string(text) });
    }

    /// A string, or opaque data when it holds what would end a string.
    fn string(&mut self, text: &str) {
        if text.contains('\0') {
            self.opaque(text);
        } else if !text.is_empty() {
            self.bytes.push(token::STR_I);
            self.bytes.extend(text.as_bytes());
            self.bytes.push(0);
        }
    }

    fn opaque(&mut self, text: &str) {
        // Four GiB and more have no length that could be written; no message comes near.
        let Ok(length) = u32::try_from(text.len()) else { return };
        if length > 0 {
            self.bytes.push(token::OPAQUE);
            self.number(length);
            self.bytes.extend(text.as_bytes());
        }
    }

    /// An `mb_u_int32`.
    fn number(&mut self, value: u32) {
        for shift in [28, 21, 14, 7, 0] {
            let rest = value >> shift;
            if rest != 0 || shift == 0 {
                let more = if shift == 0 { 0 } else { 0x80 };
                self.bytes.extend(u8::try_from(rest & 0x7F).map(|bits| bits | more));
            }
        }
    }
}
