//! The SOAP messages of MS-MDE2, written by hand, and what comes back, read with roxmltree.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use roxmltree::{Document as Xml, Node};

use super::{Answered, DISCOVERY, Document, ENROLLMENT, Line, POLICY, Pc};

/// What discovery told.
pub(crate) struct Wanted {
    pub(crate) policy: String,
    pub(crate) version: String,
    pub(crate) policies: String,
    pub(crate) enrollment: String,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SoapFault {
    pub(crate) subcode: String,
    pub(crate) error_type: String,
    pub(crate) text: String,
    pub(crate) trace_id: String,
}

/// The ids that all of Windows sends, always the same.
const DISCOVER_ID: &str = "urn:uuid:748132ec-a575-4329-b01b-6171a9cf8478";
const POLICIES_ID: &str = "urn:uuid:72048B64-0F19-448F-8C2E-B4C661860AA0";
const TOKEN_ID: &str = "urn:uuid:0d5a1441-5891-453b-becf-a2e5f6ea3749";

const MANAGEMENT_NS: &str = "http://schemas.microsoft.com/windows/management/2012/01/enrollment";
const WSSE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PKI: &str = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment";

impl Pc {
    /// Asks where to enroll.
    pub(crate) async fn discover(&self, line: &mut Line, offered: &[&str]) -> Result<Wanted, SoapFault> {
        let answered = line.soap(DISCOVERY, &Self::discover_body(offered, "9.0")).await;
        let xml = read(&answered, DISCOVER_ID);
        let tree = Xml::parse(&xml).unwrap();
        fault(&tree)?;
        let text = |name: &str| one(&tree, name).text().unwrap_or_default().to_owned();
        Ok(Wanted {
            policy: text("AuthPolicy"),
            version: text("EnrollmentVersion"),
            policies: text("EnrollmentPolicyServiceUrl"),
            enrollment: text("EnrollmentServiceUrl"),
        })
    }

    /// The message that does it, with an element that nobody knows.
    pub(crate) fn discover_body(offered: &[&str], version: &str) -> String {
        let offered: String = offered.iter().map(|policy| format!("<AuthPolicy>{policy}</AuthPolicy>")).collect();
        let body = format!(
            "<Discover xmlns=\"{MANAGEMENT_NS}\"><request xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <EmailAddress>ada@example.test</EmailAddress><RequestVersion>{version}</RequestVersion>\
             <DeviceType>CIMClient_Windows</DeviceType><ApplicationVersion>10.0.26100.1</ApplicationVersion>\
             <OSEdition>4</OSEdition><Novelty>yes</Novelty><AuthPolicies>{offered}</AuthPolicies></request></Discover>"
        );
        let action = format!("{MANAGEMENT_NS}/IDiscoveryService/Discover");
        envelope(&action, DISCOVER_ID, DISCOVERY, "", &body)
    }

    /// Asks what a request for a certificate may look like; gives the hash algorithm.
    pub(crate) async fn policies(&self, line: &mut Line, user: &str, password: &str) -> Result<String, SoapFault> {
        let answered = line.soap(POLICY, &Self::policies_body(&security(user, password))).await;
        let xml = read(&answered, POLICIES_ID);
        let tree = Xml::parse(&xml).unwrap();
        fault(&tree)?;
        let attributes = one(&tree, "attributes");
        let order: Vec<&str> =
            attributes.children().filter(Node::is_element).map(|node| node.tag_name().name()).collect();
        assert_eq!(
            order[..5],
            ["commonName", "policySchema", "certificateValidity", "permission", "privateKeyAttributes"]
        );
        assert_eq!(one(&tree, "hashAlgorithmOIDReference").text(), one(&tree, "oIDReferenceID").text());
        assert_eq!(one(&tree, "minimalKeyLength").text(), Some("2048"));
        Ok(one(&tree, "value").text().unwrap().to_owned())
    }

    /// The message that does it.
    pub(crate) fn policies_body(security: &str) -> String {
        let body = "<GetPolicies xmlns=\"http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy\" \
                    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><client><lastUpdate xsi:nil=\"true\"/>\
                    <preferredLanguage xsi:nil=\"true\"/></client><requestFilter xsi:nil=\"true\"/></GetPolicies>";
        let action = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies";
        envelope(action, POLICIES_ID, POLICY, security, body)
    }

    /// The message that asks for the first certificate.
    pub(crate) fn issue_body(&self, user: &str, password: &str, pkcs10: &[u8]) -> String {
        self.issue_with(&security(user, password), pkcs10)
    }

    /// The same with another security header.
    pub(crate) fn issue_with(&self, security: &str, pkcs10: &[u8]) -> String {
        let items = [
            ("DeviceID", self.device_id.as_str()),
            ("HWDevID", &self.hw_dev_id),
            ("DeviceName", "ADA-LAPTOP"),
            ("MAC", "00-0C-29-51-60-9D"),
            ("MAC", "00-0C-29-51-60-9D"),
            ("OSVersion", "10.0.26100.1"),
            ("OSEdition", " 4"),
            ("DeviceType", "CIMClient_Windows"),
            ("EnrollmentType", "Full"),
            ("Locale", "en-US"),
            ("NotInOobe", "false"),
            ("Novelty", "null"),
        ];
        let item = |(name, value): (&str, &str)| {
            format!("<ac:ContextItem Name=\"{name}\"><ac:Value>{value}</ac:Value></ac:ContextItem>")
        };
        let context: String = items.into_iter().map(item).collect();
        Self::token_body(security, "Issue", &format!("{PKI}#PKCS10"), &wrapped(pkcs10), &context)
    }

