//! The certificate of the device door that an ACME server issues: one for all instances, ordered by one at a time.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::fragments::{columns, update};
use super::schema::public_certificates as table;
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Challenges, IssuedPublicCertificate, PublicCertificateState};

/// The one door that has such a certificate.
const DOOR: &str = "device";

const ACCOUNT: Place<'_> = Place { column: "public_certificates.account", row: DOOR };
const KEY: Place<'_> = Place { column: "public_certificates.key", row: DOOR };

/// A chain in PEM with its key.
pub(crate) type CertificateWithKey = (String, Zeroizing<Vec<u8>>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct StateRow {
    number: i64,
    wanted: Option<String>,
    begins_at: Option<i64>,
    ends_at: Option<i64>,
    challenges: Option<String>,
    turn_until: Option<i64>,
    failures: i64,
    again_at: Option<i64>,
    problem: Option<String>,
    problem_at: Option<i64>,
}

impl Tx<'_> {
    /// How the certificate stands.
    pub fn public_certificate(&mut self) -> Result<PublicCertificateState, Error> {
        let row = self.public_certificate_row(false)?;
        let challenges = row.challenges.map(|text| serde_json::from_str(&text));
        let challenges = challenges.transpose().map_err(|_| Error::corrupt("public_certificates.challenges"))?;
        Ok(PublicCertificateState {
            number: row.number,
            wanted: row.wanted,
            begins_at: row.begins_at.map(Timestamp),
            ends_at: row.ends_at.map(Timestamp),
            challenges: challenges.unwrap_or_default(),
            turn_until: row.turn_until.map(Timestamp),
            failures: words::count(row.failures, "public_certificates.failures")?,
            again_at: row.again_at.map(Timestamp),
            problem: row.problem,
            problem_at: row.problem_at.map(Timestamp),
        })
    }

    /// The certificate with its key; nothing where none was issued.
    pub fn public_certificate_with_key(&mut self) -> Result<Option<CertificateWithKey>, Error> {
        let query = table::table.find(DOOR).select((table::chain, table::key));
        let (chain, sealed): (Option<String>, Option<Vec<u8>>) = on_backend!(self, |conn| query.first(conn))?;
        let Some((chain, sealed)) = chain.zip(sealed) else { return Ok(None) };
        Ok(Some((chain, self.key.open(KEY, &sealed)?)))
    }

    /// Takes the turn to order a certificate, for so many milliseconds; not where another instance has it, or one was
    /// issued or failed to be since number `seen`.
    pub fn take_certificate_turn(&mut self, seen: i64, lease: i64, now: Timestamp) -> Result<bool, Error> {
        let row = self.public_certificate_row(true)?;
        let taken = row.turn_until.is_some_and(|until| until > now.0);
        let early = row.again_at.is_some_and(|at| at > now.0);
        if taken || early || row.number != seen {
            return Ok(false);
        }
        let until = table::turn_until.eq(Some(now.0.saturating_add(lease)));
        let query = update(table::table, table::door.eq(DOOR), until);
        on_backend!(self, |conn| query.execute(conn)).map(|_| true)
    }

    /// The account at a directory, with its key.
    pub fn acme_account(&mut self, directory: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let query = table::table.find(DOOR).select((table::directory, table::account));
        let (of, sealed): (Option<String>, Option<Vec<u8>>) = on_backend!(self, |conn| query.first(conn))?;
        let sealed = sealed.filter(|_| of.as_deref() == Some(directory));
        sealed.map(|sealed| self.key.open(ACCOUNT, &sealed)).transpose()
    }

    /// Keeps the account at a directory; one at another is forgotten.
    pub fn save_acme_account(&mut self, directory: &str, account: &[u8]) -> Result<(), Error> {
        let sealed = self.key.seal(ACCOUNT, account)?;
        let changes = (table::directory.eq(Some(directory.to_owned())), table::account.eq(Some(sealed)));
        let query = update(table::table, table::door.eq(DOOR), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Forgets the account: the ACME server does not know it any more.
    pub fn forget_acme_account(&mut self) -> Result<(), Error> {
        let changes = (table::directory.eq(None::<String>), table::account.eq(None::<Vec<u8>>));
        let query = update(table::table, table::door.eq(DOOR), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// What all instances are to show to the ACME server.
    pub fn save_challenges(&mut self, challenges: &Challenges) -> Result<(), Error> {
        let text = serde_json::to_string(challenges).map_err(|_| Error::corrupt("public_certificates.challenges"))?;
        let query = update(table::table, table::door.eq(DOOR), table::challenges.eq(Some(text)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Keeps a certificate that was issued, and ends the turn.
    pub fn save_public_certificate(&mut self, issued: &IssuedPublicCertificate, key: &[u8]) -> Result<(), Error> {
        let sealed = self.key.seal(KEY, key)?;
        let changes = (
            table::wanted.eq(Some(issued.wanted.clone())),
            table::chain.eq(Some(issued.chain.clone())),
            table::key.eq(Some(sealed)),
            table::number.eq(table::number + 1),
            table::begins_at.eq(Some(issued.begins_at.0)),
            table::ends_at.eq(Some(issued.ends_at.0)),
            table::challenges.eq(None::<String>),
            table::turn_until.eq(None::<i64>),
            table::failures.eq(0),
            table::again_at.eq(None::<i64>),
            table::problem.eq(None::<String>),
            table::problem_at.eq(None::<i64>),
        );
        let query = update(table::table, table::door.eq(DOOR), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Keeps why no certificate was issued and when it is tried again, and ends the turn.
    pub fn save_certificate_problem(&mut self, problem: &str, again: Timestamp, now: Timestamp) -> Result<(), Error> {
        let changes = (
            table::challenges.eq(None::<String>),
            table::turn_until.eq(None::<i64>),
            table::failures.eq(table::failures + 1),
            table::again_at.eq(Some(again.0)),
            table::problem.eq(Some(words::text(problem))),
            table::problem_at.eq(Some(now.0)),
        );
        let query = update(table::table, table::door.eq(DOOR), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    fn public_certificate_row(&mut self, lock: bool) -> Result<StateRow, Error> {
        let query = table::table.find(DOOR).select(columns::<StateRow>());
        on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| if lock { query.for_no_key_update().first(conn) } else { query.first(conn) }
        )
    }
}
