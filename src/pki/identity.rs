//! A server's certificate chain with its private key.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use openssl::{
    pkey::{PKey, Private},
    x509::{X509, X509Ref},
};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::{Description, Error, certificate::timestamp, crypto, files};

/// What a TLS server shows, and the key that proves it.
#[derive(Clone)]
pub struct ServerIdentity {
    chain: Vec<X509>,
    key: PKey<Private>,
    /// Where it was read from: the chain and the key.
    files: Option<[PathBuf; 2]>,
}

/// When two files were last written, and how long they are.
pub(super) type FileStamp = [(SystemTime, u64); 2];

impl ServerIdentity {
    /// From a chain, the server's own certificate first, and its key.
    pub(super) fn new(chain: Vec<X509>, key: PKey<Private>) -> Self {
        Self { chain, key, files: None }
    }

    /// From two PEM files: the chain, the server's own certificate first, and the key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, Error> {
        let wrong = |path: &Path, expected| Error::Content { path: path.to_owned(), expected };
        let chain = X509::stack_from_pem(&files::read_public(certificate)?).unwrap_or_default();
        let Some(leaf) = chain.first() else {
            return Err(wrong(certificate, "certificates in PEM"));
        };
        let private = PKey::private_key_from_pem_callback(&files::read_secret(key)?, |_| Ok(0))
            .map_err(|_| wrong(key, "a private key in PEM without a passphrase"))?;
        if !leaf.public_key().is_ok_and(|public| public.public_eq(&private)) {
            return Err(Error::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        Ok(Self { chain, key: private, files: Some([certificate.to_owned(), key.to_owned()]) })
    }

    /// From two texts in PEM: the chain, the server's own certificate first, and the key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let read = || {
            let chain = X509::stack_from_pem(chain)?;
            Ok((chain, PKey::private_key_from_pem_callback(key, |_| Ok(0))?))
        };
        let (chain, key) = read().map_err(crypto("can't read a certificate with its key"))?;
        match chain.first().map(|leaf| leaf.public_key().is_ok_and(|public| public.public_eq(&key))) {
            Some(true) => Ok(Self::new(chain, key)),
            _ => Err(Error::NotItsKey),
        }
    }

    /// Whether the server's own certificate is for a DNS name.
    pub fn is_for(&self, name: &str) -> bool {
        let names = self.leaf().and_then(X509Ref::subject_alt_names);
        names.is_some_and(|names| {
            names.iter().filter_map(|known| known.dnsname()).any(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// How its files stand now; nothing where it has none, or they are not there at the moment.
    pub(super) fn stamp(&self) -> Option<FileStamp> {
        let stamp = |path: &PathBuf| {
            let known = std::fs::metadata(path).ok()?;
            Some((known.modified().ok()?, known.len()))
        };
        let [certificate, key] = self.files.as_ref()?;
        Some([stamp(certificate)?, stamp(key)?])
    }

    /// What its files hold now.
    pub(super) fn again(&self) -> Result<Self, Error> {
        match &self.files {
            Some([certificate, key]) => Self::load(certificate, key),
            None => Ok(self.clone()),
        }
    }

    /// The server's own certificate.
    pub fn leaf(&self) -> Option<&X509Ref> {
        self.chain.first().map(AsRef::as_ref)
    }

    /// The certificates behind the server's own, in the order in which they are sent.
    pub fn intermediates(&self) -> &[X509] {
        self.chain.get(1..).unwrap_or_default()
    }

    /// The private key.
    pub(super) fn key(&self) -> &PKey<Private> {
        &self.key
    }

    /// What there is to know of the server's own certificate.
    pub fn description(&self) -> Option<Result<Description, Error>> {
        self.leaf().map(Description::of)
    }

    /// When the server's own certificate ends.
    pub fn expires_at(&self) -> Timestamp {
        self.leaf().and_then(|leaf| timestamp(leaf.not_after()).ok()).unwrap_or(Timestamp(0))
    }

    /// The chain as PEM.
    pub fn chain_pem(&self) -> Result<Vec<u8>, Error> {
        let pems: Result<Vec<_>, _> = self.chain.iter().map(|certificate| certificate.to_pem()).collect();
        pems.map(|pems| pems.concat()).map_err(crypto("can't write the certificate"))
    }

    /// The private key as PEM, in clear: TLS servers start without asking for a passphrase.
    pub fn key_pem(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.key.private_key_to_pem_pkcs8().map(Zeroizing::new).map_err(crypto("can't write the server's key"))
    }
}

impl std::fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerIdentity({:?})", self.leaf().map(X509Ref::subject_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{CertificateAuthority, ServerNames};

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn a_certificate_for_another_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let authority = CertificateAuthority::create("Test", NOW).unwrap();
        let names = ServerNames { dns: vec!["localhost".into()], addresses: vec![] };
        for name in ["a", "b"] {
            let server = authority.issue_server(&names, NOW).unwrap();
            files::write_public(&at(&format!("{name}.pem")), &server.chain_pem().unwrap()).unwrap();
            files::write_secret(&at(&format!("{name}.key")), &server.key_pem().unwrap()).unwrap();
        }
        assert!(ServerIdentity::load(&at("a.pem"), &at("a.key")).is_ok());
        assert!(matches!(ServerIdentity::load(&at("a.pem"), &at("b.key")), Err(Error::Mismatch { .. })));
        assert!(matches!(ServerIdentity::load(&at("a.key"), &at("a.key")), Err(Error::Content { .. })));
    }
}
