//! A TLS connection with HTTP on it, by hand: what the server writes is seen as it is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything takes, so that a test that waits for nothing ends.
const PATIENCE: Duration = Duration::from_mins(1);

/// An open connection.
pub(crate) struct Line {
    stream: TlsStream<TcpStream>,
    read: Vec<u8>,
}

/// A reply.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// TLS as a computer speaks it, with a certificate or without.
pub(super) fn tls(
    root: &CertificateDer<'static>,
    shown: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match shown {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    })
}

impl Line {
    pub(super) async fn connect(addr: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let connect = async {
            let tcp = TcpStream::connect(addr).await.unwrap();
            tcp.set_nodelay(true).unwrap();
            TlsConnector::from(config).connect(ServerName::try_from("localhost").unwrap(), tcp).await.unwrap()
        };
        let stream = tokio::time::timeout(PATIENCE, connect).await.expect("no connection");
        Self { stream, read: Vec::new() }
    }

    /// Whether the handshake was one that leaves certificates out.
    pub(crate) fn is_resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Sends a request, and waits for the reply.
    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answered {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n");
        self.write(head.as_bytes()).await;
        self.write(body).await;
        self.reply().await
    }

    /// The same for a SOAP envelope.
    pub(crate) async fn soap(&mut self, path: &str, body: &str) -> Answered {
        self.send("POST", path, "Content-Type: application/soap+xml; charset=utf-8\r\n", body.as_bytes()).await
    }

    /// The same for a SyncML message.
    pub(crate) async fn syncml(&mut self, body: &str) -> Answered {
        let headers = "Content-Type: application/vnd.syncml.dm+xml\r\nUser-Agent: MSFT OMA DM Client/1.2.0.1\r\n";
        self.send("POST", super::MANAGEMENT, headers, body.as_bytes()).await
    }

    /// Sends bytes; a server that does not want them any more may have closed.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let sent = tokio::time::timeout(PATIENCE, async {
            let _ = self.stream.write_all(bytes).await;
            let _ = self.stream.flush().await;
        });
        sent.await.expect("the server takes nothing");
    }

    /// Waits for a reply. None is ever chunked or compressed.
    pub(crate) async fn reply(&mut self) -> Answered {
        tokio::time::timeout(PATIENCE, self.read_reply()).await.expect("the server does not answer")
    }

    async fn read_reply(&mut self) -> Answered {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "closed before a reply: {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        assert!(!headers.contains_key("transfer-encoding"), "Windows does not read chunks: {headers:?}");
        assert!(!headers.contains_key("content-encoding"), "{headers:?}");
        let length: usize = headers["content-length"].parse().unwrap();
        while self.read.len() < length {
            assert!(self.more().await, "closed within a body");
        }
        Answered { status, headers, body: self.read.drain(..length).collect() }
    }

    async fn more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.is_ok_and(|count| count > 0)
    }
}
