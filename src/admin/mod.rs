//! What operators may ask and order: the one place between the interfaces (API, web pages, command line) and the
//! capabilities with the store. Knows no HTTP.

mod actions;
mod alerts;
mod attention;
mod audit_log;
pub mod authenticator;
mod busy;
mod certificates;
mod command_view;
mod commands;
mod credentials;
mod csp;
mod declared;
mod devices;
mod directory;
mod enrollment_attempts;
mod enrollment_tokens;
mod enrollment_users;
mod entrance;
mod enveloping;
mod error;
mod explorer;
mod facts;
mod federation;
mod feed;
mod granting;
mod health;
mod imports;
mod journal;
mod leaving;
mod operators;
mod order_check;
mod order_rights;
mod order_windows;
mod orders;
mod policies;
mod provisioning;
mod push;
mod recovery_keys;
mod repetition;
pub mod rights;
mod saved_filters;
mod schema;
mod sessions;
mod settings;
mod signing;
mod status;
mod sync;
mod tags;
mod tokens;
mod trust;
mod webhooks;

pub use crate::model::SecretText;
pub use actions::{ActionJson, ActionQuery, ArchiveJson, NewAction, ResolveActionAs};
pub use alerts::AlertQuery;
pub use attention::{Attention, TroubledPolicyJson};
pub use audit_log::{AuditJson, AuditProof, AuditQuery};
pub use certificates::{CertificateJson, CertificateQuery};
pub use command_view::{AttemptJson, CommandJson, ErrorJson, ItemJson, ValueJson};
pub use commands::{Cleared, CommandQuery, ResolveAs};
pub use credentials::{CredentialsOffered, RotateCredentials};
pub use csp::{
    CheckSetting, CheckedJson, CspDropJson, CspInfoJson, CspNodeJson, CspNodesJson, DiffJson, DiffQuery, ImportQuery,
    ImportedDropJson, ImportedTemplatesJson, MAX_IMPORT, NodeQuery, ProvenanceJson, RemarkJson, SearchQuery,
    TemplateJson, UseDrops,
};
pub use declared::{Declaration, Declared, DeclaredDeviceJson, NewDeclared};
pub use devices::{DeviceJson, DeviceQuery, EnrollmentJson, Meant};
pub use directory::{DevicePersonJson, GiveDevice, PeopleSet, PersonJson, SetPeople, SetPerson};
pub use enrollment_attempts::{EnrollmentAttemptJson, EnrollmentAttemptQuery};
pub use enrollment_tokens::{
    EnrollmentTokenDetail, EnrollmentTokenJson, EnrollmentTokenQuery, MadeEnrollmentToken, NewEnrollmentTokenJson,
    TokenUse,
};
pub use enrollment_users::{EnrollmentUserJson, EnrollmentUserWithPassword, NewEnrollmentUserJson, NewPassword};
pub use entrance::{NotIn, Opened, Shown};
pub use enveloping::{EnvelopeKeyJson, EnvelopeKeysJson, EnvelopingJson, SetEnveloping};
pub use error::{Error, Fault};
pub use explorer::{Explored, SessionExport};
pub use facts::{FactChangeJson, FactDefinitionJson, FactJson, FactsJson, Refresh, Refreshed};
pub use feed::{FeedJson, FeedQuery};
pub use granting::Granter;
pub use health::{Condition, Finding, Health};
pub use imports::{Import, Imported, ImportedDevice};
pub use journal::{EventJson, MessageJson};
pub use leaving::Unenroll;
pub use operators::{NewOperatorJson, NewRole, OperatorJson, OperatorLinkJson};
pub use order_check::OrderFindingJson;
pub use orders::{NewOrder, NotOrdered, Ordered, OrderedDevice};
pub use policies::{
    Affected, AppliedPolicies, ApplyPolicies, ChangedPolicyJson, ChangedSecretJson, CheckPolicies, CheckedPolicies,
    DevicePoliciesJson, DevicePolicyQuery, DeviceSettingJson, ExportedPolicies, Fitting, ImportPolicies,
    ImportedPolicies, ImportedSetting, MAX_PROFILE, PlanPolicies, PlannedDeclarationJson, PlannedPolicies,
    PolicyDetailJson, PolicyDeviceJson, PolicyDiffJson, PolicyDiffQuery, PolicyDraftDetailJson, PolicyDraftJson,
    PolicyJson, PolicyProgressJson, PolicyRemarkJson, PolicyRevisionJson, PolicyRevisionQuery, PolicySecretJson,
    PolicySecretsJson, PolicySetQuery, PolicyStageJson, PolicyStagesJson, PublishPolicyDraft, RetryDevicePolicies,
    RetryPolicies, RollBackPolicies, SecretSetting, SetPolicySecret, SettingCheckJson, StageDeed, UnplannedSetting,
    WorkingSet, WritePolicyDraft,
};
pub use provisioning::{
    EndProvisioning, ExpectedItemJson, ProvisioningJson, ProvisioningPartJson, ProvisioningQuery, SetProvisioning,
    StuckJson,
};
pub use push::{LastPushJson, PushJson, PushServiceJson};
pub use recovery_keys::{
    NewRecoveryKeyJson, RecoveryKeyJson, RecoveryKeyViewJson, RecoveryKeysJson, Reveal, RevealedKey,
};
pub use repetition::Repetition;
pub use sessions::{SessionDetail, SessionJson, SessionQuery};
pub use settings::SettingsJson;
pub use signing::{SetSigning, SigningJson};
pub use status::{PublicCertificate, Status};
pub use sync::{Reach, SyncJson};
pub use tags::{ChangeTags, TagsJson};
pub use tokens::{MadeToken, NewToken, NewTokenJson, TOKEN_PREFIX, TokenJson};
pub use trust::{SetTrust, TrustJson};
pub use webhooks::{MadeWebhook, NewWebhookJson, RemovedWebhook, Replay, WebhookJson, WebhookTest};

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use self::entrance::Entrance;
use self::federation::Federation;
use crate::actions::{Actions, Archives};
use crate::config::{Effective, People};
use crate::events::Events;
use crate::management::Management;
use crate::model::{Cursor, Page, SecretNodes};
use crate::policy::catalogue::Library;
use crate::policy::rollout::Rollout;
use crate::provisioning::FirstSync;
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
    first_sync: Option<FirstSync>,
    entrance: Entrance,
    federation: Option<Federation>,
    settings: Arc<Vec<Effective>>,
    events: Option<Events>,
    actions: Actions,
    archives: Option<Archives>,
    library: Library,
    rollout: Option<Rollout>,
    checks_orders: bool,
    orders_certificates: bool,
}

