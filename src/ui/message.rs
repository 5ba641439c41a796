//! One message and the reply to it, as XML.

use askama::Template;

use super::highlight::{self, Bounds, CodeLine};
use super::text::{filters, size};
use super::texts::sessions as texts;
use super::{Frame, words};
use crate::admin::MessageJson;

/// The page of a message.
#[derive(Template)]
#[template(path = "message.html", config = "src/ui/askama.toml")]
pub struct MessagePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The session.
    pub session: &'a str,
    /// The message.
    pub message: &'a MessageJson,
}

impl MessagePage<'_> {
    fn documents(&self) -> Vec<(&'static str, &'static str, String, Vec<CodeLine>)> {
        let sides = [
            ("request", texts::DEVICE_SENT, self.message.request_size, &self.message.request),
            ("reply", texts::SERVER_ANSWERED, self.message.reply_size, &self.message.reply),
        ];
        sides
            .map(|(prefix, title, bytes, body)| {
                (
                    prefix,
                    title,
                    size(bytes),
                    highlight::lines(body.as_deref().unwrap_or_default(), prefix, Bounds::PAGE),
                )
            })
            .into()
    }

    fn outcome(&self) -> (&'static str, String) {
        words::outcome(&self.message.outcome)
    }

    fn proofs(&self) -> Vec<(&'static str, String, String)> {
        self.message.proofs.iter().map(words::proof).collect()
    }

    /// Headers and query: name and value.
    fn headers(&self) -> Vec<(String, String)> {
        let Some(headers) = self.message.headers.as_object() else { return Vec::new() };
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        headers.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }
}
