//! From XML text to a [`Message`] (MS-MDM 2.2).
//!
//! Strict in structure: well-formed XML with one root, one header, one body, and nothing twice that identifies
//! something; everything else is a [`Refusal`]. Lenient in spelling: names count without prefix and namespace, order
//! is free, identifiers may be padded, and what is not understood is skipped and noted as an
//! [`Oddity`](super::Oddity). A command that can't be understood refuses nothing: it becomes
//! [`Command::Unreadable`](super::Command::Unreadable) and is answered in its place.
//!
//! Nothing here judges a value or knows a session.

mod command;
mod header;
mod item;
mod source;

use self::source::Source;
use super::Message;
use crate::xml::{Limits, Reason, Refusal, clip};

/// Reads a message: strict in structure, lenient in spelling.
///
/// ```
/// use transom_protocol::{syncml::read::read, xml::Limits};
///
/// let text = "<SyncML><SyncHdr><MsgID> 1 </MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>";
/// let message = read(text, &Limits::default())?;
/// assert_eq!(message.header.msg_id, "1");
/// assert!(message.body.is_final);
/// # Ok::<(), transom_protocol::xml::Refusal>(())
/// ```
///
/// [`Limits::bytes`] is not asked again, as text may be longer than the body that it was decoded from.
pub fn read(text: &str, limits: &Limits) -> Result<Message, Refusal> {
    let mut source = Source::new(text, limits);
    source.root()?;
    let (mut header, mut body) = (None, None);
    while let Some(name) = source.child()? {
        match name {
            "SyncHdr" => source.once(&mut header, Source::header)?,
            "SyncBody" => source.once(&mut body, Source::body)?,
            _ => source.pass_over()?,
        }
    }
    let header = header.ok_or_else(|| source.missing("SyncHdr"))?;
    let body = body.ok_or_else(|| source.missing("SyncBody"))?;
    Ok(Message { header, body, oddities: source.end()? })
}

