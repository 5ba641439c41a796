//! Who may enroll: passwords, tokens, locks and limits, on both databases.

mod limits;
mod locks;
mod passwords;
mod tokens;

use std::net::IpAddr;

use transom::config::EnrollmentLimits;
use transom::enrollment::applicant::{
    Applicant, Claims, Denied, Gate, Visit, admit, hash_password, new_token, token_hash,
};
use transom::model::{
    AttemptFilter, DeviceInfo, EnrollmentAttempt, EnrollmentId, EnrollmentStep, EnrollmentToken, EnrollmentUser,
    NewEnrollment, NewEnrollmentToken, NewEnrollmentUser, Secret, Timestamp, UserName,
};
use transom::store::{Store, Tx};
use transom_protocol::soap::{Credential, SecretText};

use super::{NOW, account, device};
use crate::support::databases::TestStore;

const MINUTE: i64 = 60_000;

fn peer(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn limits() -> EnrollmentLimits {
    EnrollmentLimits { devices_per_user: 3, attempts_per_address: 20, ..EnrollmentLimits::default() }
}

fn password(name: &str, password: &str) -> Credential {
    Credential::Password { name: name.to_owned(), password: SecretText::new(password) }
}

fn visit(last: u8) -> Visit {
    Visit {
        peer: peer(last),
        step: EnrollmentStep::Issue,
        trace_id: format!("trace-{last}"),
        device: Claims::default(),
    }
}

fn claims(id: &str) -> Claims {
    Claims { device_id: Some(device(id)), hw_dev_id: Some(format!("{id}-hardware")), ..Claims::default() }
}

/// Makes an account whose password is `right-` and its name.
async fn make_user(store: &Store, name: &str) -> EnrollmentUser {
    let hash = hash_password(&secret(&format!("right-{name}")), &[7; 16]).unwrap();
    let new =
        NewEnrollmentUser { name: user(name), display_name: None, password: hash, is_bulk: false, max_devices: None };
    store.write(move |tx: &mut Tx<'_>| tx.create_enrollment_user(&new, NOW)).await.unwrap()
}

/// Makes a token; the number makes it another.
async fn make_token(store: &Store, name: &str, uses: u32, number: u8) -> (EnrollmentToken, String) {
    let token = new_token(&[number; 20]).expose().clone();
    let new = NewEnrollmentToken {
        user: user(name),
        uses,
        expires_at: Some(NOW.plus_millis(60 * MINUTE)),
        hash: token_hash(&token).unwrap(),
        created_by: "tests".to_owned(),
    };
    (store.write(move |tx: &mut Tx<'_>| tx.create_enrollment_token(&new, NOW)).await.unwrap(), token)
}

/// Makes the enrollment that an applicant wants, as the service would.
async fn enroll(
    store: &Store,
    applicant: &Applicant,
    claims: &Claims,
    limits: &EnrollmentLimits,
    now: Timestamp,
) -> Result<(EnrollmentId, Vec<EnrollmentId>), Denied> {
    let (applicant, claims, limits) = (applicant.clone(), claims.clone(), limits.clone());
    let job = move |tx: &mut Tx<'_>| {
        let admitted = admit(tx, &applicant, &claims, &limits, now)?;
        let superseded = admitted.superseded.clone();
        let device_id = claims.device_id.clone().unwrap();
        let new = NewEnrollment { device_id, account: account("secret"), info: DeviceInfo::default(), made: None };
        let enrollment = tx.import_enrollment(&new, now)?.id;
        let visit = Visit { device: claims, ..visit(1) };
        admitted.settle(tx, &enrollment, &visit, now)?;
        Ok((enrollment, superseded))
    };
    store.write(job).await
}

/// Signs in and enrolls.
async fn sign_in_and_enroll(gate: &Gate, store: &Store, with: &Credential, id: &str) -> Result<EnrollmentId, Denied> {
    let applicant = gate.check(with, &visit(1), NOW).await?;
    Ok(enroll(store, &applicant, &claims(id), gate.limits(), NOW).await?.0)
}

async fn attempts(store: &Store) -> Vec<EnrollmentAttempt> {
    store.read(|tx: &mut Tx<'_>| tx.enrollment_attempts(&AttemptFilter::default(), None, 1_000)).await.unwrap().items
}

fn word<T>(refused: &Result<T, Denied>) -> &'static str {
    refused.as_ref().err().map_or("(none)", Denied::word)
}

/// Has all of these enroll at the same time; tells how each ended.
async fn all_at_once(
    test: &TestStore,
    applicant: &Applicant,
    devices: u32,
    limits: &EnrollmentLimits,
) -> Vec<Result<(EnrollmentId, Vec<EnrollmentId>), Denied>> {
    // Several instances on PostgreSQL; there is only one on a file.
    let other = test.reopen();
    let jobs = (0..devices).map(|number| {
        let store = if number % 2 == 0 { test.store.clone() } else { other.clone() };
        let (applicant, limits) = (applicant.clone(), limits.clone());
        tokio::spawn(async move {
            loop {
                match enroll(&store, &applicant, &claims(&format!("D{number}")), &limits, NOW).await {
                    Err(Denied::Store(error)) if error.is_temporary() => {}
                    done => return done,
                }
            }
        })
    });
    let jobs: Vec<_> = jobs.collect();
    let mut done = Vec::new();
    for job in jobs {
        done.push(job.await.unwrap());
    }
    done
}
