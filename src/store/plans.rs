//! Which statements a process has made, and how the database finds what they ask for.
//!
//! For measurements: listening costs every statement something, and stays on until the process ends.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::{DatabaseUrl, Error};

/// Tables that grow with devices and with time.
const GROWING: [&str; 22] = [
    "actions",
    "admissions",
    "attempts",
    "audit",
    "certificates",
    "commands",
    "declared_devices",
    "devices",
    "directory_devices",
    "directory_people",
    "enrollment_attempts",
    "enrollments",
    "events",
    "exchanges",
    "fact_changes",
    "fact_items",
    "facts",
    "feed",
    "pushes",
    "session_terms",
    "sessions",
    "upload_chunks",
];

static HEARD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A statement with its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Its text, with places for values.
    pub sql: String,
    /// What the database would do, line by line.
    pub plan: Vec<String>,
    /// It looks through the whole of a table that grows, or of an index of one.
    pub scans: bool,
}

/// Listens to the questions that are asked on connections made from now on.
pub fn listen() -> Result<(), Error> {
    set_default_instrumentation(|| {
        let listener: Box<dyn Instrumentation> = Box::new(|event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::StartQuery { query, .. } = event {
                let text = query.to_string();
                let sql = text.split_once(" -- binds: ").map_or(text.as_str(), |(sql, _)| sql);
                if sql.starts_with("SELECT") {
                    HEARD.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
                }
            }
        });
        Some(listener)
    })
    .map_err(Error::unavailable)
}

#[derive(QueryableByName)]
struct SqliteLine {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The plans of all questions that were heard. Blocks while it looks.
pub fn looked(url: &DatabaseUrl) -> Result<Vec<Looked>, Error> {
    let heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match url {
        DatabaseUrl::Sqlite(path) => {
            let path = path.to_str().ok_or_else(|| Error::unavailable("the path of the database is not UTF-8"))?;
            let mut connection = SqliteConnection::establish(path).map_err(Error::unavailable)?;
            let mut look = |sql: String| {
                let lines: Vec<SqliteLine> =
                    diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut connection)?;
                let plan: Vec<String> = lines.into_iter().map(|line| line.detail).collect();
                Ok(Looked { scans: scans_on_sqlite(&sql, &plan), plan, sql })
            };
            heard.into_iter().filter(|sql| grows(sql)).map(&mut look).collect()
        }
        DatabaseUrl::Postgres(url) => {
            let mut connection = PgConnection::establish(url).map_err(Error::unavailable)?;
            // The plan that serves every value; where there are few rows, as if there were many.
            connection.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")?;
            let mut look = |sql: String| {
                let values = (1..=99).take_while(|number| sql.contains(&format!("${number}"))).count();
                let mut explain = "EXPLAIN EXECUTE looked_at".to_owned();
                if values > 0 {
                    // Writing to a text does not fail.
                    let _ = write!(explain, "({})", vec!["NULL"; values].join(", "));
                }
                connection.batch_execute(&format!("PREPARE looked_at AS {sql}"))?;
                let lines: Vec<PostgresLine> = diesel::sql_query(explain).load(&mut connection)?;
                connection.batch_execute("DEALLOCATE looked_at")?;
                let plan: Vec<String> = lines.into_iter().map(|line| line.line).collect();
                Ok(Looked { scans: scans_on_postgres(&plan), plan, sql })
            };
            heard.into_iter().filter(|sql| grows(sql)).map(&mut look).collect()
        }
    }
}

/// Whether a statement asks a table that grows.
fn grows(sql: &str) -> bool {
    let words: BTreeSet<&str> = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    GROWING.iter().any(|table| words.contains(table))
}

/// An index may be walked along for its order, as far as a limit; a table never.
fn scans_on_sqlite(sql: &str, plan: &[String]) -> bool {
    let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY"));
    plan.iter().any(|line| {
        let is_of =
            |table: &&str| line.strip_prefix("SCAN ").is_some_and(|rest| rest.split(' ').next() == Some(*table));
        GROWING.iter().any(is_of) && (!line.contains("USING") || !sql.contains(" LIMIT ") || sorts)
    })
}

fn scans_on_postgres(plan: &[String]) -> bool {
    let of = |line: &str, table: &str| {
        let name = line.split(" on ").nth(1).map(|rest| rest.split_whitespace().next().unwrap_or_default());
        name == Some(table)
    };
    plan.iter().enumerate().any(|(place, line)| {
        let is_of = GROWING.iter().any(|table| of(line, table));
        let condition = plan.iter().skip(place + 1).take_while(|line| !line.contains("->"));
        let is_found = condition.into_iter().any(|line| line.contains("Index Cond:"));
        // What is sorted or summed up is read to its end, but for what ends below that.
        let limit = plan.iter().take(place).rposition(|line| line.contains("Limit  ("));
        let ends = limit.is_some_and(|limit| {
            let mut between = plan.iter().take(place).skip(limit);
            !between.any(|line| line.contains("Sort  (") || line.contains("Aggregate  ("))
        });
        let is_whole = line.contains("Seq Scan on ");
        is_of && (is_whole || line.contains("Index") && !is_found && !ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(plan: &str) -> Vec<String> {
        plan.lines().map(str::to_owned).collect()
    }

    #[test]
    fn looking_through_a_table_is_noticed_and_walking_along_an_index_is_not() {
        let limited = "SELECT a FROM commands ORDER BY id LIMIT ?";
        for (sql, plan, scans) in [
            (limited, "SCAN commands", true),
            (limited, "SCAN commands USING INDEX commands_by_state", false),
            (limited, "SCAN commands USING INDEX commands_by_state\nUSE TEMP B-TREE FOR ORDER BY", true),
            ("SELECT count(*) FROM commands", "SCAN commands USING COVERING INDEX commands_by_state", true),
            (limited, "SEARCH commands USING INDEX commands_by_device (folded_id=?)", false),
            (limited, "SCAN json_each VIRTUAL TABLE INDEX 1:", false),
        ] {
            assert_eq!(scans_on_sqlite(sql, &lines(plan)), scans, "{plan}");
        }
        let walks = "Limit  (cost=1)\n  ->  Index Scan using commands_pkey on commands  (cost=1)";
        let counts =
            "Aggregate  (cost=1)\n  ->  Limit  (cost=1)\n    ->  Index Only Scan using a on commands  (cost=1)";
        for (plan, scans) in [
            (counts, false),
            ("Limit  (cost=1)\n  ->  Seq Scan on commands  (cost=1)", true),
            (walks, false),
            ("Index Scan using commands_pkey on commands  (cost=1)", true),
            ("Index Scan using commands_pkey on commands  (cost=1)\n  Index Cond: (id = $1)", false),
            ("Limit  (cost=1)\n  ->  Sort  (cost=1)\n    ->  Index Scan using a on commands  (cost=1)", true),
            ("Seq Scan on csp_state  (cost=1)", false),
        ] {
            assert_eq!(scans_on_postgres(&lines(plan)), scans, "{plan}");
        }
        assert!(grows(limited) && !grows("SELECT generation FROM csp_state"));
    }
}
