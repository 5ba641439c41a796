//! Every answer of WNS has its effect, and nothing is lost or repeated for it (threats T14, T71).

use std::time::Duration;

use transom::model::{ChannelState, PushOutcome};
use transom::push::Options;
use transom::store::Woken;

use super::{Bench, SECRET, round, service};
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};
use crate::support::wns::Does;

scenarios!(
    a_push_that_is_taken_counts_when_a_session_follows,
    a_token_that_is_not_taken_is_asked_for_once_more_and_no_further,
    a_channel_that_is_of_no_use_is_not_called_again,
    wns_that_gets_too_many_is_left_alone_by_everybody,
    trouble_is_tried_again_and_given_up_at_last,
    dropped_and_throttled_are_no_success,
    a_redirect_is_not_followed_and_a_server_that_hangs_is_given_up,
    nothing_that_is_told_holds_a_secret,
);

const MINUTE: i64 = 60_000;

async fn a_push_that_is_taken_counts_when_a_session_follows(test: &TestStore) {
    let bench = Bench::new(test);
    let (push, device) = (bench.push(), bench.device("a").await);
    bench.wns.script("a", [Does::with(200, "X-WNS-DeviceConnectionStatus", "disconnected")]);
    bench.order(&["a"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1));
    let received = bench.wns.pushes().remove(0);
    assert_eq!(received.body, b"wake");
    let header = |name: &str| received.headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/octet-stream"));
    assert_eq!(header("content-length"), Some("4"));
    assert_eq!(header("x-wns-type"), Some("wns/raw"));
    assert_eq!(header("x-wns-cache-policy"), Some("cache"));
    assert_eq!(header("x-wns-ttl"), Some("300"));
    assert_eq!(header("x-wns-requestforstatus"), Some("true"));
    let record = bench.record(&device).await;
    assert_eq!(
        (record.pushes, record.woke, record.awaiting_since),
        (1, 0, Some(bench.now())),
        "WNS's word is no proof"
    );
    assert_eq!(record.outcome_detail.as_deref(), Some("the device is disconnected"));

    let since = bench.now();
    bench.passes(MINUTE);
    assert_eq!(bench.session(&device).await, Woken::ByPush { since });
    let record = bench.record(&device).await;
    assert_eq!((record.woke, record.slept, record.awaiting_since), (1, 0, None));

    // The next one sleeps through.
    bench.order(&["a"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1));
    bench.passes(14 * MINUTE);
    assert_eq!(push.watch().await.unwrap(), 0);
    bench.passes(2 * MINUTE);
    assert_eq!(push.watch().await.unwrap(), 1);
    assert_eq!(push.watch().await.unwrap(), 0, "once");
    let record = bench.record(&device).await;
    assert_eq!((record.pushes, record.woke, record.slept), (2, 1, 1));
    assert_eq!(bench.session(&device).await, Woken::ByItself, "later it counts no more");
    let told = test.direct().texts("SELECT code AS text FROM events WHERE kind = 'push'");
    assert_eq!(told, ["slept"]);
}

async fn a_token_that_is_not_taken_is_asked_for_once_more_and_no_further(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    for name in ["a", "b", "c"] {
        bench.device(name).await;
    }
    bench.order(&["a"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1));
    assert_eq!(bench.wns.token_requests().len(), 1);
    bench.passes(MINUTE);
    bench.wns.revoke_tokens();
    bench.order(&["b"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1), "the fresh token is taken");
    assert_eq!((bench.wns.token_requests().len(), bench.wns.count("b")), (2, 2));

    // Whatever token comes, WNS does not take it.
    bench.passes(MINUTE);
    bench.wns.script("c", (0..20).map(|_| Does::status(401)));
    bench.order(&["c"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 0));
    assert_eq!((bench.wns.token_requests().len(), bench.wns.count("c")), (3, 2), "one more token, one more try");
    for _ in 0..10 {
        push.round().await.unwrap();
    }
    assert_eq!(bench.wns.count("c"), 2, "no storm");
    assert_eq!(bench.waiting().await, 1, "and it is not lost");
    bench.passes(6_000);
    push.round().await.unwrap();
    assert_eq!(bench.wns.token_requests().len(), 3, "not twice in half a minute");
}

