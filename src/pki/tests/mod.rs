//! Certificates, requests and lists, from all sides; the `openssl` program is the judge where it is there.

mod imports;
mod issuing;
mod lists;
mod renewals;
mod requests;
mod rotation;
mod verifying;

use std::{path::Path, process::Command, time::Duration};

use openssl::{
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{X509, X509Extension, X509Name, X509NameBuilder},
};
use transom_protocol::session::Timestamp;

use super::{
    CertificateAuthority, CertificateRequest, IssuedCertificate,
    authority::{Life, common_name, p256_key, start},
    device::{DeviceKeyKind, DeviceKeyPair, RequestShape},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const GUID: &str = "4F1D2C3B-5A69-4788-9C0D-1E2F3A4B5C6D";
const DEVICE: &str = "0A1B2C3D4E5F60718293A4B5C6D7E8F9";

fn later(duration: Duration) -> Timestamp {
    NOW.plus_millis(i64::try_from(duration.as_millis()).unwrap())
}

fn root() -> CertificateAuthority {
    CertificateAuthority::create("Test", NOW).unwrap()
}

fn curve_key() -> DeviceKeyPair {
    DeviceKeyPair::generate(DeviceKeyKind::P256).unwrap()
}

fn request_of(key: &DeviceKeyPair) -> CertificateRequest {
    CertificateRequest::read(&key.request(GUID, DEVICE, RequestShape::Windows11).unwrap()).unwrap()
}

fn issued_to(authority: &CertificateAuthority, key: &DeviceKeyPair) -> IssuedCertificate {
    authority.issue_device(&request_of(key), "device-1", YEAR, NOW).unwrap()
}

/// A certificate that our authority would not write.
struct Forged<'a> {
    subject: &'a str,
    key: PKey<Private>,
    issuer: X509Name,
    signer: PKey<Private>,
    life: Life,
    digest: MessageDigest,
    extensions: Vec<X509Extension>,
}

impl<'a> Forged<'a> {
    fn by(authority: &CertificateAuthority, subject: &'a str) -> Self {
        Self {
            subject,
            key: p256_key().unwrap(),
            issuer: name_of(authority.certificate()),
            signer: authority.key().to_owned(),
            life: Life { from: NOW.0 / 1000 - 60, to: NOW.0 / 1000 + 86_400 },
            digest: MessageDigest::sha256(),
            extensions: Vec::new(),
        }
    }

    fn with(mut self, extension: X509Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    fn write(self) -> X509 {
        let mut builder = start(&common_name(self.subject).unwrap(), &self.key, self.life).unwrap();
        builder.set_issuer_name(&self.issuer).unwrap();
        for extension in self.extensions {
            builder.append_extension(extension).unwrap();
        }
        builder.sign(&self.signer, self.digest).unwrap();
        builder.build()
    }
}

fn name_of(certificate: &X509) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    for entry in certificate.subject_name().entries_by_nid(Nid::COMMONNAME) {
        builder.append_entry_by_nid(Nid::COMMONNAME, &entry.data().to_string().unwrap()).unwrap();
    }
    builder.build()
}

/// Whether the `openssl` program is content, and what it says; `None` where there is none.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let Ok(output) = Command::new("openssl").current_dir(folder).args(arguments).output() else {
        eprintln!("skipped: there is no openssl program here");
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
