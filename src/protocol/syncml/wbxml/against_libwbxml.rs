//! Both directions against Debian's `wbxml2xml` and `xml2wbxml` (package `libwbxml2-utils`), where they are
//! installed. What a text means is compared, not its bytes.

use std::io::ErrorKind;
use std::process::Command as Process;

use super::tree::{Node, parse};
use super::{encode, to_xml};
use crate::syncml::{
    Address, Command, Data, Format, Group, GroupKind, Item, Message, Meta, Request, Results, Status, StatusCode,
    SyncBody, SyncHdr, Verb,
};
use crate::xml::Limits;

const DOCTYPE: &str = "<!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.2//EN\" \
    \"http://www.openmobilealliance.org/tech/DTD/OMA-TS-SyncML_RepPro_DTD-V1_2.dtd\">";

/// Runs a converter; `None`, and a line that says so, where it is not installed.
fn convert(tool: &str, options: &[&str], name: &str, input: &[u8]) -> Option<Vec<u8>> {
    let file = |kind| std::env::temp_dir().join(format!("transom-{}-{name}.{kind}", std::process::id()));
    let (from, to) = (file("in"), file("out"));
    std::fs::write(&from, input).unwrap();
    let run = Process::new(tool).args(options).arg("-o").arg(&to).arg(&from).output();
    let output = std::fs::read(&to);
    std::fs::remove_file(&from).unwrap();
    let _ = std::fs::remove_file(&to);
    match run {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: {tool} is not installed (Debian package libwbxml2-utils)");
            None
        }
        run => Some(output.unwrap_or_else(|error| panic!("{tool} on {name}: {error}, {run:?}"))),
    }
}

fn ours(bytes: &[u8]) -> Node {
    parse(&to_xml(bytes, &Limits::default()).unwrap())
}

#[test]
fn libwbxml_reads_what_we_write() {
    for (name, message) in messages() {
        let bytes = encode(&message);
        let Some(theirs) = convert("wbxml2xml", &["-m", "0"], name, &bytes) else { return };
        assert_eq!(parse(std::str::from_utf8(&theirs).unwrap()), ours(&bytes), "{name}");
    }
}

#[test]
fn we_read_what_libwbxml_writes() {
    for (name, body) in BODIES {
        let xml = format!(
            "{DOCTYPE}<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>6D</SessionID><MsgID>2</MsgID><Target><LocURI>https://mdm.example/s</LocURI></Target>\
             <Source><LocURI>D1</LocURI></Source></SyncHdr><SyncBody>{body}<Final/></SyncBody></SyncML>"
        );
        for (variant, options) in [
            ("1.1", ["-v", "1.1", "-k"].as_slice()),
            ("1.2", ["-v", "1.2", "-k"].as_slice()),
            ("1.3", ["-v", "1.3", "-k"].as_slice()),
            ("no-string-table", ["-v", "1.3", "-k", "-n"].as_slice()),
        ] {
            let file = format!("{name}-{variant}");
            let Some(theirs) = convert("xml2wbxml", options, &file, xml.as_bytes()) else { return };
            assert_eq!(ours(&theirs), parse(&xml), "{name} {variant}");
        }
    }
}

/// Bodies whose strings repeat, which libwbxml puts into a string table where it may.
const BODIES: &[(&str, &str)] = &[
    (
        "results",
        "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>\
         <Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Cmd>Get</Cmd>\
         <TargetRef>./Vendor/MSFT/Long/Path/To/Repeat</TargetRef><Data>200</Data></Status>\
         <Results><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Item>\
         <Source><LocURI>./Vendor/MSFT/Long/Path/To/Repeat</LocURI></Source>\
         <Meta><Format xmlns=\"syncml:metinf\">int</Format></Meta><Data>42</Data></Item><Item>\
         <Source><LocURI>./Vendor/MSFT/Long/Path/To/Repeat</LocURI></Source>\
         <Data>gr&#252;n &amp; &lt;blau&gt;</Data></Item></Results>",
    ),
    (
        "groups",
        "<Atomic><CmdID>2</CmdID><Replace><CmdID>3</CmdID><Item><Target><LocURI>./a</LocURI></Target>\
         <Meta><Format xmlns=\"syncml:metinf\">chr</Format><Type xmlns=\"syncml:metinf\">text/plain</Type></Meta>\
         <Data><![CDATA[<enabled/><data id=\"x\" value=\"1 &amp; 2\"/>]]></Data></Item></Replace></Atomic>\
         <Sequence><CmdID>4</CmdID><Delete><CmdID>5</CmdID><Item><Target><LocURI>./b</LocURI></Target></Item>\
         </Delete><Exec><CmdID>6</CmdID><Item><Target><LocURI>./c</LocURI></Target></Item></Exec></Sequence>",
    ),
    (
        "base64",
        "<Add><CmdID>2</CmdID><Item><Target><LocURI>./a</LocURI></Target>\
         <Meta><Format xmlns=\"syncml:metinf\">b64</Format></Meta><Data>AAECAwQFBgcICQoLDA0ODw==</Data></Item></Add>\
         <Add><CmdID>3</CmdID><Item><Target><LocURI>./b</LocURI></Target>\
         <Meta><Format xmlns=\"syncml:metinf\">b64</Format></Meta>\
         <Data><![CDATA[AAECAwQFBgcICQoLDA0ODw==]]></Data><MoreData/></Item></Add>",
    ),
];