impl Source<'_> {
    /// Begins the document; its root has to be `SyncML`.
    fn root(&mut self) -> Result<(), Refusal> {
        match self.child()? {
            Some("SyncML") => {}
            other => return Err(self.refuse(Reason::Root(clip(other.unwrap_or_default(), 64).into_owned()))),
        }
        let namespace = self.namespace();
        if !matches!(namespace.trim(), "" | "SYNCML:SYNCML1.2" | "SYNCML:SYNCML1.1") {
            self.note("the namespace is not one of SyncML's");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncml::{Address, Command, Data, Format, SyncHdr};

    fn message(text: &str) -> Message {
        read(text, &Limits::default()).unwrap_or_else(|refusal| panic!("{refusal}: {text}"))
    }

    fn refused(text: &str) -> (String, &'static str) {
        let refusal = read(text, &Limits::default()).expect_err(text);
        (refusal.path, refusal.reason.code())
    }

    /// A message with this body, and nothing in its header.
    pub(super) fn with_body(body: &str) -> Message {
        message(&format!("<SyncML><SyncHdr/><SyncBody>{body}</SyncBody></SyncML>"))
    }

    fn oddities(message: &Message) -> Vec<(&str, &str)> {
        message.oddities.iter().map(|oddity| (oddity.path.as_str(), oddity.what.as_str())).collect()
    }

    #[test]
    fn missing_header_children_are_empty() {
        let message = with_body("");
        assert_eq!(message.header, SyncHdr::default());
        assert_eq!(message.body.commands, []);
        assert!(!message.body.is_final);
        assert_eq!(message.oddities, []);
    }

    #[test]
    fn header_is_read_whole() {
        let message = message(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD> 1.2 </VerDTD><VerProto>DM/1.2</VerProto>\
             <SessionID>6D</SessionID><MsgID>\n2\n</MsgID>\
             <Target><LocURI>https://mdm.example/</LocURI></Target>\
             <Source><LocURI>DEVICE</LocURI><LocName>alice</LocName></Source>\
             <RespURI>https://elsewhere.example/</RespURI><NoResp/>\
             <Cred><Meta><Format xmlns='syncml:metinf'>b64</Format><Type xmlns='syncml:metinf'>syncml:auth-md5</Type>\
             </Meta><Data>AAAA</Data></Cred>\
             <Meta><MaxMsgSize xmlns='syncml:metinf'>524288</MaxMsgSize><MaxObjSize>big</MaxObjSize></Meta>\
             </SyncHdr><SyncBody><Final/></SyncBody></SyncML>",
        );
        let header = &message.header;
        assert_eq!((header.ver_dtd.as_str(), header.ver_proto.as_str()), ("1.2", "DM/1.2"));
        assert_eq!((header.session_id.as_str(), header.msg_id.as_str()), ("6D", "2"));
        assert_eq!(header.target, Address::uri("https://mdm.example/"));
        assert_eq!(header.source, Address { loc_uri: "DEVICE".to_owned(), loc_name: Some("alice".to_owned()) });
        assert_eq!(header.resp_uri.as_deref(), Some("https://elsewhere.example/"));
        assert!(header.no_resp);
        let cred = header.cred.as_ref().unwrap();
        assert_eq!(cred.data, "AAAA");
        assert_eq!(cred.meta.as_ref().and_then(|meta| meta.format.clone()), Some(Format::B64));
        let meta = header.meta.as_ref().unwrap();
        assert_eq!((meta.max_msg_size, meta.max_obj_size), (Some(524_288), None));
        assert_eq!(oddities(&message), [("SyncML/SyncHdr/Meta", "`MaxObjSize` is not a number")]);
        assert!(message.body.is_final);
    }

    #[test]
    fn namespaces_and_prefixes_are_spelling() {
        let plain = message("<SyncML><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>");
        for text in [
            "<SyncML xmlns='SYNCML:SYNCML1.1'><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>",
            "<s:SyncML xmlns:s='SYNCML:SYNCML1.2'><s:SyncHdr><s:MsgID>1</s:MsgID></s:SyncHdr><s:SyncBody><s:Final/>\
             </s:SyncBody></s:SyncML>",
            "\u{FEFF}<?xml version='1.0' encoding='utf-16'?>\n<!-- hello -->\n<SyncML>\n <SyncHdr>\n  <MsgID> 1 </MsgID>\
             </SyncHdr><SyncBody><Final></Final></SyncBody></SyncML>\n<!-- bye -->",
            "<SyncML><SyncBody><Final/></SyncBody><SyncHdr><MsgID><![CDATA[1]]></MsgID></SyncHdr></SyncML>",
        ] {
            assert_eq!(message(text), plain);
        }
        let strange = message("<SyncML xmlns='urn:x'><SyncHdr/><SyncBody/></SyncML>");
        assert_eq!(oddities(&strange), [("SyncML", "the namespace is not one of SyncML's")]);
    }

    #[test]
    fn structure_is_not_spelling() {
        let path = |path: &str, code| (path.to_owned(), code);
        assert_eq!(refused("<Envelope/>"), path("Envelope", "root"));
        assert_eq!(refused("<syncml/>"), path("syncml", "root"));
        assert_eq!(refused("<SyncML/>"), path("SyncML", "missing"));
        assert_eq!(refused("<SyncML><SyncHdr/></SyncML>"), path("SyncML", "missing"));
        assert_eq!(refused("<SyncML><SyncHdr/><SyncBody/>"), path("SyncML", "unclosed"));
        assert_eq!(refused("<SyncML><SyncHdr/><SyncBody/></SyncML>x"), path("/", "outside_root"));
        assert_eq!(refused("<SyncML><SyncHdr/><SyncBody/></SyncML><a/>"), path("/", "second_root"));
        assert_eq!(refused("<SyncML><SyncHdr/><SyncHdr/><SyncBody/></SyncML>"), path("SyncML/SyncHdr[2]", "duplicate"));
    }

    #[test]
    fn nothing_that_identifies_stands_twice() {
        for name in
            ["VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source", "RespURI", "NoResp", "Cred", "Meta"]
        {
            let text = format!("<SyncML><SyncHdr><{name}/><x/><{name}/></SyncHdr><SyncBody/></SyncML>");
            assert_eq!(refused(&text), (format!("SyncML/SyncHdr/{name}[2]"), "duplicate"));
        }
        for (outer, name) in [
            ("Status", "CmdID"),
            ("Status", "MsgRef"),
            ("Status", "CmdRef"),
            ("Status", "Cmd"),
            ("Status", "Data"),
            ("Status", "Chal"),
            ("Results", "TargetRef"),
            ("Alert", "Data"),
            ("Atomic", "CmdID"),
            ("Get", "CmdID"),
            ("Exec", "Meta"),
        ] {
            let text = format!(
                "<SyncML><SyncHdr/><SyncBody><{outer}><{name}>1</{name}><{name}>1</{name}></{outer}></SyncBody></SyncML>"
            );
            assert_eq!(refused(&text), (format!("SyncML/SyncBody/{outer}/{name}[2]"), "duplicate"));
        }
    }

    #[test]
    fn unknown_elements_are_passed_over_and_noted() {
        let message = message(
            "<SyncML><Foo><SyncHdr><MsgID>9</MsgID></SyncHdr></Foo><SyncHdr><Bar/>text</SyncHdr>\
             <SyncBody><Get><CmdID>1</CmdID><Lang>en</Lang><Item><Target><LocURI>./x<b>y</b></LocURI></Target></Item></Get>\
             </SyncBody></SyncML>",
        );
        assert_eq!(message.header.msg_id, "");
        assert_eq!(message.body.commands.len(), 1);
        assert_eq!(
            oddities(&message),
            [
                ("SyncML/Foo", "not understood and passed over"),
                ("SyncML/SyncHdr/Bar", "not understood and passed over"),
                ("SyncML/SyncHdr", "text stands between elements"),
                ("SyncML/SyncBody/Get/Lang", "not understood and passed over"),
                ("SyncML/SyncBody/Get/Item/Target/LocURI/b", "an element stands in what should be text"),
            ]
        );
    }

    #[test]
    fn oddities_are_bounded() {
        assert_eq!(with_body(&"<Final/>".repeat(1000)).oddities.len(), 32);
    }

    #[test]
    fn final_belongs_at_the_end() {
        let message = with_body("<Final/><Alert><CmdID>1</CmdID><Data>1201</Data></Alert>");
        assert!(message.body.is_final);
        assert_eq!(message.body.commands.len(), 1);
        assert_eq!(oddities(&message), [("SyncML/SyncBody/Alert", "stands after Final")]);
    }

    #[test]
    fn every_way_to_write_data_reads_alike() {
        let data = |data: &str| {
            let body = format!("<Replace><CmdID>1</CmdID><Item>{data}</Item></Replace>");
            match with_body(&body).body.commands.pop() {
                Some(Command::Request(mut request)) => request.items.pop().and_then(|item| item.data),
                other => panic!("{other:?}"),
            }
        };
        let text = |text: &str| Some(Data::Text(text.to_owned()));
        assert_eq!(data(""), None);
        assert_eq!(data("<Data/>"), text(""));
        assert_eq!(data("<Data></Data>"), text(""));
        assert_eq!(data("<Data> a &amp;\r\n b </Data>"), text(" a &\n b "));
        assert_eq!(data("<Data>&#13;&#xF000;</Data>"), text("\r\u{F000}"));
        for spelling in
            ["&lt;a b=&quot;c&quot;/&gt;", "<![CDATA[<a b=\"c\"/>]]>", "&#60;a <!-- x -->b=\"<![CDATA[c\"/>]]>"]
        {
            assert_eq!(data(&format!("<Data>{spelling}</Data>")), text("<a b=\"c\"/>"));
        }
        let inner = " <a b = 'c'>\r\n<!-- d --><![CDATA[e]]>&amp;</a >";
        assert_eq!(data(&format!("<Data>{inner}</Data>")), Some(Data::Markup(inner.to_owned())));
    }

    #[test]
    fn memory_is_bounded_whatever_the_limits() {
        let code = |body: String| {
            let text = format!("<SyncML><SyncHdr/><SyncBody>{body}</SyncBody></SyncML>");
            read(&text, &Limits { elements: usize::MAX, ..Limits::default() }).map_err(|refusal| refusal.reason.code())
        };
        assert_eq!(code("<a/>".repeat(10_000)).map(|message| message.body.commands.len()), Ok(10_000));
        assert_eq!(code("<a/>".repeat(10_001)).err(), Some("too_many_commands"));
        assert_eq!(code(format!("<Get>{}</Get>", "<Item/>".repeat(10_000))).err(), Some("too_many_commands"));
        assert_eq!(code("<Atomic><a/></Atomic>".repeat(5_001)).err(), Some("too_many_commands"));
    }

    #[test]
    fn depth_is_limited_in_groups_and_in_data() {
        let nested = |levels: usize| {
            format!(
                "<SyncML><SyncHdr/><SyncBody>{}{}</SyncBody></SyncML>",
                "<Atomic>".repeat(levels),
                "</Atomic>".repeat(levels)
            )
        };
        assert!(read(&nested(30), &Limits::default()).is_ok());
        let refusal = read(&nested(31), &Limits::default()).unwrap_err();
        assert_eq!(refusal.reason, Reason::TooDeep(32));
        let endless = Limits { depth: usize::MAX, ..Limits::default() };
        assert_eq!(read(&nested(40_000), &endless).unwrap_err().reason, Reason::TooDeep(128));
    }
}
