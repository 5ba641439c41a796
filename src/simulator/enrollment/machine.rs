//! The machine that enrolls: what stays the same over all its enrollments, and the id that does not.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use transom_protocol::enrollment::{DeviceContext, EnrollmentType, Version};

use crate::simulator::tree::Tree;

/// A machine with Windows 11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `DeviceID`: Windows makes a new one for every enrollment.
    pub device_id: String,
    /// Seed of everything else about it, and of the [`Device`](crate::simulator::device::Device) that it becomes.
    pub seed: u64,
    /// `DeviceName`.
    pub name: String,
    /// `HWDevID`.
    pub hw_dev_id: String,
    /// `MAC`.
    pub mac: String,
    /// `Manufacturer`.
    pub manufacturer: String,
    /// `DeviceModel`.
    pub model: String,
    /// `SerialNumber`.
    pub serial: String,
    /// `OSVersion`.
    pub os_version: String,
    /// `OSEdition`.
    pub os_edition: u32,
}

impl Machine {
    /// The machine that a seed makes, with a `DeviceID` that the seed makes too. It is the one whose tree
    /// [`Tree::windows_11`] makes of the same seed.
    pub fn seeded(seed: u64) -> Self {
        let tree = Tree::windows_11("", "", "", seed);
        let value = |uri: &str| tree.value(uri).unwrap_or_default();
        let mac = value("./DevDetail/Ext/WLANMACAddress");
        let pairs: Vec<&str> = (0..mac.len()).step_by(2).filter_map(|at| mac.get(at..at + 2)).collect();
        Self {
            device_id: device_id(seed.rotate_left(17)),
            seed,
            name: value("./DevDetail/Ext/Microsoft/DeviceName"),
            hw_dev_id: value("./Vendor/MSFT/DMClient/HWDevID"),
            mac: pairs.join("-"),
            manufacturer: value("./DevInfo/Man"),
            model: value("./DevInfo/Mod"),
            serial: value("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber"),
            os_version: "10.0.26200.9278".to_owned(),
            os_edition: 4,
        }
    }

    /// The same machine with another `DeviceID`: it enrolls anew.
    #[must_use]
    pub fn anew(self) -> Self {
        Self { device_id: device_id(rand::random()), ..self }
    }

    /// What it says about itself.
    pub(super) fn context(&self, enrollment_type: EnrollmentType, version: Version) -> DeviceContext {
        DeviceContext {
            device_id: Some(self.device_id.clone()),
            hw_dev_id: Some(self.hw_dev_id.clone()),
            device_name: Some(self.name.clone()),
            os_version: Some(self.os_version.clone()),
            application_version: Some(self.os_version.clone()),
            device_type: Some(DEVICE_TYPE.to_owned()),
            locale: Some("en-US".to_owned()),
            enrollment_data: None,
            manufacturer: Some(self.manufacturer.clone()),
            model: Some(self.model.clone()),
            serial_number: Some(self.serial.clone()),
            os_edition: Some(self.os_edition),
            macs: vec![self.mac.clone()],
            imeis: Vec::new(),
            enrollment_type,
            request_version: Some(version),
            // As it was recorded: it means nothing.
            not_in_oobe: Some(false),
            ux_initiated: Some(true),
            other: vec![
                ("TargetedUserLoggedIn".to_owned(), "true".to_owned()),
                ("AttestationStatusHResult".to_owned(), "0x80070057".to_owned()),
            ],
        }
    }
}

/// `DeviceType` of every PC.
pub(super) const DEVICE_TYPE: &str = "CIMClient_Windows";

/// 32 hexadecimal digits.
fn device_id(seed: u64) -> String {
    format!("{:032X}", SmallRng::seed_from_u64(seed).random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_keeps_its_hardware_and_changes_its_id() {
        let machine = Machine::seeded(7);
        assert_eq!(machine, Machine::seeded(7));
        assert_eq!((machine.device_id.len(), machine.hw_dev_id.len(), machine.mac.len()), (32, 64, 17));
        assert!(!machine.serial.is_empty() && !machine.name.is_empty() && !machine.model.is_empty());
        let again = machine.clone().anew();
        assert_ne!(again.device_id, machine.device_id);
        assert_eq!(again.hw_dev_id, machine.hw_dev_id);
        assert_ne!(Machine::seeded(8).hw_dev_id, machine.hw_dev_id);
    }
}
