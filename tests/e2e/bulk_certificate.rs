//! Bulk enrollment: computers that sign their requests with the certificate of a provisioning package.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage};
use openssl::x509::{X509, X509NameBuilder};

use super::enrollment::computer;
use super::enrollment_refused::nothing_is_there;
use crate::support::pc::sign_in::{Package, signed_issue};
use crate::support::server::Site;

super::on_both![computers_enroll_with_the_certificate_of_their_package];

/// A certificate, its own issuer where there is no other.
fn certificate(name: &str, key: &PKey<Private>, issuer: Option<&Package>) -> X509 {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, openssl::bn::MsbOption::ONE, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(7).unwrap()).unwrap();
    if issuer.is_some() {
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
    } else {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
    builder.build()
}

fn package(name: &str, issuer: Option<&Package>) -> Package {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    Package { certificate: certificate(name, &key, issuer), key }
}

async fn computers_enroll_with_the_certificate_of_their_package(site: Site) {
    let issuer = package("Bulk CA", None);
    std::fs::write(site.data().join("bulk.pem"), issuer.certificate.to_pem().unwrap()).unwrap();
    let site = site.without_rates().with("CERTIFICATE_SIGN_IN_ISSUERS", "bulk.pem");
    let site = site.with("ENROLLMENT_LIMITS_ATTEMPTS_PER_ADDRESS", "1000");
    let server = site.serve();
    let (own, stranger) = (package("package 7", Some(&issuer)), package("package 7", None));
    let mut pc = computer(&site, &server, "D1");
    let mut line = pc.connect_bare().await;
    assert_eq!(pc.discover(&mut line, &["Certificate"]).await.unwrap().policy, "Certificate");
    assert_eq!(pc.discover(&mut line, &["Certificate", "OnPremise"]).await.unwrap().policy, "OnPremise");

    let now = jiff::Timestamp::now();
    let good = signed_issue(&pc, &own, now);
    let hour = jiff::SignedDuration::from_hours(1);
    let refusals = [
        (signed_issue(&pc, &stranger, now), "certificate_untrusted"),
        (signed_issue(&pc, &issuer, now), "certificate_untrusted"),
        (signed_issue(&pc, &own, now - hour), "envelope_time"),
        (signed_issue(&pc, &own, now + hour), "envelope_time"),
        (good.replacen("<ac:Value>D1</ac:Value>", "<ac:Value>D2</ac:Value>", 1), "envelope_signature"),
        (
            signed_issue(&pc, &Package { certificate: own.certificate.clone(), key: stranger.key.clone() }, now),
            "certificate_signature",
        ),
    ];
    for (request, reason) in &refusals {
        let fault = pc.token(&mut pc.connect_bare().await, request.clone()).await.unwrap_err();
        assert!(!fault.trace_id.is_empty(), "{reason}: {fault:?}");
    }
    nothing_is_there(&site);
    let attempts = server.operator().list("/api/v1/enrollment-attempts").await;
    for (_, reason) in &refusals {
        assert!(attempts.iter().any(|attempt| attempt["reason"] == *reason), "{reason}: {attempts:?}");
    }

    let document = pc.token(&mut line, good).await.unwrap();
    pc.take(document);
    for id in ["D2", "D3"] {
        let other = computer(&site, &server, id);
        other.token(&mut other.connect_bare().await, signed_issue(&other, &own, jiff::Timestamp::now())).await.unwrap();
    }
    let device = server.operator().get("/api/v1/devices/D2").await;
    assert!(device.to_string().contains("package 7"), "{device}");
}
