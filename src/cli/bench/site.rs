//! An installation to be measured: its enrollments, the devices that are played, and what is ordered for them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::child::Child;
use super::talk::{self, Peer};
use super::wire::Dialer;
use crate::admin::{Admin, Import};
use crate::cli::{Installation, init, now, open_store};
use crate::config::{DataFolder, DatabaseUrl, Host};
use crate::limits::DeviceLimiter;
use crate::management::{Management, Options};
use crate::metrics::Metrics;
use crate::model::{Actor, Right};
use crate::simulator::device::{Behaviour, Device};
use crate::simulator::identity::DeviceIdentity;

/// Entries that are handed to one import.
const TOGETHER: usize = 10_000;

/// Reads and writes that every Windows 11 device can do, by turns.
pub(super) const SETTINGS: [(&str, Option<&str>); 10] = [
    ("./DevDetail/SwV", None),
    ("./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength", Some("12")),
    ("./DevDetail/Ext/Microsoft/OSPlatform", None),
    ("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", Some("0")),
    ("./DevDetail/Ext/Microsoft/TotalRAM", None),
    ("./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana", Some("0")),
    ("./Device/Vendor/MSFT/DeviceStatus/OS/Edition", None),
    ("./Device/Vendor/MSFT/BitLocker/RequireDeviceEncryption", Some("1")),
    ("./Device/Vendor/MSFT/BitLocker/Status/DeviceEncryptionStatus", None),
    ("./Device/Vendor/MSFT/BitLocker/AllowStandardUserEncryption", Some("1")),
];

/// An installation.
pub(super) struct Site {
    /// Enrollments that it has.
    pub(super) size: usize,
    /// Its data folder.
    pub(super) data: PathBuf,
    /// How long making the enrollments took.
    pub(super) imported_in: Duration,
    /// Devices with no history but the measurement itself.
    pub(super) fresh: Vec<Device>,
    /// Devices with a history.
    pub(super) aged: Vec<Device>,
    admin: Admin,
    management: Management,
    ca: Vec<u8>,
}

/// How a site is peopled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peopling {
    /// Enrollments.
    pub(super) size: usize,
    /// Devices that are played.
    pub(super) fresh: usize,
    /// Devices that are played and have a history.
    pub(super) aged: usize,
}

impl Site {
    /// Makes an installation with its enrollments.
    pub(super) async fn make(data: PathBuf, database: &DatabaseUrl, people: Peopling) -> anyhow::Result<Self> {
        let Peopling { size, fresh, aged } = people;
        ensure!(size >= fresh + aged, "{size} devices are fewer than the {} that are played", fresh + aged);
        let folder = DataFolder::new(&data);
        let made = data.clone();
        let database = database.clone();
        tokio::task::spawn_blocking(move || {
            init::make(&made, &Host::default(), &database, now(), |_| Ok(init::Prepared::default()))
        })
        .await??;
        let installation = Installation::open(folder, &[])?;
        let store = open_store(&installation)?;
        let management = Management::new(store.clone(), Options::default(), Metrics::new(), DeviceLimiter::new(0, 0));
        let admin = Admin::new(store, management.clone());
        let began = Instant::now();
        for first in (0..size).step_by(TOGETHER) {
            let entries = (first..size.min(first + TOGETHER)).map(entry).collect();
            let imported =
                admin.import(Import::of(Value::Array(entries))?, &Actor::server("bench"), None, now()).await?;
            ensure!(imported.refused == 0, "an enrollment was refused; the database must be empty");
        }
        let imported_in = began.elapsed();
        let ca = installation.authority()?.certificate_pem()?;
        // Spread over the whole of the tables.
        let step = size / (fresh + aged);
        let mut devices = (0..fresh + aged).map(|place| device(place * step));
        let fresh = devices.by_ref().take(fresh).collect();
        let aged = devices.collect();
        Ok(Self { size, data, imported_in, fresh, aged, admin, management, ca })
    }

    /// Lets the devices that are to have a history live through so many sessions, in this process.
    pub(super) async fn age(&mut self, sessions: usize, commands: usize, parallel: usize) -> anyhow::Result<()> {
        let inside = Peer::Inside(self.management.clone());
        for _ in 0..sessions {
            let aged = std::mem::take(&mut self.aged);
            self.order(&aged, commands).await?;
            self.aged = talk::sessions(&inside, aged, parallel).await?.devices;
        }
        Ok(())
    }

    /// Puts commands into the queues of devices.
    pub(super) async fn order(&self, devices: &[Device], commands: usize) -> anyhow::Result<()> {
        if commands == 0 || devices.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = devices.iter().map(|device| device.identity().device_id.as_str()).collect();
        let commands: Vec<Value> = SETTINGS.iter().cycle().take(commands).map(command).collect();
        let order = json!({ "devices": ids, "commands": commands });
        self.admin
            .order(serde_json::from_value(order)?, (&Actor::server("bench"), &Right::ALL.into()), None, now())
            .await
            .context("can't order")?;
        Ok(())
    }

    /// How its devices reach a server.
    pub(super) fn dialer(&self, server: &Child) -> anyhow::Result<Dialer> {
        Dialer::new(&self.ca, server.addr)
    }

    /// Numbers of the devices that are not played.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> + use<> {
        let played = self.fresh.len() + self.aged.len();
        let step = self.size / played.max(1);
        (0..self.size).filter(move |number| number % step != 0 || number / step >= played)
    }

    /// Where the log of its server goes.
    pub(super) fn log(&self) -> PathBuf {
        Path::with_extension(&self.data, "log")
    }
}

/// The device with this number.
pub(super) fn device(number: usize) -> Device {
    let id = id(number);
    let identity = DeviceIdentity::new(id.clone(), id, secret(number));
    let seed = u64::try_from(number).unwrap_or_default();
    Device::new(identity, "https://localhost/ManagementServer/Mdm.svc", Behaviour::default(), seed)
}

pub(super) fn entry(number: usize) -> Value {
    json!({ "device_id": id(number), "name": format!("PC-{number:06}"), "secret": secret(number) })
}

/// The id of the device with this number, as scattered as real ones are.
pub(super) fn id(number: usize) -> String {
    let number = u128::try_from(number).unwrap_or_default() + 1;
    format!("{:032X}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn secret(number: usize) -> String {
    format!("secret of simulated device {number}")
}

pub(super) fn command((target, data): &(&str, Option<&str>)) -> Value {
    match data {
        None => json!({ "kind": "get", "items": [{ "target": target }] }),
        Some(data) => json!({ "kind": "replace", "items": [{ "target": target, "format": "int", "data": data }] }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_devices_are_the_same() {
        let ids: BTreeSet<String> = (0..10_000).map(id).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn the_settings_can_be_ordered() {
        for setting in &SETTINGS {
            let instruction: transom_protocol::csp::Instruction = serde_json::from_value(command(setting)).unwrap();
            assert_eq!(transom_protocol::csp::check::check(&instruction, 1024), Ok(()));
        }
    }
}