impl Admin {
    /// The same, and it knows when devices come by themselves.
    #[must_use]
    pub fn with_polls(self, polls: Polls) -> Self {
        Self { polls: Some(polls), ..self }
    }

    /// The same, and it knows what devices are to have before a person begins.
    #[must_use]
    pub fn with_first_sync(self, first_sync: FirstSync) -> Self {
        Self { first_sync: Some(first_sync), ..self }
    }

    /// Nodes that hold a secret though their names do not tell.
    fn secret_nodes(&self) -> SecretNodes {
        self.management.secret_nodes()
    }

    /// The same, with these settings for the people who run it.
    #[must_use]
    pub fn with_people(self, people: &People) -> Self {
        Self { entrance: Entrance::new(people), ..self }
    }

    /// The same, and it can show the settings.
    #[must_use]
    pub fn with_settings(self, settings: Vec<Effective>) -> Self {
        Self { settings: Arc::new(settings), ..self }
    }

    /// The settings as they hold, without secrets.
    pub fn settings(&self) -> &[Effective] {
        &self.settings
    }

    /// The same; it says how the public certificate stands where one is ordered.
    #[must_use]
    pub fn with_public_certificate(self, orders_certificates: bool) -> Self {
        Self { orders_certificates, ..self }
    }

    /// The same, and it tells others.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events: Some(events), ..self }
    }

    /// On a store and the capabilities on it.
    pub fn new(store: Store, management: Management) -> Self {
        let actions = Actions::new(store.clone(), crate::actions::Options::default());
        let entrance = Entrance::new(&People::default());
        let library = Library::new(store.clone());
        Self {
            store,
            management,
            polls: None,
            first_sync: None,
            entrance,
            federation: None,
            settings: Arc::default(),
            events: None,
            actions,
            archives: None,
            library,
            rollout: None,
            checks_orders: false,
            orders_certificates: false,
        }
    }

    /// The same; it holds commands against the catalogue of settings before a device sees them, or does not.
    #[must_use]
    pub fn with_checked_orders(self, checks_orders: bool) -> Self {
        Self { checks_orders, ..self }
    }

    /// The same, and what it asks of devices goes this way.
    #[must_use]
    pub fn with_actions(self, actions: Actions, archives: Archives) -> Self {
        Self { actions, archives: Some(archives), ..self }
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

    /// Archives on the same store.
    pub(crate) fn archives_in(&self, folder: &std::path::Path) -> Archives {
        Archives::new(self.actions.clone(), folder.join("archives"), 1 << 20, 1 << 20)
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
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

    /// What a store that does not know the place that a cursor names has to say to whoever handed it in.
    fn misplaced(error: impl Into<Error>) -> Error {
        match error.into() {
            Error::Conflict(why) => Error::parameter("cursor", why),
            other => other,
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

impl<T: ToSchema> PartialSchema for PageJson<T> {
    fn schema() -> RefOr<Schema> {
        let entry = Ref::from_schema_name(T::name());
        let page = ObjectBuilder::new()
            .description(Some("A page of a list."))
            .property("items", ArrayBuilder::new().items(entry).description(Some("The entries.")))
            .required("items")
            .property(
                "next_cursor",
                ObjectBuilder::new()
                    .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
                    .description(Some("To be handed in for the next page; null at the end.")),
            )
            .required("next_cursor");
        RefOr::T(Schema::Object(page.build()))
    }
}

impl<T: ToSchema> ToSchema for PageJson<T> {
    fn name() -> Cow<'static, str> {
        format!("PageOf{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
