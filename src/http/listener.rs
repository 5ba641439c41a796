//! A door: from an accepted socket to a request.
//!
//! Admission by number and rate comes before the TLS handshake, which is the dearest part of a request.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_http::{
    ConnectionType, HttpMessage as _, HttpService, Request, Response,
    body::{BoxBody, MessageBody},
    error::DispatchError,
};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{Error, HttpResponse, ResponseError as _, dev::AppConfig, http::header};
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use transom_protocol::session::Timestamp;

use super::{
    connections::{Connections, PeerKey},
    problem::Problem,
    proxy::{Announced, Proxies, announced, looks_announced},
    stop::Stop,
    wire::{FarEnd, Transport, Wire, WireLimits},
};
use crate::{
    limits::KeyedLimiter,
    metrics::{Door, Metrics},
    pki::{
        Authorities, Presented,
        public::{asks_for_proof, first_record},
        tls::{Accepting, DeviceAcceptor},
    },
};

/// How long the library goes on reading what a client still sends after its connection was closed on it.
const LINGER: Duration = Duration::from_secs(1);

/// The first message of TLS is smaller than this, also with keys of today's size.
const LARGEST_HELLO: usize = 8 * 1024;

/// After how long it is looked whether more of it has come.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Everything about a door but what is behind it.
#[derive(Clone)]
pub(super) struct DoorFrame {
    pub(super) door: Door,
    pub(super) tls: Tls,
    pub(super) connections: Arc<Connections>,
    /// Proxies in front of the door.
    pub(super) proxies: Arc<Proxies>,
    pub(super) peers: Arc<KeyedLimiter<PeerKey>>,
    pub(super) stop: Stop,
    pub(super) metrics: Metrics,
    pub(super) workers: usize,
    /// The largest body that some route takes; each has its own limit besides.
    pub(super) body_limit: usize,
    /// The same, for archives that devices are asked for.
    pub(super) upload_limit: usize,
    pub(super) handshake_timeout: Duration,
    pub(super) head_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) keep_alive: Duration,
}

/// How a door speaks TLS.
#[derive(Clone)]
pub(super) enum Tls {
    /// Not at all.
    Plain,
    /// To anybody.
    Anybody(SslAcceptor),
    /// To devices, which are asked for a certificate.
    Devices(Arc<DeviceAcceptor>),
}

