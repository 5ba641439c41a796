//! What is issued to a device: the server's words, whatever the request asks for.

use openssl::{
    stack::Stack,
    x509::{
        X509Req,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName},
    },
};

use super::{
    super::{AuthorityKey, Error, certificate},
    *,
};

/// A request that asks for everything that a device must not have.
fn greedy(subject: &str) -> Vec<u8> {
    let key = p256_key().unwrap();
    let mut builder = X509Req::builder().unwrap();
    builder.set_subject_name(&common_name(subject).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let mut extensions = Stack::new().unwrap();
    let alternative = SubjectAlternativeName::new()
        .dns("mdm.example.test")
        .email("admin@example.test")
        .build(&builder.x509v3_context(None));
    let asked = [
        BasicConstraints::new().critical().ca().build(),
        KeyUsage::new().critical().key_cert_sign().crl_sign().build(),
        ExtendedKeyUsage::new().server_auth().code_signing().build(),
        alternative,
    ];
    for extension in asked {
        extensions.push(extension.unwrap()).unwrap();
    }
    builder.add_extensions(&extensions).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

#[test]
fn nothing_that_a_request_asks_for_gets_into_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    for (number, subject) in ["device-2", "Test", "a\nb", "\u{202e}gnp.exe", "x\0y", "CN=admin"].iter().enumerate() {
        let request = CertificateRequest::read(&greedy(subject)).unwrap();
        let issued = root().issue_device(&request, "device-1", YEAR, NOW).unwrap();
        let name = format!("{number}.der");
        std::fs::write(folder.path().join(&name), &issued.encoded.der).unwrap();
        let Some((_, text)) = openssl(folder.path(), &["x509", "-inform", "der", "-in", &name, "-noout", "-text"])
        else {
            return;
        };
        for there in [
            "Subject: CN = device-1\n",
            "Issuer: CN = Test\n",
            "CA:FALSE",
            "Key Usage: critical\n                Digital Signature\n",
            "Extended Key Usage: \n                TLS Web Client Authentication\n",
            "Signature Algorithm: ecdsa-with-SHA256",
            "Subject Key Identifier",
            "Authority Key Identifier",
        ] {
            assert!(text.contains(there), "{there} is missing: {text}");
        }
        for absent in ["CA:TRUE", "Certificate Sign", "Code Signing", "Server Authentication", "example.test"] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
        assert_eq!(text.matches("X509v3").count(), 6, "{text}");
    }
}

#[test]
fn a_certificate_is_good_for_its_root_in_every_kind_of_key() {
    let folder = tempfile::tempdir().unwrap();
    for (authority, usage) in [(AuthorityKey::P256, "ecdsa-with-SHA256"), (AuthorityKey::Rsa2048, "sha256WithRSA")] {
        let authority = CertificateAuthority::create_with(authority, "Test", NOW).unwrap();
        std::fs::write(folder.path().join("root.pem"), authority.certificate_pem().unwrap()).unwrap();
        for (kind, wanted) in [
            (DeviceKeyKind::P256, "Digital Signature\n"),
            (DeviceKeyKind::Rsa2048, "Digital Signature, Key Encipherment\n"),
        ] {
            let issued = issued_to(&authority, &DeviceKeyPair::generate(kind).unwrap());
            std::fs::write(folder.path().join("device.der"), &issued.encoded.der).unwrap();
            let at = (NOW.0 / 1000).to_string();
            let verify = ["verify", "-attime", &at, "-x509_strict", "-purpose", "sslclient", "-CAfile", "root.pem"];
            let Some((good, said)) = openssl(folder.path(), &[&verify[..], &["device.der"]].concat()) else { return };
            assert!(good, "{said}");
            let server = ["verify", "-attime", &at, "-purpose", "sslserver", "-CAfile", "root.pem", "device.der"];
            assert!(!openssl(folder.path(), &server).unwrap().0, "a device could be a server");
            let text = ["x509", "-inform", "der", "-in", "device.der", "-noout", "-text"];
            let (_, text) = openssl(folder.path(), &text).unwrap();
            assert!(text.contains(usage) && text.contains(wanted), "{text}");
        }
    }
}

#[test]
fn what_is_said_of_a_certificate_is_true() {
    let key = curve_key();
    let issued = issued_to(&root(), &key);
    let parsed = certificate::parse(&issued.encoded.der).unwrap();
    assert_eq!(certificate::serial(&parsed), Some(issued.serial.clone()));
    assert_eq!(issued.serial.to_bytes().len(), 20);
    assert_eq!(issued.key, request_of(&key).key());
    assert_eq!(issued.encoded.thumbprint.len(), 40);
    assert!(!issued.encoded.thumbprint.contains(|digit: char| digit.is_ascii_lowercase()));
    assert_eq!(certificate::timestamp(parsed.not_before()).unwrap(), issued.not_before);
    assert_eq!(certificate::timestamp(parsed.not_after()).unwrap(), issued.not_after);
    assert_eq!(issued.not_before, NOW.plus_millis(-5 * 60 * 1000));
    assert_eq!(issued.not_after, later(YEAR));
    assert_ne!(issued.serial, issued_to(&root(), &key).serial);
}

#[test]
fn no_certificate_lives_longer_than_its_authority() {
    let authority = root();
    let ends = authority.ends_at().unwrap();
    let request = request_of(&curve_key());
    let late = ends.plus_millis(-86_400_000);
    assert_eq!(authority.issue_device(&request, "device-1", YEAR, late).unwrap().not_after, ends);
    let forever = authority.issue_device(&request, "device-1", Duration::MAX, NOW).unwrap();
    assert_eq!(forever.not_after, ends);
    for outside in [ends, ends.plus_millis(1000), NOW.plus_millis(-86_400_000)] {
        assert!(matches!(authority.issue_device(&request, "device-1", YEAR, outside), Err(Error::NotValidNow)));
    }
    assert!(matches!(authority.issue_device(&request, "device-1", Duration::ZERO, NOW), Err(Error::NotValidNow)));
}

#[test]
fn a_subject_is_plain_or_none() {
    let (authority, request) = (root(), request_of(&curve_key()));
    let long = "x".repeat(65);
    for wrong in ["", "a b", "a/b", "a=b", "a,b", "a\0", "ä", "a\n", "*", &long] {
        assert!(matches!(authority.issue_device(&request, wrong, YEAR, NOW), Err(Error::Subject)), "{wrong:?}");
    }
    for good in ["A", "0190-b_c.d", &long[..64]] {
        let issued = authority.issue_device(&request, good, YEAR, NOW).unwrap();
        let parsed = certificate::parse(&issued.encoded.der).unwrap();
        assert_eq!(certificate::common_name(&parsed).as_deref(), Some(good));
    }
}
