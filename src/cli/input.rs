//! What commands read: files, standard input, times.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use clap::error::ErrorKind;
use transom_protocol::session::Timestamp;

use crate::{
    config::parse_duration,
    model::{parse_rfc3339, rfc3339_text},
};

/// The name that stands for standard input.
pub(super) const STDIN: &str = "-";

/// A moment, as a time or as a time from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// This time.
    At(Timestamp),
    /// So long from now.
    In(Duration),
}

/// The text of a file, or of standard input.
pub(super) fn read(name: &str) -> anyhow::Result<String> {
    if name == STDIN {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).context("can't read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(name).with_context(|| format!("can't read {name}"))
}

/// What is in a file, or on standard input, whatever it is: at most one byte more than `most`, so that a device that never
/// ends is no file that fills the memory.
pub(super) fn bytes(name: &str, most: usize) -> anyhow::Result<Vec<u8>> {
    if name == STDIN {
        return some(io::stdin().lock(), most).context("can't read standard input");
    }
    File::open(name).and_then(|file| some(file, most)).with_context(|| format!("can't read {name}"))
}

/// What is in a regular file, as [`bytes`]: what is none may never end, or never begin.
pub(super) fn regular(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    some(File::open(path)?, most)
}

fn some(from: impl io::Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Wrong usage, told as the parser of the command line tells it: exit code 2.
pub(super) fn usage(message: &str) -> anyhow::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{message}\n\nFor more information, try '--help'.\n")).into()
}

/// A duration such as `90s` or `24h`, for the parser of the command line.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a duration such as 90s, 10m, 24h or 7d".to_owned())
}

/// A moment, for the parser of the command line.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let at = parse_rfc3339(text).map(Moment::At);
    at.or_else(|| parse_duration(text).map(Moment::In))
        .ok_or_else(|| "write a time such as 2026-11-20T22:00:00Z, or one from now such as 90m, 24h or 7d".to_owned())
}

impl Moment {
    /// The time as RFC 3339 text.
    pub(super) fn rfc3339(self, now: Timestamp) -> String {
        rfc3339_text(match self {
            Self::At(at) => at,
            Self::In(duration) => now.plus_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        })
    }

    /// The time as RFC 3339 text, counted backwards where it is a duration.
    pub(super) fn rfc3339_ago(self, now: Timestamp) -> String {
        rfc3339_text(match self {
            Self::At(at) => at,
            Self::In(duration) => now.plus_millis(-i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_time_from_now() {
        let now = Timestamp(1_800_000_000_000);
        let said = |text: &str| moment(text).map(|moment| (moment.rfc3339(now), moment.rfc3339_ago(now)));
        let both = |text: &str| Ok((text.to_owned(), text.to_owned()));
        assert_eq!(said("2026-11-20T23:00:00+01:00"), both("2026-11-20T22:00:00.000Z"));
        let (later, before) = said("24h").unwrap();
        assert_eq!((later.as_str(), before.as_str()), ("2027-01-16T08:00:00.000Z", "2027-01-14T08:00:00.000Z"));
        assert!(said("tomorrow").is_err() && said("-5m").is_err());
    }
}
