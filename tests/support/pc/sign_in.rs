//! What a computer shows that signed in elsewhere, or that has a package: tokens, and envelopes that it signs itself.
//!
//! A signed envelope is written in canonical form by hand, so that nothing here canonicalizes anything.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openssl::hash::{MessageDigest, hash};
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::x509::X509;

use super::Pc;

const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const X509V3: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// `ValueType` of what a web sign-in gave.
pub(crate) const USER_TOKEN: &str =
    "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken";
/// `ValueType` of a token of Entra ID.
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A certificate with its key, from a package.
pub(crate) struct Package {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// The security header that shows a token, encoded once more as Windows does.
pub(crate) fn bearer(kind: &str, token: &str) -> String {
    let token = STANDARD.encode(token);
    format!(
        "<wsse:BinarySecurityToken ValueType=\"{kind}\" EncodingType=\"{WSSE}#base64binary\">{token}\
         </wsse:BinarySecurityToken>"
    )
}

/// Items of the context that every request has, and more.
pub(crate) fn context(pc: &Pc, more: &[(&str, &str)]) -> String {
    let own = [
        ("DeviceID", pc.device_id.as_str()),
        ("HWDevID", &pc.hw_dev_id),
        ("DeviceName", "ADA-LAPTOP"),
        ("OSVersion", "10.0.26100.1"),
        ("OSEdition", "4"),
        ("DeviceType", "CIMClient_Windows"),
        ("EnrollmentType", "Device"),
    ];
    let item = |(name, value): &(&str, &str)| {
        format!("<ac:ContextItem Name=\"{name}\"><ac:Value>{value}</ac:Value></ac:ContextItem>")
    };
    own.iter().chain(more).map(item).collect()
}

/// A request for a certificate with these items, behind this header.
pub(crate) fn issue(pc: &Pc, security: &str, more: &[(&str, &str)]) -> String {
    let kind = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10";
    Pc::token_body(security, "Issue", kind, &STANDARD.encode(pc.request()), &context(pc, more))
}

/// The same, signed with the key of a package, as created at this time.
pub(crate) fn signed_issue(pc: &Pc, package: &Package, created: jiff::Timestamp) -> String {
    let pki = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
    let token = STANDARD.encode(package.certificate.to_der().unwrap());
    let expires = created + jiff::SignedDuration::from_mins(5);
    let items = context(pc, &[]);
    let head = format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header>\
         <a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\" s:mustUnderstand=\"1\">{pki}/RST/wstep</a:Action>\
         <a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">urn:uuid:0d5a1441-5891-453b-becf-a2e5f6ea3749\
         </a:MessageID><wsse:Security xmlns:wsse=\"{WSSE}\" s:mustUnderstand=\"1\">\
         <u:Timestamp xmlns:u=\"{WSU}\" u:Id=\"_0\"><u:Created>{created:.3}</u:Created><u:Expires>{expires:.3}</u:Expires>\
         </u:Timestamp><wsse:BinarySecurityToken xmlns:u=\"{WSU}\" EncodingType=\"{WSSE}#base64binary\" \
         ValueType=\"{X509V3}\" u:Id=\"token\">{token}</wsse:BinarySecurityToken>"
    );
    let tail = format!(
        "</wsse:Security></s:Header><s:Body><wst:RequestSecurityToken \
         xmlns:wst=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\"><wst:TokenType>\
         http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>\
         <wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>\
         <wsse:BinarySecurityToken xmlns:wsse=\"{WSSE}\" EncodingType=\"{WSSE}#base64binary\" ValueType=\"{pki}#PKCS10\">\
         {}</wsse:BinarySecurityToken><ac:AdditionalContext \
         xmlns:ac=\"http://schemas.xmlsoap.org/ws/2006/12/authorization\">{items}</ac:AdditionalContext>\
         </wst:RequestSecurityToken></s:Body></s:Envelope>",
        STANDARD.encode(pc.request())
    );
    let digest = hash(MessageDigest::sha256(), format!("{head}{tail}").as_bytes()).unwrap();
    let info = format!(
        "<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"{DSIG}enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
        STANDARD.encode(digest)
    );
    let canonical = format!("<ds:SignedInfo xmlns:ds=\"{DSIG}\">{info}");
    let mut signer = Signer::new(MessageDigest::sha256(), &package.key).unwrap();
    let value = STANDARD.encode(signer.sign_oneshot_to_vec(canonical.as_bytes()).unwrap());
    format!(
        "{head}<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
         <ds:KeyInfo><wsse:SecurityTokenReference><wsse:Reference URI=\"#token\" ValueType=\"{X509V3}\"/>\
         </wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>{tail}"
    )
}
