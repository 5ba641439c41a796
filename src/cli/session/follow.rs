//! What is new in conversations, between one look and the next. Knows no network.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use transom_protocol::session::Timestamp;

use crate::{
    admin::{SessionDetail, SessionJson},
    management::conversation::Line,
};

/// Conversations that are followed.
#[derive(Debug)]
pub(super) struct Follower {
    /// What was said before is not new.
    since: Timestamp,
    sessions: BTreeMap<String, Followed>,
}

/// What is known of one conversation.
#[derive(Debug, Default)]
struct Followed {
    /// How the session was listed when it was last read.
    seen: Option<(Timestamp, i64)>,
    /// Lines that were told, by their place.
    told: BTreeSet<usize>,
    /// Lines whose answer was told.
    answered: BTreeSet<usize>,
}

/// One thing that is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct News {
    pub(super) session_id: String,
    pub(super) device_id: String,
    /// Only the answer is new; the line itself was told before.
    pub(super) is_answer: bool,
    #[serde(flatten)]
    pub(super) line: Line,
}

impl Follower {
    /// From a moment on.
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, sessions: BTreeMap::new() }
    }

    /// Whether a session has to be read: something was said in it since the last look.
    pub(super) fn wants(&self, session: &SessionJson) -> bool {
        let seen = self.sessions.get(&session.id).and_then(|followed| followed.seen);
        session.last_at >= self.since && seen != Some((session.last_at, session.messages))
    }

    /// What is new in a session.
    pub(super) fn news(&mut self, detail: &SessionDetail) -> Vec<News> {
        let session = &detail.session;
        let followed = self.sessions.entry(session.id.clone()).or_default();
        followed.seen = Some((session.last_at, session.messages));
        let mut news = Vec::new();
        let mut tell = |line: &Line, is_answer| {
            let (session_id, device_id) = (session.id.clone(), session.device_id.clone());
            news.push(News { session_id, device_id, is_answer, line: line.clone() });
        };
        for (place, line) in detail.conversation.iter().enumerate() {
            let has_answer = line.answer.as_ref().is_some_and(|answer| answer.status != 0);
            let is_new = line.at >= self.since && followed.told.insert(place);
            let is_answered = has_answer
                && line.answer.as_ref().is_some_and(|answer| answer.at >= self.since)
                && followed.answered.insert(place);
            if is_new || is_answered {
                tell(line, !is_new);
            }
        }
        news
    }

    /// Forgets sessions that are no longer listed.
    pub(super) fn keep(&mut self, listed: &BTreeSet<String>) {
        self.sessions.retain(|id, _| listed.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::session::telling::tests::detail;

    const BEGAN: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_line_is_told_once_and_its_answer_when_it_comes() {
        let mut follower = Follower::new(BEGAN);
        let mut first = detail();
        first.conversation.truncate(3);
        first.conversation[2].answer = None;
        first.session.messages = 1;
        assert!(follower.wants(&first.session));
        let news = follower.news(&first);
        assert_eq!(
            news.iter().map(|news| (news.line.what.as_str(), news.is_answer)).collect::<Vec<_>>(),
            [("sign-in", false), ("sign-in accepted", false), ("Get", false)]
        );
        assert!(!follower.wants(&first.session));
        let second = detail();
        assert!(follower.wants(&second.session));
        let news = follower.news(&second);
        assert_eq!(
            news.iter().map(|news| (news.line.what.as_str(), news.is_answer)).collect::<Vec<_>>(),
            [("Get", true), ("Replace", false), ("Alert 1226", false), ("nothing more to do", false)]
        );
        assert_eq!(follower.news(&second), []);
    }

    #[test]
    fn what_was_said_before_is_not_new_but_its_answer_is() {
        let mut follower = Follower::new(BEGAN.plus_millis(1000));
        let news = follower.news(&detail());
        assert_eq!(
            news.iter().map(|news| (news.line.what.as_str(), news.is_answer)).collect::<Vec<_>>(),
            [("Get", true), ("Replace", true), ("Alert 1226", false), ("nothing more to do", false)]
        );
        let mut old = detail().session;
        old.last_at = BEGAN;
        old.id = "S0".to_owned();
        assert!(!follower.wants(&old));
    }

    #[test]
    fn sessions_that_are_no_longer_listed_are_forgotten() {
        let mut follower = Follower::new(BEGAN);
        follower.news(&detail());
        follower.keep(&BTreeSet::new());
        assert!(follower.sessions.is_empty());
    }
}
