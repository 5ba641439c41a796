//! Renewals: as Windows makes them, and everything that only looks like one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::{Tag, asn1::ObjectIdentifier};
use openssl::{
    cms::{CMSOptions, CmsContentInfo},
    x509::extension::{BasicConstraints, ExtendedKeyUsage},
};
use proptest::prelude::*;

use super::{
    super::{
        CsrRefused,
        der::{context, elements, only, write, write_all},
        renewal::{RenewalRefused, open},
    },
    *,
};

/// A device that renews: its old certificate, and the request of its new key.
struct Renewing {
    old: DeviceKeyPair,
    new: DeviceKeyPair,
    certificate: IssuedCertificate,
    request: Vec<u8>,
}

impl Renewing {
    fn with(kind: DeviceKeyKind) -> Self {
        let old = DeviceKeyPair::generate(kind).unwrap();
        let new = DeviceKeyPair::generate(kind).unwrap();
        let certificate = issued_to(&root(), &old);
        let request = new.request(GUID, DEVICE, RequestShape::Windows11).unwrap();
        Self { old, new, certificate, request }
    }

    fn message(&self) -> Vec<u8> {
        self.old.renewal(&self.certificate.encoded.der, &self.request).unwrap()
    }

    fn signed(&self, content: &[u8], options: CMSOptions) -> Vec<u8> {
        let certificate = X509::from_der(&self.certificate.encoded.der).unwrap();
        let key = PKey::private_key_from_pem(&self.old.key_pem().unwrap()).unwrap();
        let options = options | CMSOptions::BINARY;
        let signed = CmsContentInfo::sign(Some(&*certificate), Some(&*key), None, Some(content), options);
        signed.unwrap().to_der().unwrap()
    }

    fn taken(&self, message: &[u8]) -> Result<CertificateRequest, RenewalRefused> {
        open(message)?.verify_with(&self.certificate.encoded.der)
    }
}

/// The parts of the `SignedData` in a message.
fn parts(message: &[u8]) -> Vec<Vec<u8>> {
    let outer = elements(only(message, Tag::Sequence).unwrap()).unwrap();
    let inner = only(outer[1].inside(context(0)).unwrap(), Tag::Sequence).unwrap();
    elements(inner).unwrap().iter().map(|part| part.whole.to_vec()).collect()
}

/// A message of other parts.
fn assembled(parts: &[Vec<u8>]) -> Vec<u8> {
    let kind = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
    let kind = write(Tag::ObjectIdentifier, kind.as_bytes()).unwrap();
    let data = write(Tag::Sequence, &parts.concat()).unwrap();
    write_all(Tag::Sequence, &[kind, write(context(0), &data).unwrap()]).unwrap()
}

/// Bytes in the place of others of the same length.
fn swapped(message: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut message = message.to_vec();
    let places: Vec<usize> =
        message.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        message[at..at + to.len()].copy_from_slice(to);
    }
    message
}

#[test]
fn a_renewal_names_its_signer_and_gives_its_request_when_that_one_signed() {
    for kind in [DeviceKeyKind::Rsa2048, DeviceKeyKind::P256] {
        let device = Renewing::with(kind);
        let opened = open(&device.message()).unwrap();
        assert_eq!(opened.serial(), Some(&device.certificate.serial));
        assert_eq!(opened.fingerprint(), Some(device.certificate.fingerprint));
        let request = opened.verify_with(&device.certificate.encoded.der).unwrap();
        assert_eq!(request.key(), request_of(&device.new).key());
    }
}

#[test]
fn a_renewal_is_understood_in_every_wrapping() {
    let device = Renewing::with(DeviceKeyKind::P256);
    let message = device.message();
    let wanted = request_of(&device.new).key();
    let text = STANDARD.encode(&message);
    let lines: Vec<u8> = text.as_bytes().chunks(64).flat_map(|line| [line, b"\r\n"].concat()).collect();
    let unpadded = text.trim_end_matches('=').as_bytes();
    let inner = STANDARD.encode(&device.request);
    let inside = device.signed(inner.as_bytes(), CMSOptions::NOSMIMECAP);
    let bare = device.signed(&device.request, CMSOptions::NOATTR);
    let without_certificate = device.signed(&device.request, CMSOptions::CMS_NOCERTS);
    let by_key_id = device.signed(&device.request, CMSOptions::USE_KEYID);
    // Lengths left open, as whoever writes before it knows them does.
    let outer = elements(only(&message, Tag::Sequence).unwrap()).unwrap();
    let open_ended = [&[0x30, 0x80], outer[0].whole, &[0xa0, 0x80], outer[1].value, &[0; 4]].concat();
    for (what, message) in [
        ("DER", &message[..]),
        ("base64", text.as_bytes()),
        ("base64 in lines", &lines),
        ("base64 without padding", unpadded),
        ("base64 inside", &inside),
        ("without attributes", &bare),
        ("without certificate", &without_certificate),
        ("by key id", &by_key_id),
        ("BER", &open_ended),
    ] {
        assert_eq!(device.taken(message).map(|request| request.key()), Ok(wanted), "{what}");
    }
    let opened = open(&without_certificate).unwrap();
    assert_eq!((opened.fingerprint(), opened.serial()), (None, Some(&device.certificate.serial)));
    assert_eq!(open(&by_key_id).unwrap().serial(), None);
}

