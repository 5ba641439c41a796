//! Actions: what is asked of devices as a whole, and how far they are.

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, Reason, ReasonCode, Timestamp};

use super::fragments::{among, columns, update};
use super::journal::one_more;
use super::queue::{ReasonColumns, Timers};
use super::schema::{actions, commands, enrollments};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    Action, ActionChange, ActionFilter, ActionId, ActionState, Cursor, EnrollmentId, NewAction, OpenAction, Page,
    Secret,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = actions)]
struct ActionRow {
    id: String,
    enrollment: String,
    kind: String,
    command: String,
    state: String,
    progress: Option<String>,
    detail: Option<String>,
    created_at: i64,
    created_by: String,
    accepted_at: Option<i64>,
    settled_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = actions)]
struct WorkRow {
    request: Vec<u8>,
    baseline: Option<Vec<u8>>,
    ask_at: Option<i64>,
    asks: i64,
}

/// State and reason of a command.
type CommandRow = Option<(String, Option<String>, Option<i64>, Option<i64>, Option<i64>, Option<String>)>;

type OpenRow = (ActionRow, WorkRow, (String, String, i32, Option<i64>), CommandRow);

/// What an update writes. What is `None` stays as it is.
#[derive(AsChangeset)]
#[diesel(table_name = actions)]
#[expect(clippy::option_option, reason = "a time that is taken away is another change than one that stays")]
struct Changes {
    state: Option<&'static str>,
    progress: Option<String>,
    detail: Option<String>,
    baseline: Option<Vec<u8>>,
    accepted_at: Option<i64>,
    ask_at: Option<Option<i64>>,
    asks: Option<i64>,
    settled_at: Option<i64>,
}

const fn request_of(action: &str) -> Place<'_> {
    Place { column: "actions.request", row: action }
}

const fn baseline_of(action: &str) -> Place<'_> {
    Place { column: "actions.baseline", row: action }
}

