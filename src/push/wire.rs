//! The calls of WNS and of the token endpoint: `https`, no redirect, no proxy, no private address, and a deadline.
//!
//! What an error says never holds an address of a channel or a secret.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};
use transom_protocol::push::{Answer, ChannelUri, Notification, TokenAnswer, TokenProblem};

use super::{Options, SetupError};
use crate::model::Secret;
use crate::pki::guard::{Guard, Unanswered};
use crate::pki::outbound;

/// Calls the two services.
pub(super) struct Wire {
    client: reqwest::Client,
    token_url: Url,
    notification: Notification,
}

/// Longest answer of the token endpoint that is read.
const MOST_BYTES: usize = 64 * 1024;

/// Why a call got no answer. Shown to operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// It is not what it was when it was checked.
    #[error("the address of the channel is not one of WNS")]
    Address,
    /// There was none.
    #[error("{0}")]
    Unanswered(Unanswered),
    /// The answer made no sense.
    #[error("{0}")]
    Answer(String),
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unanswered(Unanswered::from(&error))
    }
}

impl Wire {
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let exempt = options.test_hosts.iter().map(|host| host.host().to_owned());
        // The operator wrote the token endpoint: it may be a proxy in their own network.
        let token_url = Url::parse(&options.token_url).map_err(|_| SetupError::TokenUrl)?;
        let token_host = token_url.host_str().filter(|_| token_url.scheme() == "https").ok_or(SetupError::TokenUrl)?;
        let exempt = exempt.chain([token_host.to_ascii_lowercase()]).collect();
        Self::with_lookup(options, token_url, Guard::new(exempt))
    }

    fn with_lookup(options: &Options, token_url: Url, guard: Guard) -> Result<Self, SetupError> {
        let client = outbound::builder(&options.roots, options.timeout)
            .https_only(true)
            .no_proxy()
            .dns_resolver(Arc::new(guard))
            .pool_idle_timeout(Duration::from_secs(60))
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, token_url, notification: Notification { ttl_seconds: options.ttl.as_secs() } })
    }

    /// Sends a push.
    pub(super) async fn push(&self, uri: &ChannelUri, token: &Secret<String>) -> Result<Answer, CallError> {
        // Another reader of the same text must see the same host.
        let url = Url::parse(uri.expose()).map_err(|_| CallError::Address)?;
        let same = url.scheme() == "https"
            && url.host_str() == Some(uri.host())
            && url.port_or_known_default() == Some(uri.port())
            && url.username().is_empty()
            && url.password().is_none();
        if !same {
            return Err(CallError::Address);
        }
        let mut request = self.client.post(url).header(AUTHORIZATION, bearer(token)?).body(Notification::BODY);
        for (name, value) in self.notification.headers() {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let headers = response.headers();
        Ok(Answer::read(response.status().as_u16(), |name| headers.get(name)?.to_str().ok()))
    }

    /// Asks for a token.
    pub(super) async fn token(&self, body: &str) -> Result<TokenAnswer, CallError> {
        let request = self
            .client
            .post(self.token_url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.to_owned());
        let response = request.send().await?;
        let status = response.status();
        let body = read(response).await?;
        if !status.is_success() {
            // Only what the standard has a place for is shown: a page could repeat what was sent.
            let problem: TokenProblem = serde_json::from_slice(&body).unwrap_or_default();
            let said = problem.told();
            let said = if said.is_empty() { String::new() } else { format!(": {said}") };
            return Err(CallError::Answer(format!("the token endpoint answered {}{said}", status.as_u16())));
        }
        let answer: Option<TokenAnswer> = serde_json::from_slice(&body).ok();
        answer
            .filter(TokenAnswer::is_usable)
            .ok_or_else(|| CallError::Answer("the token endpoint answered 200 without a token".to_owned()))
    }
}

fn bearer(token: &Secret<String>) -> Result<HeaderValue, CallError> {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| CallError::Answer("the token can't be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(mut response: Response) -> Result<zeroize::Zeroizing<Vec<u8>>, CallError> {
    let mut body = zeroize::Zeroizing::new(Vec::with_capacity(MOST_BYTES));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(CallError::Answer("the answer of the token endpoint is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use futures_util::FutureExt as _;
    use transom_protocol::push::{TokenForm, TokenRequest};

    use super::*;
    use crate::pki::guard::Lookup;

    fn options() -> Options {
        Options {
            package: "Contoso.Mdm_8wekyb3d8bbwe".to_owned(),
            provider_id: "Transom".to_owned(),
            token: TokenRequest {
                form: TokenForm::Live,
                client_id: "S-1-15-2-1".to_owned(),
                client_secret: zeroize::Zeroizing::new("hunter2".to_owned()),
            },
            token_url: "https://login.live.com/accesstoken.srf".to_owned(),
            test_hosts: Vec::new(),
            roots: Vec::new(),
            rate: 50,
            ttl: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            wake_timeout: 1000,
            channel_refresh: 1000,
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_not_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:443").await.ok();
        let token_url = Url::parse(&options().token_url).unwrap();
        let uri = ChannelUri::parse("https://db5.notify.windows.com/?token=hunter2", &[]).unwrap();
        let token = Secret::new("the-token".to_owned());
        for answers in [&["127.0.0.1"][..], &["169.254.169.254"], &["13.107.4.50", "10.0.0.1"], &["::1"]] {
            let answers: Vec<SocketAddr> = answers.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
            let lookup: Lookup = Arc::new(move |_| {
                let answers = answers.clone();
                async move { Ok(answers) }.boxed()
            });
            let guard = Guard::with_lookup(Vec::new(), lookup);
            let wire = Wire::with_lookup(&options(), token_url.clone(), guard).unwrap();
            assert_eq!(wire.push(&uri, &token).await, Err(CallError::Unanswered(Unanswered::Private)));
        }
        if let Some(listener) = listener {
            let called = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
            assert!(called.is_err(), "a private address was called");
        }
    }

    #[tokio::test]
    async fn an_error_holds_neither_the_address_nor_a_secret() {
        let lookup: Lookup = Arc::new(|name| async move { Err(io::Error::other(format!("no {name}"))) }.boxed());
        let guard = Guard::with_lookup(Vec::new(), lookup);
        let wire = Wire::with_lookup(&options(), Url::parse(&options().token_url).unwrap(), guard).unwrap();
        let uri = ChannelUri::parse("https://db5.notify.windows.com/?token=hunter2", &[]).unwrap();
        let error = wire.push(&uri, &Secret::new("the-token".to_owned())).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(matches!(error, CallError::Unanswered(Unanswered::Connect(_))), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("the-token"), "{said}");
    }
}
