//! What envelopes are made with: AES in CBC mode, triple DES where it is allowed, and RSA for the key (RFC 3370, 3560,
//! 3565).

use der::{
    Any, Decode as _, Encode as _, Tag, Tagged as _,
    asn1::{ObjectIdentifier, OctetString},
};
use openssl::{
    encrypt::{Decrypter, Encrypter},
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKeyRef, Private, Public},
    rsa::Padding,
    symm::Cipher,
};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::EnvelopeRefused;
use crate::{
    model::{EnvelopeCipher, KeyTransport},
    pki::der::{context, elements, only, write, write_all},
};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

const CIPHERS: &[(ObjectIdentifier, EnvelopeCipher)] = &[
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"), EnvelopeCipher::Aes128Cbc),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"), EnvelopeCipher::Aes192Cbc),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"), EnvelopeCipher::Aes256Cbc),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"), EnvelopeCipher::TripleDesCbc),
];

/// A cipher with the value that its chain begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContentCipher {
    pub(super) cipher: EnvelopeCipher,
    pub(super) iv: Vec<u8>,
}

impl ContentCipher {
    pub(super) fn named(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, EnvelopeRefused> {
        let Some((_, cipher)) = CIPHERS.iter().find(|(oid, _)| *oid == algorithm.oid) else {
            return Err(EnvelopeRefused::Cipher(algorithm.oid.to_string()));
        };
        let iv = algorithm.parameters.as_ref().and_then(|parameters| parameters.decode_as::<OctetString>().ok());
        let iv = iv.ok_or(EnvelopeRefused::Malformed)?.into_bytes().to_vec();
        if Some(iv.len()) != openssl(*cipher).iv_len() {
            return Err(EnvelopeRefused::Malformed);
        }
        Ok(Self { cipher: *cipher, iv })
    }

    /// With an IV of its own.
    pub(super) fn fresh(cipher: EnvelopeCipher) -> Result<Self, ErrorStack> {
        let mut iv = vec![0; openssl(cipher).iv_len().unwrap_or(16)];
        openssl::rand::rand_bytes(&mut iv)?;
        Ok(Self { cipher, iv })
    }

    pub(super) fn identifier(&self) -> Result<AlgorithmIdentifierOwned, der::Error> {
        let oid = CIPHERS.iter().find(|(_, cipher)| *cipher == self.cipher).map_or(RSA, |(oid, _)| *oid);
        Ok(AlgorithmIdentifierOwned { oid, parameters: Some(Any::new(Tag::OctetString, self.iv.as_slice())?) })
    }
}

pub(super) fn openssl(cipher: EnvelopeCipher) -> Cipher {
    match cipher {
        EnvelopeCipher::Aes128Cbc => Cipher::aes_128_cbc(),
        EnvelopeCipher::Aes192Cbc => Cipher::aes_192_cbc(),
        EnvelopeCipher::Aes256Cbc => Cipher::aes_256_cbc(),
        EnvelopeCipher::TripleDesCbc => Cipher::des_ede3_cbc(),
    }
}

/// How a key came, with the digests of OAEP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Pkcs1,
    Oaep { digest: ObjectIdentifier, mask: ObjectIdentifier },
}

impl Transport {
    pub(super) const fn of(transport: KeyTransport) -> Self {
        match transport {
            KeyTransport::RsaPkcs1 => Self::Pkcs1,
            KeyTransport::RsaOaep => Self::Oaep { digest: SHA256, mask: SHA256 },
        }
    }

