//! How commands leave the queue without a message: by an operator, by the clock, by what they wait for.

use transom::limits::DeviceLimiter;
use transom::management::{Management, Options};
use transom::metrics::Metrics;
use transom::model::{CommandId, CommandState, Dependency, NewCommand, ReasonCode};
use transom::store::{Cancellation, CommandChange, Error, Lapsed, Resolution};
use transom_protocol::session::Pending;

use super::queue::{change, defer, pending, reason, sequences};
use super::{NOW, command, device, get, order};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    dependents_wake_when_all_they_wait_for_is_settled,
    dependents_wake_whoever_settles_what_they_wait_for,
    canceling_says_what_came_of_it,
    clearing_leaves_what_is_on_its_way,
    doubts_are_resolved_by_a_person,
    what_is_late_expires_unless_it_was_sent,
    what_is_late_and_may_have_been_carried_out_is_in_doubt,
    all_that_is_late_expires_in_one_go,
    accepted_commands_are_found_when_they_are_overdue,
    the_count_of_open_commands_is_exact,
);

async fn dependents_wake_when_all_they_wait_for_is_settled(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let both = NewCommand {
        depends_on: vec![Dependency::OnEarlier(0), Dependency::OnEarlier(1)],
        not_before: Some(NOW.plus_millis(50)),
        ..get("./Both")
    };
    let one = NewCommand { depends_on: vec![Dependency::OnEarlier(0)], ..get("./One") };
    let ids = test.enqueue("a", vec![get("./A"), get("./B"), both, one]).await;
    for id in &ids[2..] {
        change(test, &enrollment, id, defer(ReasonCode::WaitingForDependency, None)).await;
    }
    let wake = || {
        let of = enrollment.clone();
        test.store.write(move |tx| tx.wake_dependents(&of))
    };
    assert_eq!(wake().await.unwrap(), 0);
    change(test, &enrollment, &ids[0], |command| command.state = CommandState::Failed).await;
    assert_eq!(wake().await.unwrap(), 0, "it woke with the outcome; whether it may run is for the session to decide");
    assert_eq!(sequences(&pending(test, &enrollment, NOW, 9).await), [2, 4]);
    change(test, &enrollment, &ids[1], |command| command.state = CommandState::Succeeded).await;
    assert_eq!(sequences(&pending(test, &enrollment, NOW, 9).await), [4]);
    assert_eq!(sequences(&pending(test, &enrollment, NOW.plus_millis(50), 9).await), [3, 4]);
    let backwards = NewCommand { depends_on: vec![Dependency::OnEarlier(0)], ..get("./Itself") };
    let refused = test.store.write(move |tx| tx.enqueue(&order(&["a"], vec![backwards]), NOW)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
}

async fn dependents_wake_whoever_settles_what_they_wait_for(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let late = NewCommand { expires_at: Some(NOW), ..get("./Late") };
    let waits = |place| NewCommand { depends_on: vec![Dependency::OnEarlier(place)], ..get("./Waits") };
    let order = vec![get("./Canceled"), late, get("./Doubt"), get("./Done"), waits(0), waits(1), waits(2), waits(3)];
    let ids = test.enqueue("a", order).await;
    change(test, &enrollment, &ids[2], |command| command.state = CommandState::Unknown).await;
    for id in &ids[4..] {
        change(test, &enrollment, id, defer(ReasonCode::WaitingForDependency, None)).await;
    }
    let free = async || {
        let found = sequences(&pending(test, &enrollment, NOW, 99).await);
        found.into_iter().filter(|sequence| *sequence > 4).collect::<Vec<_>>()
    };
    assert_eq!(free().await, Vec::<i64>::new());
    let (canceled, doubt) = (ids[0].clone(), ids[2].clone());
    test.store.write(move |tx| tx.cancel(&canceled, false, "me", NOW)).await.unwrap();
    assert_eq!(free().await, [5, 7], "a doubt is an outcome too; what follows from it is for the session to decide");
    change(test, &enrollment, &ids[6], defer(ReasonCode::WaitingForDependency, None)).await;
    test.store.write(move |tx| tx.resolve_unknown(&doubt, Resolution::Succeeded, "me", NOW)).await.unwrap();
    assert_eq!(free().await, [5, 7]);
    test.store.write(|tx| tx.expire_commands(NOW, 99)).await.unwrap();
    assert_eq!(free().await, [5, 6, 7]);
    change(test, &enrollment, &ids[3], |command| command.state = CommandState::Succeeded).await;
    assert_eq!(free().await, [5, 6, 7, 8]);
}

async fn canceling_says_what_came_of_it(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", (0..4).map(|number| get(&format!("./{number}"))).collect()).await;
    for id in &ids[1..3] {
        change(test, &enrollment, id, |command| command.state = CommandState::Sent).await;
    }
    change(test, &enrollment, &ids[3], defer(ReasonCode::RetryLater, Some(NOW.plus_millis(5)))).await;
    let cancel = |number: usize, even_if_sent| {
        let id = ids[number].clone();
        test.store.write(move |tx| tx.cancel(&id, even_if_sent, "O'Brien", NOW))
    };
    assert_eq!(cancel(0, false).await.unwrap(), Cancellation::Canceled);
    assert_eq!(cancel(0, false).await.unwrap(), Cancellation::Settled(CommandState::Canceled));
    assert_eq!(cancel(1, false).await.unwrap(), Cancellation::Sent);
    assert_eq!(cancel(2, true).await.unwrap(), Cancellation::Canceled);
    assert_eq!(cancel(3, false).await.unwrap(), Cancellation::Canceled);
    let id = ids[2].clone();
    let record = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap().record;
    let why = record.reason.unwrap();
    assert_eq!((record.state, why.code), (CommandState::Canceled, ReasonCode::ByOperator));
    assert_eq!(why.detail.as_deref(), Some("by O'Brien, after it was sent: it is not sent again"));
    assert_eq!(pending(test, &enrollment, NOW.plus_millis(5), 9).await, Vec::new());
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 1);
    let nobody = CommandId("nobody".to_owned());
    let unknown = test.store.write(move |tx| tx.cancel(&nobody, true, "me", NOW)).await;
    assert!(matches!(unknown, Err(Error::NotFound("command"))));
}

