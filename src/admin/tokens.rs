//! Tokens for the admin API: made once, shown once, kept as a hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{Admin, Error, Granter, PageJson, Part, Repetition, SecretText, rights};
use crate::model::{
    Actor, ApiToken, AuditRecord, Maker, NewApiToken, Right, Rights, Role, Secret, Timestamp, TokenId, from_rfc3339,
    from_rfc3339_option, is_name_of_server, rfc3339, rfc3339_option, rfc3339_text,
};
use crate::store::{self, Store, Tx};

/// What every token begins with, so that one that was lost somewhere is recognised.
pub const TOKEN_PREFIX: &str = "transom_";

/// A token's use is noted at most this often, in milliseconds.
const USE_NOTED_EVERY: i64 = 60_000;

/// A token that was just made.
#[derive(Debug)]
pub struct NewToken {
    /// What is kept of it.
    pub record: ApiToken,
    /// The token itself; it can't be had again.
    pub token: Secret<String>,
}

/// A token, as the API gives it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenJson {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What its bearer is here for.
    pub role: Role,
    /// What it is limited to, of what the role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<Right>>,
    /// By whom it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Worth nothing from then on.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenJson {
    /// What it is for.
    pub name: String,
    /// What its bearer is here for.
    pub role: Role,
    /// What it is limited to, of what the role may; everything that the role may where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<Right>>,
    /// Worth nothing from then on; 90 days from now where it is left out, and not after the token that makes it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeToken {
    /// What is known of it.
    #[serde(flatten)]
    pub record: TokenJson,
    /// The token: it can't be had again.
    #[schema(value_type = String)]
    pub token: SecretText,
}

/// How long a token is good when nothing is said, in milliseconds.
const GOOD_FOR: i64 = 90 * 24 * 3600 * 1000;

/// Longest name of a token, in characters.
const MAX_NAME: usize = 128;

impl Admin {
    /// Makes a token in a store.
    pub async fn make_token(store: &Store, new: NewApiToken, by: &Actor, now: Timestamp) -> Result<NewToken, Error> {
        let (token, hash) = drawn();
        let by = by.clone();
        let record = store.write(move |tx: &mut Tx<'_>| made(tx, &new, &hash, &by, now)).await?;
        Ok(NewToken { record, token: Secret::new(token) })
    }

    /// What is known of a token that opens the door now; `None` when it opens nothing.
    pub async fn token_holder(&self, token: &str, now: Timestamp) -> Result<Option<ApiToken>, Error> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = hash_of(token);
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.live_token(&hash, now)).await?;
        if let Some(token) = found.clone()
            && token.last_used_at.is_none_or(|last| now.millis_since(last) >= USE_NOTED_EVERY)
        {
            // That it was used is good to know; a request does not fail for it.
            let noted = self.store.write(move |tx: &mut Tx<'_>| tx.touch_token(&token, now)).await;
            if let Err(error @ store::Error::Unavailable(_)) = noted {
                tracing::warn!(%error, "the use of a token could not be noted");
            }
        }
        Ok(found)
    }
}

/// A new token and its hash.
fn drawn() -> (String, [u8; 32]) {
    let mut random = [0_u8; 32];
    rand::fill(&mut random);
    let token = format!("{TOKEN_PREFIX}{}", BASE64.encode(random));
    let hash = hash_of(&token);
    (token, hash)
}

fn made(tx: &mut Tx<'_>, new: &NewApiToken, hash: &[u8; 32], by: &Actor, now: Timestamp) -> Result<ApiToken, Error> {
    let record = tx.create_token(new, hash, now)?;
    let told = serde_json::json!({
        "name": record.name, "role": record.role, "scope": record.scope,
        "expires_at": record.expires_at.map(rfc3339_text),
    });
    tx.audit(by, AuditRecord::new("token.create", "token", record.id.as_str()).after(told), now);
    Ok(record)
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Admin {
    /// Tokens, newest first.
    pub async fn tokens(&self, part: Part) -> Result<PageJson<TokenJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.tokens_page(cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, TokenJson::from))
    }

    /// Makes a token. Nobody makes one that may more than they do, or with a token one that outlives it.
    pub async fn create_token(
        &self,
        new: NewTokenJson,
        by: &Granter,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<MadeToken, Error> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::invalid(
                "/name",
                format!("write 1 to {MAX_NAME} characters, none of them a control character"),
            ));
        }
        if is_name_of_server(name) {
            return Err(Error::invalid("/name", "names that begin with 'transom:' are the server's own"));
        }
        let scope: Option<Rights> = new.scope.map(|scope| scope.into_iter().collect());
        if !rights::within(new.role, scope.as_ref()).is_subset(&by.rights) {
            return Err(Error::invalid("/scope", "this token would have rights that you do not have"));
        }
        let asked = new.expires_at;
        if asked.is_some_and(|end| end <= now) {
            return Err(Error::invalid("/expires_at", "this time has passed"));
        }
        let created_by = match by.maker {
            Maker::Operator(_) => by.actor.name.clone(),
            Maker::Token(_) => format!("token:{}", by.actor.name),
        };
        let new = NewApiToken {
            name: name.to_owned(),
            role: new.role,
            scope,
            created_by: Some(created_by),
            maker: Some(by.maker.clone()),
            expires_at: None,
        };
        let ((token, hash), by) = (drawn(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            let latest = by.is_still_in(tx, now)?;
            if let (Some(asked), Some(latest)) = (asked, latest)
                && asked > latest
            {
                let what = format!("the token that makes it ends before, at {}", rfc3339_text(latest));
                return Err(Error::invalid("/expires_at", what));
            }
            let end = asked.unwrap_or_else(|| now.plus_millis(GOOD_FOR).min(latest.unwrap_or(Timestamp(i64::MAX))));
            let new = NewApiToken { expires_at: Some(end), ..new };
            let record = made(tx, &new, &hash, &by.actor, now)?;
            Ok(MadeToken { record: record.into(), token: SecretText::new(Secret::new(token)) })
        };
        self.once(repetition, now, job).await
    }

    /// Takes a token back, and with it what was made with it.
    pub async fn revoke_token(&self, id: &str, by: &Actor, now: Timestamp) -> Result<TokenJson, Error> {
        let (id, by) = (TokenId::parse(id).ok_or(Error::NotFound("token"))?, by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            let token = tx.token(&id)?.ok_or(Error::NotFound("token"))?;
            let with_it = tx.take_back(&Maker::Token(id.clone()), now)?;
            let record = AuditRecord::new("token.revoke", "token", id.as_str());
            let record =
                if with_it > 0 { record.after(serde_json::json!({"tokens_revoked": with_it})) } else { record };
            if token.revoked_at.is_some() {
                // It was taken back before what it made went with it.
                if with_it > 0 {
                    tx.audit(&by, record, now);
                }
                return Ok(token);
            }
            tx.revoke_token(&id, now)?;
            tx.audit(&by, record, now);
            Ok::<_, Error>(ApiToken { revoked_at: Some(now), ..token })
        };
        self.store.write(job).await.map(TokenJson::from)
    }
}

impl From<ApiToken> for TokenJson {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            role: token.role,
            scope: token.scope.map(|scope| scope.into_iter().collect()),
            created_by: token.created_by,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}
