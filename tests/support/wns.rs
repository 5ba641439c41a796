//! A stand-in for WNS and its token endpoint: real HTTPS on a port of its own, which answers as it is told.

use std::collections::{HashMap, VecDeque};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use openssl::ssl::{SslAcceptor, SslMethod};
use tempfile::TempDir;
use transom::model::Timestamp;
use transom::pki::{CertificateAuthority, ServerNames};

/// The service. It is gone when it is dropped.
pub(crate) struct Wns {
    pub(crate) port: u16,
    root: Vec<u8>,
    folder: TempDir,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

/// How a push or a request for a token is answered.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// With this status and these headers.
    Answer(u16, Vec<(&'static str, String)>),
    /// Never.
    Hang,
}

/// A push that came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The last part of the address.
    pub(crate) channel: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
struct State {
    pushes: Vec<Received>,
    /// How the pushes to each channel were answered, in a word.
    answers: HashMap<String, Vec<String>>,
    tokens: Vec<String>,
    elsewhere: usize,
    scripts: HashMap<String, VecDeque<Does>>,
    token_script: VecDeque<Does>,
    /// The tokens that are good; any that was given when there is no word of one.
    refused: Vec<String>,
    given: usize,
}

impl Does {
    /// A status, `dropped` or `hang`.
    fn word(&self) -> String {
        match self {
            Self::Hang => "hang".to_owned(),
            Self::Answer(_, headers) if headers.iter().any(|(_, value)| value == "dropped") => "dropped".to_owned(),
            Self::Answer(status, _) => status.to_string(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new())
    }

    pub(crate) fn with(status: u16, name: &'static str, value: &str) -> Self {
        Self::Answer(status, vec![(name, value.to_owned())])
    }
}

impl Wns {
    pub(crate) fn start() -> Self {
        let now = Timestamp(jiff::Timestamp::now().as_millisecond());
        let authority = CertificateAuthority::create("Stand-in", now).unwrap();
        let names = ServerNames { dns: vec!["localhost".into()], addresses: Vec::new() };
        let identity = authority.issue_server(&names, now).unwrap();
        let root = authority.certificate_pem().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), &root).unwrap();
        let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        tls.set_certificate(identity.leaf().unwrap()).unwrap();
        let key = openssl::pkey::PKey::private_key_from_pem(&identity.key_pem().unwrap()).unwrap();
        tls.set_private_key(&key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Data::from(Arc::clone(&state));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let serve = async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(shared.clone())
                        .route("/token", web::post().to(token))
                        .route("/w/{channel}", web::post().to(push))
                        .route("/hook/{channel}", web::post().to(hook))
                        .default_service(web::to(elsewhere))
                })
                .workers(1)
                .disable_signals()
                .listen_openssl(listener, tls)
                .unwrap()
                .run();
                sender.send(server.handle()).unwrap();
                server.await
            };
            actix_web::rt::System::new().block_on(serve).unwrap();
        });
        Self { port, root, folder, state, handle: receiver.recv().unwrap() }
    }

    /// `localhost:<port>`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Where tokens are asked for.
    pub(crate) fn token_url(&self) -> String {
        format!("https://{}/token", self.host())
    }

    /// The address of a channel.
    pub(crate) fn channel(&self, name: &str) -> String {
        format!("https://{}/w/{name}?token=channel-secret", self.host())
    }

    /// The address of a receiver of events, which takes all that it gets unless it is told otherwise.
    pub(crate) fn hook(&self, name: &str) -> String {
        format!("https://{}/hook/{name}?token=hook-secret", self.host())
    }

    /// What is to be trusted, as PEM and as a file of it.
    pub(crate) fn root(&self) -> (&[u8], PathBuf) {
        (&self.root, self.folder.path().join("root.pem"))
    }

    /// The next pushes to a channel are answered so; those behind them are taken.
    pub(crate) fn script(&self, channel: &str, answers: impl IntoIterator<Item = Does>) {
        self.state().scripts.entry(channel.to_owned()).or_default().extend(answers);
    }

    /// The next requests for a token are answered so; those behind them get one.
    pub(crate) fn script_tokens(&self, answers: impl IntoIterator<Item = Does>) {
        self.state().token_script.extend(answers);
    }

    /// No token that was given so far is good any more.
    pub(crate) fn revoke_tokens(&self) {
        let mut state = self.state();
        state.refused = (1..=state.given).map(token_text).collect();
    }

    /// The pushes that came.
    pub(crate) fn pushes(&self) -> Vec<Received> {
        self.state().pushes.clone()
    }

    /// How many pushes came for a channel.
    pub(crate) fn count(&self, channel: &str) -> usize {
        self.state().pushes.iter().filter(|push| push.channel == channel).count()
    }

    /// How the pushes to each channel were answered: a status, `dropped` or `hang`.
    pub(crate) fn answers(&self) -> HashMap<String, Vec<String>> {
        self.state().answers.clone()
    }

    /// The bodies of the requests for a token.
    pub(crate) fn token_requests(&self) -> Vec<String> {
        self.state().tokens.clone()
    }

    /// How many requests came for anything else.
    pub(crate) fn elsewhere(&self) -> usize {
        self.state().elsewhere
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wns {
    fn drop(&mut self) {
        // Whoever hangs is let go.
        drop(self.handle.stop(false));
    }
}

/// The tokens, which are secrets.
fn token_text(number: usize) -> String {
    format!("wns-token-secret-{number}")
}

async fn token(state: Data<Mutex<State>>, body: Bytes) -> HttpResponse {
    let does = {
        let mut state = state.lock().unwrap();
        state.tokens.push(String::from_utf8(body.to_vec()).unwrap());
        state.token_script.pop_front()
    };
    match does {
        None => {
            let mut state = state.lock().unwrap();
            state.given += 1;
            let token = token_text(state.given);
            HttpResponse::Ok().json(serde_json::json!({
                "token_type": "bearer", "access_token": token, "expires_in": 86400,
            }))
        }
        Some(does) => {
            answer(does, r#"{"error":"invalid_request","error_description":"Client credential flows are closed"}"#)
                .await
        }
    }
}

async fn push(state: Data<Mutex<State>>, request: HttpRequest, channel: Path<String>, body: Bytes) -> HttpResponse {
    let does = {
        let mut state = state.lock().unwrap();
        let header = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), header(value))).collect();
        let received = Received { channel: channel.into_inner(), headers, body: body.to_vec() };
        let bearer = received.headers.get("authorization").cloned().unwrap_or_default();
        let is_good = bearer.strip_prefix("Bearer ").is_some_and(|token| {
            token.starts_with("wns-token-secret-") && !state.refused.iter().any(|refused| refused == token)
        });
        let does = state.scripts.get_mut(&received.channel).and_then(VecDeque::pop_front);
        let does = does
            .unwrap_or_else(|| if is_good { Does::with(200, "X-WNS-Status", "received") } else { Does::status(401) });
        state.answers.entry(received.channel.clone()).or_default().push(does.word());
        state.pushes.push(received);
        does
    };
    answer(does, "").await
}

async fn hook(state: Data<Mutex<State>>, request: HttpRequest, name: Path<String>, body: Bytes) -> HttpResponse {
    let does = {
        let mut state = state.lock().unwrap();
        let header = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = request.headers().iter().map(|(name, value)| (name.to_string(), header(value))).collect();
        let received = Received { channel: name.into_inner(), headers, body: body.to_vec() };
        let does = state.scripts.get_mut(&received.channel).and_then(VecDeque::pop_front);
        state.pushes.push(received);
        does.unwrap_or_else(|| Does::status(204))
    };
    answer(does, "").await
}

async fn elsewhere(state: Data<Mutex<State>>) -> HttpResponse {
    state.lock().unwrap().elsewhere += 1;
    HttpResponse::Ok().finish()
}

async fn answer(does: Does, body: &'static str) -> HttpResponse {
    match does {
        Does::Answer(status, headers) => {
            let mut response = HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap());
            for header in headers {
                response.insert_header(header);
            }
            response.body(body)
        }
        Does::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            HttpResponse::Ok().finish()
        }
    }
}
