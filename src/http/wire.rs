//! A connection as HTTP reads and writes it, with the time limits that the HTTP library does not keep.
//!
//! The library limits the head of the *first* request and idle time. It limits neither the head of a later request on
//! the same connection, nor the draining of a body that nobody wanted, nor how long a client takes to receive a reply.

use std::{
    cell::Cell,
    future::Future as _,
    io,
    net::IpAddr,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_openssl::SslStream;

use super::{connections::Admission, stop::Stop};
use crate::{
    metrics::{Door, Metrics},
    pki::Presented,
};

/// TCP, with TLS or without.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// An admitted connection under our limits.
pub(super) struct Wire {
    transport: Transport,
    link: Rc<Link>,
    limits: WireLimits,
    stop: Stop,
    head: Deadline,
    write: Deadline,
    /// How many requests had begun when the deadline of a head was set.
    head_of: u64,
    traffic: Traffic,
    _admission: Admission,
}

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct WireLimits {
    /// From the first byte after a request to the next request.
    pub(super) head: Duration,
    /// For taking a reply.
    pub(super) write: Duration,
}

/// Who is at the other end of a connection.
pub(super) struct FarEnd {
    /// Whose connection it is.
    pub(super) peer: IpAddr,
    /// The address of its other end: a proxy's, where that said whose it is.
    pub(super) hop: IpAddr,
    /// What it showed in the TLS handshake, this one or the one that it resumes.
    pub(super) certificate: Option<Arc<Presented>>,
}

/// What a connection and the requests on it know of each other; they run on one thread.
pub(super) struct Link {
    far_end: FarEnd,
    requests: Cell<u64>,
    running: Cell<u32>,
}

/// A request that is being answered on a connection.
pub(super) struct Running(Rc<Link>);

struct Traffic {
    door: Door,
    metrics: Metrics,
    received: u64,
    sent: u64,
}

impl Wire {
    pub(super) fn new(
        transport: Transport,
        far_end: FarEnd,
        limits: WireLimits,
        stop: Stop,
        (door, metrics): (Door, Metrics),
        admission: Admission,
    ) -> Self {
        Self {
            transport,
            link: Rc::new(Link { far_end, requests: Cell::new(0), running: Cell::new(0) }),
            limits,
            stop,
            head: Deadline::default(),
            write: Deadline::default(),
            head_of: 0,
            traffic: Traffic { door, metrics, received: 0, sent: 0 },
            _admission: admission,
        }
    }

    pub(super) fn link(&self) -> Rc<Link> {
        self.link.clone()
    }

    fn poll_transport_write(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Transport>, &mut Context<'_>) -> Poll<io::Result<usize>>,
        all: usize,
    ) -> Poll<io::Result<usize>> {
        let written = write(Pin::new(&mut self.transport), cx);
        match written {
            Poll::Ready(Ok(count)) if count >= all => self.write.clear(),
            Poll::Ready(Err(_)) => self.write.clear(),
            // A client that takes a little now and then has no more time than one that takes nothing.
            Poll::Ready(Ok(_)) | Poll::Pending => {
                self.write.set_once(self.limits.write);
                if self.write.poll(cx).is_ready() {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the reply was not received")));
                }
            }
        }
        written
    }
}

impl Link {
    /// Whose connection it is.
    pub(super) fn peer(&self) -> IpAddr {
        self.far_end.peer
    }

    /// The address of the other end, which may be a proxy's.
    pub(super) fn hop(&self) -> IpAddr {
        self.far_end.hop
    }

    /// The certificate that the other end showed.
    pub(super) fn certificate(&self) -> Option<Arc<Presented>> {
        self.far_end.certificate.clone()
    }

    /// Notes that a request began; it ends when the returned value is dropped.
    pub(super) fn begin(self: &Rc<Self>) -> Running {
        self.requests.set(self.requests.get() + 1);
        self.running.set(self.running.get() + 1);
        Running(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.running.get() == 0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.link.requests.get() != this.head_of {
            this.head.clear();
        }
        let stopping = this.stop.poll(cx).is_ready();
        if this.link.is_idle() {
            if stopping {
                // Reads as if the client had nothing more to say, which closes an idle connection in good order.
                return Poll::Ready(Ok(()));
            }
            if this.head.poll(cx).is_ready() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request is too slow")));
            }
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.transport).poll_read(cx, buffer))?;
        let count = buffer.filled().len() - before;
        this.traffic.received += count as u64;
        // The library has its own limit for the head of the first request, and answers it with 408.
        if count > 0 && this.link.is_idle() && this.link.requests.get() > 0 {
            this.head_of = this.link.requests.get();
            this.head.set_once(this.limits.head);
            if this.head.poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_transport_write(cx, |io, cx| io.poll_write(cx, bytes), bytes.len()))?;
        self.traffic.sent += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_transport_write(cx, |io, cx| io.poll_flush(cx).map_ok(|()| 0), 0).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_transport_write(cx, |io, cx| io.poll_shutdown(cx).map_ok(|()| 0), 0).map_ok(|_| ())
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls.as_mut()).poll_shutdown(cx),
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.metrics.transferred(self.door, self.received, self.sent);
    }
}

/// A point in time that is set seldom and asked for often; the timer is kept from one use to the next.
#[derive(Default)]
struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    set: bool,
}

impl Deadline {
    fn set_once(&mut self, after: Duration) {
        if self.set {
            return;
        }
        self.set = true;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + after),
            None => self.timer = Some(Box::pin(sleep(after))),
        }
    }

    fn clear(&mut self) {
        self.set = false;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) if self.set => timer.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
}
