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

use std::sync::atomic::{AtomicU64, Ordering};

use world::World;

/// Sessions of a plain `cargo test`.
const SESSIONS: u64 = 20_000;

/// Steps of one world before it is drained.
const STEPS: u32 = 300;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs one world to its end. Gives the sessions that it saw.
fn run(seed: u64) -> u64 {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.drains();
    world.sessions
}

#[test]
fn the_promises_hold_in_every_session() {
    if let Some(seed) = number("TRANSOM_SIM_SEED") {
        println!("{} sessions", run(seed));
        return;
    }
    let wanted = number("TRANSOM_SIM_SESSIONS").unwrap_or(SESSIONS);
    let (sessions, next) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        while sessions.load(Ordering::Relaxed) < wanted {
            sessions.fetch_add(run(next.fetch_add(1, Ordering::Relaxed)), Ordering::Relaxed);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    println!("{} sessions in {} worlds", sessions.into_inner(), next.into_inner());
}
