//! Messages as libwbxml 0.11 writes them, byte for byte both ways.

use super::{encode, to_xml};
use crate::syncml::{
    Address, Alert, AlertCode, Chal, Command, Cred, Format, Item, Message, Meta, Request, Status, StatusCode, SyncBody,
    SyncHdr, Verb,
};
use crate::xml::Limits;

/// Package 1 with Alert 1201 and a Get whose item has a Meta.
const ALERT_AND_GET: &str = "02a4016a006d6c7103312e3200017203444d2f312e32000165033100015b033100016e570368747470733a2f2f6d2e657861\
     6d706c652f730001016757034431000101016b464b033200014f0331323031000101534b03330001546e57032e2f44657644\
     657461696c2f5377560001015a0001470363687200015303746578742f706c61696e00010101010000120101";

/// A challenge.
const CHALLENGE: &str = "02a4016a006d6c7103312e3200017203444d2f312e32000165033100015b033100016e570344310001016757036874747073\
     3a2f2f6d2e6578616d706c652f73000101016b694b033100015c033100014c033000014a0353796e634864720001495a0001\
     47036236340001530373796e636d6c3a617574682d6d64350001500341414543417751464267634943516f4c4441304f4477\
     3d3d0001010100004f03343037000101120101";

/// A message with credentials and a client event.
const CREDENTIALS: &str = "02a4016a006d6c7103312e3200017203444d2f312e32000165033100015b033200016e570368747470733a2f2f6d2e657861\
     6d706c652f7300010167570344310001560375310001014e5a000147036236340001530373796e636d6c3a617574682d6d64\
     3500010100004f033430643933366f78676771774b3774624b79724679673d3d000101016b464b033200014f033132323400\
     01545a00015303636f6d2e6d6963726f736f66742f4d444d2f4c6f67696e53746174757300010100004f0375736572000101\
     01120101";

/// The head of [`opaque_data`].
const OPAQUE_HEAD: &str = "03a4016a006d6c7103312e3200017203444d2f312e32000165033100015b033100016e57036100010167570362000101016b\
     604b03320001546e57032e2f780001015a0001470363687200010000014fc38148";

/// A Replace whose Data is 200 times `A` as OPAQUE; libwbxml reads it, the version byte is 1.3.
fn opaque_data() -> Vec<u8> {
    let mut bytes = bytes(OPAQUE_HEAD);
    bytes.extend([b'A'; 200]);
    bytes.extend([0x01, 0x01, 0x01, 0x12, 0x01, 0x01]);
    bytes
}

