//! What each family asks of a device, held against the check that refuses what no device could do.

use super::plan::End;
use super::request::Situation;
use super::*;
use crate::model::{ActionId, ActionKind, Timestamp};
use transom_protocol::csp::check::check;

fn requests() -> Vec<Request> {
    let pfx = {
        let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
        let certificate = certificate(&key);
        let pfx = openssl::pkcs12::Pkcs12::builder().pkey(&key).cert(&certificate).build2("hunter2").unwrap();
        openssl::base64::encode_block(&pfx.to_der().unwrap()).replace('\n', "")
    };
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let root = String::from_utf8(certificate(&key).to_pem().unwrap()).unwrap();
    let texts = [
        serde_json::json!({"kind": "reboot"}),
        serde_json::json!({"kind": "reboot", "at": "2026-11-20T03:00:00"}),
        serde_json::json!({"kind": "lock"}),
        serde_json::json!({"kind": "rename", "name": "DESK-7", "reboot": true}),
        serde_json::json!({"kind": "wipe"}),
        serde_json::json!({"kind": "wipe", "variant": "cloud_keep_user_data"}),
        serde_json::json!({"kind": "autopilot_reset"}),
        serde_json::json!({"kind": "rotate_recovery_passwords"}),
        serde_json::json!({"kind": "reset_laps_password"}),
        serde_json::json!({"kind": "scan"}),
        serde_json::json!({"kind": "scan", "depth": "offline"}),
        serde_json::json!({"kind": "update_signatures"}),
        serde_json::json!({"kind": "collect_diagnostics"}),
        serde_json::json!({"kind": "install_msi", "product_code": "1803a630-3c38-4d2b-9b9a-0cb37243539c",
            "version": "1.0", "url": "https://cdn.example.test/a.msi", "sha256": "ab".repeat(32)}),
        serde_json::json!({"kind": "remove_msi", "product_code": "{1803A630-3C38-4D2B-9B9A-0CB37243539C}"}),
        serde_json::json!({"kind": "install_root", "certificate": root}),
        serde_json::json!({"kind": "enroll_scep", "id": "wifi", "server_url": "https://scep.example.test/",
            "challenge": "hunter2", "subject": "CN=x", "ca_thumbprint": "ab".repeat(20)}),
        serde_json::json!({"kind": "install_pfx", "id": "vpn", "pfx": pfx, "password": "hunter2"}),
    ];
    texts.into_iter().map(|json| serde_json::from_value(json).unwrap()).collect()
}

fn certificate(key: &openssl::pkey::PKeyRef<openssl::pkey::Private>) -> openssl::x509::X509 {
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key, openssl::hash::MessageDigest::sha256()).unwrap();
    builder.build()
}

fn situation<'a>(id: &'a ActionId, facts: &'a Facts) -> Situation<'a> {
    Situation { id, facts, upload_url: Some("https://mdm.example.test/Diagnostics/token".to_owned()) }
}

#[test]
fn every_action_becomes_commands_that_a_device_could_do() {
    let (id, facts) = (ActionId::new(Timestamp(1)), Facts::default());
    let requests = requests();
    for request in &requests {
        let plan = request.plan(&situation(&id, &facts)).unwrap();
        assert!(plan.decides < plan.commands.len());
        for command in &plan.commands {
            check(&command.instruction, 1 << 20).unwrap_or_else(|problems| panic!("{request:?}: {problems:?}"));
        }
        let is_reading = matches!(request.end(), End::Reading | End::Report | End::Upload);
        assert_eq!(!request.nodes().unwrap().is_empty(), is_reading, "{request:?}");
    }
    for kind in ActionKind::ALL {
        assert!(requests.iter().any(|request| request.kind() == kind), "{kind:?} is not tried");
    }
}

#[test]
fn what_is_asked_for_is_never_printed_with_its_secrets() {
    for request in requests() {
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}

#[test]
fn an_older_windows_is_named_by_another_node() {
    let id = ActionId::new(Timestamp(1));
    let rename: Request = serde_json::from_str(r#"{"kind":"rename","name":"DESK-7"}"#).unwrap();
    let target = |version: &str| {
        let facts = Facts::of_version(Some(version));
        let plan = rename.plan(&situation(&id, &facts)).unwrap();
        plan.commands[plan.decides].instruction.settings().next().unwrap().1.target.as_str().to_owned()
    };
    assert!(target("10.0.18363.1").ends_with("Accounts/Domain/ComputerName"));
    assert!(target("10.0.22631.1").ends_with("DNSComputerName"));
}

#[test]
fn an_unknown_field_or_kind_is_refused() {
    for wrong in [r#"{"kind":"reboot","when":"now"}"#, r#"{"kind":"lock","x":1}"#, r#"{"kind":"brew"}"#, "{}"] {
        assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
    }
}
