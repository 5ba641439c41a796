//! Certificates: which key may speak for which enrollment, and how that ends. Leaving, and hardware that two devices are.

use serde_json::json;
use transom::model::{
    CertificateFilter, CertificateFingerprint, CertificateRecord, CertificateState, DeviceInfo, EnrollmentId,
    EnrollmentState, EnrollmentType, KeyFingerprint, Made, NewCertificate, NewEnrollment, NotEnqueued,
    RevocationReason, SerialNumber, Timestamp,
};
use transom::store::Error;

use super::{NOW, account, device, get, order};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_certificate_speaks_for_the_enrollment_that_it_was_issued_to,
    a_renewed_certificate_ends_the_one_before_with_its_first_use,
    another_renewal_takes_the_place_of_one_that_was_never_used,
    certificates_end_with_their_enrollment,
    the_list_of_revoked_certificates_forgets_those_whose_time_has_passed,
    certificates_are_listed_by_their_end,
    a_key_has_the_devices_that_are_still_enrolled_with_it,
    an_enrollment_that_a_device_made_says_by_whom,
    hardware_of_two_devices_is_noticed_while_both_are_enrolled,
    a_device_that_is_told_to_leave_takes_no_more_commands,
    an_overdue_leave_is_found_and_ends_as_unknown,
);

const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;

fn certificate(number: u8) -> NewCertificate {
    NewCertificate {
        fingerprint: CertificateFingerprint::new([number; 32]),
        serial: SerialNumber::from_bytes(&[number]).unwrap(),
        key: KeyFingerprint::new([number; 32]),
        authority: "the authority".to_owned(),
        not_before: NOW,
        not_after: NOW.plus_millis(YEAR),
        der: vec![number],
    }
}

fn made(hw_dev_id: &str) -> Made {
    Made {
        id: EnrollmentId::new(NOW),
        upn: "Ada@example.test".to_owned(),
        kind: EnrollmentType::Full,
        hw_dev_id: Some(hw_dev_id.to_owned()),
        context: json!({ "DeviceName": "a secret of sorts" }),
    }
}

impl TestStore {
    /// An enrollment that a device made, with the certificate of this number.
    async fn issue(&self, name: &str, number: u8) -> EnrollmentId {
        let new = NewEnrollment {
            device_id: device(name),
            account: account("secret"),
            info: DeviceInfo::default(),
            made: Some(made(&format!("HARDWARE OF {name}"))),
        };
        self.store
            .write(move |tx| {
                let id = tx.import_enrollment(&new, NOW)?.id;
                tx.add_certificate(&id, &certificate(number), CertificateState::Current, NOW)?;
                Ok::<_, Error>(id)
            })
            .await
            .unwrap()
    }

    async fn certificate(&self, number: u8) -> CertificateRecord {
        let fingerprint = CertificateFingerprint::new([number; 32]);
        self.store.read(move |tx| tx.certificate(fingerprint)).await.unwrap().unwrap()
    }

    async fn activate(&self, enrollment: &EnrollmentId) {
        let enrollment = enrollment.clone();
        self.store.write(move |tx| tx.activate_enrollment(&enrollment, NOW)).await.unwrap();
    }

    async fn renew(&self, enrollment: &EnrollmentId, number: u8) {
        let enrollment = enrollment.clone();
        let job = move |tx: &mut transom::store::Tx<'_>| {
            tx.add_certificate(&enrollment, &certificate(number), CertificateState::Next, NOW.plus_millis(5))
        };
        self.store.write(job).await.unwrap();
    }
}

async fn a_certificate_speaks_for_the_enrollment_that_it_was_issued_to(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    let found = test.certificate(1).await;
    assert_eq!(found.certificate, certificate(1));
    assert_eq!((found.enrollment, found.state), (enrollment.clone(), CertificateState::Current));
    assert_eq!((found.issued_at, found.first_used_at, found.revoked_at), (NOW, None, None));
    let unknown = CertificateFingerprint::new([9; 32]);
    assert_eq!(test.store.read(move |tx| tx.certificate(unknown)).await.unwrap(), None);
    let live = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap();
    assert!(live[0].needs_certificate);
    let again = test.store.write(move |tx| {
        let twice = NewCertificate { fingerprint: CertificateFingerprint::new([2; 32]), ..certificate(1) };
        tx.add_certificate(&enrollment, &twice, CertificateState::Current, NOW)
    });
    assert!(matches!(again.await, Err(Error::Conflict(_))), "a serial number is there once");
}

