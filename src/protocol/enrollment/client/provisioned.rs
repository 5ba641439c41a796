//! What a device takes from a provisioning document (MS-MDE2 2.2.9).

use zeroize::Zeroizing;

use super::super::EnrollmentType;
use crate::soap::{Element, Refused, SecretText, Why, base64};
use crate::xml::{self, Limits};

/// A provisioning document, as far as a device of ours acts on it. A renewal has no accounts and no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// Certificates with the stores into which they go, in the order of the document.
    pub certificates: Vec<(Store, Vec<u8>)>,
    /// `PROVIDER-ID`.
    pub provider_id: String,
    /// `ADDR`.
    pub address: Option<String>,
    /// `SSLCLIENTCERTSEARCHCRITERIA`, as it stands there.
    pub certificate_search: Option<String>,
    /// `AAUTHLEVEL=CLIENT`: what the server proves.
    pub server: Option<Account>,
    /// `AAUTHLEVEL=APPSRV`: what the device proves.
    pub client: Option<Account>,
    /// The parms below `DMClient/Provider/…` with their values: `UPN`, `Poll/PollOnLogin`.
    pub dm_client: Vec<(String, String)>,
}

/// Where a certificate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// `Root/System`.
    Root,
    /// `CA/System`.
    Intermediate,
    /// `My/User` or `My/System`.
    My(EnrollmentType),
}

/// One `APPAUTH` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `AAUTHTYPE`.
    pub kind: String,
    /// `AAUTHNAME`.
    pub name: Option<String>,
    /// `AAUTHSECRET`.
    pub secret: SecretText,
    /// `AAUTHDATA`, as it stands there.
    pub nonce: Option<String>,
}

