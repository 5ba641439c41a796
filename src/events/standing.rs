//! How receivers stand, for counters: in which states they are, and how far behind they are.

use super::Events;
use crate::model::WebhookState;
use crate::store::{Error, Tx};

/// States that are counted, those without receivers too.
const STATES: [WebhookState; 3] = [WebhookState::Active, WebhookState::Paused, WebhookState::Dead];

impl Events {
    /// Counts receivers, and looks for the oldest event that waits for one of them.
    pub async fn watch(&self) -> Result<(), Error> {
        let (hooks, oldest) = self
            .0
            .store
            .read(|tx: &mut Tx<'_>| {
                let hooks = tx.webhooks()?;
                let furthest_back =
                    hooks.iter().filter(|hook| hook.state == WebhookState::Active).map(|hook| hook.progress.position);
                let oldest = furthest_back.min().map(|position| tx.feed_after(position)).transpose()?.flatten();
                Ok::<_, Error>((hooks, oldest))
            })
            .await?;
        for state in STATES {
            let count = hooks.iter().filter(|hook| hook.state == state).count();
            self.0.metrics.webhooks(state.as_str(), i64::try_from(count).unwrap_or(i64::MAX));
        }
        let millis = oldest.map_or(0, |at| self.now().millis_since(at).max(0));
        self.0.metrics.webhook_lag(millis / 1000);
        Ok(())
    }
}
