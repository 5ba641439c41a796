//! The token: one for all, asked for by one at a time, and nothing is lost while there is none.

use transom::protocol::push::{TokenForm, TokenRequest};
use transom::push::Options;

use super::{Bench, SECRET, round, service};
use crate::scenarios;
use crate::support::databases::TestStore;
use crate::support::wns::Does;

scenarios!(
    a_token_is_kept_until_shortly_before_its_end_and_survives_a_restart,
    without_a_token_everything_waits_and_the_reason_is_shown,
    other_credentials_want_another_token,
);

const HOUR: i64 = 60 * 60 * 1000;

async fn a_token_is_kept_until_shortly_before_its_end_and_survives_a_restart(test: &TestStore) {
    let bench = Bench::new(test);
    let device = bench.device("a").await;
    for hours in [0, 10, 13, 2] {
        bench.passes(hours * HOUR);
        bench.session(&device).await;
        bench.order(&["a"]).await;
        // Each time another process.
        assert_eq!(bench.push().round().await.unwrap(), round(1, 1), "{hours}");
    }
    assert_eq!(bench.wns.token_requests().len(), 2, "a token is good for a day");
    let form = bench.wns.token_requests().remove(0);
    assert!(form.contains("client_id=ms%2Dapp%3A%2F%2FS%2D1%2D15%2D2%2D1&"), "{form}");
    assert!(form.contains(&format!("client_secret={}", SECRET.replace('-', "%2D"))), "{form}");
}

async fn without_a_token_everything_waits_and_the_reason_is_shown(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    bench.device("a").await;
    bench.wns.script_tokens([400, 400, 503, 200].map(Does::status));
    bench.order(&["a"]).await;
    for _ in 0..5 {
        assert_eq!(push.round().await.unwrap(), round(0, 0));
    }
    assert_eq!(bench.wns.token_requests().len(), 1, "no storm");
    let general = test.store.read(service).await.unwrap();
    assert_eq!(
        general.problem.as_deref(),
        Some("the token endpoint answered 400: invalid_request: Client credential flows are closed")
    );
    assert_eq!((general.waiting, general.problem_at), (1, Some(bench.now())));
    let mut asked = Vec::new();
    for _ in 0..20 {
        bench.passes(5_000);
        push.round().await.unwrap();
        asked.push(bench.wns.token_requests().len());
    }
    assert_eq!(asked.last(), Some(&5), "5, 10, 20 and 40 seconds apart: {asked:?}");
    assert_eq!(bench.wns.pushes().len(), 1, "and then it goes out");
    let general = test.store.read(service).await.unwrap();
    assert_eq!((general.problem, general.waiting), (None, 0));
}

async fn other_credentials_want_another_token(test: &TestStore) {
    let bench = Bench::new(test);
    let device = bench.device("a").await;
    let with = |secret: &str| {
        let token = TokenRequest {
            form: TokenForm::Entra,
            client_id: "0000-1111".to_owned(),
            client_secret: secret.to_owned().into(),
        };
        bench.push_on(test.store.clone(), Options { token, ..bench.options() })
    };
    for (secret, tokens) in [("one", 1), ("one", 1), ("another", 2)] {
        bench.session(&device).await;
        bench.order(&["a"]).await;
        assert_eq!(with(secret).round().await.unwrap(), round(1, 1));
        assert_eq!(bench.wns.token_requests().len(), tokens);
    }
    assert!(bench.wns.token_requests()[1].contains("scope=https%3A%2F%2Fwns%2Ewindows%2Ecom%2F%2Edefault"));
}