fn messages() -> Vec<(&'static str, Message)> {
    let header = SyncHdr {
        ver_dtd: "1.2".to_owned(),
        ver_proto: "DM/1.2".to_owned(),
        session_id: "1".to_owned(),
        msg_id: "2".to_owned(),
        target: Address::uri("D1"),
        source: Address::uri("https://mdm.example/s?a=1&b=2"),
        meta: Some(Meta { max_msg_size: Some(524_288), max_obj_size: Some(1_048_576), ..Meta::default() }),
        ..SyncHdr::default()
    };
    let with = |commands: Vec<Command>| Message {
        header: header.clone(),
        body: SyncBody { commands, is_final: true },
        oddities: Vec::new(),
    };
    let item = |uri: &str, format: Format, data: Data| Item {
        meta: Some(Meta { format: Some(format), mime: Some("text/plain".to_owned()), ..Meta::default() }),
        data: Some(data),
        ..Item::target(uri)
    };
    let request = |verb, cmd_id: &str, items| {
        Command::Request(Request { verb, cmd_id: cmd_id.to_owned(), no_resp: false, meta: None, items })
    };
    let status = Command::Status(Status {
        cmd_id: "1".to_owned(),
        msg_ref: "2".to_owned(),
        cmd_ref: "0".to_owned(),
        cmd: "SyncHdr".to_owned(),
        target_refs: vec!["D1".to_owned()],
        source_refs: vec!["https://mdm.example/s".to_owned()],
        cred: None,
        chal: None,
        code: StatusCode::AUTHENTICATED,
        original_error: None,
        items: Vec::new(),
    });
    let replaces = request(
        Verb::Replace,
        "3",
        vec![
            item("./a", Format::Chr, "short".into()),
            item("./b", Format::Chr, "<enabled/> & more".into()),
            item("./c", Format::Xml, Data::Markup("<a><b>1</b></a>".to_owned())),
            item("./d", Format::Chr, "l\u{e4}nger ".repeat(100).into()),
            item("./e", Format::B64, "AAECAwQF".repeat(100).into()),
            item("./f", Format::Int, "-5".into()),
        ],
    );
    let group = Command::Group(Group {
        kind: GroupKind::Atomic,
        cmd_id: "4".to_owned(),
        no_resp: false,
        meta: None,
        commands: vec![
            request(Verb::Add, "5", vec![item("./g", Format::Chr, "x".into())]),
            request(Verb::Delete, "6", vec![Item::target("./h")]),
            request(Verb::Exec, "7", vec![Item::target("./i")]),
        ],
    });
    let results = Command::Results(Results {
        cmd_id: "8".to_owned(),
        msg_ref: Some("1".to_owned()),
        cmd_ref: Some("2".to_owned()),
        meta: Some(Meta { format: Some(Format::Int), ..Meta::default() }),
        target_ref: Some("./j".to_owned()),
        source_ref: None,
        items: vec![Item { source: Some(Address::uri("./j")), data: Some("1".into()), ..Item::default() }],
    });
    vec![
        ("statuses", with(vec![status])),
        ("replaces", with(vec![replaces])),
        ("group-and-results", with(vec![group, results])),
        ("empty", with(Vec::new())),
    ]
}
