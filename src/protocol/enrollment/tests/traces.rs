//! Messages that real devices sent. They are not ours, so they are read where they lie: in `$TRANSOM_SHARED`, or in a
//! folder `shared` beside the repository. Without them these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::client::{Store, read_discover_response, read_provisioning, read_token_response};
use super::super::*;
use super::talk::answer;
use crate::soap::{Credential, LIMITS};

/// A file of a recorded device.
fn recorded(file: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("TRANSOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let traces = shared.join("traces");
    if !traces.is_dir() {
        println!("skipped: there are no traces at {}", traces.display());
        return None;
    }
    Some(fs::read(traces.join(file)).unwrap())
}

fn password(credential: &Credential) -> (&str, &str) {
    match credential {
        Credential::Password { name, password } => (name, password.expose()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn discovery_of_windows_10_is_understood() {
    let Some(body) = recorded("win10-19043/02-request-POST-EnrollmentServer_Discovery.svc.xml") else { return };
    let asked = read_discover(&body, &LIMITS).unwrap();
    assert_eq!(asked.message_id.as_deref(), Some("urn:uuid:748132ec-a575-4329-b01b-6171a9cf8478"));
    assert!(asked.to.unwrap().ends_with(":443/EnrollmentServer/Discovery.svc"));
    assert_eq!(asked.credential, Credential::None);
    let discover = asked.body;
    assert_eq!(discover.request_version, Version { major: 4, minor: 0 });
    assert_eq!(discover.offered, [AuthPolicy::OnPremise, AuthPolicy::Federated]);
    assert_eq!((discover.os_edition, discover.device_type.as_deref()), (Some(72), Some("CIMClient_Windows")));
    assert!(answer(&body).is_ok());
}

#[test]
fn policies_of_windows_10_are_understood() {
    let Some(body) = recorded("win10-19043/03-request-POST-EnrollmentServer_Policy.svc.xml") else { return };
    let asked = read_get_policies(&body, &LIMITS).unwrap();
    assert_eq!(password(&asked.credential).1, "demo");
}

#[test]
fn token_request_of_windows_10_is_understood() {
    let Some(body) = recorded("win10-19043/04-request-POST-EnrollmentServer_Enrollment.svc.xml") else { return };
    let asked = read_token_request(&body, &LIMITS).unwrap();
    assert_eq!(password(&asked.credential).1, "demo");
    let TokenKind::Issue { pkcs10 } = asked.body.kind else { panic!("{:?}", asked.body.kind) };
    assert_eq!((pkcs10.len(), &pkcs10[..4]), (722, b"\x30\x82\x02\xCE".as_slice()));
    let context = asked.body.context;
    assert_eq!(context.device_id.as_deref(), Some("1E08C6E95D8BB843B1278FF45BC60CC6"));
    assert_eq!(context.hw_dev_id.map(|id| id.len()), Some(64));
    assert_eq!(context.macs.len(), 5, "six, of which one twice");
    assert_eq!(context.enrollment_type, EnrollmentType::Full);
    assert_eq!((context.os_edition, context.ux_initiated, context.not_in_oobe), (Some(72), Some(true), Some(false)));
    assert_eq!(context.other, [("TargetedUserLoggedIn".to_owned(), "true".to_owned())]);
    assert_eq!(context.request_version, None);
}

#[test]
fn answers_that_windows_10_took_are_understood_by_our_device() {
    let Some(body) = recorded("win10-19043/02-response-POST-EnrollmentServer_Discovery.svc.xml") else { return };
    assert_eq!(read_discover_response(&body, &LIMITS).unwrap().sign_in, SignIn::OnPremise);

    let body = recorded("win10-19043/04-response-POST-EnrollmentServer_Enrollment.svc.xml").unwrap();
    let document = read_token_response(&body, &LIMITS).unwrap();
    let read = read_provisioning(&document, &LIMITS).unwrap();
    assert_eq!(read.provider_id, "DEMO MDM");
    let stores: Vec<Store> = read.certificates.iter().map(|(store, _)| *store).collect();
    assert_eq!(stores, [Store::Root, Store::My(EnrollmentType::Full)]);
    // The thumbprints of that document are those of its certificates, computed as we do.
    let text = String::from_utf8(document).unwrap();
    for (_, der) in read.certificates {
        assert!(text.contains(&StoreCertificate::new(der).thumbprint()));
    }
    assert_eq!(read.client.unwrap().kind, "DIGEST");
}

#[test]
fn what_windows_11_says_of_itself_is_kept_whole() {
    let Some(body) = recorded("win11-26200/enrollment-context.json") else { return };
    let recordings: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
    assert_eq!(recordings.len(), 4);
    let request = fs::read_to_string(super::fixtures::folder().join("issue-password/request.xml")).unwrap();
    let (before, rest) = request.split_once("<ac:ContextItem").unwrap();
    let (_, after) = rest.rsplit_once("</ac:ContextItem>").unwrap();
    for recording in recordings {
        let items = recording["items"].as_array().unwrap();
        let mut text = before.to_owned();
        for (number, item) in items.iter().enumerate() {
            let name = item["name"].as_str().unwrap();
            // What the recording leaves out is as long as it was there.
            let length = usize::try_from(item["characters"].as_u64().unwrap()).unwrap();
            let made_up = format!("{number:0length$}");
            let value = item["value"].as_str().unwrap_or(&made_up);
            text.extend(["<ac:ContextItem Name=\"", name, "\"><ac:Value>", value, "</ac:Value></ac:ContextItem>"]);
        }
        text.push_str(after);
        let context = read_token_request(text.as_bytes(), &LIMITS).unwrap().body.context;
        assert_eq!(context.request_version.unwrap().to_string(), recording_version(items));
        assert_eq!(context.request_version.unwrap().answer(), Version::OURS);
        assert_eq!(context.macs.len(), items.iter().filter(|item| item["name"] == "MAC").count());
        assert!(context.manufacturer.is_some() && context.model.is_some() && context.serial_number.is_some());
        for item in items {
            let name = item["name"].as_str().unwrap();
            let is_attestation = name.starts_with("AIK") || name.starts_with("Attestation");
            assert_eq!(context.other.iter().any(|(other, _)| other == name), is_attestation || is_word(name), "{name}");
        }
    }
}

fn recording_version(items: &[serde_json::Value]) -> &str {
    items.iter().find(|item| item["name"] == "RequestVersion").unwrap()["value"].as_str().unwrap()
}

/// What is a boolean in truth, and was made up as digits above.
fn is_word(name: &str) -> bool {
    matches!(name, "UXInitiated" | "NotInOobe" | "TargetedUserLoggedIn")
}
