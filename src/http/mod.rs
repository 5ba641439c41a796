//! The two doors: bytes in, bytes out, limits, counters. Decides nothing about devices and never sees the store.
//!
//! The device door speaks TLS to strangers, the admin door plain HTTP to this machine unless told otherwise. They are
//! two servers that share no route, no thread and no connection, so that a flood at one leaves the other usable.

mod admin;
pub mod api;
mod connections;
mod devices;
mod listener;
mod observe;
mod pace;
mod pages;
pub mod people;
pub mod problem;
mod proxy;
mod stop;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_server::{Server, ServerHandle};
use actix_web::{App, middleware::from_fn, web::Data};
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use transom_protocol::session::Timestamp;

pub use pages::PAGES;

use self::{
    connections::Connections,
    devices::{BodyMemory, DeviceDoor},
    listener::{DoorFrame, Tls},
    observe::{Observer, observe},
    pace::Pace,
    proxy::Proxies,
    stop::{Stop, Stopper, stop},
};
use crate::{
    actions::Archives,
    admin::{Admin, Health},
    config::Settings,
    enrollment::{Enrolling, EnrollmentAnswer, EnrollmentRequest, applicant::Gate},
    limits::KeyedLimiter,
    management::{Answer, DeviceRequest, Management},
    metrics::{Door, Metrics},
    pki::{LiveAuthorities, ServerIdentity, public::PublicCertificate, tls},
};

/// Threads of the admin door.
const ADMIN_WORKERS: usize = 2;

/// Decides on a message of a device.
pub type Answering = Arc<dyn Fn(DeviceRequest) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Decides on a request of a device that enrolls.
pub type EnrollmentAnswering = Arc<dyn Fn(EnrollmentRequest) -> BoxFuture<'static, EnrollmentAnswer> + Send + Sync>;

/// Tells whether the server can do its work, part by part.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Health> + Send + Sync>;

/// What the doors are doors to.
#[derive(Clone)]
pub struct Parts {
    /// Decides on messages of devices.
    pub answering: Answering,
    /// Decides on requests of devices that enroll.
    pub enrolling: EnrollmentAnswering,
    /// What the device door shows.
    pub identity: ServerIdentity,
    /// What it shows in place of that, while there is such a certificate.
    pub public: Arc<PublicCertificate>,
    /// Whose certificates devices may show.
    pub authorities: Arc<LiveAuthorities>,
    /// What the admin door shows; plain HTTP without it.
    pub admin_identity: Option<ServerIdentity>,
    /// Tells whether the server can do its work.
    pub readiness: Readiness,
    /// Judges bearer tokens.
    pub tokens: api::TokenVerifier,
    /// Judges who may enroll; the pages for signing in elsewhere ask it.
    pub gate: Gate,
    /// What operators may ask and order.
    pub admin: Admin,
    /// Where archives of diagnostics go.
    pub archives: Archives,
    /// Where everything is counted.
    pub metrics: Metrics,
}

/// Two open doors.
pub struct Running {
    /// Where the device door listens.
    pub device_addr: SocketAddr,
    /// Where the admin door listens.
    pub admin_addr: SocketAddr,
    doors: Vec<OpenDoor>,
    stopper: Stopper,
    grace: Duration,
}

/// Why the doors could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address can't be had.
    #[error("can't listen on {addr} for the {} door", door.as_str())]
    Listen {
        /// Which door.
        door: Door,
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Tokens would go over a network in clear.
    #[error("the admin door would speak plain HTTP on {addr}, which is not a loopback address")]
    Exposed {
        /// The address.
        addr: SocketAddr,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] crate::pki::Error),
}

struct OpenDoor {
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
    connections: Arc<Connections>,
}

/// Passes messages on to management.
pub fn answering(management: Arc<Management>) -> Answering {
    Arc::new(move |request| {
        let management = management.clone();
        Box::pin(async move { management.answer(request).await })
    })
}

/// Passes requests on to enrollment.
pub fn enrolling(enrolling: Enrolling) -> EnrollmentAnswering {
    Arc::new(move |request| {
        let enrolling = enrolling.clone();
        Box::pin(async move { enrolling.answer(request).await })
    })
}

