//! How the driver connects, waits and gives up.

use std::net::SocketAddr;
use std::time::Duration;

use transom_protocol::syncml::codec::Encoding;
use transom_protocol::xml::Limits;

use crate::pki::envelope::Form;
use crate::simulator::device::Trigger;

/// How a [`Client`](super::Client) behaves. The default is Windows, but with short waits.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// XML or WBXML.
    pub encoding: Encoding,
    /// Why the sessions begin.
    pub trigger: Trigger,
    /// A new TLS connection for every session, as a real device makes it; otherwise one is kept.
    pub connects_anew: bool,
    /// Where the host of the URL is, when the resolver does not know it.
    pub address: Option<SocketAddr>,
    /// `CONNRETRYFREQ`: how often a message is sent again after a failure.
    pub retries: u32,
    /// `INITIALBACKOFFTIME`: the wait before the first repetition; it doubles.
    pub initial_back_off: Duration,
    /// `MAXBACKOFFTIME`: the longest wait of its own choice.
    pub max_back_off: Duration,
    /// The longest wait that the server may ask for with `Retry-After`.
    pub max_retry_after: Duration,
    /// The longest wait for a reply.
    pub timeout: Duration,
    /// Largest reply that is read, and its other bounds.
    pub limits: Limits,
    /// Messages after which a session is given up: a server that never ends is wrong.
    pub most_messages: u32,
    /// Keep every request and reply in the report.
    pub keeps_bodies: bool,
    /// Sign every message, where the device has a certificate; otherwise it does so when the server has told it to.
    pub signs: bool,
    /// The content type of what is enveloped; that of the message without.
    pub envelope_type: Option<&'static str>,
    /// How an envelope is written: as it is, or as base64.
    pub envelope_form: Form,
    /// Show no certificate, as behind a proxy that ends TLS.
    pub hides_certificate: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            encoding: Encoding::Xml,
            trigger: Trigger::Schedule,
            connects_anew: true,
            address: None,
            retries: 3,
            initial_back_off: Duration::from_millis(100),
            max_back_off: Duration::from_secs(5),
            max_retry_after: Duration::from_mins(5),
            timeout: Duration::from_secs(30),
            limits: Limits { bytes: 16 * 1024 * 1024, ..Limits::default() },
            most_messages: 1_000,
            keeps_bodies: false,
            signs: false,
            envelope_type: None,
            envelope_form: Form::Binary,
            hides_certificate: false,
        }
    }
}
