//! The program itself: `init`, `serve`, `ca export`, their exit codes and their end.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use transom::pki::outbound;

fn transom(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_"));
    for (name, _) in inherited {
        command.env_remove(name);
    }
    command.arg("--data").arg(data);
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    transom(data).args(arguments).output().unwrap()
}

fn installation() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let made = run(&place.path().join("data"), &["init", "--host", "localhost"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    place
}

/// A server that runs until it is told to stop, and what it said when it was ready.
struct Serving {
    child: Child,
    said: Value,
}

impl Serving {
    fn start(data: &Path) -> Self {
        let arguments = ["--json", "serve", "--device-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"];
        let mut child = transom(data).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut document = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !document.ends_with("\n}") {
            document.push('\n');
            document.push_str(&lines.next().expect("the server ended").unwrap());
        }
        Self { child, said: serde_json::from_str(&document).unwrap() }
    }

    fn stop(mut self, signal: Signal) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn an_installation_serves_at_once_and_ends_in_good_order() {
    let place = installation();
    let data = place.path().join("data");
    let root = run(&data, &["ca", "export"]).stdout;
    let root = reqwest::Certificate::from_pem(&root).unwrap();
    let client = outbound::client(&[root], Duration::from_secs(20)).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let serving = Serving::start(&data);
        let written: Value = serde_json::from_slice(&fs::read(data.join("run/addresses.json")).unwrap()).unwrap();
        assert_eq!(written, serving.said);
        assert_eq!(written["pid"], serving.child.id());
        let device = format!("{}/ManagementServer/MDM.svc", written["device"].as_str().unwrap());
        let message = client.post(device).header("Content-Type", "application/vnd.syncml.dm+xml").body("no message");
        assert_eq!(message.send().await.unwrap().status(), 400);
        let admin = written["admin"].as_str().unwrap();
        assert_eq!(client.get(format!("{admin}/readyz")).send().await.unwrap().status(), 200);
        let another = run(&data, &["serve", "--device-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"]);
        assert_eq!(another.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&another.stderr).starts_with("error: another server runs on "));
        assert_eq!(serving.stop(signal), Some(0));
        assert!(!data.join("run/addresses.json").exists());
    }
}

#[test]
fn systemd_is_told_when_the_doors_are_open_and_when_they_close() {
    let place = installation();
    let socket = place.path().join("notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let heard = || {
        let mut message = [0; 256];
        let length = listener.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut command = transom(&place.path().join("data"));
    command.env("NOTIFY_SOCKET", &socket).args([
        "serve",
        "--device-addr",
        "127.0.0.1:0",
        "--admin-addr",
        "127.0.0.1:0",
    ]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let serving = Serving { child, said: Value::Null };
    assert!(heard().lines().any(|line| line == "READY=1"));
    let written = fs::read(place.path().join("data/run/addresses.json")).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    std::net::TcpStream::connect(written["device_addr"].as_str().unwrap()).unwrap();
    assert_eq!(serving.stop(Signal::TERM), Some(0));
    assert!(heard().lines().any(|line| line == "STOPPING=1"));
}

#[test]
fn exit_codes_tell_refusal_from_wrong_usage() {
    let place = installation();
    let data = place.path().join("data");
    let nowhere = place.path().join("nowhere");
    let cases: [(&Path, &[&str], i32); 6] = [
        (&data, &["--help"], 0),
        (&data, &["init"], 2),
        (&data, &["serve", "--device-addr", "here"], 2),
        (&data, &["init", "--host", "localhost"], 1),
        (&nowhere, &["serve"], 1),
        (&data, &["serve", "--admin-addr", "0.0.0.0:0"], 1),
    ];
    for (folder, arguments, code) in cases {
        let ended = run(folder, arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {said}");
        if code == 1 {
            assert!(said.starts_with("error: ") && said.contains("\nhint: "), "{arguments:?}: {said}");
        }
    }
    assert!(!nowhere.exists());
}

#[test]
fn a_broken_certificate_is_named_before_a_door_opens() {
    let place = installation();
    let data = place.path().join("data");
    fs::write(data.join("server.pem"), "not a certificate").unwrap();
    let ended = run(&data, &["serve"]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("server.pem does not hold certificates in PEM"), "{said}");
}
