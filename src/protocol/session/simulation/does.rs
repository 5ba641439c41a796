//! How a device does what a reply asks for, and what it says of it.

use super::device::{Device, Talk};
use super::random::Random;
use super::speech;
use super::tree::{Answer, is_atomic};
use crate::syncml::{Command, Group, Item, Message, Request};

impl Device {
    /// The next piece of a value, once the one before was taken.
    pub(super) fn next_piece(&self, talk: &mut Talk, reply: &Message, random: &mut Random) -> Option<Command> {
        let (message, cmd_ref, uri, rest) = talk.upload.take()?;
        let taken = reply.body.commands.iter().any(|command| matches!(command, Command::Status(s) if s.code.0 == 213));
        if !taken || (!self.reliable && random.percent(4)) {
            return None;
        }
        let (piece, rest) = split(&rest, self.piece.unwrap_or(700));
        let more = !rest.is_empty();
        let item = speech::value(&uri, piece, None, more);
        if more {
            talk.upload = Some((message, cmd_ref.clone(), uri, rest.to_owned()));
        }
        Some(speech::results(message, &cmd_ref, vec![item]))
    }

    /// Does every command of a reply, in order.
    pub(super) fn does(&mut self, reply: &Message, number: u32, random: &mut Random, talk: &mut Talk) -> Vec<Command> {
        let mut said = Vec::new();
        for command in &reply.body.commands {
            match command {
                Command::Request(request) => self.does_request(request, number, random, talk, &mut said),
                Command::Group(group) => self.does_group(group, command, number, random, talk, &mut said),
                _ => {}
            }
        }
        said
    }

    fn does_request(
        &mut self,
        request: &Request,
        number: u32,
        random: &mut Random,
        talk: &mut Talk,
        said: &mut Vec<Command>,
    ) {
        if let [item] = request.items.as_slice() {
            let uri = item.target_uri().expect("a target");
            match collects(item, talk) {
                Collected::Piece => {
                    return said.push(speech::status(number, &request.cmd_id, request.verb.as_str(), Some(uri), 213));
                }
                Collected::Whole(whole) => {
                    let answer = self.tree.does(request.verb, uri, &whole);
                    return self.answers(request, &[answer], number, random, talk, said);
                }
                Collected::NoPiece => {}
            }
        }
        let does = |item: &Item| self.tree.does(request.verb, item.target_uri().expect("a target"), item.text());
        let answers: Vec<_> = request.items.iter().map(does).collect();
        self.answers(request, &answers, number, random, talk, said);
    }

    fn does_group(
        &mut self,
        group: &Group,
        command: &Command,
        number: u32,
        random: &mut Random,
        talk: &mut Talk,
        said: &mut Vec<Command>,
    ) {
        let requests: Vec<&Request> = group
            .commands
            .iter()
            .filter_map(|child| if let Command::Request(r) = child { Some(r) } else { None })
            .collect();
        let target = requests.first().and_then(|request| request.items.first()).and_then(Item::target_uri);
        if is_atomic(command) {
            let (code, answers) = self.tree.does_all_or_nothing(&requests);
            said.push(speech::status(number, &group.cmd_id, "Atomic", target, code));
            for (request, answers) in requests.iter().zip(answers) {
                self.answers(request, &answers, number, random, talk, said);
            }
            return;
        }
        said.push(speech::status(number, &group.cmd_id, "Sequence", target, 200));
        for request in requests {
            self.does_request(request, number, random, talk, said);
        }
    }

    /// One Status for each item, and one Results for what was read.
    fn answers(
        &mut self,
        request: &Request,
        answers: &[Answer],
        number: u32,
        random: &mut Random,
        talk: &mut Talk,
        said: &mut Vec<Command>,
    ) {
        let (cmd_id, verb) = (&request.cmd_id, request.verb.as_str());
        let mut statuses = Vec::new();
        let mut values = Vec::new();
        for (item, answer) in request.items.iter().zip(answers) {
            let uri = item.target_uri().expect("a target");
            statuses.push(speech::status(number, cmd_id, verb, Some(uri), answer.code));
            let Some(value) = &answer.value else { continue };
            match self.piece.filter(|piece| value.len() > *piece && talk.upload.is_none()) {
                Some(piece) => {
                    let (first, rest) = split(value, piece);
                    talk.upload = Some((number, cmd_id.clone(), uri.to_owned(), rest.to_owned()));
                    let item = speech::value(uri, first, Some(value.len()), true);
                    talk.later.push(speech::results(number, cmd_id, vec![item]));
                }
                None => values.push(speech::value(uri, value, None, false)),
            }
        }
        let results = (!values.is_empty()).then(|| speech::results(number, cmd_id, values));
        match random.below(10) {
            0 => {
                said.extend(results);
                said.append(&mut statuses);
            }
            1 if !self.reliable && talk.upload.is_none() => {
                said.append(&mut statuses);
                talk.later.extend(results);
            }
            _ => {
                said.append(&mut statuses);
                said.extend(results);
            }
        }
        // The first piece of a large value ends the message.
        if talk.upload.is_some() {
            said.append(&mut talk.later);
        }
    }
}

/// Cuts after at most so many bytes.
fn split(text: &str, most: usize) -> (&str, &str) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.split_at(end)
}

/// What an item is of a large value.
enum Collected {
    NoPiece,
    /// Not the last one.
    Piece,
    /// The last one, with all before it.
    Whole(String),
}

/// Puts the pieces of a large value together.
fn collects(item: &Item, talk: &mut Talk) -> Collected {
    let uri = item.target_uri().expect("a target");
    let size = item.meta.as_ref().and_then(|meta| meta.size);
    if item.more_data && size.is_some() {
        talk.download = Some((uri.to_owned(), String::new()));
    }
    if talk.download.as_ref().is_some_and(|(open, _)| open != uri) {
        talk.interrupted = talk.download.take().is_some();
    }
    let Some((_, collected)) = talk.download.as_mut() else { return Collected::NoPiece };
    collected.push_str(item.text());
    if item.more_data {
        return Collected::Piece;
    }
    talk.download.take().map_or(Collected::NoPiece, |(_, whole)| Collected::Whole(whole))
}
