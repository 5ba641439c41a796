//! The client of the admin API, as the command line uses it: whatever a command does, another program can do too.
//!
//! On the server's own machine it finds address, token and root certificate in the data folder; elsewhere they are
//! given (`--server`, `--token`). A token goes to no other server than the one that it was given for.

mod actions;
mod connect;
mod csp;
mod directory;
mod enrollment;
mod error;
mod events;
mod people;
mod policies;

use std::time::Duration;

use reqwest::{Certificate, Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) use connect::connected;
pub use error::{ClientError, Refusal, RefusalError};

use super::BearerToken;
use crate::{
    admin::{
        CertificateJson, CertificateQuery, Cleared, CommandJson, CommandQuery, CredentialsOffered, DeviceJson,
        DeviceQuery, EndProvisioning, EnvelopeKeysJson, EnvelopingJson, EventJson, FactChangeJson, FactDefinitionJson,
        FactsJson, Health, Imported, MessageJson, NewOrder, Ordered, PageJson, Part, ProvisioningJson,
        ProvisioningQuery, PushServiceJson, Refresh, Refreshed, ResolveAs, RotateCredentials, SessionDetail,
        SessionJson, SessionQuery, SetEnveloping, SetProvisioning, SetSigning, SetTrust, SettingsJson, SigningJson,
        Status, SyncJson, TrustJson, Unenroll,
    },
    pki::outbound,
};
use connect::is_loopback;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How often a request is sent that may be sent again.
const TRIES: usize = 3;

/// A client of the admin API.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: BearerToken,
}