#[test]
fn a_signature_counts_for_the_certificate_in_the_database_alone() {
    let device = Renewing::with(DeviceKeyKind::P256);
    let other = Renewing::with(DeviceKeyKind::P256);
    let opened = open(&device.message()).unwrap();
    assert_eq!(opened.verify_with(&other.certificate.encoded.der).unwrap_err(), RenewalRefused::Signature);
    assert_eq!(opened.verify_with(b"nothing").unwrap_err(), RenewalRefused::Signature);
    // A certificate of a stranger's own with the issuer and the serial number of the device's.
    let authority = root();
    let certificate = X509::from_der(&device.certificate.encoded.der).unwrap();
    let stranger = curve_key();
    let mut twin = X509::builder().unwrap();
    twin.set_version(2).unwrap();
    twin.set_serial_number(certificate.serial_number()).unwrap();
    twin.set_issuer_name(certificate.issuer_name()).unwrap();
    twin.set_subject_name(certificate.subject_name()).unwrap();
    twin.set_not_before(certificate.not_before()).unwrap();
    twin.set_not_after(certificate.not_after()).unwrap();
    let key = PKey::private_key_from_pem(&stranger.key_pem().unwrap()).unwrap();
    twin.set_pubkey(&key).unwrap();
    twin.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
    twin.append_extension(ExtendedKeyUsage::new().client_auth().build().unwrap()).unwrap();
    twin.sign(authority.key(), MessageDigest::sha256()).unwrap();
    let forged = stranger.renewal(&twin.build().to_der().unwrap(), &device.request).unwrap();
    let opened = open(&forged).unwrap();
    assert_eq!(opened.serial(), Some(&device.certificate.serial));
    assert_ne!(opened.fingerprint(), Some(device.certificate.fingerprint));
    assert_eq!(device.taken(&forged).unwrap_err(), RenewalRefused::Signature);
}

#[test]
fn messages_that_confuse_are_refused() {
    let device = Renewing::with(DeviceKeyKind::P256);
    let other = Renewing::with(DeviceKeyKind::P256);
    let good = device.message();
    let (mine, theirs) = (parts(&good), parts(&other.message()));
    let last = mine.len() - 1;
    let with = |at: usize, part: Vec<u8>| {
        let mut changed = mine.clone();
        changed[at] = part;
        assembled(&changed)
    };
    assert!(device.taken(&assembled(&mine)).is_ok());
    let signer = only(&mine[last], Tag::Set).unwrap().to_vec();
    let their_signer = only(&theirs[last], Tag::Set).unwrap().to_vec();
    let set = |content: Vec<u8>| write(Tag::Set, &content).unwrap();
    let sha256 = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    let sha3 = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.8");
    let digest_swapped = swapped(&good, sha256.as_bytes(), sha3.as_bytes());
    let sha1_signature = swapped(
        &good,
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2").as_bytes(),
        ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1").as_bytes(),
    );
    let request_of_another = other.new.request(GUID, DEVICE, RequestShape::Windows11).unwrap();
    let content = |request: &[u8]| parts(&device.signed(request, CMSOptions::NOATTR))[2].clone();
    let malformed = || RenewalRefused::Malformed;
    let cases = [
        ("nobody signed", with(last, set(Vec::new())), RenewalRefused::Signers(0)),
        ("signed twice", with(last, set([signer.clone(), signer.clone()].concat())), RenewalRefused::Signers(2)),
        ("signed by two", with(last, set([signer, their_signer].concat())), RenewalRefused::Signers(2)),
        ("signed by another", with(last, theirs[last].clone()), RenewalRefused::Signature),
        ("another request", with(2, content(&request_of_another)), RenewalRefused::Signature),
        ("no content", device.signed(&device.request, CMSOptions::DETACHED), malformed()),
        ("another digest", digest_swapped, RenewalRefused::Algorithm(sha3.to_string())),
        ("a weak signature", sha1_signature, RenewalRefused::Algorithm("1.2.840.10045.4.3.1".into())),
        ("something behind it", [&good[..], &[0]].concat(), malformed()),
        ("two of them", [good.clone(), good.clone()].concat(), malformed()),
        ("a bare request", device.request.clone(), malformed()),
        ("a certificate", device.certificate.encoded.der.clone(), malformed()),
        ("nothing", Vec::new(), malformed()),
        ("text", b"PKCS7 in words".to_vec(), malformed()),
        ("no request inside", device.signed(b"hello", CMSOptions::empty()), CsrRefused::Malformed.into()),
        ("nothing inside", device.signed(b"", CMSOptions::empty()), CsrRefused::Malformed.into()),
    ];
    for (what, message, why) in cases {
        assert_eq!(device.taken(&message).err(), Some(why), "{what}");
    }
    let mut tampered = device.request.clone();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let refused = device.taken(&device.signed(&tampered, CMSOptions::empty())).unwrap_err();
    assert!(matches!(refused, RenewalRefused::Request(_)), "{refused}");
}

