//! An envelope that another implementation signed, and those that do not count.

use transom_protocol::enrollment::read_get_policies;
use transom_protocol::soap::Credential;

use super::*;

const SIGNED: &str = include_str!("../../../../fixtures/pki/signed-envelope/request.xml");
const ISSUER: &[u8] = include_bytes!("../../../../fixtures/pki/signed-envelope/issuer.pem");
/// When it was signed, and a bit.
const NOW: Timestamp = Timestamp(1_795_233_660_000);

fn certificates(issuers: bool, thumbprints: &[&str]) -> Certificates {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("issuers.pem"), ISSUER).unwrap();
    let settings = config::CertificateSignIn {
        issuers: if issuers { "issuers.pem".into() } else { "".into() },
        thumbprints: thumbprints.iter().map(|text| (*text).to_owned()).collect(),
    };
    Certificates::new(&settings, &DataFolder::new(folder.path())).unwrap()
}

/// As the reader of requests hands it over.
fn shown(envelope: &str) -> SignedEnvelope {
    match read_get_policies(envelope.as_bytes(), &LIMITS).unwrap().credential {
        Credential::Certificate(signed) => signed,
        other => panic!("{other:?}"),
    }
}

fn word(certificates: &Certificates, envelope: &SignedEnvelope, now: Timestamp) -> &'static str {
    certificates.verify(envelope, now).map_or_else(|denied| denied.word(), |_| "believed")
}

#[test]
fn a_package_of_a_trusted_issuer_enrolls() {
    let user = certificates(true, &[]).verify(&shown(SIGNED), NOW).unwrap();
    assert_eq!(user.name, "package7@contoso.test");
    let listed = certificates(false, &[&user.thumbprint]);
    assert_eq!(listed.verify(&shown(SIGNED), NOW).unwrap(), user);
}

#[test]
fn others_do_not() {
    let other = "00".repeat(32);
    assert_eq!(word(&certificates(false, &[&other]), &shown(SIGNED), NOW), "certificate_untrusted");
    let trusted = certificates(true, &[]);
    for (seconds, expected) in [
        (-361, "envelope_time"),
        (-359, "believed"),
        (240 + 299, "believed"),
        (240 + 300, "envelope_time"),
        (25 * 365 * 86_400, "certificate_time"),
        (-30 * 86_400, "certificate_time"),
    ] {
        assert_eq!(word(&trusted, &shown(SIGNED), NOW.plus_millis(seconds * 1000)), expected, "{seconds}");
    }
    let value = SIGNED.split("<ds:SignatureValue>").nth(1).unwrap().split('<').next().unwrap();
    let last = if value.starts_with('A') { "B" } else { "A" };
    let forged = SIGNED.replacen(value, &format!("{last}{}", &value[1..]), 1);
    assert_eq!(word(&trusted, &shown(&forged), NOW), "certificate_signature");
    let changed = SIGNED.replacen("Policy.svc", "policy.svc", 1);
    assert_eq!(word(&trusted, &shown(&changed), NOW), "envelope_signature");
    // Another certificate than the one in the envelope that is verified.
    let mut swapped = shown(SIGNED);
    swapped.certificate = openssl::x509::X509::from_pem(ISSUER).unwrap().to_der().unwrap();
    assert_eq!(word(&trusted, &swapped, NOW), "envelope_signature");
}

#[test]
fn settings_that_hold_no_certificates_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let new = |issuers: &str, thumbprint: &str| {
        let settings = config::CertificateSignIn { issuers: issuers.into(), thumbprints: vec![thumbprint.to_owned()] };
        Certificates::new(&settings, &DataFolder::new(folder.path())).err().unwrap()
    };
    assert!(matches!(new("empty.pem", &"00".repeat(20)), SetupError::Content { .. }));
    assert!(matches!(new("", "secret"), SetupError::Setting { .. }));
}
