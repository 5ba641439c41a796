//! Enrollments that were made elsewhere.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Admin, Error, Fault, Repetition};
use crate::management::import::ImportedEnrollment;
use crate::model::{Actor, AuditRecord, DeviceInfo, NewEnrollment, Timestamp};
use crate::store::Tx;

/// Most enrollments in one import.
const MAX_ENTRIES: usize = 100_000;

/// Entries that one transaction takes.
const TOGETHER: usize = 500;

/// Devices that the audit log names of one import.
const NAMED: usize = 100;

/// Longest name of a device that is told back.
const MAX_NAME: usize = 255;

/// What an entry is told whose device has an entry before it.
const TWICE: &str = "the device has an entry before this one; a second would end the first";

/// Entries to be imported, as they were sent. Holds secrets: no `Debug`.
pub struct Import {
    entries: Vec<Value>,
    /// Where they stand in what was sent, as a JSON pointer.
    base: &'static str,
    is_list: bool,
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// How many enrollments were made.
    pub imported: usize,
    /// How many were not.
    pub refused: usize,
    /// Entry by entry, in their order.
    pub devices: Vec<ImportedDevice>,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedDevice {
    /// The device, where the entry names one.
    pub device_id: Option<String>,
    /// The enrollment that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrollment_id: Option<String>,
    /// Counts the lives of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i32>,
    /// Why none was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An entry that was looked at.
type Prepared = (Option<String>, Result<NewEnrollment, String>);

impl Import {
    /// From one entry, a list of them, or `{"enrollments": […]}`.
    pub fn of(sent: Value) -> Result<Self, Error> {
        let what = "write one enrollment, a list of them, or {\"enrollments\": […]}";
        match sent {
            Value::Array(entries) => Ok(Self { entries, base: "", is_list: true }),
            Value::Object(mut fields) if fields.contains_key("enrollments") => {
                let list = fields.remove("enrollments");
                if let Some(other) = fields.keys().next() {
                    return Err(Error::invalid(pointer(other), "only enrollments stands here"));
                }
                match list {
                    Some(Value::Array(entries)) => Ok(Self { entries, base: "/enrollments", is_list: true }),
                    _ => Err(Error::invalid("/enrollments", "this must be a list")),
                }
            }
            entry @ Value::Object(_) => Ok(Self { entries: vec![entry], base: "", is_list: false }),
            _ => Err(Error::invalid("", what)),
        }
    }

    /// The entries.
    pub fn into_entries(self) -> Vec<Value> {
        self.entries
    }

    fn pointer_of(&self, place: usize) -> String {
        if self.is_list { format!("{}/{place}", self.base) } else { String::new() }
    }
}

impl Admin {
    /// Makes enrollments. An entry that can't be imported is told of and keeps no other from it; where none could be,
    /// this is an error.
    pub async fn import(
        &self,
        import: Import,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Imported, Error> {
        if import.entries.is_empty() {
            return Err(Error::invalid(import.base, "no enrollment is given"));
        }
        if import.entries.len() > MAX_ENTRIES {
            return Err(Error::invalid(import.base, format!("at most {MAX_ENTRIES} enrollments at once")));
        }
        let places = Import { entries: Vec::new(), ..import };
        let mut named = BTreeSet::new();
        let prepared = import.entries.into_iter().map(prepare).map(|(device_id, new)| {
            let new =
                new.and_then(|new| if named.insert(new.device_id.key()) { Ok(new) } else { Err(TWICE.to_owned()) });
            (device_id, new)
        });
        let prepared: Vec<Prepared> = prepared.collect();
        if prepared.iter().all(|(_, new)| new.is_err()) {
            let faults = prepared
                .into_iter()
                .enumerate()
                .filter_map(|(place, (_, new))| new.err().map(|what| Fault { at: places.pointer_of(place), what }));
            return Err(Error::Invalid { summary: "nothing could be imported".to_owned(), faults: faults.collect() });
        }
        let chunks = prepared.len().div_ceil(TOGETHER);
        let mut entries = prepared.into_iter();
        let mut imported = Imported::default();
        for chunk in 0..chunks {
            let some: Vec<Prepared> = entries.by_ref().take(TOGETHER).collect();
            let claims = repetition.clone().filter(|_| chunk == 0);
            let keeps = repetition.clone().filter(|_| chunk + 1 == chunks);
            let so_far = if keeps.is_some() { imported.clone() } else { Imported::default() };
            let by = by.clone();
            let job = move |tx: &mut Tx<'_>| {
                if let Some(before) = claims.map(|claim| claim.begin(tx, now)).transpose()?.flatten() {
                    return Ok(Err(before));
                }
                let mut done = Imported::default();
                for entry in some {
                    done.add(store(tx, entry, now)?);
                }
                let named = done.devices.iter().filter(|device| device.error.is_none());
                let named: Vec<_> = named.filter_map(|device| device.device_id.as_deref()).take(NAMED).collect();
                let told = serde_json::json!({"imported": done.imported, "refused": done.refused, "named": named});
                tx.audit(&by, AuditRecord::new("enrollment.import", "enrollments", "").after(told), now);
                if let Some(repetition) = keeps {
                    repetition.end(tx, &so_far.with(done.clone()))?;
                }
                Ok::<_, Error>(Ok(done))
            };
            match self.store.write(job).await? {
                Ok(done) => imported = imported.with(done),
                Err(before) => return Ok(before),
            }
        }
        Ok(imported)
    }
}

impl Imported {
    fn add(&mut self, device: ImportedDevice) {
        *(if device.error.is_none() { &mut self.imported } else { &mut self.refused }) += 1;
        self.devices.push(device);
    }

    /// These, and those.
    #[must_use]
    pub fn with(mut self, more: Self) -> Self {
        self.imported += more.imported;
        self.refused += more.refused;
        self.devices.extend(more.devices);
        self
    }
}

fn store(tx: &mut Tx<'_>, (device_id, prepared): Prepared, now: Timestamp) -> Result<ImportedDevice, Error> {
    let told = ImportedDevice { device_id, enrollment_id: None, generation: None, error: None };
    Ok(match prepared {
        Err(error) => ImportedDevice { error: Some(error), ..told },
        Ok(new) => {
            let made = tx.import_enrollment(&new, now)?;
            ImportedDevice { enrollment_id: Some(made.id.to_string()), generation: Some(made.generation), ..told }
        }
    })
}

fn prepare(entry: Value) -> Prepared {
    let device_id = entry.get("device_id").and_then(Value::as_str);
    let device_id = device_id.filter(|name| name.len() <= MAX_NAME).map(str::to_owned);
    let mut random = [0_u8; 48];
    rand::fill(&mut random);
    let new = read(entry).and_then(|entry| entry.into_account(&random).map_err(|fault| fault.to_string()));
    let new = new.map(|(device_id, name, account)| NewEnrollment {
        device_id,
        account,
        info: DeviceInfo { name, ..DeviceInfo::default() },
        made: None,
    });
    (device_id, new)
}

/// The entry, or what is wrong with it. Never shows a value: it may be a secret in the wrong place.
fn read(entry: Value) -> Result<ImportedEnrollment, String> {
    if !entry.is_object() {
        return Err("an enrollment is an object such as {\"device_id\": …, \"secret\": …}".to_owned());
    }
    serde_path_to_error::deserialize(entry).map_err(|error| {
        let said = error.inner().to_string();
        let field = error.path().to_string();
        let about_keys = ["unknown field", "missing field", "duplicate field"];
        match field.as_str() {
            _ if about_keys.iter().any(|beginning| said.starts_with(beginning)) => said,
            "scheme" => "scheme is md5 or basic".to_owned(),
            field => format!("{field} must be text"),
        }
    })
}

/// The JSON pointer to a field.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_import_is_one_entry_a_list_or_an_object_with_a_list() {
        let entry = json!({"device_id": "D1", "secret": "s"});
        for (sent, at) in
            [(entry.clone(), ""), (json!([entry]), "/0"), (json!({"enrollments": [entry]}), "/enrollments/0")]
        {
            let import = Import::of(sent).ok().unwrap();
            assert_eq!((import.entries.len(), import.pointer_of(0).as_str()), (1, at));
        }
        for wrong in [json!("x"), json!({"enrollments": 1}), json!({"enrollments": [], "other": 1})] {
            assert!(Import::of(wrong).is_err());
        }
    }

    #[test]
    fn a_fault_never_shows_a_value() {
        for (entry, told) in [
            (json!({"device_id": "D", "secret": 1_234_567}), "secret must be text"),
            (json!({"device_id": "D", "secret": ["1234567"]}), "secret must be text"),
            (json!({"device_id": "D", "secret": "s", "scheme": "1234567"}), "scheme is md5 or basic"),
            (json!({"device_id": "D"}), "missing field `secret`"),
            (json!("1234567"), "an enrollment is an object such as"),
            (json!({"device_id": "D", "secret": "s", "pin": "1234567"}), "unknown field `pin`"),
        ] {
            let error = read(entry).err().unwrap();
            assert!(error.starts_with(told) && !error.contains("1234567"), "{error}");
        }
    }
}
