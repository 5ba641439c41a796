//! The queue: gapless, in order, exact in its counts.

use transom::model::{
    BatchId, CommandFilter, CommandId, CommandScope, CommandState, Dependency, EnrollmentId, NewCommand, NotEnqueued,
    Reason, ReasonCode, Timestamp,
};
use transom::store::{CommandChange, Error};
use transom_protocol::session::Pending;

use super::{NOW, command, get, order};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    sequences_are_gapless_under_sixteen_at_once,
    each_device_gets_its_own_or_a_reason,
    a_message_gets_what_it_may_send_in_order,
    a_pile_of_held_back_commands_hides_nothing,
    what_is_in_flight_comes_along,
    large_commands_come_in_portions,
    changes_come_back_as_they_were_saved,
    who_was_settled_is_not_changed_again,
    attempts_link_a_command_to_its_messages,
);

async fn sequences_are_gapless_under_sixteen_at_once(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let orders = (0..16).map(|author: i64| {
        let store = test.store.clone();
        tokio::spawn(async move {
            for round in 0..5 {
                let order = order(&["a", "a"], vec![get(&format!("./A/{author}")), get("./B"), get("./C")]);
                let done: Result<(), Error> = store
                    .write(move |tx| {
                        tx.enqueue(&order, NOW)?;
                        if (author + round) % 4 == 0 { Err(Error::NotFound("reason to go on")) } else { Ok(()) }
                    })
                    .await;
                assert_eq!(done.is_err(), (author + round) % 4 == 0, "{done:?}");
            }
        })
    });
    for order in orders.collect::<Vec<_>>() {
        order.await.unwrap();
    }
    let sequences = test.direct().texts("SELECT CAST(sequence AS TEXT) AS text FROM commands ORDER BY sequence");
    let expected: Vec<String> = (1..=180).map(|sequence: i32| sequence.to_string()).collect();
    assert_eq!(sequences, expected);
    let contact = test.store.write(move |tx| tx.enrollment_for_update(&enrollment)).await.unwrap().unwrap();
    assert_eq!(contact.open_commands, 180);
    // What was ordered together stands together.
    let pending = test.store.read(move |tx| tx.pending_commands(&contact.enrollment, &[], NOW, 1000)).await.unwrap();
    for three in pending.chunks(3) {
        let targets: Vec<_> = three.iter().map(first_target).collect();
        assert!(targets[0].starts_with("./A/") && targets[1] == "./B" && targets[2] == "./C", "{targets:?}");
    }
}

fn first_target(command: &Pending) -> String {
    command.instruction.settings().next().unwrap().1.target.to_string()
}

async fn each_device_gets_its_own_or_a_reason(test: &TestStore) {
    for name in ["a", "b", "full"] {
        test.enroll(name).await;
    }
    test.enqueue("full", vec![get("./A"), get("./B")]).await;
    let batch = BatchId::new(NOW);
    let mut new = order(&["a", "nobody", "FULL", "B", "a"], vec![get("./X"), get("./Y")]);
    new.max_open = 3;
    new.batch = Some(batch.clone());
    let enqueued = test.store.write(move |tx| tx.enqueue(&new, NOW)).await.unwrap();
    let told: Vec<_> = enqueued
        .iter()
        .map(|told| (told.device.as_str(), told.commands.as_ref().map(Vec::len).map_err(|why| *why)))
        .collect();
    let expected = [
        ("a", Ok(2)),
        ("nobody", Err(NotEnqueued::UnknownDevice)),
        ("FULL", Err(NotEnqueued::QueueFull)),
        ("B", Ok(2)),
    ];
    assert_eq!(told, expected);
    let filter = CommandFilter { batch: Some(batch), ..CommandFilter::default() };
    let listed = test.store.read(move |tx| tx.commands(&filter, None, 10)).await.unwrap().items;
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|command| command.kind == "get" && command.created_by == "tests"));

    let mut rows = order(&["a"], (0..700).map(|number| get(&format!("./N/{number}"))).collect());
    rows.max_open = i64::MAX;
    let enqueued = test.store.write(move |tx| tx.enqueue(&rows, NOW)).await.unwrap();
    assert_eq!(enqueued[0].commands.as_ref().unwrap().len(), 700, "more than fit into one statement");
    let nothing = test.store.write(|tx| tx.enqueue(&order(&["a"], Vec::new()), NOW)).await.unwrap();
    assert_eq!(nothing[0].commands, Ok(Vec::new()));
}

