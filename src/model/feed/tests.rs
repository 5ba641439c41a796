//! What is told, under which name.

use super::*;

#[test]
fn words_are_those_of_the_json_form_and_no_two_are_the_same() {
    let mut words: Vec<&str> = FeedKind::ALL.iter().map(|kind| kind.as_str()).collect();
    for kind in FeedKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(FeedKind::parse(kind.as_str()), Some(*kind));
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), FeedKind::ALL.len());
}

#[test]
fn what_is_told_is_bounded_and_has_the_fields_of_its_kind() {
    let at = Timestamp(1_800_000_000_000);
    let mut alert = Event::new(EventKind::Alert, "1226", at);
    alert.data = Some("ä".repeat(100_000));
    alert.mark = Some("critical".to_owned());
    let told = Told::of_journal(&alert);
    assert_eq!(told.kind, FeedKind::DeviceAlert);
    assert_eq!(told.data["data"].as_str().unwrap().chars().count(), MOST);
    let fields = told.kind.fields();
    for name in told.data.as_object().unwrap().keys() {
        assert!(fields.iter().any(|field| field.name == name), "{name}");
    }
    assert!(fields.iter().filter(|field| field.always).all(|field| told.data.get(field.name).is_some()));
}

#[test]
fn what_concerns_security_is_told_as_what_it_is() {
    let kind = |code: &str| FeedKind::of_journal(EventKind::Security, code);
    for refused in [
        "certificate_revoked",
        "certificate_of_another_device",
        "credential_of_another_device",
        "proxy_header_twice",
        "signature_missing",
        "envelope_missing",
        "envelope_key_retired",
        "proof_missing",
        "user_token_refused",
        "device_token_refused",
    ] {
        assert_eq!(kind(refused), FeedKind::IdentityRefused, "{refused}");
    }
    for (code, told) in [
        ("credential_locked", "identity.locked"),
        ("hardware_id_conflict", "identity.conflict"),
        ("proofs_set", "proofs.ordered"),
        ("signing_set", "signing.ordered"),
        ("signing", "signing.on"),
        ("not_signing", "signing.off"),
        ("enveloping_set", "enveloping.ordered"),
        ("enveloping", "enveloping.on"),
        ("not_enveloping", "enveloping.off"),
        ("envelope_key_offered", "envelope_key.offered"),
        ("envelope_key_changed", "envelope_key.changed"),
        ("credentials_offered", "credentials.offered"),
        ("credentials_changed", "credentials.changed"),
        ("credentials_refused", "credentials.declined"),
        ("recovery_key_kept", "recovery_key.kept"),
        ("recovery_key_shown", "recovery_key.shown"),
        ("of_next_year", "security.notice"),
    ] {
        assert_eq!(kind(code).as_str(), told, "{code}");
        assert!(!kind(code).is_refusal() || told.starts_with("identity."), "{code}");
    }
}

#[test]
fn a_filter_takes_kinds_and_devices() {
    let at = Timestamp(1_800_000_000_000);
    let mut told = Told::of_journal(&Event::new(EventKind::Enrollment, "blocked", at));
    let filter = |kinds: &[FeedKind], devices: &[&str]| FeedFilter {
        kinds: kinds.to_vec(),
        devices: devices.iter().map(|device| (*device).to_owned()).collect(),
    };
    assert!(filter(&[], &[]).wants(&told) && filter(&[FeedKind::DeviceBlocked], &[]).wants(&told));
    assert!(!filter(&[FeedKind::DeviceAlert], &[]).wants(&told) && !filter(&[], &["pc-1"]).wants(&told));
    told.device_id = DeviceId::parse("PC-1");
    assert!(filter(&[], &["pc-1"]).wants(&told));
}
