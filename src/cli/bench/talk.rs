//! One session of a simulated device, over the wire or straight into management.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use hyper::body::Bytes;
use tokio::task::JoinSet;
use transom_protocol::syncml::codec::{Encoding, decode, encode};
use transom_protocol::syncml::{Command, Message};
use transom_protocol::xml::Limits;

use super::wire::{Connection, Dialer};
use crate::cli::now;
use crate::management::{Answer, DeviceRequest, Management, RequestHeaders, TokenHeaders};
use crate::simulator::device::{Device, Next, Trigger};

/// Messages after which a session is given up.
const MOST_MESSAGES: usize = 100;

/// Whom devices talk to.
#[derive(Clone)]
pub(super) enum Peer {
    /// A server, over TLS.
    Server(Dialer),
    /// The rules and the store in this process, to make history.
    Inside(Management),
}

enum Line<'a> {
    Connection(Connection),
    Inside(&'a Management),
}

/// A request and what came back.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) request: Bytes,
    pub(super) reply: usize,
    pub(super) took: Duration,
}

/// A session as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoken {
    pub(super) exchanges: Vec<Exchange>,
    /// Commands that the device said it had done.
    pub(super) done: usize,
}

/// What a batch of devices did.
pub(super) struct Batch {
    pub(super) devices: Vec<Device>,
    pub(super) sessions: Vec<Spoken>,
}

/// One session of every device, so many at a time.
pub(super) async fn sessions(peer: &Peer, devices: Vec<Device>, parallel: usize) -> anyhow::Result<Batch> {
    let share = devices.len().div_ceil(parallel.max(1)).max(1);
    let mut running = JoinSet::new();
    let mut waiting = devices.into_iter();
    loop {
        let mut some: Vec<Device> = waiting.by_ref().take(share).collect();
        if some.is_empty() {
            break;
        }
        let peer = peer.clone();
        running.spawn(async move {
            let mut spoken = Vec::with_capacity(some.len());
            for device in &mut some {
                spoken.push(session(&peer, device).await?);
            }
            anyhow::Ok((some, spoken))
        });
    }
    let mut batch = Batch { devices: Vec::new(), sessions: Vec::new() };
    while let Some(ended) = running.join_next().await {
        let (devices, spoken) = ended??;
        batch.devices.extend(devices);
        batch.sessions.extend(spoken);
    }
    Ok(batch)
}

/// One session from package 1 to its end.
pub(super) async fn session(peer: &Peer, device: &mut Device) -> anyhow::Result<Spoken> {
    let mut line = match peer {
        Peer::Server(dialer) => Line::Connection(dialer.connect().await?),
        Peer::Inside(management) => Line::Inside(management),
    };
    let mut message = device.start_session(Trigger::Schedule);
    let mut spoken = Spoken::default();
    for _ in 0..MOST_MESSAGES {
        spoken.done += done(&message);
        let request = Bytes::from(encode(Encoding::Xml, &message));
        let began = Instant::now();
        let reply = line.post(request.clone()).await?;
        spoken.exchanges.push(Exchange { request, reply: reply.len(), took: began.elapsed() });
        let decoded = decode(Encoding::Xml, &reply, &Limits::default())?;
        match device.receive(&decoded.message) {
            Next::Send(next) => message = next,
            Next::Quiet => {
                device.hang_up();
                ensure!(device.complaints().is_empty(), "a device complains: {}", device.complaints()[0]);
                return Ok(spoken);
            }
            Next::Ended(ending) => bail!("a session broke off: {ending}"),
        }
    }
    bail!("a session did not end within {MOST_MESSAGES} messages")
}

impl Line<'_> {
    async fn post(&mut self, body: Bytes) -> anyhow::Result<Bytes> {
        let management = match self {
            Self::Connection(connection) => return connection.post(body, None).await,
            Self::Inside(management) => management,
        };
        let request = DeviceRequest {
            certificate: None,
            signature: None,
            tokens: TokenHeaders::default(),
            authorities: None,
            lie: None,
            encoding: Encoding::Xml,
            body: body.to_vec(),
            headers: RequestHeaders::default(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            received_at: now(),
        };
        match management.answer(request).await {
            Answer::Reply { body, .. } => Ok(Bytes::from(body)),
            other => bail!("a message was not answered: {other:?}"),
        }
    }
}

/// The same sessions against the server that does nothing, request by request and byte by byte.
pub(super) async fn replay(dialer: &Dialer, sessions: &[Spoken], parallel: usize) -> anyhow::Result<Vec<Duration>> {
    let share = sessions.len().div_ceil(parallel.max(1)).max(1);
    let mut running = JoinSet::new();
    for some in sessions.chunks(share) {
        let (dialer, some) = (dialer.clone(), some.to_vec());
        running.spawn(async move {
            let mut latencies = Vec::new();
            for spoken in some {
                let mut connection = dialer.connect().await?;
                for exchange in spoken.exchanges {
                    let began = Instant::now();
                    let reply = connection.post(exchange.request, Some(exchange.reply)).await?;
                    latencies.push(began.elapsed());
                    ensure!(reply.len() == exchange.reply, "the baseline answered with another size");
                }
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(ended) = running.join_next().await {
        latencies.extend(ended??);
    }
    Ok(latencies)
}

/// Commands of the server that this message answers with success.
fn done(message: &Message) -> usize {
    let answers = message.body.commands.iter();
    answers
        .filter(|command| matches!(command, Command::Status(status) if status.cmd_ref != "0" && status.code.0 == 200))
        .count()
}
