//! A copy of what a device left behind: other ids, another time, the same contents sealed anew.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use super::life::{
    ACCOUNT, ACTION, Chapter, EVENT, FEED, INSTRUCTION, LAST_REPLY, Life, PROGRESS, REPLY, REQUEST, SNAPSHOT,
};
use super::rows::{
    ActionRow, AttemptRow, CertificateRow, ChangeRow, ChannelRow, CommandRow, DeviceRow, EnrollmentRow, EventRow,
    ExchangeRow, FactRow, FeedRow, ItemRow, SessionRow, TermRow,
};
use crate::model::ChannelState;
use crate::store::seal::Place;
use crate::store::{Error, SealKey};

/// One device among the copies of a life.
pub(super) struct Copy<'a> {
    pub(super) life: &'a Life,
    pub(super) key: &'a SealKey,
    /// Which copy.
    pub(super) number: u64,
    pub(super) device_id: String,
    pub(super) name: String,
    /// From the time of the life to the time of the copy, in milliseconds.
    pub(super) shift: i64,
}

/// A chapter of it, at a time of its own.
pub(super) struct Told<'a> {
    pub(super) copy: &'a Copy<'a>,
    pub(super) chapter: &'a Chapter,
    /// The same for the chapter.
    pub(super) shift: i64,
    /// Which of all chapters: the same one is told many times.
    pub(super) place: u64,
}

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Another id with the time moved. What orders ids of one moment stays, the rest is of the copy.
fn moved(id: &str, shift: i64, number: u64, place: u64) -> String {
    let digits = |from: usize, to: usize| id.get(from..to).and_then(|digits| i64::from_str_radix(digits, 16).ok());
    let (Some(high), Some(low), Some(middle)) = (digits(0, 8), digits(9, 13), id.get(13..28)) else {
        return id.to_owned();
    };
    let millis = (high << 16 | low).saturating_add(shift).max(0);
    let mut hasher = DefaultHasher::new();
    (id, number, place).hash(&mut hasher);
    format!("{:08x}-{:04x}{middle}{:08x}", millis >> 16, millis & 0xFFFF, hasher.finish() & 0xFFFF_FFFF)
}

