//! The service that the device door and the operators talk to.

use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest as _, Sha256};
use transom_protocol::session::{DeviceId, Nonce, Rules};
use transom_protocol::syncml::codec::{Decoded, decode};
use transom_protocol::xml::{Limits, Refusal};

use super::attendant::Attendant;
use super::exchange::{BUSY, ExchangeOutcome, Frame, Heard, Told, UploadLimits, exchange};
use super::journal::kept;
use super::request::{Answer, DeviceRequest};
use crate::limits::DeviceLimiter;
use crate::metrics::Metrics;
use crate::model::Signing;
use crate::pki::signature::{MessageSignature, SignatureRefused, Window};
use crate::store::{Error, Store};

/// Bodies larger than this are read on a thread of their own, so that others do not wait.
const LARGE_BODY: usize = 64 * 1024;

const MIB: u64 = 1024 * 1024;

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bounds of a session.
    pub rules: Rules,
    /// Bounds of a message.
    pub limits: Limits,
    /// Whether messages of a check-in in which nothing happened are kept.
    pub keep_idle: bool,
    /// How long an accepted command may stay without a report, in milliseconds.
    pub accepted_timeout: i64,
    /// Open commands that one device may have.
    pub max_open: i64,
    /// Largest value of one node, in bytes.
    pub max_data: usize,
    /// How long a device that was told to leave may take to say that it does, in milliseconds.
    pub leave_timeout: i64,
    /// What the device knows this server as: `PROVIDER-ID` of its account.
    pub provider_id: String,
    /// Whether messages are signed, where nothing else is said for an enrollment.
    pub signing: Signing,
    /// How far the time of a signature may be from now.
    pub signing_window: Window,
    /// Whether an order asks for a push to the devices that can be woken.
    pub wakes: bool,
    /// Who else has something to say to devices.
    pub attendants: Vec<Attendant>,
    /// Values that devices have begun to send in chunks.
    pub uploads: UploadLimits,
}

/// Manages devices. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Management(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    metrics: Metrics,
    devices: DeviceLimiter,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            limits: Limits::default(),
            keep_idle: true,
            accepted_timeout: 24 * 60 * 60 * 1000,
            max_open: 10_000,
            max_data: 1024 * 1024,
            leave_timeout: 24 * 60 * 60 * 1000,
            provider_id: "Transom".to_owned(),
            signing: Signing::default(),
            signing_window: Window::default(),
            wakes: false,
            attendants: Vec::new(),
            uploads: UploadLimits { device: 8 * MIB, all: 256 * MIB },
        }
    }
}

impl Management {
    /// On a store. `devices` bounds how often one device may come.
    pub fn new(store: Store, options: Options, metrics: Metrics, devices: DeviceLimiter) -> Self {
        Self(Arc::new(Inner { store, options, metrics, devices }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Answers one message of a device.
    pub async fn answer(&self, request: DeviceRequest) -> Answer {
        let started = Instant::now();
        let limits = self.0.options.limits;
        let large = request.body.len() > LARGE_BODY;
        let read = move || hear(request, &limits, started);
        let heard = if large {
            match tokio::task::spawn_blocking(read).await {
                Ok(heard) => heard,
                Err(_) => return Answer::Unavailable { retry_after: BUSY },
            }
        } else {
            read()
        };
        let heard = match heard {
            Ok(heard) => heard,
            Err(refusal) => {
                self.0.metrics.message("unreadable");
                return Answer::Unreadable(refusal);
            }
        };
        if let Some(device) = DeviceId::parse(&heard.message.header.source.loc_uri)
            && let Err(retry_after) = self.0.devices.check(&device.key())
        {
            self.0.metrics.message("too_many");
            return Answer::TooMany { retry_after };
        }
        match self.decide(heard).await {
            Ok((told, statements)) => {
                self.note(&told);
                self.0.metrics.statements(statements);
                match told.mismatch {
                    Some(_) => Answer::Forbidden,
                    None => Answer::Reply { encoding: told.encoding, body: told.body },
                }
            }
            Err(Error::Busy) => Answer::Busy { retry_after: BUSY },
            Err(error) => {
                tracing::error!(%error, "a message could not be answered");
                Answer::Unavailable { retry_after: BUSY }
            }
        }
    }

    /// What is answered, and how many statements it took.
    async fn decide(&self, heard: Heard) -> Result<(Told, u32), Error> {
        let inner = Arc::clone(&self.0);
        self.0
            .store
            .write(move |tx| {
                let Options { rules, keep_idle, uploads, leave_timeout, attendants, max_open, .. } = &inner.options;
                let frame = Frame {
                    rules,
                    keep_idle: *keep_idle,
                    leave_timeout: *leave_timeout,
                    uploads: *uploads,
                    signing: inner.options.signing,
                    window: inner.options.signing_window,
                    attendants,
                    max_open: *max_open,
                };
                let told = exchange(tx, &heard, &frame)?;
                Ok((told, tx.statements()))
            })
            .await
    }

    fn note(&self, told: &Told) {
        self.0.metrics.message(told.outcome.as_str());
        for _ in 0..told.commands_sent {
            self.0.metrics.command("sent");
        }
        for state in &told.settled {
            self.0.metrics.command(state.as_str());
        }
        if told.session_began {
            self.0.metrics.session("started");
        }
        if let Some(mismatch) = &told.mismatch {
            if mismatch.is_of_signature() {
                self.0.metrics.signature_refused(mismatch.as_str());
            } else {
                self.0.metrics.certificate_refused(mismatch.as_str());
            }
            tracing::warn!(reason = mismatch.as_str(), "a message was refused");
        }
        if matches!(told.outcome, ExchangeOutcome::WrongCredential | ExchangeOutcome::Stranger) {
            tracing::warn!(outcome = told.outcome.as_str(), "a message was refused");
        }
    }
}

fn hear(request: DeviceRequest, limits: &Limits, started: Instant) -> Result<Heard, Refusal> {
    let DeviceRequest { encoding, body, headers, peer, certificate, signature, lie, received_at } = request;
    let Decoded { message, text } = decode(encoding, &body, limits)?;
    Ok(Heard {
        message,
        kept: kept(&text),
        body_hash: hex(&Sha256::digest(&body)),
        body,
        encoding,
        headers,
        peer: peer.to_string(),
        certificate,
        lie,
        authorities: signature.as_ref().map(|signature| Arc::clone(&signature.authorities)),
        signature: signature.map(|signature| match signature.value {
            Some(value) => MessageSignature::read(&value),
            None => Err(SignatureRefused::Several),
        }),
        received_at,
        started,
        fresh_nonce: Nonce::from_bytes(&rand::random::<[u8; 16]>()),
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").finish_non_exhaustive()
    }
}
