//! What a device asks, written as Windows writes it (MS-MDE2 3.1.4.1.1.1, 3.3.4.1, 3.4.4.1.1.1).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::super::{DeviceContext, Discover, TokenKind, TokenRequest};
use crate::soap::{LIMITS, Operation, SignatureRefused, iso8601, names, nil, signature};
use crate::xml::Writer;

/// What a device presents.
#[derive(Clone, Copy)]
pub enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// A user name and a password.
    Password {
        /// The name.
        name: &'a str,
        /// The password.
        password: &'a str,
    },
    /// A JWT of Entra.
    Jwt(&'a str),
    /// The `wresult` of a sign-in page.
    UserToken(&'a str),
    /// A certificate; [`sign`] adds what proves that its key is there.
    Certificate {
        /// The certificate, DER.
        certificate: &'a [u8],
        /// From when the envelope counts, in milliseconds since 1970.
        now_millis: i64,
    },
}

/// The id of a certificate in its envelope.
const CERTIFICATE: &str = "certificate";

/// The end of the header, where a signature has its place.
const END: &str = "</wsse:Security>";

/// Signs an envelope that presents a certificate: `by` makes the signature, RSA with SHA-256, of what it is given.
pub fn sign<E: From<SignatureRefused>>(
    envelope: &str,
    by: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let signature = signature(envelope, &LIMITS, CERTIFICATE, by)?;
    Ok(envelope.replacen(END, &[&signature, END].concat(), 1))
}

/// The `MessageID` that Windows sends, the same one since Windows 10.
pub const fn message_id(operation: Operation) -> &'static str {
    match operation {
        Operation::Discover => "urn:uuid:748132ec-a575-4329-b01b-6171a9cf8478",
        Operation::GetPolicies => "urn:uuid:72048B64-0F19-448F-8C2E-B4C661860AA0",
        Operation::RequestSecurityToken => "urn:uuid:0d5a1441-5891-453b-becf-a2e5f6ea3749",
    }
}

/// Writes `Discover`.
pub fn write_discover(to: &str, discover: &Discover) -> String {
    let mut xml = begin(Operation::Discover, to, Presented::Nothing);
    xml.open("s:Body");
    xml.open_with("Discover", &[("xmlns", names::DISCOVERY)]);
    xml.open_with("request", &[("xmlns:i", names::INSTANCE)]);
    xml.leaf("EmailAddress", discover.email.as_deref().unwrap_or_default());
    xml.leaf("RequestVersion", &discover.request_version.to_string());
    optional(&mut xml, "DeviceType", discover.device_type.as_deref());
    optional(&mut xml, "ApplicationVersion", discover.application_version.as_deref());
    optional(&mut xml, "OSEdition", discover.os_edition.map(|edition| edition.to_string()).as_deref());
    optional(&mut xml, "OSVersion", discover.os_version.as_deref());
    xml.open("AuthPolicies");
    for policy in &discover.offered {
        xml.leaf("AuthPolicy", policy.as_str());
    }
    xml.close("AuthPolicies");
    xml.close("request");
    xml.close("Discover");
    end(xml)
}

/// Writes `GetPolicies`.
pub fn write_get_policies(to: &str, presented: Presented<'_>) -> String {
    let mut xml = begin(Operation::GetPolicies, to, presented);
    xml.open_with("s:Body", &[("xmlns:xsi", names::INSTANCE), ("xmlns:xsd", names::SCHEMA)]);
    xml.open_with("GetPolicies", &[("xmlns", names::POLICY)]);
    xml.open("client");
    nil(&mut xml, "lastUpdate");
    nil(&mut xml, "preferredLanguage");
    xml.close("client");
    nil(&mut xml, "requestFilter");
    xml.close("GetPolicies");
    end(xml)
}

/// Writes `RequestSecurityToken`.
pub fn write_token_request(to: &str, presented: Presented<'_>, request: &TokenRequest) -> String {
    let mut xml = begin(Operation::RequestSecurityToken, to, presented);
    xml.open("s:Body");
    xml.open("wst:RequestSecurityToken");
    xml.leaf("wst:TokenType", names::ENROLLMENT_TOKEN);
    let (kind, token) = match &request.kind {
        TokenKind::Issue { pkcs10 } => ("Issue", Some((names::PKCS10, pkcs10))),
        TokenKind::Renew { pkcs7 } => ("Renew", Some((names::PKCS7, pkcs7))),
        TokenKind::Recovery => ("Recovery", None),
    };
    xml.leaf("wst:RequestType", &format!("{}/{kind}", names::TRUST));
    if let Some((value_type, bytes)) = token {
        let attributes = [("ValueType", value_type), ("EncodingType", names::BASE64_BINARY)];
        xml.leaf_with("wsse:BinarySecurityToken", &attributes, &STANDARD.encode(bytes));
    }
    xml.open_with("ac:AdditionalContext", &[("xmlns", names::CONTEXT)]);
    for (name, value) in items(&request.context) {
        xml.open_with("ac:ContextItem", &[("Name", &name)]);
        xml.leaf("ac:Value", &value);
        xml.close("ac:ContextItem");
    }
    xml.close("ac:AdditionalContext");
    xml.close("wst:RequestSecurityToken");
    end(xml)
}

