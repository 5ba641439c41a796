//! Listens to the statements that the store makes, so that tests can look at their plans.

use std::collections::HashSet;
use std::sync::{Mutex, Once};
use std::thread::ThreadId;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

/// A statement as it went to the database.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// Its text, values as placeholders.
    pub(crate) sql: String,
    /// Its values, as Diesel prints them.
    pub(crate) binds: String,
    /// Who made it: the one writer of a store on SQLite is a thread of its own.
    thread: ThreadId,
}

static HEARD: Mutex<Vec<Statement>> = Mutex::new(Vec::new());
static PREPARED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// Listens on every connection that is made from now on.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_default_instrumentation(|| {
            let listener: Box<dyn Instrumentation> = Box::new(|event: InstrumentationEvent<'_>| hear(&event));
            Some(listener)
        })
        .unwrap();
    });
}

/// The statements so far that have this value among theirs.
pub(crate) fn with_value(value: &str) -> Vec<Statement> {
    HEARD.lock().unwrap().iter().filter(|statement| statement.binds.contains(value)).cloned().collect()
}

/// All statements with values of the thread that made the last one with this value among them.
pub(crate) fn on_the_thread_of(value: &str) -> Vec<String> {
    let heard = HEARD.lock().unwrap();
    let Some(last) = heard.iter().rfind(|statement| statement.binds.contains(value)) else { return Vec::new() };
    heard.iter().filter(|statement| statement.thread == last.thread).map(|statement| statement.sql.clone()).collect()
}

/// Whether a connection keeps this statement prepared.
pub(crate) fn is_kept_prepared(sql: &str) -> bool {
    PREPARED.lock().unwrap().as_ref().is_some_and(|kept| kept.contains(sql))
}

fn hear(event: &InstrumentationEvent<'_>) {
    match event {
        InstrumentationEvent::StartQuery { query, .. } => {
            let text = query.to_string();
            let Some((sql, binds)) = text.split_once(" -- binds: ") else { return };
            let mut heard = HEARD.lock().unwrap();
            heard.push(Statement {
                sql: sql.to_owned(),
                binds: binds.chars().take(2000).collect(),
                thread: std::thread::current().id(),
            });
        }
        InstrumentationEvent::CacheQuery { sql, .. } => {
            PREPARED.lock().unwrap().get_or_insert_default().insert((*sql).to_owned());
        }
        _ => {}
    }
}