async fn clearing_leaves_what_is_on_its_way(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    test.enroll("b").await;
    test.enqueue("b", vec![get("./Other")]).await;
    let ids = test.enqueue("a", (0..5).map(|number| get(&format!("./{number}"))).collect()).await;
    change(test, &enrollment, &ids[0], |command| command.state = CommandState::Sent).await;
    change(test, &enrollment, &ids[1], defer(ReasonCode::Accepted, None)).await;
    change(test, &enrollment, &ids[2], defer(ReasonCode::WaitingForUser, None)).await;
    let of = enrollment.clone();
    assert_eq!(test.store.write(move |tx| tx.clear(&of, "me", NOW)).await.unwrap(), 3);
    let contact = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().remove(0);
    assert_eq!(contact.open_commands, 2);
    let flying = ids[..2].to_vec();
    let left = test.store.read(move |tx| tx.pending_commands(&enrollment, &flying, NOW, 9)).await.unwrap();
    assert_eq!(sequences(&left), [1, 2]);
    assert_eq!(test.direct().number("SELECT sum(open_commands) FROM enrollments"), 3);
}

async fn doubts_are_resolved_by_a_person(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", (0..4).map(|number| get(&format!("./{number}"))).collect()).await;
    for id in &ids[..3] {
        change(test, &enrollment, id, |command| {
            command.state = CommandState::Unknown;
            command.reason = Some(reason(ReasonCode::Interrupted, None));
            command.progress.unanswered = 3;
        })
        .await;
    }
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 1);
    let resolve = |number: usize, resolution| {
        let id = ids[number].clone();
        test.store.write(move |tx| tx.resolve_unknown(&id, resolution, "me", NOW.plus_millis(1)))
    };
    resolve(0, Resolution::Retry).await.unwrap();
    resolve(1, Resolution::Succeeded).await.unwrap();
    assert!(matches!(resolve(3, Resolution::Failed).await, Err(Error::Conflict(_))), "it is not in doubt");
    let waiting = pending(test, &enrollment, NOW, 9).await;
    assert_eq!(sequences(&waiting), [1, 4], "at its old place");
    assert_eq!((waiting[0].state, waiting[0].progress.unanswered), (CommandState::Queued, 0));
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 2);
    let ended = enrollment.clone();
    test.store.write(move |tx| tx.end_enrollment(&ended, NOW)).await.unwrap();
    assert!(matches!(resolve(2, Resolution::Retry).await, Err(Error::Conflict(_))), "there is nobody to send it to");
    resolve(2, Resolution::Failed).await.unwrap();
}