pub(super) async fn pending(test: &TestStore, enrollment: &EnrollmentId, now: Timestamp, limit: i64) -> Vec<Pending> {
    let enrollment = enrollment.clone();
    test.store.read(move |tx| tx.pending_commands(&enrollment, &[], now, limit)).await.unwrap()
}

pub(super) fn sequences(commands: &[Pending]) -> Vec<i64> {
    commands.iter().map(|command| command.sequence).collect()
}

async fn a_message_gets_what_it_may_send_in_order(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let user = |target: &str| NewCommand { scope: CommandScope::User, ..get(target) };
    let later = NewCommand { not_before: Some(NOW.plus_millis(1000)), ..get("./Later") };
    let mixed = NewCommand { scope: CommandScope::Mixed, ..get("./Mixed") };
    let commands = vec![get("./1"), user("./2"), later, user("./4"), mixed, get("./6"), user("./7")];
    let ids = test.enqueue("a", commands).await;
    let now = pending(test, &enrollment, NOW, 100).await;
    assert_eq!(sequences(&now), [1, 2, 4, 5, 6, 7]);
    assert_eq!(
        now.iter().map(|command| &command.id).collect::<Vec<_>>(),
        [&ids[0], &ids[1], &ids[3], &ids[4], &ids[5], &ids[6]]
    );
    assert_eq!(sequences(&pending(test, &enrollment, NOW, 2).await), [1, 2, 4, 5], "two of each lane");
    assert_eq!(sequences(&pending(test, &enrollment, NOW.plus_millis(1000), 100).await), [1, 2, 3, 4, 5, 6, 7]);
    let fresh = &now[0];
    assert_eq!((fresh.state, fresh.attempts, fresh.reason.clone()), (CommandState::Queued, 0, None));
    assert_eq!(fresh.progress.items.len(), 1);
}

/// Saves one command of an enrollment as changed by `change`.
pub(super) async fn change(
    test: &TestStore,
    enrollment: &EnrollmentId,
    id: &CommandId,
    change: impl FnOnce(&mut Pending),
) {
    let (of, ids) = (enrollment.clone(), [id.clone()]);
    let mut command = test.store.read(move |tx| tx.open_commands(&of, &ids, NOW)).await.unwrap().remove(0);
    change(&mut command);
    let of = enrollment.clone();
    let sent = command.state == CommandState::Sent;
    let saved = test.store.write(move |tx| tx.save_commands(&of, &[CommandChange { command, sent }], NOW)).await;
    saved.unwrap();
}

pub(super) fn reason(code: ReasonCode, retry_at: Option<Timestamp>) -> Reason {
    Reason { code, since: NOW, count: 2, retry_at, detail: Some("because".to_owned()) }
}

pub(super) fn defer(code: ReasonCode, retry_at: Option<Timestamp>) -> impl FnOnce(&mut Pending) {
    move |command| {
        command.state = CommandState::Deferred;
        command.reason = Some(reason(code, retry_at));
    }
}

async fn a_pile_of_held_back_commands_hides_nothing(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", (0..60).map(|number| get(&format!("./{number}"))).collect()).await;
    for (number, id) in ids.iter().enumerate().take(50) {
        match number % 4 {
            0 => change(test, &enrollment, id, defer(ReasonCode::Accepted, None)).await,
            1 => change(test, &enrollment, id, defer(ReasonCode::WaitingForDependency, None)).await,
            2 => change(test, &enrollment, id, defer(ReasonCode::RetryLater, Some(NOW.plus_millis(10)))).await,
            _ => change(test, &enrollment, id, |command| command.state = CommandState::Sent).await,
        }
    }
    assert_eq!(sequences(&pending(test, &enrollment, NOW, 5).await), [51, 52, 53, 54, 55]);
    let later = pending(test, &enrollment, NOW.plus_millis(10), 5).await;
    assert_eq!(sequences(&later), [3, 7, 11, 15, 19], "what was to be tried again later is first again");
    assert_eq!(later[0].reason, Some(reason(ReasonCode::RetryLater, Some(NOW.plus_millis(10)))));
    change(test, &enrollment, &ids[50], defer(ReasonCode::WaitingForUser, None)).await;
    change(test, &enrollment, &ids[51], defer(ReasonCode::WaitingForScope, None)).await;
    assert_eq!(sequences(&pending(test, &enrollment, NOW, 3).await), [51, 52, 53]);
}

