//! How the queue and the devices stand, for those who watch: looked up at the end of an index or counted up to a bound,
//! however many there are.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use transom_protocol::session::{CommandState, Timestamp};

use super::Error;
use super::fragments::at_most;
use super::schema::commands;
use super::tx::{Tx, on_backend};

/// Commands that are counted in one state.
const COMMANDS: i64 = 100_000;

/// Devices that are counted.
const DEVICES: i64 = 200_000;

/// How devices stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DevicesStanding {
    /// Devices under management.
    pub devices: i64,
    /// Those that were last heard of before a time.
    pub silent: i64,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Tx<'_> {
    /// How the queue stands: for each state in which commands wait how many, and when the oldest was ordered.
    pub fn how_the_queue_stands(&mut self) -> Result<Vec<(CommandState, i64, Option<Timestamp>)>, Error> {
        let mut queue = Vec::new();
        for state in [CommandState::Queued, CommandState::Sent, CommandState::Deferred, CommandState::Unknown] {
            let word = state.as_str();
            // Ids begin with the time at which they were made.
            let oldest =
                commands::table.filter(commands::state.eq(word)).order(commands::id.asc()).select(commands::created_at);
            let oldest: Option<i64> = on_backend!(self, |conn| at_most(1, oldest).get_result(conn).optional())?;
            let count = match oldest {
                Some(_) => self.counted(&format!("commands WHERE state = '{word}'"), COMMANDS)?,
                None => 0,
            };
            queue.push((state, count, oldest.map(Timestamp)));
        }
        Ok(queue)
    }

    /// How the devices stand; whoever was last heard of before `silent_since` is silent. An index is walked along for it,
    /// which is not to be done all the time.
    pub fn how_devices_stand(&mut self, silent_since: Timestamp) -> Result<DevicesStanding, Error> {
        let devices = self.counted("enrollments WHERE ended_at IS NULL", DEVICES)?;
        let silent = format!("enrollments WHERE ended_at IS NULL AND last_seen_at < {}", silent_since.0);
        let silent = self.counted(&silent, DEVICES)?;
        Ok(DevicesStanding { devices, silent })
    }

    /// How many rows of a table there are under a condition, up to `most`. The text is ours: no value from outside belongs
    /// into it.
    pub(super) fn counted(&mut self, rows: &str, most: i64) -> Result<i64, Error> {
        let query =
            diesel::sql_query(format!("SELECT count(*) AS number FROM (SELECT 1 FROM {rows} LIMIT {most}) AS counted"));
        let counted: Counted = on_backend!(self, |conn| query.get_result(conn))?;
        Ok(counted.number)
    }
}
