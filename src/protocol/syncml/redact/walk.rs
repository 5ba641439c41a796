//! Walks through a message and finds what is to be hidden in it.
//!
//! The data of an item waits until everything around it was seen, because the node that it belongs to may be named
//! after it.

use std::ops::Range;

use super::{REDACTED, secret, value};
use crate::xml::{Event, Limits, Reader, Refusal};

/// A part of the text that is not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hidden {
    pub(super) range: Range<usize>,
    /// What stands in its place.
    pub(super) shown: &'static str,
}

/// Bounds for texts that a reader with other limits accepted or refused. What is beyond them is not shown.
const LIMITS: Limits = Limits { bytes: usize::MAX, depth: 128, elements: usize::MAX, attributes: 256 };

/// Everything to be hidden in a text: by place, and the outer before what lies in it. `also` says of an address whether it holds a secret though its name does not tell.
pub(super) fn hidden(xml: &str, also: &dyn Fn(&str) -> bool) -> Result<Vec<Hidden>, Refusal> {
    let (open, waiting, hidden) = (Vec::new(), Vec::new(), Vec::new());
    let mut walk = Walk { xml: Reader::new(xml, &LIMITS), also, open, waiting, hidden };
    loop {
        match walk.xml.next()? {
            Event::Start(name) => walk.start(name)?,
            Event::End(_) => walk.end(),
            Event::Text(_) => {}
            Event::Eof => break,
        }
    }
    let mut hidden = walk.hidden;
    hidden.sort_by_key(|part| (part.range.start, std::cmp::Reverse(part.range.end)));
    Ok(hidden)
}

struct Walk<'a> {
    xml: Reader<'a>,
    also: &'a dyn Fn(&str) -> bool,
    open: Vec<Open>,
    waiting: Vec<Waiting>,
    hidden: Vec<Hidden>,
}

/// An element that was not ended yet.
struct Open {
    kind: Kind,
    /// Something in it says that its data is secret.
    secret: bool,
    /// A node was named in it.
    names_node: bool,
    /// How much data was waiting when it began.
    waiting: usize,
}

/// Data of which is not known yet whether it is secret.
struct Waiting {
    inside: Range<usize>,
    /// It is known which node it belongs to.
    has_node: bool,
}

/// What an element means here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `LocURI`: names the node of the item around its `Target` or `Source`.
    LocUri,
    /// `Target`, `Source`, `Meta`, `MetInf`: what is said in it is said of the element around it.
    Wrapper,
    /// `TargetRef`, `SourceRef`: names the node of all items of a command.
    Reference,
    /// `Type`.
    Type,
    /// `NextNonce`.
    Nonce,
    /// `Data`.
    Data,
    /// `Cred`.
    Cred,
    /// `Status`, `Alert`: their own data is a code.
    Coded,
    /// `Results`.
    Results,
    Other,
}

impl Kind {
    /// By name, whatever the case of its letters: what a reader would not understand may still be a secret.
    fn of(name: &str) -> Self {
        const KINDS: [(&str, Kind); 14] = [
            ("LocURI", Kind::LocUri),
            ("Target", Kind::Wrapper),
            ("Source", Kind::Wrapper),
            ("Meta", Kind::Wrapper),
            ("MetInf", Kind::Wrapper),
            ("TargetRef", Kind::Reference),
            ("SourceRef", Kind::Reference),
            ("Type", Kind::Type),
            ("NextNonce", Kind::Nonce),
            ("Data", Kind::Data),
            ("Cred", Kind::Cred),
            ("Status", Kind::Coded),
            ("Alert", Kind::Coded),
            ("Results", Kind::Results),
        ];
        KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or(Self::Other, |(_, kind)| *kind)
    }
}

