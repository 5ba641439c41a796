//! Signatures by other hands than ours: `tests/support/cms/make.py` made them, with the `openssl` command line, with
//! Python's `cryptography` and, where neither would, by hand.

use std::{collections::BTreeSet, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::x509::X509;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{
    model::parse_rfc3339,
    pki::{
        AuthorityKey, CertificateAuthority, CertificateRequest,
        device::{DeviceKeyKind, DeviceKeyPair, RequestShape},
    },
};

#[derive(Deserialize)]
struct Vectors {
    now: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    by: String,
    enrolled: String,
    expect: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/cms")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn vectors() -> Vectors {
    serde_json::from_slice(&read("vectors.json")).unwrap()
}

fn enrolled(kind: &str) -> Vec<u8> {
    X509::from_pem(&read(&format!("enrolled-{kind}.crt"))).unwrap().to_der().unwrap()
}

fn judged(vector: &Vector, now: Timestamp) -> Result<Signed, SignatureRefused> {
    let header = read(&format!("{}.b64", vector.name));
    verify(&header, &read("body.xml"), &enrolled(&vector.enrolled), now, &Window::default())
}

#[test]
fn signatures_of_other_tools_are_judged_as_their_maker_says() {
    let all = vectors();
    let now = parse_rfc3339(&all.now).unwrap();
    let mut seen = BTreeSet::new();
    for vector in &all.vectors {
        let word = match judged(vector, now) {
            Ok(signed) => {
                assert!(signed.signing_time.millis_since(now).abs() < 60_000, "{}", vector.name);
                "good"
            }
            Err(refused) => {
                assert!(!refused.to_string().is_empty());
                refused.as_str()
            }
        };
        assert_eq!(word, vector.expect, "{} by {}", vector.name, vector.by);
        seen.insert((vector.by.as_str(), word));
    }
    for maker in ["openssl", "cryptography", "make.py"] {
        assert!(seen.contains(&(maker, "good")), "nothing good by {maker}");
    }
    let reasons: BTreeSet<&str> = seen.iter().map(|(_, word)| *word).collect();
    assert!(reasons.len() >= 24, "{reasons:?}");
}

#[test]
fn every_good_signature_fails_over_another_body_with_another_certificate_and_at_another_time() {
    let all = vectors();
    let now = parse_rfc3339(&all.now).unwrap();
    let mut body = read("body.xml");
    body.push(b' ');
    for vector in all.vectors.iter().filter(|vector| vector.expect == "good") {
        let read = MessageSignature::read(&read(&format!("{}.b64", vector.name))).unwrap();
        let certificate = enrolled(&vector.enrolled);
        let verified = |body: &[u8], by: &[u8], at| read.verify(body, by, at, &Window::default()).unwrap_err();
        assert_eq!(verified(&body, &certificate, now), SignatureRefused::OtherBody, "{}", vector.name);
        let other = enrolled(if vector.enrolled == "rsa" { "ecdsa" } else { "rsa" });
        let word = verified(&self::read("body.xml"), &other, now).as_str();
        assert!(["signature_by_same_subject", "signature_by_another_device", "signature_by_stranger"].contains(&word));
        let day = 24 * 60 * 60 * 1000;
        let now = judged(vector, now).unwrap().signing_time;
        let (late, early) = (now.plus_millis(day + 1), now.plus_millis(-day - 1));
        assert_eq!(verified(&self::read("body.xml"), &certificate, late), SignatureRefused::Old(now));
        assert_eq!(verified(&self::read("body.xml"), &certificate, early), SignatureRefused::Ahead(now));
        assert!(read.verify(&self::read("body.xml"), &certificate, now.plus_millis(day), &Window::default()).is_ok());
    }
}

#[test]
fn a_megabyte_is_refused_before_it_is_decoded() {
    let mut nested = vec![5, 0];
    while nested.len() < 1024 * 1024 {
        let length = u32::try_from(nested.len() * 2).unwrap().to_be_bytes();
        nested = [&[0x31, 0x84][..], &length, &nested, &nested].concat();
    }
    let header = STANDARD.encode(&nested);
    assert_eq!(MessageSignature::read(header.as_bytes()), Err(SignatureRefused::TooLarge(header.len())));
}

/// A device with a certificate of ours.
fn device(kind: DeviceKeyKind, now: Timestamp) -> (DeviceKeyPair, Vec<u8>) {
    let authority = CertificateAuthority::create_with(AuthorityKey::P256, "Test CA", now).unwrap();
    let key = DeviceKeyPair::generate(kind).unwrap();
    let request = key.request("guid", "0123456789ABCDEF", RequestShape::Windows11).unwrap();
    let request = CertificateRequest::read(&request).unwrap();
    let issued = authority.issue_device(&request, "device", Duration::from_hours(24), now).unwrap();
    (key, issued.encoded.der)
}

const NOW: Timestamp = Timestamp(1_795_000_000_000);

#[test]
fn a_device_signs_what_the_server_verifies() {
    for (kind, scheme) in [(DeviceKeyKind::Rsa2048, Scheme::RsaPkcs1), (DeviceKeyKind::P256, Scheme::Ecdsa)] {
        let (key, certificate) = device(kind, NOW);
        let header = key.sign_message(&certificate, b"a message", NOW).unwrap();
        let read = MessageSignature::read(header.as_bytes()).unwrap();
        assert!(read.names(&certificate));
        let signed = read.verify(b"a message", &certificate, NOW, &Window::default()).unwrap();
        assert_eq!(signed, Signed { signing_time: NOW, digest: Digest::Sha256, scheme });
        let (_, other) = device(kind, NOW);
        assert!(!read.names(&other));
    }
}

#[test]
fn no_changed_byte_is_overlooked() {
    let (key, certificate) = device(DeviceKeyKind::P256, NOW);
    let header = key.sign_message(&certificate, b"a message", NOW).unwrap();
    let message = STANDARD.decode(header).unwrap();
    let mut survived = Vec::new();
    for at in 0..message.len() {
        for change in [0x01, 0x80] {
            let mut changed = message.clone();
            changed[at] ^= change;
            let header = STANDARD.encode(changed);
            if verify(header.as_bytes(), b"a message", &certificate, NOW, &Window::default()).is_ok() {
                survived.push(at);
            }
        }
    }
    // What is not signed and not used: versions, the set of digests, and the name of the copied certificate's parts,
    // which makes it another certificate than the one that is named, and so nobody's.
    let copy = message.windows(certificate.len()).position(|window| window == certificate).unwrap();
    let in_copy = |at: &usize| (copy..copy + certificate.len()).contains(at);
    let elsewhere: Vec<_> = survived.iter().filter(|at| !in_copy(at)).collect();
    assert!(elsewhere.len() < 40, "{elsewhere:?}");
    assert!(!survived.contains(&(message.len() - 1)), "the signature itself");
}

proptest! {
    #[test]
    fn nothing_that_is_not_signed_is_believed(
        at in 0_usize..3000, bytes in proptest::collection::vec(any::<u8>(), 0..40), cut in any::<bool>()
    ) {
        let all = vectors();
        let vector = all.vectors.iter().find(|vector| vector.name == "openssl-rsa").unwrap();
        let mut message = STANDARD.decode(read("openssl-rsa.b64")).unwrap();
        let at = at % message.len();
        let end = if cut { (at + bytes.len()).min(message.len()) } else { at };
        message.splice(at..end, bytes);
        let header = STANDARD.encode(message);
        let now = parse_rfc3339(&all.now).unwrap();
        let body = b"another body";
        prop_assert!(verify(header.as_bytes(), body, &enrolled(&vector.enrolled), now, &Window::default()).is_err());
    }

    #[test]
    fn any_header_is_refused_or_read(header in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = MessageSignature::read(&header);
        let _ = MessageSignature::read(STANDARD.encode(&header).as_bytes());
    }
}