impl Provisioned {
    /// The device's own certificate.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificates.iter().find(|(store, _)| matches!(store, Store::My(_))).map(|(_, der)| der.as_slice())
    }

    /// The roots.
    pub fn roots(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().filter(|(store, _)| *store == Store::Root).map(|(_, der)| der.as_slice())
    }

    /// A parm of `DMClient`.
    pub fn dm_client(&self, name: &str) -> Option<&str> {
        self.dm_client.iter().find(|(parm, _)| parm == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a provisioning document.
pub fn read_provisioning(document: &[u8], limits: &Limits) -> Result<Provisioned, Refused> {
    let refused = |why: Why| Refused { message_id: None, why };
    let text = Zeroizing::new(xml::text(document, limits).map_err(|refusal| refused(refusal.into()))?);
    let root = Element::read(&text, limits).map_err(|refusal| refused(refusal.into()))?;
    provisioned(&root).map_err(refused)
}

fn provisioned(root: &Element<'_>) -> Result<Provisioned, Why> {
    if root.name != "wap-provisioningdoc" {
        return Err(Why::OtherRequest("wap-provisioningdoc"));
    }
    let mut certificates = Vec::new();
    for store in named(root, "CertificateStore")? {
        for (name, place) in [("Root", Store::Root), ("CA", Store::Intermediate)] {
            collect(store, name, "System", place, &mut certificates)?;
        }
        for kind in [EnrollmentType::Full, EnrollmentType::Device] {
            collect(store, "My", kind.store(), Store::My(kind), &mut certificates)?;
        }
    }
    // Windows 11 refuses the whole document because of it, whatever some pages say.
    if one(root, "RootCATrustedCertificates")?.is_some() {
        return Err(Why::Value { place: "RootCATrustedCertificates", what: "not accepted in this document" });
    }
    let application = one(root, "APPLICATION")?.ok_or(Why::Missing("APPLICATION"))?;
    let provider_id = parm(application, "PROVIDER-ID")?.ok_or(Why::Missing("PROVIDER-ID"))?.to_owned();
    let mut read = Provisioned {
        certificates,
        address: parm(application, "ADDR")?.map(str::to_owned),
        certificate_search: parm(application, "SSLCLIENTCERTSEARCHCRITERIA")?.map(str::to_owned),
        server: None,
        client: None,
        dm_client: Vec::new(),
        provider_id,
    };
    for block in named(application, "APPAUTH")? {
        let account = Account {
            kind: parm(block, "AAUTHTYPE")?.ok_or(Why::Missing("AAUTHTYPE"))?.to_owned(),
            name: parm(block, "AAUTHNAME")?.map(str::to_owned),
            secret: SecretText::new(parm(block, "AAUTHSECRET")?.ok_or(Why::Missing("AAUTHSECRET"))?),
            nonce: parm(block, "AAUTHDATA")?.map(str::to_owned),
        };
        let slot = match parm(block, "AAUTHLEVEL")? {
            Some("CLIENT") => &mut read.server,
            Some("APPSRV") => &mut read.client,
            _ => return Err(Why::Value { place: "AAUTHLEVEL", what: "neither CLIENT nor APPSRV" }),
        };
        if slot.replace(account).is_some() {
            return Err(Why::Twice("AAUTHLEVEL"));
        }
    }
    if let Some(dm_client) = one(root, "DMClient")? {
        let provider = match one(dm_client, "Provider")? {
            Some(provider) => one(provider, &read.provider_id)?,
            None => None,
        };
        let provider = provider.ok_or(Why::Missing("Provider of this PROVIDER-ID below DMClient"))?;
        read.dm_client = parms(provider)?;
        if let Some(poll) = one(provider, "Poll")? {
            read.dm_client.extend(parms(poll)?.into_iter().map(|(name, value)| (format!("Poll/{name}"), value)));
        }
    }
    Ok(read)
}

/// The certificates of one store.
fn collect(
    stores: &Element<'_>,
    name: &str,
    below: &str,
    store: Store,
    certificates: &mut Vec<(Store, Vec<u8>)>,
) -> Result<(), Why> {
    const PLACE: &str = "EncodedCertificate";
    for outer in named(stores, name)? {
        for inner in named(outer, below)? {
            for certificate in inner.children.iter().filter(|child| child.name == "characteristic") {
                if let Some(encoded) = parm(certificate, PLACE)? {
                    let der = base64(encoded).ok_or(Why::Value { place: PLACE, what: "not base64" })?;
                    certificates.push((store, der));
                }
            }
        }
    }
    Ok(())
}

/// The characteristics of a type.
fn named<'e, 'a>(element: &'e Element<'a>, kind: &str) -> Result<Vec<&'e Element<'a>>, Why> {
    let mut found = Vec::new();
    for child in element.children.iter().filter(|child| child.name == "characteristic") {
        if child.attribute("type")? == Some(kind) {
            found.push(child);
        }
    }
    Ok(found)
}

/// The one characteristic of a type, if there is one.
fn one<'e, 'a>(element: &'e Element<'a>, kind: &str) -> Result<Option<&'e Element<'a>>, Why> {
    let found = named(element, kind)?;
    if found.len() > 1 { Err(Why::Twice("characteristic")) } else { Ok(found.first().copied()) }
}

/// The value of a parm; a parm without one says nothing.
fn parm<'e>(element: &'e Element<'_>, name: &str) -> Result<Option<&'e str>, Why> {
    let mut value = None;
    for child in element.children.iter().filter(|child| child.name == "parm") {
        if child.attribute("name")? == Some(name) && value.replace(child.attribute_value("value")?).is_some() {
            return Err(Why::Twice("parm"));
        }
    }
    Ok(value.flatten())
}

/// All parms with a value.
fn parms(element: &Element<'_>) -> Result<Vec<(String, String)>, Why> {
    let mut parms = Vec::new();
    for child in element.children.iter().filter(|child| child.name == "parm") {
        if let (Some(name), Some(value)) = (child.attribute("name")?, child.attribute_value("value")?) {
            parms.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(parms)
}