impl Walk<'_> {
    fn start(&mut self, name: &str) -> Result<(), Refusal> {
        match Kind::of(name) {
            Kind::LocUri | Kind::Reference => {
                let uri = self.xml.content(|_| {})?.text;
                let secret = secret::is_secret(&uri) || (self.also)(&uri);
                if let Some(open) = self.said_of() {
                    open.names_node = true;
                    open.secret |= secret;
                }
            }
            Kind::Type => {
                let secret = secret::is_secret_type(&self.xml.content(|_| {})?.text);
                if let Some(open) = self.said_of() {
                    open.secret |= secret;
                }
            }
            Kind::Nonce => {
                let inside = self.xml.span().end;
                self.xml.content(|_| {})?;
                self.hide(inside..self.xml.span().start);
            }
            Kind::Data => self.data()?,
            kind => {
                let secret = kind == Kind::Cred;
                self.open.push(Open { kind, secret, names_node: false, waiting: self.waiting.len() });
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let inside = self.waiting.get_mut(open.waiting..).unwrap_or_default();
        if open.names_node {
            for data in inside {
                data.has_node = true;
            }
        }
        if open.secret {
            for data in self.waiting.split_off(open.waiting) {
                self.hide(data.inside);
            }
        } else if open.kind == Kind::Results {
            for data in self.waiting.split_off(open.waiting) {
                if !data.has_node {
                    self.hide(data.inside);
                }
            }
        }
    }

    /// The element that the one just read speaks about.
    fn said_of(&mut self) -> Option<&mut Open> {
        self.open.iter_mut().rev().find(|open| open.kind != Kind::Wrapper)
    }

    fn hide(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.hidden.push(Hidden { range, shown: REDACTED });
        }
    }

    /// Reads `Data`, which just began.
    fn data(&mut self) -> Result<(), Refusal> {
        let inside = self.xml.span().end;
        let depth = self.xml.depth();
        let mut pieces = Pieces::default();
        let mut markup = false;
        let mut names_secret = false;
        loop {
            match self.xml.next()? {
                Event::Text(text) => pieces.push(&text, self.xml.slice(self.xml.span()), self.xml.span()),
                Event::Start(name) => {
                    markup = true;
                    if matches!(Kind::of(name), Kind::LocUri | Kind::Reference) {
                        let uri = self.xml.content(|_| {})?.text;
                        names_secret |= secret::is_secret(&uri) || (self.also)(&uri);
                    }
                }
                Event::End(_) if self.xml.depth() < depth => break,
                Event::Eof => break,
                Event::End(_) => {}
            }
        }
        let inside = inside..self.xml.span().start;
        let coded = self.open.last().is_some_and(|open| open.kind == Kind::Coded);
        if inside.is_empty() || (coded && !markup && is_code(&pieces.text)) {
            return Ok(());
        }
        if names_secret {
            self.hide(inside);
            return Ok(());
        }
        if markup {
            self.markup(inside.clone());
        } else if pieces.text.contains('<') || pieces.text.contains("&lt;") {
            for secret in value::secrets(&pieces.text) {
                pieces.hide(&secret, &mut self.hidden);
            }
        }
        self.waiting.push(Waiting { inside, has_node: false });
        Ok(())
    }

    /// Hides secrets inside data that has elements in it. Where a secret is not plain text between two tags, or CDATA
    /// makes tags of what is none, the whole data is hidden: a part could not be taken out without breaking the rest.
    fn markup(&mut self, inside: Range<usize>) {
        let raw = self.xml.slice(inside.clone());
        let secrets = value::secrets(raw);
        let is_text = |secret: &Range<usize>| raw.get(secret.clone()).is_some_and(|text| !text.contains('<'));
        if secrets.is_empty() {
            return;
        }
        if raw.contains("<!") || !secrets.iter().all(is_text) {
            return self.hide(inside);
        }
        for secret in secrets {
            self.hide(inside.start + secret.start..inside.start + secret.end);
        }
    }
}

/// Whether a text is a status or alert code.
fn is_code(text: &str) -> bool {
    let text = text.trim_ascii();
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of data in the pieces that it was written in.
#[derive(Default)]
struct Pieces {
    text: String,
    pieces: Vec<Piece>,
}

struct Piece {
    /// Where it begins in the text.
    begin: usize,
    /// Where it stands in the message.
    raw: Range<usize>,
    /// It is one reference, so that it has no parts.
    reference: bool,
}

impl Pieces {
    /// Adds a piece: as it reads, as it is written, and where that is.
    fn push(&mut self, text: &str, written: &str, span: Range<usize>) {
        let begin = self.text.len();
        let (raw, reference) = if written.starts_with("<![CDATA[") {
            (span.start + 9..span.end - 3, false)
        } else {
            (span.clone(), written.starts_with('&'))
        };
        // Line ends stay as they were written, so that places in a piece are places in the message.
        let verbatim = written.get(raw.start - span.start..raw.end - span.start).unwrap_or_default();
        self.text.push_str(if reference { text } else { verbatim });
        self.pieces.push(Piece { begin, raw, reference });
    }

    /// Hides a part of the text in each piece that it touches; only the first shows that something was there.
    fn hide(&self, secret: &Range<usize>, hidden: &mut Vec<Hidden>) {
        let first = self.pieces.partition_point(|piece| piece.begin <= secret.start).saturating_sub(1);
        let mut shown = REDACTED;
        for piece in self.pieces.get(first..).unwrap_or_default() {
            if piece.begin >= secret.end {
                break;
            }
            let range = if piece.reference {
                piece.raw.clone()
            } else {
                let start = piece.raw.start + secret.start.saturating_sub(piece.begin);
                start..piece.raw.end.min(piece.raw.start + (secret.end - piece.begin))
            };
            if !range.is_empty() {
                hidden.push(Hidden { range, shown });
                shown = "";
            }
        }
    }
}