async fn a_renewed_certificate_ends_the_one_before_with_its_first_use(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    test.renew(&enrollment, 2).await;
    assert!(test.certificate(1).await.state.counts() && test.certificate(2).await.state.counts());
    let renewed = test.certificate(2).await;
    let later = NOW.plus_millis(7);
    let again = renewed.clone();
    test.store.write(move |tx| tx.use_renewed_certificate(&renewed, later)).await.unwrap();
    let (old, new) = (test.certificate(1).await, test.certificate(2).await);
    assert_eq!((old.state, old.revoked_at), (CertificateState::Superseded, Some(later)));
    assert_eq!(old.reason, Some(RevocationReason::Superseded));
    assert_eq!((new.state, new.first_used_at), (CertificateState::Current, Some(later)));
    let twice = test.store.write(move |tx| tx.use_renewed_certificate(&again, later)).await;
    assert!(matches!(twice, Err(Error::NotFound(_))), "it is used first only once");
    let all = test.store.read(move |tx| tx.certificates_of(&enrollment)).await.unwrap();
    assert_eq!(all.len(), 2);
}

async fn another_renewal_takes_the_place_of_one_that_was_never_used(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    test.renew(&enrollment, 2).await;
    test.renew(&enrollment, 3).await;
    assert_eq!(test.certificate(1).await.state, CertificateState::Current);
    assert_eq!(test.certificate(2).await.state, CertificateState::Superseded);
    assert_eq!(test.certificate(3).await.state, CertificateState::Next);
}

async fn certificates_end_with_their_enrollment(test: &TestStore) {
    type End = fn(&mut transom::store::Tx<'_>, &EnrollmentId) -> Result<(), Error>;
    let ends: [(End, EnrollmentState, RevocationReason); 4] = [
        (|tx, id| tx.end_enrollment(id, NOW), EnrollmentState::Unenrolled, RevocationReason::Unenrolled),
        (|tx, id| tx.block_enrollment(id, NOW), EnrollmentState::Blocked, RevocationReason::Blocked),
        (|tx, id| tx.lose_enrollment(id, NOW), EnrollmentState::Unknown, RevocationReason::Unknown),
        (
            |tx, id| tx.replace_enrollments(&[id.to_string()], NOW),
            EnrollmentState::Replaced,
            RevocationReason::Replaced,
        ),
    ];
    for (number, (end, state, reason)) in (1..).zip(ends) {
        let name = format!("device {number}");
        let enrollment = test.issue(&name, number).await;
        test.store.write(move |tx| end(tx, &enrollment)).await.unwrap();
        let found = test.certificate(number).await;
        assert_eq!((found.state, found.reason), (CertificateState::Revoked, Some(reason)), "{state:?}");
        let shown = test.store.read(move |tx| tx.device(&device(&name))).await.unwrap().unwrap().enrollment.unwrap();
        assert_eq!((shown.state, shown.certificate_ends), (state, None));
    }
    // A new life takes back the certificates of the old one when it makes contact, and no earlier.
    let old = test.issue("again", 11).await;
    test.activate(&old).await;
    let new = test.issue("again", 12).await;
    assert_eq!(test.certificate(11).await.state, CertificateState::Current);
    test.activate(&new).await;
    assert_eq!(test.certificate(11).await.reason, Some(RevocationReason::Replaced));
    assert_eq!(test.certificate(12).await.state, CertificateState::Current);
}

async fn the_list_of_revoked_certificates_forgets_those_whose_time_has_passed(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    let _kept = test.issue("b", 2).await;
    assert_eq!(test.store.read(|tx| tx.revoked_certificates(NOW)).await.unwrap(), []);
    test.store.write(move |tx| tx.block_enrollment(&enrollment, NOW.plus_millis(1))).await.unwrap();
    let listed = test.store.read(|tx| tx.revoked_certificates(NOW)).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].serial.as_str(), listed[0].reason), ("1", RevocationReason::Blocked));
    assert_eq!(listed[0].revoked_at, NOW.plus_millis(1));
    let after = NOW.plus_millis(YEAR);
    assert_eq!(test.store.read(move |tx| tx.revoked_certificates(after)).await.unwrap(), []);
}

async fn certificates_are_listed_by_their_end(test: &TestStore) {
    let first = test.issue("PC-1", 9).await;
    test.issue("PC-2", 3).await;
    test.renew(&first, 5).await;
    let listed = async |filter: CertificateFilter, limit: usize| {
        let (mut serials, mut after) = (Vec::new(), None);
        loop {
            let (filter, from) = (filter.clone(), after.take());
            let page = test.store.read(move |tx| tx.certificates(&filter, from.as_ref(), limit)).await.unwrap();
            serials.extend(page.items.iter().map(|(_, record)| record.certificate.serial.as_str().to_owned()));
            after = page.next;
            if after.is_none() {
                return serials;
            }
        }
    };
    let all = listed(CertificateFilter::default(), 50).await;
    assert_eq!(all.len(), 3);
    assert_eq!(listed(CertificateFilter::default(), 1).await, all, "page by page it is the same list");
    let of = CertificateFilter { device: Some(device("pc-1")), ..CertificateFilter::default() };
    assert_eq!(listed(of, 50).await.len(), 2);
    let next = CertificateFilter { state: Some(CertificateState::Next), ..CertificateFilter::default() };
    assert_eq!(listed(next, 50).await.len(), 1);
    let soon = |at| CertificateFilter { ends_before: Some(at), ..CertificateFilter::default() };
    assert_eq!(listed(soon(NOW.plus_millis(YEAR)), 50).await.len(), 0);
    assert_eq!(listed(soon(NOW.plus_millis(YEAR + 1)), 50).await.len(), 3);
}

