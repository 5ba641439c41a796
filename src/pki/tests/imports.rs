//! Taking over an authority that exists already.

use openssl::{
    pkcs12::Pkcs12,
    rsa::Rsa,
    stack::Stack,
    symm::Cipher,
    x509::{
        X509Ref,
        extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier},
    },
};

use super::{
    super::{
        Authorities, AuthorityFiles, CertificateRefused, DataKey, ImportRefused, ServerNames, WeakKey,
        verify_device_certificate,
    },
    *,
};
use crate::model::Secret;

/// A company's authorities: a root, and one below it that issues.
struct Company {
    root: X509,
    root_key: PKey<Private>,
    issuing: X509,
    key: PKey<Private>,
}

/// How an authority is made, so that a test can leave something out.
struct Recipe<'a> {
    is_authority: bool,
    usage: Option<KeyUsage>,
    has_key_id: bool,
    path_length: Option<u32>,
    purpose: Option<ExtendedKeyUsage>,
    life: Life,
    key: PKey<Private>,
    above: Option<(&'a X509Ref, &'a PKey<Private>)>,
}

impl Recipe<'_> {
    fn good() -> Self {
        let mut usage = KeyUsage::new();
        usage.critical().key_cert_sign().crl_sign();
        Self {
            is_authority: true,
            usage: Some(usage),
            has_key_id: true,
            path_length: None,
            purpose: None,
            life: Life { from: NOW.0 / 1000 - 86_400, to: NOW.0 / 1000 + 10 * 86_400 },
            key: p256_key().unwrap(),
            above: None,
        }
    }

    fn write(&self, name: &str) -> X509 {
        let subject = common_name(name).unwrap();
        let mut builder = start(&subject, &self.key, self.life).unwrap();
        builder.set_issuer_name(self.above.map_or(&*subject, |(above, _)| above.subject_name())).unwrap();
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if self.is_authority {
            constraints.ca();
        }
        if let Some(length) = self.path_length {
            constraints.pathlen(length);
        }
        builder.append_extension(constraints.build().unwrap()).unwrap();
        let usages = [self.usage.as_ref().map(KeyUsage::build), self.purpose.as_ref().map(ExtendedKeyUsage::build)];
        for extension in usages.into_iter().flatten() {
            builder.append_extension(extension.unwrap()).unwrap();
        }
        if self.has_key_id {
            let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None)).unwrap();
            builder.append_extension(id).unwrap();
        }
        builder.sign(self.above.map_or(&self.key, |(_, key)| key), MessageDigest::sha256()).unwrap();
        builder.build()
    }
}

impl Company {
    fn new() -> Self {
        let above = Recipe::good();
        let root = above.write("Company Root");
        let below = Recipe { path_length: Some(0), above: Some((&root, &above.key)), ..Recipe::good() };
        let issuing = below.write("Company Issuing");
        let key = below.key;
        Self { root_key: above.key, issuing, key, root }
    }

    fn import(&self) -> Result<CertificateAuthority, ImportRefused> {
        imported(&[&self.issuing, &self.root], &self.key)
    }
}

fn bundle(certificates: &[&X509]) -> Vec<u8> {
    certificates.iter().flat_map(|certificate| certificate.to_pem().unwrap()).collect()
}

fn imported(certificates: &[&X509], key: &PKey<Private>) -> Result<CertificateAuthority, ImportRefused> {
    let key = key.private_key_to_pem_pkcs8().unwrap();
    CertificateAuthority::import_pem(&bundle(certificates), &key, None, &[], NOW)
}

