//! Revocation lists, judged by another.

use super::{
    super::{
        Error,
        crl::{self, Reason, Revoked},
    },
    *,
};
use crate::model::SerialNumber;

#[test]
fn a_list_is_verified_by_its_root_and_names_whom_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let authority = root();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("root.pem", &authority.certificate_pem().unwrap());
    let kept = issued_to(&authority, &curve_key());
    write("kept.der", &kept.encoded.der);
    let reasons = [
        (Reason::Unspecified, "lost.der"),
        (Reason::KeyCompromise, "compromised.der"),
        (Reason::Superseded, "superseded.der"),
        (Reason::CessationOfOperation, "left.der"),
        (Reason::PrivilegeWithdrawn, "blocked.der"),
    ];
    let mut revoked = Vec::new();
    for (reason, name) in reasons {
        let issued = issued_to(&authority, &curve_key());
        write(name, &issued.encoded.der);
        revoked.push(Revoked { serial: issued.serial, at: NOW.plus_millis(-1000), reason });
    }
    // Serial numbers of every length that there may be, the highest bit set or not.
    for text in ["1", "80", "7f01", "ff00", &"f".repeat(40)] {
        revoked.push(Revoked {
            serial: SerialNumber::parse(text).unwrap(),
            // Behind the year in which two digits for it are no longer enough.
            at: Timestamp(2_600_000_000_000),
            reason: Reason::Unspecified,
        });
    }
    let list = crl::write(&authority, &revoked, 200, NOW, later(DAY)).unwrap();
    write("list.pem", &list.pem().unwrap());
    write("list.der", &list.der().unwrap());
    let read = ["crl", "-inform", "der", "-in", "list.der", "-CAfile", "root.pem", "-noout", "-text"];
    let Some((good, text)) = openssl(folder.path(), &read) else { return };
    assert!(good && text.contains("verify OK"), "{text}");
    assert_eq!(text.matches("Serial Number: ").count(), revoked.len());
    for said in ["Key Compromise", "Superseded", "Cessation Of Operation", "Privilege Withdrawn"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(text.contains("X509v3 CRL Number: \n                200\n") && text.contains("Authority Key Identifier"));
    assert!(text.contains("May 22 14:13:20 2052 GMT"), "{text}");
    let at = (NOW.0 / 1000).to_string();
    let verify = |name: &str| {
        let verify = ["verify", "-attime", &at, "-crl_check", "-CAfile", "root.pem", "-CRLfile", "list.pem", name];
        openssl(folder.path(), &verify).unwrap()
    };
    assert!(verify("kept.der").0, "{}", verify("kept.der").1);
    for (_, name) in reasons {
        let (good, said) = verify(name);
        assert!(!good && said.contains("certificate revoked"), "{name}: {said}");
    }
}

#[test]
fn a_list_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create_with(crate::pki::AuthorityKey::Rsa2048, "Test", NOW).unwrap();
    std::fs::write(folder.path().join("root.pem"), authority.certificate_pem().unwrap()).unwrap();
    let list = crl::write(&authority, &[], u64::MAX, NOW, later(DAY)).unwrap();
    std::fs::write(folder.path().join("list.pem"), list.pem().unwrap()).unwrap();
    let read = ["crl", "-in", "list.pem", "-CAfile", "root.pem", "-noout", "-text"];
    let Some((good, text)) = openssl(folder.path(), &read) else { return };
    assert!(good && text.contains("No Revoked Certificates"), "{text}");
}

#[test]
fn an_authority_that_may_not_sign_lists_does_not() {
    use openssl::x509::extension::{BasicConstraints, KeyUsage};
    let authority = root();
    let mut builder = Forged::by(&authority, "No lists")
        .with(BasicConstraints::new().critical().ca().build().unwrap())
        .with(KeyUsage::new().critical().key_cert_sign().build().unwrap());
    builder.key = authority.key().to_owned();
    let poor = CertificateAuthority::from_parts(builder.write(), authority.key().to_owned(), None);
    assert!(matches!(crl::write(&poor, &[], 1, NOW, later(DAY)), Err(Error::NoRevocation)));
}
