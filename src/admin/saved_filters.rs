//! Ways to look at devices that operators keep for themselves. Nobody else sees them.

use serde_json::json;

use super::facts::condition;
use super::{Admin, Error};
use crate::model::{Actor, AuditRecord, NewSavedFilter, OperatorId, SavedFilter, SavedFilterId, Timestamp};
use crate::store::Tx;

/// Longest name, in characters.
const LONGEST_NAME: usize = 60;

/// Longest beginning that is kept, in characters.
const LONGEST_SEARCH: usize = 256;

impl Admin {
    /// What an operator keeps, by name.
    pub async fn saved_filters(&self, operator: &OperatorId) -> Result<Vec<SavedFilter>, Error> {
        let operator = operator.clone();
        Ok(self.store.read(move |tx: &mut Tx<'_>| tx.saved_filters(&operator)).await?)
    }

    /// Keeps a way to look at devices, in place of the one of the same name.
    pub async fn save_filter(&self, new: NewSavedFilter, by: &Actor, now: Timestamp) -> Result<(), Error> {
        let is_line = |text: &str, longest| text.chars().count() <= longest && !text.chars().any(char::is_control);
        if new.name.is_empty() || !is_line(&new.name, LONGEST_NAME) {
            return Err(Error::invalid("/name", format!("write a name of 1 to {LONGEST_NAME} characters")));
        }
        if !is_line(&new.search, LONGEST_SEARCH) {
            return Err(Error::invalid("/search", format!("write at most {LONGEST_SEARCH} characters")));
        }
        if new.search.is_empty() && new.condition.is_empty() {
            return Err(Error::invalid("/condition", "there is nothing to keep: search for something first"));
        }
        condition(Some(new.condition.as_str()).filter(|text| !text.is_empty()))?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.save_filter(&new, now)?;
            let told = json!({"search": new.search, "where": new.condition});
            tx.audit(&by, AuditRecord::new("filter.save", "filter", new.name.clone()).after(told), now);
            Ok::<_, Error>(())
        };
        self.store.write(job).await
    }

    /// Forgets one of an operator's own.
    pub async fn forget_filter(
        &self,
        operator: &OperatorId,
        id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let id = SavedFilterId::parse(id).ok_or(Error::NotFound("filter"))?;
        let (operator, by) = (operator.clone(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            if !tx.forget_filter(&operator, &id)? {
                return Err(Error::NotFound("filter"));
            }
            tx.audit(&by, AuditRecord::new("filter.forget", "filter", id.as_str()), now);
            Ok(())
        };
        self.store.write(job).await
    }
}