impl Copy<'_> {
    fn folded(&self) -> String {
        self.device_id.to_ascii_lowercase()
    }

    fn own(&self, id: &str) -> String {
        moved(id, self.shift, self.number, 0)
    }

    fn enrollment_id(&self) -> String {
        self.own(&self.life.enrollment.id)
    }

    fn seal(&self, column: &'static str, row: &str, plain: Option<&Vec<u8>>) -> Result<Option<Vec<u8>>, Error> {
        plain.map(|plain| self.key.seal(Place { column, row }, plain)).transpose()
    }

    pub(super) fn device(&self) -> DeviceRow {
        let row = self.life.device.clone();
        DeviceRow {
            id: self.own(&row.id),
            device_id: self.device_id.clone(),
            folded_id: self.folded(),
            folded_name: Some(self.name.to_ascii_lowercase()),
            name: Some(self.name.clone()),
            created_at: row.created_at + self.shift,
            ..row
        }
    }

    /// The enrollment, whose last session is the one of this chapter.
    pub(super) fn enrollment(&self, last: &Told<'_>) -> Result<EnrollmentRow, Error> {
        let (row, id) = (self.life.enrollment.clone(), self.enrollment_id());
        // One in a hundred has not been heard of for a while.
        let silence = if self.number % 100 == 99 { 20 * DAY } else { 0 };
        let seen = row.last_seen_at.map(|at| at + last.shift - silence);
        Ok(EnrollmentRow {
            device: self.own(&row.device),
            device_id: self.device_id.clone(),
            folded_id: self.folded(),
            account: self.seal(ACCOUNT, &id, row.account.as_ref())?,
            session: row.session.as_deref().map(|session| last.id(session)),
            session_snapshot: self.seal(SNAPSHOT, &id, row.session_snapshot.as_ref())?,
            created_at: row.created_at + self.shift,
            first_seen_at: row.first_seen_at.map(|at| at + self.shift),
            last_seen_at: seen,
            upn: Some(format!("user{:06}@example.com", self.number)),
            certificate_ends: seen.map(|at| self.certificate_ends(at)),
            id,
            ..row
        })
    }

    /// Spread over a year.
    fn certificate_ends(&self, from: i64) -> i64 {
        from + DAY * (1 + i64::try_from(self.number % 365).unwrap_or_default())
    }

    pub(super) fn certificate(&self, from: i64) -> CertificateRow {
        let hex = |of: &str| {
            let word = |part: u64| {
                let mut hasher = DefaultHasher::new();
                (of, part, self.number).hash(&mut hasher);
                format!("{:016x}", hasher.finish())
            };
            (0..4).map(word).collect::<String>()
        };
        CertificateRow {
            fingerprint: hex("certificate"),
            serial: hex("serial").chars().take(32).collect(),
            key: hex("key"),
            authority: "copied".to_owned(),
            enrollment: self.enrollment_id(),
            not_before: from,
            not_after: self.certificate_ends(from),
            state: "current".to_owned(),
            issued_at: from,
        }
    }

    /// One in twenty can't be woken.
    pub(super) fn channel(&self, at: i64) -> ChannelRow {
        let state = if self.number % 20 == 19 { ChannelState::Retired } else { ChannelState::Live };
        let state = state.as_str().to_owned();
        ChannelRow { enrollment: self.enrollment_id(), state, changed_at: at, pushes: 0, woke: 0, slept: 0 }
    }

    pub(super) fn facts(&self, shift: i64) -> impl Iterator<Item = FactRow> {
        self.life.facts.iter().map(move |row| FactRow {
            device: self.own(&row.device),
            enrollment: self.enrollment_id(),
            word: match row.name.as_str() {
                "device.serial" => Some(format!("SN{:08}", self.number)),
                "device.name" => Some(self.name.clone()),
                _ => row.word.clone(),
            },
            observed_at: row.observed_at + shift,
            changed_at: row.changed_at + shift,
            ..row.clone()
        })
    }

    pub(super) fn items(&self) -> impl Iterator<Item = ItemRow> {
        self.life.items.iter().map(|row| ItemRow { device: self.own(&row.device), ..row.clone() })
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = ChangeRow> {
        self.life.changes.iter().map(|row| ChangeRow {
            id: self.own(&row.id),
            device: self.own(&row.device),
            enrollment: self.enrollment_id(),
            at: row.at + self.shift,
            ..row.clone()
        })
    }
}

