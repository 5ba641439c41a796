//! A Windows computer that enrolls, built on other libraries than the server: TLS by rustls, keys and requests by rcgen,
//! XML by roxmltree, SOAP and SyncML by hand. What it knows of the protocol it has from the specification.

mod document;
mod line;
pub(crate) mod sign_in;
mod soap;
mod syncml;

use std::net::SocketAddr;
use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use document::Document;
pub(crate) use line::{Answered, Line};
pub(crate) use soap::{SoapFault, content, security, token_of};
pub(crate) use syncml::{Says, commands_of, header_status};

use line::tls;

/// The three services, where a computer finds them.
pub(crate) const DISCOVERY: &str = "/EnrollmentServer/Discovery.svc";
pub(crate) const POLICY: &str = "/EnrollmentServer/Policy.svc";
pub(crate) const ENROLLMENT: &str = "/EnrollmentServer/Enrollment.svc";
pub(crate) const MANAGEMENT: &str = "/ManagementServer/Mdm.svc?mode=Maintenance&Platform=WoA";

/// A computer.
pub(crate) struct Pc {
    pub(crate) addr: SocketAddr,
    root: CertificateDer<'static>,
    pub(crate) device_id: String,
    pub(crate) hw_dev_id: String,
    pub(crate) key: KeyPair,
    /// With whose key and certificate it connects.
    pub(crate) identity: Option<Identity>,
    /// What it was given last.
    pub(crate) document: Option<Document>,
    /// Connections are resumed as long as this is the same.
    config: Arc<ClientConfig>,
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Pc {
    /// A computer that reaches a server at this address and trusts this root, in PEM.
    pub(crate) fn new(addr: SocketAddr, root: &[u8], device_id: &str) -> Self {
        use rustls::pki_types::pem::PemObject as _;
        let root = CertificateDer::from_pem_slice(root).unwrap();
        Self {
            addr,
            device_id: device_id.to_owned(),
            hw_dev_id: format!("{:0>64}", device_id.to_lowercase()),
            key: new_key(),
            identity: None,
            document: None,
            config: tls(&root, None),
            root,
        }
    }

    /// A new connection, with the certificate if there is one.
    pub(crate) async fn connect(&self) -> Line {
        Line::connect(self.addr, Arc::clone(&self.config)).await
    }

    /// A new connection that shows no certificate.
    pub(crate) async fn connect_bare(&self) -> Line {
        Line::connect(self.addr, tls(&self.root, None)).await
    }

    /// From now on it connects with this.
    pub(crate) fn shows(&mut self, identity: Option<Identity>) {
        let shown = identity.as_ref().map(|identity| {
            let key = PrivateKeyDer::try_from(identity.key.clone()).unwrap();
            (CertificateDer::from(identity.certificate.clone()), key)
        });
        self.config = tls(&self.root, shown);
        self.identity = identity;
    }

    /// The certificate that it has, with its key.
    pub(crate) fn own(&self) -> Identity {
        let certificate = self.document.as_ref().unwrap().certificate.clone();
        Identity { certificate, key: self.key.serialize_der() }
    }

    /// A request for a certificate, as Windows names itself in it.
    pub(crate) fn request(&self) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("0F3B8E6C-A271-4556-9B72-A26CBD!{}", self.device_id));
        params.serialize_request(&self.key).unwrap().der().to_vec()
    }

    /// Walks from the discovery to the certificate.
    pub(crate) async fn enroll(&mut self, user: &str, password: &str) -> Result<(), SoapFault> {
        let mut line = self.connect_bare().await;
        let found = self.discover(&mut line, &["OnPremise", "Federated"]).await?;
        assert_eq!(found.policy, "OnPremise");
        self.policies(&mut line, user, password).await?;
        self.issue(&mut line, user, password).await
    }

    /// Asks for its first certificate.
    pub(crate) async fn issue(&mut self, line: &mut Line, user: &str, password: &str) -> Result<(), SoapFault> {
        let body = self.issue_body(user, password, &self.request());
        let document = self.token(line, body).await?;
        self.take(document);
        Ok(())
    }

    /// Keeps what it was given, and shows its certificate from now on.
    pub(crate) fn take(&mut self, document: Document) {
        self.document = Some(document);
        let own = self.own();
        self.shows(Some(own));
    }

    /// From now on it shows a renewed certificate.
    pub(crate) fn change_to(&mut self, renewed: Document, key: KeyPair) {
        self.key = key;
        if let Some(document) = &mut self.document {
            document.certificate = renewed.certificate;
        }
        let own = self.own();
        self.shows(Some(own));
    }

    /// Asks for another certificate, for a new key; it is not used yet.
    pub(crate) async fn renew(&mut self, line: &mut Line) -> Result<(Document, KeyPair), SoapFault> {
        let old = std::mem::replace(&mut self.key, new_key());
        let signed = openssl_sign(&self.request(), self.identity.as_ref().unwrap());
        let body = Self::renew_body(&signed);
        let new = std::mem::replace(&mut self.key, old);
        Ok((self.token(line, body).await?, new))
    }
}

/// A key as good as one that a TPM makes.
pub(crate) fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A file in a folder that goes.
pub(crate) fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// PEM of some DER.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// What the `openssl` program says to some arguments.
pub(crate) fn openssl(arguments: &[&str]) -> std::process::Output {
    std::process::Command::new("openssl").args(arguments).output().expect("the tests need the openssl program")
}

/// A PKCS#7 around a request, signed by the holder of a certificate.
pub(crate) fn openssl_sign(content: &[u8], signer: &Identity) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let content = file(&folder, "content", content);
    let certificate = file(&folder, "certificate.pem", pem("CERTIFICATE", &signer.certificate).as_bytes());
    let key = file(&folder, "key.pem", pem("PRIVATE KEY", &signer.key).as_bytes());
    let arguments = ["cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256", "-outform", "DER"];
    let files = ["-signer", &certificate, "-inkey", &key, "-in", &content];
    let made = openssl(&[&arguments[..], &files[..]].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}
