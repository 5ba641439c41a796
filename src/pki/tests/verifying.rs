//! Which certificates are ours for a device.

use openssl::{
    rsa::Rsa,
    x509::extension::{BasicConstraints, ExtendedKeyUsage},
};

use super::{
    super::{
        Authorities, CertificateRefused, DeviceCertificate, ServerNames, verify_device_certificate,
        verify_device_certificate_with_grace,
    },
    *,
};

fn judged(authority: &CertificateAuthority, der: &[u8]) -> Result<DeviceCertificate, CertificateRefused> {
    verify_device_certificate(&Authorities::of(authority.clone()).unwrap(), der, NOW)
}

fn client() -> X509Extension {
    ExtendedKeyUsage::new().client_auth().build().unwrap()
}

fn leaf() -> X509Extension {
    BasicConstraints::new().critical().build().unwrap()
}

#[test]
fn a_device_certificate_of_ours_is_taken_for_what_it_is() {
    let authority = root();
    let issued = issued_to(&authority, &curve_key());
    let taken = judged(&authority, &issued.encoded.der).unwrap();
    assert_eq!((taken.fingerprint, taken.key, &taken.serial), (issued.fingerprint, issued.key, &issued.serial));
    assert_eq!(taken.common_name.as_deref(), Some("device-1"));
    assert_eq!((taken.not_before, taken.not_after), (issued.not_before, issued.not_after));
}

#[test]
fn certificates_that_are_not_ours_for_a_device_are_refused() {
    let authority = root();
    // The same name, another key.
    let stranger = root();
    let alone = {
        let mut forged = Forged::by(&authority, "device-1").with(client()).with(leaf());
        forged.issuer = common_name("device-1").unwrap();
        forged.signer = forged.key.clone();
        forged.write()
    };
    let claimed = {
        let mut forged = Forged::by(&authority, "device-1").with(client()).with(leaf());
        forged.signer = stranger.key().to_owned();
        forged.write()
    };
    let names = ServerNames { dns: vec!["mdm.example.test".into()], addresses: Vec::new() };
    let server = authority.issue_server(&names, NOW).unwrap();
    let both = ExtendedKeyUsage::new().client_auth().code_signing().build().unwrap();
    let below = BasicConstraints::new().critical().ca().build().unwrap();
    let with = |extensions: Vec<X509Extension>| {
        extensions.into_iter().fold(Forged::by(&authority, "device-1"), Forged::with).write()
    };
    let mut small = Forged::by(&authority, "device-1").with(client()).with(leaf());
    small.key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let mut sha1 = Forged::by(&authority, "device-1").with(client()).with(leaf());
    sha1.digest = MessageDigest::sha1();
    let cases = [
        ("of a stranger", issued_to(&stranger, &curve_key()).encoded.der, CertificateRefused::Unknown),
        ("signed by itself", alone.to_der().unwrap(), CertificateRefused::Unknown),
        ("signed by a stranger", claimed.to_der().unwrap(), CertificateRefused::Signature),
        ("a server's", server.leaf().unwrap().to_der().unwrap(), CertificateRefused::Purpose),
        ("without purpose", with(vec![leaf()]).to_der().unwrap(), CertificateRefused::Purpose),
        ("with another purpose too", with(vec![leaf(), both]).to_der().unwrap(), CertificateRefused::Purpose),
        ("an authority's", with(vec![client(), below]).to_der().unwrap(), CertificateRefused::IsAuthority),
        ("the root", authority.certificate().to_der().unwrap(), CertificateRefused::IsAuthority),
        ("of a small key", small.write().to_der().unwrap(), CertificateRefused::Weak),
        ("signed with SHA-1", sha1.write().to_der().unwrap(), CertificateRefused::Weak),
        ("without extensions", with(Vec::new()).to_der().unwrap(), CertificateRefused::Malformed),
        ("nothing", Vec::new(), CertificateRefused::Malformed),
        ("too long", vec![0x30; 20_000], CertificateRefused::Malformed),
    ];
    for (what, der, why) in cases {
        assert_eq!(judged(&authority, &der), Err(why), "{what}");
    }
    let followed = [&issued_to(&authority, &curve_key()).encoded.der[..], &[0]].concat();
    assert_eq!(judged(&authority, &followed), Err(CertificateRefused::Malformed));
}

#[test]
fn a_certificate_counts_from_its_beginning_to_its_end_and_through_a_grace() {
    let authorities = Authorities::of(root()).unwrap();
    let issued = issued_to(authorities.issuing(), &curve_key());
    let at = |time: Timestamp| verify_device_certificate(&authorities, &issued.encoded.der, time).err();
    assert_eq!(at(issued.not_before.plus_millis(-1000)), Some(CertificateRefused::NotYetValid));
    assert_eq!(at(issued.not_before), None);
    assert_eq!(at(issued.not_after.plus_millis(-1000)), None);
    assert_eq!(at(issued.not_after), Some(CertificateRefused::Expired));
    let graced =
        |time: Timestamp| verify_device_certificate_with_grace(&authorities, &issued.encoded.der, time, DAY).err();
    assert_eq!(graced(issued.not_after), None);
    assert_eq!(graced(issued.not_after.plus_millis(86_399_000)), None);
    assert_eq!(graced(issued.not_after.plus_millis(86_400_000)), Some(CertificateRefused::Expired));
    assert_eq!(graced(issued.not_before.plus_millis(-1000)), Some(CertificateRefused::NotYetValid));
}

#[test]
fn nobody_speaks_after_the_end_of_the_authority() {
    let authority = root();
    let authorities = Authorities::of(authority.clone()).unwrap();
    let late = authority.ends_at().unwrap().plus_millis(-3_600_000);
    let issued = authority.issue_device(&request_of(&curve_key()), "device-1", YEAR, late).unwrap();
    let judged = |at| verify_device_certificate_with_grace(&authorities, &issued.encoded.der, at, YEAR).err();
    assert_eq!(judged(late), None);
    assert_eq!(judged(late.plus_millis(7_200_000)), Some(CertificateRefused::Unknown));
}