impl Told<'_> {
    fn id(&self, id: &str) -> String {
        moved(id, self.shift, self.copy.number, self.place)
    }

    fn maybe(&self, id: Option<&String>) -> Option<String> {
        id.map(|id| self.id(id))
    }

    fn at(&self, at: Option<i64>) -> Option<i64> {
        at.map(|at| at + self.shift)
    }

    pub(super) fn session(&self, row: &SessionRow) -> Result<SessionRow, Error> {
        let id = self.id(&row.id);
        Ok(SessionRow {
            enrollment: self.copy.enrollment_id(),
            folded_id: self.copy.folded(),
            started_at: row.started_at + self.shift,
            last_at: row.last_at + self.shift,
            last_reply: self.copy.seal(LAST_REPLY, &id, row.last_reply.as_ref())?,
            id,
            ..row.clone()
        })
    }

    pub(super) fn term(&self, row: &TermRow) -> TermRow {
        TermRow { term: row.term.clone(), session: self.id(&row.session) }
    }

    pub(super) fn exchange(&self, row: &ExchangeRow, has_bodies: bool) -> Result<ExchangeRow, Error> {
        let id = self.id(&row.id);
        Ok(ExchangeRow {
            session: self.maybe(row.session.as_ref()),
            enrollment: row.enrollment.as_ref().map(|_| self.copy.enrollment_id()),
            device_id: Some(self.copy.device_id.clone()),
            folded_id: Some(self.copy.folded()),
            received_at: row.received_at + self.shift,
            request: self.copy.seal(REQUEST, &id, row.request.as_ref().filter(|_| has_bodies))?,
            reply: self.copy.seal(REPLY, &id, row.reply.as_ref().filter(|_| has_bodies))?,
            id,
            ..row.clone()
        })
    }

    pub(super) fn command(&self, row: &CommandRow) -> Result<CommandRow, Error> {
        let id = self.id(&row.id);
        Ok(CommandRow {
            enrollment: self.copy.enrollment_id(),
            folded_id: self.copy.folded(),
            batch: self.maybe(row.batch.as_ref()),
            reason_since: self.at(row.reason_since),
            retry_at: self.at(row.retry_at),
            created_at: row.created_at + self.shift,
            not_before: self.at(row.not_before),
            expires_at: self.at(row.expires_at),
            sent_at: self.at(row.sent_at),
            settled_at: self.at(row.settled_at),
            // 0: at any time.
            ready_at: row.ready_at.map(|at| if at == 0 { 0 } else { at + self.shift }),
            lapses_at: self.at(row.lapses_at),
            accepted_at: self.at(row.accepted_at),
            instruction: self.copy.key.seal(Place { column: INSTRUCTION, row: &id }, &row.instruction)?,
            progress: self.copy.seal(PROGRESS, &id, row.progress.as_ref())?,
            id,
            ..row.clone()
        })
    }

    pub(super) fn attempt(&self, row: &AttemptRow) -> AttemptRow {
        AttemptRow {
            command: self.id(&row.command),
            session: self.id(&row.session),
            sent_in: self.id(&row.sent_in),
            sent_at: row.sent_at + self.shift,
            answered_in: self.maybe(row.answered_in.as_ref()),
            answered_at: self.at(row.answered_at),
            ..row.clone()
        }
    }

    pub(super) fn event(&self, row: &EventRow) -> Result<EventRow, Error> {
        let id = self.id(&row.id);
        Ok(EventRow {
            device_id: Some(self.copy.device_id.clone()),
            folded_id: Some(self.copy.folded()),
            enrollment: row.enrollment.as_ref().map(|_| self.copy.enrollment_id()),
            session: self.maybe(row.session.as_ref()),
            exchange: self.maybe(row.exchange.as_ref()),
            at: row.at + self.shift,
            data: self.copy.seal(EVENT, &id, row.data.as_ref())?,
            id,
            ..row.clone()
        })
    }

    pub(super) fn feed(&self, row: &FeedRow, number: i64) -> Result<FeedRow, Error> {
        let id = self.id(&row.id);
        Ok(FeedRow {
            number,
            device_id: Some(self.copy.device_id.clone()),
            folded_id: Some(self.copy.folded()),
            enrollment: row.enrollment.as_ref().map(|_| self.copy.enrollment_id()),
            session: self.maybe(row.session.as_ref()),
            exchange: self.maybe(row.exchange.as_ref()),
            at: row.at + self.shift,
            data: self.copy.key.seal(Place { column: FEED, row: &id }, &row.data)?,
            id,
            ..row.clone()
        })
    }

    pub(super) fn action(&self, row: &ActionRow) -> Result<ActionRow, Error> {
        let id = self.id(&row.id);
        Ok(ActionRow {
            enrollment: self.copy.enrollment_id(),
            folded_id: self.copy.folded(),
            request: self.copy.key.seal(Place { column: ACTION, row: &id }, &row.request)?,
            command: self.id(&row.command),
            created_at: row.created_at + self.shift,
            accepted_at: self.at(row.accepted_at),
            ask_at: self.at(row.ask_at),
            settled_at: self.at(row.settled_at),
            id,
            ..row.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionKey;

    #[test]
    fn copies_of_an_id_are_ids_of_their_time_and_differ() {
        // Written out: ids that are made in one process never go back.
        let (id, later) = ("018bcfe5-6800-7000-8000-0123456789ab", "018bd50b-c400");
        let copies: Vec<String> = (0..100).map(|number| moved(id, 86_400_000, number, 1)).collect();
        for copy in &copies {
            assert!(SessionKey::parse(copy).is_some(), "{copy}");
            assert_eq!(copy.get(..13), Some(later), "{copy}");
            assert_eq!(copies.iter().filter(|other| *other == copy).count(), 1);
        }
        assert_ne!(moved(id, 0, 1, 1), moved(id, 0, 1, 2));
        assert_eq!(moved(id, 0, 1, 1), moved(id, 0, 1, 1));
    }
}
