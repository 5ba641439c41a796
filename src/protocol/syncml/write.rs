//! From a [`Message`] to XML text (MS-MDM 2.2, OMA SyncML DTD).
//!
//! Clients are stricter than the specification, so there is one form only: no declaration, no space between elements,
//! children in the order of the DTD, `syncml:metinf` declared on each child of Meta, no CDATA, absent or empty optional
//! parts left out. Line breaks occur only where data holds them. Text is escaped so that a reader gets back what stood
//! in the message; characters that XML can't express become U+FFFD.
//!
//! Nothing here checks the order of commands or their numbers: that is the session's.

use super::{
    Address, Alert, Chal, Command, Cred, Group, Item, Message, Meta, Request, Results, Status, SyncBody, SyncHdr,
};
use crate::xml::{Count, Sink, Writer};

/// The namespace of Microsoft's extensions (MS-MDM 2.2.4.3).
const MSFT: &str = "http://schemas.microsoft.com/MobileDevice/MDM";

/// Writes a message. Oddities and [`Command::Unreadable`] are not part of it.
///
/// ```
/// use transom_protocol::{syncml::{read::read, write::write}, xml::Limits};
///
/// let text = "<SyncML> <SyncBody><Final></Final></SyncBody> <SyncHdr><VerDTD> 1.2 </VerDTD></SyncHdr> </SyncML>";
/// let written = write(&read(text, &Limits::default())?);
/// assert!(written.starts_with("<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>"));
/// assert!(written.ends_with("<SyncBody><Final/></SyncBody></SyncML>"));
/// # Ok::<(), transom_protocol::xml::Refusal>(())
/// ```
pub fn write(message: &Message) -> String {
    let mut writer = Writer::new(String::with_capacity(2048));
    writer.open_with("SyncML", &[("xmlns", "SYNCML:SYNCML1.2")]);
    header(&mut writer, &message.header);
    body(&mut writer, &message.body);
    writer.close("SyncML");
    writer.into_sink()
}

/// Commands alone, in a body.
pub fn commands(commands: &[Command]) -> String {
    let mut writer = Writer::new(String::with_capacity(1024));
    writer.open("SyncBody");
    for command in commands {
        write_command(&mut writer, command);
    }
    writer.close("SyncBody");
    writer.into_sink()
}

/// Bytes that a command adds to [`write()`]'s output, wherever it stands: a command declares what it needs itself.
pub fn command_len(command: &Command) -> usize {
    let mut writer = Writer::new(Count::default());
    write_command(&mut writer, command);
    writer.into_sink().0
}

fn header<S: Sink>(writer: &mut Writer<S>, header: &SyncHdr) {
    writer.open("SyncHdr");
    writer.leaf("VerDTD", &header.ver_dtd);
    writer.leaf("VerProto", &header.ver_proto);
    writer.leaf("SessionID", &header.session_id);
    writer.leaf("MsgID", &header.msg_id);
    address(writer, "Target", &header.target);
    address(writer, "Source", &header.source);
    optional(writer, "RespURI", header.resp_uri.as_deref());
    flag(writer, "NoResp", header.no_resp);
    cred(writer, header.cred.as_ref());
    meta(writer, header.meta.as_ref());
    writer.close("SyncHdr");
}

fn body<S: Sink>(writer: &mut Writer<S>, body: &SyncBody) {
    writer.open("SyncBody");
    for command in &body.commands {
        write_command(writer, command);
    }
    flag(writer, "Final", body.is_final);
    writer.close("SyncBody");
}

fn write_command<S: Sink>(writer: &mut Writer<S>, command: &Command) {
    match command {
        Command::Request(request) => write_request(writer, request),
        Command::Alert(alert) => write_alert(writer, alert),
        Command::Group(group) => write_group(writer, group),
        Command::Status(status) => write_status(writer, status),
        Command::Results(results) => write_results(writer, results),
        Command::Unreadable(_) => {}
    }
}

fn write_request<S: Sink>(writer: &mut Writer<S>, request: &Request) {
    let name = request.verb.as_str();
    writer.open(name);
    writer.leaf("CmdID", &request.cmd_id);
    flag(writer, "NoResp", request.no_resp);
    meta(writer, request.meta.as_ref());
    items(writer, &request.items);
    writer.close(name);
}

