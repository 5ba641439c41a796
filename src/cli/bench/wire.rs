//! The wire of the measuring client: one TLS connection for a session, HTTP/1.1 on it, as cheap as can be, because it
//! shares the machine with what it measures.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use openssl::ssl::{SslConnector, SslMethod};
use openssl::x509::X509;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use transom_protocol::syncml::codec::Encoding;

/// Path and query of the management service, as Windows asks for it.
const TARGET: &str = "/ManagementServer/Mdm.svc?mode=Maintenance&Platform=WoA";

/// The name in the server's certificate.
const HOST_NAME: &str = "localhost";

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Dialer {
    connector: SslConnector,
    addr: SocketAddr,
}

/// One connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Dialer {
    /// Trusts the certificates of a PEM and no others. A TLS session is never resumed: every connection is a whole
    /// handshake.
    pub(super) fn new(ca_pem: &[u8], addr: SocketAddr) -> anyhow::Result<Self> {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        let mut trusted = openssl::x509::store::X509StoreBuilder::new()?;
        for authority in X509::stack_from_pem(ca_pem)? {
            trusted.add_cert(authority)?;
        }
        builder.set_cert_store(trusted.build());
        Ok(Self { connector: builder.build(), addr })
    }

    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let tcp = TcpStream::connect(self.addr).await.context("can't connect to the server")?;
        tcp.set_nodelay(true)?;
        let ssl = self.connector.configure()?.into_ssl(HOST_NAME)?;
        let mut tls = SslStream::new(ssl, tcp)?;
        std::pin::Pin::new(&mut tls).connect().await.context("TLS failed")?;
        let (sender, connection) = handshake(TokioIo::new(tls)).await?;
        // Ends when the sender is dropped. What goes wrong on it is told by the request that it goes wrong with.
        tokio::spawn(connection);
        Ok(Connection { sender })
    }
}

impl Connection {
    /// Sends a body and gives the reply's. `canned` asks the baseline for a reply of that size.
    pub(super) async fn post(&mut self, body: Bytes, canned: Option<usize>) -> anyhow::Result<Bytes> {
        let target = canned.map_or_else(|| TARGET.to_owned(), |size| format!("{TARGET}&reply={size}"));
        let kind = Encoding::Xml.content_type();
        let request = Request::post(target)
            .header(HOST, HOST_NAME)
            .header(ACCEPT, "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream")
            .header("Accept-Charset", "UTF-8")
            .header(CONTENT_TYPE, kind)
            .header(USER_AGENT, "MSFT OMA DM Client/1.2.0.1")
            .header("client-request-id", "0")
            .header("MS-CV", "nOZxPL9XBkSG0n1M.0.0.1")
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::OK, "the server answered with HTTP status {status}");
        Ok(body)
    }
}
