//! A session as one file that can be sent to a colleague: no script, nothing that is loaded from anywhere, no secret.

use askama::Template;

use super::highlight::{self, CodeLine};
use super::session::{Conversation, Only};
use super::text::filters;
use super::texts::sessions as texts;
use super::{assets, html};
use crate::admin::{Explored, MessageJson};

/// Bytes of XML in one file.
const MOST: usize = 8 * 1024 * 1024;

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
    let told = Conversation::new(explored, Only::All);
    let mut bytes = 0;
    let mut side = |body: &Option<String>| {
        let body = body.as_deref().unwrap_or_default();
        bytes += body.len();
        if bytes > MOST { Vec::new() } else { highlight::lines(body, "") }
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
