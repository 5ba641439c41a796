//! Whether the server can do its work: the store answers and takes what is written, its schema is whole, certificates
//! are valid, there is room on the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use futures_util::FutureExt as _;
use transom_protocol::session::Timestamp;

use super::instance::now;
use super::{Installation, shown::time};
use crate::admin::{Condition, Finding, Health};
use crate::http;
use crate::pki::{LiveAuthorities, ServerIdentity};
use crate::store::{Error, Store, Tx};

/// What was looked at is believed for so long: nobody can make the server write, or read its disk, by asking.
const COUNTS: Duration = Duration::from_secs(10);

/// What failed is looked at again after so long.
const TRIED_AGAIN: Duration = Duration::from_secs(1);

/// With less room than that nothing can be relied on: the database needs some to write at all.
const TOO_LITTLE: u64 = 100 << 20;

/// With less room than that somebody should look.
const LITTLE: u64 = 1 << 30;

/// What ends within that time should be looked at, in milliseconds: a month.
const SOON: i64 = 30 * 24 * 60 * 60 * 1000;

/// Looks at the parts of the server, at a bounded rate.
pub(super) struct Readiness {
    store: Store,
    authorities: Arc<LiveAuthorities>,
    /// Certificate and key of each door that has them.
    doors: Vec<(&'static str, PathBuf, PathBuf)>,
    data: PathBuf,
    last: Mutex<Last>,
}

/// What the last look found.
#[derive(Default)]
struct Last {
    /// When it was begun.
    tried: Option<Instant>,
    /// What it found, but for whether the store answers, which is asked each time.
    findings: Vec<Finding>,
}

impl Readiness {
    pub(super) fn new(store: Store, authorities: Arc<LiveAuthorities>, installation: &Installation) -> Self {
        let (device, admin) = (&installation.settings.device_door, &installation.settings.admin_door);
        let folder = &installation.folder;
        let named = [("device door", &device.certificate, &device.key), ("admin door", &admin.certificate, &admin.key)];
        let named = named.into_iter().filter(|(_, certificate, _)| !certificate.as_os_str().is_empty());
        let doors =
            named.map(|(door, certificate, key)| (door, folder.resolve(certificate), folder.resolve(key))).collect();
        Self { store, authorities, doors, data: folder.path().to_owned(), last: Mutex::default() }
    }

    /// The question that the admin door asks.
    pub(super) fn check(self: Arc<Self>) -> http::Readiness {
        Arc::new(move || {
            let this = Arc::clone(&self);
            async move { this.look(Instant::now()).await }.boxed()
        })
    }

    /// How the server is.
    pub(super) async fn look(self: Arc<Self>, at: Instant) -> Health {
        if let Err(error) = self.store.read(|tx: &mut Tx<'_>| tx.ping()).await {
            return Health::of(vec![Finding::new("database", Condition::Failed, told(&error))]);
        }
        if self.is_due(at) {
            let mut findings = vec![self.database().await, self.schema().await];
            let this = Arc::clone(&self);
            let rest = tokio::task::spawn_blocking(move || this.rest(now())).await;
            findings.extend(rest.unwrap_or_default());
            self.last().findings = findings;
        }
        Health::of(self.last().findings.clone())
    }

    async fn database(&self) -> Finding {
        match self.store.write(|tx: &mut Tx<'_>| tx.probe(now())).await {
            Ok(()) => {
                Finding::new("database", Condition::Fine, format!("{} answers and is written", self.store.engine()))
            }
            // A server that has much to do does it.
            Err(Error::Busy) => Finding::new("database", Condition::Fine, "it has much to do"),
            Err(error) => Finding::new("database", Condition::Failed, told(&error)),
        }
    }

    async fn schema(&self) -> Finding {
        match self.store.read(|tx: &mut Tx<'_>| tx.missing_migrations()).await {
            Ok((applied, missing)) if missing.is_empty() => {
                Finding::new("schema", Condition::Fine, format!("{applied} changes were made"))
            }
            Ok((_, missing)) => {
                Finding::new("schema", Condition::Failed, format!("changes are missing: {}", missing.join(", ")))
            }
            Err(Error::Busy) => Finding::new("schema", Condition::Fine, "the database has much to do"),
            Err(error) => Finding::new("schema", Condition::Failed, told(&error)),
        }
    }

