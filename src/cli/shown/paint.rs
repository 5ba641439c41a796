//! Colours: only for a terminal that wants them, and only for what words say as well.

use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};

/// What is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Ink {
    Good,
    Bad,
    Open,
    Faint,
    Strong,
}

/// Colours text, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Paint(bool);

impl Paint {
    /// No colours.
    #[cfg(test)]
    pub(in crate::cli) const PLAIN: Self = Self(false);

    /// Colours when standard output is a terminal that shows them and nobody has asked for none (`NO_COLOR`).
    pub(in crate::cli) fn of_output() -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self(io::stdout().is_terminal() && !set("NO_COLOR") && !dumb)
    }

    /// The text in its colour.
    pub(in crate::cli) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let style = match ink {
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Bad => AnsiColor::Red.on_default(),
            Ink::Open => AnsiColor::Yellow.on_default(),
            Ink::Faint => Style::new().dimmed(),
            Ink::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_there_is_only_text() {
        assert_eq!(Paint::PLAIN.ink(Ink::Bad, "failed"), "failed");
        assert_eq!(Paint(true).ink(Ink::Bad, "failed"), "\u{1b}[31mfailed\u{1b}[0m");
    }
}
