//! A server on port 0, and a client that can misbehave.

use std::{collections::BTreeMap, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use openssl::ssl::{SslConnector, SslMethod};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_openssl::SslStream;
use transom_protocol::{session::Timestamp, syncml::codec::Encoding};

use crate::{
    admin::Health,
    config::Settings,
    enrollment::EnrollmentAnswer,
    http::{
        Answering, Parts, Running, StartError,
        api::{Caller, Verdict},
        start,
    },
    management::{Answer, DeviceRequest},
    metrics::Metrics,
    model::{Actor, Right, TokenId},
    pki::{Authorities, CertificateAuthority, LiveAuthorities, ServerNames},
};

/// Longer than anything that is awaited, so that a test that waits for nothing ends.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const MDM: &str = "/ManagementServer/MDM.svc?mode=Maintenance&Platform=WoA";

pub(super) struct Server {
    pub(super) running: Running,
    pub(super) metrics: Metrics,
    root: openssl::x509::X509,
}

pub(super) struct Client<S = SslStream<TcpStream>> {
    io: Pin<Box<S>>,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// Ports that are free, and nothing else changed.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.device_door.addr = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.admin_door.addr = SocketAddr::from(([127, 0, 0, 1], 0));
    settings.server.workers = 1;
    // Tests compare waits.
    settings.device_door.retry_spread = Duration::ZERO;
    settings
}

/// Answers every message with itself.
pub(super) fn echo() -> Answering {
    answer_with(|request| Answer::Reply { encoding: request.encoding, body: request.body })
}

pub(super) fn answer_with(answer: impl Fn(DeviceRequest) -> Answer + Send + Sync + 'static) -> Answering {
    let answer = Arc::new(answer);
    Arc::new(move |request| {
        let answer = answer.clone();
        async move { answer(request) }.boxed()
    })
}

pub(super) fn parts(answering: Answering) -> (Parts, openssl::x509::X509) {
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let authority = CertificateAuthority::create("Test", now).unwrap();
    let names = ServerNames { dns: vec!["localhost".into()], addresses: vec![[127, 0, 0, 1].into()] };
    let (admin, folder) = crate::admin::Admin::on_temporary_store();
    let (gate, folder_of_gate) = crate::enrollment::applicant::Gate::on_temporary_store();
    let parts = Parts {
        answering,
        enrolling: Arc::new(|_| async { EnrollmentAnswer::Unreadable("nobody") }.boxed()),
        archives: admin.archives_in(folder.path()),
        admin,
        identity: authority.issue_server(&names, now).unwrap(),
        public: Arc::default(),
        authorities: Arc::new(LiveAuthorities::fixed(Authorities::of(authority.clone()).unwrap())),
        admin_identity: None,
        readiness: Arc::new(move || {
            let _kept_while_it_runs = (&folder, &folder_of_gate);
            async { Health::of(Vec::new()) }.boxed()
        }),
        tokens: Arc::new(move |token| {
            let verdict = match token.expose() {
                "good" => Verdict::Known(Caller {
                    token: TokenId::new(now),
                    rights: Right::ALL.into(),
                    actor: Actor::token("tester"),
                }),
                "sleepy" => Verdict::Unavailable,
                _ => Verdict::Unknown,
            };
            async { verdict }.boxed()
        }),
        gate,
        metrics: Metrics::new(),
    };
    (parts, authority.certificate().clone())
}

impl Server {
    pub(super) async fn start(settings: &Settings, answering: Answering) -> Self {
        let (parts, root) = parts(answering);
        Self::with(settings, parts, root).await.unwrap()
    }

    pub(super) async fn with(settings: &Settings, parts: Parts, root: openssl::x509::X509) -> Result<Self, StartError> {
        let metrics = parts.metrics.clone();
        Ok(Self { running: start(settings, parts).await?, metrics, root })
    }

    pub(super) async fn connect(&self) -> Client {
        self.try_connect().await.unwrap()
    }

    pub(super) async fn try_connect(&self) -> Result<Client, String> {
        let tcp = TcpStream::connect(self.running.device_addr).await.map_err(|error| error.to_string())?;
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.cert_store_mut().add_cert(self.root.clone()).unwrap();
        let ssl = connector.build().configure().unwrap().into_ssl("localhost").unwrap();
        let mut io = Box::pin(SslStream::new(ssl, tcp).unwrap());
        timeout(PATIENCE, io.as_mut().connect()).await.unwrap().map_err(|error| error.to_string())?;
        Ok(Client { io, read: Vec::new() })
    }

    pub(super) async fn connect_admin(&self) -> Client<TcpStream> {
        Client::plain(self.running.admin_addr).await
    }

    /// The value of a line of `/metrics`.
    pub(super) fn counted(&self, line: &str) -> i64 {
        let page = self.metrics.render();
        let found = page.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or(0)
    }

    /// Until a line of the metrics has this value.
    pub(super) async fn counts(&self, line: &str, wanted: i64) {
        let reached = async {
            while self.counted(line) != wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap();
    }

    /// Until nobody is connected to the device door.
    pub(super) async fn nobody_is_connected(&self) {
        timeout(PATIENCE, self.running.doors[0].connections.all_closed()).await.unwrap();
    }
}

impl Client<TcpStream> {
    pub(super) async fn plain(address: SocketAddr) -> Self {
        Self { io: Box::pin(TcpStream::connect(address).await.unwrap()), read: Vec::new() }
    }
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.io.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Sends for as long as the server takes it, and tells whether it took all.
    pub(super) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.io.write_all(bytes)).await.unwrap().is_ok()
    }

    pub(super) async fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Response {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"))
            .await;
        self.send(body).await;
        self.response().await
    }

    pub(super) async fn message(&mut self, body: &[u8]) -> Response {
        self.post(MDM, "Content-Type: application/vnd.syncml.dm+xml\r\n", body).await
    }

    pub(super) async fn get(&mut self, path: &str, headers: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await;
        self.response().await
    }

    pub(super) async fn response(&mut self) -> Response {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_some().await, "closed before a reply: {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.read_some().await, "closed within a body");
        }
        Response { status, headers, body: self.read.drain(..length).collect() }
    }

    /// Until the server has closed the connection; what it still sent is thrown away.
    pub(super) async fn closed(&mut self) {
        while self.read_some().await {}
    }

    async fn read_some(&mut self) -> bool {
        let read = timeout(PATIENCE, self.io.read_buf(&mut self.read)).await;
        read.expect("the server neither answers nor closes").is_ok_and(|count| count > 0)
    }
}

impl Response {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What an answer of 200 to a message looks like.
pub(super) fn reply(body: &[u8]) -> Answer {
    Answer::Reply { encoding: Encoding::Xml, body: body.to_vec() }
}