async fn what_is_late_expires_unless_it_was_sent(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    test.enroll("b").await;
    let due = |millis| NewCommand { expires_at: Some(NOW.plus_millis(millis)), ..get("./Due") };
    let ids = test.enqueue("a", vec![due(10), due(10), due(10), due(20), get("./Never"), due(10)]).await;
    test.enqueue("b", vec![due(5)]).await;
    change(test, &enrollment, &ids[1], |command| command.state = CommandState::Sent).await;
    change(test, &enrollment, &ids[2], defer(ReasonCode::WaitingForDependency, None)).await;
    change(test, &enrollment, &ids[5], defer(ReasonCode::Accepted, None)).await;
    let expire = |millis, limit| test.store.write(move |tx| tx.expire_commands(NOW.plus_millis(millis), limit));
    assert_eq!(expire(4, 100).await.unwrap(), Lapsed::default());
    assert_eq!(expire(10, 1).await.unwrap().expired, 1, "a bounded number at a time");
    assert_eq!(expire(10, 100).await.unwrap().expired, 2);
    assert_eq!(expire(10, 100).await.unwrap(), Lapsed::default());
    let id = ids[2].clone();
    let late = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap().record;
    assert_eq!(late.state, CommandState::Expired);
    assert_eq!(late.reason.unwrap().code, ReasonCode::WaitingForDependency, "why it had to wait is kept");
    assert_eq!(test.direct().number("SELECT sum(open_commands) FROM enrollments"), 4);
}

fn management(test: &TestStore) -> Management {
    Management::new(test.store.clone(), Options::default(), Metrics::new(), DeviceLimiter::new(0, 0))
}

async fn what_is_late_and_may_have_been_carried_out_is_in_doubt(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let due = |new: NewCommand| NewCommand { expires_at: Some(NOW.plus_millis(10)), ..new };
    let replace = || due(command(r#"{"kind":"replace","items":[{"target":"./A","data":"1"}]}"#));
    let waits = NewCommand { depends_on: vec![Dependency::OnEarlier(1)], ..get("./Waits") };
    let order = vec![replace(), replace(), due(get("./Read")), replace(), replace(), waits];
    let ids = test.enqueue("a", order).await;
    // Sent, and not answered before the session was over; the fourth was answered with "later".
    for (id, maybe_applied) in ids[1..4].iter().zip([true, true, false]) {
        change(test, &enrollment, id, |command| {
            command.attempts = 1;
            command.progress.maybe_applied = maybe_applied;
        })
        .await;
    }
    change(test, &enrollment, &ids[4], |command| {
        command.attempts = 1;
        command.progress.maybe_applied = true;
        defer(ReasonCode::Accepted, None)(command);
    })
    .await;
    change(test, &enrollment, &ids[5], defer(ReasonCode::WaitingForDependency, None)).await;
    let management = management(test);
    assert_eq!(management.tidy(NOW.plus_millis(9)).await.unwrap().expired, 0);
    assert_eq!(management.tidy(NOW.plus_millis(10)).await.unwrap().expired, 4);
    let mut states = Vec::new();
    for id in ids {
        let record = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap().record;
        states.push((record.state, record.reason.map(|reason| reason.code)));
    }
    let expired = (CommandState::Expired, None);
    let doubt = (CommandState::Unknown, Some(ReasonCode::NeverAnswered));
    let accepted = (CommandState::Deferred, Some(ReasonCode::Accepted));
    assert_eq!(states, [expired, doubt, expired, expired, accepted, (CommandState::Queued, None)]);
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 2);
    let told = test.direct().number("SELECT count(*) FROM feed WHERE kind = 'command.unknown'");
    assert_eq!(told, 1, "who follows the feed hears the same");
}

async fn all_that_is_late_expires_in_one_go(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let late = NewCommand { expires_at: Some(NOW.plus_millis(10)), ..get("./Late") };
    let ids = test.enqueue("a", vec![late; 450]).await;
    for id in ids.iter().take(3) {
        change(test, &enrollment, id, |command| command.attempts = 1).await;
    }
    assert_eq!(management(test).tidy(NOW.plus_millis(10)).await.unwrap().expired, 450);
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 0);
}

