//! The client of the admin API, as the command line uses it: whatever a command does, another program can do too.
//!
//! On the server's own machine it finds address, token and root certificate in the data folder; elsewhere they are
//! given (`--server`, `--token`). A token goes to no other server than the one that it was given for.

use std::{fs, io, time::Duration};

use reqwest::{Certificate, Method, RequestBuilder, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{BearerToken, Global, discovery::Addresses, hinted, progress::warn, shown::line};
use crate::{
    admin::{
        Cleared, CommandJson, CommandQuery, DeviceJson, DeviceQuery, EventJson, Imported, MessageJson, NewOrder,
        Ordered, PageJson, Part, ResolveAs, SessionDetail, SessionJson, SessionQuery, Status,
    },
    config::DataFolder,
    pki::outbound,
};

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How often a request is sent that may be sent again.
const TRIES: usize = 3;

/// Where a server stands when nothing else is known of it.
const HOW_TO_NAME_A_SERVER: &str =
    "start one with: transom serve; one that runs elsewhere is named with --server and --token";

/// A client of the admin API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: BearerToken,
}

/// Why the API did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No answer came.
    #[error("can't reach the server at {url}: {}", innermost(.source))]
    Unreachable {
        /// Its address.
        url: Url,
        /// Why.
        source: reqwest::Error,
    },
    /// It said no.
    #[error("{}", refusal_in_words(.0))]
    Refused(Box<Refusal>),
    /// What answered is not Transom, or another version of it.
    #[error("the answer of {url} can't be read: {what}")]
    Unreadable {
        /// Its address.
        url: Url,
        /// Why.
        what: String,
    },
    /// An id that no path can name.
    #[error("'{}' can't be the id of anything", line(.0))]
    Unnameable(String),
}

/// A problem (RFC 9457), as the API answers with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The kind of problem in words.
    #[serde(default)]
    pub title: String,
    /// What is wrong this time.
    #[serde(default)]
    pub detail: Option<String>,
    /// Each thing that is wrong.
    #[serde(default)]
    pub errors: Vec<RefusalError>,
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RefusalError {
    /// Where.
    pub pointer: String,
    /// What.
    pub detail: String,
}