fn bytes(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn header(msg_id: &str, target: &str, source: &str) -> SyncHdr {
    SyncHdr {
        ver_dtd: "1.2".to_owned(),
        ver_proto: "DM/1.2".to_owned(),
        session_id: "1".to_owned(),
        msg_id: msg_id.to_owned(),
        target: Address::uri(target),
        source: Address::uri(source),
        ..SyncHdr::default()
    }
}

fn message(header: SyncHdr, command: impl IntoIterator<Item = Command>) -> Message {
    let commands = command.into_iter().collect();
    Message { header, body: SyncBody { commands, is_final: true }, oddities: Vec::new() }
}

fn alert(code: AlertCode, items: Vec<Item>) -> Command {
    Command::Alert(Alert { cmd_id: "2".to_owned(), no_resp: false, code: Some(code), correlator: None, items })
}

fn request(verb: Verb, cmd_id: &str, item: Item) -> Command {
    Command::Request(Request { verb, cmd_id: cmd_id.to_owned(), no_resp: false, meta: None, items: vec![item] })
}

fn meta(format: Option<Format>, mime: Option<&str>) -> Meta {
    Meta { format, mime: mime.map(str::to_owned), ..Meta::default() }
}

fn xml(bytes: &[u8]) -> String {
    to_xml(bytes, &Limits::default()).unwrap()
}

#[test]
fn alert_and_get_with_meta() {
    let meta = meta(Some(Format::Chr), Some("text/plain"));
    let get = Item { meta: Some(meta), ..Item::target("./DevDetail/SwV") };
    let message = message(
        header("1", "https://m.example/s", "D1"),
        [alert(AlertCode::CLIENT_INITIATED, Vec::new()), request(Verb::Get, "3", get)],
    );
    assert_eq!(encode(&message), bytes(ALERT_AND_GET));
    assert_eq!(
        xml(&bytes(ALERT_AND_GET)),
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>https://m.example/s</LocURI></Target>\
         <Source><LocURI>D1</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert>\
         <Get><CmdID>3</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target><Meta>\
         <Format xmlns=\"syncml:metinf\">chr</Format><Type xmlns=\"syncml:metinf\">text/plain</Type></Meta></Item>\
         </Get><Final/></SyncBody></SyncML>"
    );
}

#[test]
fn challenge() {
    let chal = Meta {
        next_nonce: Some("AAECAwQFBgcICQoLDA0ODw==".to_owned()),
        ..meta(Some(Format::B64), Some("syncml:auth-md5"))
    };
    let status = Status {
        cmd_id: "1".to_owned(),
        msg_ref: "1".to_owned(),
        cmd_ref: "0".to_owned(),
        cmd: "SyncHdr".to_owned(),
        target_refs: Vec::new(),
        source_refs: Vec::new(),
        cred: None,
        chal: Some(Chal { meta: chal }),
        code: StatusCode::MISSING_CREDENTIALS,
        original_error: None,
        items: Vec::new(),
    };
    let message = message(header("1", "D1", "https://m.example/s"), [Command::Status(status)]);
    assert_eq!(encode(&message), bytes(CHALLENGE));
    assert_eq!(
        xml(&bytes(CHALLENGE)),
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>D1</LocURI></Target>\
         <Source><LocURI>https://m.example/s</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID>\
         <MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta><Format xmlns=\"syncml:metinf\">b64</Format>\
         <Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>\
         <NextNonce xmlns=\"syncml:metinf\">AAECAwQFBgcICQoLDA0ODw==</NextNonce></Meta></Chal><Data>407</Data></Status>\
         <Final/></SyncBody></SyncML>"
    );
}

#[test]
fn credentials_and_client_event() {
    let mut header = header("2", "https://m.example/s", "D1");
    header.source.loc_name = Some("u1".to_owned());
    header.cred = Some(Cred {
        meta: Some(meta(Some(Format::B64), Some("syncml:auth-md5"))),
        data: "40d936oxggqwK7tbKyrFyg==".to_owned(),
    });
    let login = Item {
        meta: Some(meta(None, Some("com.microsoft/MDM/LoginStatus"))),
        data: Some("user".into()),
        ..Item::default()
    };
    let message = message(header, [alert(AlertCode::CLIENT_EVENT, vec![login])]);
    assert_eq!(encode(&message), bytes(CREDENTIALS));
    assert_eq!(
        xml(&bytes(CREDENTIALS)),
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>1</SessionID><MsgID>2</MsgID><Target><LocURI>https://m.example/s</LocURI></Target>\
         <Source><LocURI>D1</LocURI><LocName>u1</LocName></Source><Cred><Meta>\
         <Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta>\
         <Data>40d936oxggqwK7tbKyrFyg==</Data></Cred></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1224</Data>\
         <Item><Meta><Type xmlns=\"syncml:metinf\">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item>\
         </Alert><Final/></SyncBody></SyncML>"
    );
}

#[test]
fn long_data_is_opaque() {
    let replace =
        Item { meta: Some(meta(Some(Format::Chr), None)), data: Some("A".repeat(200).into()), ..Item::target("./x") };
    let message = message(header("1", "a", "b"), [request(Verb::Replace, "2", replace)]);
    // Written by hand, it goes back to page 0 before the END of Meta; libwbxml and we do so before the next tag.
    let mut expected = opaque_data();
    expected[0] = 0x02;
    let switch = expected.windows(5).position(|bytes| bytes == [0x00, 0x00, 0x01, 0x4F, 0xC3]).unwrap();
    expected[switch..switch + 3].rotate_right(1);
    assert_eq!(encode(&message), expected);
    assert_eq!(xml(&opaque_data()), xml(&expected));
    assert_eq!(
        xml(&opaque_data()),
        format!(
            "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>a</LocURI></Target>\
             <Source><LocURI>b</LocURI></Source></SyncHdr><SyncBody><Replace><CmdID>2</CmdID><Item>\
             <Target><LocURI>./x</LocURI></Target><Meta><Format xmlns=\"syncml:metinf\">chr</Format></Meta>\
             <Data>{}</Data></Item></Replace><Final/></SyncBody></SyncML>",
            "A".repeat(200)
        )
    );
}
