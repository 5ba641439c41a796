//! Receivers of events: kept with their address and secret sealed, and claimed by one of several instances.

use diesel::prelude::*;
use serde::de::DeserializeOwned;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::schema::webhooks;
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    FeedFilter, NewWebhook, Secret, Webhook, WebhookClaim, WebhookId, WebhookProgress, WebhookState, WebhookTried,
};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false)]
struct Row {
    id: String,
    name: String,
    url: Vec<u8>,
    secret: Vec<u8>,
    kinds: String,
    devices: String,
    state: String,
    reason: Option<String>,
    changed_at: i64,
    created_at: i64,
    created_by: String,
    position: i64,
    delivered: i64,
    missed: i64,
    failures: i64,
    failing_since: Option<i64>,
    retry_at: Option<i64>,
    tried_at: Option<i64>,
    status: Option<i64>,
    problem: Option<String>,
}

impl Tx<'_> {
    /// Sets a receiver up. A name that is taken is a conflict.
    pub fn add_webhook(&mut self, new: &NewWebhook, now: Timestamp) -> Result<Webhook, Error> {
        let id = WebhookId::new(now);
        let row = Row {
            url: self.key.seal(url_of(id.as_str()), new.url.expose().as_bytes())?,
            secret: self.key.seal(secret_of(id.as_str()), new.secret.expose())?,
            id: id.to_string(),
            name: words::text(&new.name),
            kinds: list(&new.filter.kinds)?,
            devices: list(&new.filter.devices)?,
            state: WebhookState::Active.as_str().to_owned(),
            reason: None,
            changed_at: now.0,
            created_at: now.0,
            created_by: words::text(&new.created_by),
            position: new.position,
            delivered: 0,
            missed: 0,
            failures: 0,
            failing_since: None,
            retry_at: None,
            tried_at: None,
            status: None,
            problem: None,
        };
        let query = diesel::insert_into(webhooks::table).values(row).on_conflict_do_nothing();
        if on_backend!(self, |conn| query.execute(conn))? == 0 {
            return Err(Error::Conflict(format!("there is a webhook called {}", new.name)));
        }
        self.webhook(&id)?.ok_or(Error::NotFound("webhook"))
    }

    /// All receivers, by name.
    pub fn webhooks(&mut self) -> Result<Vec<Webhook>, Error> {
        let query = webhooks::table.order(webhooks::name.asc()).select(columns::<Row>());
        let rows: Vec<Row> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|row| self.read_webhook(row)).collect()
    }

    /// One receiver.
    pub fn webhook(&mut self, id: &WebhookId) -> Result<Option<Webhook>, Error> {
        let query = webhooks::table.filter(webhooks::id.eq(id.as_str())).select(columns::<Row>());
        let row: Option<Row> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(|row| self.read_webhook(row)).transpose()
    }

    /// Takes a receiver away.
    pub fn remove_webhook(&mut self, id: &WebhookId) -> Result<(), Error> {
        let query = diesel::delete(webhooks::table.filter(webhooks::id.eq(id.as_str())));
        match on_backend!(self, |conn| query.execute(conn))? {
            0 => Err(Error::NotFound("webhook")),
            _ => Ok(()),
        }
    }

    /// Sets whether a receiver gets events. Failures before are forgotten, and whoever delivers to it gives up.
    pub fn set_webhook_state(
        &mut self,
        id: &WebhookId,
        state: WebhookState,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let changes = (
            webhooks::state.eq(state.as_str()),
            webhooks::reason.eq(reason.map(words::text)),
            webhooks::changed_at.eq(now.0),
        );
        let query = update(webhooks::table, webhooks::id.eq(id.as_str()), (changes, afresh()));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Sends a receiver back, or forward, to a number, and lets it have events. What is gone is not missed.
    pub fn move_webhook(&mut self, id: &WebhookId, position: i64, now: Timestamp) -> Result<(), Error> {
        let position = position.max(self.feed_oldest()? - 1).min(self.feed_head()?).max(0);
        let changes = (
            webhooks::position.eq(position),
            webhooks::state.eq(WebhookState::Active.as_str()),
            webhooks::reason.eq(None::<String>),
            webhooks::changed_at.eq(now.0),
        );
        let query = update(webhooks::table, webhooks::id.eq(id.as_str()), (changes, afresh()));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Receivers that there is something for, as far as a number, and that nobody delivers to.
    pub fn due_webhooks(&mut self, head: i64, now: Timestamp) -> Result<Vec<WebhookId>, Error> {
        let query = webhooks::table
            .filter(webhooks::state.eq(WebhookState::Active.as_str()))
            .filter(webhooks::position.lt(head))
            .filter(webhooks::retry_at.is_null().or(webhooks::retry_at.assume_not_null().le(now.0)))
            .filter(webhooks::claimed_until.is_null().or(webhooks::claimed_until.assume_not_null().lt(now.0)))
            .select(webhooks::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        ids.into_iter().map(words::id).collect()
    }

    /// Claims a receiver, if nobody delivers to it.
    pub fn claim_webhook(
        &mut self,
        id: &WebhookId,
        claim: &WebhookClaim,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Webhook>, Error> {
        let free = webhooks::id
            .eq(id.as_str())
            .and(webhooks::state.eq(WebhookState::Active.as_str()))
            .and(webhooks::retry_at.is_null().or(webhooks::retry_at.assume_not_null().le(now.0)))
            .and(webhooks::claimed_until.is_null().or(webhooks::claimed_until.assume_not_null().lt(now.0)));
        let query = update(
            webhooks::table,
            free,
            (webhooks::claim.eq(Some(claim.as_str())), webhooks::claimed_until.eq(Some(until.0))),
        );
        if on_backend!(self, |conn| query.execute(conn))? == 0 {
            return Ok(None);
        }
        self.webhook(id)
    }

    /// Keeps what became of a try. Whether the claim still holds: otherwise somebody changed the receiver, or took it
    /// over, and nothing is kept.
    pub fn save_webhook(&mut self, id: &WebhookId, tried: &WebhookTried, now: Timestamp) -> Result<bool, Error> {
        let progress = &tried.progress;
        let claim = tried.until.map(|_| tried.claim.as_str());
        let dead = tried.dead.as_ref().map(|why| {
            (
                webhooks::state.eq(WebhookState::Dead.as_str()),
                webhooks::reason.eq(Some(words::text(why))),
                webhooks::changed_at.eq(now.0),
            )
        });
        let changes = (
            webhooks::position.eq(progress.position),
            webhooks::delivered.eq(progress.delivered),
            webhooks::missed.eq(progress.missed),
            webhooks::failures.eq(i64::from(progress.failures)),
            webhooks::failing_since.eq(words::millis(progress.failing_since)),
            webhooks::retry_at.eq(words::millis(progress.retry_at)),
            webhooks::tried_at.eq(words::millis(progress.tried_at)),
            webhooks::status.eq(progress.status.map(i64::from)),
            webhooks::problem.eq(words::optional_text(progress.problem.as_ref())),
            webhooks::claim.eq(claim),
            webhooks::claimed_until.eq(words::millis(tried.until)),
            dead,
        );
        let mine = webhooks::id.eq(id.as_str()).and(webhooks::claim.assume_not_null().eq(tried.claim.as_str()));
        let query = update(webhooks::table, mine, changes);
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    fn read_webhook(&self, row: Row) -> Result<Webhook, Error> {
        let url = self.key.open(url_of(&row.id), &row.url)?;
        let url = String::from_utf8(url.to_vec()).map_err(|_| Error::corrupt("webhooks.url"))?;
        let secret = self.key.open(secret_of(&row.id), &row.secret)?.to_vec();
        let status = row.status.map(u16::try_from).transpose().map_err(|_| Error::corrupt("webhooks.status"))?;
        Ok(Webhook {
            id: words::id(row.id)?,
            name: row.name,
            url: Secret::new(url),
            secret: Secret::new(secret),
            filter: FeedFilter {
                kinds: of_list(&row.kinds, "webhooks.kinds")?,
                devices: of_list(&row.devices, "webhooks.devices")?,
            },
            state: words::of_word(&row.state, "webhooks.state")?,
            reason: row.reason,
            changed_at: Timestamp(row.changed_at),
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            progress: WebhookProgress {
                position: row.position,
                delivered: row.delivered,
                missed: row.missed,
                failures: words::count(row.failures, "webhooks.failures")?,
                failing_since: row.failing_since.map(Timestamp),
                retry_at: row.retry_at.map(Timestamp),
                tried_at: row.tried_at.map(Timestamp),
                status,
                problem: row.problem,
            },
        })
    }
}

/// Without failures, and without anybody who delivers.
type Afresh = (
    diesel::dsl::Eq<webhooks::failures, i64>,
    diesel::dsl::Eq<webhooks::failing_since, Option<i64>>,
    diesel::dsl::Eq<webhooks::retry_at, Option<i64>>,
    diesel::dsl::Eq<webhooks::problem, Option<String>>,
    diesel::dsl::Eq<webhooks::claim, Option<String>>,
    diesel::dsl::Eq<webhooks::claimed_until, Option<i64>>,
);

fn afresh() -> Afresh {
    (
        webhooks::failures.eq(0),
        webhooks::failing_since.eq(None),
        webhooks::retry_at.eq(None),
        webhooks::problem.eq(None),
        webhooks::claim.eq(None),
        webhooks::claimed_until.eq(None),
    )
}

fn list<T: serde::Serialize>(values: &[T]) -> Result<String, Error> {
    serde_json::to_string(values).map_err(|_| Error::corrupt("list"))
}

fn of_list<T: DeserializeOwned>(text: &str, column: &'static str) -> Result<Vec<T>, Error> {
    serde_json::from_str(text).map_err(|_| Error::corrupt(column))
}

const fn url_of(webhook: &str) -> Place<'_> {
    Place { column: "webhooks.url", row: webhook }
}

const fn secret_of(webhook: &str) -> Place<'_> {
    Place { column: "webhooks.secret", row: webhook }
}
