//! SOAP over HTTPS, as the enrollment client of Windows sends it (MS-MDE2 2.1).

use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, TRANSFER_ENCODING, USER_AGENT};
use reqwest::{Response, Url};
use transom_protocol::enrollment::Version;
use transom_protocol::enrollment::client::{self, AnswerError};
use transom_protocol::soap::{CONTENT_TYPE as SOAP, LIMITS, Operation};
use transom_protocol::xml::Limits;

use super::{EnrollError, EnrollOptions, Step};
use crate::simulator::client::connector;
use crate::simulator::identity::ClientCertificate;

/// What the enrollment client of Windows calls itself.
const AGENT: &str = "ENROLLClient";

/// The connection of one walk.
pub(super) struct Wire<'a> {
    connector: native_tls::TlsConnector,
    options: &'a EnrollOptions,
    /// What was not right, and yet no reason to stop.
    pub(super) problems: Vec<String>,
}

impl<'a> Wire<'a> {
    /// A connection that trusts the authorities of a PEM, and proves to have a key where one is given.
    pub(super) fn new(
        ca_pem: &[u8],
        certificate: Option<&ClientCertificate>,
        options: &'a EnrollOptions,
    ) -> Result<Self, EnrollError> {
        let connector = connector(ca_pem, certificate).map_err(|error| EnrollError::Setup(error.to_string()))?;
        Ok(Self { connector, options, problems: Vec::new() })
    }

    /// The version that the device asks with.
    pub(super) const fn version(&self) -> Version {
        self.options.version
    }

    /// Asks whether anybody is there (MS-MDE2 3.1): 200 and nothing more.
    pub(super) async fn probe(&mut self, url: &str) -> Result<(), EnrollError> {
        const STEP: Step = Step::Probe;
        let request = self.client(STEP, url)?.get(url).header(CACHE_CONTROL, "no-cache").header(PRAGMA, "no-cache");
        let response = request.header(USER_AGENT, AGENT).send().await.map_err(|error| lost(STEP, &error))?;
        let status = response.status().as_u16();
        let body = self.body(STEP, response).await?;
        if status != 200 {
            return Err(EnrollError::Http { step: STEP, status });
        }
        if !body.is_empty() {
            self.problems.push("the answer to the probe of discovery is not empty".to_owned());
        }
        Ok(())
    }

    /// Sends one message and reads its answer.
    pub(super) async fn call<T>(
        &mut self,
        step: Step,
        operation: Operation,
        url: &str,
        message: String,
        read: impl FnOnce(&[u8], &Limits) -> Result<T, AnswerError>,
    ) -> Result<T, EnrollError> {
        let request = self.client(step, url)?.post(url).header(CONTENT_TYPE, SOAP).header(USER_AGENT, AGENT);
        let response = request.body(message).send().await.map_err(|error| lost(step, &error))?;
        let status = response.status().as_u16();
        let is_soap = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/soap+xml"));
        let body = self.body(step, response).await?;
        if body.is_empty() {
            return Err(EnrollError::Http { step, status });
        }
        if !is_soap {
            self.problems.push(format!("{step}: the reply does not say that it is application/soap+xml"));
        }
        if client::relates_to(&body, &LIMITS).as_deref() != Some(client::message_id(operation)) {
            self.problems.push(format!("{step}: RelatesTo is not the MessageID of the request"));
        }
        match read(&body, &LIMITS) {
            // Windows reads a fault whatever the status, and anything else only with 200.
            Err(AnswerError::Fault(fault)) => Err(EnrollError::Fault { step, fault: Box::new(fault) }),
            _ if status != 200 => Err(EnrollError::Http { step, status }),
            Err(AnswerError::Unusable(why)) => Err(EnrollError::Unusable { step, why: Box::new(why) }),
            Ok(answer) => Ok(answer),
        }
    }

    /// A reply that is sized, or a problem.
    async fn body(&mut self, step: Step, mut response: Response) -> Result<Vec<u8>, EnrollError> {
        if response.headers().contains_key(TRANSFER_ENCODING) {
            return Err(EnrollError::wrong(step, "the reply is chunked, which Windows does not accept"));
        }
        if response.content_length().is_none() {
            self.problems.push(format!("{step}: the reply has no Content-Length"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(step, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LIMITS.bytes {
                return Err(EnrollError::wrong(step, format!("the reply is larger than {} bytes", LIMITS.bytes)));
            }
        }
        Ok(body)
    }

    /// A connection of its own for each message, as Windows makes it.
    fn client(&self, step: Step, url: &str) -> Result<reqwest::Client, EnrollError> {
        let parsed = Url::parse(url).map_err(|error| EnrollError::wrong(step, format!("{url}: {error}")))?;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.connector.clone())
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(self.options.timeout);
        if let (Some(address), Some(host)) = (self.options.address, parsed.host_str()) {
            builder = builder.resolve(host, address);
        }
        builder.build().map_err(|error| EnrollError::Setup(error.to_string()))
    }
}

/// An error with its causes: the outermost of reqwest alone says little.
fn lost(step: Step, error: &reqwest::Error) -> EnrollError {
    EnrollError::NoReply { step, cause: crate::simulator::client::describe(error) }
}
