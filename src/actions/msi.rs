//! MSI packages (CSP `EnterpriseDesktopAppManagement`).

use serde::{Deserialize, Serialize};
use transom_protocol::csp::{IfExists, LocUri, MsiInstallJob};
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, add, delete, exec, vendor};
use super::reading::{Readings, Told, error_code};

/// An MSI to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallMsi {
    /// `ProductCode` of the package: a GUID, with or without braces.
    pub product_code: String,
    /// Its version, such as `1.2.3`.
    pub version: String,
    /// Where the device fetches it: `https`, without a client certificate.
    pub url: String,
    /// SHA-256 of the file, in hexadecimal digits: another file is not installed.
    pub sha256: String,
    /// Further arguments of `msiexec`.
    #[serde(default = "quiet")]
    pub arguments: String,
    /// Minutes that the installation may take; 0 is for ever.
    #[serde(default = "ten")]
    pub timeout_minutes: u32,
    /// How often the device tries again.
    #[serde(default = "three")]
    pub retries: u32,
    /// Minutes between the tries.
    #[serde(default = "five")]
    pub retry_interval_minutes: u32,
}

/// An MSI to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMsi {
    /// `ProductCode` of the package.
    pub product_code: String,
}

fn quiet() -> String {
    "/quiet".to_owned()
}

const fn ten() -> u32 {
    10
}

const fn three() -> u32 {
    3
}

const fn five() -> u32 {
    5
}

/// Most of anything that counts minutes or tries: a week.
const MOST: u32 = 7 * 24 * 60;

impl InstallMsi {
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        self.check()?;
        let job = below(&self.product_code, "DownloadInstall")?;
        // The node is added before it is run; where it is there already, that may fail.
        let definition = MsiInstallJob {
            product_code: &guid(&self.product_code)?,
            version: &self.version,
            url: &self.url,
            sha256: &self.sha256,
            arguments: &self.arguments,
            timeout_minutes: self.timeout_minutes,
            retries: self.retries,
            retry_interval_minutes: self.retry_interval_minutes,
        };
        let installed = exec(job.clone(), Some((Format::Xml, definition.to_xml())));
        Ok(Plan::of(installed).preceded_by(add(job, None, IfExists::Fail)))
    }

    fn check(&self) -> Result<(), Refusal> {
        guid(&self.product_code)?;
        let is_https = reqwest::Url::parse(&self.url).is_ok_and(|url| url.scheme() == "https" && url.has_host());
        if !is_https || self.url.len() > 2048 {
            return Err(Refusal::invalid("/url", "write an https address"));
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal::invalid("/sha256", "write the SHA-256 of the file as 64 hexadecimal digits"));
        }
        let is_version =
            self.version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_version || self.version.len() > 64 {
            return Err(Refusal::invalid("/version", "write a version such as 1.2.3"));
        }
        if self.arguments.len() > 2048 || self.arguments.chars().any(char::is_control) {
            return Err(Refusal::invalid("/arguments", "at most 2048 characters on one line"));
        }
        let numbers = [
            ("/timeout_minutes", self.timeout_minutes),
            ("/retries", self.retries),
            ("/retry_interval_minutes", self.retry_interval_minutes),
        ];
        match numbers.into_iter().find(|(_, number)| *number > MOST) {
            Some((at, _)) => Err(Refusal::invalid(at, format!("at most {MOST}"))),
            None => Ok(()),
        }
    }
}

impl RemoveMsi {
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        let product = product(&self.product_code)?;
        Ok(Plan::of(delete(product)).then_reading(nodes(&self.product_code)?))
    }
}

/// Where the device says how far it is.
pub(super) fn nodes(product_code: &str) -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![below(product_code, "Status")?, below(product_code, "LastError")?])
}

/// The words of `Status`.
pub(super) fn judge_install(product_code: &str, readings: &Readings) -> Result<Told, Refusal> {
    let Some(status) = readings.number(&below(product_code, "Status")?) else { return Ok(Told::Nothing) };
    let error = readings.number(&below(product_code, "LastError")?).filter(|code| *code != 0);
    let because = error.map_or_else(String::new, |code| format!(": {}", error_code(code)));
    let going = |what: &str| Told::GoesOn(format!("the device {what}"));
    Ok(match status {
        10 => going("has taken the job"),
        20 => going("is downloading"),
        25 => going("will try the download again"),
        40 => going("has downloaded it"),
        48 => going("waits for a user to sign in"),
        50 => going("is installing"),
        55 => going("will try the installation again"),
        30 => Told::Failed(format!("the device could not download it{because}")),
        60 => Told::Failed(format!("the device could not install it{because}")),
        70 => Told::Done("the device says that it is installed".to_owned()),
        other => Told::GoesOn(format!("the device says status {other}")),
    })
}

/// Gone when the device knows no such product any more.
pub(super) fn judge_remove(product_code: &str, readings: &Readings) -> Result<Told, Refusal> {
    let status = below(product_code, "Status")?;
    Ok(match readings.number(&status) {
        _ if readings.is_missing(&status) => Told::Done("the device no longer knows the product".to_owned()),
        Some(60) => Told::Failed("the device could not remove it".to_owned()),
        Some(status) => Told::GoesOn(format!("the device still knows the product (status {status})")),
        None => Told::Nothing,
    })
}

/// The code in braces and capitals, as Windows writes it.
fn guid(text: &str) -> Result<String, Refusal> {
    let bare = text.trim().trim_start_matches('{').trim_end_matches('}');
    let wrong = || {
        Refusal::invalid(
            "/product_code",
            "write the ProductCode of the MSI, such as {1803A630-3C38-4D2B-9B9A-0CB37243539C}",
        )
    };
    let id = uuid::Uuid::try_parse(bare).map_err(|_| wrong())?;
    Ok(format!("{{{}}}", id.hyphenated().to_string().to_ascii_uppercase()))
}

fn product(product_code: &str) -> Result<LocUri, Refusal> {
    let code = guid(product_code)?.replace('{', "%7B").replace('}', "%7D");
    vendor(&format!("EnterpriseDesktopAppManagement/MSI/{code}"))
}

fn below(product_code: &str, name: &str) -> Result<LocUri, Refusal> {
    let product = product(product_code)?;
    super::plan::node(&format!("{}/{name}", product.as_str()))
}
