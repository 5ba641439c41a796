//! The installation's own certificate authority: what it is made of, and certificates for servers.

use std::{net::IpAddr, path::Path};

use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::BigNum,
    ec::{EcGroup, EcKey},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{HasPublic, PKey, PKeyRef, Private},
    rand::rand_bytes,
    rsa::Rsa,
    symm::Cipher,
    x509::{
        X509, X509Builder, X509Name, X509NameBuilder, X509Ref,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
            SubjectKeyIdentifier,
        },
    },
};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::{
    DataKey, EncodedCertificate, Error, Purpose, ServerIdentity,
    certificate::{certificate_fingerprint, timestamp},
    crypto, files,
};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
const AUTHORITY_DAYS: i64 = 3650;
/// Windows and browsers refuse server certificates that are valid for longer than 398 days.
const SERVER_DAYS: i64 = 397;
/// Clocks of devices are wrong, so a certificate starts in the past.
const BACKDATE: i64 = HOUR;

/// A key that issues, its certificate, and what stands above it: nothing for a root of our own, one root for an
/// authority that was imported from below it.
#[derive(Clone)]
pub struct CertificateAuthority {
    certificate: X509,
    key: PKey<Private>,
    root: Option<X509>,
}

/// The kind of key of an authority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthorityKey {
    /// ECDSA on the curve P-256: small and quick.
    #[default]
    P256,
    /// RSA with 2048 bits, for what can't do the other.
    Rsa2048,
}

/// What a server is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerNames {
    /// DNS names.
    pub dns: Vec<String>,
    /// Addresses.
    pub addresses: Vec<IpAddr>,
}

impl CertificateAuthority {
    /// A new root with a P-256 key, valid for ten years from `now`.
    pub fn create(name: &str, now: Timestamp) -> Result<Self, Error> {
        Self::create_with(AuthorityKey::default(), name, now)
    }

