//! A seeded simulation of the whole core: a device with faults, a wire that loses, repeats and delays, a server that dies
//! at any moment, people who order and cancel, and time that is stepped by hand. After each step the promises of the
//! design hold; a broken one prints the seed and what came before.
//!
//! `TRANSOM_SIM_SESSIONS` says how many sessions are run, `TRANSOM_SIM_SEED` runs the world of one seed alone.

mod checks;
mod device;
mod does;
mod events;
mod operator;
mod random;
mod speech;
mod tree;
mod world;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

/// Sessions of a plain `cargo test`.
const SESSIONS: u64 = 20_000;

/// Steps of one world before it is drained.
const STEPS: u32 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// What happened, and how often.
type Tally = BTreeMap<String, u64>;

/// Runs one world to its end.
fn run(seed: u64) -> Tally {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.drains();
    std::mem::take(&mut world.tally)
}

/// What a run of many sessions has to have seen, or it proves nothing.
const SEEN: [&str; 35] = [
    "arrived begins",
    "arrived goes on",
    "arrived repeated",
    "refused Challenged",
    "refused WrongCredential",
    "refused Stale",
    "replied Alert 1222",
    "replied Alert 1225",
    "replied piece",
    "upload complete",
    "upload dropped",
    "anomaly message_gap",
    "anomaly message_refused",
    "anomaly status_of_nothing",
    "session closed",
    "end succeeded",
    "end succeeded as_replace",
    "end succeeded below_group",
    "end succeeded reported",
    "end failed refused_by_device",
    "end failed no_result",
    "end failed too_large",
    "end failed message_refused",
    "end failed never_answered",
    "end unknown interrupted",
    "end unknown never_answered",
    "end expired",
    "end canceled by_operator",
    "end canceled dependency_failed",
    "held waiting_for_user",
    "held waiting_for_scope",
    "sessions mixed",
    "sessions device",
    "sessions user",
    "held retry_later",
];

#[test]
fn the_promises_hold_in_every_session() {
    if let Some(seed) = number("TRANSOM_SIM_SEED") {
        println!("{:#?}", run(seed));
        return;
    }
    let wanted = number("TRANSOM_SIM_SESSIONS").unwrap_or(SESSIONS);
    let (sessions, next, tally) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Tally::new()));
    let work = || {
        let stop = Stop { sessions: &sessions, wanted };
        while sessions.load(Ordering::Relaxed) < wanted {
            let seen = run(next.fetch_add(1, Ordering::Relaxed));
            sessions.fetch_add(seen.get("sessions").copied().unwrap_or_default(), Ordering::Relaxed);
            let mut tally = tally.lock().expect("no panic holds it");
            for (what, times) in seen {
                *tally.entry(what).or_default() += times;
            }
        }
        drop(stop);
    };
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let tally = tally.into_inner().expect("no panic holds it");
    println!("{} worlds: {tally:#?}", next.into_inner());
    let missed: Vec<_> = SEEN.iter().filter(|what| !tally.contains_key(**what)).collect();
    assert!(wanted < SESSIONS || missed.is_empty(), "never seen: {missed:?}");
}

/// Tells the other workers when one has panicked.
struct Stop<'a> {
    sessions: &'a AtomicU64,
    wanted: u64,
}

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.sessions.fetch_max(self.wanted, Ordering::Relaxed);
        }
    }
}
