//! Certificate policies (MS-XCEP as MS-MDE2 3.3 narrows it): what the certificate request may look like.

use crate::soap::{Asked, Operation, Refused, Reply, envelope, names, nil, read};
use crate::xml::{Limits, Writer};

/// `GetPolicies`. What stands in it is always the same and says nothing; newer clients add facts about their TPM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetPolicies;

/// What Windows takes from the answer: the length of the key, the hash (SHA-256, always), and where keys may live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePolicy {
    /// `minimalKeyLength` in bits.
    pub minimal_key_length: u32,
    /// `cryptoProviders`, tried in this order; none leaves it to the client.
    pub providers: Vec<String>,
    /// `validityPeriodSeconds` of the certificate.
    pub validity_seconds: u64,
    /// `renewalPeriodSeconds` before its end.
    pub renewal_seconds: u64,
}

impl Default for CertificatePolicy {
    /// RSA 2048, in the TPM where there is one, for a year.
    fn default() -> Self {
        Self {
            minimal_key_length: 2048,
            providers: vec![
                "Microsoft Platform Crypto Provider".to_owned(),
                "Microsoft Software Key Storage Provider".to_owned(),
            ],
            validity_seconds: 31_536_000,
            renewal_seconds: 5_184_000,
        }
    }
}

/// Reads `GetPolicies` (MS-XCEP 3.1.4.1.1.1).
pub fn read_get_policies(body: &[u8], limits: &Limits) -> Result<Asked<GetPolicies>, Refused> {
    read(body, limits, "GetPolicies", |_| Ok(GetPolicies))
}

/// Writes `GetPoliciesResponse` (MS-XCEP 3.1.4.1.1.2), every element in the order of its schema.
///
/// The hash is named by an OID of its own: where none is, Windows 10 signs its request with SHA-1.
pub fn write_policies_response(reply: Reply<'_>, policy: &CertificatePolicy) -> String {
    envelope(
        Operation::GetPolicies,
        reply,
        |_| {},
        |xml| {
            xml.open_with("GetPoliciesResponse", &[("xmlns", names::POLICY)]);
            xml.open("response");
            xml.leaf("policyID", "transom-device");
            for name in ["policyFriendlyName", "nextUpdateHours", "policiesNotChanged"] {
                nil(xml, name);
            }
            xml.open("policies");
            xml.open("policy");
            xml.leaf("policyOIDReference", "0");
            nil(xml, "cAs");
            attributes(xml, policy);
            xml.close("policy");
            xml.close("policies");
            xml.close("response");
            nil(xml, "cAs");
            xml.open("oIDs");
            xml.open("oID");
            xml.leaf("value", "2.16.840.1.101.3.4.2.1");
            xml.leaf("group", "4");
            xml.leaf("oIDReferenceID", "0");
            xml.leaf("defaultName", "szOID_NIST_sha256");
            xml.close("oID");
            xml.close("oIDs");
            xml.close("GetPoliciesResponse");
        },
    )
}

fn attributes(xml: &mut Writer<String>, policy: &CertificatePolicy) {
    xml.open("attributes");
    xml.leaf("commonName", "TransomDevice");
    xml.leaf("policySchema", "3");
    xml.open("certificateValidity");
    xml.leaf("validityPeriodSeconds", &policy.validity_seconds.to_string());
    xml.leaf("renewalPeriodSeconds", &policy.renewal_seconds.to_string());
    xml.close("certificateValidity");
    xml.open("permission");
    xml.leaf("enroll", "true");
    xml.leaf("autoEnroll", "false");
    xml.close("permission");
    xml.open("privateKeyAttributes");
    xml.leaf("minimalKeyLength", &policy.minimal_key_length.to_string());
    for name in ["keySpec", "keyUsageProperty", "permissions", "algorithmOIDReference"] {
        nil(xml, name);
    }
    if policy.providers.is_empty() {
        nil(xml, "cryptoProviders");
    } else {
        xml.open("cryptoProviders");
        for provider in &policy.providers {
            xml.leaf("provider", provider);
        }
        xml.close("cryptoProviders");
    }
    xml.close("privateKeyAttributes");
    xml.open("revision");
    xml.leaf("majorRevision", "101");
    xml.leaf("minorRevision", "0");
    xml.close("revision");
    for name in ["supersededPolicies", "privateKeyFlags", "subjectNameFlags", "enrollmentFlags", "generalFlags"] {
        nil(xml, name);
    }
    xml.leaf("hashAlgorithmOIDReference", "0");
    for name in ["rARequirements", "keyArchivalAttributes", "extensions"] {
        nil(xml, name);
    }
    xml.close("attributes");
}
