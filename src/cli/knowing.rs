//! Knowing devices: what sessions have to do with facts.

use std::sync::Arc;

use crate::{
    config,
    inventory::{Inventory, NAME, Options},
    management::Attendant,
    model::WatchedFacts,
};

/// Asks devices for facts, and keeps what they answer.
pub(super) fn attendant(settings: &config::Inventory, watched: WatchedFacts) -> Attendant {
    let inventory = Inventory::new(Options {
        each_session: i64::try_from(settings.each_session.as_millis()).unwrap_or(i64::MAX),
        history: usize::try_from(settings.history).unwrap_or(usize::MAX),
    })
    .telling(watched);
    let learns = inventory.clone();
    Attendant {
        name: NAME,
        before: Arc::new(move |tx, contact, now| inventory.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}