impl Client {
    /// Of the server at a URL; `roots` are trusted beside the system's.
    pub fn new(base: Url, token: BearerToken, roots: &[Certificate]) -> anyhow::Result<Self> {
        let mut builder = outbound::builder(roots, TIMEOUT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, base, token })
    }

    /// Where the server is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the token goes over a network that others may listen to.
    pub fn is_overheard(&self) -> bool {
        self.base.scheme() == "http" && !is_loopback(&self.base)
    }

    /// What the server is.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get(&["status"], &()).await
    }

    /// Whether the server can do its work.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get(&["health"], &()).await
    }

    /// Puts commands into queues. With the same key it is done once, however often it is sent.
    pub async fn order(&self, order: &NewOrder, key: &str) -> Result<Ordered, ClientError> {
        self.once(&["commands"], order, key).await
    }

    /// Commands, newest first.
    pub async fn commands(&self, query: &CommandQuery) -> Result<PageJson<CommandJson>, ClientError> {
        self.get(&["commands"], query).await
    }

    /// One command with all that is known of it.
    pub async fn command(&self, id: &str) -> Result<CommandJson, ClientError> {
        self.get(&["commands", id], &()).await
    }

    /// Takes a command back.
    pub async fn cancel(&self, id: &str) -> Result<CommandJson, ClientError> {
        self.post(&["commands", id, "cancel"], None).await
    }

    /// Orders a command anew that ended without success. With the same key it is done once.
    pub async fn retry(&self, id: &str, key: &str) -> Result<Ordered, ClientError> {
        self.once(&["commands", id, "retry"], &serde_json::json!({}), key).await
    }

    /// Certificates of devices, the first to end first.
    pub async fn certificates(&self, query: &CertificateQuery) -> Result<PageJson<CertificateJson>, ClientError> {
        self.get(&["certificates"], query).await
    }

    /// With which settings the server runs.
    pub async fn settings(&self) -> Result<SettingsJson, ClientError> {
        self.get(&["settings"], &()).await
    }

    /// Ends the doubt about a command whose outcome is unknown.
    pub async fn resolve(&self, id: &str, how: ResolveAs) -> Result<CommandJson, ClientError> {
        self.post(&["commands", id, "resolve"], Some(serde_json::json!({ "as": how }))).await
    }

    /// Takes back all that waits in the queue of a device.
    pub async fn clear(&self, device: &str) -> Result<Cleared, ClientError> {
        self.post(&["devices", device, "clear"], None).await
    }

    /// The last messages of a device that were turned away, newest first.
    pub async fn refused(&self, device: &str) -> Result<PageJson<MessageJson>, ClientError> {
        self.get(&["devices", device, "refused"], &Part::default()).await
    }

    /// Offers a device other credentials.
    pub async fn rotate_credentials(
        &self,
        device: &str,
        how: &RotateCredentials,
    ) -> Result<CredentialsOffered, ClientError> {
        let how = serde_json::to_value(how).unwrap_or_default();
        self.post(&["devices", device, "rotate-credentials"], Some(how)).await
    }

    /// Sets what is enough to believe the messages of a device.
    pub async fn set_trust(&self, device: &str, set: &SetTrust) -> Result<TrustJson, ClientError> {
        self.post(&["devices", device, "trust"], Some(serde_json::to_value(set).unwrap_or_default())).await
    }

    /// Sets whether a device signs its messages.
    pub async fn set_signing(&self, device: &str, set: &SetSigning) -> Result<SigningJson, ClientError> {
        self.post(&["devices", device, "signing"], Some(serde_json::to_value(set).unwrap_or_default())).await
    }

    /// Sets whether a device envelopes its messages.
    pub async fn set_enveloping(&self, device: &str, set: &SetEnveloping) -> Result<EnvelopingJson, ClientError> {
        self.post(&["devices", device, "enveloping"], Some(serde_json::to_value(set).unwrap_or_default())).await
    }

    /// The keys that open envelopes.
    pub async fn envelope_keys(&self) -> Result<EnvelopeKeysJson, ClientError> {
        self.get(&["envelope-keys"], &()).await
    }

    /// Makes another key for envelopes.
    pub async fn rotate_envelope_key(&self) -> Result<EnvelopeKeysJson, ClientError> {
        self.post(&["envelope-keys", "rotate"], None).await
    }

    /// Tells a device to leave management.
    pub async fn unenroll(&self, device: &str, how: &Unenroll) -> Result<DeviceJson, ClientError> {
        self.post(&["devices", device, "unenroll"], Some(serde_json::to_value(how).unwrap_or_default())).await
    }

    /// Cuts a device off.
    pub async fn block(&self, device: &str) -> Result<DeviceJson, ClientError> {
        self.post(&["devices", device, "block"], None).await
    }

    /// Devices by id.
    pub async fn devices(&self, query: &DeviceQuery) -> Result<PageJson<DeviceJson>, ClientError> {
        self.get(&["devices"], query).await
    }

    /// One device.
    pub async fn device(&self, id: &str) -> Result<DeviceJson, ClientError> {
        self.get(&["devices", id], &()).await
    }

    /// What happened to a device, newest first.
    pub async fn events(&self, device: &str, part: &Part) -> Result<PageJson<EventJson>, ClientError> {
        self.get(&["devices", device, "events"], part).await
    }

    /// Asks a device to come, and says how it is reached.
    pub async fn sync(&self, device: &str) -> Result<SyncJson, ClientError> {
        self.post(&["devices", device, "sync"], None).await
    }

    /// Every fact that there is.
    pub async fn fact_definitions(&self) -> Result<PageJson<FactDefinitionJson>, ClientError> {
        self.get(&["facts"], &()).await
    }

    /// What is known of a device.
    pub async fn facts(&self, device: &str) -> Result<FactsJson, ClientError> {
        self.get(&["devices", device, "facts"], &()).await
    }

    /// What became of a fact of a device, newest first.
    pub async fn fact_history(
        &self,
        device: &str,
        name: &str,
        part: &Part,
    ) -> Result<PageJson<FactChangeJson>, ClientError> {
        self.get(&["devices", device, "facts", name, "history"], part).await
    }

    /// Asks a device anew for facts.
    pub async fn refresh(&self, device: &str, refresh: &Refresh) -> Result<Refreshed, ClientError> {
        self.post(&["devices", device, "refresh"], Some(serde_json::to_value(refresh).unwrap_or_default())).await
    }

    /// Devices that wait for what they are to have, or did not get it.
    pub async fn provisionings(&self, query: &ProvisioningQuery) -> Result<PageJson<ProvisioningJson>, ClientError> {
        self.get(&["provisioning"], query).await
    }

    /// How far the provisioning of a device is.
    pub async fn provisioning(&self, device: &str) -> Result<ProvisioningJson, ClientError> {
        self.get(&["devices", device, "provisioning"], &()).await
    }

    /// Says what is expected of a device.
    pub async fn set_provisioning(&self, device: &str, set: &SetProvisioning) -> Result<ProvisioningJson, ClientError> {
        let set = serde_json::to_value(set).unwrap_or_default();
        self.post(&["devices", device, "provisioning"], Some(set)).await
    }

    /// Has a status page of a device end.
    pub async fn end_provisioning(&self, device: &str, end: &EndProvisioning) -> Result<ProvisioningJson, ClientError> {
        let end = serde_json::to_value(end).unwrap_or_default();
        self.post(&["devices", device, "provisioning", "end"], Some(end)).await
    }

    /// How pushes go in general.
    pub async fn push_service(&self) -> Result<PushServiceJson, ClientError> {
        self.get(&["push"], &()).await
    }

    /// Sessions, newest first.
    pub async fn sessions(&self, query: &SessionQuery) -> Result<PageJson<SessionJson>, ClientError> {
        self.get(&["sessions"], query).await
    }

    /// One session with what was said.
    pub async fn session(&self, id: &str) -> Result<SessionDetail, ClientError> {
        self.get(&["sessions", id], &()).await
    }

    /// The messages of a session, oldest first.
    pub async fn messages(&self, session: &str, part: &Part) -> Result<PageJson<MessageJson>, ClientError> {
        self.get(&["sessions", session, "messages"], part).await
    }

    /// Makes enrollments of a list of entries. With the same key it is done once, however often it is sent.
    pub async fn import(&self, enrollments: &[Value], key: &str) -> Result<Imported, ClientError> {
        #[derive(Serialize)]
        struct Entries<'a> {
            enrollments: &'a [Value],
        }
        self.once(&["enrollments", "import"], &Entries { enrollments }, key).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &impl Serialize) -> Result<T, ClientError> {
        let url = self.url(path, &serde_json::to_value(query).unwrap_or_default())?;
        self.answered(self.http.request(Method::GET, url)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &[&str], body: Option<Value>) -> Result<T, ClientError> {
        let request = self.http.request(Method::POST, self.url(path, &Value::Null)?);
        self.answered(body.iter().fold(request, RequestBuilder::json)).await
    }

    /// Sends a file.
    async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
        bytes: Vec<u8>,
    ) -> Result<T, ClientError> {
        let url = self.url(path, &serde_json::to_value(query).unwrap_or_default())?;
        let request = self.http.request(Method::POST, url).header("Content-Type", "application/octet-stream");
        self.answered(request.body(bytes)).await
    }

    async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        self.answered(self.http.request(Method::DELETE, self.url(path, &Value::Null)?)).await
    }

    /// Sends a request until an answer comes: with its key it is done once.
    async fn once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        key: &str,
    ) -> Result<T, ClientError> {
        self.once_as_seen(path, body, None, key).await
    }

    /// The same, refused when what is changed is no longer what has this tag.
    async fn once_as_seen<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        seen: Option<&str>,
        key: &str,
    ) -> Result<T, ClientError> {
        let url = self.url(path, &Value::Null)?;
        let mut tries = 1;
        loop {
            let request = self.http.request(Method::POST, url.clone()).header("Idempotency-Key", key).json(body);
            let request = seen.iter().fold(request, |request, tag| request.header("If-Match", format!("\"{tag}\"")));
            match self.answered(request).await {
                Err(ClientError::Unreachable { source, .. }) if tries < TRIES && !source.is_connect() => tries += 1,
                answer => return answer,
            }
        }
    }

    async fn answered<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.sent(request).await?;
        let body = response.bytes().await.map_err(|source| self.unreachable(source))?;
        serde_json::from_slice(&body).map_err(|error| self.unreadable(error.to_string()))
    }

    /// Sends a request; an answer that is no success is an error.
    async fn sent(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let sent = request.bearer_auth(self.token.expose()).send().await;
        let response = sent.map_err(|source| self.unreachable(source))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|source| self.unreachable(source))?;
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(ClientError::Refused(Box::new(refusal))),
            Err(_) => Err(self.unreadable(format!("HTTP status {}", status.as_u16()))),
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: self.base.clone(), source: source.without_url() }
    }

    fn unreadable(&self, what: String) -> ClientError {
        ClientError::Unreadable { url: self.base.clone(), what }
    }

    /// The URL of a resource: its names below the base, each as one segment whatever it holds.
    fn url(&self, path: &[&str], query: &Value) -> Result<Url, ClientError> {
        if let Some(name) = path.iter().find(|name| ["", ".", ".."].contains(&name.trim())) {
            return Err(ClientError::Unnameable((*name).to_owned()));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if let Value::Object(parameters) = query {
            for (name, value) in parameters {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        Client::new(Url::parse(base).unwrap(), BearerToken::from("t".to_owned()), &[]).unwrap()
    }

    #[test]
    fn a_name_is_one_segment_whatever_it_holds() {
        let client = client("https://mdm.example.test/behind/");
        let url = |id| client.url(&["devices", id, "events"], &serde_json::json!({"limit": 7, "cursor": "a+b"}));
        assert_eq!(
            url("a/b?c#d%2e ü").unwrap().as_str(),
            "https://mdm.example.test/behind/api/v1/devices/a%2Fb%3Fc%23d%252e%20%C3%BC/events?cursor=a%2Bb&limit=7"
        );
        for name in ["", ".", "..", " "] {
            assert!(matches!(url(name), Err(ClientError::Unnameable(_))), "{name:?}");
        }
    }

    #[test]
    fn only_loopback_is_not_overheard() {
        assert!(client("http://10.0.0.1:8080").is_overheard());
        assert!(!client("http://[::1]:8080").is_overheard());
        assert!(!client("https://10.0.0.1:8080").is_overheard());
    }
}
