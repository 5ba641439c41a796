//! Values too large for one message, on their way to us (OMA DM Protocol 7, MS-MDM 2.2.5.3; T48).

use super::talk::{Talk, alert, get, heard, status};
use crate::session::{CommandId, CommandState, UploadStep};

/// A device that was asked for `./A` by CmdID 2 of message 2.
fn asked() -> (Talk, CommandId) {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    (talk, order)
}

/// Results with one piece; `size` goes with the first.
fn piece(cmd_id: u32, node: &str, size: Option<usize>, data: &str, more: bool) -> String {
    let size =
        size.map_or_else(String::new, |size| format!("<Meta><Size xmlns=\"syncml:metinf\">{size}</Size></Meta>"));
    let more = if more { "<MoreData/>" } else { "" };
    format!(
        "<Results><CmdID>{cmd_id}</CmdID><MsgRef>2</MsgRef><CmdRef>2</CmdRef><Item><Source><LocURI>{node}</LocURI>\
         </Source>{size}<Data>{data}</Data>{more}</Item></Results>"
    )
}

#[test]
fn chunks_are_answered_213_with_1222_and_make_the_value() {
    let (mut talk, order) = asked();
    talk.order(&get("./Next"));
    let reply = talk.says([heard(2), status(2, 2, 2, "Get", 200), piece(3, "./A", Some(9), "one", true)]);
    assert_eq!(
        (reply.statuses(), reply.alerts()),
        (vec!["0 SyncHdr 200".to_owned(), "3 Results 213".to_owned()], vec![1222])
    );
    assert_eq!(reply.commands().len(), 0, "nothing comes between two chunks");
    let reply = talk.says([heard(3), piece(2, "./A", None, "two", true)]);
    assert_eq!((&reply.statuses()[1..], reply.alerts()), (&["2 Results 213".to_owned()][..], vec![1222]));
    let reply = talk.says([heard(4), piece(2, "./A", None, "six", false)]);
    assert_eq!(
        (reply.statuses(), reply.commands()),
        (vec!["0 SyncHdr 200".to_owned()], vec!["2 Get ./Next".to_owned()])
    );
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("onetwosix")));
    assert!(talk.session().upload.is_none() && talk.store.chunks.is_empty());
}

#[test]
fn a_chunk_may_come_before_the_status() {
    let (mut talk, order) = asked();
    talk.says([heard(2), piece(2, "./A", Some(6), "one", true)]);
    talk.says([heard(3), piece(2, "./A", None, "two", false), status(3, 2, 2, "Get", 200)]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("onetwo")));
}

#[test]
fn the_size_counts_bytes_and_for_base64_perhaps_what_they_stand_for() {
    for (size, format, pieces, code) in [
        (4, "chr", ["\u{e9}", "\u{e9}"], None),
        (2, "chr", ["\u{e9}", "\u{e9}"], Some(424)),
        (8, "b64", ["QUJD", "REU="], None),
        (5, "b64", ["QUJD", "REU="], None),
        (6, "b64", ["QUJD", "REU="], Some(424)),
        (5, "chr", ["QUJD", "REU="], Some(424)),
    ] {
        let (mut talk, order) = asked();
        let typed = |text: String| text.replace("<Data>", &format!("<Meta><Format>{format}</Format></Meta><Data>"));
        let first = piece(2, "./A", None, pieces[0], true)
            .replace("<Data>", &format!("<Meta><Format>{format}</Format><Size>{size}</Size></Meta><Data>"));
        talk.says([heard(2), first, status(3, 2, 2, "Get", 200)]);
        let reply = talk.says([heard(3), typed(piece(2, "./A", None, pieces[1], false))]);
        let expected: Vec<String> = code.map(|code| format!("2 Results {code}")).into_iter().collect();
        assert_eq!(reply.statuses()[1..], expected, "{size} {format}");
        assert_eq!(talk.value(&order, 0).is_some(), code.is_none());
    }
}

#[test]
fn more_than_was_announced_is_a_mismatch_at_once() {
    let (mut talk, order) = asked();
    talk.says([heard(2), piece(2, "./A", Some(5), "one", true)]);
    let reply = talk.says([heard(3), piece(2, "./A", None, "two", true)]);
    assert_eq!(reply.statuses()[1], "2 Results 424");
    assert_eq!(reply.decision().uploads, [UploadStep::Drop]);
    assert!(talk.session().upload.is_none() && talk.value(&order, 0).is_none());
}