#[test]
fn a_signature_with_sha_1_is_refused() {
    let device = Renewing::with(DeviceKeyKind::Rsa2048);
    let good = device.message();
    let all = parts(&good);
    let sha256 =
        write(Tag::ObjectIdentifier, ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1").as_bytes()).unwrap();
    let sha1 = write(Tag::ObjectIdentifier, ObjectIdentifier::new_unwrap("1.3.14.3.2.26").as_bytes()).unwrap();
    let signer = only(&all[all.len() - 1], Tag::Set).and_then(elements).unwrap();
    let fields = elements(signer[0].value).unwrap();
    let digest = write_all(Tag::Sequence, &[sha1, write(Tag::Null, &[]).unwrap()]).unwrap();
    assert!(fields[2].whole.windows(sha256.len()).any(|window| window == sha256));
    let rest = fields[3..].iter().flat_map(|field| field.whole.to_vec()).collect();
    let fields = [fields[0].whole.to_vec(), fields[1].whole.to_vec(), digest, rest];
    let signer = write(Tag::Set, &write_all(Tag::Sequence, &fields).unwrap()).unwrap();
    let mut all = all.clone();
    *all.last_mut().unwrap() = signer;
    let refused = device.taken(&assembled(&all)).unwrap_err();
    assert_eq!(refused, RenewalRefused::Algorithm("1.3.14.3.2.26".into()));
}

#[test]
fn messages_made_to_hurt_are_refused_before_they_do() {
    let device = Renewing::with(DeviceKeyKind::P256);
    let mine = parts(&device.message());
    let mut many = mine.clone();
    let signer = only(mine.last().unwrap(), Tag::Set).unwrap();
    *many.last_mut().unwrap() = write(Tag::Set, &signer.repeat(100)).unwrap();
    assert_eq!(open(&assembled(&many)).unwrap_err(), RenewalRefused::Signers(100));
    let mut crowd = mine.clone();
    let certificate = &device.certificate.encoded.der;
    let another = issued_to(&root(), &curve_key()).encoded.der;
    crowd[3] = write(context(0), &[another.repeat(50), certificate.clone()].concat()).unwrap();
    // Only the first few are looked at; which these are is a matter of chance, since a set is put in order.
    let named = open(&assembled(&crowd)).unwrap().fingerprint();
    assert!(named.is_none_or(|named| named == device.certificate.fingerprint), "{named:?}");
    let endless = [0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x06];
    let deep = [0x30, 0x80].repeat(10_000);
    let unclosed = [&[0x30, 0x80][..], &[0x02, 0x01, 0x00].repeat(20_000)].concat();
    let empty_sets = [&[0x30, 0x82, 0xc3, 0x50][..], &[0x31, 0x00].repeat(25_000)].concat();
    for message in [&endless[..], &deep, &unclosed, &empty_sets] {
        assert_eq!(open(message).unwrap_err(), RenewalRefused::Malformed);
    }
    assert!(matches!(open(&vec![b'A'; 70_000]), Err(RenewalRefused::TooLarge(70_000))));
}

#[test]
fn a_renewal_of_another_program_is_taken() {
    let device = Renewing::with(DeviceKeyKind::Rsa2048);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("old.key", &device.old.key_pem().unwrap());
    write("old.pem", &crate::pki::device::certificate_pem(&device.certificate.encoded.der).unwrap());
    write("request.der", &device.request);
    let sign = ["-sign", "-binary", "-nodetach", "-signer", "old.pem", "-inkey", "old.key", "-in", "request.der"];
    for (program, more) in
        [("cms", &["-outform", "DER"][..]), ("cms", &["-outform", "DER", "-stream"]), ("smime", &["-outform", "DER"])]
    {
        let arguments = [&[program][..], &sign, more, &["-out", "renewal.der"]].concat();
        let Some((good, said)) = openssl(folder.path(), &arguments) else { return };
        assert!(good, "{said}");
        let message = std::fs::read(folder.path().join("renewal.der")).unwrap();
        assert_eq!(device.taken(&message).map(|request| request.key()), Ok(request_of(&device.new).key()), "{program}");
    }
    let weak = [&["cms"][..], &sign, &["-outform", "DER", "-md", "sha1", "-out", "weak.der"]].concat();
    if openssl(folder.path(), &weak).is_some_and(|(good, _)| good) {
        let message = std::fs::read(folder.path().join("weak.der")).unwrap();
        assert!(matches!(device.taken(&message), Err(RenewalRefused::Algorithm(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_renewal_with_any_byte_changed_never_brings_another_key(
        at in any::<prop::sample::Index>(),
        change in 1..=255_u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let device = Renewing::with(DeviceKeyKind::P256);
        let good = device.message();
        let mut message = good.clone();
        let at = at.index(message.len());
        message[at] ^= change;
        if let Ok(request) = device.taken(&message) {
            prop_assert_eq!(request.key(), request_of(&device.new).key());
        }
        prop_assert!(device.taken(&good[..cut.index(good.len())]).is_err());
    }
}