async fn what_is_in_flight_comes_along(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    test.enroll("b").await;
    let ids = test.enqueue("a", (0..6).map(|number| get(&format!("./{number}"))).collect()).await;
    let foreign = test.enqueue("b", vec![get("./Foreign")]).await;
    for id in &ids[..3] {
        change(test, &enrollment, id, |command| command.state = CommandState::Sent).await;
    }
    change(test, &enrollment, &ids[2], |command| command.state = CommandState::Succeeded).await;
    let flying = vec![ids[0].clone(), ids[1].clone(), ids[2].clone(), ids[4].clone(), foreign[0].clone()];
    let of = enrollment.clone();
    let found = test.store.read(move |tx| {
        let found = tx.pending_commands(&of, &flying, NOW, 1)?;
        assert_eq!(tx.statements(), 1);
        Ok::<_, Error>(found)
    });
    assert_eq!(sequences(&found.await.unwrap()), [1, 2, 4, 5], "two in flight, one to send, one of both, each once");
}

async fn large_commands_come_in_portions(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let large = |number: usize| {
        let data = format!("{number}").repeat(1_500_000);
        command(&format!(r#"{{"kind":"replace","items":[{{"target":"./{number}","data":"{data}"}}]}}"#))
    };
    let user = NewCommand { scope: CommandScope::User, ..get("./User") };
    let ids =
        test.enqueue("a", vec![get("./Small"), large(1), large(2), large(3), large(4), get("./Behind"), user]).await;
    let first = pending(test, &enrollment, NOW, 100).await;
    assert_eq!(sequences(&first), [1, 2, 3, 7], "nothing overtakes what is left out, but in its own lane");
    let data = first[2].instruction.settings().next().unwrap().1.data.clone().unwrap();
    assert_eq!((data.len(), &data[..2]), (1_500_000, "22"));

    for id in &ids[1..4] {
        change(test, &enrollment, id, |command| command.state = CommandState::Sent).await;
    }
    let (of, flying) = (enrollment.clone(), ids[1..4].to_vec());
    let next = test.store.read(move |tx| {
        let next = tx.pending_commands(&of, &flying, NOW, 100)?;
        assert_eq!(tx.statements(), 2, "one more for what is large");
        Ok::<_, Error>(next)
    });
    let next = next.await.unwrap();
    assert_eq!(sequences(&next), [1, 2, 3, 4, 5, 6, 7], "what is in flight always comes");
    assert!(next[1..5].iter().all(|command| command.instruction.settings().next().unwrap().1.data.is_some()));
}

async fn changes_come_back_as_they_were_saved(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let atomic = r#"{"kind":"atomic","commands":[{"kind":"replace","items":[{"target":"./A","format":"int","data":"1"},
        {"target":"./B","data":"a secret"}]},{"kind":"exec","items":[{"target":"./C"}]}]}"#;
    let mut new = command(atomic);
    new.expires_at = Some(NOW.plus_millis(99));
    let other = command(r#"{"kind":"get","items":[{"target":"./A"}]}"#);
    let third = NewCommand { depends_on: vec![Dependency::OnEarlier(0), Dependency::OnEarlier(1)], ..get("./T") };
    let ids = test.enqueue("a", vec![new, other, third]).await;
    let mut commands = pending(test, &enrollment, NOW, 10).await;
    assert_eq!(commands[2].depends_on, ids[..2]);
    for (number, command) in commands.iter_mut().enumerate() {
        command.state = [CommandState::Deferred, CommandState::Sent, CommandState::Queued][number];
        command.reason =
            [Some(reason(ReasonCode::RetryLater, Some(NOW))), None, Some(reason(ReasonCode::Unanswered, None))][number]
                .clone();
        command.attempts = 7;
        command.progress.unanswered = 3;
        command.progress.items[0].original_error = Some("0x86000002 \u{0} 'quoted'".to_owned());
    }
    let (of, saved) = (enrollment.clone(), commands.clone());
    test.store
        .write(move |tx| {
            let changes: Vec<_> =
                saved.into_iter().map(|command| CommandChange { sent: command.attempts > 6, command }).collect();
            tx.save_commands(&of, &changes, NOW.plus_millis(1))
        })
        .await
        .unwrap();
    let (of, all) = (enrollment.clone(), ids.clone());
    assert_eq!(test.store.read(move |tx| tx.open_commands(&of, &all, NOW)).await.unwrap(), commands);
    let id = ids[1].clone();
    let view = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap();
    assert_eq!((view.record.sent_at, view.record.attempts), (Some(NOW.plus_millis(1)), 7));
    assert_eq!(view.progress, commands[1].progress);
    let states = test.store.read(move |tx| tx.command_states(&ids)).await.unwrap();
    assert_eq!(states.len(), 3);
    assert!(states.contains(&(commands[0].id.clone(), CommandState::Deferred)));
}