#[test]
fn an_issuing_authority_is_taken_over_with_its_root_and_kept() {
    let company = Company::new();
    let authority = company.import().unwrap();
    assert_eq!(authority.root().unwrap().der, company.root.to_der().unwrap());
    let below = authority.intermediate().unwrap().unwrap();
    assert_eq!(below.der, company.issuing.to_der().unwrap());
    assert_eq!(authority.certificate_pem().unwrap(), company.root.to_pem().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let files = AuthorityFiles::new(folder.path().join("ca.pem"), folder.path().join("ca.key"));
    let data_key = DataKey::generate().unwrap();
    files.create(&root(), &data_key).unwrap();
    files.replace(&authority, later(DAY), &data_key).unwrap();
    let authorities = files.load(&data_key).unwrap();
    let issued = issued_to(authorities.issuing(), &curve_key());
    // The issuing authority ends before a year is over.
    assert_eq!(issued.not_after, later(DAY * 10));
    assert!(verify_device_certificate(&authorities, &issued.encoded.der, NOW).is_ok());
    // A server of it shows what a client needs to get from it to the root.
    let names = ServerNames { dns: vec!["mdm.example.test".into()], addresses: Vec::new() };
    let server = authorities.issuing().issue_server(&names, NOW).unwrap();
    assert_eq!(server.intermediates().len(), 1);
    std::fs::write(folder.path().join("root.pem"), company.root.to_pem().unwrap()).unwrap();
    std::fs::write(folder.path().join("issuing.pem"), company.issuing.to_pem().unwrap()).unwrap();
    std::fs::write(folder.path().join("device.der"), &issued.encoded.der).unwrap();
    let at = (NOW.0 / 1000).to_string();
    let verify = ["verify", "-attime", &at, "-CAfile", "root.pem", "-untrusted", "issuing.pem", "device.der"];
    let Some((good, said)) = openssl(folder.path(), &verify) else { return };
    assert!(good, "{said}");
}

#[test]
fn what_else_a_root_has_issued_is_no_device_of_ours() {
    let company = Company::new();
    let authorities = Authorities::of(company.import().unwrap()).unwrap();
    let elsewhere = Recipe { above: Some((&company.root, &company.root_key)), ..Recipe::good() };
    let other = imported(&[&elsewhere.write("Company Wi-Fi"), &company.root], &elsewhere.key).unwrap();
    let theirs = issued_to(&other, &curve_key());
    let judged = verify_device_certificate(&authorities, &theirs.encoded.der, NOW);
    assert_eq!(judged, Err(CertificateRefused::Unknown));
}

#[test]
fn keys_are_opened_by_their_passphrase_in_pem_and_in_pkcs_12() {
    let company = Company::new();
    let certificates = bundle(&[&company.root, &company.issuing]);
    let right = Secret::new("corréct horse".to_owned());
    let wrong = Secret::new("battery".to_owned());
    let sealed = company.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), right.expose().as_bytes());
    let sealed = sealed.unwrap();
    let open = |passphrase| CertificateAuthority::import_pem(&certificates, &sealed, passphrase, &[], NOW);
    assert_eq!(open(Some(&right)).unwrap().id().unwrap(), company.import().unwrap().id().unwrap());
    let long = Secret::new("x".repeat(100_000));
    for passphrase in [None, Some(&wrong), Some(&long)] {
        assert!(matches!(open(passphrase), Err(ImportRefused::Passphrase)));
    }
    let mut above = Stack::new().unwrap();
    above.push(company.root.clone()).unwrap();
    let archive = Pkcs12::builder().pkey(&company.key).cert(&company.issuing).ca(above).build2(right.expose()).unwrap();
    let archive = archive.to_der().unwrap();
    let open = |passphrase| CertificateAuthority::import_pkcs12(&archive, passphrase, &[], NOW);
    assert_eq!(open(Some(&right)).unwrap().id().unwrap(), company.import().unwrap().id().unwrap());
    for passphrase in [None, Some(&wrong)] {
        assert!(matches!(open(passphrase), Err(ImportRefused::Pkcs12)));
    }
    let nul = Secret::new("a\0b".to_owned());
    assert!(matches!(open(Some(&nul)), Err(ImportRefused::Passphrase)));
    let alone = Pkcs12::builder().pkey(&company.key).cert(&company.issuing).build2("").unwrap().to_der().unwrap();
    let root = company.root.to_pem().unwrap();
    assert!(matches!(CertificateAuthority::import_pkcs12(&alone, None, &[], NOW), Err(ImportRefused::NoRoot)));
    assert!(CertificateAuthority::import_pkcs12(&alone, None, &root, NOW).is_ok());
}

