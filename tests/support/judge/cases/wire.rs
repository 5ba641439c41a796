//! Replies that are wrong as bytes or as XML.

use std::io::Write as _;
use std::process::Command;

use super::super::{WBXML, wbxml};
use super::good::COMMANDS;
use super::*;

fn message() -> String {
    says(1, CRED, &format!("{PACKAGE_1}<Final/>"))
}

fn reply() -> String {
    answers(1, 212, CHAL, &format!("{ANSWERS_1}{COMMANDS}<Final/>"))
}

fn change(from: &str, to: &str) -> BTreeSet<Rule> {
    assert!(reply().contains(from), "{from} is not in the reply");
    broken(&message(), &reply().replacen(from, to, 1))
}

fn bytes(body: &[u8]) -> BTreeSet<Rule> {
    rules(&Judge::new().exchange(&xml_request(&message()), &Reply { content_type: XML, body }))
}

pub(super) fn cases() -> Vec<Case> {
    let declared = |declaration: &str| broken(&message(), &format!("{declaration}{}", reply()));
    let latin: Vec<u8> = reply().replace("text/plain", "é").chars().map(|letter| letter as u8).collect();
    let not_binary = {
        let reply = reply();
        let body = Reply { content_type: WBXML, body: reply.as_bytes() };
        rules(&Judge::new().exchange(&xml_request(&message()), &body))
            .into_iter()
            .filter(|rule| *rule != Rule::WellFormed)
    };
    vec![
        (&[Rule::Utf8], bytes(&latin)),
        (&[Rule::Utf8], declared("\u{feff}")),
        (&[Rule::OneLine], change("<Final/>", "<Final/>\n")),
        (&[Rule::OneLine], change("<Data>0</Data>", "<Data>0</Data>\r")),
        (&[], change("text/plain", "text/plain&#10;;")),
        (&[Rule::NoCdata], change("text/plain", "<![CDATA[text/plain]]>")),
        (&[Rule::NoDoctype, Rule::WellFormed], declared("<!DOCTYPE SyncML>")),
        (&[Rule::NoComment], change("<Final/>", "<!-- x --><Final/>")),
        (&[Rule::NoComment], change("<Final/>", "<?x y?><Final/>")),
        (&[], declared("<?xml version='1.0' encoding='UTF-8'?>")),
        (&[Rule::Declaration], declared("<?xml version=\"1.0\" encoding=\"utf-16\"?>")),
        (&[Rule::Declaration], declared(" <?xml version=\"1.0\"?>")),
        (&[Rule::Declaration], declared("<?xml version=\"1.1\"?>")),
        (&[Rule::WellFormed], declared("<?xml version=\"1.0\"")),
        (&[Rule::WellFormed], change("<Final/>", "<Final>")),
        (&[Rule::WellFormed], change("</SyncML>", "</SyncML><SyncML/>")),
        (&[Rule::WellFormed], change("text/plain", "&nbsp;")),
        (&[Rule::WellFormed], change("text/plain", "a & b")),
        (&[Rule::WellFormed], change("text/plain", "\u{1}")),
        (&[Rule::WellFormed], bytes(b"")),
        (&[Rule::Root], broken(&message(), &reply().replace("SYNCML1.2", "SYNCML1.1"))),
        (&[Rule::Root], broken(&message(), "<fault xmlns=\"SYNCML:SYNCML1.2\"/>")),
        (&[Rule::Namespace], change("<Format xmlns=\"syncml:metinf\">int", "<Format>int")),
        (&[Rule::Namespace], change("<Final/>", "<Final xmlns=\"\"/>")),
        (
            &[Rule::Namespace, Rule::MetInfOnChild],
            change(
                "<Meta><Format xmlns=\"syncml:metinf\">int</Format>",
                "<Meta xmlns=\"syncml:metinf\"><Format>int</Format>",
            ),
        ),
        (
            &[Rule::NoPrefix],
            change(
                "<Format xmlns=\"syncml:metinf\">int</Format>",
                "<m:Format xmlns:m=\"syncml:metinf\">int</m:Format>",
            ),
        ),
        (&[Rule::NoAttribute], change("<Data>0</Data>", "<Data a=\"b\">0</Data>")),
        (&[Rule::ChildOrder], change("<Cmd>Alert</Cmd><Data>200</Data>", "<Data>200</Data><Cmd>Alert</Cmd>")),
        (&[Rule::ChildOrder], change("<Final/>", "<Final/><Final/>")),
        (
            &[Rule::ChildOrder],
            change(
                "<VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>",
                "<VerProto>DM/1.2</VerProto><VerDTD>1.2</VerDTD>",
            ),
        ),
        (
            &[Rule::ChildOrder],
            change("<SyncBody>", "<SyncBody/><SyncBody>")
                .into_iter()
                .filter(|rule| *rule == Rule::ChildOrder)
                .collect(),
        ),
        (
            &[Rule::ChildOrder],
            change("<CmdID>5</CmdID>", "<Item><Target><LocURI>./a</LocURI></Target></Item><CmdID>5</CmdID>"),
        ),
        (&[Rule::TextOnly], change("<Final/>", "text<Final/>")),
        (&[Rule::TextOnly], change("<Data>0</Data>", "<Data>0<b/></Data>")),
        (&[Rule::EmptyElement], change("<Final/>", "<Final>x</Final>")),
        (&[Rule::NoPadding], change("<LocURI>./DevDetail/SwV", "<LocURI> ./DevDetail/SwV")),
        (&[Rule::NoPadding], change("<CmdRef>3</CmdRef>", "<CmdRef>3&#10;</CmdRef>")),
        (&[Rule::ContentType, Rule::WbxmlHeader], not_binary.collect()),
    ]
}

/// The binary form of a message, made by the other tool of libwbxml.
pub(super) fn to_wbxml(text: &str) -> Vec<u8> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let made = Command::new("xml2wbxml").args(["-v", "1.2", "-o", "-"]).arg(file.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

#[test]
fn a_binary_reply_is_held_to_the_same_rules() {
    if !wbxml::is_installed() {
        return;
    }
    let message = to_wbxml(&message());
    let reply = to_wbxml(&reply().replacen(&status(3, 1, "3", "Alert", 200), "", 1));
    let request = Request { content_type: WBXML, body: &message };
    let found = Judge::new().exchange(&request, &Reply { content_type: WBXML, body: &reply });
    assert_eq!(rules(&found), BTreeSet::from([Rule::StatusMissing]));
    let cut = Judge::new().exchange(&request, &Reply { content_type: WBXML, body: &reply[..reply.len() / 2] });
    assert_eq!(rules(&cut), BTreeSet::from([Rule::WellFormed]));
}
