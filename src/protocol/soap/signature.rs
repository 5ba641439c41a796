//! The signature of an enrollment that shows a certificate (MS-MDE2 3.3; XML Signature 1.1; WS-Security X.509 1.1).
//!
//! One profile and nothing else: one `Signature`, in the `Security` header, over the whole envelope without itself, by
//! RSA with SHA-256, for the certificate that stands beside it. A signature that covers a part, or that names how it is
//! to be verified otherwise, is refused; so nothing can be wrapped around it (threat T24). The digest is checked here;
//! whether the certificate's key made the signature, and whether the certificate counts, is for others.

use std::borrow::Cow;

use ::base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{base64, names};
use crate::xml::{Canonical, Event, Limits, Namespaces, Reader, Refusal, Tag};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// What a signature in an envelope says. Its digest is that of the envelope; the signature itself is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// The certificate whose key is to have signed, as DER.
    pub certificate: Vec<u8>,
    /// What was signed: `SignedInfo` in canonical form.
    pub signed: Vec<u8>,
    /// The signature over it, RSA with SHA-256.
    pub signature: Vec<u8>,
    /// `Created` of the timestamp, as it was written.
    pub created: String,
    /// `Expires` of the timestamp, as it was written.
    pub expires: String,
}

/// Why an envelope is not signed as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefused {
    /// The envelope can't be read.
    #[error(transparent)]
    Xml(#[from] Refusal),
    /// There is no signature, or more than one, or not in its place.
    #[error("there is not exactly one signature in the Security header")]
    Place,
    /// The signature is made in another way than the one that is accepted.
    #[error("the signature is not of the accepted form: {0}")]
    Form(&'static str),
    /// The envelope is another than the one that was signed.
    #[error("the envelope was changed after it was signed")]
    Digest,
}

/// Reads the signature of an envelope and checks its digest.
pub fn read_signature(envelope: &str, limits: &Limits) -> Result<EnvelopeSignature, SignatureRefused> {
    let covered = Covered::read(envelope, limits)?;
    let (security, info) = (covered.security.ok_or(SignatureRefused::Place)?, covered.info);
    let signature = security.only(DSIG, "Signature").map_err(|_| SignatureRefused::Place)?;
    let said = Said::read(signature)?;
    if Sha256::digest(covered.whole.as_bytes()).as_slice() != said.digest.as_slice() {
        return Err(SignatureRefused::Digest);
    }
    let token = security.only(names::SECEXT, "BinarySecurityToken")?;
    if token.attribute(names::UTILITY, "Id").is_none_or(|id| said.token != format!("#{id}")) {
        return Err(SignatureRefused::Form("it refers to another certificate"));
    }
    let timestamp = security.only(names::UTILITY, "Timestamp")?;
    let time = |name| timestamp.only(names::UTILITY, name).map(|time| time.text.trim_ascii().to_owned());
    Ok(EnvelopeSignature {
        certificate: base64(&token.text).ok_or(SignatureRefused::Form("the certificate is not base64"))?,
        signed: info.into_bytes(),
        signature: said.signature,
        created: time("Created")?,
        expires: time("Expires")?,
    })
}

/// Signs an envelope with a `Timestamp` and a certificate of the id `token` in its `Security` header, in the one way that
/// [`read_signature`] accepts: `sign` makes the signature, RSA with SHA-256, of what it is given. Gives the part that
/// belongs at the end of the header.
pub(crate) fn signature<E: From<SignatureRefused>>(
    envelope: &str,
    limits: &Limits,
    token: &str,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let covered = Covered::read(envelope, limits)?;
    let digest = STANDARD.encode(Sha256::digest(covered.whole.as_bytes()));
    // Written in canonical form at once: nothing is empty, and every name has the prefix of its namespace.
    let method = |name: &str, algorithm: &str| format!("<ds:{name} Algorithm=\"{algorithm}\"></ds:{name}>");
    let info = [
        method("CanonicalizationMethod", EXCLUSIVE),
        method("SignatureMethod", RSA_SHA256),
        "<ds:Reference URI=\"\"><ds:Transforms>".to_owned(),
        method("Transform", ENVELOPED),
        method("Transform", EXCLUSIVE),
        "</ds:Transforms>".to_owned(),
        method("DigestMethod", SHA256),
        format!("<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"),
    ]
    .concat();
    let value = STANDARD.encode(sign(format!("<ds:SignedInfo xmlns:ds=\"{DSIG}\">{info}").as_bytes())?);
    let secext = names::SECEXT;
    Ok(format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>{info}<ds:SignatureValue>{value}</ds:SignatureValue>\
         <ds:KeyInfo><o:SecurityTokenReference xmlns:o=\"{secext}\"><o:Reference URI=\"#{token}\"/>\
         </o:SecurityTokenReference></ds:KeyInfo></ds:Signature>"
    ))
}

