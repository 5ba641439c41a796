//! The commands that talk to a server: the program itself, against doors that are open.

mod enrolling;
mod policy;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use transom::simulator::notice::Notice;

use crate::support::admin_door::AdminDoor;
use crate::support::databases::{Engine, TestStore, run};

/// What the program said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// The program, at a server.
#[derive(Clone)]
struct Program {
    place: Arc<TempDir>,
    server: String,
    token: String,
}

impl Program {
    fn at(door: &AdminDoor) -> Self {
        let place = Arc::new(tempfile::tempdir().unwrap());
        Self { place, server: door.base.clone(), token: door.token.clone() }
    }

    /// Runs it in its folder.
    async fn run(&self, arguments: &[&str]) -> Said {
        self.fed(arguments, "").await
    }

    async fn fed(&self, arguments: &[&str], stdin: &str) -> Said {
        let (program, stdin) = (self.clone(), stdin.to_owned());
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        tokio::task::spawn_blocking(move || program.run_here(&arguments, &stdin)).await.unwrap()
    }

    fn run_here(&self, arguments: &[String], stdin: &str) -> Said {
        let mut command = self.command();
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: ended.status.code().unwrap(), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// Runs it until it has said something, then interrupts it.
    async fn followed_until(&self, arguments: &[&str], awaited: &'static str) -> Said {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let follow = move || {
            let mut child = command.spawn().unwrap();
            let mut out = String::new();
            let mut lines = BufReader::new(child.stdout.take().unwrap());
            while !out.contains(awaited) {
                assert!(lines.read_line(&mut out).unwrap() > 0, "it ended: {out}");
            }
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            let ended = child.wait_with_output().unwrap();
            Said { code: ended.status.code().unwrap(), out, err: String::from_utf8(ended.stderr).unwrap() }
        };
        tokio::task::spawn_blocking(follow).await.unwrap()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
        command.current_dir(self.place.path()).env_remove("TRANSOM_DATA");
        command.env("TRANSOM_SERVER", &self.server).env("TRANSOM_TOKEN", &self.token);
        command
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.place.path().join(name), text).unwrap();
    }
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// It failed with this code, and says so.
    fn failed(&self, code: i32, reason: &str) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(self.err.starts_with("error: ") && self.err.contains(reason), "{}", self.err);
    }
}