async fn who_was_settled_is_not_changed_again(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", vec![get("./A"), get("./B"), get("./C")]).await;
    let commands = pending(test, &enrollment, NOW, 10).await;
    let id = ids[1].clone();
    test.store.write(move |tx| tx.cancel(&id, false, "me", NOW)).await.unwrap();
    // A message that loaded the commands without the lock, and before they were changed.
    let of = enrollment.clone();
    let late = test.store.write(move |tx| {
        let changes: Vec<_> = commands
            .into_iter()
            .map(|command| CommandChange { command: Pending { state: CommandState::Sent, ..command }, sent: true })
            .collect();
        tx.save_commands(&of, &changes, NOW)
    });
    assert!(matches!(late.await, Err(Error::Conflict(_))));
    let states = test.store.read(move |tx| tx.command_states(&ids)).await.unwrap();
    assert_eq!(states.iter().filter(|(_, state)| *state == CommandState::Queued).count(), 2, "none was changed");
}

async fn attempts_link_a_command_to_its_messages(test: &TestStore) {
    use transom::model::{ExchangeId, SessionKey};
    use transom::store::{Carrier, NewAttempt};
    use transom_protocol::session::MsgId;
    test.enroll("a").await;
    let ids = test.enqueue("a", vec![get("./A"), get("./B")]).await;
    let (session, other) = (SessionKey::new(NOW), SessionKey::new(NOW));
    let exchanges: Vec<ExchangeId> = (0..3).map(|_| ExchangeId::new(NOW)).collect();
    let (all, keys, carried) = (ids.clone(), [session.clone(), other.clone()], exchanges.clone());
    test.store
        .write(move |tx| {
            for (number, key) in [(1, &keys[0]), (2, &keys[1])] {
                let carrier = Carrier {
                    session: key,
                    message: MsgId::FIRST.next(),
                    exchange: &carried[usize::try_from(number - 1).unwrap()],
                    at: NOW.plus_millis(i64::from(number)),
                };
                let attempt = |command: &CommandId| NewAttempt { command: command.clone(), number, cmd_id: 4 };
                tx.add_attempts(carrier, &all.iter().map(attempt).collect::<Vec<_>>())?;
            }
            let answered = NOW.plus_millis(9);
            tx.answer_attempts(&keys[1], MsgId::FIRST.next(), &all[..1], &carried[2], answered)?;
            tx.answer_attempts(&keys[1], MsgId::FIRST.next(), &all[..1], &carried[0], answered.plus_millis(1))?;
            tx.answer_attempts(&keys[0], MsgId::FIRST, &all, &carried[2], answered)
        })
        .await
        .unwrap();
    let (first, second) = (ids[0].clone(), ids[1].clone());
    let attempts = test.store.read(move |tx| tx.command(&first)).await.unwrap().unwrap().attempts;
    assert_eq!(attempts.len(), 2);
    assert_eq!((&attempts[0].session, attempts[0].answered_at), (&session, None), "another message was answered");
    assert_eq!((attempts[1].number, attempts[1].message, attempts[1].cmd_id), (2, 2, 4));
    assert_eq!((&attempts[1].session, &attempts[1].sent_in), (&other, &exchanges[1]));
    assert_eq!(attempts[1].answered_in.as_ref(), Some(&exchanges[2]), "the first answer counts");
    assert_eq!(attempts[1].answered_at, Some(NOW.plus_millis(9)));
    let attempts = test.store.read(move |tx| tx.command(&second)).await.unwrap().unwrap().attempts;
    assert!(attempts.iter().all(|attempt| attempt.answered_at.is_none()), "another command was answered");
}