/// Opens both doors. They are open when this returns.
pub async fn start(settings: &Settings, parts: Parts) -> Result<Running, StartError> {
    let (device, admin) = (&settings.device_door, &settings.admin_door);
    if admin.is_exposed() && parts.admin_identity.is_none() {
        return Err(StartError::Exposed { addr: admin.addr });
    }
    let device_listener = listen(Door::Device, device.addr)?;
    let admin_listener = listen(Door::Admin, admin.addr)?;
    let device_addr = device_listener.local_addr().unwrap_or(device.addr);
    let admin_addr = admin_listener.local_addr().unwrap_or(admin.addr);
    let (stopper, stop) = stop();
    let doors = vec![
        OpenDoor::open(device_frame(settings, &parts, &stop)?, device_listener, |frame, listener| {
            open_device_door(frame, listener, settings, &parts)
        })
        .await
        .map_err(|source| StartError::Listen { door: Door::Device, addr: device.addr, source })?,
        OpenDoor::open(admin_frame(settings, &parts, &stop)?, admin_listener, |frame, listener| {
            open_admin_door(frame, listener, settings, &parts)
        })
        .await
        .map_err(|source| StartError::Listen { door: Door::Admin, addr: admin.addr, source })?,
    ];
    Ok(Running { device_addr, admin_addr, doors, stopper, grace: settings.server.stop_grace })
}

impl Running {
    /// Waits until a door closes by itself, which it never should.
    pub async fn failed(&mut self) -> io::Error {
        let serving = self.doors.iter_mut().map(|door| &mut door.serving);
        let (ended, ..) = futures_util::future::select_all(serving).await;
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) => io::Error::other("a door closed"),
            Err(error) => io::Error::other(error),
        }
    }

    /// Closes the doors: nobody new comes in, idle connections are closed, running requests are finished and answered,
    /// for as long as the grace period allows. Returns whether all of them were.
    pub async fn stop(self) -> bool {
        let pauses = self.doors.iter().map(|door| door.handle.pause());
        futures_util::future::join_all(pauses).await;
        self.stopper.stop();
        let closed = self.doors.iter().map(|door| door.connections.all_closed());
        let all_closed = tokio::time::timeout(self.grace, futures_util::future::join_all(closed)).await.is_ok();
        for door in self.doors {
            door.handle.stop(false).await;
            let _ = door.serving.await;
        }
        all_closed
    }
}

impl StartError {
    /// What may help.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("another server listens there; choose another address with --device-addr or --admin-addr")
            }
            Self::Exposed { .. } => Some(
                "configure admin_door.certificate and admin_door.key, or set admin_door.allow_plain_http = true where a \
                 proxy in front speaks TLS",
            ),
            _ => None,
        }
    }
}

impl OpenDoor {
    async fn open(
        frame: DoorFrame,
        listener: TcpListener,
        serve: impl FnOnce(DoorFrame, TcpListener) -> io::Result<Server>,
    ) -> io::Result<Self> {
        let connections = frame.connections.clone();
        let server = serve(frame, listener)?;
        let handle = server.handle();
        let serving = tokio::spawn(server);
        // Answered by the running server, so its workers are there.
        handle.resume().await;
        Ok(Self { handle, serving, connections })
    }
}

fn listen(door: Door, addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr).map_err(|source| StartError::Listen { door, addr, source })
}

fn device_frame(settings: &Settings, parts: &Parts, stop: &Stop) -> Result<DoorFrame, StartError> {
    let door = &settings.device_door;
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let acceptor =
        tls::DeviceAcceptor::new(parts.identity.clone(), parts.public.clone(), parts.authorities.clone(), now)?;
    parts.metrics.certificate_ends(Door::Device, acceptor.current(now).ends_at.0 / 1000);
    let connections =
        Connections::new(Door::Device, door.max_connections, door.max_connections_per_peer, parts.metrics.clone());
    Ok(DoorFrame {
        door: Door::Device,
        tls: Tls::Devices(Arc::new(acceptor)),
        connections,
        proxies: Proxies::new(&settings.proxy, parts.authorities.clone()),
        peers: Arc::new(KeyedLimiter::new(door.peer_rate, door.peer_burst)),
        stop: stop.clone(),
        metrics: parts.metrics.clone(),
        workers: settings.server.workers,
        body_limit: door.body_limit,
        upload_limit: settings.diagnostics.max_bytes,
        handshake_timeout: door.handshake_timeout,
        head_timeout: door.head_timeout,
        write_timeout: door.write_timeout,
        keep_alive: door.keep_alive,
    })
}

