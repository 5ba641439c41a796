//! Values too large for one message, on their way to the device (OMA DM Protocol 7, MS-MDM 2.2.5.3).

use super::talk::{Reply, Talk, alert, get, heard, replace, status};
use crate::session::{CommandId, CommandState, ReasonCode};
use crate::syncml::Command;

const LIMIT: usize = 1_500;

fn talk(max_obj_size: Option<u64>) -> Talk {
    let mut talk = Talk::by_certificate();
    talk.meta = format!("<MaxMsgSize xmlns=\"syncml:metinf\">{LIMIT}</MaxMsgSize>");
    if let Some(size) = max_obj_size {
        talk.meta = format!("{}<MaxObjSize xmlns=\"syncml:metinf\">{size}</MaxObjSize>", talk.meta);
    }
    talk
}

/// The piece that a reply carries, the size that it announces, and whether more follows.
fn chunk(reply: &Reply) -> Option<(String, Option<u64>, bool)> {
    reply.message.body.commands.iter().find_map(|command| match command {
        Command::Request(request) if request.items[0].data.is_some() => {
            let item = &request.items[0];
            Some((item.text().to_owned(), item.meta.as_ref().and_then(|meta| meta.size), item.more_data))
        }
        _ => None,
    })
}

/// A device that takes every chunk. Gives the whole value.
fn takes_all(talk: &mut Talk, order: &CommandId, verb: &str) -> String {
    let mut reply = talk.says([alert(2, 1201)]);
    let mut whole = String::new();
    let mut messages = 0;
    while let Some((piece, size, more)) = chunk(&reply) {
        assert!(reply.len() <= LIMIT, "{} bytes", reply.len());
        assert_eq!(size.is_some(), whole.is_empty(), "the size goes with the first chunk only");
        assert_eq!(reply.is_final(), !more, "a package with more to come is not complete");
        assert_eq!(talk.state(order), CommandState::Sent);
        whole.push_str(&piece);
        let message = talk.message;
        let cmd_id = reply.message.body.commands.last().map_or("", Command::cmd_id).parse().expect("a number");
        let code = if more { 213 } else { 200 };
        reply = talk.says([
            heard(message),
            status(2, message, cmd_id, verb, code),
            if more { alert(3, 1222) } else { String::new() },
        ]);
        messages += 1;
        assert!(messages < 2_000, "the transfer ends");
    }
    whole
}

#[test]
fn a_value_goes_out_in_chunks_that_fit_and_make_the_whole() {
    for data in ["x".repeat(10_000), "&<>\"\n\r\t\u{e9}\u{1F600}".repeat(300), "\u{1F600}".repeat(2_000)] {
        let mut talk = talk(None);
        let order = talk.order(&format!(
            r#"{{"kind":"replace","items":[{{"target":"./A","data":{}}}]}}"#,
            serde_json::to_string(&data).expect("text")
        ));
        let after = talk.order(&get("./B"));
        let whole = takes_all(&mut talk, &order, "Replace");
        assert!(whole == data, "{} of {} bytes", whole.len(), data.len());
        assert_eq!((talk.state(&order), talk.command(&order).attempts), (CommandState::Succeeded, 1));
        assert_eq!(talk.state(&after), CommandState::Sent, "and the queue goes on");
    }
}

#[test]
fn the_size_counts_the_bytes_of_the_value() {
    let mut talk = talk(None);
    talk.order(&replace("./A", &"\u{e9}<".repeat(1_000)));
    let size = chunk(&talk.says([alert(2, 1201)])).and_then(|(_, size, _)| size);
    assert_eq!(size, Some(3_000));
}

#[test]
fn the_next_chunk_waits_for_the_status_of_the_one_before() {
    let mut talk = talk(None);
    talk.order(&replace("./A", &"x".repeat(5_000)));
    talk.order(&get("./B"));
    let first = talk.says([alert(2, 1201)]);
    assert!(chunk(&first).is_some_and(|(_, _, more)| more));
    let reply = talk.says([heard(1), alert(2, 1222)]);
    assert_eq!(reply.commands().len(), 0, "nothing comes between two chunks either");
    assert!(chunk(&talk.says([heard(2), status(2, 1, 3, "Replace", 213)])).is_some());
}

#[test]
fn a_device_that_only_leaves_final_out_gets_its_next_chunk_when_it_asks_again() {
    let mut talk = talk(None);
    talk.order(&replace("./A", &"x".repeat(3_000)));
    talk.says([alert(2, 1201)]);
    talk.is_final = false;
    let reply = talk.says([heard(1), status(2, 1, 3, "Replace", 213), alert(3, 1222)]);
    assert_eq!((reply.alerts(), chunk(&reply).is_some()), (vec![1222], false), "it has not ended its package");
    let reply = talk.says([heard(2), alert(2, 1222)]);
    assert_eq!((reply.alerts(), chunk(&reply).is_some()), (vec![], true), "it has nothing to add");
}

