//! Enrollments that were made elsewhere.

use serde::Serialize;

use super::{Admin, Error};
use crate::management::import::ImportedEnrollment;
use crate::model::{DeviceInfo, NewEnrollment, Timestamp};
use crate::store::Tx;

/// Most enrollments in one import.
const MAX_ENTRIES: usize = 100_000;

/// Entries that one transaction takes.
const TOGETHER: usize = 500;

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// How many enrollments were made.
    pub imported: usize,
    /// How many were not.
    pub refused: usize,
    /// Entry by entry, in their order.
    pub devices: Vec<ImportedDevice>,
}

/// What became of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedDevice {
    /// The device.
    pub device_id: String,
    /// The enrollment that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrollment_id: Option<String>,
    /// Counts the lives of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i32>,
    /// Why none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Admin {
    /// Makes enrollments. An entry that can't be imported is told of and keeps no other from it.
    pub async fn import(&self, entries: Vec<ImportedEnrollment>, now: Timestamp) -> Result<Imported, Error> {
        if entries.len() > MAX_ENTRIES {
            return Err(Error::invalid("/enrollments", format!("at most {MAX_ENTRIES} enrollments at once")));
        }
        let mut devices = Vec::with_capacity(entries.len());
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let some: Vec<_> = entries.by_ref().take(TOGETHER).map(prepare).collect();
            let done = self
                .store
                .write(move |tx: &mut Tx<'_>| {
                    let mut done = Vec::with_capacity(some.len());
                    for (device_id, prepared) in some {
                        let told = ImportedDevice { device_id, enrollment_id: None, generation: None, error: None };
                        done.push(match prepared {
                            Err(error) => ImportedDevice { error: Some(error), ..told },
                            Ok(new) => {
                                let made = tx.import_enrollment(&new, now)?;
                                ImportedDevice {
                                    enrollment_id: Some(made.id.to_string()),
                                    generation: Some(made.generation),
                                    ..told
                                }
                            }
                        });
                    }
                    Ok::<_, Error>(done)
                })
                .await?;
            devices.extend(done);
        }
        let refused = devices.iter().filter(|device| device.error.is_some()).count();
        Ok(Imported { imported: devices.len() - refused, refused, devices })
    }
}

fn prepare(entry: ImportedEnrollment) -> (String, Result<NewEnrollment, String>) {
    let mut random = [0_u8; 48];
    rand::fill(&mut random);
    let device_id = entry.device_id.clone();
    let new = entry.into_account(&random).map(|(device_id, name, account)| NewEnrollment {
        device_id,
        account,
        info: DeviceInfo { name, ..DeviceInfo::default() },
    });
    (device_id, new.map_err(|fault| fault.to_string()))
}