async fn a_channel_that_is_of_no_use_is_not_called_again(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    for (status, says) in [(403, "another app"), (404, "does not know"), (410, "expired")] {
        let name = format!("d{status}");
        let device = bench.device(&name).await;
        bench.wns.script(&name, [Does::status(status)]);
        bench.order(&[&name]).await;
        assert_eq!(push.round().await.unwrap(), round(1, 0), "{status}");
        let record = bench.record(&device).await;
        assert_eq!((record.state, record.outcome), (ChannelState::Retired, Some(PushOutcome::Retired)), "{status}");
        assert!(record.reason.as_ref().unwrap().contains(says), "{record:?}");
        bench.passes(MINUTE);
        bench.order(&[&name]).await;
        assert_eq!((push.round().await.unwrap(), bench.waiting().await), (round(0, 0), 0), "{status}");
        assert_eq!(bench.wns.count(&name), 1);
        // The device has another one.
        let (fresh, enrollment) = (super::live(&bench.wns.channel("fresh"), bench.now()), device.clone());
        test.store.write(move |tx| tx.save_push_channel(&enrollment, &fresh)).await.unwrap();
        bench.order(&[&name]).await;
        assert_eq!(push.round().await.unwrap(), round(1, 1), "{status}");
    }
    assert_eq!(bench.wns.count("fresh"), 3);
}

async fn wns_that_gets_too_many_is_left_alone_by_everybody(test: &TestStore) {
    let bench = Bench::new(test);
    let (push, other) = (bench.push(), bench.push());
    for (status, name) in [(406, "a"), (429, "b")] {
        let device = bench.device(name).await;
        let bystander = format!("bystander{status}");
        bench.device(&bystander).await;
        bench.wns.script(name, [Does::with(status, "Retry-After", "120")]);
        bench.order(&[name]).await;
        assert_eq!(push.round().await.unwrap(), round(1, 0));
        assert_eq!(bench.record(&device).await.outcome, Some(PushOutcome::Throttled));
        bench.order(&[&bystander]).await;
        bench.passes(119_000);
        assert_eq!(push.round().await.unwrap(), round(0, 0));
        assert_eq!(other.round().await.unwrap(), round(0, 0));
        bench.passes(2_000);
        assert_eq!(other.round().await.unwrap(), round(2, 2), "nothing is lost");
        assert_eq!(bench.wns.count(name), 2);
    }
    // A day is too long to believe.
    bench.device("c").await;
    bench.wns.script("c", [Does::with(429, "Retry-After", "86400000")]);
    bench.order(&["c"]).await;
    push.round().await.unwrap();
    bench.passes(61 * MINUTE);
    assert_eq!(push.round().await.unwrap(), round(1, 1));
}

async fn trouble_is_tried_again_and_given_up_at_last(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    bench.device("a").await;
    let device = bench.device("b").await;
    bench.wns.script("a", [500, 502, 503].map(Does::status));
    bench.wns.script("b", (0..20).map(|_| Does::status(503)));
    bench.order(&["a", "b"]).await;
    let mut tries = Vec::new();
    for _ in 0..60 {
        tries.push(push.round().await.unwrap().tried);
        bench.passes(10_000);
    }
    assert_eq!(bench.wns.count("a"), 4, "three failures, and then it went through: {tries:?}");
    assert_eq!(bench.wns.count("b"), 6, "bounded: {tries:?}");
    assert!(bench.record(&device).await.outcome_detail.unwrap().contains("given up after 6 tries"));
    assert_eq!(bench.waiting().await, 0);
}

