//! Large objects, in both directions.

use super::super::{Judge, assert_clean};
use super::moments::max;
use super::*;

/// A chunk of ours: `CmdID`, Size or nothing, data, whether more follows.
fn chunk(cmd_id: u32, size: Option<u32>, data: &str, more: bool) -> String {
    let size = size.map(|size| format!("<Size xmlns=\"syncml:metinf\">{size}</Size>")).unwrap_or_default();
    let more = if more { "<MoreData/>" } else { "" };
    let meta = format!("<Meta><Format xmlns=\"syncml:metinf\">b64</Format>{size}</Meta>");
    format!("<Replace><CmdID>{cmd_id}</CmdID>{}</Replace>", item("./a", &format!("{meta}<Data>{data}</Data>{more}")))
}

fn first_message() -> String {
    says(1, &format!("{CRED}{}", max("MaxMsgSize", 100_000)), &format!("{PACKAGE_1}<Final/>"))
}

fn first_reply(commands: &str) -> String {
    answers(1, 212, CHAL, &format!("{ANSWERS_1}{commands}"))
}

/// The client took a chunk of our message and asks for the next.
fn goes_on(message: u32, cmd_ref: &str, code: u16) -> String {
    let took = status(2, message - 1, cmd_ref, "Replace", code);
    says(message, "", &format!("{}{took}<Alert><CmdID>3</CmdID><Data>1222</Data></Alert><Final/>", heard(message - 1)))
}

fn next_reply(message: u32, commands: &str) -> String {
    answers(message, 200, "", &format!("{}{commands}", status(2, message, "3", "Alert", 200)))
}

#[test]
fn an_object_in_three_chunks_passes() {
    let mut judge = Judge::new();
    let mut say = |request: &str, reply: &str| judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    say(&first_message(), &first_reply(&chunk(5, Some(8), "QUJ", true)));
    say(&goes_on(2, "5", 213), &next_reply(2, &chunk(3, None, "DR", true)));
    say(&goes_on(3, "3", 213), &next_reply(3, &format!("{}<Final/>", chunk(3, None, "EU=", false))));
    assert_clean(&judge.session_end());
}

#[test]
fn an_object_that_the_client_refuses_may_be_dropped() {
    let mut judge = Judge::new();
    let mut say = |request: &str, reply: &str| judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    say(&first_message(), &first_reply(&chunk(5, Some(8), "QUJ", true)));
    let other = format!("<Get><CmdID>3</CmdID>{}</Get><Final/>", item("./b", ""));
    say(&goes_on(2, "5", 500), &next_reply(2, &other));
    assert_clean(&judge.session_end());
}

#[test]
fn a_chunk_in_a_message_that_was_refused_comes_again() {
    let refused = |message: u32| {
        let header = status(1, message - 1, "0", "SyncHdr", 407).replace("<Data>", &format!("{CHAL}<Data>"));
        says(message, "", &format!("{header}<Final/>"))
    };
    let mut judge = Judge::new();
    let mut say = |request: &str, reply: &str| judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    say(&first_message(), &first_reply(&chunk(5, Some(8), "QUJ", true)));
    say(&refused(2), &answers(2, 200, "", &chunk(2, Some(8), "QUJ", true)));
    say(&goes_on(3, "2", 213), &next_reply(3, &chunk(3, None, "DR", true)));
    say(&refused(4), &answers(4, 200, "", &chunk(2, None, "DR", true)));
    say(&goes_on(5, "2", 213), &next_reply(5, &format!("{}<Final/>", chunk(3, None, "EU=", false))));
    assert_clean(&judge.session_end());
}

#[test]
fn a_value_of_the_client_in_two_chunks_passes() {
    let mut judge = Judge::new();
    let mut say = |request: &str, reply: &str| judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    say(&upload(1, "./a", true), &buffered(1, 213));
    say(&upload(2, "./a", false), &answers(2, 200, "", "<Final/>"));
}

/// Results of a node, whole or not.
fn upload(message: u32, source: &str, more: bool) -> String {
    let last = if more { "<MoreData/>" } else { "" };
    let results = format!(
        "<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Item><Source><LocURI>{source}</LocURI></Source>\
         <Data>x</Data>{last}</Item></Results>"
    );
    says(message, "", &format!("{results}{}", if more { "" } else { "<Final/>" }))
}