    /// What needs files.
    fn rest(&self, now: Timestamp) -> Vec<Finding> {
        let mut findings = vec![match self.authorities.current().issuing().ends_at() {
            Ok(ends) => ending("authority", "the issuing authority", ends, now),
            Err(error) => Finding::new("authority", Condition::Failed, error.to_string()),
        }];
        for (door, certificate, key) in &self.doors {
            findings.push(match ServerIdentity::load(certificate, key) {
                Ok(identity) => {
                    ending("server_certificate", &format!("the certificate of the {door}"), identity.expires_at(), now)
                }
                // The door goes on with the one that it has.
                Err(error) => Finding::new("server_certificate", Condition::Warning, format!("{door}: {error}")),
            });
        }
        findings.push(match rustix::fs::statvfs(&self.data) {
            Ok(disk) => room(disk.f_bavail.saturating_mul(disk.f_frsize)),
            Err(error) => Finding::new("disk", Condition::Warning, format!("can't tell how much is free: {error}")),
        });
        findings
    }

    /// Whether it is time to look again; whoever is told so is the one who looks.
    fn is_due(&self, at: Instant) -> bool {
        let mut last = self.last();
        let has_failed = last.findings.iter().any(|finding| finding.condition == Condition::Failed);
        let pause = if has_failed { TRIED_AGAIN } else { COUNTS };
        let is_due = last.tried.is_none_or(|tried| at.saturating_duration_since(tried) >= pause);
        if is_due {
            last.tried = Some(at);
        }
        is_due
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ending(part: &str, what: &str, ends: Timestamp, now: Timestamp) -> Finding {
    let left = ends.millis_since(now);
    let at = time(ends);
    if left <= 0 {
        Finding::new(part, Condition::Failed, format!("{what} ended at {at}"))
    } else if left < SOON {
        Finding::new(part, Condition::Warning, format!("{what} ends at {at}"))
    } else {
        Finding::new(part, Condition::Fine, format!("{what} is good until {at}"))
    }
}

fn room(free: u64) -> Finding {
    let condition = if free < TOO_LITTLE {
        Condition::Failed
    } else if free < LITTLE {
        Condition::Warning
    } else {
        Condition::Fine
    };
    Finding::new("disk", condition, format!("{} are free", ByteSize(free)))
}

/// The error with its cause.
fn told(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{Authorities, CertificateAuthority};
    use crate::store::{DatabaseUrl, SealKey, StoreOptions};

    fn readiness(folder: &tempfile::TempDir) -> Readiness {
        let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
        let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
        let authority = CertificateAuthority::create("Test", now()).unwrap();
        let authorities = Arc::new(LiveAuthorities::fixed(Authorities::of(authority).unwrap()));
        let data = folder.path().to_owned();
        Readiness { store, authorities, doors: Vec::new(), data, last: Mutex::default() }
    }

    #[tokio::test]
    async fn asking_often_looks_seldom() {
        let folder = tempfile::tempdir().unwrap();
        let readiness = readiness(&folder);
        let start = Instant::now();
        let due = |from: Instant| {
            (0..1000).filter(|tenth| readiness.is_due(from + Duration::from_millis(100) * *tenth)).count()
        };
        assert_eq!(due(start), 10);
        readiness.last().findings = vec![Finding::new("database", Condition::Failed, "")];
        assert_eq!(due(start + Duration::from_mins(5)), 100);
    }

    #[tokio::test]
    async fn every_part_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut readiness = readiness(&folder);
        readiness.doors.push(("device door", folder.path().join("none.pem"), folder.path().join("none.key")));
        let health = Arc::new(readiness).look(Instant::now()).await;
        let parts: Vec<&str> = health.parts.iter().map(|part| part.part.as_str()).collect();
        assert_eq!(parts, ["database", "schema", "authority", "server_certificate", "disk"]);
        assert_eq!(health.parts[3].condition, Condition::Warning, "the door goes on with what it has");
    }

    #[test]
    fn what_has_ended_has_failed_and_what_ends_soon_is_told() {
        let of = |ends| ending("authority", "it", Timestamp(ends), Timestamp(SOON)).condition;
        assert_eq!([of(SOON), of(SOON + 1), of(3 * SOON)], [Condition::Failed, Condition::Warning, Condition::Fine]);
        let rooms = [0, TOO_LITTLE, LITTLE].map(|free| room(free).condition);
        assert_eq!(rooms, [Condition::Failed, Condition::Warning, Condition::Fine]);
    }
}
