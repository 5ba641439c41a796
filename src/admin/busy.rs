//! A database that is busy for a moment: what has begun is tried again.

use std::time::Duration;

use super::Error;

/// How long what has begun, and is to be ended, waits for a database that is busy.
pub(super) const AGAIN_AFTER: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(600), Duration::from_millis(1500)];

/// Tries something again, after these waits, that finds the database busy: nothing of it has happened.
pub(super) async fn unless_busy<T, F>(waits: &[Duration], attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    for wait in waits {
        match attempt().await {
            Err(Error::Busy) => tokio::time::sleep(*wait).await,
            other => return other,
        }
    }
    attempt().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_finds_the_database_busy_is_tried_again_and_nothing_else() {
        let tries = std::cell::Cell::new(0);
        let attempt = |busy: u32, then: Result<u32, Error>| {
            tries.set(tries.get() + 1);
            std::future::ready(if tries.get() <= busy { Err(Error::Busy) } else { then })
        };
        let waits = [Duration::ZERO; 3];
        assert_eq!(unless_busy(&waits, || attempt(3, Ok(7))).await.unwrap(), 7);
        assert_eq!(tries.replace(0), 4);
        assert!(matches!(unless_busy(&waits, || attempt(9, Ok(7))).await, Err(Error::Busy)));
        assert_eq!(tries.replace(0), 4);
        let wrong = || attempt(0, Err(Error::NotFound("device")));
        assert!(matches!(unless_busy(&waits, wrong).await, Err(Error::NotFound("device"))));
        assert_eq!(tries.replace(0), 1);
        assert!(matches!(unless_busy(&[], || attempt(1, Ok(7))).await, Err(Error::Busy)));
    }
}