#[test]
fn a_first_chunk_needs_a_size_that_is_not_too_big() {
    let (mut talk, _) = asked();
    let most = talk.rules.max_upload;
    let reply = talk.says([heard(2), piece(2, "./A", None, "one", true)]);
    assert_eq!(reply.statuses()[1], "2 Results 411");
    let size = usize::try_from(most).expect("small") + 1;
    let reply = talk.says([heard(3), piece(2, "./A", Some(size), "one", true)]);
    assert_eq!(reply.statuses()[1], "2 Results 416");
    assert!(talk.session().upload.is_none() && talk.store.chunks.is_empty());
}

#[test]
fn what_was_not_asked_for_is_not_collected() {
    let (mut talk, _) = asked();
    let foreign = piece(2, "./A", Some(9), "one", true).replace("<CmdRef>2", "<CmdRef>7");
    let reply = talk.says([heard(2), foreign]);
    assert_eq!((&reply.statuses()[1][..], reply.anomalies()), ("2 Results 400", vec!["results_of_nothing"]));
    assert!(talk.session().upload.is_none());
}

#[test]
fn something_else_between_two_chunks_drops_the_value_and_the_device_is_told() {
    for other in [String::new(), alert(2, 1201), piece(2, "./B", Some(9), "one", true)] {
        let (mut talk, order) = asked();
        talk.says([heard(2), piece(2, "./A", Some(6), "one", true)]);
        let reply = talk.says([heard(3), other.clone()]);
        assert_eq!(reply.alerts()[0], 1225, "{other}");
        assert!(reply.text.contains("<Source><LocURI>./A</LocURI></Source>"));
        assert_eq!(reply.decision().uploads[0], UploadStep::Drop);
        assert!(reply.anomalies().contains(&"upload_interrupted"));
        assert!(talk.value(&order, 0).is_none());
    }
}

#[test]
fn an_end_of_the_session_drops_what_was_collected() {
    let (mut talk, _) = asked();
    talk.says([heard(2), piece(2, "./A", Some(6), "one", true)]);
    let reply = talk.says([heard(3), alert(2, 1223)]);
    assert!(reply.decision().uploads.contains(&UploadStep::Drop) && talk.store.chunks.is_empty());
    assert!(reply.alerts().is_empty(), "who aborts is told nothing more");
    let (mut talk, _) = asked();
    talk.says([heard(2), piece(2, "./A", Some(6), "one", true)]);
    talk.begins("2");
    assert_eq!(talk.says([alert(2, 1201)]).decision().uploads, [UploadStep::DropReplaced]);
    let (mut talk, _) = asked();
    talk.says([heard(2), piece(2, "./A", Some(6), "one", true)]);
    talk.waits(31);
    talk.is_closed();
    assert!(talk.store.chunks.is_empty() && talk.session().upload.is_none());
}

#[test]
fn chunks_that_never_end_are_cut_off() {
    let (mut talk, _) = asked();
    talk.says([heard(2), piece(2, "./A", Some(1_000), "", true)]);
    let upload = talk.store.session.as_mut().and_then(|session| session.upload.as_mut()).expect("an upload");
    upload.chunks = 4_094;
    let codes = [3, 4, 5].map(|message| {
        let reply = talk.says([heard(message), piece(2, "./A", None, "", true)]);
        reply.statuses()[1].clone()
    });
    assert_eq!(codes, ["2 Results 213", "2 Results 213", "2 Results 413"]);
    assert!(talk.store.chunks.is_empty());
}

#[test]
fn a_chunk_that_there_is_no_room_for_is_too_large_and_takes_the_others_along() {
    let (mut talk, order) = asked();
    talk.store.room = 5;
    assert_eq!(talk.says([heard(2), piece(2, "./A", Some(9), "one", true)]).statuses()[1], "2 Results 213");
    let reply = talk.says([heard(3), piece(2, "./A", None, "two", true)]);
    assert_eq!((&reply.statuses()[1][..], reply.anomalies()), ("2 Results 413", vec!["upload_without_room"]));
    assert_eq!(reply.decision().uploads, [UploadStep::Drop]);
    assert!(talk.session().upload.is_none() && talk.value(&order, 0).is_none());
    let two = piece(2, "./A", Some(6), "one", true) + &piece(3, "./B", Some(6), "two", true);
    let statuses = talk.says([heard(4), two]).statuses();
    assert_eq!(statuses[1..], ["2 Results 213".to_owned(), "3 Results 413".to_owned()], "what is kept is counted");
}

