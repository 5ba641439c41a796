//! What a device tells its server of its own accord: typed alerts (MS-MDM 2.2.7.2, OMA DM Protocol 8.7).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use transom_protocol::syncml::{Address, Alert, AlertCode, Data, Format, Item, Meta};

/// An alert 1224 or 1226 that waits for the next session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// 1224 or 1226.
    pub code: AlertCode,
    /// `Type`.
    pub kind: String,
    /// The node that it is about.
    pub source: Option<String>,
    /// `Format` of the data.
    pub format: Option<Format>,
    /// Severity: `critical`, `informational`, …
    pub mark: Option<String>,
    /// The value.
    pub data: String,
}

impl Notice {
    /// Who is signed in; the first notice of every session.
    pub fn login_status(word: &str) -> Self {
        Self::event("com.microsoft/MDM/LoginStatus", word)
    }

    /// The token of the user whose session it is. Nobody has signed it.
    pub fn user_token(upn: &str) -> Self {
        let part = |json: serde_json::Value| BASE64URL.encode(json.to_string());
        let header = part(serde_json::json!({ "typ": "JWT", "alg": "none" }));
        let token = format!("{header}.{}.", part(serde_json::json!({ "upn": upn })));
        Self::event("com.microsoft/MDM/AADUserToken", &token)
    }

    /// The device left management because its user wanted so, or because the server did.
    pub fn unenrolled() -> Self {
        Self {
            code: AlertCode::GENERIC,
            format: Some(Format::Int),
            mark: Some("critical".to_owned()),
            ..Self::event("com.microsoft:mdm.unenrollment.userrequest", "1")
        }
    }

    /// An MSI job ended; `0` is success, anything else an HRESULT.
    pub fn msi_installed(download_install: impl Into<String>, result: i32) -> Self {
        Self {
            source: Some(download_install.into()),
            format: Some(Format::Int),
            mark: Some("informational".to_owned()),
            ..Self::event("Reversed-Domain-Name:com.microsoft.mdm.win32csp_install", &result.to_string())
        }
    }

    /// The device needs longer for its answer than the connection lives.
    pub fn request_pending() -> Self {
        Self::event("Reversed-Domain-Name:com.microsoft.mdm.requestpending", "1")
    }

    /// Any other client event.
    pub fn event(kind: &str, data: &str) -> Self {
        Self {
            code: AlertCode::CLIENT_EVENT,
            kind: kind.to_owned(),
            source: None,
            format: None,
            mark: None,
            data: data.to_owned(),
        }
    }

    /// As it travels.
    pub fn alert(&self) -> Alert {
        let meta = Meta {
            mime: Some(self.kind.clone()),
            format: self.format.clone(),
            mark: self.mark.clone(),
            ..Meta::default()
        };
        let item = Item {
            source: self.source.clone().map(Address::uri),
            meta: Some(meta),
            data: Some(Data::from(self.data.as_str())),
            ..Item::default()
        };
        Alert { cmd_id: String::new(), no_resp: false, code: Some(self.code), correlator: None, items: vec![item] }
    }
}