    /// A new root, valid for ten years from `now`.
    pub fn create_with(kind: AuthorityKey, name: &str, now: Timestamp) -> Result<Self, Error> {
        let create = || {
            let key = match kind {
                AuthorityKey::P256 => p256_key()?,
                AuthorityKey::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?)?,
            };
            let subject = common_name(name)?;
            let mut builder = start(&subject, &key, Life::days(AUTHORITY_DAYS, now))?;
            builder.set_issuer_name(&subject)?;
            builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
            builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
            let id = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
            builder.append_extension(id)?;
            builder.sign(&key, MessageDigest::sha256())?;
            Ok(Self { certificate: builder.build(), key, root: None })
        };
        create().map_err(crypto("can't create the certificate authority"))
    }

    /// From its two files: the certificate with its root behind it, when it is not one itself, and the key.
    pub fn load(certificate: &Path, key: &Path, data_key: &DataKey) -> Result<Self, Error> {
        let wrong = |path: &Path, expected| Error::Content { path: path.to_owned(), expected };
        let (issuing, root) = read_chain(certificate)?;
        let passphrase = passphrase(data_key)?;
        let private = PKey::private_key_from_pem_passphrase(&files::read_secret(key)?, &passphrase)
            .map_err(|_| wrong(key, "a private key that the key of this data folder opens"))?;
        if !issuing.public_key().is_ok_and(|public| public.public_eq(&private)) {
            return Err(Error::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        Ok(Self { certificate: issuing, key: private, root })
    }

    pub(super) const fn from_parts(certificate: X509, key: PKey<Private>, root: Option<X509>) -> Self {
        Self { certificate, key, root }
    }

    /// The certificate of the key that issues.
    pub fn certificate(&self) -> &X509 {
        &self.certificate
    }

    pub(super) fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    /// The issuing certificate and what is above it.
    pub(super) fn chain(&self) -> impl Iterator<Item = &X509> {
        std::iter::once(&self.certificate).chain(&self.root)
    }

    /// The root, which devices have to trust.
    pub fn root(&self) -> Result<EncodedCertificate, Error> {
        EncodedCertificate::of(self.root.as_ref().unwrap_or(&self.certificate))
    }

    /// The issuing certificate, when it is not the root itself.
    pub fn intermediate(&self) -> Result<Option<EncodedCertificate>, Error> {
        self.root.as_ref().map(|_| EncodedCertificate::of(&self.certificate)).transpose()
    }

    /// A short name for it: the beginning of the fingerprint of its certificate.
    pub fn id(&self) -> Result<AuthorityId, Error> {
        AuthorityId::of(&self.certificate)
    }

    /// When it can issue no longer: the earliest end in its chain.
    pub fn ends_at(&self) -> Result<Timestamp, Error> {
        let mut ends = Timestamp(i64::MAX);
        for certificate in self.chain() {
            ends = ends.min(timestamp(certificate.not_after()).map_err(crypto("can't read a certificate"))?);
        }
        Ok(ends)
    }

    /// The root certificate as PEM.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, Error> {
        self.root.as_ref().unwrap_or(&self.certificate).to_pem().map_err(crypto("can't write the certificate"))
    }

    /// The issuing certificate as PEM, and its root behind it: what is kept in its file.
    pub fn chain_pem(&self) -> Result<Vec<u8>, Error> {
        let pems: Result<Vec<_>, _> = self.chain().map(|certificate| certificate.to_pem()).collect();
        pems.map(|pems| pems.concat()).map_err(crypto("can't write the certificate"))
    }

    /// The private key as PEM, encrypted under the key of the data folder.
    pub fn key_pem(&self, data_key: &DataKey) -> Result<Vec<u8>, Error> {
        let passphrase = passphrase(data_key)?;
        let pem = self.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), &passphrase);
        pem.map_err(crypto("can't encrypt the key of the certificate authority"))
    }

    /// A certificate for a TLS server, and a new P-256 key for it.
    pub fn issue_server(&self, names: &ServerNames, now: Timestamp) -> Result<ServerIdentity, Error> {
        let issue = || {
            let key = p256_key()?;
            let addresses: Vec<String> = names.addresses.iter().map(ToString::to_string).collect();
            let mut alternative = SubjectAlternativeName::new();
            for name in &names.dns {
                alternative.dns(name);
            }
            for address in &addresses {
                alternative.ip(address);
            }
            let subject = common_name(names.dns.iter().chain(&addresses).next().map_or("", String::as_str))?;
            let mut builder = start(&subject, &key, Life::days(SERVER_DAYS, now))?;
            builder.set_issuer_name(self.certificate.subject_name())?;
            builder.append_extension(BasicConstraints::new().critical().build()?)?;
            builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
            builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
            let extensions = {
                let context = builder.x509v3_context(Some(&self.certificate), None);
                [
                    SubjectKeyIdentifier::new().build(&context)?,
                    AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
                    alternative.build(&context)?,
                ]
            };
            extensions.into_iter().try_for_each(|extension| builder.append_extension(extension))?;
            builder.sign(&self.key, MessageDigest::sha256())?;
            let intermediate = self.root.as_ref().map(|_| self.certificate.clone());
            Ok(ServerIdentity::new(std::iter::once(builder.build()).chain(intermediate).collect(), key))
        };
        issue().map_err(crypto("can't issue a server certificate"))
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificateAuthority({:?})", self.certificate.subject_name())
    }
}

/// The first eight hexadecimal digits of a certificate's fingerprint: names authorities among the few of one
/// installation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorityId(String);

impl AuthorityId {
    pub(super) fn of(certificate: &X509Ref) -> Result<Self, Error> {
        let der = certificate.to_der().map_err(crypto("can't write the certificate"))?;
        Ok(Self(certificate_fingerprint(&der).to_string().chars().take(8).collect()))
    }

    /// The id that a text is, when it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 8 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AuthorityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for AuthorityKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "p256" => Ok(Self::P256),
            "rsa2048" => Ok(Self::Rsa2048),
            _ => Err("the kinds are p256 and rsa2048"),
        }
    }
}

impl std::fmt::Display for AuthorityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::P256 => "p256",
            Self::Rsa2048 => "rsa2048",
        })
    }
}

/// From when to when, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Life {
    const fn days(days: i64, now: Timestamp) -> Self {
        let from = now.0.div_euclid(1000) - BACKDATE;
        Self { from, to: from + days * DAY }
    }
}

/// Everything that all certificates have in common; the serial number is 159 random bits, so that a restored backup
/// repeats none.
pub(super) fn start<T: HasPublic>(subject: &X509Name, key: &PKeyRef<T>, life: Life) -> Result<X509Builder, ErrorStack> {
    let mut serial = [0; 20];
    rand_bytes(&mut serial)?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*Asn1Integer::from_bn(&*BigNum::from_slice(&serial)?)?)?;
    builder.set_not_before(&*Asn1Time::from_unix(life.from)?)?;
    builder.set_not_after(&*Asn1Time::from_unix(life.to)?)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    Ok(builder)
}

