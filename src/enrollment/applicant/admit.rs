//! Whether this user may have this device: decided in the transaction that makes the enrollment.

use transom_protocol::session::{DeviceId, Timestamp};

use super::{Applicant, Claims, Denied, Means, Visit};
use crate::config::{Editions, EnrollmentLimits, version_numbers};
use crate::enrollment::sign_in::SignIns;
use crate::model::{
    Actor, Admission, AuditRecord, EnrollmentId, EnrollmentTokenId, EnrollmentTokenState, EnrollmentUser,
};
use crate::store::{self, Tx};

/// An enrollment that no device has used counts as a device for so long, in milliseconds: long enough that a user can't
/// make many at once, short enough that a lost one does not keep the next out.
const PENDING_COUNTS: i64 = 24 * 60 * 60 * 1000;

/// Who says what is known of people that signed in.
const PROVIDER: &str = "transom:sign-in";

/// How often one use of a token may be tried anew by the device that never got the reply.
const MOST_RETRIES: i64 = 10;

/// Enrollments that one machine may have at a time, as the number of devices is counted: it calls itself otherwise each
/// time that it enrolls, and clones call themselves alike.
const LIVES: u32 = 4;

/// A device that may be enrolled. The enrollment is made next, in the same transaction, and handed to
/// [`Admitted::settle`].
#[derive(Debug)]
#[must_use = "the enrollment that is made has to be settled"]
pub struct Admitted {
    /// Enrollments that this device made with this very token and never used, because the reply was lost. They have
    /// ended.
    pub superseded: Vec<EnrollmentId>,
    applicant: Applicant,
    device: DeviceId,
    hardware: Option<String>,
}

/// Decides whether a device may be enrolled, and takes what its enrollment uses up.
///
/// Looks again at all that may have changed since [`Gate::check`](super::Gate::check). An error must undo the
/// transaction.
pub fn admit(
    tx: &mut Tx<'_>,
    applicant: &Applicant,
    claims: &Claims,
    limits: &EnrollmentLimits,
    now: Timestamp,
) -> Result<Admitted, Denied> {
    let device = claims.device_id.clone().ok_or(Denied::NoDeviceId)?;
    version_fits(claims, limits)?;
    edition_fits(claims, limits)?;
    type_fits(claims, limits)?;
    if limits.only_declared && !tx.is_declared(&claims.declarable())? {
        return Err(Denied::NotDeclared);
    }
    let account = tx.enrollment_user(&applicant.user)?;
    let most = most_devices(account.as_ref(), limits);
    // What is counted must not change meanwhile. The many devices of a bulk account need not wait for each other.
    if most.is_some() || matches!(applicant.means, Means::Token(_)) {
        tx.lock_enroller(&applicant.user)?;
    }
    if account.as_ref().is_some_and(|account| account.disabled_at.is_some()) {
        return Err(Denied::AccountDisabled);
    }
    let superseded = match &applicant.means {
        Means::Account(id) if account.as_ref().is_some_and(|account| account.id == *id) => Vec::new(),
        Means::Account(_) => return Err(Denied::AccountGone),
        Means::Token(token) => use_token(tx, token, &device, claims, now)?,
        Means::Federated(user) => {
            SignIns::spend(tx, user, &device, now)?;
            Vec::new()
        }
        Means::Entra(_) | Means::Certificate(_) => Vec::new(),
    };
    tx.supersede_pending(&superseded, now)?;
    if let Some(most) = most {
        let hardware = claims.hardware();
        let since = now.plus_millis(-PENDING_COUNTS);
        let has = tx.devices_of_user(&applicant.user, (&device, hardware.as_deref()), since)?;
        if has.devices >= most || has.enrollments >= most.saturating_mul(LIVES) {
            return Err(Denied::CapReached { has: has.devices, most });
        }
    }
    if let Some(account) = &account {
        tx.touch_enrollment_user(account, now)?;
    }
    Ok(Admitted { superseded, applicant: applicant.clone(), device, hardware: claims.hardware() })
}

