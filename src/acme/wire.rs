//! The calls of the ACME server: `https`, no redirect, a deadline, and answers of a bounded size.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::header::RETRY_AFTER;

use super::{Options, SetupError};
use crate::pki::outbound;

/// Longest answer that is read: chains of certificates are a few kilobytes.
const MOST_BYTES: usize = 512 * 1024;

/// Calls the ACME server. Clones share what it asked for.
#[derive(Clone)]
pub(super) struct Wire {
    client: reqwest::Client,
    /// Seconds that it asked to be left alone, in the last answer that did.
    asked: Arc<Mutex<Option<u64>>>,
}

impl Wire {
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let client =
            outbound::builder(&options.roots, options.timeout).https_only(true).build().map_err(SetupError::Client)?;
        Ok(Self { client, asked: Arc::default() })
    }

    /// Seconds that the ACME server asked to be left alone since this was asked last.
    pub(super) fn asked_to_wait(&self) -> Option<u64> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn call(self, request: hyper::http::Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let other = |error: reqwest::Error| Error::Other(Box::new(error.without_url()));
        let (parts, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let request = hyper::http::Request::from_parts(parts, reqwest::Body::from(body));
        let mut answer = self.client.execute(request.try_into().map_err(other)?).await.map_err(other)?;
        if matches!(answer.status().as_u16(), 429 | 503) {
            let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(other)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(Error::Other("the answer is too large".into()));
            }
            bytes.extend_from_slice(&chunk);
        }
        let mut response = hyper::http::Response::new(Full::<Bytes>::from(bytes));
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(BytesResponse::from(response))
    }
}

impl HttpClient for Wire {
    fn request(
        &self,
        request: hyper::http::Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().call(request))
    }
}
