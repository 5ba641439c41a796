//! What a device is answered (MS-MDE2 3.1.4.1.1.2, 3.3.4.1, 3.4.4.1.1.2, 2.2.10).

use zeroize::Zeroizing;

use super::super::{AuthPolicy, CertificatePolicy, DiscoverResponse, HttpsUrl, SignIn, Version};
use crate::soap::{Element, Envelope, FaultKind, Refused, Why, base64};
use crate::xml::{self, Limits};

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The server refused.
    #[error("{0}")]
    Fault(ReceivedFault),
    /// The answer can't be used.
    #[error(transparent)]
    Unusable(#[from] Refused),
}

/// A fault as a device reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceivedFault {
    /// `ErrorType` of the detail.
    pub error_type: Option<String>,
    /// `Value` of the `Subcode`.
    pub subcode: Option<String>,
    /// `Text` of the `Reason`.
    pub text: Option<String>,
    /// `TraceId` of the detail.
    pub trace_id: Option<String>,
}

impl ReceivedFault {
    /// Which one it is: by `ErrorType`, and only without one by the subcode.
    pub fn kind(&self) -> Option<FaultKind> {
        let by_name = |name: &str| FaultKind::ALL.iter().copied().find(|kind| kind.error_type() == name);
        match &self.error_type {
            Some(error_type) => by_name(error_type),
            None => by_name(self.subcode.as_deref()?.rsplit(':').next()?),
        }
    }

    /// The number that Windows shows; 0x80180008 for what it does not know.
    pub fn hresult(&self) -> u32 {
        self.kind().map_or(0x8018_0008, FaultKind::hresult)
    }
}

impl std::fmt::Display for ReceivedFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server refused with 0x{:08x}", self.hresult())?;
        if let Some(kind) = self.error_type.as_ref().or(self.subcode.as_ref()) {
            write!(f, " ({kind})")?;
        }
        if let Some(text) = &self.text {
            write!(f, ": {text}")?;
        }
        if let Some(trace_id) = &self.trace_id {
            write!(f, " [trace {trace_id}]")?;
        }
        Ok(())
    }
}

/// `RelatesTo` of an answer: the `MessageID` that it belongs to.
pub fn relates_to(body: &[u8], limits: &Limits) -> Option<String> {
    let text = Zeroizing::new(xml::text(body, limits).ok()?);
    let root = Element::read(&text, limits).ok()?;
    let header = root.child("Header").ok().flatten()?;
    header.word("RelatesTo").ok().flatten().map(str::to_owned)
}

/// Reads `DiscoverResponse`.
pub fn read_discover_response(body: &[u8], limits: &Limits) -> Result<DiscoverResponse, AnswerError> {
    read(body, limits, "DiscoverResponse", |response| {
        let result = response.required("DiscoverResult")?;
        let word = |name| result.word(name)?.ok_or(Why::Missing(name));
        let url = |place| HttpsUrl::parse(word(place)?).map_err(|_| Why::Value { place, what: "not an https address" });
        let policy = AuthPolicy::parse(word("AuthPolicy")?);
        let sign_in = match policy.ok_or(Why::Value { place: "AuthPolicy", what: "unknown" })? {
            AuthPolicy::OnPremise => SignIn::OnPremise,
            AuthPolicy::Federated => SignIn::Federated { authentication: url("AuthenticationServiceUrl")? },
            AuthPolicy::Certificate => SignIn::Certificate,
        };
        let version = Version::parse(word("EnrollmentVersion")?)
            .ok_or(Why::Value { place: "EnrollmentVersion", what: "not a version" })?;
        let (policies, enrollment) = (url("EnrollmentPolicyServiceUrl")?, url("EnrollmentServiceUrl")?);
        Ok(DiscoverResponse { sign_in, version, policies, enrollment })
    })
}

/// Reads `GetPoliciesResponse`: what Windows takes from it.
pub fn read_policies_response(body: &[u8], limits: &Limits) -> Result<CertificatePolicy, AnswerError> {
    read(body, limits, "GetPoliciesResponse", |response| {
        let policies = response.required("response")?.required("policies")?;
        let attributes = policies.required("policy")?.required("attributes")?;
        let number = |element: &Element<'_>, place| -> Result<u64, Why> {
            let word = element.word(place)?.ok_or(Why::Missing(place))?;
            word.parse().map_err(|_| Why::Value { place, what: "not a number" })
        };
        let key = attributes.required("privateKeyAttributes")?;
        let validity = attributes.required("certificateValidity")?;
        let mut providers = Vec::new();
        if let Some(list) = key.child("cryptoProviders")? {
            for provider in &list.children {
                providers.push(provider.token("provider")?.to_owned());
            }
        }
        Ok(CertificatePolicy {
            minimal_key_length: u32::try_from(number(key, "minimalKeyLength")?)
                .map_err(|_| Why::Value { place: "minimalKeyLength", what: "too large" })?,
            providers,
            validity_seconds: number(validity, "validityPeriodSeconds")?,
            renewal_seconds: number(validity, "renewalPeriodSeconds")?,
        })
    })
}

/// Reads `RequestSecurityTokenResponseCollection`: the provisioning document in it.
pub fn read_token_response(body: &[u8], limits: &Limits) -> Result<Vec<u8>, AnswerError> {
    read(body, limits, "RequestSecurityTokenResponseCollection", |collection| {
        const PLACE: &str = "BinarySecurityToken";
        let token =
            collection.required("RequestSecurityTokenResponse")?.required("RequestedSecurityToken")?.required(PLACE)?;
        if !token.attribute("ValueType")?.is_some_and(|value| value.ends_with("/DeviceEnrollmentProvisionDoc")) {
            return Err(Why::Value { place: PLACE, what: "not a provisioning document" });
        }
        base64(token.value(PLACE)?).ok_or(Why::Value { place: PLACE, what: "not base64" })
    })
}

fn read<T>(
    body: &[u8],
    limits: &Limits,
    expected: &'static str,
    parse: impl FnOnce(&Element<'_>) -> Result<T, Why>,
) -> Result<T, AnswerError> {
    let unusable = |why: Why| Refused { message_id: None, why };
    let text = Zeroizing::new(xml::text(body, limits).map_err(|refusal| unusable(refusal.into()))?);
    let root = Element::read(&text, limits).map_err(|refusal| unusable(refusal.into()))?;
    let envelope = Envelope::of(&root).map_err(unusable)?;
    if envelope.content.name == "Fault" {
        return Err(AnswerError::Fault(fault(envelope.content)));
    }
    if envelope.content.name != expected {
        return Err(unusable(Why::OtherRequest(expected)).into());
    }
    Ok(parse(envelope.content).map_err(unusable)?)
}

/// What Windows finds in a fault, at the places and by the names that it looks for.
fn fault(fault: &Element<'_>) -> ReceivedFault {
    let at = |path: &[&'static str]| -> Option<String> {
        let mut element = fault;
        for name in path {
            element = element.child(name).ok().flatten()?;
        }
        element.token("").ok().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    ReceivedFault {
        error_type: at(&["Detail", "DeviceEnrollmentServiceError", "ErrorType"]),
        subcode: at(&["Code", "Subcode", "Value"]),
        text: at(&["Reason", "Text"]),
        trace_id: at(&["Detail", "DeviceEnrollmentServiceError", "TraceId"]),
    }
}
