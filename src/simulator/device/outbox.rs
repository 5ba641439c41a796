//! An answer in as many messages as it takes: by the server's `MaxMsgSize`, or because a switch wants it so.

use transom_protocol::syncml::{Command, Data, Item, Meta, Results};

use super::behaviour::Behaviour;
use super::session::{Part, Session};
use crate::simulator::notice::Notice;

/// Bytes that header, tags and references of a message may take.
const ENVELOPE: usize = 1_200;

/// Bytes that the tags and references of one command or item may take.
const FRAME: usize = 400;

/// Least room for a chunk, however small the server's limit: less would never end.
const SMALLEST_CHUNK: usize = 256;

/// What an answer becomes.
pub(super) enum Packed {
    /// These messages.
    Parts(Vec<Part>),
    /// The Statuses alone, and then an abort: the Results are too large and are not cut.
    TooLarge(Part),
}

/// Divides an answer.
pub(super) fn pack(behaviour: &Behaviour, session: &Session, commands: Vec<Command>) -> Packed {
    let limit = session.server_max_msg_size.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    let budget = limit.saturating_sub(ENVELOPE).max(SMALLEST_CHUNK);
    let total: usize = commands.iter().map(size_of).fold(0, usize::saturating_add);
    let mut parts = if total <= budget {
        vec![Part { commands, ..Part::default() }]
    } else if behaviour.large_objects {
        divide(commands, budget)
    } else {
        let statuses = commands.into_iter().filter(|command| !matches!(command, Command::Results(_))).collect();
        return Packed::TooLarge(Part { commands: statuses, is_final: true, continues_value: false });
    };
    if let Some(most) = behaviour.split_answers {
        parts = parts.into_iter().flat_map(|part| split(&part, most.max(1))).collect();
    }
    if let Some(last) = parts.last_mut() {
        last.is_final = true;
    }
    if behaviour.keep_alive {
        let alive = Command::Alert(Notice::request_pending().alert());
        parts.insert(0, Part { commands: vec![alive], is_final: true, continues_value: false });
    }
    Packed::Parts(parts)
}

/// So many commands to each part.
fn split(part: &Part, most: usize) -> Vec<Part> {
    let mut parts: Vec<Part> =
        part.commands.chunks(most).map(|commands| Part { commands: commands.to_vec(), ..Part::default() }).collect();
    if let Some(first) = parts.first_mut() {
        first.continues_value = part.continues_value;
    }
    parts
}

/// Fills parts up to the budget; a value that fits into none is cut.
fn divide(commands: Vec<Command>, budget: usize) -> Vec<Part> {
    let mut parts = vec![Part::default()];
    let mut used = 0;
    for command in commands.into_iter().flat_map(one_item_each) {
        let size = size_of(&command);
        match command {
            Command::Results(results) if size > budget => {
                for (at, chunk) in
                    chunks(&results, budget.saturating_sub(FRAME).max(SMALLEST_CHUNK)).into_iter().enumerate()
                {
                    // A chunk that goes on is the last of its message, so each begins a message.
                    parts.push(Part {
                        commands: vec![Command::Results(chunk)],
                        is_final: false,
                        continues_value: at > 0,
                    });
                }
                used = budget;
            }
            command => {
                if used + size > budget && used > 0 {
                    parts.push(Part::default());
                    used = 0;
                }
                used += size;
                if let Some(part) = parts.last_mut() {
                    part.commands.push(command);
                }
            }
        }
    }
    parts.retain(|part| !part.commands.is_empty());
    parts
}

/// Results of several items as several Results: only a single item can be cut.
fn one_item_each(command: Command) -> Vec<Command> {
    match command {
        Command::Results(results) if results.items.len() > 1 => results
            .items
            .iter()
            .map(|item| Command::Results(Results { items: vec![item.clone()], ..results.clone() }))
            .collect(),
        other => vec![other],
    }
}

/// The value of a Results in pieces: the first names the size of the whole, all but the last go on.
fn chunks(results: &Results, room: usize) -> Vec<Results> {
    let Some(item) = results.items.first() else { return vec![results.clone()] };
    let text = item.text();
    let pieces = cut(text, room);
    let last = pieces.len().saturating_sub(1);
    let chunk = |(at, piece): (usize, &str)| {
        let size = (at == 0 && last > 0).then(|| u64::try_from(text.len()).unwrap_or(u64::MAX));
        let meta = Meta { size, ..item.meta.clone().unwrap_or_default() };
        let item = Item {
            meta: (meta != Meta::default()).then_some(meta),
            data: Some(Data::from(piece)),
            more_data: at < last,
            ..item.clone()
        };
        Results { items: vec![item], ..results.clone() }
    };
    pieces.into_iter().enumerate().map(chunk).collect()
}

/// Pieces of a text that take at most `room` bytes each when they are written.
fn cut(text: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, character) in text.char_indices() {
        let size = written_len(character);
        if used + size > room && at > start {
            pieces.extend(text.get(start..at));
            (start, used) = (at, 0);
        }
        used += size;
    }
    pieces.extend(text.get(start..));
    pieces
}

/// Bytes that a command takes at most when it is written.
fn size_of(command: &Command) -> usize {
    let items: &[Item] = match command {
        Command::Results(results) => &results.items,
        Command::Alert(alert) => &alert.items,
        Command::Status(status) => return FRAME + status.target_refs.iter().map(|uri| written(uri)).sum::<usize>(),
        _ => &[],
    };
    let item_size = |item: &Item| FRAME + written(item.text()) + item.source_uri().map_or(0, written);
    FRAME + items.iter().map(item_size).sum::<usize>()
}

fn written(text: &str) -> usize {
    text.chars().map(written_len).sum()
}

/// Bytes of a character when it is written, escapes included.
fn written_len(character: char) -> usize {
    match character {
        '&' | '<' | '>' | '"' | '\'' => 6,
        character if character.is_control() => 6,
        character => character.len_utf8(),
    }
}
