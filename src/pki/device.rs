//! The other side: the key of a device, and the requests that Windows makes with it. The simulated device has no other
//! way to get a certificate than a real one.

use der::{Tag, asn1::ObjectIdentifier};
use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Type},
    cms::{CMSOptions, CmsContentInfo},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    stack::Stack,
    x509::{X509, X509Extension, X509Name, X509NameBuilder, X509Req, extension::ExtendedKeyUsage},
};
use zeroize::Zeroizing;

use super::{
    Error,
    authority::p256_key,
    crypto,
    der::{elements, only, write, write_all},
    encoding,
};

/// Where Windows repeats the name of the device.
const DEVICE_ID: &str = "1.3.6.1.4.1.311.66.1.0";
/// The older name of SHA-1 with RSA, which Windows 10 uses.
const OLD_SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.29");

const CANT_REQUEST: &str = "can't make a certificate request";

/// A device's key.
#[derive(Clone)]
pub struct DeviceKeyPair(pub(super) PKey<Private>);

/// The kind of a device's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceKeyKind {
    /// RSA with 2048 bits, as Windows makes it.
    #[default]
    Rsa2048,
    /// ECDSA on the curve P-256.
    P256,
}

/// Which Windows a request looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestShape {
    /// A subject in a `PrintableString` with an exclamation mark and a NUL, and SHA-1 under its older name where the
    /// key is RSA.
    Windows10,
    /// A subject in UTF-8, a purpose asked for, and SHA-256.
    #[default]
    Windows11,
}

impl DeviceKeyPair {
    /// A new key.
    pub fn generate(kind: DeviceKeyKind) -> Result<Self, Error> {
        let key = match kind {
            DeviceKeyKind::Rsa2048 => Rsa::generate(2048).and_then(PKey::from_rsa),
            DeviceKeyKind::P256 => p256_key(),
        };
        key.map(Self).map_err(crypto("can't make a key"))
    }

    /// From PEM without a passphrase.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        PKey::private_key_from_pem_callback(pem, |_| Ok(0)).map(Self).map_err(crypto("can't read a key"))
    }

    /// PKCS#8 in PEM, in clear.
    pub fn key_pem(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.0.private_key_to_pem_pkcs8().map(Zeroizing::new).map_err(crypto("can't write a key"))
    }

    /// A certificate request (PKCS#10) in DER. `guid` begins the common name, as the enrollment's own id on Windows.
    pub fn request(&self, guid: &str, device_id: &str, shape: RequestShape) -> Result<Vec<u8>, Error> {
        let request = self.signed_request(guid, device_id, shape).map_err(crypto(CANT_REQUEST))?;
        match (shape, self.0.rsa()) {
            (RequestShape::Windows10, Ok(_)) => renamed(&request).map_err(encoding(CANT_REQUEST)),
            _ => Ok(request),
        }
    }

    fn signed_request(&self, guid: &str, device_id: &str, shape: RequestShape) -> Result<Vec<u8>, ErrorStack> {
        let mut builder = X509Req::builder()?;
        builder.set_version(0)?;
        builder.set_subject_name(&*subject(guid, device_id, shape)?)?;
        builder.set_pubkey(&self.0)?;
        let mut extensions = Stack::new()?;
        if shape == RequestShape::Windows11 {
            extensions.push(ExtendedKeyUsage::new().client_auth().build()?)?;
        }
        let value = Asn1OctetString::new_from_bytes(format!("{device_id}\0").as_bytes())?;
        extensions.push(X509Extension::new_from_der(&*Asn1Object::from_str(DEVICE_ID)?, false, &value)?)?;
        builder.add_extensions(&extensions)?;
        let digest = match shape {
            RequestShape::Windows10 => MessageDigest::sha1(),
            RequestShape::Windows11 => MessageDigest::sha256(),
        };
        builder.sign(&self.0, digest)?;
        builder.build().to_der()
    }

    /// A renewal (PKCS#7) of the request of a new key, signed by this one, whose certificate is the old one.
    pub fn renewal(&self, certificate: &[u8], request: &[u8]) -> Result<Vec<u8>, Error> {
        let sign = || {
            let certificate = X509::from_der(certificate)?;
            let options = CMSOptions::BINARY | CMSOptions::NOSMIMECAP;
            CmsContentInfo::sign(Some(&*certificate), Some(&*self.0), None, Some(request), options)?.to_der()
        };
        sign().map_err(crypto("can't sign a renewal"))
    }
}

/// A certificate in DER as PEM.
pub fn certificate_pem(der: &[u8]) -> Result<Vec<u8>, Error> {
    X509::from_der(der).and_then(|certificate| certificate.to_pem()).map_err(crypto("can't write the certificate"))
}

/// The first certificate of a PEM in DER.
pub fn certificate_der(pem: &[u8]) -> Result<Vec<u8>, Error> {
    X509::from_pem(pem).and_then(|certificate| certificate.to_der()).map_err(crypto("can't read the certificate"))
}

/// `CN=<30 characters of the GUID>!<device id>`, 64 characters at most.
fn subject(guid: &str, device_id: &str, shape: RequestShape) -> Result<X509Name, ErrorStack> {
    let guid: String = guid.chars().take(30).collect();
    let (kind, end) = match shape {
        RequestShape::Windows10 => (Asn1Type::PRINTABLESTRING, "\0"),
        RequestShape::Windows11 => (Asn1Type::UTF8STRING, ""),
    };
    let name: String = format!("{guid}!{device_id}").chars().take(63).chain(end.chars()).collect();
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid_with_type(Nid::COMMONNAME, &name, kind)?;
    Ok(builder.build())
}

/// The request under the older name of its algorithm: the signature does not cover that.
fn renamed(request: &[u8]) -> Result<Vec<u8>, ::der::Error> {
    let parts = only(request, Tag::Sequence).and_then(elements).unwrap_or_default();
    let [info, _algorithm, signature] = parts.as_slice() else { return Ok(request.to_vec()) };
    let name = write(Tag::ObjectIdentifier, OLD_SHA1_WITH_RSA.as_bytes())?;
    let algorithm = write_all(Tag::Sequence, &[name, write(Tag::Null, &[])?])?;
    write_all(Tag::Sequence, &[info.whole.to_vec(), algorithm, signature.whole.to_vec()])
}

impl std::fmt::Debug for DeviceKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKeyPair(…)")
    }
}
