//! A session as one file that can be sent to a colleague: no script, nothing that is loaded from anywhere, no secret.

use askama::Template;

use super::highlight::{self, Bounds, CodeLine};
use super::session::Conversation;
use super::text::filters;
use super::texts::sessions as texts;
use super::{assets, html};
use crate::admin::{Explored, MessageJson};

#[derive(Template)]
#[template(path = "export.html", config = "src/ui/askama.toml")]
struct ExportFile<'a> {
    told: &'a Conversation,
    style: &'a str,
    messages: Vec<Exported<'a>>,
}

struct Exported<'a> {
    number: usize,
    message: &'a MessageJson,
    sides: [(&'static str, Vec<CodeLine>); 2],
}

/// The file.
pub fn session(explored: Explored) -> String {
    let told = Conversation::whole(explored);
    let mut left = Bounds::FILE.lines;
    let mut side = |body: &Option<String>| {
        let bounds = Bounds { lines: left, ..Bounds::FILE };
        let lines = highlight::lines(body.as_deref().unwrap_or_default(), "", bounds);
        left = left.saturating_sub(lines.len());
        lines
    };
    let messages = told
        .exchanges
        .iter()
        .map(|exchange| Exported {
            number: exchange.number,
            message: &exchange.message,
            sides: [
                (texts::THE_DEVICE, side(&exchange.message.request)),
                (texts::THE_SERVER, side(&exchange.message.reply)),
            ],
        })
        .collect();
    html(&ExportFile { told: &told, style: std::str::from_utf8(assets::STYLE.bytes).unwrap_or_default(), messages })
}
