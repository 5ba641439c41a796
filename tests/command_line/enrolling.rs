//! `transom enrollment user`, `token`, `attempts` and `declare`.

use serde_json::json;
use transom::config::EnrollmentLimits;
use transom::enrollment::applicant::{Claims, Gate, Visit};
use transom::model::EnrollmentStep;
use transom_protocol::soap::{Credential, SecretText};

use super::Program;
use crate::support::admin_door::{AdminDoor, now};
use crate::support::databases::{Engine, TestStore, run};

#[test]
fn accounts_are_made_listed_and_removed() {
    run(Engine::Sqlite, accounts);
}

#[test]
fn passwords_come_from_a_file_or_standard_input_and_never_from_the_command_line() {
    run(Engine::Sqlite, passwords);
}

#[test]
fn tokens_are_printed_once() {
    run(Engine::Sqlite, tokens);
}

#[test]
fn what_was_refused_is_told_with_what_helps() {
    run(Engine::Sqlite, attempts);
}

#[test]
fn devices_are_declared_from_a_list() {
    run(Engine::Sqlite, declarations);
}

async fn sign_in(test: &TestStore, name: &str, password: &str) -> Result<(), &'static str> {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits::default());
    let visit = Visit {
        peer: [192, 0, 2, 7].into(),
        step: EnrollmentStep::Issue,
        trace_id: "trace-1".to_owned(),
        device: Claims { device_name: Some("LAPTOP\u{1b}[2J".to_owned()), ..Claims::default() },
    };
    let shown = Credential::Password { name: name.to_owned(), password: SecretText::new(password) };
    gate.check(&shown, &visit, now()).await.map(drop).map_err(|denied| denied.word())
}

async fn accounts(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let program = Program::at(&door);
    let none = program.run(&["enrollment", "user", "list"]).await;
    assert_eq!((none.code, none.out.as_str()), (0, "no accounts; make one with: transom enrollment user add NAME\n"));
    let made = program.run(&["enrollment", "user", "add", "CONTOSO\\ada", "--generate", "--max-devices", "2"]).await;
    let password = made.out.strip_prefix("CONTOSO\\ada is made.\nIts password, shown this once: ").unwrap().trim();
    assert_eq!(sign_in(test, "contoso\\ADA", password).await, Ok(()));
    let document =
        program.run(&["enrollment", "user", "add", "packages", "--bulk", "--generate", "--json"]).await.json();
    assert_eq!((&document["bulk"], document["password"].is_string()), (&json!(true), true));
    let listed = program.run(&["enrollment", "user", "list"]).await;
    assert!(listed.out.contains("up to 2") && listed.out.contains("any number"), "{}", listed.out);
    assert!(!listed.out.contains(password));
    let page = program.run(&["enrollment", "user", "list", "--limit", "1"]).await;
    assert!(page.out.contains("There are more: --cursor "), "{}", page.out);
    for (verb, said) in [
        ("disable", "CONTOSO\\ada is disabled and enrolls nothing more.\n"),
        ("enable", "CONTOSO\\ada is enabled.\n"),
        ("remove", "CONTOSO\\ada is removed; its devices stay.\n"),
    ] {
        let done = program.run(&["enrollment", "user", verb, "contoso\\ada"]).await;
        assert_eq!((done.code, done.out.as_str()), (0, said), "{}", done.err);
    }
    program.run(&["enrollment", "user", "enable", "contoso\\ada"]).await.failed(1, "no such enrollment account");
    let both = program.run(&["enrollment", "user", "add", "x", "--bulk", "--max-devices", "1", "--generate"]).await;
    both.failed(2, "cannot be used with");
    door.close().await;
}

async fn passwords(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let program = Program::at(&door);
    program.write("secret", "p4ssword from a file\nand nothing else\n");
    let made = program.run(&["enrollment", "user", "add", "ada", "--password-file", "secret"]).await;
    assert_eq!((made.code, made.out.as_str()), (0, "ada is made.\n"), "{}", made.err);
    assert_eq!(sign_in(test, "ada", "p4ssword from a file").await, Ok(()));
    let changed = program.fed(&["enrollment", "user", "passwd", "ada"], "p4ssword piped in\n").await;
    assert_eq!((changed.code, changed.out.as_str()), (0, "ada has another password.\n"), "{}", changed.err);
    assert_eq!(sign_in(test, "ada", "p4ssword piped in").await, Ok(()));
    let dash = program.fed(&["enrollment", "user", "passwd", "ada", "--password-file", "-"], "p4ssword dash").await;
    assert_eq!(dash.code, 0, "{}", dash.err);
    assert_eq!(sign_in(test, "ada", "p4ssword dash").await, Ok(()));
    program.fed(&["enrollment", "user", "passwd", "ada"], "").await.failed(1, "no password on standard input");
    program.fed(&["enrollment", "user", "passwd", "ada"], "short\n").await.failed(1, "a password has 8 to 256");
    program.run(&["enrollment", "user", "add", "bob", "--password", "hunter2hunter2"]).await.failed(2, "--password");
    door.close().await;
}

