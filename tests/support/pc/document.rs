//! A provisioning document, read with roxmltree and held against MS-MDE2 2.2.9.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use roxmltree::{Document as Xml, Node};

/// What a computer was given.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) text: String,
    /// `Root/System`.
    pub(crate) roots: Vec<Vec<u8>>,
    /// `My/User` or `My/System`: which, and the certificate.
    pub(crate) store: String,
    pub(crate) certificate: Vec<u8>,
    /// `APPLICATION`.
    pub(crate) application: BTreeMap<String, String>,
    /// The two `APPAUTH`, by `AAUTHLEVEL`.
    pub(crate) auth: BTreeMap<String, BTreeMap<String, String>>,
    /// `DMClient/Provider/<id>`.
    pub(crate) client: BTreeMap<String, String>,
    /// `Poll`.
    pub(crate) poll: BTreeMap<String, String>,
    /// `WSTEP/Renew`.
    pub(crate) renew: BTreeMap<String, String>,
}

impl Document {
    /// Reads one. Where the specification leaves no choice, anything else is a panic.
    pub(crate) fn read(text: &str) -> Self {
        let tree = Xml::parse(text).unwrap();
        let top = tree.root_element();
        assert_eq!((top.tag_name().name(), top.attribute("version")), ("wap-provisioningdoc", Some("1.1")));
        for node in top.descendants().filter(Node::is_element) {
            assert!(["wap-provisioningdoc", "characteristic", "parm"].contains(&node.tag_name().name()), "{text}");
        }
        let certificates = |path: &[&str]| -> Vec<Vec<u8>> {
            let Some(store) = path.iter().try_fold(top, |node, name| below(node, name)) else { return Vec::new() };
            let with_one = store.children().filter(|node| parms(*node).contains_key("EncodedCertificate"));
            with_one.map(certificate).collect()
        };
        let own = [("User", ["CertificateStore", "My", "User"]), ("System", ["CertificateStore", "My", "System"])];
        let mut own: Vec<(&str, Vec<u8>)> =
            own.iter().flat_map(|(store, path)| certificates(path).into_iter().map(move |der| (*store, der))).collect();
        assert_eq!(own.len(), 1, "one certificate of its own: {text}");
        let (store, certificate) = own.remove(0);
        let application = below(top, "APPLICATION").unwrap();
        let auth = application.children().filter(|node| node.attribute("type") == Some("APPAUTH")).map(|node| {
            let parms = parms(node);
            (parms["AAUTHLEVEL"].clone(), parms)
        });
        let provider = below(top, "DMClient").and_then(|node| below(node, "Provider"));
        let provider = provider.and_then(|node| node.children().find(Node::is_element));
        let path = |path: &[&str]| path.iter().try_fold(top, |node, name| below(node, name));
        Self {
            text: text.to_owned(),
            roots: certificates(&["CertificateStore", "Root", "System"]),
            store: store.to_owned(),
            certificate,
            application: parms(application),
            auth: auth.collect(),
            client: provider.map(parms).unwrap_or_default(),
            poll: provider.and_then(|node| below(node, "Poll")).map(parms).unwrap_or_default(),
            renew: path(&["CertificateStore", "My", "WSTEP", "Renew"]).map(parms).unwrap_or_default(),
        }
    }

    /// Names of characteristics and parameters, in their order, indented.
    pub(crate) fn outline(&self) -> String {
        fn walk(node: Node<'_, '_>, depth: usize, into: &mut String) {
            for child in node.children().filter(Node::is_element) {
                let name = child.attribute("type").or(child.attribute("name")).unwrap_or("?");
                let name = if name.len() == 40 { "(thumbprint)" } else { name };
                into.push_str(&"  ".repeat(depth));
                into.push_str(name);
                into.push('\n');
                walk(child, depth + 1, into);
            }
        }
        let mut outline = String::new();
        walk(Xml::parse(&self.text).unwrap().root_element(), 0, &mut outline);
        outline
    }
}

/// A certificate below its thumbprint, which has to be its SHA-1 in capital letters.
fn certificate(node: Node<'_, '_>) -> Vec<u8> {
    let der = STANDARD.decode(&parms(node)["EncodedCertificate"]).unwrap();
    let thumbprint: String =
        digest(&SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(node.attribute("type"), Some(thumbprint.as_str()));
    der
}

fn below<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == "characteristic" && child.attribute("type") == Some(name))
}

fn parms(node: Node<'_, '_>) -> BTreeMap<String, String> {
    let parms = node.children().filter(|child| child.tag_name().name() == "parm");
    parms
        .map(|parm| {
            (parm.attribute("name").unwrap().to_owned(), parm.attribute("value").unwrap_or_default().to_owned())
        })
        .collect()
}