/// The envelope up to its body.
fn begin(operation: Operation, to: &str, presented: Presented<'_>) -> Writer<String> {
    let mut xml = Writer::new(String::new());
    xml.open_with(
        "s:Envelope",
        &[
            ("xmlns:s", names::SOAP),
            ("xmlns:a", names::ADDRESSING),
            ("xmlns:u", names::UTILITY),
            ("xmlns:wsse", names::SECEXT),
            ("xmlns:wst", names::TRUST),
            ("xmlns:ac", names::CONTEXT),
        ],
    );
    xml.open("s:Header");
    xml.leaf_with("a:Action", &[("s:mustUnderstand", "1")], operation.action());
    xml.leaf("a:MessageID", message_id(operation));
    xml.open("a:ReplyTo");
    xml.leaf("a:Address", names::ANONYMOUS);
    xml.close("a:ReplyTo");
    xml.leaf_with("a:To", &[("s:mustUnderstand", "1")], to);
    match presented {
        Presented::Nothing => {}
        Presented::Password { name, password } => security(&mut xml, |xml| {
            xml.open_with("wsse:UsernameToken", &[("u:Id", "uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4")]);
            xml.leaf("wsse:Username", name);
            xml.leaf_with("wsse:Password", &[("wsse:Type", names::PASSWORD_TEXT)], password);
            xml.close("wsse:UsernameToken");
        }),
        Presented::Jwt(token) => security(&mut xml, |xml| binary(xml, names::JWT, token)),
        Presented::UserToken(token) => security(&mut xml, |xml| binary(xml, names::USER_TOKEN, token)),
        Presented::Certificate { certificate, now_millis } => security(&mut xml, |xml| {
            const MINUTES: i64 = 60 * 1000;
            xml.open_with("u:Timestamp", &[("u:Id", "_0")]);
            xml.leaf("u:Created", &iso8601(now_millis));
            xml.leaf("u:Expires", &iso8601(now_millis.saturating_add(5 * MINUTES)));
            xml.close("u:Timestamp");
            let attributes =
                [("ValueType", names::X509), ("EncodingType", names::BASE64_BINARY), ("u:Id", CERTIFICATE)];
            xml.leaf_with("wsse:BinarySecurityToken", &attributes, &STANDARD.encode(certificate));
        }),
    }
    xml.close("s:Header");
    xml
}

fn security(xml: &mut Writer<String>, token: impl FnOnce(&mut Writer<String>)) {
    xml.open_with("wsse:Security", &[("s:mustUnderstand", "1")]);
    token(xml);
    xml.close("wsse:Security");
}

fn binary(xml: &mut Writer<String>, value_type: &str, token: &str) {
    let attributes = [("ValueType", value_type), ("EncodingType", names::BASE64_BINARY)];
    xml.leaf_with("wsse:BinarySecurityToken", &attributes, &STANDARD.encode(token));
}

fn end(mut xml: Writer<String>) -> String {
    xml.close("s:Body");
    xml.close("s:Envelope");
    xml.into_sink()
}

fn optional(xml: &mut Writer<String>, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        xml.leaf(name, value);
    }
}

/// The items of a context, in the order of a recorded device.
fn items(context: &DeviceContext) -> Vec<(String, String)> {
    let boolean = |value: Option<bool>| value.map(|value| value.to_string());
    let one = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
    let mut items = Vec::new();
    items.extend(one("UXInitiated", boolean(context.ux_initiated)));
    items.extend(one("HWDevID", context.hw_dev_id.clone()));
    items.extend(one("Locale", context.locale.clone()));
    items.extend(one("OSEdition", context.os_edition.map(|edition| edition.to_string())));
    items.extend(one("DeviceName", context.device_name.clone()));
    items.extend(context.macs.iter().map(|mac| ("MAC".to_owned(), mac.clone())));
    items.extend(context.imeis.iter().map(|imei| ("IMEI".to_owned(), imei.clone())));
    items.extend(one("DeviceID", context.device_id.clone()));
    items.extend(one("EnrollmentType", Some(context.enrollment_type.as_str().to_owned())));
    items.extend(one("DeviceType", context.device_type.clone()));
    items.extend(one("OSVersion", context.os_version.clone()));
    items.extend(one("ApplicationVersion", context.application_version.clone()));
    items.extend(one("NotInOobe", boolean(context.not_in_oobe)));
    items.extend(one("Manufacturer", context.manufacturer.clone()));
    items.extend(one("DeviceModel", context.model.clone()));
    items.extend(one("SerialNumber", context.serial_number.clone()));
    items.extend(one("RequestVersion", context.request_version.map(|version| version.to_string())));
    items.extend(one("EnrollmentData", context.enrollment_data.clone()));
    items.extend(context.other.iter().cloned());
    items
}
