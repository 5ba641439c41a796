//! Envelopes by other hands than ours: `tests/support/cms/envelopes.py` made them, with the `openssl` command line, with
//! Python's `cryptography` and, where neither would, by hand.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use ::openssl::{pkey::PKey, x509::X509};
use proptest::prelude::*;
use serde::Deserialize;
use transom_protocol::session::Timestamp;

use super::*;
use crate::{
    model::parse_rfc3339,
    pki::{
        Authorities, AuthorityKey, CertificateAuthority, CertificateRefused, CertificateRequest,
        device::{DeviceKeyKind, DeviceKeyPair, RequestShape},
        signature::{MessageSignature, Window},
        verify_device_certificate,
    },
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

const TAKEN: [EnvelopeCipher; 3] = [EnvelopeCipher::Aes128Cbc, EnvelopeCipher::Aes192Cbc, EnvelopeCipher::Aes256Cbc];

#[derive(Deserialize)]
struct Vectors {
    now: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    by: String,
    expect: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(root().join("envelopes").join(name)).unwrap()
}

fn vectors() -> Vectors {
    serde_json::from_slice(&read("vectors.json")).unwrap()
}

fn certificate(name: &str) -> Vec<u8> {
    X509::from_pem(&read(&format!("{name}.crt"))).unwrap().to_der().unwrap()
}

fn key(name: &str) -> EnvelopeKey {
    let key = PKey::private_key_from_pem(&read(&format!("{name}.key"))).unwrap();
    EnvelopeKey::from_der(&key.private_key_to_pkcs8().unwrap(), &certificate(name)).unwrap()
}

/// What is in an envelope, when it is good; the word for what is wrong with it otherwise.
fn judged(envelope: &[u8], keys: &[EnvelopeKey], now: Timestamp) -> Result<Vec<u8>, &'static str> {
    let opened = Envelope::read(envelope).and_then(|envelope| envelope.open(keys, &TAKEN));
    let opened = opened.map_err(|refused| refused.as_str())?;
    let read = MessageSignature::read_attached(&opened.content).and_then(|(signature, content)| {
        signature.verify(&content, &certificate("device"), now, &Window::default()).map(|_| content)
    });
    read.map_err(|refused| refused.as_str())
}

#[test]
fn envelopes_of_other_tools_are_judged_as_their_maker_says() {
    let all = vectors();
    let now = parse_rfc3339(&all.now).unwrap();
    let body = fs::read(root().join("cms/body.xml")).unwrap();
    let keys = [key("server")];
    let mut seen = BTreeSet::new();
    for vector in &all.vectors {
        let word = match judged(&read(&format!("{}.p7m", vector.name)), &keys, now) {
            Ok(content) => {
                assert_eq!(content, body, "{}", vector.name);
                "good"
            }
            Err(word) => word,
        };
        assert_eq!(word, vector.expect, "{} by {}", vector.name, vector.by);
        seen.insert((vector.by.as_str(), word));
    }
    for maker in ["openssl", "cryptography"] {
        assert!(seen.contains(&(maker, "good")), "nothing good by {maker}");
    }
    let reasons: BTreeSet<&str> = seen.iter().map(|(_, word)| *word).collect();
    assert!(reasons.len() >= 18, "{reasons:?}");
}

#[test]
fn a_cipher_is_taken_where_it_is_named_and_not_elsewhere() {
    let envelope = Envelope::read(&read("openssl-triple-des.p7m")).unwrap();
    assert!(envelope.open(&[key("server")], &[EnvelopeCipher::TripleDesCbc]).is_ok());
    let envelope = Envelope::read(&read("openssl.p7m")).unwrap();
    let refused = envelope.open(&[key("server")], &[EnvelopeCipher::Aes128Cbc]).unwrap_err();
    assert_eq!(refused, EnvelopeRefused::Cipher("aes-256-cbc".to_owned()));
}

/// A device of an authority, and a key of that authority's server.
fn parties(kind: DeviceKeyKind) -> (DeviceKeyPair, Vec<u8>, EnvelopeKey, CertificateAuthority) {
    let authority = CertificateAuthority::create_with(AuthorityKey::P256, "Test CA", NOW).unwrap();
    let key = DeviceKeyPair::generate(kind).unwrap();
    let request = key.request("guid", "0123456789ABCDEF", RequestShape::Windows11).unwrap();
    let request = CertificateRequest::read(&request).unwrap();
    let issued = authority.issue_device(&request, "device", Duration::from_hours(24), NOW).unwrap();
    let server = authority.issue_for_envelopes("Transom", Duration::from_hours(24), NOW).unwrap();
    (key, issued.encoded.der, server, authority)
}

