//! Certificates: a root to trust, one issued over SCEP, one with its key (CSP `RootCATrustedCertificates`,
//! `ClientCertificateInstall`).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use transom_protocol::csp::{IfExists, Instruction, LocUri};
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, add, atomic, exec, node, vendor};
use super::reading::{Readings, Told, error_code};
use crate::model::SecretText;

/// A root certificate to trust.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallRoot {
    /// The certificate, as PEM or as base64 of its DER.
    pub certificate: String,
}

/// A certificate that the device has issued to it over SCEP.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScepEnrollment {
    /// What the device keeps it under; letters, digits, hyphens.
    pub id: String,
    /// The SCEP server.
    pub server_url: String,
    /// What the server lets the device in for.
    #[schema(value_type = String)]
    pub challenge: SecretText,
    /// Such as `CN=laptop-7`.
    pub subject: String,
    /// SHA-1 of the certificate of the authority, in hexadecimal digits.
    pub ca_thumbprint: String,
    /// Object identifiers of what the key is for.
    #[serde(default = "client_authentication")]
    pub extended_key_usage: Vec<String>,
    /// Bits: 1024, 2048 or 4096.
    #[serde(default = "two_thousand")]
    pub key_length: u32,
    /// Where the key is kept: 1 TPM, 2 TPM if there is one, 3 software, 4 Windows Hello.
    #[serde(default = "software")]
    pub key_protection: u8,
    /// How often the device tries again, up to 30.
    #[serde(default = "software")]
    pub retries: u8,
    /// Minutes between the tries.
    #[serde(default = "five")]
    pub retry_delay_minutes: u32,
}

/// A certificate with its key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallPfx {
    /// What the device keeps it under; letters, digits, hyphens.
    pub id: String,
    /// The PKCS #12 file, as base64.
    #[schema(value_type = String)]
    pub pfx: SecretText,
    /// Its password.
    #[schema(value_type = String)]
    pub password: SecretText,
    /// Where the key is kept: 1 TPM, 2 TPM if there is one, 3 software.
    #[serde(default = "software")]
    pub key_location: u8,
    /// Whether the key may leave the device; only where it is kept in software.
    #[serde(default)]
    pub exportable: bool,
}

fn client_authentication() -> Vec<String> {
    vec!["1.3.6.1.5.5.7.3.2".to_owned()]
}

const fn two_thousand() -> u32 {
    2048
}

const fn software() -> u8 {
    3
}

const fn five() -> u32 {
    5
}

/// Largest PKCS #12 file, in bytes of its base64.
const MAX_PFX: usize = 256 * 1024;

impl InstallRoot {
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        let (der, target) = self.target()?;
        let add = add(target, Some((Format::B64, BASE64.encode(der))), IfExists::Replace);
        Ok(Plan::of(add).then_reading(self.nodes()?))
    }

    pub(super) fn nodes(&self) -> Result<Vec<LocUri>, Refusal> {
        Ok(vec![self.target()?.1])
    }

    pub(super) fn judge(&self, readings: &Readings) -> Result<Told, Refusal> {
        let (der, target) = self.target()?;
        Ok(match readings.value(&target) {
            Some(value)
                if BASE64.decode(value.split_ascii_whitespace().collect::<String>()).is_ok_and(|read| read == der) =>
            {
                Told::Done("the device reads the certificate back from its trusted roots".to_owned())
            }
            Some(_) => Told::Failed("the device has another certificate there".to_owned()),
            None => Told::Nothing,
        })
    }

    /// The certificate, and the node that is named after its SHA-1.
    fn target(&self) -> Result<(Vec<u8>, LocUri), Refusal> {
        let wrong = || Refusal::invalid("/certificate", "write one certificate, as PEM or as base64 of its DER");
        let text = self.certificate.trim();
        let parsed = if text.starts_with("-----BEGIN") {
            openssl::x509::X509::from_pem(text.as_bytes())
        } else {
            let der = BASE64.decode(text.split_ascii_whitespace().collect::<String>()).map_err(|_| wrong())?;
            openssl::x509::X509::from_der(&der)
        };
        let der = parsed.and_then(|certificate| certificate.to_der()).map_err(|_| wrong())?;
        let thumbprint = crate::model::hex(&openssl::sha::sha1(&der)).to_ascii_uppercase();
        let target = vendor(&format!("RootCATrustedCertificates/Root/{thumbprint}/EncodedCertificate"))?;
        Ok((der, target))
    }
}

