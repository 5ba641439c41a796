//! Certificate requests: as Windows makes them, and as nobody should.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::Tag;
use openssl::{
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    x509::{X509NameBuilder, X509Req},
};
use proptest::prelude::*;

use super::{
    super::{
        CsrRefused, WeakKey,
        authority::p256_key,
        der::{elements, only, write, write_all},
        request::MAX_BYTES,
    },
    *,
};

fn plain(key: &PKey<Private>, digest: MessageDigest) -> Vec<u8> {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "anything").unwrap();
    let mut builder = X509Req::builder().unwrap();
    builder.set_subject_name(&name.build()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(key, digest).unwrap();
    builder.build().to_der().unwrap()
}

#[test]
fn requests_of_windows_are_read_in_both_shapes_and_with_both_kinds_of_key() {
    for kind in [DeviceKeyKind::Rsa2048, DeviceKeyKind::P256] {
        let key = DeviceKeyPair::generate(kind).unwrap();
        let new = CertificateRequest::read(&key.request(GUID, DEVICE, RequestShape::Windows11).unwrap()).unwrap();
        let old = key.request(GUID, DEVICE, RequestShape::Windows10).unwrap();
        match kind {
            DeviceKeyKind::Rsa2048 => {
                let old = CertificateRequest::read(&old).unwrap();
                assert_eq!(old.key(), new.key());
            }
            // Windows has no such: SHA-1 is taken of RSA alone.
            DeviceKeyKind::P256 => {
                assert!(matches!(CertificateRequest::read(&old), Err(CsrRefused::Algorithm(_))));
            }
        }
    }
}

#[test]
fn the_older_shape_is_the_one_that_windows_10_sends() {
    let request = DeviceKeyPair::generate(DeviceKeyKind::Rsa2048).unwrap();
    let request = request.request(GUID, DEVICE, RequestShape::Windows10).unwrap();
    let parts = elements(only(&request, Tag::Sequence).unwrap()).unwrap();
    // 1.3.14.3.2.29, and NULL behind it.
    assert_eq!(parts[1].whole, [0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1d, 0x05, 0x00]);
    let name = format!("{}!{DEVICE}\0", &GUID[..30]);
    assert_eq!(name.len(), 64);
    let printable = write(Tag::PrintableString, name.as_bytes()).unwrap();
    assert!(request.windows(printable.len()).any(|window| window == printable), "no such PrintableString");
    let device = format!("{DEVICE}\0");
    assert!(request.windows(device.len()).filter(|window| *window == device.as_bytes()).count() >= 2);
}

/// The recordings lie beside the project, not in it; where they are absent, so is this test.
#[test]
fn a_recorded_request_of_a_real_device_is_read() {
    let places = ["../shared/traces", "../../shared/traces"];
    let name = "win10-19043/04-request-POST-EnrollmentServer_Enrollment.svc.xml";
    let files = places.map(|place| Path::new(env!("CARGO_MANIFEST_DIR")).join(place).join(name));
    let Some(message) = files.iter().find_map(|file| std::fs::read_to_string(file).ok()) else {
        println!("skipped: there are no recordings beside the project");
        return;
    };
    let from = message.find("enrollment#PKCS10").unwrap();
    let text = &message[from..];
    let text = &text[text.find('>').unwrap() + 1..];
    let text: String = text[..text.find('<').unwrap()].split_whitespace().collect();
    let request = STANDARD.decode(text).unwrap();
    let read = CertificateRequest::read(&request).unwrap();
    let issued = root().issue_device(&read, "device-1", YEAR, NOW).unwrap();
    assert_eq!(issued.key, read.key());
}

#[test]
fn weak_keys_and_wrong_signatures_are_refused() {
    let short = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let refused = CertificateRequest::read(&plain(&short, MessageDigest::sha256())).unwrap_err();
    assert_eq!(refused, CsrRefused::Key(WeakKey::Length(1024)));
    assert!(refused.to_string().ends_with("it is RSA with 1024 bits; 2048 to 8192 are taken"), "{refused}");
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let md5 = CertificateRequest::read(&plain(&key, MessageDigest::md5())).unwrap_err();
    assert_eq!(md5, CsrRefused::Algorithm("1.2.840.113549.1.1.4".into()));
    let ed25519 = PKey::generate_ed25519().unwrap();
    let refused = CertificateRequest::read(&plain(&ed25519, MessageDigest::null())).unwrap_err();
    assert_eq!(refused, CsrRefused::Algorithm("1.3.101.112".into()));
    // Signed with one key, for another.
    let mut builder = X509Req::builder().unwrap();
    builder.set_pubkey(&p256_key().unwrap()).unwrap();
    builder.sign(&p256_key().unwrap(), MessageDigest::sha256()).unwrap();
    let stolen = builder.build().to_der().unwrap();
    assert_eq!(CertificateRequest::read(&stolen).unwrap_err(), CsrRefused::Signature);
}

#[test]
fn what_is_cut_grown_or_changed_is_refused() {
    let key = p256_key().unwrap();
    let good = plain(&key, MessageDigest::sha256());
    assert!(CertificateRequest::read(&good).is_ok());
    for length in 0..good.len() {
        assert_eq!(CertificateRequest::read(&good[..length]).unwrap_err(), CsrRefused::Malformed, "{length}");
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(CertificateRequest::read(&longer).unwrap_err(), CsrRefused::Malformed);
    assert!(matches!(CertificateRequest::read(&vec![0x30; MAX_BYTES + 1]), Err(CsrRefused::TooLarge(_))));
    let mut tampered = good.clone();
    let name = good.windows(8).position(|window| window == b"anything").unwrap();
    tampered[name] ^= 1;
    assert_eq!(CertificateRequest::read(&tampered).unwrap_err(), CsrRefused::Signature);
    // Four parts, and parts of other kinds.
    let parts = elements(only(&good, Tag::Sequence).unwrap()).unwrap();
    let part = |at: usize| parts[at].whole.to_vec();
    let wrong = [
        write_all(Tag::Sequence, &[part(0), part(1), part(2), part(2)]).unwrap(),
        write_all(Tag::Sequence, &[part(0), part(2), part(1)]).unwrap(),
        write_all(Tag::Set, &[part(0), part(1), part(2)]).unwrap(),
    ];
    for wrong in wrong {
        assert_eq!(CertificateRequest::read(&wrong).unwrap_err(), CsrRefused::Malformed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_request_with_any_byte_changed_is_never_for_another_key(at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let key = curve_key();
        let mut request = key.request(GUID, DEVICE, RequestShape::Windows11).unwrap();
        let at = at.index(request.len());
        request[at] ^= change;
        if let Ok(read) = CertificateRequest::read(&request) {
            prop_assert_eq!(read.key(), request_of(&key).key());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = CertificateRequest::read(&bytes);
        let _ = crate::pki::renewal::open(&bytes);
    }
}