    pub(super) fn named(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, EnvelopeRefused> {
        match algorithm.oid {
            RSA => Ok(Self::Pkcs1),
            RSA_OAEP => oaep(algorithm),
            other => Err(EnvelopeRefused::Transport(other.to_string())),
        }
    }

    pub(super) fn identifier(self) -> Result<AlgorithmIdentifierOwned, der::Error> {
        let Self::Oaep { digest, mask } = self else {
            return Ok(AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) });
        };
        let named = |oid: ObjectIdentifier| AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) }.to_der();
        let mask = write_all(Tag::Sequence, &[MGF1.to_der()?, named(mask)?])?;
        let parameters = write_all(Tag::Sequence, &[write(context(0), &named(digest)?)?, write(context(1), &mask)?])?;
        Ok(AlgorithmIdentifierOwned { oid: RSA_OAEP, parameters: Some(Any::from_der(&parameters)?) })
    }

    /// The key that was encrypted, or a failure of OpenSSL.
    pub(super) fn decrypt(self, key: &PKeyRef<Private>, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut decrypter = Decrypter::new(key)?;
        match self {
            Self::Pkcs1 => decrypter.set_rsa_padding(Padding::PKCS1)?,
            Self::Oaep { digest, mask } => {
                decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
                decrypter.set_rsa_oaep_md(message_digest(digest))?;
                decrypter.set_rsa_mgf1_md(message_digest(mask))?;
            }
        }
        let mut plain = Zeroizing::new(vec![0; decrypter.decrypt_len(encrypted)?]);
        let length = decrypter.decrypt(encrypted, &mut plain)?;
        plain.truncate(length);
        Ok(plain)
    }

    pub(super) fn encrypt(self, key: &PKeyRef<Public>, plain: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut encrypter = Encrypter::new(key)?;
        match self {
            Self::Pkcs1 => encrypter.set_rsa_padding(Padding::PKCS1)?,
            Self::Oaep { digest, mask } => {
                encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
                encrypter.set_rsa_oaep_md(message_digest(digest))?;
                encrypter.set_rsa_mgf1_md(message_digest(mask))?;
            }
        }
        let mut encrypted = vec![0; encrypter.encrypt_len(plain)?];
        let length = encrypter.encrypt(plain, &mut encrypted)?;
        encrypted.truncate(length);
        Ok(encrypted)
    }
}

fn message_digest(oid: ObjectIdentifier) -> MessageDigest {
    if oid == SHA256 { MessageDigest::sha256() } else { MessageDigest::sha1() }
}

/// `RSAES-OAEP-params` (RFC 4055 4.1), where whatever is left out stands for SHA-1. In OAEP nothing rests on collisions, so
/// that SHA-1 is good enough here.
fn oaep(algorithm: &AlgorithmIdentifierOwned) -> Result<Transport, EnvelopeRefused> {
    let malformed = EnvelopeRefused::Malformed;
    let all_default = Transport::Oaep { digest: SHA1, mask: SHA1 };
    let parameters = match &algorithm.parameters {
        None => return Ok(all_default),
        Some(parameters) if parameters.tag() == Tag::Null => return Ok(all_default),
        Some(parameters) => parameters.to_der().map_err(|_| EnvelopeRefused::Malformed)?,
    };
    let parts = only(&parameters, Tag::Sequence).and_then(elements).ok_or(malformed)?;
    let part = |number| parts.iter().find_map(|part| part.inside(context(number)));
    // A label would have to be agreed on.
    if part(2).is_some() {
        return Err(EnvelopeRefused::Transport("OAEP with a label".to_owned()));
    }
    let digest = part(0).map_or(Ok(SHA1), digest_in)?;
    let mask = match part(1) {
        None => SHA1,
        Some(mask) => {
            let mask = only(mask, Tag::Sequence).and_then(elements).ok_or(EnvelopeRefused::Malformed)?;
            let [function, with] = mask.as_slice() else { return Err(EnvelopeRefused::Malformed) };
            if ObjectIdentifier::from_der(function.whole).ok() != Some(MGF1) {
                return Err(EnvelopeRefused::Transport("a mask that is not MGF1".to_owned()));
            }
            digest_in(with.whole)?
        }
    };
    Ok(Transport::Oaep { digest, mask })
}

fn digest_in(der: &[u8]) -> Result<ObjectIdentifier, EnvelopeRefused> {
    let named = AlgorithmIdentifierOwned::from_der(der).map_err(|_| EnvelopeRefused::Malformed)?.oid;
    if named == SHA1 || named == SHA256 {
        Ok(named)
    } else {
        Err(EnvelopeRefused::Transport(format!("OAEP with {named}")))
    }
}
