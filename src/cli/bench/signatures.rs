//! `transom bench signatures`: what a signature and an envelope cost, beside the arithmetic that they cannot do without.
//!
//! One core, no network, no database; time of the processor, so that what else the machine does counts little. The
//! arithmetic is measured twice: through the same library as the rest, and by `openssl speed`, where there is one; its
//! library may be another version than ours.

use std::process::Command;
use std::time::Duration;

use clap::Args;
use openssl::{
    encrypt::Decrypter,
    hash::MessageDigest,
    pkey::{PKey, Private, Public},
    rsa::Padding,
    sign::{Signer, Verifier},
    x509::X509,
};
use serde::Serialize;

use super::super::{Output, instance::now, shown::table};
use super::turns::each;
use crate::model::Timestamp;
use crate::pki::{
    CertificateAuthority, CertificateRequest,
    device::{DeviceKeyKind, DeviceKeyPair, RequestShape},
    envelope::{Envelope, EnvelopeKey, Form, Making, sign_and_seal},
    signature::{MessageSignature, Window, verify},
};

/// Measure what a message signature and an envelope cost, against the arithmetic alone
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom bench signatures
  transom bench signatures --seconds 5 --json")]
pub(super) struct Signatures {
    /// Seconds for each figure
    #[arg(long, value_name = "N", default_value_t = 2)]
    seconds: u32,
    /// Bytes of a message
    #[arg(long, value_name = "N", default_value_t = 4_000)]
    bytes: usize,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Figures {
    bytes: usize,
    openssl: String,
    rows: Vec<Row>,
}

/// One kind of work, on one core.
#[derive(Debug, Serialize)]
struct Row {
    what: &'static str,
    each_us: f64,
    per_second: f64,
    /// The arithmetic that it can't do without, through the same library.
    alone_us: f64,
    ratio: f64,
    /// The same arithmetic by `openssl speed` in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    openssl_speed_us: Option<f64>,
}

/// A device of an authority, and the key of that authority's server for envelopes.
struct Parties {
    device: DeviceKeyPair,
    certificate: Vec<u8>,
    server: EnvelopeKey,
}

impl Signatures {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<()> {
        let time = Duration::from_secs(u64::from(self.seconds.max(1)));
        let body = vec![b'x'; self.bytes];
        let speed = Speed::of(self.seconds.max(1));
        let rsa = Parties::new(DeviceKeyKind::Rsa2048)?;
        let curve = Parties::new(DeviceKeyKind::P256)?;
        let rows = vec![
            verified("verify a signature, RSA 2048", &rsa, &body, (time, speed.rsa_verify))?,
            verified("verify a signature, P-256", &curve, &body, (time, speed.p256_verify))?,
            opened(&rsa, &body, (time, speed.rsa_private.map(|open| open + speed.rsa_verify.unwrap_or_default())))?,
            sealed(&rsa, &body, (time, speed.rsa_private.map(|sign| sign + speed.rsa_verify.unwrap_or_default())))?,
        ];
        let figures = Figures { bytes: self.bytes, openssl: openssl::version::version().to_owned(), rows };
        if output.is_json() {
            return output.document(&figures);
        }
        output.text(figures.text())
    }
}

impl Parties {
    fn new(kind: DeviceKeyKind) -> anyhow::Result<Self> {
        let authority = CertificateAuthority::create("Bench CA", now())?;
        let device = DeviceKeyPair::generate(kind)?;
        let request = device.request("guid", "BENCH", RequestShape::Windows11)?;
        let request = CertificateRequest::read(&request)?;
        let issued = authority.issue_device(&request, "bench", Duration::from_hours(24), now())?;
        let server = authority.issue_for_envelopes("bench", Duration::from_hours(24), now())?;
        Ok(Self { device, certificate: issued.encoded.der, server })
    }

    fn key(&self) -> anyhow::Result<PKey<Private>> {
        Ok(PKey::private_key_from_pem(&self.device.key_pem()?)?)
    }

