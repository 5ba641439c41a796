//! The request for a certificate and its answer (MS-WSTEP as MS-MDE2 3.4 narrows it).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{DeviceContext, context};
use crate::soap::{Asked, Element, Operation, Refused, Reply, Why, base64, envelope, iso8601, names, read};
use crate::xml::Limits;

/// What a device asks, and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// What it asks for.
    pub kind: TokenKind,
    /// What it says about itself.
    pub context: DeviceContext,
}

/// `RequestType` with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// The first certificate.
    Issue {
        /// The certificate request, unverified.
        pkcs10: Vec<u8>,
    },
    /// The next certificate (`ROBO`).
    Renew {
        /// A certificate request signed with the key of the certificate in use, unverified.
        pkcs7: Vec<u8>,
    },
    /// Recovery of a lost key, which nobody here offers.
    Recovery,
}

/// Minutes for which a reply says to be good, to both sides of now: nobody is known to look, and clocks differ.
const GOOD_FOR: i64 = 5;

/// Reads `RequestSecurityToken` (MS-MDE2 3.4.4.1.1.1).
pub fn read_token_request(body: &[u8], limits: &Limits) -> Result<Asked<TokenRequest>, Refused> {
    read(body, limits, "RequestSecurityToken", |request| {
        let kind = kind(request)?;
        let context = match request.child("AdditionalContext")? {
            Some(items) => context::read(items)?,
            None => DeviceContext::default(),
        };
        if matches!(kind, TokenKind::Issue { .. }) && context.device_id.is_none() {
            return Err(Why::Missing("DeviceID"));
        }
        Ok(TokenRequest { kind, context })
    })
}

fn kind(request: &Element<'_>) -> Result<TokenKind, Why> {
    const PLACE: &str = "RequestType";
    let request_type = request.required(PLACE)?.token(PLACE)?.trim_end_matches('/');
    match request_type.rsplit('/').next() {
        Some("Issue") => Ok(TokenKind::Issue { pkcs10: binary(request, "#PKCS10")? }),
        Some("Renew") => Ok(TokenKind::Renew { pkcs7: binary(request, "#PKCS7")? }),
        Some("Recovery") => Ok(TokenKind::Recovery),
        _ => Err(Why::Value { place: PLACE, what: "neither Issue nor Renew" }),
    }
}

/// The token in the body, which has to be of a kind.
fn binary(request: &Element<'_>, kind: &str) -> Result<Vec<u8>, Why> {
    const PLACE: &str = "BinarySecurityToken";
    let wrong = |what| Why::Value { place: PLACE, what };
    let token = request.required(PLACE)?;
    if !token.attribute("ValueType")?.is_some_and(|value| value.ends_with(kind)) {
        return Err(wrong("the ValueType does not fit the RequestType"));
    }
    if token.attribute("EncodingType")?.is_some_and(|value| !value.to_ascii_lowercase().ends_with("#base64binary")) {
        return Err(wrong("not encoded as base64"));
    }
    let bytes = base64(token.value(PLACE)?).ok_or(wrong("not base64"))?;
    if bytes.is_empty() { Err(wrong("empty")) } else { Ok(bytes) }
}

/// Writes `RequestSecurityTokenResponseCollection` (MS-MDE2 3.4.4.1.1.2) around a provisioning document.
pub fn write_token_response(reply: Reply<'_>, now_millis: i64, document: &[u8]) -> String {
    const MINUTE: i64 = 60 * 1000;
    envelope(
        Operation::RequestSecurityToken,
        reply,
        |xml| {
            xml.open_with("o:Security", &[("s:mustUnderstand", "1"), ("xmlns:o", names::SECEXT)]);
            xml.open_with("u:Timestamp", &[("u:Id", "_0")]);
            xml.leaf("u:Created", &iso8601(now_millis.saturating_sub(GOOD_FOR * MINUTE)));
            xml.leaf("u:Expires", &iso8601(now_millis.saturating_add(GOOD_FOR * MINUTE)));
            xml.close("u:Timestamp");
            xml.close("o:Security");
        },
        |xml| {
            xml.open_with("RequestSecurityTokenResponseCollection", &[("xmlns", names::TRUST)]);
            xml.open("RequestSecurityTokenResponse");
            xml.leaf("TokenType", names::ENROLLMENT_TOKEN);
            xml.empty_with("DispositionMessage", &[("xmlns", names::WSTEP)]);
            xml.open("RequestedSecurityToken");
            let attributes =
                [("xmlns", names::SECEXT), ("ValueType", names::PROVISION_DOC), ("EncodingType", names::BASE64_BINARY)];
            xml.leaf_with("BinarySecurityToken", &attributes, &STANDARD.encode(document));
            xml.close("RequestedSecurityToken");
            xml.leaf_with("RequestID", &[("xmlns", names::WSTEP)], "0");
            xml.close("RequestSecurityTokenResponse");
            xml.close("RequestSecurityTokenResponseCollection");
        },
    )
}
