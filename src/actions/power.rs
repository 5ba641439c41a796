//! Restart and lock (CSP `Reboot`, `RemoteLock`).

use serde::{Deserialize, Serialize};
use transom_protocol::csp::LocUri;
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, exec, replace, vendor};
use super::reading::{Readings, Told};

/// A restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reboot {
    /// When, by the clock of the device: `2026-11-20T03:00:00`. At once where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Reboot {
    pub(super) fn plan(&self) -> Result<Plan, Refusal> {
        let Some(at) = self.local_time()? else { return Ok(Plan::of(exec(vendor("Reboot/RebootNow")?, None))) };
        Ok(Plan::of(replace(single()?, Format::Chr, at)).then_reading(self.nodes()?))
    }

    pub(super) fn nodes(&self) -> Result<Vec<LocUri>, Refusal> {
        if self.at.is_none() { Ok(Vec::new()) } else { Ok(vec![single()?]) }
    }

    /// The device has the schedule when it reads it back. That it restarts then is its own affair.
    pub(super) fn judge(&self, readings: &Readings) -> Result<Told, Refusal> {
        let (Some(at), Some(value)) = (self.local_time()?, readings.value(&single()?)) else {
            return Ok(Told::Nothing);
        };
        Ok(if same_time(value, &at) {
            Told::Done(format!("the device has it on its schedule: {at} by its own clock"))
        } else {
            Told::GoesOn(format!("the schedule of the device says {value}"))
        })
    }

    /// The time as Windows wants it.
    fn local_time(&self) -> Result<Option<String>, Refusal> {
        let Some(at) = &self.at else { return Ok(None) };
        let time: Result<jiff::civil::DateTime, _> = at.trim().parse();
        // A zone would be read over in silence, and the device restart hours off.
        let has_zone =
            at.trim().ends_with(['Z', 'z', ']']) || at.trim().get(10..).is_some_and(|rest| rest.contains(['+', '-']));
        match time {
            Ok(time) if !has_zone => Ok(Some(time.strftime("%Y-%m-%dT%H:%M:%S").to_string())),
            _ => Err(Refusal::invalid(
                "/at",
                "write a time by the clock of the device and without a zone, such as 2026-11-20T03:00:00",
            )),
        }
    }
}

/// Lock the screen.
pub(super) fn lock() -> Result<Plan, Refusal> {
    Ok(Plan::of(exec(vendor("RemoteLock/Lock")?, None)))
}

fn single() -> Result<LocUri, Refusal> {
    vendor("Reboot/Schedule/Single")
}

/// Devices may add fractions or a zone to what they were given.
fn same_time(value: &str, wanted: &str) -> bool {
    value.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_devices_own() {
        let at = |at: &str| Reboot { at: Some(at.to_owned()) }.local_time();
        assert_eq!(at("2026-11-20T03:00:00").unwrap().as_deref(), Some("2026-11-20T03:00:00"));
        assert_eq!(at("2026-11-20 03:00").unwrap().as_deref(), Some("2026-11-20T03:00:00"));
        for wrong in ["tomorrow", "2026-11-20T03:00:00Z", "2026-11-20T03:00:00+01:00", ""] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        assert!(same_time("2026-11-20T03:00:00Z", "2026-11-20T03:00:00"));
    }
}