async fn a_key_has_the_devices_that_are_still_enrolled_with_it(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    let key = certificate(1).key;
    let held = test.store.read(move |tx| tx.holders_of_key(key)).await.unwrap();
    assert_eq!(held, [(device("a"), enrollment.clone())]);
    test.store.write(move |tx| tx.end_enrollment(&enrollment, NOW)).await.unwrap();
    assert_eq!(test.store.read(move |tx| tx.holders_of_key(key)).await.unwrap(), []);
}

async fn an_enrollment_that_a_device_made_says_by_whom(test: &TestStore) {
    test.issue("a", 1).await;
    test.import("b", NOW).await;
    let life = |name: &'static str| async move {
        test.store.read(move |tx| tx.device(&device(name))).await.unwrap().unwrap().enrollment.unwrap()
    };
    let made = life("a").await;
    assert_eq!((made.upn.as_deref(), made.kind), (Some("Ada@example.test"), Some(EnrollmentType::Full)));
    assert_eq!(made.certificate_ends, Some(NOW.plus_millis(YEAR)));
    let imported = life("b").await;
    assert_eq!((imported.upn, imported.kind, imported.certificate_ends), (None, None, None));
    let clear = "SELECT count(*) FROM enrollments WHERE context IS NOT NULL";
    assert_eq!(test.direct().number(clear), 1);
    assert_eq!(test.store.read(|tx| tx.count_expiring(NOW)).await.unwrap(), 0);
    let later = NOW.plus_millis(YEAR + 1);
    assert_eq!(test.store.read(move |tx| tx.count_expiring(later)).await.unwrap(), 1);
}

async fn hardware_of_two_devices_is_noticed_while_both_are_enrolled(test: &TestStore) {
    let first = test.issue("a", 1).await;
    let others = |name: &'static str| async move {
        let hardware = " hardware of a ";
        test.store.read(move |tx| tx.others_with_hardware(hardware, &device(name))).await.unwrap()
    };
    assert_eq!(others("a").await, [], "a device does not contradict itself");
    assert_eq!(others("clone").await, [device("a")]);
    test.store.write(move |tx| tx.end_enrollment(&first, NOW)).await.unwrap();
    assert_eq!(others("clone").await, []);
}

async fn a_device_that_is_told_to_leave_takes_no_more_commands(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    test.activate(&enrollment).await;
    let leave = test.enqueue("a", vec![get("./Leave")]).await;
    let leaving = enrollment.clone();
    test.store.write(move |tx| tx.begin_unenrolling(&leaving)).await.unwrap();
    let more = || order(&["a"], vec![get("./More")]);
    let refused = test.store.write(move |tx| tx.enqueue(&more(), NOW)).await.unwrap();
    assert_eq!(refused[0].commands, Err(NotEnqueued::Leaving));
    assert_eq!(test.certificate(1).await.state, CertificateState::Current, "it says with it that it leaves");
    test.store.write(move |tx| tx.cancel(&leave[0], true, "me", NOW)).await.unwrap();
    let taken = test.store.write(move |tx| tx.enqueue(&more(), NOW)).await.unwrap();
    assert!(taken[0].commands.is_ok(), "what told it to leave is gone");
}

async fn an_overdue_leave_is_found_and_ends_as_unknown(test: &TestStore) {
    let enrollment = test.issue("a", 1).await;
    let (leaving, by) = (enrollment.clone(), NOW.plus_millis(1000));
    test.store.write(move |tx| tx.expect_leave(&leaving, by)).await.unwrap();
    let overdue = |at: Timestamp| test.store.read(move |tx| tx.overdue_leaves(at, 10));
    assert_eq!(overdue(by).await.unwrap(), []);
    assert_eq!(overdue(by.plus_millis(1)).await.unwrap(), std::slice::from_ref(&enrollment));
    let staying = enrollment.clone();
    test.store.write(move |tx| tx.stop_unenrolling(&staying)).await.unwrap();
    assert_eq!(overdue(by.plus_millis(1)).await.unwrap(), []);
    let live = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap();
    assert_eq!((live[0].state, live[0].leave_by), (EnrollmentState::Active, None));
}
