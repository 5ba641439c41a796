//! What a command says on the side, on standard error: how far it is, and what one should know.

use std::io::{self, IsTerminal as _, Write as _};

/// How far long work is: one line that is written over, and only where a person looks at it.
#[derive(Debug)]
pub(super) struct Progress {
    is_seen: bool,
    length: usize,
}

impl Progress {
    /// Nothing is said yet.
    pub(super) fn new() -> Self {
        Self { is_seen: io::stderr().is_terminal(), length: 0 }
    }

    /// Says how far it is, in place of what was said before.
    pub(super) fn say(&mut self, text: &str) {
        if self.is_seen {
            let length = text.chars().count();
            let blank = " ".repeat(self.length.saturating_sub(length));
            say(&format!("\r{text}{blank}"));
            self.length = length;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.length > 0 {
            say(&format!("\r{}\r", " ".repeat(self.length)));
        }
    }
}

/// Says what the command has done, beside what it prints.
pub(super) fn note(text: &str) {
    say(&format!("{text}\n"));
}

/// Says something that does not keep the command from its work.
pub(super) fn warn(text: &str) {
    say(&format!("warning: {text}\n"));
}

/// When standard error is gone there is nobody to tell.
fn say(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
