//! Nobody gives more than they have, what somebody gave goes with them, and nobody comes in with what was taken back.

use std::net::IpAddr;

use futures_util::future::{join, join_all};
use reqwest::{Client, redirect};
use serde_json::{Value, json};
use totp_rs::Builder;
use transom::admin::{Admin, Granter, NewTokenJson, NotIn, Opened, Shown, rights};
use transom::model::{
    Actor, Maker, NewApiToken, NewOperator, OperatorId, Right, Rights, Role, Secret, Timestamp, UserName,
};
use transom::store::Tx;

use super::people::{PASSWORD, operator};
use crate::scenarios;
use crate::support::admin_door::{AdminDoor, now};
use crate::support::databases::TestStore;

scenarios!(
    a_token_for_people_makes_nobody_mightier_than_itself,
    what_somebody_made_goes_with_them,
    what_a_token_made_goes_with_it_and_ends_no_later,
    a_sign_in_under_way_does_not_outlive_what_it_came_in_with,
    one_of_the_last_two_admins_stays,
    nobody_is_called_like_the_server,
    codes_are_not_guessed_from_many_places,
);

const HOUR: i64 = 3_600_000;

/// The same door, entered with another token.
async fn with_token(door: &AdminDoor, token: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = door.client().post(format!("{}/api/v1{path}", door.base)).bearer_auth(token).json(body);
    let answered = door.send(request).await;
    (answered.status, serde_json::from_slice(&answered.bytes).unwrap_or_default())
}

async fn is_good(door: &AdminDoor, token: &str) -> bool {
    with_token(door, token, "/operators", &json!({"role": "no such role"})).await.0 != 401
}

/// Whether a link still lets somebody in; looking does not use it up.
async fn opens(door: &AdminDoor, link: &Value) -> bool {
    let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let shown = client.get(format!("{}{}", door.base, link["link"].as_str().unwrap())).send().await.unwrap();
    shown.status() == 200
}

/// A token that an operator makes on the page.
async fn token_of(door: &AdminDoor, name: &str) -> String {
    let found = door.admin().operator(name).await.unwrap();
    let granter = Granter {
        actor: Actor::operator(name),
        rights: rights::within(found.role, None),
        maker: Maker::Operator(OperatorId::parse(&found.id).unwrap()),
    };
    let new = NewTokenJson {
        name: "first".to_owned(),
        role: Role::Admin,
        scope: None,
        expires_at: Some(now().plus_millis(HOUR)),
    };
    door.admin().create_token(new, &granter, None, now()).await.unwrap().token.secret().expose().clone()
}

async fn made_with(door: &AdminDoor, token: &str) -> String {
    let (status, made) = with_token(door, token, "/tokens", &json!({"name": "next", "role": "admin"})).await;
    assert_eq!(status, 201, "{made}");
    made["token"].as_str().unwrap().to_owned()
}