async fn accepted_commands_are_found_when_they_are_overdue(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", (0..4).map(|number| get(&format!("./{number}"))).collect()).await;
    change(test, &enrollment, &ids[0], defer(ReasonCode::Accepted, None)).await;
    change(test, &enrollment, &ids[1], defer(ReasonCode::Accepted, Some(NOW.plus_millis(100)))).await;
    change(test, &enrollment, &ids[2], defer(ReasonCode::RetryLater, None)).await;
    let of = enrollment.clone();
    let accepted = test.store.read(move |tx| tx.accepted_commands(&of, NOW, 10)).await.unwrap();
    assert_eq!(sequences(&accepted), [1, 2]);
    let overdue = |before: i64, now: i64| {
        test.store.read(move |tx| tx.overdue_accepted(NOW.plus_millis(before), NOW.plus_millis(now), 10))
    };
    assert_eq!(overdue(0, 50).await.unwrap(), Vec::new());
    assert_eq!(overdue(1, 50).await.unwrap(), [(enrollment.clone(), ids[0].clone())]);
    assert_eq!(overdue(1, 100).await.unwrap().len(), 2);
}

async fn the_count_of_open_commands_is_exact(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let (mut dice, mut direct) = (super::Dice(7), test.direct());
    let mut ids: Vec<CommandId> = Vec::new();
    for round in 0..60 {
        let of = enrollment.clone();
        let number = usize::try_from(dice.roll(u64::try_from(ids.len().max(1)).unwrap())).unwrap();
        let chosen = ids.get(number).cloned().unwrap_or(CommandId("none".to_owned()));
        let now = NOW.plus_millis(round);
        let resolution = [Resolution::Retry, Resolution::Succeeded][usize::try_from(dice.roll(2)).unwrap()];
        match dice.roll(8) {
            0..3 => {
                let mut new: Vec<NewCommand> = (0..=dice.roll(4)).map(|_| get("./A")).collect();
                new[0].expires_at = Some(NOW.plus_millis(round + 20));
                ids.extend(test.enqueue("a", new).await);
            }
            3..5 => {
                // A message that sends, settles, defers and forgets.
                let rolls: Vec<u64> = (0..50).map(|_| dice.roll(6)).collect();
                let message = test.store.write(move |tx| {
                    let pending = tx.pending_commands(&of, &[], now, 20)?;
                    let change = |(mut command, roll): (Pending, &u64)| {
                        command.state = match roll {
                            0 => CommandState::Succeeded,
                            1 => CommandState::Unknown,
                            2 => CommandState::Failed,
                            3 => CommandState::Deferred,
                            4 => CommandState::Sent,
                            _ => CommandState::Queued,
                        };
                        CommandChange { command, sent: false }
                    };
                    let changes: Vec<_> = pending.into_iter().zip(&rolls).map(change).collect();
                    tx.save_commands(&of, &changes, now)
                });
                message.await.unwrap();
            }
            5 => drop(test.store.write(move |tx| tx.cancel(&chosen, true, "me", now)).await),
            6 => drop(test.store.write(move |tx| tx.resolve_unknown(&chosen, resolution, "me", now)).await),
            _ => drop(test.store.write(move |tx| tx.expire_commands(now, 5)).await.unwrap()),
        }
        let open = "SELECT count(*) FROM commands WHERE state IN ('queued', 'sent', 'deferred')";
        assert_eq!(direct.number("SELECT open_commands FROM enrollments"), direct.number(open), "round {round}");
        let unsettled = "SELECT count(*) FROM commands WHERE settled_at IS NULL";
        assert_eq!(direct.number(unsettled), direct.number(open), "round {round}");
    }
    assert!(ids.len() > 20);
}