fn write_alert<S: Sink>(writer: &mut Writer<S>, alert: &Alert) {
    writer.open("Alert");
    writer.leaf("CmdID", &alert.cmd_id);
    flag(writer, "NoResp", alert.no_resp);
    number(writer, "Data", alert.code.map(|code| u64::from(code.0)));
    optional(writer, "Correlator", alert.correlator.as_deref());
    items(writer, &alert.items);
    writer.close("Alert");
}

fn write_group<S: Sink>(writer: &mut Writer<S>, group: &Group) {
    let name = group.kind.as_str();
    writer.open(name);
    writer.leaf("CmdID", &group.cmd_id);
    flag(writer, "NoResp", group.no_resp);
    meta(writer, group.meta.as_ref());
    for command in &group.commands {
        write_command(writer, command);
    }
    writer.close(name);
}

fn write_status<S: Sink>(writer: &mut Writer<S>, status: &Status) {
    writer.open("Status");
    writer.leaf("CmdID", &status.cmd_id);
    writer.leaf("MsgRef", &status.msg_ref);
    writer.leaf("CmdRef", &status.cmd_ref);
    writer.leaf("Cmd", &status.cmd);
    for target_ref in &status.target_refs {
        optional(writer, "TargetRef", Some(target_ref));
    }
    for source_ref in &status.source_refs {
        optional(writer, "SourceRef", Some(source_ref));
    }
    cred(writer, status.cred.as_ref());
    if let Some(Chal { meta }) = &status.chal {
        writer.open("Chal");
        writer.open("Meta");
        meta_children(writer, meta);
        writer.close("Meta");
        writer.close("Chal");
    }
    match status.original_error.as_deref().filter(|error| !error.is_empty()) {
        Some(error) => writer.open_with("Data", &[("xmlns:msft", MSFT), ("msft:originalerror", error)]),
        None => writer.open("Data"),
    }
    writer.text(&status.code.to_string());
    writer.close("Data");
    items(writer, &status.items);
    writer.close("Status");
}

fn write_results<S: Sink>(writer: &mut Writer<S>, results: &Results) {
    writer.open("Results");
    writer.leaf("CmdID", &results.cmd_id);
    optional(writer, "MsgRef", results.msg_ref.as_deref());
    optional(writer, "CmdRef", results.cmd_ref.as_deref());
    meta(writer, results.meta.as_ref());
    optional(writer, "TargetRef", results.target_ref.as_deref());
    optional(writer, "SourceRef", results.source_ref.as_deref());
    items(writer, &results.items);
    writer.close("Results");
}

fn items<S: Sink>(writer: &mut Writer<S>, items: &[Item]) {
    for item in items {
        writer.open("Item");
        if let Some(target) = &item.target {
            address(writer, "Target", target);
        }
        if let Some(source) = &item.source {
            address(writer, "Source", source);
        }
        meta(writer, item.meta.as_ref());
        if let Some(data) = &item.data {
            writer.leaf("Data", data.as_str());
        }
        flag(writer, "MoreData", item.more_data);
        writer.close("Item");
    }
}

fn address<S: Sink>(writer: &mut Writer<S>, name: &'static str, address: &Address) {
    writer.open(name);
    writer.leaf("LocURI", &address.loc_uri);
    optional(writer, "LocName", address.loc_name.as_deref());
    writer.close(name);
}

fn cred<S: Sink>(writer: &mut Writer<S>, cred: Option<&Cred>) {
    if let Some(cred) = cred {
        writer.open("Cred");
        meta(writer, cred.meta.as_ref());
        writer.leaf("Data", &cred.data);
        writer.close("Cred");
    }
}

fn meta<S: Sink>(writer: &mut Writer<S>, meta: Option<&Meta>) {
    if let Some(meta) = meta.filter(|meta| **meta != Meta::default()) {
        writer.open("Meta");
        meta_children(writer, meta);
        writer.close("Meta");
    }
}

fn meta_children<S: Sink>(writer: &mut Writer<S>, meta: &Meta) {
    let mut child = |name: &'static str, text: &str| {
        if !text.is_empty() {
            writer.open_with(name, &[("xmlns", "syncml:metinf")]);
            writer.text(text);
            writer.close(name);
        }
    };
    child("Format", meta.format.as_ref().map_or("", |format| format.as_str()));
    child("Type", meta.mime.as_deref().unwrap_or_default());
    child("Mark", meta.mark.as_deref().unwrap_or_default());
    child("Size", &meta.size.map(|size| size.to_string()).unwrap_or_default());
    child("NextNonce", meta.next_nonce.as_deref().unwrap_or_default());
    child("MaxMsgSize", &meta.max_msg_size.map(|size| size.to_string()).unwrap_or_default());
    child("MaxObjSize", &meta.max_obj_size.map(|size| size.to_string()).unwrap_or_default());
}