async fn invited_with(door: &AdminDoor, token: &str) -> Value {
    let (status, made) = with_token(door, token, "/operators", &json!({"role": "admin"})).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn a_token_for_people_makes_nobody_mightier_than_itself(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    operator(&door, "ada", "admin").await;
    operator(&door, "bob", "auditor").await;
    let new = NewApiToken { scope: Some(Rights::from([Right::People])), ..NewApiToken::admin("people") };
    let made = Admin::make_token(&test.store, new, &Actor::server("tests"), now()).await.unwrap();
    let token = made.token.expose();
    let audited = async || test.store.read(|tx| tx.audit_from(0, 100)).await.unwrap().len();
    let before = audited().await;
    for (path, body, status) in [
        ("/tokens", json!({"name": "x", "role": "admin"}), 422),
        ("/operators", json!({"role": "admin"}), 422),
        ("/operators", json!({"role": "auditor"}), 422),
        ("/operators/bob/role", json!({"role": "admin"}), 422),
        ("/operators/ada/role", json!({"role": "auditor"}), 422),
        ("/operators/ada/reset", json!({}), 403),
        ("/operators/bob/reset", json!({}), 403),
        ("/operators/ada/forget-totp", json!({}), 403),
        ("/operators/ada/enable", json!({}), 403),
    ] {
        let (answered, problem) = with_token(&door, token, path, &body).await;
        assert_eq!(answered, status, "{path} {body}: {problem}");
        assert!(problem["link"].is_null(), "{problem}");
    }
    assert_eq!(audited().await, before);

    // It gives what it has, and takes away.
    let limited = json!({"name": "x", "role": "admin", "scope": ["people"]});
    assert_eq!(with_token(&door, token, "/tokens", &limited).await.0, 201);
    assert_eq!(with_token(&door, token, "/operators/ada/disable", &json!({})).await.0, 200);
    let all = NewApiToken { scope: Some(Right::ALL.into()), ..NewApiToken::admin("all") };
    let all = Admin::make_token(&test.store, all, &Actor::server("tests"), now()).await.unwrap();
    assert_eq!(with_token(&door, all.token.expose(), "/operators/ada/enable", &json!({})).await.0, 200);

    // Who may as much as an auditor may let auditors in.
    let auditing = Rights::from([Right::People, Right::Look, Right::Audit, Right::Settings]);
    let auditing = NewApiToken { scope: Some(auditing), ..NewApiToken::admin("auditing") };
    let auditing = Admin::make_token(&test.store, auditing, &Actor::server("tests"), now()).await.unwrap();
    assert_eq!(with_token(&door, auditing.token.expose(), "/operators", &json!({"role": "auditor"})).await.0, 201);
    assert_eq!(with_token(&door, auditing.token.expose(), "/operators/bob/reset", &json!({})).await.0, 201);
    door.close().await;
}

async fn what_somebody_made_goes_with_them(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    let deeds = [("disable", json!({})), ("role", json!({"role": "author"})), ("reset", json!({}))];
    for (name, (deed, body)) in ["ada", "eve", "joy"].into_iter().zip(deeds) {
        operator(&door, name, "admin").await;
        let first = token_of(&door, name).await;
        let second = made_with(&door, &first).await;
        let third = made_with(&door, &second).await;
        let links = [invited_with(&door, &first).await, invited_with(&door, &third).await];
        let (others, link) = (made_with(&door, &door.token).await, invited_with(&door, &door.token).await);
        let (status, _) = with_token(&door, &door.token, &format!("/operators/{name}/{deed}"), &body).await;
        assert!([200, 201].contains(&status), "{name} {deed}: {status}");
        for token in [&first, &second, &third] {
            assert!(!is_good(&door, token).await, "{name} {deed}");
        }
        for link in &links {
            assert!(!opens(&door, link).await, "{name} {deed}");
        }
        assert!(is_good(&door, &others).await && opens(&door, &link).await, "what others made stays");
    }
    door.close().await;
}

async fn what_a_token_made_goes_with_it_and_ends_no_later(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "admin").await;
    let first = token_of(&door, "ada").await;
    let long = json!({"name": "long", "role": "admin", "expires_at": "2036-01-01T00:00:00Z"});
    let (status, problem) = with_token(&door, &first, "/tokens", &long).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/expires_at")), "{problem}");
    let (_, second) = with_token(&door, &first, "/tokens", &json!({"name": "second", "role": "admin"})).await;
    let listed = door.get("/tokens").await.json();
    let end = |name: &str| {
        let mut all = listed["items"].as_array().unwrap().iter();
        all.find(|token| token["name"] == name).unwrap()["expires_at"].clone()
    };
    assert_eq!(second["expires_at"], end("first"), "where nothing is said it ends with its maker");
    let second = second["token"].as_str().unwrap().to_owned();
    let third = made_with(&door, &second).await;
    let link = invited_with(&door, &third).await;
    let id = listed["items"].as_array().unwrap().iter().find(|token| token["name"] == "first").unwrap()["id"].clone();
    let revoke = format!("/tokens/{}/revoke", id.as_str().unwrap());
    assert_eq!(door.post(&revoke, &json!({})).await.status, 200);
    for token in [&first, &second, &third] {
        assert!(!is_good(&door, token).await);
    }
    assert!(!opens(&door, &link).await);
    let entries = test.store.read(|tx| tx.audit_from(0, 100)).await.unwrap();
    assert_eq!(entries.last().unwrap().after, Some(json!({"tokens_revoked": 2})));
    // It is the end of the tokens alone: their operator comes in.
    comes_in(&door, "ada", PASSWORD, "", [192, 0, 2, 1].into(), now()).await.unwrap();
    door.close().await;
}

