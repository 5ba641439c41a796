//! Tokens of Entra ID, which a device brings along when it joins (MS-MDE2 3.5).
//!
//! RS256 and nothing else, by keys from the configured place, for configured tenants and audiences. Tokens of version 1
//! and 2 differ in who signs and what they are made out to; both are compared exactly.

use std::sync::Arc;

use futures_util::FutureExt as _;
use transom_protocol::session::Timestamp;

use super::{
    Denied, FetchError, SetupError,
    fetched::{Fetch, Fetched},
    hearing::Hearing,
    outbound,
    setup::{self, SetupError::Setting},
    terms::TermsOfUse,
};
use crate::{
    config::{self, DataFolder},
    model::Heard,
    pki::{
        Sealer,
        token::{self, Claims, KeySet, Rules, Signing, TokenRefused},
    },
};

/// How far the issuer's clock and ours may be apart, in milliseconds.
const SKEW: i64 = 5 * 60_000;

/// The scope of tokens that are for managing devices.
const SCOPE: &str = "mdm_delegation";

/// Longest name of a user that is taken, in characters.
const LONGEST: usize = 256;

/// Entra ID, as it is configured.
pub(super) struct Entra {
    rules: Rules,
    tenants: Vec<String>,
    issuers: Vec<String>,
    keys: Fetched<KeySet>,
    hearing: Hearing,
    pub(super) terms: Option<TermsOfUse>,
    pub(super) sealer: Arc<Sealer>,
}

/// Somebody whom Entra ID vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntraUser {
    /// Their tenant.
    pub tenant: String,
    /// Who it is, as Entra ID keeps people apart.
    pub object_id: String,
    /// Who it is, as people call them (UPN).
    pub name: String,
    /// The device that the token was made for, if it says so: Entra ID's own id of it, which is none of those that the
    /// device has for us.
    pub device: Option<EntraDevice>,
    /// What the token says of them besides.
    pub said: Heard,
    /// When the token was made, as far as it says so.
    pub issued_at: Timestamp,
}

/// A device that Entra ID vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntraDevice {
    /// Its tenant.
    pub tenant: String,
    /// Its id there, in small letters and digits alone.
    pub device: String,
}

impl Entra {
    pub(super) fn new(settings: &config::Entra, folder: &DataFolder, sealer: Arc<Sealer>) -> Result<Self, SetupError> {
        let tenants: Vec<String> = settings.tenants.iter().map(|tenant| tenant.to_ascii_lowercase()).collect();
        // A placeholder for "any" would let everybody in.
        if tenants.iter().any(|tenant| ["common", "organizations", "consumers", "*"].contains(&tenant.as_str())) {
            return Err(Setting { key: "entra.tenants", message: "must be ids of tenants" });
        }
        if settings.issuers.iter().any(|issuer| !issuer.contains("{tenant}")) {
            return Err(Setting { key: "entra.issuers", message: "must contain {tenant}" });
        }
        let of = |tenant: &String| settings.issuers.iter().map(|issuer| issuer.replace("{tenant}", tenant)).collect();
        let rules = Rules {
            signing: vec![Signing::Rs256],
            issuers: tenants.iter().flat_map(|tenant| -> Vec<String> { of(tenant) }).collect(),
            audiences: settings.audiences.clone(),
            skew: SKEW,
        };
        let terms = setup::file(folder, &settings.terms).map(|path| TermsOfUse::read(&path)).transpose()?;
        let keys = Fetched::new(source(settings, folder)?);
        let hearing = Hearing::new(&settings.groups_claim, settings.attribute_claims());
        Ok(Self { rules, tenants, issuers: settings.issuers.clone(), keys, hearing, terms, sealer })
    }

    /// Who stands in a token.
    pub(super) async fn verify(&self, token: &str, now: Timestamp) -> Result<EntraUser, Denied> {
        self.user(&self.believed(token, now).await?, now)
    }

    /// Which device stands in a token.
    pub(super) async fn verify_device(&self, token: &str, now: Timestamp) -> Result<EntraDevice, Denied> {
        let claims = self.believed(token, now).await?;
        let tenant = self.tenant(&claims)?;
        device_in(&claims, tenant).ok_or_else(|| TokenRefused::Claim("deviceid").into())
    }