#[test]
fn a_value_that_takes_too_long_is_given_up_before_its_chunks_are() {
    let (mut talk, order) = asked();
    talk.says([heard(2), piece(2, "./A", Some(9), "one", true)]);
    talk.waits(30);
    assert_eq!(talk.says([heard(3), piece(2, "./A", None, "two", true)]).statuses()[1], "2 Results 213");
    talk.waits(1);
    let reply = talk.says([heard(4), piece(2, "./A", None, "six", false)]);
    assert_eq!((&reply.statuses()[1][..], reply.anomalies()), ("2 Results 424", vec!["upload_too_slow"]));
    assert!(talk.value(&order, 0).is_none() && talk.store.chunks.is_empty());
}

#[test]
fn the_end_of_a_value_that_was_given_up_is_no_value() {
    let (mut talk, order) = asked();
    talk.says([heard(2), status(2, 2, 2, "Get", 200), piece(3, "./A", Some(9), "one", true)]);
    talk.waits(31);
    assert_eq!(talk.says([heard(3), piece(2, "./A", None, "two", true)]).statuses()[1], "2 Results 424");
    for message in [4, 5] {
        let reply = talk.says([heard(message), piece(2, "./A", None, "six", false)]);
        assert_eq!((&reply.statuses()[1][..], talk.value(&order, 0)), ("2 Results 424", None));
    }
    // A value that begins anew says its size again.
    talk.says([heard(6), piece(2, "./A", Some(6), "one", true)]);
    talk.says([heard(7), piece(2, "./A", None, "two", false)]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("onetwo")));
}

#[test]
fn a_value_whose_beginning_was_refused_does_not_end_as_its_last_chunk() {
    let (mut talk, order) = asked();
    let reply = talk.says([heard(2), status(2, 2, 2, "Get", 200), piece(3, "./A", None, "one", true)]);
    assert_eq!(reply.statuses()[1], "3 Results 411");
    let reply = talk.says([heard(3), piece(2, "./A", None, "six", false)]);
    assert_eq!((&reply.statuses()[1][..], talk.value(&order, 0)), ("2 Results 424", None));
}

#[test]
fn a_transfer_without_end_is_aborted() {
    let (mut talk, _) = asked();
    talk.says([heard(2), piece(2, "./A", Some(1_000), "one", true)]);
    talk.store.session.as_mut().expect("a session").messages = 50 * talk.rules.max_messages - 2;
    assert_eq!(talk.says([heard(3), piece(2, "./A", None, "two", true)]).alerts(), [1222]);
    assert_eq!(talk.says([heard(4), piece(2, "./A", None, "six", true)]).alerts(), [1223]);
    assert_eq!(talk.ending(), Some(crate::session::Ending::AbortedByServer));
    assert!(talk.store.chunks.is_empty());
}

#[test]
fn several_items_of_one_results_keep_the_first_fault() {
    let (mut talk, _) = asked();
    let two = "<Results><CmdID>2</CmdID><MsgRef>2</MsgRef><CmdRef>2</CmdRef><Item><Source><LocURI>./A</LocURI></Source>\
               <Data>x</Data><MoreData/></Item><Item><Source><LocURI>./A</LocURI></Source><Meta><Size>9</Size></Meta>\
               <Data>y</Data><MoreData/></Item></Results>";
    assert_eq!(talk.says([heard(2), two.to_owned()]).statuses()[1], "2 Results 411");
}

#[test]
fn a_whole_megabyte_is_taken_in_one_piece() {
    let (mut talk, order) = asked();
    let data = "x".repeat(1024 * 1024);
    talk.says([heard(2), status(2, 2, 2, "Get", 200), piece(3, "./A", None, &data, false)]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some(&data[..])));
}