impl ScepEnrollment {
    /// All in one Atomic, the Exec last: the device takes it no other way.
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        self.check()?;
        let base = scep(&self.id)?;
        let install = |name: &str| node(&format!("{base}/Install/{name}"));
        let text = |name: &str, value: &str| Ok::<_, Refusal>(set(install(name)?, Format::Chr, value));
        let number = |name: &str, value: u32| Ok::<_, Refusal>(set(install(name)?, Format::Int, &value.to_string()));
        let all = vec![
            add(node(&base)?, Some((Format::Node, String::new())), IfExists::Fail),
            text("ServerURL", &self.server_url)?,
            text("Challenge", self.challenge.secret().expose())?,
            text("EKUMapping", &self.extended_key_usage.join("+"))?,
            number("KeyUsage", DIGITAL_SIGNATURE_AND_KEY_ENCIPHERMENT)?,
            text("SubjectName", &self.subject)?,
            number("KeyLength", self.key_length)?,
            text("HashAlgorithm", "SHA-2")?,
            number("KeyProtection", u32::from(self.key_protection))?,
            number("RetryCount", u32::from(self.retries))?,
            number("RetryDelay", self.retry_delay_minutes)?,
            text("CAThumbprint", &self.ca_thumbprint)?,
            exec(install("Enroll")?, None),
        ];
        Ok(Plan::of(atomic(all)).then_reading(scep_nodes(&self.id)?))
    }

    fn check(&self) -> Result<(), Refusal> {
        if !reqwest::Url::parse(&self.server_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Refusal::invalid("/server_url", "write the address of the SCEP server"));
        }
        if self.ca_thumbprint.len() != 40 || !self.ca_thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal::invalid(
                "/ca_thumbprint",
                "write the SHA-1 of the authority's certificate as 40 hexadecimal digits",
            ));
        }
        if self.subject.is_empty() || self.subject.len() > 1024 || self.subject.chars().any(char::is_control) {
            return Err(Refusal::invalid("/subject", "write a name such as CN=laptop-7"));
        }
        let is_oid = |oid: &String| !oid.is_empty() && oid.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if self.extended_key_usage.is_empty()
            || self.extended_key_usage.len() > 20
            || !self.extended_key_usage.iter().all(is_oid)
        {
            return Err(Refusal::invalid("/extended_key_usage", "write object identifiers such as 1.3.6.1.5.5.7.3.2"));
        }
        if !matches!(self.key_length, 1024 | 2048 | 4096) {
            return Err(Refusal::invalid("/key_length", "1024, 2048 or 4096"));
        }
        if !(1..=4).contains(&self.key_protection) {
            return Err(Refusal::invalid("/key_protection", "1, 2, 3 or 4"));
        }
        if self.retries > 30 {
            return Err(Refusal::invalid("/retries", "at most 30"));
        }
        Ok(())
    }
}

/// `digitalSignature` and `keyEncipherment`.
const DIGITAL_SIGNATURE_AND_KEY_ENCIPHERMENT: u32 = 0xA0;

