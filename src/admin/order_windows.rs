//! Orders held against the Windows that each device has: a setting that its build or its edition lacks is warned about.

use std::collections::BTreeMap;

use super::{Admin, Error};
use crate::management::DEVICES_TOGETHER;
use crate::model::{DeviceId, FactName};
use crate::policy::catalogue::{Build, Catalogue, Device, Proposed, Rule};
use crate::store::Tx;

/// What says which Windows a device has.
const FACTS: [&str; 3] = ["os.build", "os.revision", "os.edition_id"];

/// Build, monthly update and edition, as far as they are known.
type Windows = [Option<u32>; 3];

/// Devices that have the same Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alike {
    windows: Windows,
    /// One of them.
    device: DeviceId,
    /// How many there are beside it.
    others: usize,
}

impl Alike {
    /// Why these devices do not have what is ordered.
    pub(super) fn lacks(&self, catalogue: &Catalogue, proposed: &Proposed<'_>) -> Option<String> {
        let [build, revision, edition] = self.windows;
        let device = Device { build: build.map(|number| Build { number, revision }), edition };
        let findings = catalogue.check(proposed, Some(&device)).findings;
        let lacking = findings.into_iter().find(|finding| matches!(finding.rule, Rule::TooOld | Rule::Edition))?;
        let who = match self.others {
            0 => self.device.to_string(),
            others => format!("{} and {others} more", self.device),
        };
        Some(format!("{who}: {}", lacking.what))
    }
}

impl Admin {
    /// Devices by the Windows that they have. Those of which nothing is known are not among them.
    pub(super) async fn alike(&self, devices: &[DeviceId]) -> Result<Vec<Alike>, Error> {
        let mut found: BTreeMap<Windows, Alike> = BTreeMap::new();
        for some in devices.chunks(DEVICES_TOGETHER) {
            let (some, names) = (some.to_vec(), FACTS.into_iter().filter_map(FactName::parse).collect::<Vec<_>>());
            let known = self.store.read(move |tx: &mut Tx<'_>| tx.numbers_of(&some, &names)).await?;
            let mut of_device: BTreeMap<String, (DeviceId, Windows)> = BTreeMap::new();
            for (device, name, number) in known {
                let (_, windows) = of_device.entry(device.key()).or_insert_with(|| (device, Windows::default()));
                let place = FACTS.iter().position(|fact| *fact == name.as_str());
                if let Some(value) = place.and_then(|place| windows.get_mut(place)) {
                    *value = u32::try_from(number).ok();
                }
            }
            for (device, windows) in of_device.into_values() {
                let first = Alike { windows, device, others: 0 };
                found.entry(windows).and_modify(|alike| alike.others += 1).or_insert(first);
            }
        }
        Ok(found.into_values().collect())
    }
}
