//! An OpenID Connect provider that is not ours (`tests/support/oidc`), and the browser of somebody who signs in there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use reqwest::{Client, Method, Url};

use super::server::Server;

/// Where devices would reach the server; tests ask it where it really is.
pub(crate) const CALLBACK: &str = "https://mdm.contoso.test/EnrollmentServer/Auth/Callback";

/// Where browsers would reach the admin door.
pub(crate) const CONSOLE: &str = "https://console.contoso.test";

/// A provider that runs. It is killed when it is dropped.
pub(crate) struct Provider {
    child: Child,
    pub(crate) issuer: String,
}

/// A browser: one person's cookies, by host and name, and no script.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    server: String,
    console: String,
    cookies: BTreeMap<(String, String), String>,
    /// Shown with every request: what the web view of a device that joins has.
    bearer: Option<String>,
    /// Every address that was asked, in order.
    pub(crate) visited: Vec<String>,
}

/// A page, or whatever else was the last answer.
pub(crate) struct Shown {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) html: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/oidc")
}

impl Provider {
    /// Starts it with the certificate of a data folder; `None`, and a word on it, where it is not installed.
    pub(crate) fn start(data: &Path) -> Option<Self> {
        if !folder().join("node_modules/oidc-provider").is_dir() {
            let hint = "npm ci --prefix tests/support/oidc";
            let required = std::env::var("REQUIRE_OIDC").as_deref() == Ok("1");
            assert!(!required, "REQUIRE_OIDC=1, and no OpenID Connect provider is installed; {hint}");
            println!("skipped: no OpenID Connect provider is installed; {hint}");
            return None;
        }
        // Others of this machine may take the port that was free a moment ago: then another is tried.
        let started = (0..3).find_map(|_| Self::started(data));
        Some(started.expect("the provider did not get ready"))
    }

    fn started(data: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("node")
            .arg(folder().join("provider.mjs"))
            .arg(port.to_string())
            .args([data.join("server.pem"), data.join("server.key")])
            .args([CALLBACK.to_owned(), format!("{CONSOLE}/sign-in/openid/callback")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, said) = mpsc::channel();
        // Listens for as long as it runs: it dies of a warning that nobody can hear.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        let provider = Self { child, issuer: format!("https://localhost:{port}") };
        // It warns first, of what is only good for tests.
        loop {
            if said.recv_timeout(Duration::from_mins(1)).ok()?.trim() == "ready" {
                return Some(provider);
            }
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// A browser that trusts the installation's root, and believes that the server is where it really is.
    pub(crate) fn new(root: &[u8], server: std::net::SocketAddr) -> Self {
        let http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_merge([reqwest::Certificate::from_pem(root).unwrap()])
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        let server = format!("https://localhost:{}", server.port());
        let console = String::new();
        Self { http, server, console, cookies: BTreeMap::new(), bearer: None, visited: Vec::new() }
    }

    /// Goes to another instance from now on.
    pub(crate) fn meets(&mut self, server: std::net::SocketAddr) {
        self.server = format!("https://localhost:{}", server.port());
    }

    /// The same, for somebody who comes to the admin door.
    pub(crate) fn at_console(root: &[u8], server: &Server) -> Self {
        Self { console: server.admin().to_owned(), ..Self::new(root, server.device_addr) }
    }

    /// What it keeps under this name for the admin door.
    pub(crate) fn kept(&self, name: &str) -> Option<&str> {
        self.cookies.get(&("console.contoso.test:443".to_owned(), name.to_owned())).map(String::as_str)
    }

    /// Shows a token from now on.
    pub(crate) fn bears(&mut self, token: &str) {
        self.bearer = Some(token.to_owned());
    }

    /// Opens an address of the server.
    pub(crate) async fn opens(&mut self, path: &str) -> Shown {
        let url = format!("https://mdm.contoso.test{path}").parse().unwrap();
        self.goes(Method::GET, url, None).await
    }

    /// Follows an address, and redirects from there.
    pub(crate) async fn goes(&mut self, method: Method, url: Url, form: Option<String>) -> Shown {
        let (mut method, mut url, mut form) = (method, url, form);
        for _ in 0..12 {
            let shown = self.asks(method, &url, form).await;
            let location = shown.headers.get("location").map(|location| location.to_str().unwrap().to_owned());
            match location {
                Some(location)
                    if shown.status / 100 == 3 && (location.starts_with("http") || location.starts_with('/')) =>
                {
                    url = shown.url.join(&location).unwrap();
                }
                _ => return shown,
            }
            (method, form) = (Method::GET, None);
        }
        panic!("too many redirects: {:?}", self.visited);
    }

    /// One request, without going on.
    pub(crate) async fn asks(&mut self, method: Method, url: &Url, form: Option<String>) -> Shown {
        self.visited.push(url.to_string());
        let host = url.host_str().unwrap().to_owned();
        // Every port of this machine is another host here, as the provider's would be.
        let jar = format!("{host}:{}", url.port_or_known_default().unwrap());
        let real = match host.as_str() {
            "console.contoso.test" => url.as_str().replacen(CONSOLE, &self.console, 1),
            "mdm.contoso.test" => url.as_str().replacen("https://mdm.contoso.test", &self.server, 1),
            _ => url.to_string(),
        };
        let own = self.cookies.iter().filter(|((of, _), _)| *of == jar);
        let cookies: Vec<String> = own.map(|((_, name), value)| format!("{name}={value}")).collect();
        let mut request = self.http.request(method, real).header("cookie", cookies.join("; "));
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            let gone = value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0");
            let key = (jar.clone(), name.to_owned());
            if gone {
                self.cookies.remove(&key)
            } else {
                self.cookies.insert(key, value.to_owned())
            };
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Shown { status, url: url.clone(), headers, html: response.text().await.unwrap() }
    }

    /// Fills in what the provider asks for, page by page, until it sends the browser somewhere else; gives the address.
    pub(crate) async fn signs_in(&mut self, page: Shown, login: &str) -> Url {
        let mut page = page;
        for _ in 0..4 {
            let action = attribute(&page.html, "<form", "action").unwrap_or_else(|| panic!("no form: {}", page.html));
            let prompt = if page.html.contains("value=\"login\"") { "login" } else { "consent" };
            let form = format!("prompt={prompt}&login={login}&password=any");
            let url = page.url.join(&action).unwrap();
            let mut answer = self.asks(Method::POST, &url, Some(form)).await;
            while let Some(location) = answer.headers.get("location") {
                let next = answer.url.join(location.to_str().unwrap()).unwrap();
                if next.host_str().is_some_and(|host| host.ends_with(".contoso.test")) {
                    return next;
                }
                answer = self.asks(Method::GET, &next, None).await;
            }
            page = answer;
        }
        panic!("the provider does not come to an end: {}", page.html);
    }
}

impl Shown {
    /// The handle in the page that Windows gets, and where it goes.
    pub(crate) fn handoff(&self) -> (String, String) {
        assert_eq!(self.status, 200, "{}", self.html);
        let app = attribute(&self.html, "<form", "action").unwrap();
        let handle = attribute(&self.html, "name=\"wresult\"", "value").unwrap();
        (app, handle)
    }

    /// Where it sends the browser.
    pub(crate) fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }
}

/// An attribute of the first tag that has this in it; good enough for pages that we know.
pub(crate) fn attribute(html: &str, tag: &str, name: &str) -> Option<String> {
    let from = &html[html.find(tag)?..];
    let value = from.split_once(&format!("{name}=\""))?.1.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}
