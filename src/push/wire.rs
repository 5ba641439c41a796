//! The calls of WNS and of the token endpoint: `https`, no redirect, no proxy, no private address, and a deadline.
//!
//! What an error says never holds an address of a channel or a secret.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, Url};
use transom_protocol::push::{Answer, ChannelUri, Notification, TokenAnswer, TokenProblem};

use super::{Options, SetupError};
use crate::model::Secret;
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
    /// Its host has a private address.
    #[error("the host has a private address: it is not called")]
    Private,
    /// In time.
    #[error("no answer in time")]
    TimedOut,
    /// Nobody there, or somebody else.
    #[error("can't connect: {0}")]
    Connect(String),
    /// In the middle.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer made no sense.
    #[error("{0}")]
    Answer(String),
}

impl Wire {
    pub(super) fn new(options: &Options) -> Result<Self, SetupError> {
        let exempt = options.test_hosts.iter().map(|host| host.host().to_owned());
        // The operator wrote the token endpoint: it may be a proxy in their own network.
        let token_url = Url::parse(&options.token_url).map_err(|_| SetupError::TokenUrl)?;
        let token_host = token_url.host_str().filter(|_| token_url.scheme() == "https").ok_or(SetupError::TokenUrl)?;
        let exempt = exempt.chain([token_host.to_ascii_lowercase()]).collect();
        Self::with_lookup(options, token_url, Guard { exempt, lookup: Arc::new(system_lookup) })
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
        let response = request.send().await.map_err(|error| told(&error))?;
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
        let response = request.send().await.map_err(|error| told(&error))?;
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
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(CallError::Answer("the answer of the token endpoint is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What went wrong, without the address: the library's own words hold it.
fn told(error: &reqwest::Error) -> CallError {
    let mut cause = std::error::Error::source(error);
    let mut last = None;
    while let Some(error) = cause {
        if error.downcast_ref::<PrivateAddress>().is_some() {
            return CallError::Private;
        }
        last = Some(error.to_string());
        cause = error.source();
    }
    let last: String = last.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    match error {
        error if error.is_timeout() => CallError::TimedOut,
        error if error.is_connect() => CallError::Connect(last),
        _ => CallError::Broken(last),
    }
}

/// Looks names up, and refuses those that lead into a private network: asked for every connection, so that a name which
/// resolves otherwise a moment later does not help.
struct Guard {
    /// Names that an operator wrote.
    exempt: Vec<String>,
    lookup: Lookup,
}

type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("the name has a private address")]
struct PrivateAddress;

fn system_lookup(name: String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }.boxed()
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let is_exempt = self.exempt.iter().any(|exempt| exempt.eq_ignore_ascii_case(name.as_str()));
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            // One bad address among good ones is enough: whoever mixes them wants one of two tries to get through.
            if !is_exempt && !found.iter().all(|address| is_public(address.ip())) {
                return Err(PrivateAddress.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        // NAT64: the last half is an IPv4 address.
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    let [a, b, ..] = segments;
    // Of the global addresses neither documentation nor tunnels, which end wherever they say.
    a & 0xe000 == 0x2000 && !(a == 0x2001 && (b == 0x0db8 || b < 0x0200)) && a != 0x2002 && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use transom_protocol::push::{TokenForm, TokenRequest};

    use super::*;

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

    #[test]
    fn only_addresses_of_the_public_network_are_called() {
        let mut bad: Vec<IpAddr> = Vec::new();
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "::127.0.0.1",
        ] {
            bad.push(text.parse().unwrap());
        }
        for address in bad {
            assert!(!is_public(address), "{address}");
        }
        for text in
            ["13.107.4.50", "172.32.0.1", "100.128.0.1", "2603:1030::1", "::ffff:13.107.4.50", "64:ff9b::d6b:432"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
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
            let guard = Guard { exempt: Vec::new(), lookup };
            let wire = Wire::with_lookup(&options(), token_url.clone(), guard).unwrap();
            assert_eq!(wire.push(&uri, &token).await, Err(CallError::Private));
        }
        if let Some(listener) = listener {
            let called = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
            assert!(called.is_err(), "a private address was called");
        }
    }

    #[tokio::test]
    async fn an_error_holds_neither_the_address_nor_a_secret() {
        let lookup: Lookup = Arc::new(|name| async move { Err(io::Error::other(format!("no {name}"))) }.boxed());
        let guard = Guard { exempt: Vec::new(), lookup };
        let wire = Wire::with_lookup(&options(), Url::parse(&options().token_url).unwrap(), guard).unwrap();
        let uri = ChannelUri::parse("https://db5.notify.windows.com/?token=hunter2", &[]).unwrap();
        let error = wire.push(&uri, &Secret::new("the-token".to_owned())).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(matches!(error, CallError::Connect(_)), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("the-token"), "{said}");
    }
}
