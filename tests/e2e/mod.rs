//! End to end: the program itself, over real TLS, with simulated devices and with whoever means it harm.
//!
//! Sizes are those of every day; `E2E_DEVICES`, `E2E_ROUNDS`, `E2E_MESSAGES`, `E2E_UPLOADS`, `E2E_POLICY` and `E2E_PUSHED` set others. Each reply
//! that a device got is put before the judge.

mod acme;
mod actions;
mod archives;
mod bodies;
mod buckets;
mod bulk_certificate;
mod crashes;
mod enrollment;
mod enrollment_crowd;
mod enrollment_identity;
mod enrollment_recorded;
mod enrollment_refused;
mod entra;
mod envelopes;
mod facts;
mod federated;
mod flood;
mod guarded;
mod hostile;
mod idle;
mod instances;
mod lost;
mod operators_elsewhere;
mod outage;
mod people;
mod policies;
mod policy_secrets;
mod policy_stages;
mod provisioning;
mod proxies;
mod pushed;
mod readiness;
mod restored;
mod rotation;
mod secrets;
mod session_tokens;
mod sessions;
mod shown;
mod signatures;
mod signed_in;
mod simulated_pushes;
mod telemetry;
mod told;
mod traced;
mod traces;
mod trust;
mod uploads;
mod users;
mod values;
mod verified;
mod waking;
mod webhooks;

/// Runs a test on each engine that is there.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() {
                $crate::e2e::on($crate::support::databases::Engine::Sqlite, super::$test);
            })*
        }
        mod postgres {
            $(#[test] fn $test() {
                $crate::e2e::on($crate::support::databases::Engine::Postgres, super::$test);
            })*
        }
    };
}
use on_both;

use crate::support::databases::{Engine, runtime};
use crate::support::server::Site;

/// Runs a test on a new installation.
fn on(engine: Engine, test: impl AsyncFnOnce(Site)) {
    if let Some(site) = Site::new(engine) {
        runtime().block_on(test(site));
    }
}
