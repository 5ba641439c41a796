//! The messages of a session, indented so that a person can read them.

use std::fmt::Write as _;

use quick_xml::{
    Reader, Writer,
    events::{BytesText, Event},
};

use crate::{
    admin::MessageJson,
    cli::shown::{Ink, Paint, line, lines, time, time_of_day},
};

/// Blanks for each level of nesting.
const INDENT: usize = 2;

/// Messages and replies, in their order.
// Writing to a String does not fail.
pub(super) fn told(messages: &[MessageJson], paint: Paint) -> String {
    let mut text = String::new();
    for (place, message) in messages.iter().enumerate() {
        let encoding = message.encoding.as_deref().unwrap_or("unknown encoding");
        let number = |id: Option<u32>| id.map_or_else(String::new, |id| format!("MsgID {id}, "));
        let head = format!(
            "=== {}. device to server, {} {}, {}{} bytes of {}, from {}",
            place + 1,
            time(message.received_at).split(' ').next().unwrap_or_default(),
            time_of_day(message.received_at),
            number(message.client_message),
            message.request_size,
            line(encoding),
            line(&message.peer)
        );
        let _ = writeln!(text, "{}", paint.ink(Ink::Strong, &head));
        for (name, value) in message.headers.as_object().into_iter().flatten() {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(text, "{}: {}", line(name), line(&shown));
        }
        let _ = writeln!(text, "\n{}\n", body(message.request.as_deref()));
        let millis = message.duration_us / 1000;
        let head = format!(
            "=== {}. server to device, {}{}, {} bytes, after {millis} ms",
            place + 1,
            number(message.server_message),
            line(&message.outcome),
            message.reply_size
        );
        let _ = writeln!(text, "{}", paint.ink(Ink::Strong, &head));
        if let Some(detail) = &message.detail {
            let _ = writeln!(text, "{}", line(detail));
        }
        let _ = writeln!(text, "\n{}\n", body(message.reply.as_deref()));
    }
    text
}

fn body(xml: Option<&str>) -> String {
    match xml {
        None | Some("") => "(not kept)".to_owned(),
        Some(xml) => lines(indented(xml).as_deref().unwrap_or(xml)),
    }
}

/// The document with one element on each line. What is in an element with text stays as it is.
fn indented(xml: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut writer = Writer::new_with_indent(Vec::with_capacity(xml.len() * 2), b' ', INDENT);
    // Text comes in pieces: what stands between references, and these.
    let mut text = String::new();
    let mut is_behind_start = false;
    loop {
        match reader.read_event().ok()? {
            Event::Text(piece) => text.push_str(&piece),
            Event::GeneralRef(name) => {
                text.push('&');
                text.push_str(&name);
                text.push(';');
            }
            event => {
                let is_end = matches!(event, Event::End(_));
                let is_value = !text.trim().is_empty() || is_behind_start && is_end && !text.is_empty();
                if is_value {
                    writer.write_event(Event::Text(BytesText::from_escaped(text.as_str()))).ok()?;
                }
                text.clear();
                is_behind_start = matches!(event, Event::Start(_));
                if matches!(event, Event::Eof) {
                    return String::from_utf8(writer.into_inner()).ok();
                }
                writer.write_event(event).ok()?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MessageJson {
        serde_json::from_value(serde_json::json!({
            "id": "X1", "received_at": "2027-01-15T08:00:00.125Z", "duration_us": 1500, "peer": "192.0.2.7",
            "encoding": "xml", "client_message": 1, "server_message": 1, "outcome": "answered", "detail": null,
            "headers": {"User-Agent": "MSFT\u{1b}"},
            "request": "<SyncML><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Final/></SyncBody></SyncML>",
            "reply": null, "request_size": 83, "reply_size": 0,
        }))
        .unwrap()
    }

    #[test]
    fn a_message_is_shown_with_one_element_on_each_line() {
        assert_eq!(
            told(&[message()], Paint::PLAIN),
            "=== 1. device to server, 2027-01-15 08:00:00.125, MsgID 1, 83 bytes of xml, from 192.0.2.7
User-Agent: MSFT\\u{1b}

<SyncML>
  <SyncHdr>
    <MsgID>1</MsgID>
  </SyncHdr>
  <SyncBody>
    <Final/>
  </SyncBody>
</SyncML>

=== 1. server to device, MsgID 1, answered, 0 bytes, after 1 ms

(not kept)

"
        );
    }

    #[test]
    fn what_is_no_xml_is_shown_as_it_is() {
        assert_eq!(body(Some("<a><b></a>\u{9b}")), "<a><b></a>\\u{9b}");
        assert_eq!(body(Some("")), "(not kept)");
    }

    #[test]
    fn values_stay_as_they_are() {
        for xml in
            ["<a>x &lt; &amp; &#233; y</a>", "<a>  </a>", "<a>&lt;b&gt;\n  c\n&lt;/b&gt;</a>", "<a><![CDATA[<x>]]></a>"]
        {
            assert_eq!(indented(xml).as_deref(), Some(xml));
        }
        assert_eq!(indented("<a>\n <b>1</b> <c/>\n</a>").as_deref(), Some("<a>\n  <b>1</b>\n  <c/>\n</a>"));
    }
}