impl InstallPfx {
    /// All in one Atomic, the file last: its Add is what installs.
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        self.check()?;
        let base = pfx(&self.id)?;
        let below = |name: &str| node(&format!("{base}/{name}"));
        let all = vec![
            add(node(&base)?, Some((Format::Node, String::new())), IfExists::Fail),
            set(below("KeyLocation")?, Format::Int, &self.key_location.to_string()),
            set(below("PFXCertPassword")?, Format::Chr, self.password.secret().expose()),
            set(below("PFXCertPasswordEncryptionType")?, Format::Int, "0"),
            set(below("PFXKeyExportable")?, Format::Bool, if self.exportable { "true" } else { "false" }),
            set(below("PFXCertBlob")?, Format::Chr, self.pfx.secret().expose().trim()),
        ];
        Ok(Plan::of(atomic(all)).then_reading(pfx_nodes(&self.id)?))
    }

    fn check(&self) -> Result<(), Refusal> {
        let file = self.pfx.secret().expose().trim();
        let is_file = file.len() <= MAX_PFX
            && BASE64.decode(file).is_ok_and(|der| openssl::pkcs12::Pkcs12::from_der(&der).is_ok());
        if !is_file {
            return Err(Refusal::invalid("/pfx", "write a PKCS #12 file of at most 192 KiB as base64"));
        }
        if !(1..=3).contains(&self.key_location) {
            return Err(Refusal::invalid("/key_location", "1, 2 or 3"));
        }
        if self.exportable && self.key_location != software() {
            return Err(Refusal::invalid("/exportable", "a key can leave the device only where key_location is 3"));
        }
        Ok(())
    }
}

/// Where the device says how far it is with a certificate over SCEP.
pub(super) fn scep_nodes(id: &str) -> Result<Vec<LocUri>, Refusal> {
    let base = scep(id)?;
    ["Status", "ErrorCode", "CertThumbprint"].into_iter().map(|name| node(&format!("{base}/{name}"))).collect()
}

/// 1 done, 2 in work, 16 failed, 32 unknown.
pub(super) fn judge_scep(id: &str, readings: &Readings) -> Result<Told, Refusal> {
    let nodes = scep_nodes(id)?;
    let [status, error, thumbprint] = nodes.as_slice() else { return Ok(Told::Nothing) };
    Ok(match readings.number(status) {
        Some(1) => {
            let which = readings.value(thumbprint).map_or_else(String::new, |thumbprint| format!(" ({thumbprint})"));
            Told::Done(format!("the device says that it has the certificate{which}"))
        }
        Some(2) => Told::GoesOn("the device waits for the authority".to_owned()),
        Some(16) => {
            let code = readings.number(error).map_or_else(String::new, |code| format!(": {}", error_code(code)));
            Told::Failed(format!("the device got no certificate{code}"))
        }
        Some(_) => Told::GoesOn("the device does not say how far it is".to_owned()),
        None => Told::Nothing,
    })
}

/// Where the device says whether a certificate with its key was installed.
pub(super) fn pfx_nodes(id: &str) -> Result<Vec<LocUri>, Refusal> {
    let base = pfx(id)?;
    ["Status", "Thumbprint"].into_iter().map(|name| node(&format!("{base}/{name}"))).collect()
}

/// An error of Windows; 0 is done.
pub(super) fn judge_pfx(id: &str, readings: &Readings) -> Result<Told, Refusal> {
    let nodes = pfx_nodes(id)?;
    let [status, thumbprint] = nodes.as_slice() else { return Ok(Told::Nothing) };
    Ok(match readings.number(status) {
        Some(0) => {
            let which = readings.value(thumbprint).map_or_else(String::new, |thumbprint| format!(" ({thumbprint})"));
            Told::Done(format!("the device says that it has installed the certificate{which}"))
        }
        Some(code) => Told::Failed(format!("the device could not install it: {}", error_code(code))),
        None => Told::Nothing,
    })
}

fn scep(id: &str) -> Result<String, Refusal> {
    Ok(format!("./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/{}", unique(id)?))
}

fn pfx(id: &str) -> Result<String, Refusal> {
    Ok(format!("./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/{}", unique(id)?))
}

/// The id, where it can be the name of a node.
fn unique(id: &str) -> Result<&str, Refusal> {
    let fine = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fine { Ok(id) } else { Err(Refusal::invalid("/id", "write 1 to 64 letters, digits and hyphens")) }
}

fn set(target: LocUri, format: Format, value: &str) -> Instruction {
    add(target, Some((format, value.to_owned())), IfExists::Fail)
}
