//! An exchange as the journal has it.

use transom_protocol::session::DeviceId;
use transom_protocol::syncml::Message;

use super::exchange::{ExchangeOutcome, Heard};
use super::journal::{kept, text_of_reply};
use super::proofs::Proofs;
use crate::model::{Exchange, ExchangeId, SessionKey};
use crate::store::Contact;

/// What the journal says of an exchange beside its messages.
pub(super) struct Record<'a> {
    pub(super) id: ExchangeId,
    pub(super) outcome: ExchangeOutcome,
    pub(super) detail: Option<String>,
    pub(super) session: Option<SessionKey>,
    pub(super) contact: Option<&'a Contact>,
    pub(super) proofs: &'a Proofs,
}

impl Record<'_> {
    /// `reply` is what `body` says; without it the journal has its size alone.
    pub(super) fn of(self, heard: &Heard, reply: Option<&Message>, body: &[u8]) -> Exchange {
        let header = &heard.message.header;
        let authenticated = self.session.is_some();
        let number = |text: &str| text.parse().ok();
        Exchange {
            id: self.id,
            session: self.session,
            enrollment: self.contact.filter(|_| authenticated).map(|contact| contact.enrollment.clone()),
            device: DeviceId::parse(&header.source.loc_uri),
            session_id: transom_protocol::session::SessionId::parse(&header.session_id),
            received_at: heard.received_at,
            duration_us: i64::try_from(heard.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            peer: heard.peer.to_string(),
            encoding: Some(heard.encoding),
            client_message: number(&header.msg_id),
            server_message: reply.and_then(|reply| number(&reply.header.msg_id)),
            outcome: self.outcome.as_str().to_owned(),
            detail: self.detail,
            headers: serde_json::to_value(&heard.headers).unwrap_or_default(),
            request: Some(heard.kept.clone()),
            reply: reply.map(|reply| kept(&text_of_reply(heard.encoding, reply, body), &heard.secret_nodes)),
            request_size: i64::try_from(heard.body.len()).unwrap_or(i64::MAX),
            reply_size: i64::try_from(body.len()).unwrap_or(i64::MAX),
            proofs: self.proofs.all(),
        }
    }
}