macro_rules! on_sqlite {
    ($($scenario:ident),* $(,)?) => {
        $(#[test] fn $scenario() { run(Engine::Sqlite, scenarios::$scenario); })*
    };
}

on_sqlite!(
    a_command_is_sent_waited_for_and_looked_at,
    a_command_is_given_in_every_form,
    commands_are_listed_and_taken_back,
    devices_are_shown,
    sessions_are_read,
    what_is_new_is_followed,
    sessions_are_exported,
    enrollments_are_imported,
    failures_say_what_to_do,
    a_setting_is_checked,
    what_a_device_says_does_not_reach_the_terminal,
);

mod scenarios {
    use super::*;

    const SWV: &str = "./DevDetail/SwV";

    pub(super) async fn a_command_is_sent_waited_for_and_looked_at(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let mut device = door.enroll("D1").await;
        let waiting = program.run(&["command", "send", "--device", "D1", "get", SWV, "--wait", "--timeout", "1m"]);
        let answering = async {
            while door.get("/commands").await.json()["items"].as_array().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            door.check_in(&mut device).await;
        };
        let (said, ()) = futures_util::future::join(waiting, answering).await;
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("state      succeeded") && said.out.contains("-> 200 OK: 10.0."), "{}", said.out);
        let id = door.get("/commands").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let shown = program.run(&["command", "show", &id]).await;
        assert_eq!(shown.out, said.out);
        let document = program.run(&["command", "show", &id, "--json"]).await.json();
        assert_eq!(document, door.get(&format!("/commands/{id}")).await.json());
        let timed_out = ["command", "send", "--device", "D1", "get", SWV, "--wait", "--timeout", "1ms"];
        let timed_out = program.run(&timed_out).await;
        timed_out.failed(1, "0 of 1 command succeeded in time");
        assert!(timed_out.err.contains("\nhint: ") && timed_out.out.contains("state      queued"), "{}", timed_out.err);
        door.close().await;
    }

    pub(super) async fn a_command_is_given_in_every_form(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        for id in ["D1", "D2", "D3"] {
            door.enroll(id).await;
        }
        program.write("devices.txt", "D1\nD2\n\n");
        program.write("atomic.json", r#"{"kind":"atomic","commands":[{"kind":"delete","items":[{"target":"./A"}]}]}"#);
        program.write("secret", "p4ss\n");
        let replace =
            ["command", "send", "--device", "D1", "replace", "./A", "--data", "12", "--format", "int", "--json"];
        let sent = program.run(&replace).await.json();
        let id = sent["devices"][0]["commands"][0].as_str().unwrap();
        let item = &door.get(&format!("/commands/{id}")).await.json()["items"][0];
        assert_eq!((&item["format"], &item["data"]), (&json!("int"), &json!("12")));
        let many = ["--json", "command", "send", "--devices", "devices.txt", "--file", "atomic.json", "--after", id];
        let many = program.run(&many).await.json();
        assert_eq!(many["devices"].as_array().unwrap().len(), 2);
        let id = many["devices"][1]["commands"][0].as_str().unwrap();
        assert_eq!(door.get(&format!("/commands/{id}")).await.json()["kind"], "atomic");
        let two = r#"[{"kind":"get","items":[{"target":"./A"}]},{"kind":"get","items":[{"target":"./B"}]}]"#;
        let two = ["command", "send", "--device", "D1", "--json-command", two, "--chained", "--expires", "24h"];
        let two = program.run(&two).await;
        assert!(two.out.starts_with("Queued 2 commands for 1 device.\n"), "{}{}", two.out, two.err);
        let file = ["command", "send", "--device", "D3", "add", "./Vendor/MSFT/X", "--data-file", "-", "--json"];
        let sent = program.fed(&file, "line\n").await.json();
        let id = sent["devices"][0]["commands"][0].as_str().unwrap();
        assert_eq!(door.get(&format!("/commands/{id}")).await.json()["items"][0]["data"], "line");
        let from_stdin = ["command", "send", "--devices", "-", "exec", "./Device/Vendor/MSFT/Reboot/RebootNow"];
        assert_eq!(program.fed(&from_stdin, "[\"D3\"]").await.code, 0);
        let rehearsed =
            program.run(&["command", "send", "--device", "D3", "--device", "nobody", "get", SWV, "--dry-run"]).await;
        assert_eq!(rehearsed.code, 1);
        assert!(rehearsed.out.starts_with("It would reach 1 device; nothing was sent.\n"), "{}", rehearsed.out);
        let key = ["command", "send", "--device", "D3", "get", SWV, "--idempotency-key", "k1", "--json"];
        assert_eq!(program.run(&key).await.json(), program.run(&key).await.json());
        door.close().await;
    }

    pub(super) async fn commands_are_listed_and_taken_back(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        door.enroll("D1").await;
        for target in ["./A", "./B", "./C"] {
            assert_eq!(program.run(&["command", "send", "--device", "D1", "get", target]).await.code, 0);
        }
        let page = program.run(&["command", "list", "--device", "D1", "--limit", "2", "--json"]).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        let rest = ["command", "list", "--cursor", page["next_cursor"].as_str().unwrap()];
        let rest = program.run(&rest).await;
        assert!(rest.out.contains("get ./A") && !rest.out.contains("get ./B"), "{}", rest.out);
        let (first, second) = (&page["items"][0]["id"], &page["items"][1]["id"]);
        let (first, second) = (first.as_str().unwrap(), second.as_str().unwrap());
        let canceled = program.run(&["command", "cancel", first, second]).await;
        assert_eq!((canceled.code, canceled.out.matches("canceled").count()), (0, 2), "{}", canceled.out);
        let partly = program.run(&["command", "cancel", first, "nothing"]).await;
        partly.failed(1, "1 command could not be canceled:\n  nothing: there is no such command");
        let cleared = program.run(&["command", "clear", "--device", "D1"]).await;
        assert_eq!(cleared.out, "Canceled 1 command of D1.\n");
        program.run(&["command", "resolve", first, "--as", "retry"]).await.failed(1, "its outcome is not unknown");
        test.direct().execute("UPDATE commands SET state = 'unknown'");
        let unknown = program.run(&["command", "list", "--state", "unknown", "--json"]).await.json();
        assert_eq!(unknown["items"].as_array().unwrap().len(), 3);
        let resolved = program.run(&["command", "resolve", first, "--as", "succeeded"]).await;
        assert!(resolved.out.contains("state      succeeded"), "{}", resolved.out);
        door.close().await;
    }

    pub(super) async fn devices_are_shown(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        assert_eq!(program.run(&["device", "list"]).await.out, "no devices\n");
        let mut device = door.enroll("D1").await;
        device.notify(Notice::event("com.example:status", "all is well"));
        door.check_in(&mut device).await;
        let listed = program.run(&["device", "list", "--begins-with", "d"]).await;
        assert!(listed.out.contains("\nD1 ") && listed.out.contains(" active "), "{}", listed.out);
        let shown = program.run(&["device", "show", "D1"]).await;
        assert!(shown.out.starts_with("Device D1 (") && shown.out.contains("\nLately\n"), "{}", shown.out);
        assert!(shown.out.contains("com.example:status") && shown.out.contains(": all is well"), "{}", shown.out);
        let document = program.run(&["device", "show", "D1", "--json"]).await.json();
        assert_eq!(document, door.get("/devices/D1").await.json());
        door.close().await;
    }

    pub(super) async fn sessions_are_read(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let mut device = door.enroll("D1").await;
        let order = json!({"device_id": "D1", "command": {"kind": "get", "items": [{"target": SWV}]}});
        door.post("/commands", &order).await;
        door.check_in(&mut device).await;
        let listed = program.run(&["session", "list", "--device", "D1", "--from", "1h", "--json"]).await.json();
        let id = listed["items"][0]["id"].as_str().unwrap();
        let told = program.run(&["session", "show", id]).await;
        for part in ["quiet: both sides have said all", "server  Get ./DevDetail/SwV\n", "-> 200 OK: 10.0."] {
            assert!(told.out.contains(part), "{part}: {}", told.out);
        }
        let raw = program.run(&["session", "show", id, "--raw"]).await;
        for part in ["User-Agent: MSFT OMA DM Client\n", "\n  <SyncHdr>\n", "\n      <CmdID>"] {
            assert!(raw.out.contains(part), "{part}: {}", raw.out);
        }
        let messages = program.run(&["session", "show", id, "--raw", "--json"]).await.json();
        assert_eq!(messages, door.get(&format!("/sessions/{id}/messages")).await.json());
        assert!(program.run(&["session", "list"]).await.out.contains(" quiet "));
        door.close().await;
    }

    pub(super) async fn what_is_new_is_followed(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let mut device = door.enroll("D1").await;
        door.check_in(&mut device).await;
        let nothing = program.run(&["session", "tail", "--for", "1ms", "--json"]).await.json();
        assert_eq!(nothing, json!({"lines": []}));
        let asked = door.asked().await;
        let following = program.followed_until(&["session", "tail", "--device", "D1"], "-> 200 OK: 10.0.");
        let talking = async {
            // It has asked for the time and looked once: what comes now is new.
            while door.asked().await < asked + 2 {
                tokio::task::yield_now().await;
            }
            let order = json!({"device_id": "D1", "command": {"kind": "get", "items": [{"target": SWV}]}});
            door.post("/commands", &order).await;
            door.check_in(&mut device).await;
        };
        let (said, ()) = futures_util::future::join(following, talking).await;
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("  D1  server  Get ./DevDetail/SwV -> 200 OK: 10.0."), "{}", said.out);
        let beginning = said.out.lines().next().unwrap();
        assert!(beginning.contains("  D1  device  session started by the device"), "{}", said.out);
        door.close().await;
    }

    pub(super) async fn sessions_are_exported(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let mut device = door.enroll("D1").await;
        door.check_in(&mut device).await;
        door.check_in(&mut device).await;
        let exported = program.run(&["session", "export", "--device", "D1"]).await.json();
        assert_eq!((&exported["device"]["id"], exported["sessions"].as_array().unwrap().len()), (&json!("D1"), 2));
        let id = exported["sessions"][0]["session"]["id"].as_str().unwrap();
        let written = program.run(&["session", "export", id, "--out", "one.json"]).await;
        assert_eq!(written.out, "Wrote 1 session to one.json.\n");
        let one: Value =
            serde_json::from_str(&std::fs::read_to_string(program.place.path().join("one.json")).unwrap()).unwrap();
        assert_eq!(one, exported["sessions"][0]);
        assert!(one["messages"][0]["request"].as_str().unwrap().starts_with("<SyncML"));
        assert!(one["conversation"].is_array() && one["events"].is_array());
        let page = program.run(&["session", "export", id, "--format", "html"]).await.out;
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Session of <bdi>LAPTOP<"), "{page}");
        assert!(page.contains("<code>D1</code>"), "{page}");
        for part in ["<script", " src=", "<link", "Secr3t-Password!", "href=\"/"] {
            assert!(!page.contains(part), "{part}: {page}");
        }
        program.run(&["session", "export", "--device", "D1", "--format", "html"]).await.failed(2, "--format");
        program.run(&["session", "export"]).await.failed(2, "required");
        door.close().await;
    }

    pub(super) async fn enrollments_are_imported(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let entries: Vec<Value> =
            (0..700).map(|number| json!({"device_id": format!("D{number}"), "secret": "hunter2"})).collect();
        program.write("many.json", &json!({"enrollments": entries}).to_string());
        let imported = program.run(&["enrollment", "import", "many.json", "--json"]).await.json();
        assert_eq!((&imported["imported"], &imported["refused"]), (&json!(700), &json!(0)));
        let partly = r#"[{"device_id":"X1","secret":"s"},{"device_id":"X2","secret":7654321}]"#;
        let partly = program.fed(&["enrollment", "import", "-"], partly).await;
        partly.failed(1, "1 enrollment could not be imported");
        assert!(
            partly.out.contains("Imported 1 enrollment.") && partly.out.contains("secret must be text"),
            "{}",
            partly.out
        );
        assert!(!partly.out.contains("7654321") && !partly.err.contains("7654321"));
        program.fed(&["enrollment", "import", "-"], "{\"secret\":\"hunter2\"").await.failed(1, "is no JSON");
        program.fed(&["enrollment", "import", "-"], "7").await.failed(1, "write one enrollment");
        program.run(&["enrollment", "import", "nowhere.json"]).await.failed(1, "can't read nowhere.json");
        door.close().await;
    }

    pub(super) async fn failures_say_what_to_do(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        door.enroll("D1").await;
        program.run(&["device", "show", "nobody"]).await.failed(1, "there is no such device");
        let wrong = ["command", "send", "--device", "D1", "replace", "./A", "--data", "x", "--format", "int"];
        program.run(&wrong).await.failed(1, "/command/items/0/data: ");
        for usage in [
            &["command", "send", "get", SWV][..],
            &["command", "send", "--device", "D1"],
            &["command", "send", "--device", "D1", "fetch", SWV],
            &["command", "send", "--device", "D1", "get", "/A"],
            &["command", "send", "--device", "D1", "--file", "x", "get", SWV],
            &["command", "send", "--device", "D1", "get", SWV, "--expires", "tomorrow"],
            &["command", "list", "--state", "done"],
            &["command", "resolve", "1", "--as", "done"],
            &["session", "tail", "--for", "ever"],
        ] {
            program.run(usage).await.failed(2, "");
        }
        let stranger = Program { token: "transom_wrong".to_owned(), ..program.clone() };
        let refused = stranger.run(&["device", "list"]).await;
        refused.failed(1, "a valid bearer token is needed");
        assert!(refused.err.contains("\nhint: the token is wrong") && !refused.err.contains("transom_wrong"));
        let nowhere = Program { server: "http://127.0.0.1:1".to_owned(), ..program.clone() };
        let unreachable = nowhere.run(&["device", "list", "--json"]).await;
        unreachable.failed(1, "can't reach the server at http://127.0.0.1:1/");
        assert!(unreachable.out.is_empty() && unreachable.err.contains("\nhint: is it running there?"));
        let unnamed = Program { server: String::new(), token: String::new(), ..program.clone() };
        unnamed.run(&["device", "list"]).await.failed(1, "no server runs on the data folder ./transom-data");
        door.close().await;
    }

    pub(super) async fn a_setting_is_checked(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let camera = "./Vendor/MSFT/Policy/Config/Camera/AllowCamera";
        let taken = program.run(&["csp", "check", camera, "0", "--build", "22631.3155"]).await;
        assert_eq!(taken.code, 0, "{}", taken.err);
        assert!(taken.out.contains("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera = 0 (int)"), "{}", taken.out);
        let refused = program.run(&["csp", "check", camera, "-1", "--json"]).await;
        refused.failed(1, "would be refused");
        assert!(refused.out.contains("\"verdict\": \"refused\""), "{}", refused.out);
        door.close().await;
    }

    pub(super) async fn what_a_device_says_does_not_reach_the_terminal(test: &TestStore) {
        let door = AdminDoor::open(&test.store).await;
        let program = Program::at(&door);
        let entry =
            json!({"device_id": "D\u{202e}1", "secret": "s", "name": "PC\u{1b}]0;owned\u{7}\u{9b}31m\r\nlevel=ERROR"});
        door.post("/enrollments/import", &entry).await;
        test.direct().execute("UPDATE devices SET model = 'M\u{85}\u{9d}0;x'");
        for arguments in [&["device", "list"][..], &["device", "show", "D\u{202e}1"]] {
            let said = program.run(arguments).await;
            assert_eq!(said.code, 0, "{}", said.err);
            let unseen = said.out.chars().find(|character| {
                character.is_control() && *character != '\n' || matches!(character, '\u{202a}'..='\u{202e}')
            });
            assert_eq!(unseen, None, "{}", said.out);
            assert!(said.out.contains("PC\\u{1b}]0;owned"), "{}", said.out);
        }
        let document = program.run(&["device", "list", "--json"]).await;
        assert_eq!(document.json(), door.get("/devices").await.json());
        assert!(!document.out.contains(['\u{1b}', '\u{9b}', '\u{9d}', '\u{202e}']), "{}", document.out);
        let missing = program.run(&["device", "show", "\u{1b}[2J\u{202e}"]).await;
        missing.failed(1, "there is no such device");
        assert!(!missing.err.contains('\u{1b}'));
        door.close().await;
    }
}
