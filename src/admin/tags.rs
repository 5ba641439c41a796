//! Tags: what operators call devices, to find them and to select them in policies (`'pilot' in device.tags`). They stay
//! through all lives of a device.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error};
use crate::model::{Actor, AuditRecord, FactName, FactValue, Timestamp};
use crate::store::Tx;

/// Most tags of one device.
const MOST: usize = 50;

/// Longest tag.
const LONGEST: usize = 64;

/// Changes that are kept of the tags of one device.
const HISTORY: usize = 20;

/// Tags of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TagsJson {
    /// The device.
    pub device_id: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
}

/// Tags to be set and taken away.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTags {
    /// To be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// To be taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl Admin {
    /// The tags of a device.
    pub async fn tags(&self, id: &str) -> Result<TagsJson, Error> {
        let device = named_device(id)?;
        let job = move |tx: &mut Tx<'_>| {
            let known = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let facts = tx.facts_named(&known.key, &[FactName::TAGS])?;
            Ok::<_, Error>(TagsJson { device_id: known.device_id.to_string(), tags: tags_of(&facts) })
        };
        self.store.read(job).await
    }

    /// Sets tags of a device, and takes others away.
    pub async fn change_tags(
        &self,
        id: &str,
        change: ChangeTags,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TagsJson, Error> {
        let device = named_device(id)?;
        for (at, tags) in [("/add", &change.add), ("/remove", &change.remove)] {
            if let Some(place) = tags.iter().position(|tag| !is_tag(tag)) {
                let what = "a tag has 1 to 64 letters, digits, '.', '_', '-', ':' and '/'";
                return Err(Error::invalid(format!("{at}/{place}"), what));
            }
        }
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let known = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let shown = known.device_id.to_string();
            let life = known.enrollment.ok_or(Error::NotFound("enrollment"))?;
            // Where it enrolls anew, the life that it still is in counts as well.
            let lives = tx.live_enrollments(&known.device_id)?;
            let before = tags_of(&tx.facts_named(&known.key, &[FactName::TAGS])?);
            let mut tags: BTreeSet<String> = before.iter().cloned().collect();
            tags.extend(change.add.iter().cloned());
            tags.retain(|tag| !change.remove.contains(tag));
            if tags.len() > MOST {
                return Err(Error::Conflict(format!("a device has at most {MOST} tags")));
            }
            let after: Vec<String> = tags.into_iter().collect();
            if after != before {
                let observed = [(FactName::TAGS, FactValue::List(after.clone()))];
                tx.save_facts(&known.key, &life.id, &observed, HISTORY, now)?;
                for life in lives {
                    tx.look_at_policies(&life.enrollment, now)?;
                }
                let record = AuditRecord::new("device.tag", "device", shown.clone());
                tx.audit(&by, record.before(json!({"tags": before})).after(json!({"tags": after})), now);
            }
            Ok::<_, Error>(TagsJson { device_id: shown, tags: after })
        };
        self.store.write(job).await
    }
}

fn tags_of(facts: &crate::model::Facts) -> Vec<String> {
    match facts.value(FactName::TAGS) {
        Some(FactValue::List(tags)) => tags.clone(),
        _ => Vec::new(),
    }
}

fn is_tag(text: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || "._-:/".contains(letter);
    (1..=LONGEST).contains(&text.chars().count()) && text.chars().all(fits)
}