    /// What a token says, by the published keys.
    async fn believed(&self, token: &str, now: Timestamp) -> Result<Claims, Denied> {
        // Looked at before any key is fetched, so that rubbish causes no request.
        let id = token::key_id(token, &self.rules)?.ok_or(TokenRefused::UnknownKey)?;
        let keys = self.keys.get(|keys| keys.knows(Some(&id)), now).await?;
        Ok(token::verify(token, &keys, &self.rules, now)?)
    }

    /// The tenant that vouches for it: one of ours, by an issuer of its own.
    fn tenant(&self, claims: &Claims) -> Result<String, Denied> {
        let claim = |name: &'static str| claims.text(name).ok_or(TokenRefused::Claim(name));
        let tenant = claim("tid")?.to_ascii_lowercase();
        if !self.tenants.contains(&tenant) {
            return Err(Denied::Tenant);
        }
        // An issuer of one of our tenants does not speak for another.
        let issuer = claim("iss")?;
        if !self.issuers.iter().any(|pattern| pattern.replace("{tenant}", &tenant) == issuer) {
            return Err(TokenRefused::Issuer.into());
        }
        Ok(tenant)
    }

    fn user(&self, claims: &Claims, now: Timestamp) -> Result<EntraUser, Denied> {
        let claim = |name: &'static str| claims.text(name).ok_or(TokenRefused::Claim(name));
        let tenant = self.tenant(claims)?;
        if claims.value("scp").is_some()
            && !claims.text("scp").is_some_and(|scopes| scopes.split(' ').any(|scope| scope == SCOPE))
        {
            return Err(TokenRefused::Claim("scp").into());
        }
        let name = claim("upn")?.trim();
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            return Err(TokenRefused::Claim("upn").into());
        }
        Ok(EntraUser {
            object_id: claim("oid")?.to_owned(),
            name: name.to_owned(),
            device: device_in(claims, tenant.clone()),
            said: self.hearing.heard(&|name| claims.value(name)),
            issued_at: issued_at(claims, now),
            tenant,
        })
    }

    pub(super) fn admit(&self, user: &EntraUser, accepted: Option<&str>, now: Timestamp) -> Result<(), Denied> {
        if self.terms.is_some() && !accepted.is_some_and(|accepted| self.was_accepted(accepted, user, now)) {
            return Err(Denied::Terms);
        }
        Ok(())
    }
}

/// When a token was made: never later than now, whatever its clock says.
fn issued_at(claims: &Claims, now: Timestamp) -> Timestamp {
    let seconds = claims.value("iat").and_then(serde_json::Value::as_i64);
    let at = seconds.and_then(|seconds| seconds.checked_mul(1000)).map_or(now, Timestamp);
    at.min(now)
}

/// The device that a token names.
fn device_in(claims: &Claims, tenant: String) -> Option<EntraDevice> {
    let device = claims.text("deviceid")?;
    let fits = device.chars().count() <= LONGEST && !device.chars().any(char::is_control);
    let device = plain_id(device);
    (fits && !device.is_empty()).then_some(EntraDevice { tenant, device })
}

/// An id without what only decorates it: a GUID is written with hyphens and braces, or as 32 digits.
fn plain_id(id: &str) -> String {
    id.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// Where the keys come from.
fn source(settings: &config::Entra, folder: &DataFolder) -> Result<Fetch<KeySet>, SetupError> {
    let parse = |json: &[u8]| KeySet::parse(json).map_err(|_| FetchError::Unreadable("a set of keys (JWKS)"));
    if settings.keys.contains("://") {
        let wrong = Setting { key: "entra.keys", message: "must be an https URL or a file" };
        let url = outbound::address(&settings.keys).ok_or(wrong)?;
        let client = outbound::client(setup::file(folder, &settings.ca).as_deref())?;
        return Ok(Box::new(move || {
            let (client, url) = (client.clone(), url.clone());
            async move { parse(&outbound::get(&client, &url, None).await?) }.boxed()
        }));
    }
    let path = folder.resolve(settings.keys.as_ref());
    // At once, so that a wrong file is noticed at the start and not by the first device.
    parse(&outbound::read(&path)?)
        .map_err(|_| SetupError::Content { path: path.clone(), expected: "a set of keys (JWKS)" })?;
    Ok(Box::new(move || {
        let path = path.clone();
        async move {
            let file = path.clone();
            let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
            let read = read.map_err(|_| FetchError::Interrupted)?;
            parse(&read.map_err(|source| FetchError::File { path, source: Arc::new(source) })?)
        }
        .boxed()
    }))
}

#[cfg(test)]
mod tests;
