//! How long one turn of some work keeps the processor.

use std::time::{Duration, Instant};

/// Microseconds of the processor for one turn: the best of five stretches of time, because whatever else the machine does
/// only makes it longer.
pub(super) fn each(time: Duration, mut turn: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    turn()?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (started, before, mut turns) = (Instant::now(), on_processor(), 0_u32);
        while started.elapsed() < time / 5 {
            turn()?;
            turns += 1;
        }
        let used = match (before, on_processor()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => started.elapsed(),
        };
        best = best.min(used.as_secs_f64() * 1e6 / f64::from(turns.max(1)));
    }
    Ok(best)
}

/// How long this thread has been on a processor, where the kernel says so: as `openssl speed` reckons.
fn on_processor() -> Option<Duration> {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    said.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
