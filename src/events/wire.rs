//! The calls of receivers: `https`, no redirect, no proxy, no private address, a deadline, and little of the answer.
//!
//! What an error says never holds the address or a secret.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, Url};

use super::{Options, SetupError};
use crate::pki::guard::{Guard, Unanswered};
use crate::pki::outbound;

/// Calls receivers.
pub(super) struct Wire {
    client: reqwest::Client,
}

/// What is called with.
pub(super) struct Letter<'a> {
    pub(super) id: &'a str,
    pub(super) seconds: i64,
    pub(super) signature: &'a str,
    pub(super) body: Vec<u8>,
}

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Retry-After` in seconds.
    pub(super) retry_after: Option<u64>,
}

/// Bytes of an answer that are read, so that the connection can be used again.
const MOST_BYTES: usize = 16 * 1024;

/// Why a call got no answer. Shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Its host has a private address: there is a setting for that.
    #[error("{} (list it in webhooks.private_hosts)", Unanswered::Private)]
    Private,
    /// Anything else.
    #[error("{0}")]
    Unanswered(Unanswered),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        match Unanswered::from(&error) {
            Unanswered::Private => Self::Private,
            other => Self::Unanswered(other),
        }
    }
}

impl Wire {
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let guard = Guard::new(options.hosts.private.clone());
        Self::with_guard(options, guard)
    }

    fn with_guard(options: &Options, guard: Guard) -> Result<Self, SetupError> {
        let client = outbound::builder(&options.roots, options.timeout)
            .https_only(!options.hosts.plain)
            .no_proxy()
            .dns_resolver(Arc::new(guard))
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(2)
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client })
    }

    pub(super) async fn post(&self, url: Url, letter: Letter<'_>) -> Result<Answer, CallError> {
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", letter.id)
            .header("webhook-timestamp", letter.seconds)
            .header("webhook-signature", letter.signature)
            .body(letter.body);
        let response = request.send().await?;
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let answer = Answer { status: response.status().as_u16(), retry_after: seconds };
        read_away(response).await;
        Ok(answer)
    }
}

/// A short answer is read to its end; what is long is left, with its connection.
async fn read_away(mut response: Response) {
    let mut left = MOST_BYTES;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::events::Hosts;
    use crate::pki::guard::Lookup;

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = Options {
            hosts: Hosts::default(),
            roots: Vec::new(),
            timeout: Duration::from_secs(5),
            retry_first: 1,
            retry_most: 1,
            dead_after: 1,
            max_followers: 1,
        };
        for answers in [&["127.0.0.1"][..], &["169.254.169.254"], &["13.107.4.50", "127.0.0.1"], &["::1"]] {
            let answers: Vec<SocketAddr> = answers.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            let lookup: Lookup = Arc::new(move |_| {
                let answers = answers.clone();
                async move { Ok(answers) }.boxed()
            });
            let wire = Wire::with_guard(&options, Guard::with_lookup(Vec::new(), lookup)).unwrap();
            let url = Url::parse(&format!("https://events.example.com:{port}/?token=hunter2")).unwrap();
            let letter = Letter { id: "i", seconds: 1, signature: "s", body: Vec::new() };
            assert_eq!(wire.post(url, letter).await, Err(CallError::Private));
        }
        let called = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(called.is_err(), "a private address was called");
    }
}