async fn comes_in(
    door: &AdminDoor,
    name: &str,
    password: &str,
    code: &str,
    from: IpAddr,
    at: Timestamp,
) -> Result<Opened, NotIn> {
    let code = Some(code.to_owned());
    let shown = Shown { name: name.to_owned(), password: Secret::new(password.to_owned()), code };
    door.admin().sign_in(shown, from, None, at).await
}

/// Somebody signs in again and again, each time from elsewhere, until something else is done, and a little longer.
async fn meanwhile<T>(door: &AdminDoor, done: impl Future<Output = T>) -> (T, Vec<Opened>) {
    let attempt = async |number: u8| {
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(number) * 4)).await;
        comes_in(door, "ada", PASSWORD, "", [192, 0, 2, number].into(), now()).await
    };
    let (done, came) = join(done, join_all((1..60).map(attempt))).await;
    (done, came.into_iter().filter_map(Result::ok).collect())
}

async fn a_sign_in_under_way_does_not_outlive_what_it_came_in_with(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    operator(&door, "ada", "admin").await;
    let admin = door.admin();
    let none_is_left = async |came: Vec<Opened>, after: &str| {
        for opened in came {
            assert!(admin.signed_in(&opened.secret, now()).await.unwrap().is_none(), "{after}");
        }
    };
    let first = comes_in(&door, "ada", PASSWORD, "", [192, 0, 2, 1].into(), now()).await.unwrap();

    let (old, new) = (Secret::new(PASSWORD.to_owned()), Secret::new("another horse".to_owned()));
    let by = Actor::operator("ada");
    let change = admin.change_password(&first.operator, old.clone(), new, &by, now());
    let (changed, came) = meanwhile(&door, change).await;
    assert!(admin.signed_in(&changed.unwrap().secret, now()).await.unwrap().is_some());
    none_is_left(came, "the password is another").await;

    // Who began to change the password before it was changed does not change it again.
    let both = join(
        admin.change_password(&first.operator, Secret::new("another horse".to_owned()), old.clone(), &by, now()),
        admin.change_password(&first.operator, Secret::new("another horse".to_owned()), old, &by, now()),
    );
    let (one, other) = both.await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");

    let (disabled, came) = meanwhile(&door, door.post("/operators/ada/disable", &json!({}))).await;
    assert_eq!(disabled.status, 200);
    none_is_left(came, "they are disabled").await;
    door.close().await;
}

async fn one_of_the_last_two_admins_stays(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "admin").await;
    operator(&door, "bob", "admin").await;
    for (deed, body, undo, undone) in [
        ("disable", json!({}), "enable", json!({})),
        ("role", json!({"role": "auditor"}), "role", json!({"role": "admin"})),
    ] {
        for _ in 0..5 {
            let take = async |name: &str| door.post(&format!("/operators/{name}/{deed}"), &body).await.status;
            let mut answers = <[u16; 2]>::from(join(take("ada"), take("bob")).await);
            answers.sort_unstable();
            assert_eq!(answers, [200, 409], "{deed}");
            for name in ["ada", "bob"] {
                assert_eq!(door.post(&format!("/operators/{name}/{undo}"), &undone).await.status, 200);
            }
        }
    }
    door.close().await;
}

