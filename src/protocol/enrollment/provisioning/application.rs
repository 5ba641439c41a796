//! The account of OMA-DM (CSP `w7` `APPLICATION`; MS-MDE2 2.2.9.5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::{EnrollmentType, HttpsUrl};
use super::ProviderId;
use super::wap::Wap;
use crate::soap::SecretText;

/// Where a device is managed, and how both sides prove themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// `PROVIDER-ID`, also the name of the node below `DMClient/Provider`.
    pub provider_id: ProviderId,
    /// `NAME`, shown in Settings.
    pub name: Option<String>,
    /// `ADDR`: the client appends `?mode=…&Platform=WoA`.
    pub address: HttpsUrl,
    /// When a connection fails.
    pub retry: ConnectionRetry,
    /// `DEFAULTENCODING`.
    pub encoding: DefaultEncoding,
    /// Subject of the certificate for TLS, such as `CN=B5B9…`, unescaped. Without it the client may present none.
    pub certificate_subject: Option<String>,
    /// What the server proves to the client.
    pub server_auth: ServerAuth,
    /// What the client proves to the server.
    pub client_auth: ClientAuth,
}

/// `CONNRETRYFREQ`, `INITIALBACKOFFTIME`, `MAXBACKOFFTIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionRetry {
    /// How often it is tried again.
    pub count: u16,
    /// Milliseconds before the first time.
    pub initial_millis: u32,
    /// Milliseconds that are never exceeded.
    pub max_millis: u32,
}

/// How the client writes its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DefaultEncoding {
    /// `application/vnd.syncml.dm+xml`.
    #[default]
    Xml,
    /// `application/vnd.syncml.dm+wbxml`.
    Wbxml,
}

/// `AAUTHLEVEL=CLIENT`: what the server proves to the client, always by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAuth {
    /// `AAUTHNAME`.
    pub name: Option<String>,
    /// `AAUTHSECRET`.
    pub secret: SecretText,
    /// `AAUTHDATA`. Windows 11 refuses the document without it, whatever the specification says.
    pub nonce: [u8; 16],
}

/// `AAUTHLEVEL=APPSRV`: what the client proves to the server, always by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// `AAUTHNAME`.
    pub name: String,
    /// `AAUTHSECRET`.
    pub secret: SecretText,
    /// `AAUTHDATA`.
    pub nonce: [u8; 16],
}

/// What a search for certificates escapes. Microsoft leaves the comma between the parts of a name as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b',');

impl Default for ConnectionRetry {
    /// Six times, half a minute to two minutes apart.
    fn default() -> Self {
        Self { count: 6, initial_millis: 30_000, max_millis: 120_000 }
    }
}

impl Application {
    pub(super) fn write(&self, enrollment_type: EnrollmentType, wap: &mut Wap) {
        wap.characteristic("APPLICATION", |wap| {
            wap.parm("APPID", "w7");
            wap.parm("PROVIDER-ID", self.provider_id.as_str());
            if let Some(name) = &self.name {
                wap.parm("NAME", name);
            }
            wap.parm("ADDR", self.address.as_str());
            wap.parm("CONNRETRYFREQ", &self.retry.count.to_string());
            wap.parm("INITIALBACKOFFTIME", &self.retry.initial_millis.to_string());
            wap.parm("MAXBACKOFFTIME", &self.retry.max_millis.to_string());
            wap.flag("BACKCOMPATRETRYDISABLED");
            wap.parm("DEFAULTENCODING", self.encoding.content_type());
            if let Some(subject) = &self.certificate_subject {
                wap.parm("SSLCLIENTCERTSEARCHCRITERIA", &search(subject, enrollment_type));
            }
            self.server_auth.write(wap);
            self.client_auth.write(wap);
        });
    }
}

/// `SSLCLIENTCERTSEARCHCRITERIA`: names and values like those of a query.
fn search(subject: &str, enrollment_type: EnrollmentType) -> String {
    format!("Subject={}&Stores=My%5C{}", utf8_percent_encode(subject, ESCAPED), enrollment_type.store())
}

impl DefaultEncoding {
    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "application/vnd.syncml.dm+xml",
            Self::Wbxml => "application/vnd.syncml.dm+wbxml",
        }
    }
}

impl ServerAuth {
    fn write(&self, wap: &mut Wap) {
        wap.characteristic("APPAUTH", |wap| {
            wap.parm("AAUTHLEVEL", "CLIENT");
            wap.parm("AAUTHTYPE", "DIGEST");
            if let Some(name) = &self.name {
                wap.parm("AAUTHNAME", name);
            }
            wap.parm("AAUTHSECRET", self.secret.expose());
            wap.parm("AAUTHDATA", &STANDARD.encode(self.nonce));
        });
    }
}

impl ClientAuth {
    fn write(&self, wap: &mut Wap) {
        wap.characteristic("APPAUTH", |wap| {
            wap.parm("AAUTHLEVEL", "APPSRV");
            wap.parm("AAUTHTYPE", "DIGEST");
            wap.parm("AAUTHNAME", &self.name);
            wap.parm("AAUTHSECRET", self.secret.expose());
            wap.parm("AAUTHDATA", &STANDARD.encode(self.nonce));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_for_the_certificate_is_escaped_as_microsoft_does() {
        assert_eq!(
            search("CN=Tester,O=Microsoft", EnrollmentType::Full),
            "Subject=CN%3DTester,O%3DMicrosoft&Stores=My%5CUser"
        );
        assert_eq!(search("CN=a b&c", EnrollmentType::Device), "Subject=CN%3Da%20b%26c&Stores=My%5CSystem");
    }
}
