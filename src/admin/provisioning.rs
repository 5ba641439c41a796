//! What a device is to have before a person begins to work with it, and what of it has not arrived.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::{named_device, tag_of};
use super::{Admin, Error, PageJson, Part, Repetition};
use crate::model::{
    Actor, AuditRecord, Dependency, DeviceId, ExpectedKind, Instruction, ItemState, NewCommand, NewCommands, PartState,
    Principal, ProvisionedState, Provisioning, ProvisioningPart, ProvisioningPlan, Timestamp, from_rfc3339,
    from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::provisioning::{Stuck, stuck};
use crate::store::{Contact, Tx};

/// How far the provisioning of a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvisioningJson {
    /// The device.
    pub device_id: String,
    /// What is expected.
    #[schema(value_type = Object)]
    pub plan: ProvisioningPlan,
    /// The part of the device, then those of users as they came.
    pub parts: Vec<ProvisioningPartJson>,
    /// What is waited for, what is worth looking at first; nothing where all is there.
    pub stuck: Vec<StuckJson>,
}

impl ProvisioningJson {
    /// Another one when something else is expected.
    pub fn tag(&self) -> String {
        tag_of(&self.plan)
    }
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvisioningPartJson {
    /// Whose; `null` for the device's.
    pub user: Option<String>,
    /// `telling`, `waiting`, `finishing`, `following`, `done`, `failed`, `timed_out` or `refused`.
    #[schema(value_type = String)]
    pub state: PartState,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it began.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When the device gives up.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
    /// The device took it that all was sent; it takes no other plan.
    pub locked: bool,
    /// `IsSyncDone`, as it was last read.
    pub sync_done: Option<bool>,
    /// `WasDeviceSuccessfullyProvisioned`, as it was last read.
    #[schema(value_type = Option<String>)]
    pub provisioned: Option<ProvisionedState>,
    /// What is expected.
    pub items: Vec<ExpectedItemJson>,
}

/// One thing that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedItemJson {
    /// What kind of thing.
    #[schema(value_type = String)]
    pub kind: ExpectedKind,
    /// The node by which the device knows it.
    pub node: String,
    /// `unknown`, `missing`, `working`, `done` or `failed`.
    #[schema(value_type = String)]
    pub state: ItemState,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When the device last said something of it.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard_at: Option<Timestamp>,
    /// What it said.
    pub said: Option<String>,
}

/// One thing that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StuckJson {
    /// In whose part; `null` for the device's.
    pub user: Option<String>,
    /// The node, or what is to happen.
    pub what: String,
    /// Since when.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why it is not there.
    pub why: String,
    /// What helps.
    pub remedy: String,
}

/// Which devices, and which part of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ProvisioningQuery {
    /// `going_on`, the first to give up first, or `failed`, the last to fail first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Entries at most.
    #[param(minimum = 1, maximum = 500)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What is to be expected from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetProvisioning {
    /// The plan; `null` for what the settings say. It begins anew.
    #[schema(value_type = Option<Object>)]
    pub plan: Option<ProvisioningPlan>,
}

/// How a page is to end, whatever it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndProvisioning {
    /// Whether the page says that all is there, or that it failed.
    pub succeeded: bool,
    /// Whose page; unsaid, that of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

const NONE: &str = "provisioning of this device: nothing was expected of it";

