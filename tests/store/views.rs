//! What people and programs look at: lists in pages, the journal, tokens.

use transom::model::{CommandFilter, CommandState};
use transom::model::{
    Cursor, DeviceFilter, DeviceInfo, EnrollmentState, Event, EventFilter, EventId, EventKind, Exchange,
    ExchangeFilter, ExchangeId, NewApiToken, NewEnrollment, SessionKey, Timestamp, TokenId,
};
use transom::store::{Claim, Error};
use transom_protocol::session::SessionId;
use transom_protocol::syncml::codec::Encoding;

use super::{NOW, account, device, get};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    devices_are_found_by_the_beginning_of_id_or_name,
    pages_neither_shift_nor_repeat,
    commands_are_filtered,
    exchanges_come_back_as_they_were_recorded,
    events_come_back_as_they_were_noted,
    tokens_open_doors_until_they_are_revoked,
    a_repeated_request_gets_the_first_answer,
);

async fn named(test: &TestStore, id: &str, name: Option<&str>) {
    let info = DeviceInfo { name: name.map(str::to_owned), ..DeviceInfo::default() };
    let new = NewEnrollment { device_id: device(id), account: account("secret"), info, made: None };
    test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap();
}

async fn listed(test: &TestStore, begins_with: &str) -> Vec<String> {
    let filter = DeviceFilter { begins_with: Some(begins_with.to_owned()), condition: None };
    let page = test.store.read(move |tx| tx.devices(&filter, None, 100)).await.unwrap();
    page.items.iter().map(|device| device.device_id.to_string()).collect()
}

async fn devices_are_found_by_the_beginning_of_id_or_name(test: &TestStore) {
    named(test, "AAA-1", Some("Front desk")).await;
    named(test, "aaa_2", None).await;
    named(test, "AA%A", Some("100%")).await;
    named(test, "zzz", Some("aAa machine")).await;
    assert_eq!(listed(test, "aaa").await, ["AAA-1", "aaa_2", "zzz"]);
    assert_eq!(listed(test, "AAA_").await, ["aaa_2"], "no character stands for others");
    assert_eq!(listed(test, "aa%").await, ["AA%A"]);
    assert_eq!(listed(test, "100%").await, ["AA%A"]);
    assert_eq!(listed(test, "%").await, Vec::<String>::new());
    assert_eq!(listed(test, "desk").await, Vec::<String>::new(), "not in the middle");
    assert_eq!(listed(test, "").await.len(), 4);
    assert_eq!(listed(test, "\u{10ffff}").await, Vec::<String>::new());
    let shown = test.store.read(|tx| tx.device(&device("AAA_2"))).await.unwrap().unwrap();
    assert_eq!(shown.enrollment.unwrap().state, EnrollmentState::Pending);
    assert_eq!(test.store.read(|tx| tx.device(&device("nobody"))).await.unwrap(), None);
}

async fn pages_neither_shift_nor_repeat(test: &TestStore) {
    for number in 0..7 {
        named(test, &format!("dev-{number}"), Some(&format!("dev name {number}"))).await;
    }
    for begins_with in [None, Some("dev".to_owned())] {
        let (mut seen, mut after): (Vec<String>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let (filter, from) = (DeviceFilter { begins_with: begins_with.clone(), condition: None }, after.take());
            let page = test.store.read(move |tx| tx.devices(&filter, from.as_ref(), 3)).await.unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items.iter().map(|device| device.device_id.to_string()));
            let Some(next) = page.next else { break };
            // What comes before the page that is read next does not move it.
            named(test, &format!("dev-{}", seen.len() - 1), None).await;
            after = Some(Cursor::parse(&next.to_string()).unwrap());
        }
        assert_eq!(seen, (0..7).map(|number| format!("dev-{number}")).collect::<Vec<_>>());
    }
}