impl DoorFrame {
    /// Opens the door on a listening socket, with an application behind it for each worker thread.
    pub(super) fn open<F, I, S, B>(self, listener: TcpListener, application: F) -> io::Result<Server>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Error = Error> + 'static,
        S::InitError: std::fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Future: 'static,
        <S::Service as actix_service::Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let workers = match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        };
        let server = Server::build()
            .workers(workers.clamp(1, 512))
            // Our own count turns connections away; this one would leave them waiting.
            .max_concurrent_connections(usize::MAX >> 1)
            .disable_signals()
            .listen(self.door.as_str(), listener, move || {
                let frame = self.clone();
                let application = application().into_factory().map_err(|error: Error| error.error_response());
                let http = HttpService::build()
                    .keep_alive(frame.keep_alive)
                    .client_request_timeout(frame.head_timeout)
                    .client_disconnect_timeout(LINGER)
                    .expect(fn_service({
                        let frame = frame.clone();
                        move |request| std::future::ready(frame.expects_continue(request))
                    }))
                    .on_connect_ext(|wire: &Wire, data| drop(data.insert(wire.link())))
                    .h1(map_config(application, |()| AppConfig::default()))
                    .map_err({
                        let frame = frame.clone();
                        move |error| frame.ended_badly(&error)
                    });
                fn_service(move |tcp: TcpStream| {
                    let frame = frame.clone();
                    async move {
                        let refused = |reason| frame.metrics.refused(frame.door, reason);
                        frame.let_in(tcp).await.map_err(refused)
                    }
                })
                .and_then(http)
            })?
            .run();
        Ok(server)
    }

    async fn let_in(&self, mut tcp: TcpStream) -> Result<(Wire, Option<SocketAddr>), &'static str> {
        let address = tcp.peer_addr().ok();
        let hop = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical());
        let is_proxy = self.proxies.trusts(hop);
        let peer = if self.proxies.announces(hop) && self.has_to_announce(&tcp).await? {
            self.announced(&mut tcp, hop).await?
        } else {
            hop
        };
        // Everybody comes from the address of a proxy that does not say whose connection it is.
        let admission = if is_proxy && peer == hop {
            self.connections.admit_proxy(PeerKey::of(peer))?
        } else {
            self.peers.check(&PeerKey::of(peer)).map_err(|_| "peer_rate")?;
            self.connections.admit(PeerKey::of(peer))?
        };
        // At the other door HTTP or TLS makes nothing of it.
        if self.door == Door::Device && peer == hop {
            self.turn_away_liars(&tcp, hop).await?;
        }
        // Otherwise the first reply of a connection waits 40 ms for an acknowledgement.
        tcp.set_nodelay(true).map_err(|_| "gone")?;
        let (transport, certificate) = match &self.tls {
            Tls::Plain => (Transport::Plain(tcp), None),
            Tls::Anybody(acceptor) => (Transport::Tls(Box::new(self.handshake(acceptor, tcp).await?)), None),
            Tls::Devices(acceptor) => {
                if let Some(proofs) = acceptor.proofs()
                    && self.asks_for_proof(&tcp).await
                {
                    // An ACME server has seen what it came for when the handshake is over.
                    drop(self.handshake(&proofs, tcp).await?);
                    return Err("acme");
                }
                let now = Timestamp(jiff::Timestamp::now().as_millisecond());
                let Accepting { acceptor, authorities, ends_at } = acceptor.current(now);
                self.metrics.certificate_ends(self.door, ends_at.0 / 1000);
                let stream = self.handshake(&acceptor, tcp).await?;
                let certificate = self.presented(&stream, &authorities, now);
                (Transport::Tls(Box::new(stream)), certificate)
            }
        };
        let limits = WireLimits { head: self.head_timeout, write: self.write_timeout };
        let counting = (self.door, self.metrics.clone());
        Ok((
            Wire::new(transport, FarEnd { peer, hop, certificate }, limits, self.stop.clone(), counting, admission),
            address,
        ))
    }

    /// Whether a connection of a proxy of ours has to begin with the PROXY protocol. At the admin door it only may: what
    /// runs beside the proxy, such as the command line, comes from the same address and knows nothing of it.
    async fn has_to_announce(&self, tcp: &TcpStream) -> Result<bool, &'static str> {
        if self.door == Door::Device {
            return Ok(true);
        }
        let mut first = [0; 12];
        let peeked = tokio::time::timeout(self.head_timeout, tcp.peek(&mut first)).await;
        let length = peeked.map_err(|_| "proxy_protocol_timeout")?.map_err(|_| "gone")?;
        Ok(first.get(..length).is_some_and(looks_announced))
    }

    /// Somebody who is no proxy of ours, and begins as one would (threat T12): TLS would only call it rubbish.
    async fn turn_away_liars(&self, tcp: &TcpStream, hop: IpAddr) -> Result<(), &'static str> {
        let mut first = [0; 12];
        // Waits for the first bytes, which the handshake would do next.
        let peeked = tokio::time::timeout(self.handshake_timeout, tcp.peek(&mut first)).await;
        let length = peeked.map_err(|_| "tls_handshake_timeout")?.map_err(|_| "gone")?;
        if first.get(..length).is_some_and(looks_announced) {
            tracing::warn!(peer = %hop, "a stranger speaks the PROXY protocol; proxies are named in proxy.trusted");
            return Err("proxy_line_of_a_stranger");
        }
        Ok(())
    }

    /// Whether it is an ACME server that begins. Asked only while an order is under way.
    async fn asks_for_proof(&self, tcp: &TcpStream) -> bool {
        let mut first = vec![0; LARGEST_HELLO];
        let look = async {
            loop {
                let seen = match tcp.peek(&mut first).await {
                    Ok(length @ 1..) => first.get(..length).unwrap_or_default(),
                    Ok(0) | Err(_) => return false,
                };
                if asks_for_proof(seen) {
                    return true;
                }
                // Looking again gives the same bytes at once, until there are more.
                match first_record(seen) {
                    Some(whole) if seen.len() < whole.min(LARGEST_HELLO) => {}
                    None if seen.len() < 5 && seen.first() == Some(&0x16) => {}
                    _ => return false,
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(self.handshake_timeout, look).await.unwrap_or(false)
    }

    /// Whose connection a proxy says that it is.
    async fn announced(&self, tcp: &mut TcpStream, hop: IpAddr) -> Result<IpAddr, &'static str> {
        match tokio::time::timeout(self.handshake_timeout, announced(tcp)).await {
            Ok(Some(Announced::Client(client))) => Ok(client),
            Ok(Some(Announced::Itself)) => Ok(hop),
            Ok(None) => {
                tracing::warn!(door = self.door.as_str(), %hop, "a proxy does not begin with the PROXY protocol");
                Err("proxy_protocol")
            }
            Err(_) => Err("proxy_protocol_timeout"),
        }
    }

    async fn handshake(&self, acceptor: &SslAcceptor, tcp: TcpStream) -> Result<SslStream<TcpStream>, &'static str> {
        let ssl = Ssl::new(acceptor.context()).map_err(|_| "tls_setup")?;
        let mut stream = SslStream::new(ssl, tcp).map_err(|_| "tls_setup")?;
        match tokio::time::timeout(self.handshake_timeout, std::pin::Pin::new(&mut stream).accept()).await {
            Ok(Ok(())) => Ok(stream),
            Ok(Err(error)) => {
                tracing::debug!(door = self.door.as_str(), %error, "TLS handshake failed");
                Err("tls_handshake")
            }
            Err(_) => Err("tls_handshake_timeout"),
        }
    }

    /// What a client showed. One whose certificate can't be read is treated as if it had none, which opens nothing.
    fn presented(
        &self,
        tls: &SslStream<TcpStream>,
        authorities: &Authorities,
        now: Timestamp,
    ) -> Option<Arc<Presented>> {
        let certificate = tls.ssl().peer_certificate()?;
        match Presented::of(&certificate, authorities, now) {
            Ok(presented) => Some(Arc::new(presented)),
            Err(error) => {
                tracing::warn!(door = self.door.as_str(), %error, "a client certificate can't be read");
                None
            }
        }
    }

    /// Nobody is asked to send a body that is too large anyway.
    fn expects_continue(&self, request: Request) -> Result<Request, TooLarge> {
        let declared = request.headers().get(header::CONTENT_LENGTH);
        let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let is_upload = request.uri().path().get(..13).is_some_and(|path| path.eq_ignore_ascii_case("/Diagnostics/"));
        let limit = if is_upload { self.upload_limit.max(self.body_limit) } else { self.body_limit };
        if declared.is_some_and(|length| length > limit as u64) {
            self.metrics.refused(self.door, "body_too_large");
            return Err(TooLarge(self.door));
        }
        Ok(request)
    }

    fn ended_badly(&self, error: &DispatchError) {
        let reason = match error {
            DispatchError::Parse(_) => "malformed_http",
            DispatchError::Io(error) if error.kind() == io::ErrorKind::TimedOut => "too_slow",
            DispatchError::SlowRequestTimeout | DispatchError::DisconnectTimeout => "too_slow",
            // A client that went away was not turned away.
            _ => return,
        };
        tracing::debug!(door = self.door.as_str(), %error, reason, "connection closed");
        self.metrics.refused(self.door, reason);
    }
}

/// A body that announces more than the limit.
struct TooLarge(Door);

impl From<TooLarge> for Response<BoxBody> {
    fn from(TooLarge(door): TooLarge) -> Self {
        let mut reply = match door {
            Door::Device => HttpResponse::PayloadTooLarge().finish(),
            Door::Admin => Problem::too_large_for_any().error_response(),
        };
        reply.head_mut().set_connection_type(ConnectionType::Close);
        reply.into()
    }
}
