//! The whole walk over TLS: enroll, be managed, renew; and what a device refuses.

use transom_protocol::enrollment::client::ReceivedFault;
use transom_protocol::enrollment::{AuthPolicy, EnrollmentType};
use transom_protocol::session::Timestamp;

use super::office::{Office, PASSWORD, Twist};
use crate::pki::device::{DeviceKeyKind, DeviceKeyPair, RequestShape, certificate_pem};
use crate::simulator::client::{Client, ClientOptions, SessionEnd};
use crate::simulator::device::{Behaviour, Device};
use crate::simulator::enrollment::{EnrollError, EnrollOptions, Enrolled, Enroller, Machine, SignIn, Step};
use crate::simulator::faults::FaultPlan;
use crate::simulator::identity::DeviceIdentity;

fn enroller(office: &Office, enrollment_type: EnrollmentType) -> Enroller {
    let options = EnrollOptions { enrollment_type, ..EnrollOptions::default() };
    Enroller::new(&office.url(), &office.ca_pem, options).unwrap()
}

fn ada() -> SignIn {
    SignIn::password("ada@example.test", PASSWORD)
}

async fn enrolled(office: &Office) -> Enrolled {
    enroller(office, EnrollmentType::Full).enroll(&Machine::seeded(7), &ada()).await.unwrap()
}

async fn session(office: &Office, enrolled: &DeviceIdentity, address: &str) -> Device {
    let client = Client::new(address, &office.ca_pem, ClientOptions::default()).unwrap();
    let client = client.for_device(enrolled).unwrap();
    let mut device = Device::new(enrolled.clone(), address, Behaviour::default(), 7);
    let report = client.run_session(&mut device, &mut FaultPlan::none()).await.unwrap();
    assert_eq!(report.ended, Some(SessionEnd::Quiet));
    assert!(report.is_clean(), "{report:?}");
    device
}

#[tokio::test]
async fn a_device_enrolls_with_a_password_and_is_managed_with_its_certificate() {
    let office = Office::start(AuthPolicy::OnPremise, Twist::None);
    let enrolled = enrolled(&office).await;
    assert_eq!(enrolled.problems, [""; 0]);
    assert_eq!(enrolled.identity.device_id, Machine::seeded(7).device_id);
    assert_eq!((enrolled.identity.name.as_str(), enrolled.identity.provider_id.as_str()), ("account", "Transom"));
    let lines: Vec<String> = office.arrived().into_iter().map(|arrived| arrived.line).collect();
    assert_eq!(
        lines,
        [
            "GET /EnrollmentServer/Discovery.svc",
            "POST /EnrollmentServer/Discovery.svc",
            "POST /EnrollmentServer/Policy.svc",
            "POST /EnrollmentServer/Enrollment.svc",
        ]
    );
    assert!(office.arrived().iter().all(|arrived| arrived.agent == "ENROLLClient" && arrived.certificate.is_none()));

    let device = session(&office, &enrolled.identity, &enrolled.address).await;
    assert_eq!(device.ent_dm_id().as_deref(), Some("enrollment-1"));
    let last = office.arrived().pop().unwrap();
    assert!(last.line.starts_with("POST /ManagementServer/Mdm.svc?mode="), "{}", last.line);
    assert_eq!(last.certificate, office.issued().pop());
}

#[tokio::test]
async fn a_device_enrolls_for_itself_with_a_token_of_entra_or_of_a_page() {
    for sign_in in [
        SignIn::Entra { email: "ada@example.test".to_owned(), token: PASSWORD.into() },
        SignIn::Page { email: "ada@example.test".to_owned(), token: PASSWORD.into() },
    ] {
        let office = Office::start(AuthPolicy::Federated, Twist::None);
        let enroller = enroller(&office, EnrollmentType::Device);
        let enrolled = enroller.enroll(&Machine::seeded(8), &sign_in).await.unwrap();
        assert_eq!(enrolled.problems, [""; 0]);
        assert_eq!(enrolled.provisioned.certificate(), office.issued().pop().as_deref());
        assert!(enrolled.provisioned.certificate_search.unwrap().ends_with(r"My%5CSystem"));
    }
}

#[tokio::test]
async fn a_device_enrolls_with_the_certificate_of_a_package() {
    let office = Office::start(AuthPolicy::Certificate, Twist::None);
    let key = DeviceKeyPair::generate(DeviceKeyKind::Rsa2048).unwrap();
    let request = key.request("0", "package", RequestShape::Windows11).unwrap();
    let pem = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let with = |key: &DeviceKeyPair| SignIn::Certificate {
        email: "package@example.test".to_owned(),
        certificate: pem(&certificate_pem(&office.certificate_for(&request)).unwrap()),
        key: pem(&key.key_pem().unwrap()).into(),
        now: Timestamp(1_795_212_000_000),
    };
    let enroller = enroller(&office, EnrollmentType::Device);
    let enrolled = enroller.enroll(&Machine::seeded(9), &with(&key)).await.unwrap();
    assert_eq!(enrolled.problems, [""; 0]);
    let other = DeviceKeyPair::generate(DeviceKeyKind::Rsa2048).unwrap();
    let error = enroller.enroll(&Machine::seeded(9), &with(&other)).await.unwrap_err();
    assert_eq!(error.fault().map(ReceivedFault::hresult), Some(0x8018_0002), "{error}");
}