async fn commands_are_filtered(test: &TestStore) {
    test.enroll("a").await;
    test.enroll("b").await;
    let ids = test.enqueue("a", vec![get("./A"), get("./B")]).await;
    test.enqueue("b", vec![get("./C")]).await;
    let id = ids[0].clone();
    test.store.write(move |tx| tx.cancel(&id, false, "me", NOW)).await.unwrap();
    let count = async |filter: CommandFilter| {
        test.store.read(move |tx| tx.commands(&filter, None, 10)).await.unwrap().items.len()
    };
    let all = CommandFilter::default();
    assert_eq!(count(all.clone()).await, 3);
    assert_eq!(count(CommandFilter { device: Some(device("A")), ..all.clone() }).await, 2);
    assert_eq!(count(CommandFilter { state: Some(CommandState::Queued), ..all.clone() }).await, 2);
    let canceled = Some(CommandState::Canceled);
    assert_eq!(count(CommandFilter { device: Some(device("b")), state: canceled, ..all.clone() }).await, 0);
    let page = test.store.read(move |tx| tx.commands(&all, None, 2)).await.unwrap();
    let next = page.next.unwrap();
    let rest = test.store.read(move |tx| tx.commands(&CommandFilter::default(), Some(&next), 2)).await.unwrap();
    assert_eq!((page.items.len(), rest.items.len(), rest.next), (2, 1, None));
    let json = serde_json::to_value(&rest.items[0]).unwrap();
    assert_eq!((&json["kind"], &json["device_id"]), (&"get".into(), &"a".into()));
}

fn exchange(now: Timestamp, session: Option<&SessionKey>) -> Exchange {
    Exchange {
        id: ExchangeId::new(now),
        session: session.cloned(),
        enrollment: None,
        device: Some(device("Dev'ice")),
        session_id: SessionId::parse("0"),
        received_at: now,
        duration_us: 1234,
        peer: "[2001:db8::1]:443".to_owned(),
        encoding: Some(Encoding::Wbxml),
        client_message: Some(u32::MAX),
        server_message: None,
        outcome: "refused".to_owned(),
        detail: Some("line 1, column 7: \"quoted\"".to_owned()),
        headers: serde_json::json!({"MS-CV": "x\u{0}y", "client-request-id": "7"}),
        request: Some(vec![0, 159, 146, 150]),
        reply: None,
        request_size: 99,
        reply_size: 0,
        proofs: Vec::new(),
    }
}