async fn dropped_and_throttled_are_no_success(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    let (dropped, throttled) = (bench.device("a").await, bench.device("b").await);
    bench.wns.script("a", [Does::with(200, "X-WNS-Status", "dropped")]);
    bench.wns.script("b", [Does::with(200, "X-WNS-Status", "channelThrottled")]);
    bench.order(&["a", "b"]).await;
    assert_eq!(push.round().await.unwrap(), round(2, 0));
    let record = bench.record(&dropped).await;
    assert_eq!((record.outcome, record.pushes, record.awaiting_since), (Some(PushOutcome::Dropped), 0, None));
    assert_eq!(bench.record(&throttled).await.outcome, Some(PushOutcome::Throttled));
    assert_eq!(bench.session(&dropped).await, Woken::ByItself);
    bench.passes(6_000);
    assert_eq!(push.round().await.unwrap(), round(1, 1), "only the throttled one goes out again");
    assert_eq!((bench.wns.count("a"), bench.wns.count("b")), (1, 2));
}

async fn a_redirect_is_not_followed_and_a_server_that_hangs_is_given_up(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push_on(test.store.clone(), Options { timeout: Duration::from_millis(300), ..bench.options() });
    let (redirected, hanging) = (bench.device("a").await, bench.device("b").await);
    let target = format!("https://{}/elsewhere", bench.wns.host());
    bench.wns.script("a", [301, 302, 307, 308].map(|status| Does::with(status, "Location", &target)));
    bench.wns.script("b", [Does::Hang]);
    bench.order(&["a", "b"]).await;
    assert_eq!(push.round().await.unwrap(), round(2, 0));
    let record = bench.record(&redirected).await;
    assert_eq!(record.outcome, Some(PushOutcome::Refused));
    assert_eq!(record.outcome_detail.as_deref(), Some("WNS would not have it (301)"));
    let record = bench.record(&hanging).await;
    assert_eq!(
        (record.outcome, record.outcome_detail.as_deref()),
        (Some(PushOutcome::Failed), Some("no answer in time"))
    );
    for _ in 0..3 {
        bench.passes(MINUTE);
        bench.order(&["a"]).await;
        push.round().await.unwrap();
    }
    assert_eq!(bench.wns.elsewhere(), 0, "nobody goes where WNS points");
    assert_eq!(bench.wns.count("b"), 2, "the one that hung went out again");
}

async fn nothing_that_is_told_holds_a_secret(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    let device = bench.device("a").await;
    let gone = bench.device_at("gone", "https://localhost:1/w/gone?token=channel-secret").await;
    bench.wns.script("a", [Does::with(400, "X-WNS-Error-Description", "bad\u{7f}header"), Does::status(410)]);
    for _ in 0..2 {
        bench.order(&["a", "gone"]).await;
        push.round().await.unwrap();
        bench.passes(MINUTE);
    }
    let told = format!("{:?} {:?} {push:?}", bench.record(&device).await, bench.record(&gone).await);
    let general = test.store.read(service).await.unwrap();
    let everything = format!("{told} {general:?} {} {:?}", bench.metrics.render(), bench.options());
    for secret in ["channel-secret", "wns-token-secret", SECRET] {
        assert!(!everything.contains(secret), "{secret}: {everything}");
    }
    // Nor does the database hold one in clear.
    let mut direct = test.direct();
    if test.engine == Engine::Postgres {
        for table in ["push_channels", "pushes", "push_services", "events"] {
            let rows = direct.texts(&format!("SELECT row_to_json(t)::text AS text FROM {table} t")).join("\n");
            for secret in ["channel-secret", "wns-token-secret", SECRET] {
                // Bytes are shown in hexadecimal.
                let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
                assert!(!rows.contains(secret) && !rows.contains(&hex), "{table}: {secret}");
            }
        }
    }
    if let transom::store::DatabaseUrl::Sqlite(path) = &test.url {
        let bytes: Vec<u8> = ["", "-wal"]
            .iter()
            .flat_map(|suffix| std::fs::read(format!("{}{suffix}", path.display())).unwrap_or_default())
            .collect();
        for secret in ["channel-secret", "wns-token-secret", SECRET] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in the file");
        }
    }
}
