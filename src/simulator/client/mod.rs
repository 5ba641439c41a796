//! The wire of a device: its messages over HTTPS, as Windows sends them (MS-MDM 2.1), with faults on request.

mod enveloped;
mod options;
mod report;
mod run;
mod transport;

use std::sync::Arc;

use native_tls::{Certificate, Identity, TlsConnector};
use reqwest::Url;

pub use options::ClientOptions;
pub use report::{ClientError, Exchange, SessionEnd, SessionFailure, SessionReport};

use super::device::{Device, Trigger};
use super::faults::FaultPlan;
use super::identity::{ClientCertificate, DeviceIdentity};
use run::Run;
use transport::Transport;
pub(super) use transport::describe;

/// Bytes of the archives that simulated devices send.
const ARCHIVE: usize = 300_000;

/// Carries the messages of devices to one server.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    /// The authorities that it trusts.
    ca_pem: Arc<[u8]>,
    /// Made once: reading the system's certificates, which it does not trust, takes longer than a whole session.
    connector: TlsConnector,
    options: ClientOptions,
    /// The connection that is kept.
    kept: Option<reqwest::Client>,
}

impl Client {
    /// A client of the management service at `url`, which must be `https`; `ca_pem` holds the certificates of the
    /// authorities that it trusts, and no others are trusted. Without a query the URL gets the one that Windows adds.
    pub fn new(url: &str, ca_pem: &[u8], options: ClientOptions) -> Result<Self, ClientError> {
        let parsed = Url::parse(url).map_err(|error| ClientError::Setup(format!("{url}: {error}")))?;
        if parsed.scheme() != "https" {
            return Err(ClientError::Setup(format!("{url}: a management service is reached over https")));
        }
        let connector = connector(ca_pem, None)?;
        let client = Self { url: url.to_owned(), ca_pem: Arc::from(ca_pem), connector, options, kept: None };
        // Made once here so that a wrong setting is told before the first session.
        client.connection()?;
        client.of_its_own()
    }

    /// The same with a connection of its own, for another device.
    pub(super) fn of_its_own(&self) -> Result<Self, ClientError> {
        let kept = if self.options.connects_anew { None } else { Some(self.connection()?) };
        Ok(Self { kept, ..self.clone() })
    }

    /// The same for one device: with a connection of its own, which shows the device's certificate where it has one.
    pub fn for_device(&self, identity: &DeviceIdentity) -> Result<Self, ClientError> {
        match identity.certificate.as_ref().filter(|_| !self.options.hides_certificate) {
            None => self.of_its_own(),
            Some(certificate) => {
                let connector = connector(&self.ca_pem, Some(certificate))?;
                Self { connector, ..self.clone() }.of_its_own()
            }
        }
    }

    /// The same, whose sessions begin for another reason.
    pub(super) fn triggered(&self, trigger: Trigger) -> Self {
        let options = ClientOptions { trigger, ..self.options.clone() };
        Self { options, ..self.clone() }
    }

    /// The options that it was made with.
    pub const fn options(&self) -> &ClientOptions {
        &self.options
    }

    /// Runs one session of a device to its end. The device is left without an open session, however it ends.
    pub async fn run_session(
        &self,
        device: &mut Device,
        faults: &mut FaultPlan,
    ) -> Result<SessionReport, SessionFailure> {
        let http = match &self.kept {
            Some(http) => http.clone(),
            None => self.connection().map_err(|cause| SessionFailure { cause, report: Box::default() })?,
        };
        let transport = Transport::new(http.clone(), &self.options, &self.url, device);
        let mut report = Run::new(transport, device, faults).finish().await?;
        for upload in device.take_uploads() {
            let status = put_archive(&http, &upload.url).await;
            device.uploaded(&upload.id, status.is_some_and(|status| (200..300).contains(&status)));
            report.uploads.push((upload.url, status));
        }
        Ok(report)
    }

    /// A pool of connections of its own.
    fn connection(&self) -> Result<reqwest::Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.connector.clone())
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(self.options.timeout);
        if let (Some(address), Ok(url)) = (self.options.address, Url::parse(&self.url))
            && let Some(host) = url.host_str()
        {
            builder = builder.resolve(host, address);
        }
        builder.build().map_err(|error| ClientError::Setup(error.to_string()))
    }
}

/// Sends an archive as `DiagnosticArchive` does: to a store that knows nothing but the address. What it holds is made up.
async fn put_archive(http: &reqwest::Client, url: &str) -> Option<u16> {
    let mut archive = b"PK\x03\x04".to_vec();
    archive.resize(ARCHIVE, 0x5A);
    let sent = http.put(url).header("x-ms-blob-type", "BlockBlob").body(archive).send().await;
    sent.ok().map(|answer| answer.status().as_u16())
}

/// TLS that trusts the certificates of a PEM and no others, and shows a certificate where one is given.
pub(super) fn connector(ca_pem: &[u8], own: Option<&ClientCertificate>) -> Result<TlsConnector, ClientError> {
    let wrong = |error: native_tls::Error| ClientError::Setup(format!("CA: {error}"));
    let authorities = Certificate::stack_from_pem(ca_pem).map_err(wrong)?;
    if authorities.is_empty() {
        return Err(ClientError::Setup("CA: no certificate in the PEM".to_owned()));
    }
    let mut builder = TlsConnector::builder();
    builder.disable_built_in_roots(true);
    for authority in authorities {
        builder.add_root_certificate(authority);
    }
    if let Some(own) = own {
        let identity = Identity::from_pkcs8(own.certificate.as_bytes(), own.key.expose().as_bytes());
        builder.identity(identity.map_err(|error| ClientError::Setup(format!("client certificate: {error}")))?);
    }
    builder.build().map_err(wrong)
}
