//! What the device door shows in place of its files: a certificate that an ACME server issued, and what proves to that
//! server whose name it is (RFC 8737, `tls-alpn-01`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use openssl::{
    asn1::{Asn1Object, Asn1OctetString},
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private},
    rsa::Rsa,
    ssl::{AlpnError, NameType, SniError, SslAcceptor, SslContext, SslMethod, SslRef, select_next_proto},
    x509::{X509, X509Extension, X509Req, extension::SubjectAlternativeName},
};
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::{
    AuthorityKey, Error, ServerIdentity,
    authority::{Life, common_name, p256_key, start},
    crypto,
};

/// The protocol by which an ACME server asks (RFC 8737, section 6.2), as ALPN writes it.
const ACME_TLS: &[u8] = b"\x0aacme-tls/1";

/// `id-pe-acmeIdentifier`.
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// Seconds that a proof is good for, before and after; it is gone with the order.
const PROOF_SECONDS: i64 = 24 * 60 * 60;

/// A certificate for the public name, as it changes while the door is open.
#[derive(Default)]
pub struct PublicCertificate(RwLock<Arc<Shown>>);

#[derive(Default)]
struct Shown {
    /// Counts the changes of the identity.
    number: u64,
    identity: Option<ServerIdentity>,
    proofs: Option<SslAcceptor>,
}

impl PublicCertificate {
    /// What is to be shown from now on.
    pub fn show(&self, identity: ServerIdentity) {
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *shown = Arc::new(Shown { number: shown.number + 1, identity: Some(identity), proofs: shown.proofs.clone() });
    }

    /// What is to be shown to an ACME server for each name: the SHA-256 of a key authorization.
    pub fn prove(&self, names: &BTreeMap<String, Vec<u8>>, now: Timestamp) -> Result<(), Error> {
        let proofs = (!names.is_empty()).then(|| proving(names, now)).transpose();
        let proofs = proofs.map_err(crypto("can't set up TLS for an ACME server"))?;
        let mut shown = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *shown = Arc::new(Shown { number: shown.number, identity: shown.identity.clone(), proofs });
        Ok(())
    }

    /// The certificate with its number, as long as it is valid.
    pub fn current(&self, now: Timestamp) -> Option<(u64, ServerIdentity)> {
        let shown = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let identity = shown.identity.as_ref().filter(|identity| identity.expires_at() > now)?;
        Some((shown.number, identity.clone()))
    }

    /// The number of the certificate, as long as it is valid; cheap.
    pub(super) fn number(&self, now: Timestamp) -> Option<u64> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.identity.as_ref().filter(|identity| identity.expires_at() > now).map(|_| shown.number)
    }

    /// What an ACME server is answered with, while it is expected.
    pub(super) fn proofs(&self) -> Option<SslAcceptor> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).proofs.clone()
    }
}

impl std::fmt::Debug for PublicCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicCertificate").finish_non_exhaustive()
    }
}

/// Whether the first bytes of a connection ask for a proof. Who says so by accident or on purpose gets one, which is no
/// secret, and nothing else.
pub fn asks_for_proof(first: &[u8]) -> bool {
    first.windows(ACME_TLS.len()).any(|window| window == ACME_TLS)
}

