//! The service that the device door and the operators talk to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tracing::{Instrument as _, field::Empty};
use transom_protocol::session::{DeviceId, Introduction, Nonce, ProofPolicy, Rules};
use transom_protocol::syncml::codec::{Decoded, decode};
use transom_protocol::xml::{Limits, Refusal};

use super::attendant::Attendant;
use super::beside;
use super::envelope::{EnvelopeOptions, KnownKeys};
use super::exchange::{BUSY, ExchangeOutcome, Frame, Heard, Told, UploadLimits, exchange};
use super::guessing::FORGIVE_EVERY;
use super::identity::Mismatch;
use super::journal::kept;
use super::request::{Answer, DeviceRequest};
use super::tokens::{self, TokenVerifier, Tokens};
use crate::limits::DeviceLimiter;
use crate::metrics::Metrics;
use crate::model::{Patience, SPANS, SecretNodes, Signing, hex};
use crate::pki::envelope::Form;
use crate::pki::signature::{MessageSignature, SignatureRefused, Window};
use crate::store::{Error, Store};

/// Bodies larger than this are read on a thread of their own, so that others do not wait.
const LARGE_BODY: usize = 64 * 1024;

const MIB: u64 = 1024 * 1024;

/// Wrong credentials of an enrollment that are borne from one address.
const PATIENCE: Patience = Patience {
    allowed: 5,
    forgive_every: FORGIVE_EVERY,
    lockout: Duration::from_mins(1),
    max_lockout: Duration::from_hours(1),
};

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bounds of a session.
    pub rules: Rules,
    /// Bounds of a message.
    pub limits: Limits,
    /// Whether messages of a check-in in which nothing happened are kept.
    pub keep_idle: bool,
    /// Whether sessions are told of in which nothing happened.
    pub tell_idle: bool,
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
    /// Messages in envelopes.
    pub envelopes: EnvelopeOptions,
    /// What is enough to believe a message, where nothing else is said for an enrollment.
    pub proofs: ProofPolicy,
    /// Who can tell whether tokens of users and devices are what they say; nobody where it is `None`.
    pub tokens: Option<TokenVerifier>,
    /// Whether the token of a device is enough, where nothing else is said for its enrollment.
    pub device_token_proves: bool,
    /// How old the credentials of a device that enrolled here may become, in milliseconds; nothing for ever.
    pub credentials_max_age: Option<i64>,
    /// How many wrong credentials of an enrollment are borne from one address.
    pub patience: Patience,
    /// Whether an order asks for a push to the devices that can be woken.
    pub wakes: bool,
    /// Who else has something to say to devices.
    pub attendants: Vec<Attendant>,
    /// Values that devices have begun to send in chunks.
    pub uploads: UploadLimits,
    /// Nodes that hold a secret though their names do not tell.
    pub secret_nodes: SecretNodes,
}

/// Manages devices. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Management(Arc<Inner>);

struct Inner {
    store: Store,
    options: Options,
    metrics: Metrics,
    devices: DeviceLimiter,
    keys: KnownKeys,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            limits: Limits::default(),
            keep_idle: true,
            tell_idle: false,
            accepted_timeout: 24 * 60 * 60 * 1000,
            max_open: 10_000,
            max_data: 1024 * 1024,
            leave_timeout: 24 * 60 * 60 * 1000,
            provider_id: "Transom".to_owned(),
            signing: Signing::default(),
            signing_window: Window::default(),
            envelopes: EnvelopeOptions::default(),
            proofs: ProofPolicy::default(),
            tokens: None,
            device_token_proves: false,
            credentials_max_age: None,
            patience: PATIENCE,
            wakes: false,
            attendants: Vec::new(),
            uploads: UploadLimits { device: 8 * MIB, all: 256 * MIB },
            secret_nodes: SecretNodes::default(),
        }
    }
}

