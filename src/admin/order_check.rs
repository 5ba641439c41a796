//! Orders held against the catalogue of settings, before a device sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::order_windows::Alike;
use super::orders::pointer;
use super::{Admin, Error, Fault};
use crate::management::Order;
use crate::model::{GroupKind, Instruction, NewCommand, Setting, Verb};
use crate::policy::catalogue::{Catalogue, Level, Proposed};

/// Most findings that an answer lists.
const MAX_FINDINGS: usize = 100;

/// Longest reason to send what the catalogue refuses.
const MAX_REASON: usize = 500;

/// Something that the catalogue of settings says of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderFindingJson {
    /// Where, as a JSON pointer into the order.
    pub at: String,
    /// `error`, `warning` or `note`.
    #[schema(value_type = String)]
    pub level: Level,
    /// What, and what to do.
    pub what: String,
}

impl Admin {
    /// What the catalogue says of commands, the worst first. A command that it says can't work is an error, unless its
    /// author insists with a reason.
    ///
    /// To read does no harm, and people read to find out: of a Get nothing is refused. What the build or the edition of a
    /// device lacks is a warning: descriptions are behind Windows at times.
    pub(super) async fn held_against_the_catalogue(
        &self,
        order: &Order,
        alone: bool,
    ) -> Result<Vec<OrderFindingJson>, Error> {
        if !self.checks_orders {
            return Ok(Vec::new());
        }
        let unchecked = order.unchecked.as_deref();
        let in_use = self.library.in_use().await?;
        let alike = self.alike(&order.devices).await?;
        let commands = order.commands.clone();
        // Values are of any size.
        let look = move || said(&in_use.catalogue, &commands, &alike, alone);
        let mut findings = tokio::task::spawn_blocking(look).await.map_err(|_| Error::Busy)?;
        findings.sort_by_key(|finding| finding.level);
        let refused = findings.iter().filter(|finding| finding.level == Level::Error);
        let faults: Vec<Fault> =
            refused.map(|finding| Fault { at: finding.at.clone(), what: finding.what.clone() }).collect();
        if !faults.is_empty() && unchecked.is_none() {
            let summary = "the catalogue of settings says that this can't work; give a reason in 'unchecked' to send \
                           it all the same";
            return Err(Error::Invalid { summary: summary.to_owned(), faults });
        }
        findings.truncate(MAX_FINDINGS);
        Ok(findings)
    }
}

fn said(catalogue: &Catalogue, commands: &[NewCommand], alike: &[Alike], alone: bool) -> Vec<OrderFindingJson> {
    let mut findings = Vec::new();
    for (place, command) in commands.iter().enumerate() {
        let prefix = if commands.len() > 1 { format!("[{place}].") } else { String::new() };
        let in_atomic = matches!(command.instruction, Instruction::Group { kind: GroupKind::Atomic, .. });
        for (at, verb, setting) in placed(&command.instruction) {
            let (format, data) = (setting.format.as_ref(), setting.data.as_deref());
            let proposed = Proposed { verb, uri: &setting.target, format, data, in_atomic };
            for finding in catalogue.check(&proposed, None).findings {
                let harmless = verb == Verb::Get && finding.level == Level::Error;
                let level = if harmless { Level::Warning } else { finding.level };
                let at = pointer(&format!("{prefix}{at}"), alone);
                findings.push(OrderFindingJson { at, level, what: finding.what });
            }
            for what in alike.iter().filter_map(|alike| alike.lacks(catalogue, &proposed)) {
                let at = pointer(&format!("{prefix}{at}"), alone);
                findings.push(OrderFindingJson { at, level: Level::Warning, what });
            }
        }
    }
    findings
}

/// The reason of somebody who insists.
pub(super) fn reason(text: Option<&str>) -> Result<Option<String>, Error> {
    let Some(text) = text.map(str::trim) else { return Ok(None) };
    if text.is_empty() || text.len() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(Error::invalid("/unchecked", format!("write a reason of 1 to {MAX_REASON} bytes in one line")));
    }
    Ok(Some(text.to_owned()))
}

/// Each node with its place below the command.
fn placed(instruction: &Instruction) -> Vec<(String, Verb, &Setting)> {
    let is_group = matches!(instruction, Instruction::Group { .. });
    let operations = instruction.operations().iter().enumerate();
    let nodes = operations.flat_map(|(child, operation)| {
        operation.items.iter().enumerate().map(move |(item, setting)| {
            let above = if is_group { format!("commands[{child}].") } else { String::new() };
            (format!("{above}items[{item}]"), operation.verb, setting)
        })
    });
    nodes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::NewOrder;
    use crate::model::{Actor, Right, Timestamp};

    fn order(command: &serde_json::Value) -> NewOrder {
        serde_json::from_value(serde_json::json!({"device_id": "D1", "command": command, "dry_run": true})).unwrap()
    }

    fn setting(kind: &str, target: &str, format: &str, data: &str) -> serde_json::Value {
        serde_json::json!({"kind": kind, "items": [{"target": target, "format": format, "data": data}]})
    }

    async fn answered(admin: &Admin, new: NewOrder) -> Result<Vec<OrderFindingJson>, (String, String)> {
        let refused = |error| match error {
            Error::Invalid { faults, .. } => (faults[0].at.clone(), faults[0].what.clone()),
            // Nobody is enrolled here: as far as the device is as far as this goes.
            other => (String::new(), other.to_string()),
        };
        let by = Actor::server("test");
        admin.order(new, (&by, &Right::ALL.into()), None, Timestamp(1)).await.map(|told| told.findings).map_err(refused)
    }

    #[tokio::test]
    async fn what_can_not_work_is_refused_with_its_place_before_a_device_sees_it() {
        let (admin, _folder) = Admin::on_temporary_store();
        let admin = admin.with_checked_orders(true);
        let lock = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
        for (command, at, what) in [
            (
                setting("replace", "./Device/Vendor/MSFT/Policy/Config/Camera/AlowCamera", "int", "0"),
                "/command/items/0",
                "AllowCamera",
            ),
            (setting("replace", lock, "int", "999"), "/command/items/0", "16"),
            (setting("exec", lock, "int", "12"), "/command/items/0", "takes no exec"),
        ] {
            let (place, told) = answered(&admin, order(&command)).await.unwrap_err();
            assert!(place == at && told.contains(what), "{command}: {place} {told}");
            let insists = NewOrder { unchecked: Some("the vendor says so".to_owned()), ..order(&command) };
            let told = answered(&admin, insists).await.map_or_else(|(place, _)| place, |_| String::new());
            assert_eq!(told, "", "{command}: who insists is heard");
        }
        let good = answered(&admin, order(&setting("replace", lock, "int", "12"))).await;
        assert!(good.is_ok() || good.clone().is_err_and(|(place, _)| place.is_empty()), "{good:?}");
    }

    #[tokio::test]
    async fn a_reason_is_a_line() {
        let (admin, _folder) = Admin::on_temporary_store();
        for wrong in ["", "  ", "two\nlines", &"x".repeat(MAX_REASON + 1)] {
            let new = NewOrder {
                unchecked: Some(wrong.to_owned()),
                ..order(&setting("replace", "./Vendor/Contoso/A", "chr", "x"))
            };
            assert_eq!(answered(&admin, new).await.unwrap_err().0, "/unchecked", "{wrong:?}");
        }
    }
}