/// Has a command do its work with the API.
pub(super) fn connected<T>(global: &Global, work: impl AsyncFnOnce(Client) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let client = Client::connect(global)?;
    if client.is_overheard() {
        warn(&format!("the token goes to {} in clear; use https", client.base()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(client))
}

impl Client {
    /// Of the server that the options of a command name, or of the one whose data folder they name.
    pub fn connect(global: &Global) -> anyhow::Result<Self> {
        let folder = global.folder();
        let local = local_server(&folder)?;
        let base = match (&global.server, &local) {
            (Some(server), _) => server_url(server)?,
            (None, Some(local)) => local.clone(),
            (None, None) => {
                let what = format!("no server runs on the data folder {}", folder.path().display());
                return Err(hinted(what, HOW_TO_NAME_A_SERVER));
            }
        };
        let is_here = is_loopback(&base) || local.is_some_and(|local| local.origin() == base.origin());
        let token = match &global.token {
            Some(token) => token.clone(),
            None if is_here => token_of(&folder)?,
            None => {
                let what = format!("no token for {base}");
                return Err(hinted(what, "set TRANSOM_TOKEN, or give one with --token"));
            }
        };
        Self::new(base, token, &roots(&folder)?)
    }

    /// Of the server at a URL; `roots` are trusted beside the system's.
    pub fn new(base: Url, token: BearerToken, roots: &[Certificate]) -> anyhow::Result<Self> {
        let mut builder = outbound::builder(roots, TIMEOUT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, base, token })
    }

    /// Where the server is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the token goes over a network that others may listen to.
    pub fn is_overheard(&self) -> bool {
        self.base.scheme() == "http" && !is_loopback(&self.base)
    }

    /// What the server is.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get(&["status"], &()).await
    }

    /// Puts commands into queues. With the same key it is done once, however often it is sent.
    pub async fn order(&self, order: &NewOrder, key: &str) -> Result<Ordered, ClientError> {
        self.once(&["commands"], order, key).await
    }

    /// Commands, newest first.
    pub async fn commands(&self, query: &CommandQuery) -> Result<PageJson<CommandJson>, ClientError> {
        self.get(&["commands"], query).await
    }

    /// One command with all that is known of it.
    pub async fn command(&self, id: &str) -> Result<CommandJson, ClientError> {
        self.get(&["commands", id], &()).await
    }

    /// Takes a command back.
    pub async fn cancel(&self, id: &str) -> Result<CommandJson, ClientError> {
        self.post(&["commands", id, "cancel"], None).await
    }

    /// Ends the doubt about a command whose outcome is unknown.
    pub async fn resolve(&self, id: &str, how: ResolveAs) -> Result<CommandJson, ClientError> {
        self.post(&["commands", id, "resolve"], Some(serde_json::json!({ "as": how }))).await
    }

    /// Takes back all that waits in the queue of a device.
    pub async fn clear(&self, device: &str) -> Result<Cleared, ClientError> {
        self.post(&["devices", device, "clear"], None).await
    }

    /// Devices by id.
    pub async fn devices(&self, query: &DeviceQuery) -> Result<PageJson<DeviceJson>, ClientError> {
        self.get(&["devices"], query).await
    }

    /// One device.
    pub async fn device(&self, id: &str) -> Result<DeviceJson, ClientError> {
        self.get(&["devices", id], &()).await
    }

    /// What happened to a device, newest first.
    pub async fn events(&self, device: &str, part: &Part) -> Result<PageJson<EventJson>, ClientError> {
        self.get(&["devices", device, "events"], part).await
    }

    /// Sessions, newest first.
    pub async fn sessions(&self, query: &SessionQuery) -> Result<PageJson<SessionJson>, ClientError> {
        self.get(&["sessions"], query).await
    }

    /// One session with what was said.
    pub async fn session(&self, id: &str) -> Result<SessionDetail, ClientError> {
        self.get(&["sessions", id], &()).await
    }

    /// The messages of a session, oldest first.
    pub async fn messages(&self, session: &str, part: &Part) -> Result<PageJson<MessageJson>, ClientError> {
        self.get(&["sessions", session, "messages"], part).await
    }

    /// Makes enrollments of a list of entries. With the same key it is done once, however often it is sent.
    pub async fn import(&self, enrollments: &[Value], key: &str) -> Result<Imported, ClientError> {
        #[derive(Serialize)]
        struct Entries<'a> {
            enrollments: &'a [Value],
        }
        self.once(&["enrollments", "import"], &Entries { enrollments }, key).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<T, ClientError> {
        let url = self.url(path, &serde_json::to_value(query).unwrap_or_default())?;
        self.answered(self.http.request(Method::GET, url)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &[&str], body: Option<Value>) -> Result<T, ClientError> {
        let request = self.http.request(Method::POST, self.url(path, &Value::Null)?);
        self.answered(body.iter().fold(request, RequestBuilder::json)).await
    }

    /// Sends a request until an answer comes: with its key it is done once.
    async fn once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: &str,
    ) -> Result<T, ClientError> {
        let url = self.url(path, &Value::Null)?;
        let mut tries = 1;
        loop {
            let request = self.http.request(Method::POST, url.clone()).header("Idempotency-Key", key).json(body);
            match self.answered(request).await {
                Err(ClientError::Unreachable { source, .. }) if tries < TRIES && !source.is_connect() => tries += 1,
                answer => return answer,
            }
        }
    }

    async fn answered<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let unreachable =
            |source: reqwest::Error| ClientError::Unreachable { url: self.base.clone(), source: source.without_url() };
        let response = request.bearer_auth(self.token.expose()).send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        let unreadable = |what: String| ClientError::Unreadable { url: self.base.clone(), what };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(ClientError::Refused(Box::new(refusal))),
            Err(_) => Err(unreadable(format!("HTTP status {}", status.as_u16()))),
        }
    }

    /// The URL of a resource: its names below the base, each as one segment whatever it holds.
    fn url(&self, path: &[&str], query: &Value) -> Result<Url, ClientError> {
        if let Some(name) = path.iter().find(|name| ["", ".", ".."].contains(&name.trim())) {
            return Err(ClientError::Unnameable((*name).to_owned()));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if let Value::Object(parameters) = query {
            for (name, value) in parameters {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
        }
        Ok(url)
    }
}

impl ClientError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { source, .. } if source.is_connect() => {
                Some(format!("is it running there? {HOW_TO_NAME_A_SERVER}"))
            }
            Self::Unreachable { source, .. } if source.is_timeout() => {
                Some("it is there and does not answer; look at its log".to_owned())
            }
            Self::Refused(refusal) if refusal.status == 401 => {
                Some("the token is wrong, was taken back or has expired: look at --token, TRANSOM_TOKEN or admin.token in the data folder".to_owned())
            }
            Self::Refused(refusal) if refusal.status >= 500 => Some("look at the log of the server".to_owned()),
            Self::Unreadable { .. } => Some("is this the admin door of Transom, and of this version?".to_owned()),
            _ => None,
        }
    }

    /// Whether it is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404)
    }
}

/// What a problem says, in lines.
fn refusal_in_words(refusal: &Refusal) -> String {
    let mut text = line(refusal.detail.as_deref().unwrap_or(&refusal.title));
    for error in &refusal.errors {
        // One that says the same again says nothing.
        if refusal.errors.len() == 1 && refusal.detail.as_deref() == Some(error.detail.as_str()) {
            text = format!("{}: {text}", line(&error.pointer));
        } else {
            text.push_str(&format!("\n  {}: {}", line(&error.pointer), line(&error.detail)));
        }
    }
    text
}

