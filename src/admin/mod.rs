//! What operators may ask and order: the one place between the interfaces (API, web pages, command line) and the
//! capabilities with the store. Knows no HTTP.

mod command_view;
mod commands;
mod declared;
mod devices;
mod enrollment_attempts;
mod enrollment_tokens;
mod enrollment_users;
mod error;
mod imports;
mod journal;
mod leaving;
mod orders;
mod push;
mod repetition;
mod secret_text;
mod sessions;
mod signing;
mod status;
mod sync;
mod tokens;

pub use command_view::{AttemptJson, CommandJson, ErrorJson, ItemJson, ValueJson};
pub use commands::{Cleared, CommandQuery, ResolveAs};
pub use declared::{Declaration, Declared, DeclaredDeviceJson, NewDeclared};
pub use devices::{DeviceJson, DeviceQuery, EnrollmentJson};
pub use enrollment_attempts::{EnrollmentAttemptJson, EnrollmentAttemptQuery};
pub use enrollment_tokens::{
    EnrollmentTokenDetail, EnrollmentTokenJson, EnrollmentTokenQuery, MadeEnrollmentToken, NewEnrollmentTokenJson,
    TokenUse,
};
pub use enrollment_users::{EnrollmentUserJson, EnrollmentUserWithPassword, NewEnrollmentUserJson, NewPassword};
pub use error::{Error, Fault};
pub use imports::{Import, Imported, ImportedDevice};
pub use journal::{EventJson, MessageJson};
pub use leaving::Unenroll;
pub use orders::{NewOrder, NotOrdered, Ordered, OrderedDevice};
pub use push::{LastPushJson, PushJson, PushServiceJson};
pub use repetition::Repetition;
pub use secret_text::SecretText;
pub use sessions::{SessionDetail, SessionJson, SessionQuery};
pub use signing::{SetSigning, SigningJson};
pub use status::Status;
pub use sync::{Reach, SyncJson};
pub use tokens::{NewToken, TOKEN_PREFIX};

use serde::{Deserialize, Serialize};

use crate::management::Management;
use crate::model::{Cursor, Page};
use crate::push::Polls;
use crate::store::Store;

/// Longest page of a list.
pub const MAX_LIMIT: usize = 500;

/// Length of a page when none is asked for.
pub const DEFAULT_LIMIT: usize = 50;

/// Who may be served what. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admin {
    store: Store,
    management: Management,
    polls: Option<Polls>,
}

impl Admin {
    /// The same, and it knows when devices come by themselves.
    #[must_use]
    pub fn with_polls(self, polls: Polls) -> Self {
        Self { polls: Some(polls), ..self }
    }

    /// On a store and the capabilities on it.
    pub const fn new(store: Store, management: Management) -> Self {
        Self { store, management, polls: None }
    }
}

#[cfg(test)]
impl Admin {
    /// On a new SQLite store, which goes with the folder.
    pub(crate) fn on_temporary_store() -> (Self, tempfile::TempDir) {
        use crate::store::{DatabaseUrl, SealKey, StoreOptions};
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
        let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
        let devices = crate::limits::DeviceLimiter::new(0, 0);
        let options = crate::management::Options::default();
        let management = Management::new(store.clone(), options, crate::metrics::Metrics::new(), devices);
        (Self::new(store, management), folder)
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Part {
    fn limit(&self) -> Result<usize, Error> {
        match self.limit {
            None => Ok(DEFAULT_LIMIT),
            Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
            Some(_) => Err(Error::parameter("limit", format!("write a number from 1 to {MAX_LIMIT}"))),
        }
    }

    fn cursor(&self) -> Result<Option<Cursor>, Error> {
        let parse = |text: &String| {
            Cursor::parse(text)
                .ok_or_else(|| Error::parameter("cursor", "write the next_cursor of the page before, as it is"))
        };
        self.cursor.as_ref().map(parse).transpose()
    }
}

/// A page of a list, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageJson<T> {
    /// The entries.
    pub items: Vec<T>,
    /// To be handed in for the next page; `null` at the end.
    pub next_cursor: Option<String>,
}

impl<T> PageJson<T> {
    fn of<R>(page: Page<R>, entry: impl FnMut(R) -> T) -> Self {
        Self {
            next_cursor: page.next.map(|cursor| cursor.to_string()),
            items: page.items.into_iter().map(entry).collect(),
        }
    }
}