fn buffered(message: u32, code: u16) -> String {
    let body = format!("{}<Alert><CmdID>3</CmdID><Data>1222</Data></Alert>", status(2, message, "2", "Results", code));
    answers(message, 200, "", &body)
}

/// Alert 1225 for a node, as the third command.
fn broken_off(source: &str) -> String {
    let item = format!("<Item><Source><LocURI>{source}</LocURI></Source></Item>");
    answers(2, 200, "", &format!("<Alert><CmdID>3</CmdID><Data>1225</Data>{item}</Alert><Final/>"))
}

pub(super) fn cases() -> Vec<Case> {
    [uploads(), downloads()].into_iter().flatten().collect()
}

fn uploads() -> Vec<Case> {
    let (first, taken) = (upload(1, "./a", true), buffered(1, 213));
    let after = |request: &str, reply: &str| broken_after(&[(&first, &taken)], request, reply);
    let final_chunk = upload(1, "./a", true).replace("</SyncBody>", "<Final/></SyncBody>");
    let only_taken = answers(1, 200, "", &format!("{}<Final/>", status(2, 1, "2", "Results", 213)));
    let unanswered = "<Alert><CmdID>2</CmdID><Data>1222</Data></Alert>";
    vec![
        (&[], broken(&first, &buffered(1, 416))),
        (&[Rule::StatusUnwanted, Rule::ChunkAnswer], broken(&first, &buffered(1, 200))),
        (&[Rule::StatusMissing], broken(&first, &answers(1, 200, "", unanswered))),
        (&[Rule::NextMessage], broken(&final_chunk, &only_taken)),
        (&[], after(&upload(2, "./b", false), &broken_off("./a"))),
        (&[Rule::EndOfData], after(&upload(2, "./b", false), &broken_off("./b"))),
        (&[Rule::EndOfData], after(&upload(2, "./a", false), &broken_off("./a"))),
    ]
}

fn downloads() -> Vec<Case> {
    let first = || first_message();
    let one = |commands: &str| broken(&first(), &first_reply(commands));
    let begun = first_reply(&chunk(5, Some(8), "QUJ", true));
    let two = |commands: &str| broken_after(&[(&first(), &begun)], &goes_on(2, "5", 213), &next_reply(2, commands));
    let get = |id: u32| format!("<Get><CmdID>{id}</CmdID>{}</Get>", item("./b", ""));
    let unlimited = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let tiny = says(1, &format!("{CRED}{}", max("MaxObjSize", 4)), &format!("{PACKAGE_1}<Final/>"));
    let group = format!("<Sequence><CmdID>6</CmdID>{}</Sequence>", chunk(5, Some(8), "QUJ", true));
    vec![
        (&[Rule::ChunkSize], one(&chunk(5, None, "QUJ", true))),
        (&[Rule::ChunkSize], one(&format!("{}<Final/>", chunk(5, Some(4), "QUJD", false)))),
        (&[Rule::ChunkSize], two(&chunk(3, Some(8), "DR", true))),
        (&[Rule::FinalEarly], one(&format!("{}<Final/>", chunk(5, Some(8), "QUJ", true)))),
        (&[Rule::ChunkLast], one(&format!("{}{}", chunk(5, Some(8), "QUJ", true), get(6)))),
        (&[Rule::ChunkLast], one(&group)),
        (&[Rule::ChunkWanted], broken(&unlimited, &begun)),
        (&[Rule::ChunkContinues], two(&format!("{}<Final/>", get(3)))),
        (&[Rule::ChunkTotal], two(&format!("{}<Final/>", chunk(3, None, "DREU==", false)))),
        (&[Rule::ChunkTotal], two(&chunk(3, None, "DREU=", true))),
        (&[Rule::MaxObjSize], broken(&tiny, &begun)),
        (&[Rule::MaxObjSize], broken(&tiny, &first_reply(&format!("{}<Final/>", chunk(5, None, "QUJDREU=", false))))),
        (&[Rule::ObjectLeftOpen], left_open(&first(), &begun)),
    ]
}

fn left_open(request: &str, reply: &str) -> BTreeSet<Rule> {
    let mut judge = Judge::new();
    judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    rules(&judge.session_end())
}