/// The last cause, which says most.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    line(&cause.to_string())
}

fn server_url(text: &str) -> anyhow::Result<Url> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
    url.ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()).ok_or_else(|| {
        hinted(format!("'{}' is no address of a server", line(text)), "write one such as https://mdm.example.com:8080")
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// The server that runs on a data folder.
fn local_server(folder: &DataFolder) -> anyhow::Result<Option<Url>> {
    let addresses = Addresses::read(folder).map_err(|error| {
        let what = format!("can't read {}: {error}", folder.addresses().display());
        hinted(what, "start the server anew, or name it with --server")
    })?;
    addresses.map(|addresses| server_url(&addresses.admin)).transpose()
}

fn token_of(folder: &DataFolder) -> anyhow::Result<BearerToken> {
    let path = folder.admin_token();
    let token = fs::read_to_string(&path).map_err(|error| {
        let what = format!("can't read the token {}: {error}", path.display());
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => "ask as the user that the server runs as, or set TRANSOM_TOKEN",
            _ => "name the data folder with --data, set TRANSOM_TOKEN, or give a token with --token",
        };
        hinted(what, hint)
    })?;
    Ok(BearerToken::from(token.trim().to_owned()))
}

/// The installation's own root, so that its certificates are believed.
fn roots(folder: &DataFolder) -> anyhow::Result<Vec<Certificate>> {
    match fs::read(folder.authority()) {
        Ok(pem) => Ok(Certificate::from_pem_bundle(&pem)?),
        Err(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        Client::new(Url::parse(base).unwrap(), BearerToken::from("t".to_owned()), &[]).unwrap()
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        let client = client("https://mdm.example.test/behind/");
        let url = |id| client.url(&["devices", id, "events"], &serde_json::json!({"limit": 7, "cursor": "a+b"}));
        assert_eq!(
            url("a/b?c#d%2e ü").unwrap().as_str(),
            "https://mdm.example.test/behind/api/v1/devices/a%2Fb%3Fc%23d%252e%20%C3%BC/events?cursor=a%2Bb&limit=7"
        );
        for name in ["", ".", "..", " "] {
            assert!(matches!(url(name), Err(ClientError::Unnameable(_))), "{name:?}");
        }
    }

    #[test]
    fn a_token_from_the_folder_goes_to_no_other_server() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(place.path());
        fs::write(folder.admin_token(), "transom_x\n").unwrap();
        let global = |server: &str| Global {
            data: place.path().to_owned(),
            server: Some(server.to_owned()),
            token: None,
            json: false,
        };
        assert_eq!(Client::connect(&global("http://127.0.0.1:9")).unwrap().token.expose(), "transom_x");
        assert!(Client::connect(&global("https://elsewhere.example.test")).is_err());
        let listening = Addresses {
            admin: "https://mdm.example.test:8080".to_owned(),
            device: "https://mdm.example.test:8443".to_owned(),
            device_addr: ([127, 0, 0, 1], 8443).into(),
            pid: 1,
        };
        listening.write(&folder).unwrap();
        assert!(Client::connect(&global("mdm.example.test:8080")).is_ok());
        assert!(Client::connect(&global("mdm.example.test:9090")).is_err());
    }

    #[test]
    fn without_a_server_it_says_how_to_get_one() {
        let place = tempfile::tempdir().unwrap();
        let global = Global { data: place.path().to_owned(), server: None, token: None, json: false };
        let error = Client::connect(&global).unwrap_err().to_string();
        assert!(error.starts_with("no server runs on the data folder"), "{error}");
    }

    #[test]
    fn only_loopback_is_not_overheard() {
        assert!(client("http://10.0.0.1:8080").is_overheard());
        assert!(!client("http://[::1]:8080").is_overheard());
        assert!(!client("https://10.0.0.1:8080").is_overheard());
    }

    #[test]
    fn a_refusal_is_told_with_its_places_and_escaped() {
        let error = |pointer: &str, detail: &str| RefusalError { pointer: pointer.into(), detail: detail.into() };
        let refusal = |errors| Refusal {
            status: 422,
            title: "Unprocessable".into(),
            detail: Some("this can never work\u{1b}".into()),
            errors,
        };
        let several = refusal(vec![error("/command/items/0/data", "is no int"), error("/x", "\u{1b}[2J")]);
        assert_eq!(
            refusal_in_words(&several),
            "this can never work\\u{1b}\n  /command/items/0/data: is no int\n  /x: \\u{1b}[2J"
        );
        assert_eq!(
            refusal_in_words(&refusal(vec![error("limit", "this can never work\u{1b}")])),
            "limit: this can never work\\u{1b}"
        );
    }
}
