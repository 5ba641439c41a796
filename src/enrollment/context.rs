//! What a device said of itself when it enrolled, as it is kept.

use serde_json::{Map, Value, json};
use transom_protocol::enrollment::DeviceContext;

use crate::model::{DeviceInfo, EnrollmentType};

/// Longest value that is kept.
const LONGEST: usize = 4096;

/// What lists of devices show of it.
pub(super) fn info_of(context: &DeviceContext) -> DeviceInfo {
    let said = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or_default();
        let plain: String = text.chars().filter(|character| !character.is_control()).take(255).collect();
        (!plain.is_empty()).then_some(plain)
    };
    DeviceInfo {
        name: said(&context.device_name),
        manufacturer: said(&context.manufacturer),
        model: said(&context.model),
        language: said(&context.locale),
        dm_version: None,
        os_version: said(&context.os_version),
    }
}

/// All of it, by the names on the wire. The text that a page with terms of use left is not kept: it is a credential.
pub(super) fn kept(context: &DeviceContext) -> Value {
    let mut kept = Map::new();
    let mut keep = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            kept.insert(name.to_owned(), value);
        }
    };
    let text = |text: &str| Value::String(text.chars().take(LONGEST).collect());
    let said = |value: &Option<String>| value.as_deref().map(text);
    keep("DeviceID", said(&context.device_id));
    keep("HWDevID", said(&context.hw_dev_id));
    keep("DeviceName", said(&context.device_name));
    keep("OSVersion", said(&context.os_version));
    keep("ApplicationVersion", said(&context.application_version));
    keep("DeviceType", said(&context.device_type));
    keep("Locale", said(&context.locale));
    keep("Manufacturer", said(&context.manufacturer));
    keep("DeviceModel", said(&context.model));
    keep("SerialNumber", said(&context.serial_number));
    keep("OSEdition", context.os_edition.map(Value::from));
    keep("EnrollmentType", Some(text(context.enrollment_type.as_str())));
    keep("RequestVersion", context.request_version.map(|version| text(&version.to_string())));
    keep("NotInOobe", context.not_in_oobe.map(Value::from));
    keep("UXInitiated", context.ux_initiated.map(Value::from));
    keep("MAC", (!context.macs.is_empty()).then(|| json!(context.macs)));
    keep("IMEI", (!context.imeis.is_empty()).then(|| json!(context.imeis)));
    for (name, value) in &context.other {
        keep(name, Some(text(value)));
    }
    Value::Object(kept)
}

/// Whose certificate it is.
pub(super) const fn kind_of(context: &DeviceContext) -> EnrollmentType {
    match context.enrollment_type {
        transom_protocol::enrollment::EnrollmentType::Full => EnrollmentType::Full,
        transom_protocol::enrollment::EnrollmentType::Device => EnrollmentType::Device,
    }
}

/// The same on the wire.
pub(super) const fn on_the_wire(kind: EnrollmentType) -> transom_protocol::enrollment::EnrollmentType {
    match kind {
        EnrollmentType::Full => transom_protocol::enrollment::EnrollmentType::Full,
        EnrollmentType::Device => transom_protocol::enrollment::EnrollmentType::Device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_has_bounds_and_no_credential() {
        let context = DeviceContext {
            device_name: Some("PC\u{1b}[2J".to_owned()),
            enrollment_data: Some("a token of the terms".to_owned()),
            other: vec![("AIKPub".to_owned(), "x".repeat(10_000))],
            ..DeviceContext::default()
        };
        let all = kept(&context);
        assert!(!all.to_string().contains("a token of the terms"));
        assert_eq!(all["AIKPub"].as_str().map(str::len), Some(LONGEST));
        assert_eq!(all["EnrollmentType"], "Full");
        assert_eq!(info_of(&context).name.as_deref(), Some("PC[2J"));
        assert_eq!(info_of(&DeviceContext::default()), DeviceInfo::default());
    }
}
