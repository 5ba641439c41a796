//! The token: one for all instances, asked for by one of them at a time.

use std::time::Duration;

use transom_protocol::push::back_off;
use transom_protocol::session::Timestamp;

use super::Push;
use crate::model::{PushToken, Secret, TokenTurn};
use crate::store::{Error, Tx};

/// For how long an instance may take to ask for a token before it is another's turn, beyond the deadline of the call.
const LEASE: i64 = 5_000;

/// How often an instance looks whether another one has got the token.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Why there is no token now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoToken {
    /// When somebody asks again.
    pub(super) until: Timestamp,
    /// In the words of who refused it.
    pub(super) problem: String,
}

impl Push {
    /// A token; `refused` is the number of one that WNS did not take.
    pub(super) async fn token(&self, refused: Option<i64>) -> Result<Result<PushToken, NoToken>, Error> {
        let patience = millis(self.0.options.timeout).saturating_add(LEASE);
        let began = self.now();
        loop {
            let (credentials, now) = (self.0.credentials.clone(), self.now());
            if refused.is_none() {
                let known = credentials.clone();
                let token = self.0.store.read(move |tx: &mut Tx<'_>| tx.push_token(&known, now)).await?;
                if let Some(token) = token {
                    return Ok(Ok(token));
                }
            }
            let turn = move |tx: &mut Tx<'_>| tx.take_token_turn(&credentials, refused, patience, now);
            match self.0.store.write(turn).await? {
                TokenTurn::Ready(token) => return Ok(Ok(token)),
                TokenTurn::NotNow { until, problem } => return Ok(Err(NoToken { until, problem })),
                TokenTurn::Ask => return self.ask(refused.is_some()).await,
                TokenTurn::Wait if now.millis_since(began) > patience => {
                    let problem = "another instance is asking for a token".to_owned();
                    return Ok(Err(NoToken { until: now.plus_millis(LEASE), problem }));
                }
                TokenTurn::Wait => tokio::time::sleep(LOOKS_EVERY).await,
            }
        }
    }

    /// It is our turn.
    async fn ask(&self, after_refusal: bool) -> Result<Result<PushToken, NoToken>, Error> {
        let answer = self.0.wire.token(&self.0.options.token.body()).await;
        let (credentials, now) = (self.0.credentials.clone(), self.now());
        match answer {
            Ok(answer) => {
                let ends = now.plus_millis(i64::try_from(answer.usable_seconds()).unwrap_or(3600).saturating_mul(1000));
                let token = Secret::new(answer.access_token.as_str().to_owned());
                self.0.metrics.push_token("given");
                let keep = move |tx: &mut Tx<'_>| tx.save_push_token(&credentials, &token, ends, after_refusal, now);
                self.0.store.write(keep).await.map(Ok)
            }
            Err(error) => {
                let problem = error.to_string();
                tracing::error!(%problem, "no token for WNS: no device is woken until there is one");
                self.0.metrics.push_token("refused");
                let jitter = self.jitter();
                let keep = move |tx: &mut Tx<'_>| {
                    let failures = tx.token_failures()?.saturating_add(1);
                    let wait = i64::try_from(back_off(failures, None, jitter)).unwrap_or(i64::MAX);
                    let until = now.plus_millis(wait);
                    tx.save_token_problem(&credentials, &problem, until, now)?;
                    Ok::<_, Error>(NoToken { until, problem })
                };
                self.0.store.write(keep).await.map(Err)
            }
        }
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