#[test]
fn what_one_side_seals_the_other_opens_and_nobody_else() {
    let (key, der, server, authority) = parties(DeviceKeyKind::Rsa2048);
    let device = EnvelopeKey::of_device(&key, &der).unwrap();
    let other = authority.issue_for_envelopes("Transom", Duration::from_hours(24), NOW).unwrap();
    let ciphers = [EnvelopeCipher::Aes128Cbc, EnvelopeCipher::Aes256Cbc, EnvelopeCipher::TripleDesCbc];
    for transport in [KeyTransport::RsaPkcs1, KeyTransport::RsaOaep] {
        for (cipher, form) in ciphers.into_iter().zip([Form::Binary, Form::Base64, Form::Binary]) {
            let making = (Making { cipher, transport }, form);
            let sealed = sign_and_seal(b"a message", &device, server.certificate(), making, NOW).unwrap();
            assert_eq!(Form::of(&sealed), Some(form));
            let envelope = Envelope::read(&sealed).unwrap();
            let keys = [other.clone(), server.clone()];
            let opened = envelope.open(&keys, &ciphers).unwrap();
            assert_eq!((opened.key, opened.cipher), (1, cipher));
            let (signature, content) = MessageSignature::read_attached(&opened.content).unwrap();
            assert_eq!(content, b"a message");
            assert!(signature.verify(&content, &der, NOW, &Window::default()).is_ok());
            assert_eq!(envelope.open(&keys[..1], &ciphers).unwrap_err(), EnvelopeRefused::OtherKey);
            assert!(envelope.is_for_any(&keys) && !envelope.is_for_any(&keys[..1]));
        }
    }
}

#[test]
fn the_certificate_for_envelopes_opens_no_connection_and_a_device_on_a_curve_gets_no_envelope() {
    let (key, der, server, authority) = parties(DeviceKeyKind::P256);
    let refused = verify_device_certificate(&Authorities::of(authority).unwrap(), server.certificate(), NOW);
    assert_eq!(refused.unwrap_err(), CertificateRefused::Purpose);
    assert!(!can_be_sealed_for(&der) && can_be_sealed_for(server.certificate()));
    let device = EnvelopeKey::of_device(&key, &der).unwrap();
    let making = (Making::default(), Form::Binary);
    assert!(matches!(sign_and_seal(b"a reply", &server, &der, making, NOW), Err(crate::pki::Error::NoRsa)));
    assert!(sign_and_seal(b"a message", &device, server.certificate(), making, NOW).is_ok());
    let again = EnvelopeKey::from_der(&server.key_der().unwrap(), server.certificate()).unwrap();
    assert!(
        Envelope::read(&seal(b"x", again.certificate(), Making::default()).unwrap()).unwrap().is_for_any([&server])
    );
}

#[test]
fn a_changed_byte_never_leads_to_another_message() {
    let now = parse_rfc3339(&vectors().now).unwrap();
    let good = read("openssl.p7m");
    let keys = [key("server")];
    let body = judged(&good, &keys, now).unwrap();
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 0x01;
        if let Ok(content) = judged(&changed, &keys, now) {
            assert_eq!(content, body, "byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_body_is_refused_or_read(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Envelope::read(&body);
        let _ = Envelope::read(&[&[SEQUENCE, 0x80][..], &body].concat());
        let _ = MessageSignature::read_attached(&body);
    }

    #[test]
    fn a_spoiled_envelope_is_refused_or_says_the_same(at in 0_usize..3000, bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let now = parse_rfc3339(&vectors().now).unwrap();
        let mut envelope = read("openssl-in-pieces.p7m");
        let body = fs::read(root().join("cms/body.xml")).unwrap();
        let at = at % envelope.len();
        let end = (at + bytes.len()).min(envelope.len());
        envelope.splice(at..end, bytes);
        if let Ok(content) = judged(&envelope, &[key("server")], now) {
            prop_assert_eq!(content, body);
        }
    }
}
