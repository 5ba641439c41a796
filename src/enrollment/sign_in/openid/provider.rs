//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.

use reqwest::{Client, Url};
use serde::Deserialize;

use super::super::outbound::{self, FetchError};
use crate::pki::token::KeySet;

/// A provider, as it describes itself.
pub(super) struct Provider {
    /// Where people sign in.
    pub(super) authorization: Url,
    /// Where codes become tokens.
    pub(super) token: Url,
    /// Where more is known of who signed in.
    pub(super) user_info: Option<Url>,
    /// Whether a client may prove itself by HTTP Basic; else in the form.
    pub(super) takes_basic: bool,
    /// What it signs with.
    pub(super) keys: KeySet,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

const DESCRIPTION: &str = "the description of an OpenID Connect provider with this issuer";

impl Provider {
    /// Asks the provider itself.
    pub(super) async fn discover(client: &Client, issuer: &str) -> Result<Self, FetchError> {
        let unreadable = || FetchError::Unreadable(DESCRIPTION);
        let address = |text: &str| outbound::address(text).ok_or_else(unreadable);
        let place = address(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let document: Document = outbound::get_json(client, &place, None, DESCRIPTION).await?;
        // Compared as it stands (Discovery 1.0, 4.3): tokens will be, too.
        if document.issuer != issuer {
            return Err(unreadable());
        }
        let keys = outbound::get(client, &address(&document.jwks_uri)?, None).await?;
        let basic = document.token_endpoint_auth_methods_supported;
        Ok(Self {
            authorization: address(&document.authorization_endpoint)?,
            token: address(&document.token_endpoint)?,
            user_info: document.userinfo_endpoint.as_deref().map(address).transpose()?,
            takes_basic: basic.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            keys: KeySet::parse(&keys).map_err(|_| FetchError::Unreadable("a set of keys (JWKS)"))?,
        })
    }
}