async fn exchanges_come_back_as_they_were_recorded(test: &TestStore) {
    let (one, other) = (SessionKey::new(NOW), SessionKey::new(NOW));
    let said: Vec<Exchange> = vec![
        exchange(NOW, None),
        exchange(NOW.plus_millis(1), Some(&one)),
        exchange(NOW.plus_millis(2), Some(&other)),
        exchange(NOW.plus_millis(3), Some(&one)),
    ];
    let recorded = said.clone();
    test.store.write(move |tx| recorded.iter().try_for_each(|exchange| tx.record_exchange(exchange))).await.unwrap();
    let of = ExchangeFilter::OfSession(one);
    let page = test.store.read(move |tx| tx.exchanges(&of, None, 10)).await.unwrap();
    assert_eq!(page.items, [said[1].clone(), said[3].clone()]);
    let unauthenticated = ExchangeFilter::Unauthenticated(device("DEV'ICE"));
    let page = test.store.read(move |tx| tx.exchanges(&unauthenticated, None, 10)).await.unwrap();
    assert_eq!(page.items, [said[0].clone()]);
    let again = said[0].clone();
    let refused: Result<(), Error> = test.store.write(move |tx| tx.record_exchange(&again)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
}

async fn events_come_back_as_they_were_noted(test: &TestStore) {
    let session = SessionKey::new(NOW);
    let event = |millis: i64, session: Option<&SessionKey>| Event {
        id: EventId::new(NOW.plus_millis(millis)),
        device: Some(device("Dev")),
        enrollment: None,
        session: session.cloned(),
        exchange: Some(ExchangeId::new(NOW)),
        at: NOW.plus_millis(millis),
        kind: EventKind::Alert,
        code: "1226".to_owned(),
        mime: Some("com.microsoft:mdm.unenrollment.userrequest".to_owned()),
        source: Some("./Vendor/MSFT/DMClient".to_owned()),
        format: Some("int".to_owned()),
        mark: Some("critical".to_owned()),
        data: Some("1 \u{0} <b>".to_owned()),
        detail: None,
    };
    let noted = [event(0, None), event(1, Some(&session)), event(2, Some(&session))];
    let told = noted.clone();
    test.store.write(move |tx| tx.add_events(&told)).await.unwrap();
    test.store.write(move |tx| tx.add_events(&[])).await.unwrap();
    let page = test.store.read(|tx| tx.events(&EventFilter::OfDevice(device("dev")), None, 2)).await.unwrap();
    assert_eq!(page.items, [noted[2].clone(), noted[1].clone()]);
    let rest = test
        .store
        .read(move |tx| tx.events(&EventFilter::OfDevice(device("dev")), page.next.as_ref(), 2))
        .await
        .unwrap();
    assert_eq!(rest.items, [noted[0].clone()]);
    let of = EventFilter::OfSession(session);
    assert_eq!(test.store.read(move |tx| tx.events(&of, None, 9)).await.unwrap().items.len(), 2);
}

async fn tokens_open_doors_until_they_are_revoked(test: &TestStore) {
    let (hash, ends) = ([3; 32], Some(NOW.plus_millis(200_000)));
    let made = test
        .store
        .write(move |tx| {
            tx.create_token(&NewApiToken { expires_at: ends, ..NewApiToken::admin("ci \u{0} 'x'") }, &hash, NOW)
        })
        .await
        .unwrap();
    let live = |millis: i64| test.store.read(move |tx| tx.live_token(&hash, NOW.plus_millis(millis)));
    assert_eq!(live(0).await.unwrap().as_ref(), Some(&made));
    assert_eq!(test.store.read(|tx| tx.live_token(&[4; 32], NOW)).await.unwrap(), None);
    assert_eq!(live(200_000).await.unwrap(), None, "expired");
    let twice = test.store.write(move |tx| tx.create_token(&NewApiToken::admin("again"), &hash, NOW)).await;
    assert!(matches!(twice, Err(Error::Conflict(_))));

    let touch = async |millis: i64| {
        let token = live(millis).await.unwrap().unwrap();
        test.store.write(move |tx| tx.touch_token(&token, NOW.plus_millis(millis))).await.unwrap();
        live(millis).await.unwrap().unwrap().last_used_at.unwrap()
    };
    assert_eq!(touch(1).await, NOW.plus_millis(1));
    assert_eq!(touch(2).await, NOW.plus_millis(1), "not for every use");
    assert_eq!(touch(70_000).await, NOW.plus_millis(70_000));

    let id = made.id.clone();
    test.store.write(move |tx| tx.revoke_token(&id, NOW)).await.unwrap();
    assert_eq!(live(1).await.unwrap(), None);
    let again = test.store.write(move |tx| tx.revoke_token(&made.id, NOW)).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
    assert_eq!(test.store.read(super::tokens).await.unwrap().len(), 1, "it stays listed");
}

async fn a_repeated_request_gets_the_first_answer(test: &TestStore) {
    let token = TokenId::new(NOW);
    let claim = |key: &'static str, hash: u8| {
        let (store, token) = (test.store.clone(), token.clone());
        async move { store.write(move |tx| tx.claim_request(&token, key, &[hash; 32], NOW)).await }
    };
    assert_eq!(claim("k'1", 1).await.unwrap(), Claim::New);
    assert_eq!(claim("k'1", 1).await.unwrap(), Claim::Unfinished);
    assert_eq!(claim("k'2", 1).await.unwrap(), Claim::New, "another key");
    let of = token.clone();
    test.store.write(move |tx| tx.complete_request(&of, "k'1", 201, b"{\"id\":7}")).await.unwrap();
    assert_eq!(claim("k'1", 1).await.unwrap(), Claim::Done { status: 201, response: b"{\"id\":7}".to_vec() });
    assert_eq!(claim("k'1", 2).await.unwrap(), Claim::OtherRequest);
    let stranger = TokenId::new(NOW);
    let claimed = test.store.write(move |tx| tx.claim_request(&stranger, "k'1", &[1; 32], NOW)).await.unwrap();
    assert_eq!(claimed, Claim::New, "keys of different tokens do not meet");
    let claims = (0..8).map(|_| tokio::spawn(claim("raced", 5)));
    let mut new = 0;
    for claim in claims.collect::<Vec<_>>() {
        new += i32::from(claim.await.unwrap().unwrap() == Claim::New);
    }
    assert_eq!(new, 1, "one of them does the work");
}
