//! One request and its reply: headers, retries, waits (MS-MDM 2.1, OMA SyncML HTTP binding).

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, ACCEPT_CHARSET, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING, USER_AGENT};
use transom_protocol::session::{LoginStatus, Timestamp};

use super::enveloped::Envelopes;
use super::{ClientError, ClientOptions};
use crate::pki::device::{DeviceKeyPair, certificate_der};
use crate::simulator::device::{Device, Trigger};

/// What a client of Windows calls itself.
const AGENT: &str = "MSFT OMA DM Client/1.2.0.1";

/// What it accepts.
const ACCEPTED: &str = "application/vnd.syncml.dm+xml, application/vnd.syncml.dm+wbxml, application/octet-stream";

/// The connection of one session.
pub(super) struct Transport<'a> {
    pub(super) http: reqwest::Client,
    pub(super) options: &'a ClientOptions,
    url: String,
    /// The part of `MS-CV` that stays.
    vector: String,
    /// The part of `MS-CV` that grows.
    posted: u32,
    client_request_id: String,
    generic_alerts: Option<String>,
    origin: Option<&'static str>,
    /// Tokens of the user and of the device.
    bearer: Option<String>,
    device_token: Option<String>,
    /// What every message is signed with.
    signs_with: Option<(DeviceKeyPair, Vec<u8>)>,
    /// What every message is enveloped for.
    envelopes: Option<Envelopes>,
}

/// A reply, and what it took to get it.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) elapsed: Duration,
    /// What was wrong with its headers.
    pub(super) problems: Vec<String>,
    /// Seconds of `Retry-After`.
    retry_after: Option<u64>,
}

/// A reply after as many attempts as it took.
pub(super) struct Delivered {
    pub(super) reply: Reply,
    pub(super) retries: usize,
    pub(super) postponed: usize,
}

impl<'a> Transport<'a> {
    /// The headers of a session are made when it begins.
    pub(super) fn new(http: reqwest::Client, options: &'a ClientOptions, url: &str, device: &Device) -> Self {
        let mode = if device.behaviour().login == LoginStatus::User { "Maintenance" } else { "Machine" };
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode={mode}&Platform=WoA") };
        let alerts = device.urgent_notices().fold(String::new(), |alerts, kind| alerts + "<" + kind + ">");
        let origin = match options.trigger {
            Trigger::Schedule => "2",
            Trigger::Push => "3",
            Trigger::Login => "4",
        };
        Self {
            http,
            options,
            url,
            vector: BASE64.encode(rand::random::<[u8; 12]>()),
            posted: 0,
            client_request_id: device.ent_dm_id().unwrap_or_else(|| "0".to_owned()),
            generic_alerts: (!alerts.is_empty()).then_some(alerts),
            signs_with: signing_key(options, device),
            envelopes: Envelopes::of(options, device),
            origin: (device.sync_application_version() >= 4).then_some(origin),
            bearer: device.behaviour().bearer.clone(),
            device_token: device.behaviour().device_token.clone(),
        }
    }

    /// Sends a body until an answer comes that is one, as Windows does: `CONNRETRYFREQ` repetitions with a growing
    /// wait, and `Retry-After` where the server names one (MS-MDM 3.1.6).
    pub(super) async fn deliver(&mut self, body: &[u8]) -> Result<Delivered, ClientError> {
        let (mut retries, mut postponed, mut attempts) = (0, 0, 0);
        let mut back_off = self.options.initial_back_off;
        loop {
            attempts += 1;
            let wait = match self.post(body).await {
                Ok(reply) if is_put_off(&reply) || reply.status >= 500 => {
                    postponed += usize::from(is_put_off(&reply));
                    if attempts > self.options.retries {
                        return Err(ClientError::Http { status: reply.status, attempts });
                    }
                    self.wait_for(&reply, back_off)
                }
                Ok(reply) => return Ok(Delivered { reply, retries, postponed }),
                Err(Failure::Signing(error)) => return Err(ClientError::Setup(error.to_string())),
                Err(Failure::TooLarge) => return Err(ClientError::TooLarge(self.options.limits.bytes)),
                Err(Failure::Network(error)) if attempts > self.options.retries => {
                    return Err(ClientError::NoReply { attempts, cause: describe(&error) });
                }
                Err(Failure::Network(_)) => back_off.min(self.options.max_back_off),
            };
            retries += 1;
            tokio::time::sleep(wait).await;
            back_off = back_off.saturating_mul(2);
        }
    }