async fn nobody_is_called_like_the_server(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for name in ["transom:inventory", "Transom:Policy", " TRANSOM:x"] {
        door.post("/tokens", &json!({"name": name, "role": "admin"})).await.problem(422);
        door.post("/operators", &json!({"name": name, "role": "admin"})).await.problem(422);
    }
    door.post("/operators", &json!({"name": "Token:ci", "role": "admin"})).await.problem(422);
    let link = door.post("/operators", &json!({"role": "admin"})).await.json();
    let secret = Secret::new(link["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    let join = async |name: &str| {
        let from = ([127, 0, 0, 1].into(), None);
        door.admin().join(&secret, Some(name), Secret::new(PASSWORD.to_owned()), from, now()).await
    };
    for name in ["transom:inventory", "TOKEN:ci"] {
        assert!(matches!(join(name).await, Err(NotIn::Choice(_))), "{name}");
    }
    join("ada").await.unwrap();

    // Those of before are read, and sign in.
    let old = NewOperator {
        name: UserName::parse("transom:old").unwrap(),
        role: Role::Auditor,
        subject: None,
        password: None,
        created_by: "tests".to_owned(),
    };
    test.store.write(move |tx: &mut Tx<'_>| tx.create_operator(&old, now())).await.unwrap();
    assert_eq!(door.get("/operators/transom:old").await.json()["name"], "transom:old");
    let reset = door.post("/operators/transom:old/reset", &json!({})).await.json();
    let secret = Secret::new(reset["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
    let from = ([127, 0, 0, 1].into(), None);
    door.admin().join(&secret, None, Secret::new(PASSWORD.to_owned()), from, now()).await.unwrap();
    door.close().await;
}

async fn codes_are_not_guessed_from_many_places(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "admin").await;
    let at = now();
    let secret = vec![7; 20];
    let totp = Builder::new().with_secret(secret.clone()).build().unwrap();
    let code = |at: Timestamp| totp.generate(u64::try_from(at.0 / 1000).unwrap()).to_string();
    let wrong = |at: Timestamp| if code(at) == "000000" { "111111" } else { "000000" };
    let recovery = transom::admin::authenticator::recovery_hash("abcde-fghij");
    let set = move |tx: &mut Tx<'_>| {
        let (ada, _) = tx.operator_by_name(&UserName::parse("ada").unwrap())?.unwrap();
        tx.set_operator_totp(&ada, Some(&Secret::new(secret)), &[recovery], 0)
    };
    test.store.write(set).await.unwrap();
    let from = |number: u8| IpAddr::from([198, 51, 100, number]);

    // Who does not know the password is nobody to the account, and neither is who forgot the code.
    for number in 0..20 {
        assert!(matches!(comes_in(&door, "ada", "wrong", wrong(at), from(number), at).await, Err(NotIn::Wrong)));
        assert!(matches!(comes_in(&door, "ada", PASSWORD, "", from(number), at).await, Err(NotIn::Wrong)));
    }
    let mut answers = Vec::new();
    for number in 20..40 {
        let answer = comes_in(&door, "ada", PASSWORD, wrong(at), from(number), at).await;
        answers.push(matches!(answer, Err(NotIn::Locked(_))));
    }
    assert_eq!(answers.iter().filter(|locked| !**locked).count(), 5, "{answers:?}");
    assert!(matches!(comes_in(&door, "ada", PASSWORD, &code(at), from(50), at).await, Err(NotIn::Locked(_))));
    assert!(matches!(comes_in(&door, "ada", "wrong", &code(at), from(51), at).await, Err(NotIn::Wrong)));
    comes_in(&door, "ada", PASSWORD, "ABCDE FGHIJ", from(52), at).await.unwrap();
    let entries = test.store.read(|tx| tx.audit_from(0, 100)).await.unwrap();
    let locks: Vec<_> = entries.iter().filter(|entry| entry.action == "operator.locked_out").collect();
    assert_eq!(locks.len(), 1);
    assert_eq!((locks[0].subject.as_str(), &locks[0].after), ("ada", &Some(json!({"reason": "codes"}))));

    let later = at.plus_millis(31_000);
    comes_in(&door, "ada", PASSWORD, &code(later), from(53), later).await.unwrap();
    door.close().await;
}
