//! What sign-in asks others for: documents, keys and tokens, from configured places only, small and in time.
//!
//! HTTPS, and plain HTTP only to this machine itself. No redirect is followed.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Certificate, Client, Request, Url};
use serde::de::DeserializeOwned;

use super::SetupError;
use crate::pki;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const LONGEST: usize = 512 * 1024;

/// Why something could not be had. No message holds a token, a code or a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// Nobody answered.
    #[error("{host} can't be reached")]
    Unreachable {
        /// Who should have.
        host: String,
        /// Why.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The answer is not 200.
    #[error("the answer had status {0}")]
    Status(u16),
    /// The answer is longer than any that is expected.
    #[error("the answer is too long")]
    TooLong,
    /// The answer is something else.
    #[error("the answer is not {0}")]
    Unreadable(&'static str),
    /// A file could not be read.
    #[error("can't read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// It was broken off.
    #[error("the request was broken off")]
    Interrupted,
}

/// Status and body of an answer.
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A client that also trusts the certificates in this file.
pub(super) fn client(ca: Option<&Path>) -> Result<Client, SetupError> {
    let roots = match ca {
        None => Vec::new(),
        Some(path) => {
            let unread = || SetupError::Content { path: path.to_owned(), expected: "certificates in PEM" };
            let roots = Certificate::from_pem_bundle(&read(path)?).map_err(|_| unread())?;
            if roots.is_empty() {
                return Err(unread());
            }
            roots
        }
    };
    pki::outbound::client(&roots, TIMEOUT).map_err(|source| SetupError::Client(Arc::new(source)))
}

/// An address that may be asked.
pub(super) fn address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let host = url.host_str()?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (is_plain && (url.scheme() == "https" || url.scheme() == "http" && is_here)).then_some(url)
}

/// A file, no longer than an answer may be.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|source| SetupError::File { path: path.to_owned(), source: Arc::new(source) })
}

/// Sends a request and reads the answer.
pub(super) async fn send(client: &Client, request: Request) -> Result<Received, FetchError> {
    let host = request.url().host_str().unwrap_or_default().to_owned();
    let unreachable = |source: reqwest::Error| FetchError::Unreachable {
        host: host.clone(),
        // An address may hold more than anybody should read.
        source: Arc::new(source.without_url()),
    };
    let mut response = client.execute(request).await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Received { status: response.status().as_u16(), body })
}

/// Gets a document; with a bearer token where there is one.
pub(super) async fn get(client: &Client, url: &Url, bearer: Option<&str>) -> Result<Vec<u8>, FetchError> {
    let mut request = client.get(url.clone()).header("accept", "application/json");
    if let Some(token) = bearer {
        request = request.bearer_auth(token);
    }
    let request = request.build().map_err(|_| FetchError::Interrupted)?;
    let Received { status, body } = send(client, request).await?;
    if status == 200 { Ok(body) } else { Err(FetchError::Status(status)) }
}

/// The same, as JSON.
pub(super) async fn get_json<T: DeserializeOwned>(
    client: &Client,
    url: &Url,
    bearer: Option<&str>,
    expected: &'static str,
) -> Result<T, FetchError> {
    let body = get(client, url, bearer).await?;
    serde_json::from_slice(&body).map_err(|_| FetchError::Unreadable(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in ["https://id.example.test/x", "http://127.0.0.1:9/", "http://[::1]/", "http://localhost:1/a?b=c"] {
            assert!(address(good).is_some(), "{good}");
        }
        for bad in [
            "http://id.example.test/",
            "http://127.0.0.1.evil.test/",
            "http://localhost.evil.test/",
            "https://user@id.example.test/",
            "https://:pass@id.example.test/",
            "https://id.example.test/#x",
            "ftp://localhost/",
            "file:///etc/passwd",
            "id.example.test",
            "",
        ] {
            assert!(address(bad).is_none(), "{bad}");
        }
    }
}