fn admin_frame(settings: &Settings, parts: &Parts, stop: &Stop) -> Result<DoorFrame, StartError> {
    let (door, times) = (&settings.admin_door, &settings.device_door);
    if let Some(identity) = &parts.admin_identity {
        parts.metrics.certificate_ends(Door::Admin, identity.expires_at().0 / 1000);
    }
    let connections =
        Connections::new(Door::Admin, door.max_connections, door.max_connections_per_peer, parts.metrics.clone());
    Ok(DoorFrame {
        door: Door::Admin,
        tls: match &parts.admin_identity {
            Some(identity) => Tls::Anybody(tls::acceptor(identity)?),
            None => Tls::Plain,
        },
        connections,
        proxies: Proxies::new(&settings.proxy, parts.authorities.clone()),
        peers: Arc::new(KeyedLimiter::new(0, 0)),
        stop: stop.clone(),
        metrics: parts.metrics.clone(),
        workers: ADMIN_WORKERS,
        body_limit: door.body_limit.max(api::LARGEST_BODY),
        upload_limit: 0,
        handshake_timeout: times.handshake_timeout,
        head_timeout: times.head_timeout,
        write_timeout: times.write_timeout,
        keep_alive: times.keep_alive,
    })
}

fn open_device_door(frame: DoorFrame, listener: TcpListener, settings: &Settings, parts: &Parts) -> io::Result<Server> {
    let memory = BodyMemory::new(settings.device_door.body_memory, parts.metrics.clone());
    let port = listener.local_addr().map_or(settings.device_door.addr.port(), |address| address.port());
    let behind = (parts.answering.clone(), parts.enrolling.clone());
    let authorities = parts.authorities.clone();
    let proxies = Proxies::new(&settings.proxy, authorities.clone());
    let settings = (&settings.device_door, port);
    let door = DeviceDoor::new(settings, behind, (authorities, proxies), memory, frame.peers.clone());
    let observer = Data::new(Observer {
        door: frame.door,
        metrics: frame.metrics.clone(),
        stop: frame.stop.clone(),
        proxies: None,
        pace: None,
    });
    let door = Data::new(door);
    let gate = Data::new(parts.gate.clone());
    let archives = Data::new(parts.archives.clone());
    frame.open(listener, move || {
        App::new()
            .app_data(door.clone())
            .app_data(gate.clone())
            .app_data(archives.clone())
            .app_data(observer.clone())
            .wrap(from_fn(observe))
            .configure(devices::configure)
    })
}

fn open_admin_door(frame: DoorFrame, listener: TcpListener, settings: &Settings, parts: &Parts) -> io::Result<Server> {
    let body_limit = settings.admin_door.body_limit;
    let pace = Pace { timeout: settings.admin_door.body_timeout, rate: settings.admin_door.body_rate };
    let observer = Data::new(Observer {
        door: frame.door,
        metrics: frame.metrics.clone(),
        stop: frame.stop.clone(),
        proxies: Some(frame.proxies.clone()),
        pace: Some(pace),
    });
    let readiness = Data::new(parts.readiness.clone());
    let tokens = Data::new(parts.tokens.clone());
    let metrics = Data::new(parts.metrics.clone());
    let admin = Data::new(parts.admin.clone());
    let since = Data::new(api::Since::now());
    frame.open(listener, move || {
        App::new()
            .app_data(observer.clone())
            .app_data(readiness.clone())
            .app_data(tokens.clone())
            .app_data(metrics.clone())
            .app_data(admin.clone())
            .app_data(since.clone())
            .wrap(from_fn(observe))
            .configure(api::scope(body_limit, api::configure))
            .configure(people::configure)
            .configure(pages::configure)
            .configure(admin::configure)
    })
}
