//! A session with everything that is kept of it: what was said in words, the messages, and which command each line is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::{MAX_BYTES, MAX_MESSAGES, exchanges_of, session_key};
use super::{Admin, Error, EventJson, MessageJson, SessionDetail, SessionJson};
use crate::management::conversation::{Line, Told, tell};
use crate::model::{EventFilter, Exchange, ExchangeId};
use crate::store::{Placed, Tx};

/// A session, looked at closely.
#[derive(Debug, Clone)]
pub struct Explored {
    /// What was said, in words.
    pub detail: SessionDetail,
    /// The messages, without secrets, in the order in which they came.
    pub messages: Vec<MessageJson>,
    /// Which command each of our lines is: `MsgID`, `CmdID`, command.
    pub commands: Vec<Placed>,
}

/// All of a session in one document, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionExport {
    /// The session.
    pub session: SessionJson,
    /// What was said, in words.
    pub conversation: Vec<Line>,
    /// The messages.
    pub messages: Vec<MessageJson>,
    /// What else happened.
    pub events: Vec<EventJson>,
    /// Whether there was more than stands here.
    #[serde(default)]
    pub truncated: bool,
}

impl Admin {
    /// A session with its messages and commands.
    pub async fn explore(&self, id: &str) -> Result<Explored, Error> {
        let key = session_key(id)?;
        let (record, exchanges, events, commands) = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let record = tx.session(&key)?.ok_or(Error::NotFound("session"))?;
                let exchanges = exchanges_of(tx, &record, None, MAX_MESSAGES)?;
                let commands = tx.commands_of_session(&key)?;
                let events = tx.events(&EventFilter::OfSession(key), None, MAX_MESSAGES)?;
                Ok::<_, Error>((record, exchanges, events, commands))
            })
            .await?;
        let mut truncated = exchanges.next.is_some() || events.next.is_some();
        let mut messages: Vec<MessageJson> = Vec::with_capacity(exchanges.items.len());
        let mut bytes = 0;
        for exchange in exchanges.items {
            let message = MessageJson::from(exchange);
            bytes += message.size();
            if bytes > MAX_BYTES {
                truncated = true;
                break;
            }
            messages.push(message);
        }
        let told: Vec<Told<'_>> = messages.iter().map(told).collect();
        let conversation = tell(&told);
        let mut events: Vec<EventJson> = events.items.into_iter().map(EventJson::from).collect();
        events.reverse();
        let detail = SessionDetail { session: SessionJson::from(&record), conversation, truncated, events };
        Ok(Explored { detail, messages, commands })
    }

    /// One message of a session, with the messages of the challenge before it.
    pub async fn message(&self, session: &str, message: &str) -> Result<MessageJson, Error> {
        let (key, message) = (session_key(session)?, ExchangeId::parse(message).ok_or(Error::NotFound("message"))?);
        let exchange = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let record = tx.session(&key)?.ok_or(Error::NotFound("session"))?;
                let exchange = tx.exchange_with_id(&message)?;
                // What was said before the session began, such as a challenge, is of the same device.
                let belongs = |exchange: &Exchange| match &exchange.session {
                    Some(of) => *of == key,
                    None => exchange.device.as_ref().is_some_and(|device| device.key() == record.device_id.key()),
                };
                exchange.filter(belongs).ok_or(Error::NotFound("message"))
            })
            .await?;
        Ok(MessageJson::from(exchange))
    }

    /// A session without what was said in it: what tells whether it goes on, and whether something is new. One row is read.
    pub async fn session_state(&self, id: &str) -> Result<SessionJson, Error> {
        let key = session_key(id)?;
        let record = self.store.read(move |tx: &mut Tx<'_>| tx.session(&key)).await?;
        record.as_ref().map(SessionJson::from).ok_or(Error::NotFound("session"))
    }
}

impl Explored {
    /// The same as one document.
    pub fn export(self) -> SessionExport {
        let SessionDetail { session, conversation, events, truncated } = self.detail;
        SessionExport { session, conversation, messages: self.messages, events, truncated }
    }
}

fn told(message: &MessageJson) -> Told<'_> {
    Told {
        at: message.received_at,
        request: message.request.as_deref().unwrap_or_default(),
        reply: message.reply.as_deref().unwrap_or_default(),
    }
}
