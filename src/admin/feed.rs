//! What happened, in one order, as programs read it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Admin, DEFAULT_LIMIT, Error, MAX_LIMIT};
use crate::events::{Follower, number};
use crate::model::{DeviceId, FeedEvent, FeedFilter, FeedKind, TokenId};
use crate::store::Tx;

/// Kinds, or devices, that one question may name.
const MOST: usize = 100;

/// Which events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct FeedQuery {
    /// Only those behind this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Events at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// Only of these kinds, with commas between; `command.*` for all that begin so.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only of these devices, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A part of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FeedJson {
    /// Events, oldest first.
    pub items: Vec<FeedEvent>,
    /// To be given as `after` for what comes next; it grows although nothing may be wanted.
    pub next: i64,
    /// Whether there is more already.
    pub more: bool,
    /// The last number that there is.
    pub head: i64,
    /// The first number that is still kept.
    pub oldest: i64,
}

impl FeedQuery {
    /// Which events are wanted.
    pub(super) fn filter(&self) -> Result<FeedFilter, Error> {
        let kinds = self.kind.as_deref().map(kinds).transpose()?.unwrap_or_default();
        let devices = self.device.as_deref().map(devices).transpose()?.unwrap_or_default();
        Ok(FeedFilter { kinds, devices })
    }
}

/// The kinds that a list names.
fn kinds(list: &str) -> Result<Vec<FeedKind>, Error> {
    let words: Vec<&str> = list.split(',').map(str::trim).collect();
    few_enough("type", words.len())?;
    named_kinds(&words).map_err(|word| {
        Error::parameter("type", format!("there is no type {word}; write one such as command.failed, or command.*"))
    })
}

/// The kinds that words name, or the first word that names none.
pub(super) fn named_kinds<'a>(words: &[&'a str]) -> Result<Vec<FeedKind>, &'a str> {
    let mut kinds = Vec::new();
    for word in words {
        let begins_so =
            |kind: &FeedKind| word.strip_suffix('*').is_some_and(|beginning| kind.as_str().starts_with(beginning));
        let named: Vec<FeedKind> = match FeedKind::parse(word) {
            Some(kind) => vec![kind],
            None => FeedKind::ALL.iter().copied().filter(begins_so).collect(),
        };
        if named.is_empty() {
            return Err(word);
        }
        kinds.extend(named);
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn few_enough(parameter: &str, count: usize) -> Result<(), Error> {
    if count <= MOST {
        return Ok(());
    }
    Err(Error::parameter(parameter, format!("{count} are named; one question may name {MOST}")))
}

fn devices(list: &str) -> Result<Vec<String>, Error> {
    few_enough("device", list.split(',').count())?;
    let named = list.split(',').map(|name| DeviceId::parse(name.trim()).map(|device| device.key()));
    named.collect::<Option<_>>().ok_or_else(|| Error::parameter("device", "this can't be the name of a device"))
}

impl Admin {
    /// Events behind a number, oldest first.
    pub async fn feed(&self, query: FeedQuery) -> Result<FeedJson, Error> {
        let limit = match query.limit {
            None => DEFAULT_LIMIT,
            Some(limit @ 1..=MAX_LIMIT) => limit,
            Some(_) => return Err(Error::parameter("limit", format!("write a number from 1 to {MAX_LIMIT}"))),
        };
        let (filter, after) = (query.filter()?, query.after.unwrap_or(0));
        number(&self.store).await?;
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.feed(after, &filter, limit)).await?;
        Ok(FeedJson {
            more: page.next < page.head,
            items: page.items,
            next: page.next,
            head: page.head,
            oldest: page.oldest,
        })
    }

    /// Listens to what happens from behind a number, or from now on. `None` when too many listen already, or too many of
    /// this token.
    pub async fn follow_feed(&self, query: &FeedQuery, token: &TokenId) -> Result<Option<Follower>, Error> {
        let filter = query.filter()?;
        let Some(events) = &self.events else { return Ok(None) };
        Ok(events.follow(query.after, filter, token).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_one_by_one_or_by_how_they_begin() {
        assert_eq!(kinds("command.failed, session.ended").unwrap(), [FeedKind::SessionEnded, FeedKind::CommandFailed]);
        assert_eq!(kinds("session.*,session.started").unwrap(), [FeedKind::SessionStarted, FeedKind::SessionEnded]);
        for wrong in ["", "commands", "x*", "command.failed,"] {
            assert!(matches!(kinds(wrong), Err(Error::Parameter(_))), "{wrong:?}");
        }
    }

    #[test]
    fn who_names_too_many_is_told_so() {
        let hundred = vec!["session.ended"; MOST].join(",");
        assert!(kinds(&hundred).is_ok() && devices(&hundred).is_ok());
        let more = format!("{hundred},session.started");
        assert!(matches!(kinds(&more), Err(Error::Parameter(_))));
        assert!(matches!(devices(&more), Err(Error::Parameter(_))));
    }
}
