//! `transom session explain`: what proved who sent each message, and how each proof was judged.

use std::fmt::Write as _;

use clap::Args;

use super::show::messages;
use crate::{
    admin::{MessageJson, PageJson},
    cli::{
        Global, Output,
        client::connected,
        shown::{Ink, Paint, line, time},
    },
    model::{Proof, Verdict},
};

/// Tell why messages of a session were believed, or why messages of a device were not
///
/// For each message: the client certificate, the signature and the credential that came with it or should have, how each
/// was judged, and why.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Explain {
    /// Id of the session
    #[arg(value_name = "ID", required_unless_present = "device")]
    id: Option<String>,
    /// The last messages that say they are from this device and were turned away
    #[arg(long, value_name = "DEVICE", conflicts_with = "id")]
    device: Option<String>,
}

const EXAMPLES: &str = "Examples:
  transom session explain 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44
  transom session explain --device 1A2B";

impl Explain {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let items = match (&self.id, &self.device) {
                (Some(id), _) => messages(&client, id).await?,
                (None, Some(device)) => client.refused(device).await?.items,
                (None, None) => Vec::new(),
            };
            if output.is_json() {
                return output.document(&PageJson { items, next_cursor: None });
            }
            let nothing = if self.id.is_some() { "nothing is kept of its messages" } else { "none was turned away" };
            output.text(if items.is_empty() { nothing.to_owned() } else { told(&items, Paint::of_output()) })
        })
    }
}

// Writing to a String does not fail.
fn told(messages: &[MessageJson], paint: Paint) -> String {
    let mut text = String::new();
    for message in messages {
        let number = message.client_message.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let head = format!("Message {number}, {}, from {}: ", time(message.received_at), line(&message.peer));
        let _ = writeln!(text, "{head}{}", paint.ink(Ink::Strong, &line(&message.outcome)));
        if message.proofs.is_empty() {
            let _ = writeln!(text, "  nothing was looked at, or it is not known any more");
        }
        for proof in &message.proofs {
            let _ = writeln!(text, "  {}", proof_told(proof));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn proof_told(proof: &Proof) -> String {
    let verdict = match proof.verdict {
        Verdict::Good => "good",
        Verdict::Refused => "refused",
        Verdict::Missing => "missing",
        Verdict::Ignored => "not used",
    };
    let mut told = format!("{:<12} {verdict:<9}", proof.kind.as_str());
    if let Some(detail) = &proof.detail {
        let _ = write!(told, " {}", line(detail));
    }
    if let Some(reason) = proof.reason.as_ref().filter(|_| proof.verdict != Verdict::Good) {
        let _ = write!(told, " ({})", line(reason));
    }
    told.truncate(told.trim_end().len());
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proof_is_told_with_its_verdict() {
        let messages: Vec<MessageJson> = serde_json::from_value(serde_json::json!([{
            "id": "X1", "received_at": "2027-01-15T08:00:00Z", "duration_us": 1, "peer": "192.0.2.7", "encoding": "xml",
            "client_message": 2, "server_message": null, "outcome": "forbidden", "detail": null, "headers": {},
            "request": null, "reply": null, "request_size": 1, "reply_size": 0,
            "proofs": [
                { "kind": "certificate", "verdict": "good", "reason": "certificate", "detail": "certificate 0a" },
                { "kind": "signature", "verdict": "refused", "reason": "signature_wrong", "detail": "not\u{1b}[2J" },
            ],
        }]))
        .unwrap();
        assert_eq!(
            told(&messages, Paint::PLAIN),
            "Message 2, 2027-01-15 08:00:00Z, from 192.0.2.7: forbidden
  certificate  good      certificate 0a
  signature    refused   not\\u{1b}[2J (signature_wrong)"
        );
    }
}
