//! Devices that are declared before they enroll.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Admin, Error, Fault, PageJson, Part};
use crate::model::{Actor, AuditRecord, DeclaredDevice, DeclaredKind, Timestamp, from_rfc3339, rfc3339};
use crate::store::Tx;

/// Most devices in one request.
const MAX_ENTRIES: usize = 100_000;

/// Devices that one transaction takes.
const TOGETHER: usize = 500;

/// Devices that the audit log names of one declaration.
const NAMED: usize = 100;

/// Longest note, in characters.
const MAX_NOTE: usize = 256;

/// A declared device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredDeviceJson {
    /// `hardware_hash`, `serial`, `mac` or `imei`.
    pub kind: DeclaredKind,
    /// In the form that is compared.
    pub value: String,
    /// In its declarer's words.
    pub note: Option<String>,
    /// When it was declared.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Devices to be declared.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Each of them.
    pub devices: Vec<NewDeclared>,
}

/// A device to be declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeclared {
    /// What it is declared by.
    pub kind: DeclaredKind,
    /// The value.
    pub value: String,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Declared {
    /// Devices that are new.
    pub declared: usize,
    /// Devices that were declared already.
    pub known: usize,
}

impl Admin {
    /// Declares devices. One that can't be keeps all others from it.
    pub async fn declare(&self, declaration: Declaration, by: &Actor, now: Timestamp) -> Result<Declared, Error> {
        let entries = declaration.devices;
        if entries.is_empty() {
            return Err(Error::invalid("/devices", "no device is given"));
        }
        if entries.len() > MAX_ENTRIES {
            return Err(Error::invalid("/devices", format!("at most {MAX_ENTRIES} devices at once")));
        }
        let (mut devices, mut faults) = (Vec::with_capacity(entries.len()), Vec::new());
        for (place, entry) in entries.into_iter().enumerate() {
            match device_of(entry, now) {
                Ok(device) => devices.push(device),
                Err((field, what)) => faults.push(Fault { at: format!("/devices/{place}/{field}"), what }),
            }
        }
        if !faults.is_empty() {
            return Err(Error::Invalid { summary: "nothing was declared".to_owned(), faults });
        }
        let mut done = Declared::default();
        while !devices.is_empty() {
            let some: Vec<_> = devices.drain(..devices.len().min(TOGETHER)).collect();
            let count = some.len();
            let by = by.clone();
            let job = move |tx: &mut Tx<'_>| {
                let new = tx.declare_devices(&some)?;
                let named: Vec<_> = some.iter().take(NAMED).map(|one| (one.kind, one.value.as_str())).collect();
                let told = serde_json::json!({"count": some.len(), "new": new, "named": named});
                tx.audit(&by, AuditRecord::new("device.declare", "declared_devices", "").after(told), now);
                Ok::<_, Error>(new)
            };
            let new = self.store.write(job).await?;
            done.declared += new;
            done.known += count.saturating_sub(new);
        }
        Ok(done)
    }

    /// Declared devices by kind and value.
    pub async fn declared_devices(&self, part: Part) -> Result<PageJson<DeclaredDeviceJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.declared_devices(cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, DeclaredDeviceJson::from))
    }

    /// Takes a declaration back. What has enrolled by it stays.
    pub async fn remove_declared(
        &self,
        kind: &str,
        value: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<NewDeclared, Error> {
        let kind = DeclaredKind::parse(kind).ok_or(Error::NotFound("declared device"))?;
        let value = kind.fold(value).ok_or(Error::NotFound("declared device"))?;
        let (folded, by) = (value.clone(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.remove_declared(kind, &folded)?;
            let told = serde_json::json!({"kind": kind});
            tx.audit(&by, AuditRecord::new("device.undeclare", "declared_devices", &folded).before(told), now);
            Ok::<_, Error>(())
        };
        self.store.write(job).await?;
        Ok(NewDeclared { kind, value, note: None })
    }
}

fn device_of(entry: NewDeclared, now: Timestamp) -> Result<DeclaredDevice, (&'static str, String)> {
    let value = entry.kind.fold(&entry.value).ok_or_else(|| {
        let what = match entry.kind {
            DeclaredKind::HardwareHash => "a hardware hash (HWDevID) has 64 hexadecimal digits",
            DeclaredKind::Serial => "a serial number has 1 to 128 characters",
            DeclaredKind::Mac => "a network address has 12 hexadecimal digits",
            DeclaredKind::Imei => "an IMEI has 14 to 16 digits",
        };
        ("value", what.to_owned())
    })?;
    if entry.note.as_ref().is_some_and(|note| note.chars().count() > MAX_NOTE) {
        return Err(("note", format!("write at most {MAX_NOTE} characters")));
    }
    let note = entry.note.filter(|note| !note.trim().is_empty());
    Ok(DeclaredDevice { kind: entry.kind, value, note, created_at: now })
}

impl From<DeclaredDevice> for DeclaredDeviceJson {
    fn from(device: DeclaredDevice) -> Self {
        Self { kind: device.kind, value: device.value, note: device.note, created_at: device.created_at }
    }
}