impl Management {
    /// On a store. `devices` bounds how often one device may come.
    pub fn new(store: Store, options: Options, metrics: Metrics, devices: DeviceLimiter) -> Self {
        Self(Arc::new(Inner { store, options, metrics, devices, keys: KnownKeys::default() }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    /// Nodes that hold a secret though their names do not tell.
    pub(crate) fn secret_nodes(&self) -> SecretNodes {
        self.0.options.secret_nodes.clone()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(super) fn devices(&self) -> &DeviceLimiter {
        &self.0.devices
    }

    pub(super) fn known_keys(&self) -> &KnownKeys {
        &self.0.keys
    }

    /// Answers one message of a device.
    pub async fn answer(&self, request: DeviceRequest) -> Answer {
        let span = tracing::info_span!(
            target: SPANS,
            "message",
            transom.message.bytes = request.body.len(),
            transom.message.outcome = Empty,
            transom.message.commands = Empty,
            transom.session.id = Empty,
        );
        self.answer_one(request).instrument(span).await
    }

    async fn answer_one(&self, request: DeviceRequest) -> Answer {
        let started = Instant::now();
        if Form::of(&request.body).is_some() {
            return Box::pin(self.answer_enveloped(request, started)).await;
        }
        let limits = self.0.options.limits;
        let large = request.body.len() > LARGE_BODY;
        let nodes = self.0.options.secret_nodes.clone();
        let read = move || hear(request, &limits, nodes, started);
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
            && let Err(retry_after) = self.0.devices.check(&counted_as(&device, &heard))
        {
            self.0.metrics.message("too_many");
            return Answer::TooMany { retry_after };
        }
        match Box::pin(self.decide(heard)).await {
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

    /// What is answered, and how many statements it took. Tokens are verified first: nothing waits for anybody inside the
    /// transaction.
    pub(super) async fn decide(&self, mut heard: Heard) -> Result<(Told, u32), Error> {
        let Options { tokens, device_token_proves, .. } = &self.0.options;
        let verifier = (tokens.as_ref(), *device_token_proves);
        heard.tokens = tokens::judge(&heard.message, &heard.shown, verifier, heard.received_at).await;
        heard.says = beside::introduction(&heard.message, &heard.tokens);
        let inner = Arc::clone(&self.0);
        self.0
            .store
            .write(move |tx| {
                let Options { rules, keep_idle, tell_idle, uploads, leave_timeout, attendants, max_open, .. } =
                    &inner.options;
                let frame = Frame {
                    rules,
                    keep_idle: *keep_idle,
                    tell_idle: *tell_idle,
                    leave_timeout: *leave_timeout,
                    uploads: *uploads,
                    signing: inner.options.signing,
                    window: inner.options.signing_window,
                    envelopes: &inner.options.envelopes,
                    proofs: &inner.options.proofs,
                    device_token_proves: inner.options.device_token_proves,
                    credentials_max_age: inner.options.credentials_max_age,
                    provider_id: &inner.options.provider_id,
                    patience: inner.options.patience,
                    attendants,
                    max_open: *max_open,
                };
                let told = exchange(tx, &heard, &frame)?;
                tx.settle_accounts()?;
                Ok((told, tx.statements()))
            })
            .await
    }

    pub(super) fn note(&self, told: &Told) {
        let span = tracing::Span::current();
        span.record("transom.message.outcome", told.outcome.as_str());
        span.record("transom.message.commands", told.commands_sent);
        if let Some(session) = &told.session {
            span.record("transom.session.id", session.as_str());
        }
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
            self.count_mismatch(mismatch);
        }
        if matches!(told.outcome, ExchangeOutcome::WrongCredential | ExchangeOutcome::Stranger) {
            tracing::warn!(outcome = told.outcome.as_str(), "a message was refused");
        }
    }

    pub(super) fn count_mismatch(&self, mismatch: &Mismatch) {
        if mismatch.is_of_signature() {
            self.0.metrics.signature_refused(mismatch.as_str());
        } else if mismatch.is_of_envelope() {
            self.0.metrics.envelope_refused(mismatch.as_str());
        } else {
            self.0.metrics.certificate_refused(mismatch.as_str());
        }
        tracing::warn!(reason = mismatch.as_str(), "a message was refused");
    }
}

/// By whom a message is counted for the rate of its device. Everybody may name one: who shows no certificate of ours is
/// counted by address, so that nobody uses up what the device may do.
fn counted_as(device: &DeviceId, heard: &Heard) -> String {
    let shown = heard.certificate.as_deref().filter(|presented| presented.verdict().is_ok());
    match shown {
        Some(presented) => format!("{} {}", device.key(), presented.fingerprint()),
        None => format!("{} {}", device.key(), heard.peer),
    }
}

pub(super) fn hear(
    request: DeviceRequest,
    limits: &Limits,
    secret_nodes: SecretNodes,
    started: Instant,
) -> Result<Heard, Refusal> {
    let DeviceRequest { encoding, body, headers, peer, certificate, signature, tokens, authorities, lie, received_at } =
        request;
    let Decoded { message, text } = decode(encoding, &body, limits)?;
    Ok(Heard {
        says: Introduction::default(),
        shown: tokens,
        tokens: Tokens::default(),
        message,
        kept: kept(&text, &secret_nodes),
        secret_nodes,
        body_hash: hex(&Sha256::digest(&body)),
        body,
        encoding,
        headers,
        peer,
        certificate,
        lie,
        authorities,
        signature: signature.map(|signature| match signature.value {
            Some(value) => MessageSignature::read(&value),
            None => Err(SignatureRefused::Several),
        }),
        wrapped: None,
        received_at,
        started,
        fresh_nonce: Nonce::from_bytes(&rand::random::<[u8; 16]>()),
    })
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").finish_non_exhaustive()
    }
}
