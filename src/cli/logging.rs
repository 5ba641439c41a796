//! The log on standard error.

use std::{
    io::{self, Write},
    panic,
};

use tracing_subscriber::{
    EnvFilter, Layer as _, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{hinted, telemetry::BoxedLayer};
use crate::config::{Log, LogFormat};

/// The HTTP library reports every malformed request as an error; ours are counted and logged by the doors. Spans for a
/// collector are not for the log.
const QUIET: &str = "actix_http=off,actix_server=warn,mio=warn,hyper=warn,transom::spans=off";

/// Starts the log, and what makes spans where a collector wants them, and has panics told there.
pub(super) fn start(settings: &Log, spans: Option<BoxedLayer>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.level)).map_err(|error| {
        hinted(
            format!("log.level: {error}"),
            "write error, warn, info, debug or trace, or directives such as info,transom::http=debug",
        )
    })?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(OneLineEach);
    let lines: BoxedLayer = match settings.format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let mut layers = vec![lines];
    layers.extend(spans);
    let started = tracing_subscriber::registry().with(layers).try_init();
    started.map_err(|error| anyhow::anyhow!("can't start the log: {error}"))?;
    panic::set_hook(Box::new(|panic| {
        // A message that was put together at run time may hold what a device sent.
        let message = panic.payload().downcast_ref::<&'static str>().copied();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(message, place, "panic");
    }));
    Ok(())
}

/// Writes events to standard error, each on one line whatever it holds.
struct OneLineEach;

struct Line;

impl<'a> MakeWriter<'a> for OneLineEach {
    type Writer = Line;

    fn make_writer(&'a self) -> Self::Writer {
        Line
    }
}

impl Write for Line {
    // The formatter hands over whole events.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(one_line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The event with its control characters escaped, but for the end of its line.
fn one_line(event: &str) -> String {
    let body = event.strip_suffix('\n').unwrap_or(event);
    let mut line = String::with_capacity(event.len());
    for character in body.chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let event = "INFO device a\r\nlevel=ERROR fake \u{1b}[31mred\u{9b}1m\n";
        let line = one_line(event);
        assert_eq!(line, "INFO device a\\r\\nlevel=ERROR fake \\u{1b}[31mred\\u{9b}1m\n");
        assert_eq!(one_line("plain ünïcödé\n"), "plain ünïcödé\n");
    }
}