impl Admin {
    /// How far the provisioning of a device is, and what has not arrived.
    pub async fn provisioning(&self, id: &str) -> Result<ProvisioningJson, Error> {
        let id = named_device(id)?;
        let look = move |tx: &mut Tx<'_>| {
            let device = tx.device(&id)?.ok_or(Error::NotFound("device"))?;
            let life = device.enrollment.as_ref().ok_or(Error::NotFound(NONE))?;
            let known = tx.provisioning(&life.id)?.ok_or(Error::NotFound(NONE))?;
            Ok(shown(&device.device_id, known))
        };
        self.store.read(look).await
    }

    /// Devices that wait for what they are to have, or did not get it.
    pub async fn provisionings(&self, query: ProvisioningQuery) -> Result<PageJson<ProvisioningJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let failed = match query.state.as_deref() {
            None | Some("going_on") => false,
            Some("failed") => true,
            Some(_) => return Err(Error::parameter("state", "write going_on or failed")),
        };
        let look = move |tx: &mut Tx<'_>| {
            if failed {
                tx.failed_provisionings(cursor.as_ref(), limit)
            } else {
                tx.provisionings_that_go_on(cursor.as_ref(), limit)
            }
        };
        let page = self.store.read(look).await.map_err(Part::misplaced)?;
        Ok(PageJson::of(page, |(device, known)| shown(&device, known)))
    }

    /// Says what is expected of a device, from now on.
    pub async fn set_provisioning(
        &self,
        id: &str,
        set: SetProvisioning,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<ProvisioningJson, Error> {
        let default = self.first_sync.as_ref().and_then(|first_sync| first_sync.default_plan().cloned());
        let unsaid = || Error::invalid("/plan", "the settings expect nothing of devices ([provisioning])");
        let plan = set.plan.or(default).ok_or_else(unsaid)?;
        plan.check().map_err(|refused| Error::invalid(format!("/plan/{}", refused.field), refused.message))?;
        let (device, by) = (named_device(id)?, by.clone());
        self.once(repetition, now, move |tx| {
            let contact = live(tx, &device)?;
            let before = tx.provisioning(&contact.enrollment)?;
            if before.as_ref().is_some_and(|before| before.device.is_locked) {
                return Err(Error::Conflict(LOCKED.to_owned()));
            }
            if let Some(seen) = seen
                && before.as_ref().map(|before| tag_of(&before.plan)) != Some(seen)
            {
                return Err(Error::Changed);
            }
            let record = AuditRecord::new("device.provisioning", "device", device.as_str());
            let record = record
                .before(serde_json::json!(before.map(|before| before.plan)))
                .after(serde_json::json!({ "plan": &plan }));
            let begun = Provisioning::begin(plan, now);
            tx.save_provisioning(&contact.enrollment, &begun, now)?;
            tx.look_at_provisioning(&contact.enrollment, now)?;
            tx.audit(&by, record, now);
            Ok(shown(&contact.device_id, begun))
        })
        .await
    }

    /// Has a status page end, whatever it waits for (`WasDeviceSuccessfullyProvisioned`, then `IsSyncDone`).
    pub async fn end_provisioning(
        &self,
        id: &str,
        end: EndProvisioning,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<ProvisioningJson, Error> {
        let first_sync = self.first_sync.clone().ok_or(Error::NotFound(NONE))?;
        let wrong = || Error::invalid("/user", "this can't be the name of a user");
        let user = end.user.as_deref().map(|user| Principal::parse(user).ok_or_else(wrong)).transpose()?;
        let (device, by) = (named_device(id)?, by.clone());
        let (wake, max_open) = (self.management.wakes(), self.management.max_open());
        self.once(repetition, now, move |tx| {
            let contact = live(tx, &device)?;
            let mut known = tx.provisioning(&contact.enrollment)?.ok_or(Error::NotFound(NONE))?;
            let minutes = known.plan.timeout_minutes;
            let part = known.part_mut(user.as_ref()).ok_or(Error::NotFound("part: this user has not come yet"))?;
            if part.state == PartState::Done {
                return Err(Error::Conflict("it is done".to_owned()));
            }
            part.reopen(minutes, now);
            let instructions = first_sync.ending(user.as_ref(), end.succeeded);
            let commands = in_order(instructions, user.as_ref());
            tx.save_provisioning(&contact.enrollment, &known, now)?;
            tx.look_at_provisioning(&contact.enrollment, now)?;
            let created_by = by.name.clone();
            let new = NewCommands { devices: vec![device.clone()], commands, batch: None, created_by, max_open, wake };
            let taken = tx.enqueue(&new, now)?.into_iter().next();
            if taken.is_none_or(|taken| taken.commands.is_err()) {
                return Err(Error::Conflict("nothing can be put into the queue of the device".to_owned()));
            }
            let asked = serde_json::json!({ "succeeded": end.succeeded, "user": user });
            tx.audit(&by, AuditRecord::new("device.provisioning_end", "device", device.as_str()).after(asked), now);
            Ok(shown(&contact.device_id, known))
        })
        .await
    }
}

const LOCKED: &str = "the device was told that all was sent, and takes no other list; what it waits for can be mended, \
                      or its page be ended";

fn live(tx: &mut Tx<'_>, device: &DeviceId) -> Result<Contact, Error> {
    tx.device(device)?.ok_or(Error::NotFound("device"))?;
    let newest = tx.live_enrollments(device)?.into_iter().next();
    newest.ok_or_else(|| Error::Conflict("the device is not enrolled".to_owned()))
}

/// Each only after the one before.
fn in_order(instructions: Vec<Instruction>, user: Option<&Principal>) -> Vec<NewCommand> {
    let command = |(place, instruction): (usize, Instruction)| NewCommand {
        user: user.cloned(),
        depends_on: place.checked_sub(1).map(Dependency::OnEarlier).into_iter().collect(),
        ..NewCommand::new(instruction)
    };
    instructions.into_iter().enumerate().map(command).collect()
}

fn shown(device: &DeviceId, known: Provisioning) -> ProvisioningJson {
    ProvisioningJson {
        device_id: device.to_string(),
        stuck: stuck(&known).into_iter().map(StuckJson::from).collect(),
        parts: known.parts().map(ProvisioningPartJson::from).collect(),
        plan: known.plan,
    }
}

impl From<&ProvisioningPart> for ProvisioningPartJson {
    fn from(part: &ProvisioningPart) -> Self {
        let item = |item: &crate::model::ExpectedItem| ExpectedItemJson {
            kind: item.kind,
            node: item.node.to_string(),
            state: item.state,
            since: item.since,
            heard_at: item.heard_at,
            said: item.said.clone(),
        };
        Self {
            user: part.user.as_ref().map(Principal::to_string),
            state: part.state,
            since: part.since,
            started_at: part.started_at,
            deadline: part.deadline,
            locked: part.is_locked,
            sync_done: part.sync_done,
            provisioned: part.provisioned,
            items: part.items.iter().map(item).collect(),
        }
    }
}

impl From<Stuck> for StuckJson {
    fn from(stuck: Stuck) -> Self {
        let Stuck { user, what, since, why, remedy } = stuck;
        Self { user: user.map(String::from), what, since, why, remedy }
    }
}
