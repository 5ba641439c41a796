//! A stand-in for WNS: real HTTPS at a name that a server can call, a token endpoint and a channel for each device.
//!
//! It holds a server to what Microsoft asks of it: the token that it gave, the headers of a raw notification, a body.
//! What is not right is refused as WNS would, and told in words.

mod door;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::ServerHandle;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod};
use tokio::sync::mpsc;

use crate::pki::ServerIdentity;

/// Problems that are kept in words.
const KEPT: usize = 100;

/// The numbers of the devices whose channels were pushed to, in the order in which that happened.
pub type Pushes = mpsc::UnboundedReceiver<usize>;

/// The service. It is gone when it is dropped.
#[derive(Debug)]
pub struct Wns {
    host: String,
    shared: Arc<Shared>,
    handle: ServerHandle,
}

/// Why there can't be one.
#[derive(Debug, thiserror::Error)]
pub enum WnsError {
    /// The port can't be had.
    #[error("can't listen at {0}")]
    Listen(String, #[source] std::io::Error),
    /// The certificate can't be used.
    #[error("the certificate of the stand-in for WNS can't be used: {0}")]
    Tls(String),
    /// It did not begin to serve.
    #[error("the stand-in for WNS did not start")]
    Start,
}

/// What it was asked so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WnsReport {
    /// Tokens that it gave.
    pub tokens: usize,
    /// Notifications that it took.
    pub pushes: usize,
    /// What the server did wrong, the first of it in words.
    pub problems: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    /// Stands in the addresses of channels and in tokens, so that nobody calls those of an earlier run.
    run: u64,
    devices: usize,
    pushed: mpsc::UnboundedSender<usize>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: BTreeSet<String>,
    report: WnsReport,
}

impl Wns {
    /// For so many devices, at `host:port`, which the certificate is for. `run` is a number that differs from run to run.
    pub fn start(
        (host, port): (&str, u16),
        identity: &ServerIdentity,
        devices: usize,
        run: u64,
    ) -> Result<(Self, Pushes), WnsError> {
        let name = format!("{host}:{port}");
        let listener = TcpListener::bind((host, port)).map_err(|error| WnsError::Listen(name, error))?;
        let port = listener.local_addr().map_or(port, |address| address.port());
        let (pushed, pushes) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { run, devices, pushed, state: Mutex::default() });
        let handle = door::serve(listener, acceptor(identity)?, shared.clone()).ok_or(WnsError::Start)?;
        Ok((Self { host: format!("{host}:{port}"), shared, handle }, pushes))
    }

    /// Its name and port, as a server calls it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address of a device's channel.
    pub fn channel(&self, number: usize) -> String {
        format!("https://{}/w/{number}?token={:x}", self.host, self.shared.run)
    }

    /// What it was asked so far.
    pub fn report(&self) -> WnsReport {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).report.clone()
    }
}

impl Drop for Wns {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new token.
    fn token(&self) -> String {
        self.with(|state| {
            state.report.tokens += 1;
            let token = format!("simulated-{:x}-{}", self.run, state.report.tokens);
            state.tokens.insert(token.clone());
            token
        })
    }
}

impl State {
    fn complain(&mut self, words: String) {
        if self.report.problems.len() < KEPT {
            self.report.problems.push(words);
        }
    }
}

fn acceptor(identity: &ServerIdentity) -> Result<SslAcceptorBuilder, WnsError> {
    let wrong = |error: openssl::error::ErrorStack| WnsError::Tls(error.to_string());
    let unread = || WnsError::Tls("it can't be read".to_owned());
    let mut tls = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(wrong)?;
    let key = PKey::private_key_from_pem(&identity.key_pem().map_err(|_| unread())?).map_err(wrong)?;
    tls.set_certificate(identity.leaf().ok_or_else(unread)?).map_err(wrong)?;
    tls.set_private_key(&key).map_err(wrong)?;
    for certificate in identity.intermediates() {
        tls.add_extra_chain_cert(certificate.clone()).map_err(wrong)?;
    }
    Ok(tls)
}