fn optional<S: Sink>(writer: &mut Writer<S>, name: &'static str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        writer.leaf(name, text);
    }
}

fn number<S: Sink>(writer: &mut Writer<S>, name: &'static str, number: Option<u64>) {
    if let Some(number) = number {
        writer.leaf(name, &number.to_string());
    }
}

fn flag<S: Sink>(writer: &mut Writer<S>, name: &'static str, stands: bool) {
    if stands {
        writer.empty(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncml::{AlertCode, Data, Format, GroupKind, StatusCode, Unreadable, Verb};

    fn written(command: Command) -> String {
        let body = SyncBody { commands: vec![command], is_final: false };
        let text = write(&Message { header: SyncHdr::default(), body, oddities: Vec::new() });
        let (_, body) = text.split_once("<SyncBody>").unwrap();
        body.strip_suffix("</SyncBody></SyncML>").unwrap().to_owned()
    }

    fn whole_meta() -> Meta {
        Meta {
            format: Some(Format::B64),
            mime: Some("t".to_owned()),
            mark: Some("m".to_owned()),
            size: Some(1),
            next_nonce: Some("n".to_owned()),
            max_msg_size: Some(2),
            max_obj_size: Some(3),
        }
    }

    fn whole_item() -> Item {
        Item {
            target: Some(Address { loc_uri: "./t".to_owned(), loc_name: Some("n".to_owned()) }),
            source: Some(Address::uri("./s")),
            meta: Some(Meta { format: Some(Format::Int), ..Meta::default() }),
            data: Some(Data::Markup("<b c=\"1\"/>".to_owned())),
            more_data: true,
        }
    }

    const ITEM: &str = "<Item><Target><LocURI>./t</LocURI><LocName>n</LocName></Target>\
                        <Source><LocURI>./s</LocURI></Source><Meta><Format xmlns=\"syncml:metinf\">int</Format></Meta>\
                        <Data>&lt;b c=&quot;1&quot;/&gt;</Data><MoreData/></Item>";

    #[test]
    fn header_has_the_order_of_the_dtd() {
        let header = SyncHdr {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: "1".to_owned(),
            msg_id: "2".to_owned(),
            target: Address::uri("device"),
            source: Address { loc_uri: "https://mdm/?a&b".to_owned(), loc_name: Some("srv".to_owned()) },
            resp_uri: Some("https://r".to_owned()),
            no_resp: true,
            cred: Some(Cred { meta: None, data: "AA==".to_owned() }),
            meta: Some(whole_meta()),
        };
        let body = SyncBody { commands: Vec::new(), is_final: true };
        assert_eq!(
            write(&Message { header, body, oddities: Vec::new() }),
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>1</SessionID><MsgID>2</MsgID><Target><LocURI>device</LocURI></Target>\
             <Source><LocURI>https://mdm/?a&amp;b</LocURI><LocName>srv</LocName></Source><RespURI>https://r</RespURI>\
             <NoResp/><Cred><Data>AA==</Data></Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format>\
             <Type xmlns=\"syncml:metinf\">t</Type><Mark xmlns=\"syncml:metinf\">m</Mark>\
             <Size xmlns=\"syncml:metinf\">1</Size><NextNonce xmlns=\"syncml:metinf\">n</NextNonce>\
             <MaxMsgSize xmlns=\"syncml:metinf\">2</MaxMsgSize><MaxObjSize xmlns=\"syncml:metinf\">3</MaxObjSize>\
             </Meta></SyncHdr><SyncBody><Final/></SyncBody></SyncML>"
        );
    }

    #[test]
    fn status_has_the_order_of_the_dtd() {
        let status = Status {
            cmd_id: "1".to_owned(),
            msg_ref: "2".to_owned(),
            cmd_ref: "0".to_owned(),
            cmd: "SyncHdr".to_owned(),
            target_refs: vec!["./a".to_owned(), "./b".to_owned()],
            source_refs: vec!["./c".to_owned()],
            cred: Some(Cred { meta: None, data: String::new() }),
            chal: Some(Chal { meta: Meta { next_nonce: Some("n".to_owned()), ..Meta::default() } }),
            code: StatusCode::NOT_FOUND,
            original_error: Some("0x86000002".to_owned()),
            items: vec![whole_item()],
        };
        assert_eq!(
            written(Command::Status(status)),
            format!(
                "<Status><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>\
                 <TargetRef>./a</TargetRef><TargetRef>./b</TargetRef><SourceRef>./c</SourceRef><Cred><Data/></Cred>\
                 <Chal><Meta><NextNonce xmlns=\"syncml:metinf\">n</NextNonce></Meta></Chal>\
                 <Data xmlns:msft=\"http://schemas.microsoft.com/MobileDevice/MDM\" \
                 msft:originalerror=\"0x86000002\">404</Data>{ITEM}</Status>"
            )
        );
    }

    #[test]
    fn alert_results_and_requests_have_the_order_of_the_dtd() {
        let mime = Some(Meta { mime: Some("t".to_owned()), ..Meta::default() });
        let alert = Alert {
            cmd_id: "1".to_owned(),
            no_resp: true,
            code: Some(AlertCode::GENERIC),
            correlator: Some("c".to_owned()),
            items: vec![whole_item()],
        };
        assert_eq!(
            written(Command::Alert(alert)),
            format!("<Alert><CmdID>1</CmdID><NoResp/><Data>1226</Data><Correlator>c</Correlator>{ITEM}</Alert>")
        );
        let results = Results {
            cmd_id: "1".to_owned(),
            msg_ref: Some("2".to_owned()),
            cmd_ref: Some("3".to_owned()),
            meta: mime.clone(),
            target_ref: Some("./a".to_owned()),
            source_ref: Some("./b".to_owned()),
            items: vec![whole_item()],
        };
        assert_eq!(
            written(Command::Results(results)),
            format!(
                "<Results><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>3</CmdRef>\
                 <Meta><Type xmlns=\"syncml:metinf\">t</Type></Meta><TargetRef>./a</TargetRef>\
                 <SourceRef>./b</SourceRef>{ITEM}</Results>"
            )
        );
        let exec = Request {
            verb: Verb::Exec,
            cmd_id: "2".to_owned(),
            no_resp: true,
            meta: mime.clone(),
            items: vec![whole_item()],
        };
        let atomic = Group {
            kind: GroupKind::Atomic,
            cmd_id: "1".to_owned(),
            no_resp: true,
            meta: mime,
            commands: vec![Command::Request(exec)],
        };
        let meta = "<Meta><Type xmlns=\"syncml:metinf\">t</Type></Meta>";
        assert_eq!(
            written(Command::Group(atomic)),
            format!(
                "<Atomic><CmdID>1</CmdID><NoResp/>{meta}<Exec><CmdID>2</CmdID><NoResp/>{meta}{ITEM}</Exec></Atomic>"
            )
        );
    }

    #[test]
    fn empty_optional_parts_are_left_out_and_required_ones_are_not() {
        let results = Results {
            cmd_id: String::new(),
            msg_ref: Some(String::new()),
            cmd_ref: None,
            meta: Some(Meta::default()),
            target_ref: None,
            source_ref: Some(String::new()),
            items: vec![Item { data: Some(Data::from("")), target: Some(Address::default()), ..Item::default() }],
        };
        assert_eq!(
            written(Command::Results(results)),
            "<Results><CmdID/><Item><Target><LocURI/></Target><Data/></Item></Results>"
        );
        let challenge = Status {
            cmd_id: String::new(),
            msg_ref: String::new(),
            cmd_ref: String::new(),
            cmd: String::new(),
            target_refs: vec![String::new()],
            source_refs: Vec::new(),
            cred: None,
            chal: Some(Chal { meta: Meta::default() }),
            code: StatusCode(7),
            original_error: Some(String::new()),
            items: Vec::new(),
        };
        assert_eq!(
            written(Command::Status(challenge)),
            "<Status><CmdID/><MsgRef/><CmdRef/><Cmd/><Chal><Meta></Meta></Chal><Data>7</Data></Status>"
        );
    }

    #[test]
    fn unreadable_is_not_written() {
        let unreadable =
            Command::Unreadable(Unreadable { name: "Put".to_owned(), cmd_id: "1".to_owned(), why: String::new() });
        assert_eq!(command_len(&unreadable), 0);
        assert_eq!(written(unreadable), "");
    }
}
