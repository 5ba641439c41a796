//! The `Security` header: exactly one token at the exact path, or none (WS-Security 1.0; threat T24).
//!
//! What a signature wrapping attack needs is a second place from which another reader takes its token. There is none:
//! a token, a header or a signature anywhere else in the envelope is refused, and so are two of a kind, two elements
//! with one id, and a comment inside of a value. Elements count by local name, so that a namespace of the attacker's own
//! does not make a second header another one.

use std::collections::HashSet;

use super::{Credential, Element, Envelope, SecretText, SignedEnvelope, Why, base64};

/// What stands for somebody in WS-Security and is not one of the two tokens that Windows sends.
const OTHER_TOKENS: [&str; 7] = [
    "Assertion",
    "EncryptedAssertion",
    "EncryptedData",
    "EncryptedKey",
    "SecurityContextToken",
    "DerivedKeyToken",
    "EncryptedHeader",
];

/// The one credential of an envelope, of which `text` is the whole.
pub(super) fn credential(root: &Element<'_>, envelope: &Envelope<'_, '_>, text: &str) -> Result<Credential, Why> {
    unique_ids(root)?;
    let security = match envelope.header {
        Some(header) => header.child("Security").map_err(|_| Why::Security("it stands twice"))?,
        None => None,
    };
    everything_in_place(root, security, envelope.content)?;
    let Some(security) = security else { return Ok(Credential::None) };
    let one = |name, twice| security.child(name).map_err(|_| Why::Security(twice));
    let user = one("UsernameToken", "there are two user names")?;
    let binary = one("BinarySecurityToken", "there are two tokens")?;
    let signature = one("Signature", "there are two signatures")?;
    match (user, binary, signature) {
        (None, None, None) => Ok(Credential::None),
        (Some(user), None, None) => password(user),
        (None, Some(token), None) => bearer(token),
        (None, Some(token), Some(_)) => signed(token, text),
        (Some(_), Some(_), _) => Err(Why::Security("there are a user name and a token")),
        (_, None, Some(_)) => Err(Why::Security("there is a signature without a certificate")),
    }
}

/// No two elements have the same id: a signature refers to what it covers by id.
fn unique_ids(root: &Element<'_>) -> Result<(), Why> {
    let mut seen = HashSet::new();
    for element in root.all() {
        for (name, value) in element.attributes() {
            if matches!(name, "Id" | "ID" | "id" | "AssertionID") && !seen.insert(value) {
                return Err(Why::Security("two elements have the same id"));
            }
        }
    }
    Ok(())
}

/// Every element that could stand for somebody is where it has to be. The request carries a token of its own, the
/// certificate request, directly inside.
fn everything_in_place(root: &Element<'_>, security: Option<&Element<'_>>, content: &Element<'_>) -> Result<(), Why> {
    let directly_in = |parent: Option<&Element<'_>>, name: &str| {
        parent.map_or(0, |parent| parent.children.iter().filter(|child| child.name == name).count())
    };
    let count = |name: &str| root.all().filter(|element| element.name == name).count();
    let misplaced = [
        ("Security", usize::from(security.is_some())),
        ("UsernameToken", directly_in(security, "UsernameToken")),
        ("Signature", directly_in(security, "Signature")),
        ("BinarySecurityToken", {
            directly_in(security, "BinarySecurityToken") + directly_in(Some(content), "BinarySecurityToken")
        }),
    ]
    .iter()
    .any(|(name, in_place)| count(name) != *in_place);
    if misplaced {
        return Err(Why::Security("something that stands for a user is not in its place"));
    }
    if OTHER_TOKENS.iter().any(|name| count(name) > 0) {
        return Err(Why::Security("there is a kind of token that is not accepted"));
    }
    Ok(())
}

/// `UsernameToken` with a password in plain text.
fn password(token: &Element<'_>) -> Result<Credential, Why> {
    let part = |name| token.child(name).map_err(|_| Why::Security("the user name or the password stands twice"));
    let name = part("Username")?.ok_or(Why::Security("there is no user name"))?;
    let password = part("Password")?;
    let kind = match password {
        Some(password) => attribute(password, "Type")?,
        None => None,
    };
    if kind.is_some_and(|kind| !kind.ends_with("#PasswordText")) {
        return Err(Why::Security("the password is not plain text"));
    }
    let name = value(name)?.trim();
    if name.is_empty() {
        return Err(Why::Security("the user name is empty"));
    }
    let password = password.map(value).transpose()?.unwrap_or_default();
    Ok(Credential::Password { name: name.to_owned(), password: SecretText::new(password) })
}

/// `BinarySecurityToken` without a signature: it is worth what it says.
fn bearer(token: &Element<'_>) -> Result<Credential, Why> {
    let kind = attribute(token, "ValueType")?.ok_or(Why::Security("the token does not say what it is"))?;
    let text = || {
        let text = String::from_utf8(bytes(token)?).map_err(|_| Why::Security("the token is not text"))?;
        Ok(SecretText::new(text))
    };
    match kind {
        kind if kind.eq_ignore_ascii_case(super::names::JWT) => text().map(Credential::Jwt),
        kind if kind.ends_with("/DeviceEnrollmentUserToken") => text().map(Credential::UserToken),
        kind if is_certificate(kind) => Err(Why::Security("the certificate comes without a signature")),
        _ => Err(Why::Security("there is a kind of token that is not accepted")),
    }
}

/// `BinarySecurityToken` and a signature by its key. Samples call it by either kind (MS-MDE2 4.3).
fn signed(token: &Element<'_>, text: &str) -> Result<Credential, Why> {
    let kind = attribute(token, "ValueType")?.unwrap_or_default();
    if !is_certificate(kind) && !kind.ends_with("/DeviceEnrollmentUserToken") {
        return Err(Why::Security("the envelope is signed, but not with a certificate"));
    }
    let token_id = attribute(token, "Id")?.map(str::to_owned);
    Ok(Credential::Certificate(SignedEnvelope {
        certificate: bytes(token)?,
        token_id,
        envelope: SecretText::new(text),
    }))
}

fn is_certificate(kind: &str) -> bool {
    kind.ends_with("X509v3") || kind.ends_with("#X509")
}

fn bytes(token: &Element<'_>) -> Result<Vec<u8>, Why> {
    let encoding = attribute(token, "EncodingType")?;
    if encoding.is_some_and(|encoding| !encoding.to_ascii_lowercase().ends_with("#base64binary")) {
        return Err(Why::Security("the token is not encoded as base64"));
    }
    let bytes = base64(value(token)?).ok_or(Why::Security("the token is not base64"))?;
    if bytes.is_empty() { Err(Why::Security("the token is empty")) } else { Ok(bytes) }
}

fn attribute<'e>(element: &'e Element<'_>, name: &'static str) -> Result<Option<&'e str>, Why> {
    element.attribute(name).map_err(|_| Why::Security("an attribute stands twice"))
}

fn value<'e>(element: &'e Element<'_>) -> Result<&'e str, Why> {
    element.value("").map_err(|_| Why::Security("a value is not one piece of text"))
}