/// Whether these are the first bytes of TLS, and how many belong to its first record.
pub fn first_record(first: &[u8]) -> Option<usize> {
    match first {
        [0x16, 3, _, high, low, ..] => Some(5 + usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn proving(names: &BTreeMap<String, Vec<u8>>, now: Timestamp) -> Result<SslAcceptor, ErrorStack> {
    let mut contexts: HashMap<String, SslContext> = HashMap::new();
    for (name, digest) in names {
        let key = p256_key()?;
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        builder.set_certificate(&*proof(name, digest, &key, now)?)?;
        builder.set_private_key(&key)?;
        builder.set_alpn_select_callback(select);
        contexts.insert(name.to_ascii_lowercase(), builder.build().into_context());
    }
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_alpn_select_callback(select);
    builder.set_servername_callback(move |ssl, _| {
        let name = ssl.servername(NameType::HOST_NAME).map(str::to_ascii_lowercase);
        let context = name.and_then(|name| contexts.get(&name)).ok_or(SniError::ALERT_FATAL)?;
        ssl.set_ssl_context(context).map_err(|_| SniError::ALERT_FATAL)
    });
    Ok(builder.build())
}

/// Nothing but the proof is spoken over.
fn select<'a>(_: &mut SslRef, offered: &'a [u8]) -> Result<&'a [u8], AlpnError> {
    select_next_proto(ACME_TLS, offered).ok_or(AlpnError::ALERT_FATAL)
}

/// A certificate of its own making that holds the proof for a name (RFC 8737, section 3).
fn proof(name: &str, digest: &[u8], key: &PKey<Private>, now: Timestamp) -> Result<X509, ErrorStack> {
    let (subject, seconds) = (common_name(name)?, now.0.div_euclid(1000));
    let mut builder = start(&subject, key, Life { from: seconds - PROOF_SECONDS, to: seconds + PROOF_SECONDS })?;
    builder.set_issuer_name(&subject)?;
    let alternative = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None))?;
    builder.append_extension(alternative)?;
    // An OCTET STRING with the digest, as the value of the extension.
    let length = u8::try_from(digest.len()).unwrap_or_default();
    let value: Vec<u8> = [4, length].into_iter().chain(digest.iter().copied()).collect();
    let object = Asn1Object::from_str(ACME_IDENTIFIER)?;
    let extension = X509Extension::new_from_der(&object, true, &*Asn1OctetString::new_from_bytes(&value)?)?;
    builder.append_extension(extension)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// A new key, and a request for a certificate for these names: PKCS#8 in PEM, PKCS#10 in DER.
pub fn request(kind: AuthorityKey, names: &[String]) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Error> {
    let make = || {
        let key = match kind {
            AuthorityKey::P256 => p256_key()?,
            AuthorityKey::Rsa2048 => PKey::from_rsa(Rsa::generate(2048)?)?,
        };
        let mut builder = X509Req::builder()?;
        builder.set_version(0)?;
        builder.set_pubkey(&key)?;
        let mut alternative = SubjectAlternativeName::new();
        for name in names {
            alternative.dns(name);
        }
        let mut extensions = openssl::stack::Stack::new()?;
        extensions.push(alternative.build(&builder.x509v3_context(None))?)?;
        builder.add_extensions(&extensions)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok((Zeroizing::new(key.private_key_to_pem_pkcs8()?), builder.build().to_der()?))
    };
    make().map_err(crypto("can't make a request for a certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acme_server_is_known_by_its_first_bytes() {
        let hello = |protocols: &[u8]| [&[0x16, 3, 1, 0, 200, 1, 0][..], protocols, &[0; 20]].concat();
        assert!(asks_for_proof(&hello(ACME_TLS)));
        assert!(!asks_for_proof(&hello(b"\x08http/1.1")) && !asks_for_proof(b""));
        assert_eq!(first_record(&hello(b"")), Some(205));
        for other in [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01", b""] {
            assert_eq!(first_record(other), None);
        }
    }

    #[test]
    fn a_certificate_that_has_ended_is_not_shown() {
        let now = Timestamp(1_790_000_000_000);
        let authority = crate::pki::CertificateAuthority::create("Test", now).unwrap();
        let names = crate::pki::ServerNames { dns: vec!["mdm.example.com".into()], addresses: vec![] };
        let identity = authority.issue_server(&names, now).unwrap();
        let (ends, public) = (identity.expires_at(), PublicCertificate::default());
        assert!(public.current(now).is_none() && public.proofs().is_none());
        public.show(identity);
        assert_eq!(public.number(now), Some(1));
        assert!(public.current(ends).is_none() && public.number(ends).is_none());
        public.prove(&BTreeMap::from([("mdm.example.com".to_owned(), vec![7; 32])]), now).unwrap();
        assert!(public.proofs().is_some() && public.number(now) == Some(1));
        public.prove(&BTreeMap::new(), now).unwrap();
        assert!(public.proofs().is_none());
    }
}