/// The issuing certificate in a file, and its root when that is another.
pub(super) fn read_chain(path: &Path) -> Result<(X509, Option<X509>), Error> {
    let wrong = || Error::Content { path: path.to_owned(), expected: "a certificate in PEM, with its root behind it" };
    let mut chain = X509::stack_from_pem(&files::read_public(path)?).unwrap_or_default().into_iter();
    let issuing = chain.next().ok_or_else(wrong)?;
    let root = chain.next();
    if chain.next().is_some() { Err(wrong()) } else { Ok((issuing, root)) }
}

pub(super) fn p256_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

/// A subject of one common name, cut to the 64 characters that X.520 allows.
pub(super) fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, &name.chars().take(64).collect::<String>())?;
    Ok(builder.build())
}

fn passphrase(data_key: &DataKey) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = data_key.derive(Purpose::AuthorityKey)?;
    // As text, so that no OpenSSL on the way stops at a zero byte.
    Ok(Zeroizing::new(key.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()))
}

#[cfg(test)]
mod tests {
    use openssl::{
        stack::Stack,
        x509::{X509StoreContext, store::X509StoreBuilder, verify::X509VerifyParam},
    };

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn names() -> ServerNames {
        ServerNames { dns: vec!["mdm.example.test".into()], addresses: vec!["192.0.2.7".parse().unwrap()] }
    }

    #[test]
    fn a_server_certificate_is_good_for_its_names_and_its_root() {
        let authority = CertificateAuthority::create("Test", NOW).unwrap();
        let server = authority.issue_server(&names(), NOW).unwrap();
        let leaf = server.leaf().unwrap();
        for (host, good) in [("mdm.example.test", true), ("other.example.test", false)] {
            let mut param = X509VerifyParam::new().unwrap();
            param.set_time(NOW.0 / 1000);
            param.set_host(host).unwrap();
            param.set_purpose(openssl::x509::X509PurposeId::SSL_SERVER).unwrap();
            let mut roots = X509StoreBuilder::new().unwrap();
            roots.add_cert(authority.certificate().clone()).unwrap();
            roots.set_param(&param).unwrap();
            let mut context = X509StoreContext::new().unwrap();
            let chain = Stack::new().unwrap();
            let verified =
                context.init(&roots.build(), leaf, &chain, openssl::x509::X509StoreContextRef::verify_cert).unwrap();
            assert_eq!(verified, good, "{host}");
        }
        let names = leaf.subject_alt_names().unwrap();
        assert!(names.iter().any(|name| name.ipaddress() == Some(&[192, 0, 2, 7])));
    }

    #[test]
    fn a_server_certificate_lives_no_longer_than_clients_take() {
        let authority = CertificateAuthority::create("Test", NOW).unwrap();
        let server = authority.issue_server(&names(), NOW).unwrap();
        let leaf = server.leaf().unwrap();
        let life = leaf.not_before().diff(leaf.not_after()).unwrap();
        assert!(life.days <= 397);
        assert_eq!(server.expires_at(), NOW.plus_millis((397 * DAY - BACKDATE) * 1000));
    }

    #[test]
    fn serial_numbers_are_positive_long_and_never_the_same() {
        let authority = CertificateAuthority::create("Test", NOW).unwrap();
        let serial = || {
            let server = authority.issue_server(&names(), NOW).unwrap();
            server.leaf().unwrap().serial_number().to_bn().unwrap()
        };
        let (one, two) = (serial(), serial());
        assert!(one != two && one.num_bits() == 159 && !one.is_negative());
    }

    #[test]
    fn the_key_at_rest_opens_only_with_the_key_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("ca.pem"), folder.path().join("ca.key"));
        let data_key = DataKey::generate().unwrap();
        let authority = CertificateAuthority::create("Test", NOW).unwrap();
        files::write_public(&certificate, &authority.certificate_pem().unwrap()).unwrap();
        files::write_secret(&key, &authority.key_pem(&data_key).unwrap()).unwrap();
        assert!(std::fs::read_to_string(&key).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        let again = CertificateAuthority::load(&certificate, &key, &data_key).unwrap();
        assert!(again.key.public_eq(&authority.key));
        let other = DataKey::generate().unwrap();
        let refused = CertificateAuthority::load(&certificate, &key, &other);
        assert!(matches!(refused, Err(Error::Content { .. })));
    }
}
