//! Where a device keeps what it knows of this server (CSP `DMClient`).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use transom_protocol::csp::LocUri;

/// The node `DMClient/Provider/<PROVIDER-ID>/…`; `None` where no device can know its server by this name.
pub(crate) fn provider_node(provider_id: &str, below: &str) -> Option<LocUri> {
    node("./Device", provider_id, below)
}

/// The same node of whoever is signed in.
pub(crate) fn user_provider_node(provider_id: &str, below: &str) -> Option<LocUri> {
    node("./User", provider_id, below)
}

/// The node `NodeCache/<PROVIDER-ID>`, where a device keeps what it watches for this server.
pub(crate) fn watched_node(provider_id: &str) -> Option<LocUri> {
    let segment = utf8_percent_encode(provider_id, NON_ALPHANUMERIC);
    format!("./Device/Vendor/MSFT/NodeCache/{segment}").parse().ok()
}

fn node(root: &str, provider_id: &str, below: &str) -> Option<LocUri> {
    let segment = utf8_percent_encode(provider_id, NON_ALPHANUMERIC);
    format!("{root}/Vendor/MSFT/DMClient/Provider/{segment}/{below}").parse().ok()
}
