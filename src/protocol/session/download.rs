//! Values too large for one message, on their way to the device (OMA DM Protocol 7, MS-MDM 2.2.5.3).

use super::build::Chunk;
use super::package::Package;
use super::process::Work;
use super::{CommandId, CommandState, Download, Pending, Sent, SentAnswer, SentPart};
use crate::csp::{Instruction, Setting};
use crate::syncml::{Status, StatusClass, Verb};

/// Bytes of a value, escaped, for which a chunk is worth sending.
const LEAST_PIECE: usize = 16;

impl Work<'_> {
    /// Begins to send a value in chunks, where the command allows it; sets it aside where it doesn't.
    pub(super) fn add_in_chunks(&mut self, id: &CommandId, package: &mut Package) -> bool {
        let Some(pending) = self.queue.find(id) else { return true };
        let most = package.most;
        let fits = chunkable(pending).is_some_and(|(verb, setting)| {
            let size = setting.data.as_deref().unwrap_or_default().len() as u64;
            Chunk::overhead(setting, verb, Some(size)) + LEAST_PIECE <= most
        });
        if !fits {
            return self.set_aside_as_too_large(id);
        }
        self.session.download = Some(Download { command: id.clone(), offset: 0, acknowledged: true });
        self.forget_parts_of(id);
        self.next_chunk(package);
        false
    }

    /// Sends the next chunk, once the one before was taken.
    pub(super) fn next_chunk(&mut self, package: &mut Package) {
        let Some(download) = self.session.download.clone().filter(|download| download.acknowledged) else { return };
        let Some(pending) = self.queue.find(&download.command) else { return };
        let Some((verb, setting)) = chunkable(pending) else { return };
        let data = setting.data.as_deref().unwrap_or_default();
        let size = (download.offset == 0).then_some(data.len() as u64);
        let rest = data.get(download.offset..).unwrap_or_default();
        let overhead = Chunk::overhead(setting, verb, size);
        let Some(budget) = package.room.checked_sub(overhead).filter(|budget| *budget >= LEAST_PIECE) else {
            self.ask_for_room(&download.command, package);
            return;
        };
        let piece = rest.get(..cut(rest, budget)).unwrap_or(rest);
        let more = piece.len() < rest.len();
        let cmd_id = self.ids.next();
        let command = Chunk { setting, verb, piece, size, more }.command(cmd_id);
        let part = if more { SentPart::Chunk } else { SentPart::Items(vec![0]) };
        let offset = download.offset + piece.len();
        let id = download.command;
        if download.offset == 0 {
            self.mark_sent(&id, cmd_id);
        }
        let message = self.session.server_message;
        self.session.asked = 0;
        self.session.in_flight.push(Sent { message, cmd_id, command: id.clone(), part, answer: SentAnswer::Awaited });
        self.session.download = more.then_some(Download { command: id, offset, acknowledged: false });
        package.unfinished = more;
        package.commands.push(command);
    }

    /// The rest of a value whose command was canceled, or has its outcome otherwise, is not sent.
    pub(super) fn end_download_of_what_was_taken_back(&mut self) {
        let sent = |id: &CommandId| self.queue.find(id).is_some_and(|pending| pending.state == CommandState::Sent);
        let goes_on = self.session.download.as_ref().is_some_and(|download| sent(&download.command));
        if !goes_on {
            self.session.download = None;
        }
    }

    /// The device answered a chunk of ours.
    pub(super) fn apply_chunk_status(&mut self, id: &CommandId, place: usize, status: &Status) {
        if let Some(sent) = self.session.in_flight.get_mut(place) {
            sent.answer = SentAnswer::Settled;
        }
        if matches!(status.code.class(), StatusClass::Buffered | StatusClass::Done | StatusClass::Accepted) {
            if let Some(download) = self.session.download.as_mut().filter(|download| download.command == *id) {
                download.acknowledged = true;
            }
            return;
        }
        self.session.download.take_if(|download| download.command == *id);
        if let Some(item) = self.queue.change(id).and_then(|pending| pending.progress.items.first_mut()) {
            item.status = Some(status.code);
            item.original_error.clone_from(&status.original_error);
        }
    }

    /// Alert 1225 of the device: it did not see the end of what we were sending.
    pub(super) fn download_interrupted(&mut self) {
        if let Some(download) = self.session.download.take() {
            self.restart(&download.command);
            self.anomaly("download_interrupted", || format!("the device dropped command {}", download.command));
        }
    }
}

/// The only node of a command whose value may be sent in chunks.
fn chunkable(pending: &Pending) -> Option<(Verb, &Setting)> {
    let Instruction::Single(operation) = &pending.instruction else { return None };
    let [setting] = operation.items.as_slice() else { return None };
    let as_replace = pending.progress.items.first().is_some_and(|item| item.as_replace);
    let verb = if as_replace { Verb::Replace } else { operation.verb };
    setting.data.is_some().then_some((verb, setting))
}

/// Cuts `text` after at most `budget` bytes of its escaped form, never inside a character and always after at least
/// one, so that a transfer ends.
fn cut(text: &str, budget: usize) -> usize {
    let mut escaped = 0;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        escaped += match character {
            '&' | '\r' | '\n' => 5,
            '<' | '>' => 4,
            '"' => 6,
            '\t' => 1,
            // What XML can't express is written as U+FFFD.
            other if other.is_ascii_control() => 3,
            other => other.len_utf8(),
        };
        if escaped > budget && at > 0 {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncml::write;
    use proptest::prelude::*;

    fn written(piece: &str) -> usize {
        let setting = Setting { target: "./A".parse().unwrap(), format: None, mime: None, data: Some(String::new()) };
        let chunk = |piece| Chunk { setting: &setting, verb: Verb::Replace, piece, size: None, more: true };
        write::command_len(&chunk(piece).command(1)) - write::command_len(&chunk("x").command(1)) + 1
    }

    proptest! {
        #[test]
        fn a_piece_is_never_longer_than_its_budget_and_never_empty(text in "\\PC{0,80}|[\u{0}-\u{ff}&<>\"]{1,80}", budget in 16_usize..60) {
            let end = cut(&text, budget);
            let piece = text.get(..end).expect("a boundary");
            prop_assert!(text.is_empty() || end > 0);
            if !piece.is_empty() {
                prop_assert!(written(piece) <= budget, "{} of {budget}: {piece:?}", written(piece));
            }
        }
    }
}