#[test]
fn a_refused_chunk_ends_the_transfer() {
    for (code, state) in [(413, CommandState::Failed), (424, CommandState::Failed), (503, CommandState::Deferred)] {
        let mut talk = talk(None);
        let order = talk.order(&replace("./A", &"x".repeat(5_000)));
        talk.order(&get("./B"));
        talk.says([alert(2, 1201)]);
        let reply = talk.says([heard(1), status(2, 1, 3, "Replace", code)]);
        assert_eq!(talk.state(&order), state, "Status {code}");
        assert_eq!(reply.commands(), ["2 Get ./B"]);
        assert!(talk.session().download.is_none());
    }
}

#[test]
fn a_value_larger_than_the_device_takes_is_set_aside() {
    let mut talk = talk(Some(4_000));
    let order = talk.order(&replace("./A", &"x".repeat(5_000)));
    let small = talk.order(&replace("./B", &"x".repeat(3_000)));
    talk.says([alert(2, 1201)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Failed, Some(ReasonCode::TooLarge)));
    assert_eq!(talk.state(&small), CommandState::Sent);
}

#[test]
fn a_transfer_that_the_device_dropped_begins_again_a_few_times() {
    let mut talk = talk(None);
    let order = talk.order(&replace("./A", &"x".repeat(5_000)));
    talk.says([alert(2, 1201)]);
    for _ in 1..talk.rules.max_unanswered {
        let message = talk.message;
        let reply = talk.says([heard(message), alert(2, 1225)]);
        let (_, size, more) = chunk(&reply).expect("the first chunk again");
        assert_eq!((size, more), (Some(5_000), true));
        assert_eq!(reply.anomalies(), ["download_interrupted"]);
    }
    let message = talk.message;
    talk.says([heard(message), alert(2, 1225)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Failed, Some(ReasonCode::MessageRefused)));
}

#[test]
fn a_transfer_that_was_cut_off_begins_again_in_the_next_session() {
    for answered in [true, false] {
        let mut talk = talk(None);
        let order = talk.order(&replace("./A", &"x".repeat(5_000)));
        talk.says([alert(2, 1201)]);
        if answered {
            talk.says([heard(1), status(2, 1, 3, "Replace", 213)]);
        }
        talk.begins("2");
        let reply = talk.says([alert(2, 1200)]);
        assert_eq!(chunk(&reply).and_then(|(_, size, _)| size), Some(5_000));
        assert_eq!((talk.state(&order), talk.command(&order).progress.unanswered), (CommandState::Sent, 1));
    }
}

#[test]
fn a_command_in_transfer_is_never_forgotten_by_its_session() {
    let mut talk = talk(None);
    let order = talk.order(&replace("./A", &"x".repeat(5_000)));
    talk.says([alert(2, 1201)]);
    // The chunk is taken, but for many messages the device has other things to say.
    talk.is_final = false;
    talk.says([heard(1), status(2, 1, 3, "Replace", 213)]);
    for message in 2..8 {
        talk.says([heard(message), alert(2, 1201)]);
    }
    talk.waits(31);
    talk.is_closed();
    assert_eq!(talk.state(&order), CommandState::Queued);
}

#[test]
fn the_rest_of_a_canceled_value_is_not_sent() {
    let mut talk = talk(None);
    let order = talk.order(&replace("./A", &"x".repeat(5_000)));
    talk.order(&get("./B"));
    talk.says([alert(2, 1201)]);
    talk.store.commands.get_mut(&order).expect("known").state = CommandState::Canceled;
    let reply = talk.says([heard(1), status(2, 1, 3, "Replace", 213), alert(3, 1222)]);
    assert_eq!(reply.commands(), ["3 Get ./B"]);
    assert!(talk.session().download.is_none());
}

#[test]
fn what_can_not_be_cut_is_set_aside() {
    let item = |node: &str| format!(r#"{{"target":"{node}","data":"{}"}}"#, "x".repeat(1_000));
    for json in [
        format!(r#"{{"kind":"replace","items":[{},{}]}}"#, item("./A"), item("./B")),
        format!(r#"{{"kind":"atomic","commands":[{{"kind":"replace","items":[{},{}]}}]}}"#, item("./A"), item("./B")),
    ] {
        let mut talk = talk(None);
        let order = talk.order(&json);
        talk.says([alert(2, 1201)]);
        assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Failed, Some(ReasonCode::TooLarge)));
    }
}