    fn public(&self) -> anyhow::Result<PKey<Public>> {
        Ok(X509::from_der(&self.certificate)?.public_key()?)
    }
}

/// Verifying the header of a message, as it comes, against verifying a digest of the body with the key at hand.
fn verified(
    what: &'static str,
    parties: &Parties,
    body: &[u8],
    (time, speed): (Duration, Option<f64>),
) -> anyhow::Result<Row> {
    let at = now();
    let header = parties.device.sign_message(&parties.certificate, body, at)?;
    let whole = each(time, || {
        verify(header.as_bytes(), body, &parties.certificate, at, &Window::default())?;
        Ok(())
    })?;
    let signature = Signer::new(MessageDigest::sha256(), &*parties.key()?)?.sign_oneshot_to_vec(body)?;
    let key = parties.public()?;
    let alone = each(time, || {
        Verifier::new(MessageDigest::sha256(), &key)?.verify_oneshot(&signature, body)?;
        Ok(())
    })?;
    Ok(Row::new(what, whole, alone, speed))
}

/// Opening an envelope and verifying what is signed in it, against decrypting its key and verifying a signature.
fn opened(parties: &Parties, body: &[u8], (time, speed): (Duration, Option<f64>)) -> anyhow::Result<Row> {
    let at = now();
    let device = EnvelopeKey::of_device(&parties.device, &parties.certificate)?;
    let making = (Making::default(), Form::Binary);
    let sealed = sign_and_seal(body, &device, parties.server.certificate(), making, at)?;
    let keys = [parties.server.clone()];
    let taken = [Making::default().cipher];
    let whole = each(time, || {
        let opened = Envelope::read(&sealed)?.open(&keys, &taken)?;
        let (signature, content) = MessageSignature::read_attached(&opened.content)?;
        signature.verify(&content, &parties.certificate, at, &Window::default())?;
        Ok(())
    })?;
    let alone = private_and_public(parties, body, time)?;
    Ok(Row::new("open an envelope and verify, RSA 2048", whole, alone, speed))
}

/// Signing and enveloping a reply, against the same arithmetic: one operation with a private key, one with a public.
fn sealed(parties: &Parties, body: &[u8], (time, speed): (Duration, Option<f64>)) -> anyhow::Result<Row> {
    let (at, making): (Timestamp, _) = (now(), (Making::default(), Form::Binary));
    let whole = each(time, || {
        sign_and_seal(body, &parties.server, &parties.certificate, making, at)?;
        Ok(())
    })?;
    let alone = private_and_public(parties, body, time)?;
    Ok(Row::new("sign and envelope a reply, RSA 2048", whole, alone, speed))
}

/// One decryption with a private RSA key, and one signature verified with the public one.
fn private_and_public(parties: &Parties, body: &[u8], time: Duration) -> anyhow::Result<f64> {
    let (private, public) = (parties.key()?, parties.public()?);
    let mut encrypted = vec![0; public.size()];
    let length = public.rsa()?.public_encrypt(&[7; 32], &mut encrypted, Padding::PKCS1)?;
    encrypted.truncate(length);
    let signature = Signer::new(MessageDigest::sha256(), &private)?.sign_oneshot_to_vec(body)?;
    each(time, || {
        let mut decrypter = Decrypter::new(&private)?;
        decrypter.set_rsa_padding(Padding::PKCS1)?;
        let mut plain = vec![0; decrypter.decrypt_len(&encrypted)?];
        decrypter.decrypt(&encrypted, &mut plain)?;
        Verifier::new(MessageDigest::sha256(), &public)?.verify_oneshot(&signature, body)?;
        Ok(())
    })
}

/// What `openssl speed` says, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Speed {
    rsa_private: Option<f64>,
    rsa_verify: Option<f64>,
    p256_verify: Option<f64>,
}

impl Speed {
    fn of(seconds: u32) -> Self {
        let seconds = seconds.to_string();
        let said =
            Command::new("openssl").args(["speed", "-mr", "-seconds", &seconds, "rsa2048", "ecdsap256"]).output();
        said.map(|said| Self::read(&String::from_utf8_lossy(&said.stdout))).unwrap_or_default()
    }

    /// From lines such as `+F2:2:2048:SIGN:VERIFY`, in operations a second.
    fn read(said: &str) -> Self {
        let field = |kind: &str, place: usize| {
            let line = said.lines().find(|line| line.starts_with(kind))?;
            let rate: f64 = line.split(':').nth(place)?.trim().parse().ok()?;
            (rate > 0.0).then(|| 1e6 / rate)
        };
        Self { rsa_private: field("+F2:", 3), rsa_verify: field("+F2:", 4), p256_verify: field("+F4:", 4) }
    }
}

impl Row {
    fn new(what: &'static str, each_us: f64, alone_us: f64, openssl_speed_us: Option<f64>) -> Self {
        Self { what, each_us, per_second: 1e6 / each_us, alone_us, ratio: each_us / alone_us, openssl_speed_us }
    }
}

impl Figures {
    fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            [
                row.what.to_owned(),
                format!("{:.0} µs", row.each_us),
                format!("{:.0}", row.per_second),
                format!("{:.0} µs", row.alone_us),
                format!("{:.2} ×", row.ratio),
                row.openssl_speed_us.map_or_else(|| "not there".to_owned(), |us| format!("{us:.0} µs")),
            ]
        });
        let head = ["", "EACH", "PER SECOND AND CORE", "ARITHMETIC ALONE", "RATIO", "OPENSSL SPEED"];
        format!("messages of {} bytes; {}\n\n{}", self.bytes, self.openssl, table(&head, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssl_speed_says_is_read_as_microseconds() {
        let speed = Speed::read("+F2:2:2048:4000.0:50000.0\n+F4:3:256:58729.4:20000.0\n");
        assert_eq!((speed.rsa_private, speed.rsa_verify, speed.p256_verify), (Some(250.0), Some(20.0), Some(50.0)));
        let nothing = Speed::read("speed: Unknown algorithm\n+F2:2:2048:0.0:x\n");
        assert_eq!((nothing.rsa_private, nothing.rsa_verify, nothing.p256_verify), (None, None, None));
    }
}