impl Tx<'_> {
    /// Keeps a new action. Its enrollment is to be locked.
    pub fn add_action(&mut self, new: &NewAction, now: Timestamp) -> Result<(), Error> {
        let (id, enrollment) = (new.id.as_str(), new.enrollment.as_str());
        let query = diesel::insert_into(actions::table).values((
            actions::id.eq(id),
            actions::enrollment.eq(enrollment),
            actions::folded_id.eq(new.device_id.key()),
            actions::kind.eq(new.kind.as_str()),
            actions::request.eq(self.key.seal(request_of(id), new.request.expose().as_bytes())?),
            actions::command.eq(&new.command.0),
            actions::state.eq(ActionState::Queued.as_str()),
            actions::created_at.eq(now.0),
            actions::created_by.eq(words::text(&new.created_by)),
            actions::asks.eq(0),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The actions of an enrollment that have not ended, oldest first.
    pub fn open_actions(&mut self, enrollment: &EnrollmentId) -> Result<Vec<OpenAction>, Error> {
        let query = actions::table
            .inner_join(enrollments::table)
            .left_join(commands::table)
            .filter(actions::enrollment.eq(enrollment.as_str()))
            .filter(actions::settled_at.is_null())
            .order(actions::id.asc())
            .limit(MOST_OPEN)
            .select((
                columns::<ActionRow>(),
                columns::<WorkRow>(),
                (enrollments::device_id, enrollments::folded_id, enrollments::generation, enrollments::ended_at),
                (
                    commands::state,
                    commands::reason,
                    commands::reason_since,
                    commands::reason_count,
                    commands::retry_at,
                    commands::reason_detail,
                )
                    .nullable(),
            ));
        let rows: Vec<OpenRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|row| self.opened(row)).collect()
    }

    /// Actions that can't go on as they stand although no device said so: their command has an outcome that they do not
    /// know, their enrollment has ended, or they were accepted before `accepted` and nothing was heard since. Their
    /// enrollments; each is to be looked at with [`Tx::open_actions`].
    pub fn stirred_actions(&mut self, accepted: Timestamp, limit: i64) -> Result<Vec<EnrollmentId>, Error> {
        let waits = actions::state.eq_any([ActionState::Queued.as_str(), ActionState::Sent.as_str()]);
        let doubtful = actions::state
            .eq(ActionState::Unknown.as_str())
            .and(commands::state.ne(CommandState::Unknown.as_str()).assume_not_null());
        let silent = actions::state
            .eq(ActionState::Accepted.as_str())
            .and(actions::accepted_at.lt(accepted.0).assume_not_null());
        let query = actions::table
            .inner_join(enrollments::table)
            .left_join(commands::table)
            .filter(actions::settled_at.is_null())
            .filter(
                waits
                    .and(commands::settled_at.is_not_null())
                    .or(doubtful)
                    .or(silent)
                    .or(enrollments::ended_at.is_not_null()),
            )
            .order(actions::id.asc())
            .limit(limit)
            .select(actions::enrollment);
        let mut ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        ids.dedup();
        ids.into_iter().map(words::id).collect()
    }

    /// Keeps what became of an action. One that has ended does not change any more: whether it did.
    pub fn change_action(&mut self, action: &Action, change: &ActionChange) -> Result<bool, Error> {
        let id = action.id.as_str();
        let baseline = change.baseline.as_ref();
        let baseline = baseline.map(|json| self.key.seal(baseline_of(id), json.expose().as_bytes())).transpose()?;
        let changes = Changes {
            state: change.state.map(ActionState::as_str),
            progress: words::optional_text(change.progress.as_ref()),
            detail: words::optional_text(change.detail.as_ref()),
            baseline,
            accepted_at: words::millis(change.accepted_at),
            ask_at: change.ask.map(|(at, _)| words::millis(at)),
            asks: change.ask.map(|(_, asks)| i64::from(asks)),
            settled_at: words::millis(change.settled_at),
        };
        let open = actions::id.eq(id).and(actions::settled_at.is_null());
        let query = update(actions::table, open, changes);
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// A person says how an action ended that had ended in doubt.
    pub fn resolve_action(
        &mut self,
        id: &ActionId,
        (state, detail): (ActionState, &str),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let doubtful = actions::id
            .eq(id.as_str())
            .and(actions::state.eq(ActionState::Unknown.as_str()))
            .and(actions::settled_at.is_not_null());
        let changes = (
            actions::state.eq(state.as_str()),
            actions::detail.eq(Some(words::text(detail))),
            actions::settled_at.eq(Some(now.0)),
        );
        let query = update(actions::table, doubtful, changes);
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Actions, newest first.
    pub fn actions(
        &mut self,
        filter: &ActionFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Action>, Error> {
        let rows: Vec<(ActionRow, String)> = on_backend!(self, |conn| {
            let mut query = actions::table
                .inner_join(enrollments::table)
                .order(actions::id.desc())
                .limit(one_more(limit))
                .select((columns::<ActionRow>(), enrollments::device_id))
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(actions::id.lt(after.sort_key()));
            }
            if let Some(device) = &filter.device {
                query = query.filter(actions::folded_id.eq(device.key()));
            }
            if let Some(state) = filter.state {
                query = query.filter(actions::state.eq(state.as_str()));
            }
            query.load(conn)
        })?;
        let found = rows.into_iter().map(|(row, device)| action(row, &device)).collect::<Result<_, _>>()?;
        Ok(Page::of(found, limit, |action: &Action| action.id.to_string()))
    }

    /// One action.
    pub fn action(&mut self, id: &ActionId) -> Result<Option<Action>, Error> {
        let query = actions::table
            .inner_join(enrollments::table)
            .filter(actions::id.eq(id.as_str()))
            .select((columns::<ActionRow>(), enrollments::device_id));
        let row: Option<(ActionRow, String)> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(|(row, device)| action(row, &device)).transpose()
    }

    /// What waits for a device that leaves or erases itself never reaches it: all but one command are superseded. Says
    /// how many that were.
    pub fn supersede_waiting(
        &mut self,
        enrollment: &EnrollmentId,
        but: Option<&CommandId>,
        (code, detail): (ReasonCode, String),
        now: Timestamp,
    ) -> Result<usize, Error> {
        let reason = Reason { code, since: now, count: 1, retry_at: None, detail: Some(detail) };
        let but = but.map_or_else(String::new, |command| command.0.clone());
        let waits =
            commands::enrollment.eq(enrollment.as_str()).and(commands::settled_at.is_null()).and(commands::id.ne(but));
        let changes = (
            commands::state.eq(CommandState::Superseded.as_str()),
            commands::settled_at.eq(Some(now.0)),
            ReasonColumns::of(Some(&reason))?,
            Timers::default(),
        );
        let query = update(commands::table, waits, changes);
        let superseded = on_backend!(self, |conn| query.execute(conn))?;
        self.note_settled(enrollment, i64::try_from(superseded).unwrap_or(i64::MAX));
        Ok(superseded)
    }

    /// Deletes actions that ended before then, and what devices sent for them.
    pub(super) fn prune_actions(&mut self, before: Timestamp, batch: i64) -> Result<usize, Error> {
        use super::schema::diagnostics;
        let query = actions::table
            .filter(actions::settled_at.lt(before.0))
            .order(actions::settled_at.asc())
            .limit(batch)
            .select(actions::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        if ids.is_empty() {
            return Ok(0);
        }
        let query = diesel::delete(diagnostics::table.filter(among(diagnostics::action, ids.iter().cloned())));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::delete(actions::table.filter(among(actions::id, ids)));
        on_backend!(self, |conn| query.execute(conn))
    }

    fn opened(&mut self, (row, work, life, command): OpenRow) -> Result<OpenAction, Error> {
        let (device_id, folded_id, generation, ended_at) = life;
        let text = |place: Place<'_>, sealed: &[u8]| {
            let plain = self.key.open(place, sealed)?;
            String::from_utf8(plain.to_vec()).map(Secret::new).map_err(|_| Error::corrupt(place.column))
        };
        let request = text(request_of(&row.id), &work.request)?;
        let baseline = work.baseline.map(|sealed| text(baseline_of(&row.id), &sealed)).transpose()?;
        let command = command.map(|(state, code, since, count, retry_at, detail)| {
            let reason = words::reason(code, since, count, retry_at, detail)?;
            Ok::<_, Error>((words::of_word(&state, "commands.state")?, reason))
        });
        let mut followed = false;
        if ended_at.is_some() {
            let query = enrollments::table
                .filter(enrollments::folded_id.eq(folded_id))
                .filter(enrollments::generation.gt(generation))
                .select(enrollments::id);
            let next: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
            followed = next.is_some();
        }
        Ok(OpenAction {
            action: action(row, &device_id)?,
            request,
            baseline,
            ask_at: work.ask_at.map(Timestamp),
            asks: words::count(work.asks, "actions.asks")?,
            command: command.transpose()?,
            ended: ended_at.is_some(),
            followed,
        })
    }
}

/// Open actions of one enrollment that are looked at.
const MOST_OPEN: i64 = 100;

fn action(row: ActionRow, device_id: &str) -> Result<Action, Error> {
    Ok(Action {
        id: words::id(row.id)?,
        device_id: words::device_id(device_id)?,
        enrollment: words::id(row.enrollment)?,
        kind: words::of_word(&row.kind, "actions.kind")?,
        state: words::of_word(&row.state, "actions.state")?,
        progress: row.progress,
        detail: row.detail,
        command: CommandId(row.command),
        created_at: Timestamp(row.created_at),
        created_by: row.created_by,
        accepted_at: row.accepted_at.map(Timestamp),
        settled_at: row.settled_at.map(Timestamp),
    })
}
