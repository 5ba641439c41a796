//! nginx, HAProxy and Caddy as Debian has them, as children of the test, with the very configurations that docs/proxies has.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::server::{Server, Site};

/// A proxy in front of a server. It is gone when it is dropped.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) addr: SocketAddr,
    _folder: TempDir,
}

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

impl Proxy {
    /// Starts one with a file of docs/proxies; `None` where the program is not installed.
    pub(crate) fn start(kind: Kind, file: &str, site: &Site, server: &Server) -> Option<Self> {
        let program = match kind {
            Kind::Nginx => "/usr/sbin/nginx",
            Kind::Haproxy => "/usr/sbin/haproxy",
            Kind::Caddy => "/usr/bin/caddy",
        };
        if !Path::new(program).exists() {
            assert!(std::env::var_os("REQUIRE_PROXIES").is_none(), "{program} is not installed");
            eprintln!("skipped: {program} is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let addr = free();
        let documented = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/proxies").join(file);
        let documented = fs::read_to_string(documented).unwrap();
        let written = adapted(&documented, folder.path(), addr, server.device_addr);
        material(site, folder.path());
        let config = folder.path().join("config");
        let mut command = Command::new(program);
        match kind {
            Kind::Nginx => {
                fs::write(&config, whole_nginx(&written, folder.path())).unwrap();
                command.arg("-p").arg(folder.path()).arg("-c").arg(&config).args(["-e", "stderr", "-g", "daemon off;"]);
            }
            Kind::Haproxy => {
                fs::write(&config, written).unwrap();
                command.arg("-db").arg("-f").arg(&config);
            }
            Kind::Caddy => {
                fs::write(&config, written).unwrap();
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config);
                // It keeps what it knows where its user lives.
                for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                    command.env(name, folder.path());
                }
            }
        }
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(addr).is_err() {
            let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "{file}: {}", log());
            std::thread::yield_now();
        }
        Some(Self { child, addr, _folder: folder })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A master of workers ends them when it is asked to.
        let _ =
            rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// What is documented, for this machine: other ports, other files, another name.
fn adapted(documented: &str, folder: &Path, addr: SocketAddr, server: SocketAddr) -> String {
    let files = format!("{}/", folder.display());
    let mut written = documented.to_owned();
    let site = format!("https://localhost:{}", addr.port());
    for (from, to) in [
        ("https://mdm.example.com:443", site.as_str()),
        ("/etc/transom-proxy/", files.as_str()),
        ("mdm.example.com", "localhost"),
        ("127.0.0.1:8443", &server.to_string()),
        ("listen 443", &format!("listen {addr}")),
        ("bind :443", &format!("bind {addr}")),
    ] {
        written = written.replace(from, to);
    }
    assert!(written.contains(&addr.port().to_string()) && written.contains(&server.to_string()), "{written}");
    written
}

/// What belongs around a server of nginx.
fn whole_nginx(inner: &str, folder: &Path) -> String {
    let files = folder.display();
    let begin = format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nuser root;\npid {files}/pid;\n\
         worker_processes 1;\nevents {{}}\n"
    );
    if inner.contains("stream {") {
        return begin + inner;
    }
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {files}/{name};\n"))
        .collect();
    format!("{begin}http {{\naccess_log off;\n{temporary}{inner}}}\n")
}

/// The server's own certificate, which the proxy shows in its place, and the root.
fn material(site: &Site, folder: &Path) {
    let read = |name: &str| fs::read(site.data().join(name)).unwrap();
    let (certificate, key) = (read("server.pem"), read("server.key"));
    fs::write(folder.join("server-and-key.pem"), [certificate.as_slice(), &key].concat()).unwrap();
    fs::write(folder.join("server.pem"), certificate).unwrap();
    fs::write(folder.join("server.key"), key).unwrap();
    fs::write(folder.join("root.pem"), site.root()).unwrap();
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
