//! Values that come in chunks (OMA DM Protocol 7): 213 for each, the end is measured, an interruption is told.

use transom_protocol::syncml::{Address, Alert, AlertCode, Command, Item, Request, StatusCode};

use super::Device;
use super::execute::Reply;
use super::session::{Download, Session};
use crate::simulator::tree::Value;

/// Bytes of a value that a device takes when it announced nothing.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What an item is after its chunks have been looked at.
pub(super) enum Chunk {
    /// The whole value: the command can be done.
    Whole(Value),
    /// Not the whole value, or a wrong one: this is its Status.
    Answered(StatusCode),
}

impl Device {
    /// Takes an item into account that may be a chunk.
    pub(super) fn chunk(
        &self,
        session: &mut Session,
        request: &Request,
        item: &Item,
        value: Value,
        reply: &mut Reply,
    ) -> Chunk {
        let uri = item.target_uri().unwrap_or_default();
        let is_continued = session.download.as_ref().is_some_and(|open| open.verb == request.verb && open.uri == uri);
        if !is_continued {
            self.interrupt(session, reply);
        }
        let most = self.behaviour.max_obj_size.unwrap_or(LARGEST);
        if !is_continued && !item.more_data {
            let is_too_large = value.data.as_ref().is_some_and(|data| len(data) > most);
            return if is_too_large { Chunk::Answered(StatusCode::TOO_LARGE) } else { Chunk::Whole(value) };
        }
        let mut open = if let Some(open) = session.download.take() {
            open
        } else {
            let announced = [&item.meta, &request.meta].into_iter().flatten().find_map(|meta| meta.size);
            let Some(announced) = announced else { return Chunk::Answered(StatusCode::SIZE_REQUIRED) };
            if announced > most {
                return Chunk::Answered(StatusCode::SIZE_TOO_BIG);
            }
            let empty = Value { format: value.format.clone(), data: Some(String::new()) };
            Download { verb: request.verb, uri: uri.to_owned(), announced, value: empty }
        };
        let data = open.value.data.get_or_insert_default();
        data.push_str(value.data.as_deref().unwrap_or_default());
        let received = len(data);
        if received > open.announced || (!item.more_data && received != open.announced) {
            return Chunk::Answered(StatusCode::SIZE_MISMATCH);
        }
        if item.more_data {
            session.download = Some(open);
            reply.wants_next = true;
            return Chunk::Answered(StatusCode::BUFFERED);
        }
        Chunk::Whole(open.value)
    }

    /// Something else came before the end of a value: nothing of it is kept.
    #[expect(clippy::unused_self, reason = "the device interrupts; it reads as what it is")]
    pub(super) fn interrupt(&self, session: &mut Session, reply: &mut Reply) {
        if let Some(open) = session.download.take() {
            reply.interrupted.push(open.uri);
        }
    }
}

/// Alert 1225 for a value whose end did not come.
pub(super) fn no_end_of_data(uri: String) -> Command {
    Command::Alert(Alert {
        cmd_id: String::new(),
        no_resp: false,
        code: Some(AlertCode::NO_END_OF_DATA),
        correlator: None,
        items: vec![Item { target: Some(Address::uri(uri)), ..Item::default() }],
    })
}

fn len(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