async fn tokens(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let program = Program::at(&door);
    let made = program.run(&["enrollment", "token", "create", "--for", "ada", "--uses", "2", "--expires", "7d"]).await;
    let token = made.out.lines().next().unwrap().to_owned();
    assert!(
        token.starts_with("transom-enroll-") && made.out.contains("Enrolls 2 devices for ada, until "),
        "{}",
        made.out
    );
    assert_eq!(sign_in(test, "ada", &token).await, Ok(()));
    let document = program.run(&["enrollment", "token", "create", "--for", "bob", "--json"]).await.json();
    assert_eq!((&document["uses"], document["token"].is_string()), (&json!(1), true));
    let listed = program.run(&["enrollment", "token", "list", "--for", "ADA"]).await;
    assert!(listed.out.contains("live    0 of 2") && !listed.out.contains(&token), "{}", listed.out);
    let id = listed.out.lines().nth(2).unwrap().split(' ').next().unwrap();
    let shown = program.run(&["enrollment", "token", "show", id]).await;
    assert!(shown.out.ends_with("It has enrolled nothing yet.\n"), "{}", shown.out);
    let revoked = program.run(&["enrollment", "token", "revoke", id]).await;
    assert_eq!(revoked.out, "The token for ada enrolls nothing more.\n");
    assert_eq!(sign_in(test, "ada", &token).await, Err("token_revoked"));
    program.run(&["enrollment", "token", "create", "--for", "ada", "--uses", "0"]).await.failed(1, "/uses: ");
    program
        .run(&["enrollment", "token", "create", "--for", "ada", "--expires", "soon"])
        .await
        .failed(2, "write a time");
    door.close().await;
}

async fn attempts(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let program = Program::at(&door);
    assert_eq!(program.run(&["enrollment", "attempts"]).await.out, "no attempts\n");
    sign_in(test, "ada", "hunter2").await.unwrap_err();
    let told = program.run(&["enrollment", "attempts", "--refused", "--user", "ADA", "--trace", "trace-1"]).await;
    for said in
        ["192.0.2.7", "unknown_user: there is no account of this name [0x80180002]", "What helps\n  unknown_user: "]
    {
        assert!(told.out.contains(said), "{said}: {}", told.out);
    }
    assert!(!told.out.contains("hunter2") && !told.out.contains('\u{1b}'), "{}", told.out);
    let document = program.run(&["enrollment", "attempts", "--json"]).await.json();
    assert_eq!(document, door.get("/enrollment-attempts").await.json());
    door.close().await;
}

async fn declarations(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let program = Program::at(&door);
    let added = program.run(&["enrollment", "declare", "add", "--serial", "PF-1", "--mac", "00-0C-29-51-60-9D"]).await;
    assert_eq!((added.code, added.out.as_str()), (0, "Declared 2 values.\n"), "{}", added.err);
    let list = "serial,mac,note\nPF-1,,known\nPF-2,00:0c:29:51:60:9e,\"desk, front\"\n";
    let imported = program.fed(&["enrollment", "declare", "import", "-"], list).await;
    assert_eq!(
        (imported.code, imported.out.as_str()),
        (0, "Declared 2 values; 1 declared before.\n"),
        "{}",
        imported.err
    );
    let listed = program.run(&["enrollment", "declare", "list"]).await;
    assert!(listed.out.contains("mac      000c2951609e   desk, front"), "{}", listed.out);
    let removed = program.run(&["enrollment", "declare", "remove", "--serial", "pf-1", "--serial", "PF-2"]).await;
    assert_eq!(removed.out, "Removed 2 declarations.\n");
    program.run(&["enrollment", "declare", "remove", "--serial", "PF-1"]).await.failed(1, "no such declared device");
    program.run(&["enrollment", "declare", "add"]).await.failed(2, "required");
    program.run(&["enrollment", "declare", "add", "--mac", "x"]).await.failed(1, "/devices/0/value: a network address");
    program.write("wrong.csv", "mac\nx\n");
    program.run(&["enrollment", "declare", "import", "wrong.csv"]).await.failed(1, "line 2: x can't be a mac");
    door.close().await;
}
