//! `AdditionalContext`: what a device says about itself when it asks for its certificate (MS-MDE2 3.4.4.1.1.1).

use super::Version;
use crate::soap::{Element, Why};

/// For whom a device enrolls, and where it keeps its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EnrollmentType {
    /// A user's: `My/User`.
    #[default]
    Full,
    /// The device's own: `My/System`. Entra join and bulk enrollment.
    Device,
}

/// What a device says about itself. Every word of it is a claim. What is empty or `null` counts as absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceContext {
    /// `DeviceID`: opaque, another one at every enrollment. Always there when a certificate is asked for the first time.
    pub device_id: Option<String>,
    /// `HWDevID`: a hash over the hardware; stable, but cloned machines share it.
    pub hw_dev_id: Option<String>,
    /// `DeviceName`.
    pub device_name: Option<String>,
    /// `OSVersion`: `10.0.26200.9278`.
    pub os_version: Option<String>,
    /// `ApplicationVersion`.
    pub application_version: Option<String>,
    /// `DeviceType`: `CIMClient_Windows`.
    pub device_type: Option<String>,
    /// `Locale`.
    pub locale: Option<String>,
    /// `EnrollmentData`: the `OpaqueBlob` of the page with the terms of use.
    pub enrollment_data: Option<String>,
    /// `Manufacturer`.
    pub manufacturer: Option<String>,
    /// `DeviceModel`.
    pub model: Option<String>,
    /// `SerialNumber`.
    pub serial_number: Option<String>,
    /// `OSEdition`, a number of `GetProductInfo`.
    pub os_edition: Option<u32>,
    /// `MAC`, as many as there are, each once.
    pub macs: Vec<String>,
    /// `IMEI`, as many as there are, each once.
    pub imeis: Vec<String>,
    /// `EnrollmentType`; a user's when nothing is said.
    pub enrollment_type: EnrollmentType,
    /// `RequestVersion`.
    pub request_version: Option<Version>,
    /// `NotInOobe`. Windows says `false` outside of OOBE too: nothing can be decided on it.
    pub not_in_oobe: Option<bool>,
    /// `UXInitiated`: a person began it in Settings.
    pub ux_initiated: Option<bool>,
    /// Everything else, as it came.
    pub other: Vec<(String, String)>,
}

/// Items that are kept; real devices send about thirty.
const MOST: usize = 256;

/// Longest name of an item, and longest value of those that have a field of their own.
const LONGEST: usize = 1024;

impl EnrollmentType {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Device => "Device",
        }
    }

    /// The certificate store below `My`.
    pub const fn store(self) -> &'static str {
        match self {
            Self::Full => "User",
            Self::Device => "System",
        }
    }

    /// The type that a name on the wire means.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Full, Self::Device].into_iter().find(|kind| text.trim().eq_ignore_ascii_case(kind.as_str()))
    }
}

/// Reads the items. What decides something may stand once; what nobody knows is kept.
pub(super) fn read(context: &Element<'_>) -> Result<DeviceContext, Why> {
    let mut read = DeviceContext::default();
    let mut enrollment_type = None;
    let mut items = 0;
    for item in context.children.iter().filter(|child| child.name == "ContextItem") {
        items += 1;
        if items > MOST {
            return Err(Why::Value { place: "AdditionalContext", what: "there are too many items" });
        }
        let name = item.attribute("Name")?.ok_or(Why::Missing("Name of a ContextItem"))?;
        let value = match item.child("Value")? {
            Some(value) => value.token("ContextItem")?,
            None => "",
        };
        if name.is_empty() || name.len() > LONGEST {
            return Err(Why::Value { place: "ContextItem", what: "the name is empty or too long" });
        }
        if value.is_empty() || value.eq_ignore_ascii_case("null") {
            continue;
        }
        match name {
            "DeviceID" => once(&mut read.device_id, "DeviceID", value)?,
            "HWDevID" => once(&mut read.hw_dev_id, "HWDevID", value)?,
            "DeviceName" => once(&mut read.device_name, "DeviceName", value)?,
            "OSVersion" => once(&mut read.os_version, "OSVersion", value)?,
            "ApplicationVersion" => once(&mut read.application_version, "ApplicationVersion", value)?,
            "DeviceType" => once(&mut read.device_type, "DeviceType", value)?,
            "Locale" => once(&mut read.locale, "Locale", value)?,
            "EnrollmentData" if read.enrollment_data.is_none() => read.enrollment_data = Some(value.to_owned()),
            "EnrollmentData" => return Err(Why::Twice("EnrollmentData")),
            "Manufacturer" => once(&mut read.manufacturer, "Manufacturer", value)?,
            "DeviceModel" => once(&mut read.model, "DeviceModel", value)?,
            "SerialNumber" => once(&mut read.serial_number, "SerialNumber", value)?,
            "EnrollmentType" => once(&mut enrollment_type, "EnrollmentType", value)?,
            "MAC" => distinct(&mut read.macs, value),
            "IMEI" => distinct(&mut read.imeis, value),
            "OSEdition" if read.os_edition.is_none() && value.parse::<u32>().is_ok() => {
                read.os_edition = value.parse().ok();
            }
            "RequestVersion" if read.request_version.is_none() && Version::parse(value).is_some() => {
                read.request_version = Version::parse(value);
            }
            "NotInOobe" if read.not_in_oobe.is_none() && boolean(value).is_some() => {
                read.not_in_oobe = boolean(value);
            }
            "UXInitiated" if read.ux_initiated.is_none() && boolean(value).is_some() => {
                read.ux_initiated = boolean(value);
            }
            _ => read.other.push((name.to_owned(), value.to_owned())),
        }
    }
    if let Some(name) = enrollment_type {
        read.enrollment_type = EnrollmentType::parse(&name)
            .ok_or(Why::Value { place: "EnrollmentType", what: "neither Full nor Device" })?;
    }
    Ok(read)
}

fn once(slot: &mut Option<String>, name: &'static str, value: &str) -> Result<(), Why> {
    if slot.is_some() {
        return Err(Why::Twice(name));
    }
    if value.len() > LONGEST || value.chars().any(char::is_control) {
        return Err(Why::Value { place: name, what: "too long, or with control characters" });
    }
    *slot = Some(value.to_owned());
    Ok(())
}

fn distinct(list: &mut Vec<String>, value: &str) {
    if value.len() <= LONGEST && !list.iter().any(|known| known == value) {
        list.push(value.to_owned());
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Some(true),
        _ if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
