//! What the client asks about people and whose devices are whose.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{DevicePersonJson, GiveDevice, PageJson, Part, PeopleSet, PersonJson, SetPeople};

const PEOPLE: [&str; 2] = ["directory", "people"];

impl Client {
    /// People by name.
    pub async fn people(&self, part: &Part) -> Result<PageJson<PersonJson>, ClientError> {
        self.get(&PEOPLE, part).await
    }

    /// What is known of a person.
    pub async fn person(&self, name: &str) -> Result<PersonJson, ClientError> {
        let [directory, people] = PEOPLE;
        self.get(&[directory, people, name.trim()], &()).await
    }

    /// Says what is known of people.
    pub async fn set_people(&self, set: &SetPeople) -> Result<PeopleSet, ClientError> {
        self.post(&PEOPLE, Some(json!(set))).await
    }

    /// Forgets what is known of a person.
    pub async fn forget_person(&self, name: &str) -> Result<PersonJson, ClientError> {
        let [directory, people] = PEOPLE;
        self.delete(&[directory, people, name.trim()]).await
    }

    /// Whose a device is.
    pub async fn device_person(&self, device: &str) -> Result<DevicePersonJson, ClientError> {
        self.get(&["devices", device, "person"], &()).await
    }

    /// Says whose a device is.
    pub async fn give_device(&self, device: &str, give: &GiveDevice) -> Result<DevicePersonJson, ClientError> {
        self.post(&["devices", device, "person"], Some(json!(give))).await
    }
}