    /// The message that asks for another certificate.
    pub(crate) fn renew_body(pkcs7: &[u8]) -> String {
        let context = "<ac:ContextItem Name=\"DeviceType\"><ac:Value>CIMClient_Windows</ac:Value></ac:ContextItem>";
        Self::token_body(&security("ada", ""), "Renew", &format!("{WSSE}#PKCS7"), &wrapped(pkcs7), context)
    }

    pub(crate) fn token_body(security: &str, kind: &str, value_type: &str, token: &str, context: &str) -> String {
        let body = format!(
            "<wst:RequestSecurityToken xmlns:wst=\"http://docs.oasis-open.org/ws-sx/ws-trust/200512\" \
             xmlns:ac=\"http://schemas.xmlsoap.org/ws/2006/12/authorization\"><wst:TokenType>\
             http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken</wst:TokenType>\
             <wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/{kind}</wst:RequestType>\
             <wsse:BinarySecurityToken ValueType=\"{value_type}\" EncodingType=\"{WSSE}#base64binary\">{token}\
             </wsse:BinarySecurityToken><ac:AdditionalContext>{context}</ac:AdditionalContext>\
             </wst:RequestSecurityToken>"
        );
        envelope(&format!("{PKI}/RST/wstep"), TOKEN_ID, ENROLLMENT, security, &body)
    }

    /// Sends one of them; gives the document that came back.
    pub(crate) async fn token(&self, line: &mut Line, body: String) -> Result<Document, SoapFault> {
        token_of(&line.soap(ENROLLMENT, &body).await)
    }
}

/// The document of a reply.
pub(crate) fn token_of(answered: &Answered) -> Result<Document, SoapFault> {
    let xml = read(answered, TOKEN_ID);
    let tree = Xml::parse(&xml).unwrap();
    fault(&tree)?;
    let token = one(&tree, "BinarySecurityToken");
    assert!(token.attribute("ValueType").unwrap().ends_with("DeviceEnrollmentProvisionDoc"));
    let document = STANDARD.decode(token.text().unwrap()).unwrap();
    Ok(Document::read(&String::from_utf8(document).unwrap()))
}

/// The one security header that names a user.
pub(crate) fn security(user: &str, password: &str) -> String {
    format!(
        "<wsse:UsernameToken u:Id=\"uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4\"><wsse:Username>{user}</wsse:Username>\
         <wsse:Password wsse:Type=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0\
         #PasswordText\">{password}</wsse:Password></wsse:UsernameToken>"
    )
}

/// The text of the first element of this name in a reply.
pub(crate) fn content(answered: &Answered, name: &str) -> Option<String> {
    let xml = std::str::from_utf8(&answered.body).unwrap();
    let tree = Xml::parse(xml).unwrap();
    let found = tree.descendants().find(|node| node.tag_name().name().eq_ignore_ascii_case(name));
    found.and_then(|node| node.text()).map(str::to_owned)
}

/// Base64 as Windows breaks it.
fn wrapped(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\r\n")
}

pub(crate) fn envelope(action: &str, id: &str, path: &str, security: &str, body: &str) -> String {
    let security = if security.is_empty() {
        String::new()
    } else {
        format!("<wsse:Security s:mustUnderstand=\"1\">{security}</wsse:Security>")
    };
    format!(
        "<s:Envelope xmlns:a=\"http://www.w3.org/2005/08/addressing\" \
         xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:u=\"{WSU}\" xmlns:wsse=\"{WSSE}\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{action}</a:Action><a:MessageID>{id}</a:MessageID><a:ReplyTo><a:Address>\
         http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo><a:To s:mustUnderstand=\"1\">\n  \
         https://localhost:443{path}\n</a:To>{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// The text of a reply, which is an envelope that answers this id.
fn read(answered: &Answered, id: &str) -> String {
    let xml = String::from_utf8(answered.body.clone()).unwrap();
    assert_eq!(answered.status, 200, "{xml}");
    assert_eq!(answered.headers["content-type"], "application/soap+xml; charset=utf-8");
    let tree = Xml::parse(&xml).unwrap();
    assert_eq!(tree.root_element().tag_name().namespace(), Some("http://www.w3.org/2003/05/soap-envelope"));
    assert_eq!(one(&tree, "RelatesTo").text(), Some(id), "{xml}");
    xml
}

fn fault(tree: &Xml<'_>) -> Result<(), SoapFault> {
    let named = |name: &str| {
        let found = tree.descendants().find(|node| node.tag_name().name().eq_ignore_ascii_case(name));
        found.map(|node| {
            node.descendants()
                .filter(Node::is_text)
                .filter_map(|node| node.text())
                .collect::<String>()
                .trim()
                .to_owned()
        })
    };
    if named("fault").is_none() {
        return Ok(());
    }
    let text = |name: &str| named(name).unwrap_or_default();
    Err(SoapFault {
        subcode: text("subcode"),
        error_type: text("errortype"),
        text: text("text"),
        trace_id: text("traceid"),
    })
}

fn one<'a, 'input>(tree: &'a Xml<'input>, name: &str) -> Node<'a, 'input> {
    let mut found = tree.descendants().filter(|node| node.tag_name().name() == name);
    let first = found.next().unwrap_or_else(|| panic!("there is no {name}"));
    assert!(found.next().is_none(), "{name} stands twice");
    first
}