#[tokio::test]
async fn a_certificate_is_renewed_with_a_new_key_and_the_account_stays() {
    let office = Office::start(AuthPolicy::OnPremise, Twist::None);
    let Enrolled { identity, address, .. } = enrolled(&office).await;
    let enroller = enroller(&office, EnrollmentType::Full);
    let renewed = enroller.renew(&identity).await.unwrap();
    assert_eq!(renewed.problems, [""; 0]);
    let issued = office.issued();
    let last = office.arrived().pop().unwrap();
    assert_eq!(last.certificate.as_ref(), issued.first(), "the old certificate asks for the new one");
    let [old, new] = [&identity, &renewed.identity].map(|identity| identity.certificate.clone().unwrap());
    assert!(old.certificate != new.certificate && old.key.expose() != new.key.expose());

    let mut device = session(&office, &renewed.identity, &address).await;
    assert_eq!(office.arrived().pop().unwrap().certificate.as_ref(), issued.last());
    device.renewed(&renewed.identity);
    assert_eq!(device.identity().certificate.as_ref().map(|own| &own.certificate), Some(&new.certificate));

    // The old one asks once more: it is not the current one any longer.
    let error = enroller.renew(&identity).await.unwrap_err();
    assert_eq!(error.fault().map(ReceivedFault::hresult), Some(0x8018_0016), "{error}");
}

#[tokio::test]
async fn an_identity_is_kept_in_a_file_and_serves_again() {
    let office = Office::start(AuthPolicy::OnPremise, Twist::None);
    let Enrolled { identity, address, .. } = enrolled(&office).await;
    let text = serde_json::to_string(&identity).unwrap();
    let again: DeviceIdentity = serde_json::from_str(&text).unwrap();
    assert!(!format!("{again:?}").contains("PRIVATE KEY") && !format!("{again:?}").contains("digest-secret"));
    let device = session(&office, &again, &address).await;
    assert_eq!(device.ent_dm_id().as_deref(), Some("enrollment-1"));
}

#[tokio::test]
async fn a_fault_is_told_with_the_number_that_windows_shows() {
    let office = Office::start(AuthPolicy::OnPremise, Twist::None);
    let wrong = SignIn::password("ada@example.test", "guessed");
    let error = enroller(&office, EnrollmentType::Full).enroll(&Machine::seeded(7), &wrong).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "policies: the server refused with 0x80180002 (Authentication): The user name, password or token is wrong, \
         expired or used up. [trace trace-1]"
    );
    assert_eq!(office.issued().len(), 0);
}

#[tokio::test]
async fn a_password_is_not_sent_where_a_page_is_wanted() {
    let office = Office::start(AuthPolicy::Federated, Twist::None);
    let error = enroller(&office, EnrollmentType::Full).enroll(&Machine::seeded(7), &ada()).await.unwrap_err();
    assert!(matches!(error, EnrollError::Wrong { step: Step::Discover, .. }), "{error}");
    assert_eq!(office.arrived().len(), 2);
}

#[tokio::test]
async fn what_windows_does_not_take_is_not_taken() {
    for (twist, wanted) in [
        (Twist::Chunked, "the reply is chunked"),
        (Twist::AnotherKey, "another key"),
        (Twist::NoNonce, "no AAUTHDATA"),
        (Twist::AnotherStore, "not for the store"),
        (Twist::Down, "HTTP status 503"),
    ] {
        let office = Office::start(AuthPolicy::OnPremise, twist);
        let enroller = enroller(&office, EnrollmentType::Device);
        let error = enroller.enroll(&Machine::seeded(7), &ada()).await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{twist:?}: {error}");
    }
}

#[tokio::test]
async fn what_shows_only_later_is_a_problem() {
    for (twist, wanted) in [
        (Twist::AnotherSubject, "the search does not find the client certificate"),
        (Twist::Unrelated, "RelatesTo is not the MessageID of the request"),
    ] {
        let office = Office::start(AuthPolicy::OnPremise, twist);
        let problems = enrolled(&office).await.problems;
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{twist:?}: {problems:?}");
    }
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_gets_nothing() {
    let office = Office::start(AuthPolicy::OnPremise, Twist::None);
    let stranger = Office::start(AuthPolicy::OnPremise, Twist::None);
    let enroller = Enroller::new(&office.url(), &stranger.ca_pem, EnrollOptions::default()).unwrap();
    let error = enroller.enroll(&Machine::seeded(7), &ada()).await.unwrap_err();
    assert!(matches!(error, EnrollError::NoReply { step: Step::Probe, .. }), "{error}");
    assert_eq!(office.arrived().len(), 0);
}
