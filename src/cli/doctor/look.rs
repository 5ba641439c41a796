//! Looking: names, connections, requests. What it means is told elsewhere.

use std::{future::Future, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::handshake,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use crate::pki::probe::{Offer, Shown, shake};

/// Longer than a device waits for anything here.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than any reply of an enrollment server to a question without a credential.
const MAX_BODY: usize = 256 * 1024;

/// A server as devices reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Name or address.
    pub(super) name: String,
    pub(super) port: u16,
    /// Where it is looked for instead of where its name leads.
    pub(super) address: Option<SocketAddr>,
}

/// What was asked, beside where.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: String,
    pub(super) takes_gzip: bool,
}

/// A reply, as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Target {
    /// The addresses behind the name.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        if let Some(address) = self.address {
            return Ok(vec![address]);
        }
        let found = in_time(async { lookup_host((self.name.as_str(), self.port)).await.map_err(words) }).await?;
        let mut addresses: Vec<_> = found.collect();
        addresses.sort();
        addresses.dedup();
        if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(addresses) }
    }

    /// As it stands in URLs.
    pub(super) fn authority(&self) -> String {
        let name = if self.name.contains(':') { format!("[{}]", self.name) } else { self.name.clone() };
        if self.port == 443 { name } else { format!("{name}:{}", self.port) }
    }

    /// A TLS connection that is closed again.
    pub(super) async fn greet(&self, address: SocketAddr, offer: Offer) -> Result<Shown, String> {
        in_time(async { Ok(shake(tcp(address).await?, &self.name, offer).await?.1) }).await
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, address: SocketAddr, question: &Question) -> Result<Seen, String> {
        in_time(async {
            let (tls, _) = shake(tcp(address).await?, &self.name, Offer::Usual).await?;
            let (mut sender, connection) = handshake(TokioIo::new(tls)).await.map_err(words)?;
            // Ends with the sender. What goes wrong on it is told by the request.
            tokio::spawn(connection);
            let mut request = Request::builder()
                .method(question.method.clone())
                .uri(question.path)
                .header(HOST, self.authority())
                .header(USER_AGENT, "ENROLLClient");
            if let Some(kind) = question.content_type {
                request = request.header(CONTENT_TYPE, kind);
            }
            if question.takes_gzip {
                request = request.header(ACCEPT_ENCODING, "gzip");
            }
            let request = request.body(Full::new(Bytes::from(question.body.clone()))).map_err(words)?;
            let response = sender.send_request(request).await.map_err(words)?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await.map_err(words)?.to_bytes();
            Ok(Seen { status: head.status, headers: head.headers, body })
        })
        .await
    }
}

/// Whether somebody listens.
pub(super) async fn knock(address: SocketAddr) -> Result<(), String> {
    in_time(async { tcp(address).await.map(drop) }).await
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(address).await.map_err(words)
}

async fn in_time<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("nothing came within {} seconds", PATIENCE.as_secs())))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn words(error: impl ToString) -> String {
    error.to_string()
}

impl Question {
    /// Whether anybody is there (MS-MDE2 3.1).
    pub(super) const fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path, content_type: None, body: String::new(), takes_gzip: false }
    }

    pub(super) const fn post(path: &'static str, content_type: &'static str, body: String) -> Self {
        Self { method: Method::POST, path, content_type: Some(content_type), body, takes_gzip: false }
    }
}