#[test]
fn an_authority_that_could_not_issue_is_refused_with_the_reason() {
    let company = Company::new();
    let recipe = || Recipe { above: Some((&company.root, &company.root_key)), ..Recipe::good() };
    let refused = |recipe: &Recipe<'_>| imported(&[&recipe.write("Issuing"), &company.root], &recipe.key).unwrap_err();
    assert!(imported(&[&recipe().write("Issuing"), &company.root], &company.key).is_err());
    assert!(matches!(refused(&Recipe { is_authority: false, ..recipe() }), ImportRefused::NotAuthority));
    assert!(matches!(refused(&Recipe { usage: None, ..recipe() }), ImportRefused::NoCertSign));
    let mut signs_only = KeyUsage::new();
    signs_only.critical().digital_signature();
    assert!(matches!(refused(&Recipe { usage: Some(signs_only), ..recipe() }), ImportRefused::NoCertSign));
    assert!(matches!(refused(&Recipe { has_key_id: false, ..recipe() }), ImportRefused::NoKeyId));
    let over = Life { from: NOW.0 / 1000 - 200, to: NOW.0 / 1000 - 100 };
    let expired = refused(&Recipe { life: over, ..recipe() });
    assert!(matches!(expired, ImportRefused::NotValidNow(CertificateRefused::Expired)), "{expired}");
    let early = Life { from: NOW.0 / 1000 + 100, to: NOW.0 / 1000 + 200 };
    let early = refused(&Recipe { life: early, ..recipe() });
    assert!(matches!(early, ImportRefused::NotValidNow(CertificateRefused::NotYetValid)), "{early}");
    let small = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    assert!(matches!(refused(&Recipe { key: small, ..recipe() }), ImportRefused::Key(WeakKey::Length(1024))));
    let mut servers = ExtendedKeyUsage::new();
    servers.server_auth();
    let servers = refused(&Recipe { purpose: Some(servers), ..recipe() });
    assert!(matches!(servers, ImportRefused::Chain(CertificateRefused::Purpose)), "{servers}");
    assert!(servers.hint().is_none() && expired.hint().is_none());
}

#[test]
fn a_chain_that_windows_could_not_be_told_of_is_refused() {
    let company = Company::new();
    assert!(matches!(imported(&[&company.issuing], &company.key), Err(ImportRefused::NoRoot)));
    assert!(matches!(imported(&[], &company.key), Err(ImportRefused::NoCertificate)));
    assert!(matches!(imported(&[&company.root], &company.key), Err(ImportRefused::Mismatch)));
    assert!(matches!(
        CertificateAuthority::import_pem(&bundle(&[&company.root]), b"nothing", None, &[], NOW),
        Err(ImportRefused::NoKey)
    ));
    // The issuing one says that nothing may issue below it.
    let below = Recipe { above: Some((&company.issuing, &company.key)), ..Recipe::good() };
    let third = below.write("Below");
    let deep = imported(&[&third, &company.issuing, &company.root], &below.key).unwrap_err();
    assert!(matches!(deep, ImportRefused::TooDeep), "{deep}");
    let narrow = Recipe { path_length: Some(0), ..Recipe::good() };
    let narrow_root = narrow.write("Narrow Root");
    let below = Recipe { above: Some((&narrow_root, &narrow.key)), ..Recipe::good() };
    let refused = imported(&[&below.write("Issuing"), &narrow_root], &below.key).unwrap_err();
    assert!(matches!(refused, ImportRefused::Chain(_)), "{refused}");
}

#[test]
fn a_renewed_authority_is_taken_with_its_newer_certificate() {
    let company = Company::new();
    let longer = Life { from: NOW.0 / 1000 - 86_400, to: NOW.0 / 1000 + 300 * 86_400 };
    let above = Some((&*company.root, &company.root_key));
    let renewed = Recipe { key: company.key.clone(), life: longer, above, ..Recipe::good() }.write("Company Issuing");
    let authority = imported(&[&company.issuing, &renewed, &company.root], &company.key).unwrap();
    assert_eq!(authority.certificate().to_der().unwrap(), renewed.to_der().unwrap());
    assert_eq!(imported(&[&company.root], &company.root_key).unwrap().intermediate().unwrap(), None);
}
