//! Namespaces and constants (MS-MDE2 2.2.1, 3.1 to 3.4).

/// SOAP 1.2.
pub(crate) const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing 1.0.
pub(crate) const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
/// Who answers, in WS-Addressing.
pub(crate) const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
/// `ActivityId`.
pub(crate) const DIAGNOSTICS: &str = "http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics";
/// WS-Security 1.0, security extension.
pub(crate) const SECEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// WS-Security 1.0, utility.
pub(crate) const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// WS-Trust 1.3.
pub(crate) const TRUST: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";
/// `AdditionalContext`.
pub(crate) const CONTEXT: &str = "http://schemas.xmlsoap.org/ws/2006/12/authorization";
/// Discovery.
pub(crate) const DISCOVERY: &str = "http://schemas.microsoft.com/windows/management/2012/01/enrollment";
/// MS-XCEP.
pub(crate) const POLICY: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy";
/// MS-WSTEP.
pub(crate) const WSTEP: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";
/// XML Schema, and its attributes for instances.
pub(crate) const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";
pub(crate) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// `EncodingType` of every binary token.
pub(crate) const BASE64_BINARY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#base64binary";
/// `Type` of a password.
pub(crate) const PASSWORD_TEXT: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";
/// `TokenType` of a request and its answer.
pub(crate) const ENROLLMENT_TOKEN: &str =
    "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken";
/// `ValueType` of a federated sign-in.
pub(crate) const USER_TOKEN: &str =
    "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken";
/// `ValueType` of a provisioning document.
pub(crate) const PROVISION_DOC: &str =
    "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc";
/// `ValueType` of an Entra token.
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// `ValueType` of a certificate.
pub(crate) const X509: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
/// `ValueType` of a certificate request.
pub(crate) const PKCS10: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS10";
/// `ValueType` of a renewal.
pub(crate) const PKCS7: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7";