/// What a signature covers, in canonical form, and the header that holds it.
#[derive(Default)]
struct Covered<'a> {
    whole: String,
    info: String,
    security: Option<Node<'a>>,
}

/// An element of the header as a tree.
#[derive(Default)]
struct Node<'a> {
    namespace: String,
    local: &'a str,
    attributes: Vec<(String, &'a str, Cow<'a, str>)>,
    text: String,
    children: Vec<Self>,
}

/// Where the one signature may stand.
const PLACE: [&str; 3] = ["Envelope", "Header", "Security"];

impl<'a> Covered<'a> {
    fn read(text: &'a str, limits: &Limits) -> Result<Self, SignatureRefused> {
        let mut reader = Reader::new(text, limits);
        let mut namespaces = Namespaces::default();
        let (mut whole, mut info) = (Canonical::default(), Canonical::default());
        let mut path: Vec<(bool, &'a str)> = Vec::new();
        // Levels at which the signature and the part of it that is signed begin.
        let (mut in_signature, mut in_info) = (None, None);
        let mut nodes: Vec<Node<'a>> = Vec::new();
        let mut covered = Self::default();
        loop {
            match reader.next()? {
                Event::Start(local) => {
                    let tag = reader.tag();
                    namespaces.enter(&tag);
                    let namespace = namespaces.of_element(&tag);
                    let level = path.len() + 1;
                    if local == "Signature" && namespace == DSIG {
                        let in_place =
                            path.iter().all(|(expected, _)| *expected) && path.iter().map(|(_, name)| *name).eq(PLACE);
                        if !in_place || in_signature.is_some() || covered.has_signature(&nodes) {
                            return Err(SignatureRefused::Place);
                        }
                        in_signature = Some(level);
                    }
                    if local == "SignedInfo" && in_signature == Some(level - 1) {
                        in_info = Some(level);
                    }
                    path.push((is_expected(namespace, level), local));
                    if in_signature.is_none() {
                        whole.start(&tag, &namespaces);
                    }
                    if in_info.is_some() {
                        info.start(&tag, &namespaces);
                    }
                    let in_header = path.iter().map(|(_, name)| *name).take(3).eq(PLACE);
                    if in_header && path.iter().take(3).all(|(expected, _)| *expected) {
                        nodes.push(Node::new(&tag, &namespaces));
                    }
                }
                Event::Text(text) => {
                    if in_signature.is_none() {
                        whole.text(&text);
                    }
                    if in_info.is_some() {
                        info.text(&text);
                    }
                    if let Some(node) = nodes.last_mut() {
                        node.text.push_str(&text);
                    }
                }
                Event::End(_) => {
                    let level = path.len();
                    if in_info.is_some() {
                        info.end();
                    }
                    if in_signature.is_none() {
                        whole.end();
                    }
                    in_info = in_info.filter(|begin| *begin != level);
                    in_signature = in_signature.filter(|begin| *begin != level);
                    if let Some(node) = nodes.pop() {
                        match nodes.last_mut() {
                            Some(parent) => parent.children.push(node),
                            None if covered.security.is_some() => return Err(SignatureRefused::Place),
                            None => covered.security = Some(node),
                        }
                    }
                    path.pop();
                    namespaces.leave();
                }
                Event::Eof => {
                    covered.whole = whole.into_text();
                    covered.info = info.into_text();
                    return Ok(covered);
                }
            }
        }
    }

    /// Whether a signature came already.
    fn has_signature(&self, open: &[Node<'_>]) -> bool {
        let before = open.first().or(self.security.as_ref());
        before.is_some_and(|security| security.children.iter().any(|child| child.is(DSIG, "Signature")))
    }
}

/// Whether an element at this level has the namespace that the way to the signature has there.
fn is_expected(namespace: &str, level: usize) -> bool {
    match level {
        1 | 2 => namespace == names::SOAP || namespace == SOAP_1_1,
        3 => namespace == names::SECEXT,
        _ => true,
    }
}

impl<'a> Node<'a> {
    fn new(tag: &Tag<'a>, namespaces: &Namespaces<'a>) -> Self {
        let attribute = |(name, value): &(&'a str, Cow<'a, str>)| {
            let local = name.split_once(':').map_or(*name, |(_, local)| local);
            (namespaces.of_attribute(name).to_owned(), local, value.clone())
        };
        Self {
            namespace: namespaces.of_element(tag).to_owned(),
            local: tag.local(),
            attributes: tag.attributes.iter().map(attribute).collect(),
            ..Self::default()
        }
    }

    fn is(&self, namespace: &str, local: &str) -> bool {
        self.local == local && self.namespace == namespace
    }

    /// The one child of a name.
    fn only(&self, namespace: &str, local: &'static str) -> Result<&Self, SignatureRefused> {
        let mut found = self.children.iter().filter(|child| child.is(namespace, local));
        match (found.next(), found.next()) {
            (Some(child), None) => Ok(child),
            _ => Err(SignatureRefused::Form("a part of it is missing or stands twice")),
        }
    }

    /// The children, which have to be these and no others.
    fn exactly<const N: usize>(&self, locals: [&'static str; N]) -> Result<[&Self; N], SignatureRefused> {
        let wrong = || SignatureRefused::Form("it has other parts, or in another order");
        let children: Vec<&Self> = self.children.iter().collect();
        let children: [&Self; N] = children.try_into().map_err(|_| wrong())?;
        let fits = children.iter().zip(locals).all(|(child, local)| child.is(DSIG, local));
        if fits { Ok(children) } else { Err(wrong()) }
    }

    fn attribute(&self, namespace: &str, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(of, name, _)| of == namespace && *name == local);
        found.map(|(.., value)| value.as_ref())
    }

    /// That an algorithm is the one that is accepted, and has no parameters.
    fn requires(&self, algorithm: &str, otherwise: &'static str) -> Result<(), SignatureRefused> {
        let fits = self.attribute("", "Algorithm") == Some(algorithm) && self.children.is_empty();
        if fits { Ok(()) } else { Err(SignatureRefused::Form(otherwise)) }
    }
}

/// What the signature says of itself.
struct Said {
    digest: Vec<u8>,
    signature: Vec<u8>,
    /// Reference to the certificate.
    token: String,
}

impl Said {
    fn read(signature: &Node<'_>) -> Result<Self, SignatureRefused> {
        let [info, value, key] = signature.exactly(["SignedInfo", "SignatureValue", "KeyInfo"])?;
        let [canonicalization, method, reference] =
            info.exactly(["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        canonicalization.requires(EXCLUSIVE, "only exclusive canonicalization without parameters is accepted")?;
        method.requires(RSA_SHA256, "only RSA with SHA-256 is accepted")?;
        if reference.attribute("", "URI") != Some("") {
            return Err(SignatureRefused::Form("it does not cover the whole envelope"));
        }
        let [transforms, digest_method, digest] = reference.exactly(["Transforms", "DigestMethod", "DigestValue"])?;
        let [enveloped, exclusive] = transforms.exactly(["Transform", "Transform"])?;
        enveloped.requires(ENVELOPED, "the first transform has to be that of an enveloped signature")?;
        exclusive.requires(EXCLUSIVE, "the second transform has to be exclusive canonicalization")?;
        digest_method.requires(SHA256, "only SHA-256 is accepted")?;
        let token = key.only(names::SECEXT, "SecurityTokenReference")?.only(names::SECEXT, "Reference")?;
        let bytes = |node: &Node<'_>, what| {
            base64(&node.text).filter(|bytes| !bytes.is_empty()).ok_or(SignatureRefused::Form(what))
        };
        Ok(Self {
            digest: bytes(digest, "the digest is not base64")?,
            signature: bytes(value, "the signature is not base64")?,
            token: token.attribute("", "URI").unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::LIMITS;
    use super::*;

    /// Signed by another implementation (`sign.py` beside it).
    const SIGNED: &str = include_str!("../../../fixtures/pki/signed-envelope/request.xml");

    fn read(envelope: &str) -> Result<EnvelopeSignature, SignatureRefused> {
        read_signature(envelope, &LIMITS)
    }

    /// The envelope with one part replaced, which has to be there.
    fn with(part: &str, other: &str) -> String {
        assert!(SIGNED.contains(part), "{part}");
        SIGNED.replacen(part, other, 1)
    }

    /// An element as it stands in the envelope.
    fn element(begin: &str, end: &str) -> &'static str {
        let from = &SIGNED[SIGNED.find(begin).unwrap()..];
        &from[..from.find(end).unwrap() + end.len()]
    }

    #[test]
    fn an_envelope_of_another_implementation_has_the_digest_that_it_says() {
        let signature = read(SIGNED).unwrap();
        assert_eq!(signature.signature.len(), 256);
        assert_eq!(signature.created, "2026-11-21T04:00:00.000Z");
        assert!(
            signature.signed.starts_with(b"<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:Can")
        );
    }

    #[test]
    fn what_is_only_written_otherwise_is_the_same_envelope() {
        for (part, other) in [
            ("Zo&#235;", "Zo\u{eb}"),
            ("Zo&#235;", "<![CDATA[Zo]]>&#xEB;"),
            ("s:mustUnderstand=\"1\"", "s:mustUnderstand = '&#49;'"),
            ("<lastUpdate xsi:nil=\"true\"/>", "<lastUpdate\n xsi:nil=\"true\"></lastUpdate >"),
            (" xmlns:unused=\"urn:unused\"", ""),
            ("<!-- a comment between elements -->", ""),
            ("b=\"2\" a=\"&lt;1&gt; &quot;&#9;\"", "a=\"&lt;1> &#34;&#x9;\" b=\"2\""),
            ("<s:Envelope", "<?xml version=\"1.0\"?>\n<s:Envelope"),
        ] {
            assert_eq!(read(&with(part, other)), read(SIGNED), "{other}");
        }
        assert_eq!(read(&SIGNED.replace('\n', "\r\n")), read(SIGNED));
    }

    #[test]
    fn a_change_anywhere_is_noticed() {
        for (part, other) in [
            ("Policy.svc", "Policy.SVC"),
            ("<lastUpdate xsi:nil=\"true\"/>", "<lastUpdate xsi:nil=\"false\"/>"),
            ("<lastUpdate xsi:nil=\"true\"/>", ""),
            ("xmlns=\"\" b=\"2\"", "b=\"2\""),
            ("2026-11-21T04:05:00.000Z", "2036-11-21T04:05:00.000Z"),
            ("&lt;&amp;&gt;", "&lt;&amp;&gt; "),
            ("</s:Body>", "<extra/></s:Body>"),
            ("a=1&amp;b=2", "a=1&amp;b=3"),
        ] {
            assert_eq!(read(&with(part, other)), Err(SignatureRefused::Digest), "{other}");
        }
    }

    #[test]
    fn a_signature_stands_in_one_place_once() {
        let signature = element("<ds:Signature ", "</ds:Signature>");
        let empty = "<x:Signature xmlns:x=\"http://www.w3.org/2000/09/xmldsig#\"/>";
        for envelope in [
            with(signature, ""),
            with(signature, &format!("{signature}{signature}")),
            with(signature, &format!("{empty}{signature}")),
            with("</ds:KeyInfo>", &format!("</ds:KeyInfo>{empty}")),
            with("</s:Body>", &format!("{empty}</s:Body>")),
            with(signature, "").replace("</s:Body>", &format!("{signature}</s:Body>")),
            with(signature, "").replace("</s:Header>", &format!("{signature}</s:Header>")),
            with(signature, &format!("<w>{signature}</w>")),
            with("</s:Header>", &format!("{}</s:Header>", element("<wsse:Security ", "</wsse:Security>"))),
            with("<s:Header>", "<s:Header xmlns:s=\"urn:other\">"),
        ] {
            assert!(matches!(read(&envelope), Err(SignatureRefused::Place)), "{envelope}");
        }
    }

    #[test]
    fn only_one_form_of_signature_is_accepted() {
        let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
        let exclusive = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"/>");
        let enveloped = format!("<ds:Transform Algorithm=\"{ENVELOPED}\"/>");
        let prefixes = "<e:InclusiveNamespaces xmlns:e=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"s\"/>";
        let reference = element("<ds:Reference ", "</ds:Reference>");
        for (part, other) in [
            (RSA_SHA256, sha1),
            (RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
            (SHA256, "http://www.w3.org/2000/09/xmldsig#sha1"),
            ("<ds:Reference URI=\"\">", "<ds:Reference URI=\"#_0\">"),
            ("<ds:Reference URI=\"\">", "<ds:Reference>"),
            (exclusive.as_str(), ""),
            (enveloped.as_str(), ""),
            (exclusive.as_str(), &format!("{exclusive}{exclusive}")),
            (exclusive.as_str(), &format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\">{prefixes}</ds:Transform>")),
            (enveloped.as_str(), "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"/>"),
            (reference, &format!("{reference}{reference}")),
            ("</ds:SignedInfo>", "</ds:SignedInfo><ds:Object/>"),
            ("URI=\"#uuid-7-1\"", "URI=\"#_0\""),
            ("u:Id=\"uuid-7-1\"", "Id=\"uuid-7-1\""),
        ] {
            let envelope = with(part, other);
            let refused = read(&envelope).unwrap_err();
            let accepted = matches!(refused, SignatureRefused::Form(_) | SignatureRefused::Digest);
            assert!(accepted, "{other}: {refused:?}");
            assert!(part.contains("u:Id") || matches!(refused, SignatureRefused::Form(_)), "{other}: {refused:?}");
        }
    }
}
