//! The program as a child of the test: an installation in a folder of its own, served on ports of its own, killed and
//! started again at will.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use transom::store::DatabaseUrl;

use super::databases::{self, Engine, Place};
use super::operator::Operator;

/// An installation. It and its database are gone when it is dropped.
pub(crate) struct Site {
    pub(crate) engine: Engine,
    place: TempDir,
    url: DatabaseUrl,
    settings: Vec<(String, String)>,
    _database: Option<Place>,
}

/// A server that runs. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where devices reach it, on this machine.
    pub(crate) device_addr: SocketAddr,
    admin: String,
    token: String,
}

impl Site {
    /// A new installation; `None` where there is no such database.
    pub(crate) fn new(engine: Engine) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let (url, database) = match engine {
            Engine::Sqlite => (DatabaseUrl::Sqlite(data.join("transom.db")), None),
            Engine::Postgres => {
                let (url, database) = databases::fresh(engine)?;
                (url, Some(database))
            }
        };
        let mut init = transom(&data);
        init.args(["init", "--host", "localhost"]);
        if let DatabaseUrl::Postgres(url) = &url {
            init.args(["--database", url]);
        }
        let made = init.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(
            Self { engine, place, url, settings: Vec::new(), _database: database }
                .with("LOG_LEVEL", "warn")
                .with("DEVICE_DOOR_RETRY_SPREAD", "0s")
                // What tests count is what they order.
                .with("INVENTORY_COLLECT", "false"),
        )
    }

    /// One more setting, by its variable without `TRANSOM_`.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("TRANSOM_{name}"), value.to_owned()));
        self
    }

    /// Without limits of rates, which many devices of one address, or one device in a hurry, run into.
    pub(crate) fn without_rates(self) -> Self {
        let door = ["RATE", "PEER_RATE", "DEVICE_RATE"];
        door.iter().fold(self, |site, name| site.with(&format!("DEVICE_DOOR_{name}"), "0"))
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// Its database.
    pub(crate) const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The root that devices trust.
    pub(crate) fn root(&self) -> Vec<u8> {
        let exported = transom(&self.data()).args(["ca", "export"]).output().unwrap();
        assert!(exported.status.success());
        exported.stdout
    }

    /// What all its servers have logged so far.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.place.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Starts a server.
    pub(crate) fn serve(&self) -> Server {
        self.serve_from(&self.data())
    }

    /// Starts a server from a copy of the data folder: a second instance on the same database and the same key.
    pub(crate) fn serve_copy(&self, name: &str) -> Server {
        let copy = self.place.path().join(name);
        if !copy.exists() {
            fs::create_dir(&copy).unwrap();
            for entry in fs::read_dir(self.data()).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
                }
            }
        }
        self.serve_from(&copy)
    }

    fn serve_from(&self, data: &Path) -> Server {
        let log = File::options().create(true).append(true).open(self.place.path().join("log")).unwrap();
        let arguments = ["--json", "serve", "--device-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"];
        let mut command = transom(data);
        command.args(arguments).envs(self.settings.iter().cloned());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut document = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while !document.ends_with("\n}") {
            document.push('\n');
            document.push_str(&lines.next().unwrap_or_else(|| panic!("the server ended: {}", self.log())).unwrap());
        }
        let said: Value = serde_json::from_str(&document).unwrap();
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        let token = fs::read_to_string(data.join("admin.token")).unwrap().trim().to_owned();
        Server { child, device_addr: text("device_addr").parse().unwrap(), admin: text("admin"), token }
    }
}

impl Server {
    /// Where the admin door is.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Somebody who gives orders.
    pub(crate) fn operator(&self) -> Operator {
        Operator::new(&self.admin, &self.token)
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end; gives its exit code. Blocks.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }

    /// Whether it runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Memory that it holds now, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most memory that it held since [`forget_peak`](Self::forget_peak), in KiB.
    pub(crate) fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// From now on the peak is measured anew.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, with nothing of the environment's settings.
pub(crate) fn transom(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_"));
    inherited.for_each(|(name, _)| _ = command.env_remove(name));
    command.arg("--data").arg(data);
    // Tests order nodes that no description speaks of; what the catalogue makes of an order has tests of its own.
    command.env("TRANSOM_QUEUE_CHECK_SETTINGS", "false");
    command
}

/// A size from the environment, for longer runs than those of every day.
pub(crate) fn size(variable: &str, everyday: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(everyday)
}

/// Asks again and again until the answer is there; panics after a minute.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