    /// As long as the server wants, or else as long as the back-off says.
    fn wait_for(&self, reply: &Reply, back_off: Duration) -> Duration {
        match reply.retry_after {
            Some(seconds) => Duration::from_secs(seconds).min(self.options.max_retry_after),
            None => back_off.min(self.options.max_back_off),
        }
    }

    /// Sends a body once, whatever it is.
    pub(super) async fn post(&mut self, body: &[u8]) -> Result<Reply, Failure> {
        let number = self.posted;
        self.posted += 1;
        self.post_as(number, body).await
    }

    /// Sends a body twice at the same time.
    pub(super) async fn post_twice(&mut self, body: &[u8]) -> (Result<Reply, Failure>, Result<Reply, Failure>) {
        let number = self.posted;
        self.posted += 2;
        tokio::join!(self.post_as(number, body), self.post_as(number + 1, body))
    }

    async fn post_as(&self, number: u32, body: &[u8]) -> Result<Reply, Failure> {
        let encoding = self.options.encoding;
        let now = Timestamp(jiff::Timestamp::now().as_millisecond());
        let enveloped = self.envelopes.as_ref().map(|envelopes| envelopes.seal(body, now)).transpose();
        let enveloped = enveloped.map_err(Failure::Signing)?;
        let body = enveloped.as_deref().unwrap_or(body);
        let content_type =
            self.envelopes.as_ref().and(self.options.envelope_type).unwrap_or_else(|| encoding.content_type());
        let mut request = self
            .http
            .post(&self.url)
            .header(ACCEPT, ACCEPTED)
            .header(ACCEPT_CHARSET, "UTF-8")
            .header(CONTENT_TYPE, content_type)
            .header(USER_AGENT, AGENT)
            .header("client-request-id", &self.client_request_id)
            .header("MS-CV", format!("{}.0.0.{number}", self.vector));
        if let Some(alerts) = &self.generic_alerts {
            request = request.header("MDM-GenericAlert", alerts);
        }
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        if let Some(token) = &self.device_token {
            request = request.header("DeviceToken", token);
        }
        if let Some(origin) = self.origin {
            request = request.header("UserAgentOrigin", origin);
        }
        if let Some((key, certificate)) = &self.signs_with {
            let signature = key.sign_message(certificate, body, now).map_err(Failure::Signing)?;
            request = request.header("MS-Signature", signature);
        }
        let started = Instant::now();
        let mut response = request.body(body.to_vec()).send().await.map_err(Failure::Network)?;
        let mut problems = problems_of(&response, content_type);
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut reply = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::Network)? {
            if reply.len() + chunk.len() > self.options.limits.bytes {
                return Err(Failure::TooLarge);
            }
            reply.extend_from_slice(&chunk);
        }
        let status = response.status().as_u16();
        if let Some(envelopes) = self.envelopes.as_ref().filter(|_| status == 200) {
            match envelopes.open(&reply, now) {
                Ok(inside) => reply = inside,
                Err(problem) => problems.push(problem),
            }
        }
        Ok(Reply { status, body: reply, elapsed: started.elapsed(), problems, retry_after })
    }
}

/// What every message is signed with, where it is. A certificate that can't be read signs nothing, and TLS complains of it.
fn signing_key(options: &ClientOptions, device: &Device) -> Option<(DeviceKeyPair, Vec<u8>)> {
    let own = device.identity().certificate.as_ref().filter(|_| options.signs || device.signs_messages())?;
    let key = DeviceKeyPair::from_pem(own.key.expose().as_bytes()).ok()?;
    Some((key, certificate_der(own.certificate.as_bytes()).ok()?))
}

/// Why a request brought no reply.
pub(super) enum Failure {
    Network(reqwest::Error),
    Signing(crate::pki::Error),
    TooLarge,
}

/// The server asks to come back later.
fn is_put_off(reply: &Reply) -> bool {
    reply.status == StatusCode::TOO_MANY_REQUESTS.as_u16()
}

/// What is wrong with the headers of a reply that carries a message.
fn problems_of(response: &reqwest::Response, content_type: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if response.headers().contains_key(TRANSFER_ENCODING) {
        problems.push("the reply is chunked".to_owned());
    } else if response.content_length().is_none() {
        problems.push("the reply has no Content-Length".to_owned());
    }
    if response.status() == StatusCode::OK && response.content_length() != Some(0) {
        let named = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = named.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(content_type) {
            problems.push(format!("the reply is {named:?}, the request was {content_type}"));
        }
    }
    problems
}

/// An error with its causes: the outermost of reqwest alone says little.
pub(in crate::simulator) fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
