//! The judge, judged: good conversations pass, and every rule has a message that breaks it and is caught.

mod good;
mod large;
mod moments;
mod replies;
mod sessions;
mod wire;

use std::collections::BTreeSet;

use super::{Judge, Reply, Request, Rule, XML};

/// The address of the server in all cases.
const SERVER: &str = "https://mdm.example/ManagementServer/Mdm.svc";
/// The device in all cases.
const DEVICE: &str = "3A5C9D0000000000000000000000B5F4";
/// A Chal as it should be.
const CHAL: &str = "<Chal><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type><NextNonce xmlns=\"syncml:metinf\">AAECAwQFBgcICQoLDA0ODw==</NextNonce></Meta></Chal>";
/// Another one.
const CHAL_2: &str = "<Chal><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type><NextNonce xmlns=\"syncml:metinf\">EBESExQVFhcYGRobHB0eHw==</NextNonce></Meta></Chal>";
/// A credential that only looks like one: the judge can't tell.
const CRED: &str = "<Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta><Data>40d936oxggqwK7tbKyrFyg==</Data></Cred>";
/// What a device says first, but for Final: alert 1201, who is signed in, what it is.
const PACKAGE_1: &str = "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta><Type xmlns=\"syncml:metinf\">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item></Alert><Replace><CmdID>4</CmdID><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>3A5C9D0000000000000000000000B5F4</Data></Item><Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>Example</Data></Item></Replace>";
/// The Statuses that answer it, from `CmdID` 2 on.
const ANSWERS_1: &str = "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status><Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status><Status><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>4</CmdRef><Cmd>Replace</Cmd><Data>200</Data></Status>";

/// A message of the client: number, what follows Source in the header, body.
fn says(message: u32, header: &str, body: &str) -> String {
    format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>7</SessionID><MsgID>{message}</MsgID><Target><LocURI>{SERVER}</LocURI></Target>\
         <Source><LocURI>{DEVICE}</LocURI></Source>{header}</SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
    )
}

/// A reply of the server: number, code of the header, Chal or nothing, rest of the body.
fn answers(message: u32, code: u16, chal: &str, body: &str) -> String {
    answers_to(message, message, code, chal, body)
}

/// As [`answers`], to another number than its own.
fn answers_to(message: u32, client: u32, code: u16, chal: &str, body: &str) -> String {
    format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>7</SessionID><MsgID>{message}</MsgID><Target><LocURI>{DEVICE}</LocURI></Target>\
         <Source><LocURI>{SERVER}</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID>\
         <MsgRef>{client}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>{chal}<Data>{code}</Data></Status>{body}\
         </SyncBody></SyncML>"
    )
}

/// The Status of the client for the header of our message.
fn heard(message: u32) -> String {
    status(1, message, "0", "SyncHdr", 200)
}

fn status(cmd_id: u32, message: u32, cmd_ref: &str, cmd: &str, code: u16) -> String {
    format!(
        "<Status><CmdID>{cmd_id}</CmdID><MsgRef>{message}</MsgRef><CmdRef>{cmd_ref}</CmdRef><Cmd>{cmd}</Cmd>\
         <Data>{code}</Data></Status>"
    )
}

/// An item with Target, and Meta and Data as they are given.
fn item(target: &str, rest: &str) -> String {
    format!("<Item><Target><LocURI>{target}</LocURI></Target>{rest}</Item>")
}

/// Rules that a reply breaks in a session that had these exchanges before, which break none.
fn broken_after(before: &[(&str, &str)], request: &str, reply: &str) -> BTreeSet<Rule> {
    let mut judge = Judge::new();
    for (request, reply) in before {
        judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    }
    rules(&judge.exchange(&xml_request(request), &xml_reply(reply)))
}

/// As [`broken_after`], for the first exchange of a session.
fn broken(request: &str, reply: &str) -> BTreeSet<Rule> {
    broken_after(&[], request, reply)
}

fn rules(violations: &[super::Violation]) -> BTreeSet<Rule> {
    violations.iter().map(|violation| violation.rule).collect()
}

fn xml_request(body: &str) -> Request<'_> {
    Request { content_type: XML, body: body.as_bytes() }
}

fn xml_reply(body: &str) -> Reply<'_> {
    Reply { content_type: XML, body: body.as_bytes() }
}

/// A case: the rules that must be found broken, no fewer and no more, and those that are.
type Case = (&'static [Rule], BTreeSet<Rule>);

fn all_cases() -> Vec<Case> {
    [replies::cases(), wire::cases(), moments::cases(), large::cases(), sessions::cases()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn each_case_breaks_the_rules_that_it_names_and_no_other() {
    let wrong: Vec<String> = all_cases()
        .iter()
        .enumerate()
        .filter(|(_, (named, found))| named.iter().copied().collect::<BTreeSet<_>>() != *found)
        .map(|(place, (named, found))| format!("case {place}: named {named:?}, found {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_that_breaks_it() {
    let cases = all_cases();
    let untried: Vec<_> =
        Rule::ALL.iter().filter(|rule| !cases.iter().any(|(named, _)| named.contains(rule))).collect();
    assert!(untried.is_empty(), "no message breaks {untried:?}");
}

#[test]
fn a_violation_names_its_rule_and_the_source() {
    let reply = answers(1, 200, "", ANSWERS_1);
    let violations = Judge::new().exchange(&xml_request(&says(1, CRED, PACKAGE_1)), &xml_reply(&reply));
    let text = violations.first().map(ToString::to_string).unwrap_or_default();
    assert!(text.contains("NextMessage") && text.contains("OMA DM Protocol"), "{text}");
}