impl Admitted {
    /// Writes down who made this enrollment, in the transaction that made it.
    pub fn settle(
        self,
        tx: &mut Tx<'_>,
        enrollment: &EnrollmentId,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<(), store::Error> {
        let Applicant { user, means } = self.applicant;
        let said = match &means {
            Means::Federated(federated) => Some((federated.said.clone(), federated.signed_in_at)),
            Means::Entra(entra) => Some((entra.said.clone(), entra.issued_at)),
            Means::Account(_) | Means::Token(_) | Means::Certificate(_) => None,
        };
        let heard = said.map(|(said, at)| (user.clone(), said, at));
        tx.record_attempt(&visit.enrolled(user.as_str(), enrollment, now))?;
        tx.record_admission(&Admission {
            enrollment: enrollment.clone(),
            user,
            means: means.word().to_owned(),
            token: match means {
                Means::Token(token) => Some(token),
                Means::Account(_) | Means::Federated(_) | Means::Entra(_) | Means::Certificate(_) => None,
            },
            device: self.device,
            hw_dev_id: self.hardware,
            admitted_at: now,
        })?;
        let Some((user, said, at)) = heard else { return Ok(()) };
        // Last, because whoever spreads it locks the lives of devices before the person.
        if let Some((before, known)) = tx.hear_of_person(&user, said, PROVIDER, at)? {
            let record = AuditRecord::new("directory.set", "person", user.as_str());
            let record = record.before(serde_json::json!(before)).after(serde_json::json!(known));
            tx.audit(&Actor::server(PROVIDER), record, now);
        }
        Ok(())
    }
}

/// Takes one use of a token; none where the same device enrolls again because it never got the reply, and the
/// enrollments that it never got are told.
///
/// Windows calls a device otherwise each time that it enrolls, so that it is known by its hardware; but clones share
/// that, and each of them may have a use while there are any.
fn use_token(
    tx: &mut Tx<'_>,
    token: &EnrollmentTokenId,
    device: &DeviceId,
    claims: &Claims,
    now: Timestamp,
) -> Result<Vec<EnrollmentId>, Denied> {
    let found = tx.enrollment_token(token)?;
    let used = found.as_ref().map_or(0, |token| i64::from(token.used));
    let state = found.map(|token| token.state(now));
    if matches!(state, Some(EnrollmentTokenState::Live | EnrollmentTokenState::Spent)) {
        let hardware = claims.hardware();
        let unused = tx.unused_admissions(token, device, hardware.as_deref())?;
        let may_retry = tx.times_admitted(token)? < used.saturating_add(MOST_RETRIES);
        let (same, alike): (Vec<_>, Vec<_>) = unused.into_iter().partition(|before| before.device == *device);
        let ids = |admissions: Vec<Admission>| admissions.into_iter().map(|before| before.enrollment).collect();
        if may_retry && same.iter().any(|before| before.hw_dev_id == hardware) {
            return Ok(ids(same));
        }
        if tx.use_enrollment_token(token, now)? {
            return Ok(Vec::new());
        }
        if may_retry && !alike.is_empty() {
            return Ok(ids(alike));
        }
    }
    Err(match state {
        None => Denied::UnknownToken,
        Some(EnrollmentTokenState::Revoked) => Denied::TokenRevoked,
        Some(EnrollmentTokenState::Expired) => Denied::TokenExpired,
        Some(EnrollmentTokenState::Live | EnrollmentTokenState::Spent) => Denied::TokenSpent,
    })
}

/// How many devices the user may have; `None` for any number.
fn most_devices(account: Option<&EnrollmentUser>, limits: &EnrollmentLimits) -> Option<u32> {
    if account.is_some_and(|account| account.is_bulk) {
        return None;
    }
    let own = account.and_then(|account| account.max_devices);
    own.or_else(|| Some(limits.devices_per_user).filter(|most| *most > 0))
}

fn version_fits(claims: &Claims, limits: &EnrollmentLimits) -> Result<(), Denied> {
    let (minimum, maximum) = (&limits.minimum_build, &limits.maximum_build);
    if !minimum.is_set() && !maximum.is_set() {
        return Ok(());
    }
    let said = claims.os_version.as_deref().unwrap_or_default();
    let refused = |limit: String| Denied::Version { version: said.to_owned(), limit };
    match version_numbers(said) {
        None => Err(refused("the device does not say which build it is".to_owned())),
        Some(version) if !minimum.is_reached_by(&version) => Err(refused(format!("the oldest is {minimum}"))),
        Some(version) if !maximum.is_not_passed_by(&version) => Err(refused(format!("the newest is {maximum}"))),
        Some(_) => Ok(()),
    }
}

fn edition_fits(claims: &Claims, limits: &EnrollmentLimits) -> Result<(), Denied> {
    let allowed = &limits.allowed_editions;
    if allowed.is_empty() || claims.os_edition.is_some_and(|edition| allowed.contains(edition)) {
        return Ok(());
    }
    let edition = claims.os_edition.map(|edition| match Editions::name(edition) {
        Some(name) => format!("{edition} ({name})"),
        None => edition.to_string(),
    });
    Err(Denied::Edition { edition: edition.unwrap_or_else(|| "(not said)".to_owned()) })
}

fn type_fits(claims: &Claims, limits: &EnrollmentLimits) -> Result<(), Denied> {
    let allowed = &limits.device_types;
    let said = claims.device_type.as_deref().map(str::trim);
    let fits = |said: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(said));
    if allowed.is_empty() || said.is_some_and(fits) {
        return Ok(());
    }
    Err(Denied::DeviceType { device_type: said.unwrap_or("(not said)").to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(minimum: &str, maximum: &str, editions: &[&str], types: &[&str]) -> EnrollmentLimits {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        EnrollmentLimits {
            minimum_build: minimum.parse().unwrap(),
            maximum_build: maximum.parse().unwrap(),
            allowed_editions: Editions::of(&words(editions)).unwrap(),
            device_types: words(types),
            ..EnrollmentLimits::default()
        }
    }

    fn pc() -> Claims {
        Claims {
            os_version: Some("10.0.22631.3880".to_owned()),
            os_edition: Some(4),
            device_type: Some("CIMClient_Windows".to_owned()),
            ..Claims::default()
        }
    }

    fn fits(claims: &Claims, limits: &EnrollmentLimits) -> Result<(), String> {
        let fits = version_fits(claims, limits)
            .and_then(|()| edition_fits(claims, limits))
            .and_then(|()| type_fits(claims, limits));
        fits.map_err(|denied| denied.to_string())
    }

    #[test]
    fn a_pc_that_fits_fits() {
        for limits in [
            EnrollmentLimits::default(),
            limits("22621", "22631", &["enterprise"], &["cimclient_windows"]),
            limits("10.0.22631.3880", "", &["101", "4"], &[]),
        ] {
            assert_eq!(fits(&pc(), &limits), Ok(()));
        }
        assert_eq!(fits(&Claims::default(), &EnrollmentLimits::default()), Ok(()), "nothing said, nothing asked");
    }

    #[test]
    fn a_pc_that_does_not_fit_is_told_why() {
        let silent = Claims::default();
        for (claims, limits, why) in [
            (&pc(), limits("26100", "", &[], &[]), "Windows 10.0.22631.3880 is not allowed: the oldest is 10.0.26100"),
            (&pc(), limits("", "19045", &[], &[]), "Windows 10.0.22631.3880 is not allowed: the newest is 10.0.19045"),
            (
                &silent,
                limits("19045", "", &[], &[]),
                "Windows  is not allowed: the device does not say which build it is",
            ),
            (&pc(), limits("", "", &["home"], &[]), "the edition 4 (enterprise) of Windows is not allowed"),
            (&silent, limits("", "", &["home"], &[]), "the edition (not said) of Windows is not allowed"),
            (&pc(), limits("", "", &[], &["WindowsPhone"]), "the device type CIMClient_Windows is not allowed"),
        ] {
            assert_eq!(fits(claims, &limits), Err(why.to_owned()));
        }
    }

    #[test]
    fn an_account_may_have_a_number_of_its_own_and_a_bulk_account_any() {
        let account = |is_bulk, max_devices| EnrollmentUser {
            id: crate::model::EnrollmentUserId::new(Timestamp(1)),
            name: crate::model::UserName::parse("ada").unwrap(),
            display_name: None,
            is_bulk,
            max_devices,
            created_at: Timestamp(1),
            password_set_at: Timestamp(1),
            disabled_at: None,
            last_used_at: None,
        };
        let limits = EnrollmentLimits { devices_per_user: 5, ..EnrollmentLimits::default() };
        let none = EnrollmentLimits { devices_per_user: 0, ..EnrollmentLimits::default() };
        assert_eq!(most_devices(None, &limits), Some(5));
        assert_eq!(most_devices(None, &none), None);
        assert_eq!(most_devices(Some(&account(false, Some(0))), &limits), Some(0));
        assert_eq!(most_devices(Some(&account(false, Some(2))), &none), Some(2));
        assert_eq!(most_devices(Some(&account(true, Some(2))), &limits), None);
    }
}
