//! The directory: what is known of the people whose devices these are, and whose a device is. Conditions and variables of
//! policies use it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error, Fault, PageJson, Part};
use crate::model::{
    Actor, Attribute, AuditRecord, Known, Line, MAX_GROUPS, Person, Timestamp, UserName, from_rfc3339, rfc3339,
};
use crate::store::Tx;

/// Most people in one request.
const MAX_PEOPLE: usize = 1000;

/// People that one transaction takes.
const TOGETHER: usize = 100;

/// What is wrong with a name.
const NAME: &str = "a name has 1 to 256 characters, none of them a control character";

/// A person of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonJson {
    /// What they enroll with; small and capital letters are the same.
    pub name: String,
    /// The groups that they are in, sorted.
    pub groups: Vec<String>,
    /// What else is known of them, by the names of the facts below `user`.
    pub attributes: BTreeMap<String, String>,
    /// When that changed last.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// Who said so; `transom:sign-in` for the provider that they signed in at.
    pub changed_by: String,
}

/// What is to be known of people.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPeople {
    /// Each of them, with all that is to be known of them. Others stay as they are.
    pub people: Vec<SetPerson>,
}

/// All that is to be known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPerson {
    /// What they enroll with.
    pub name: String,
    /// The groups that they are in.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What else is known of them, by the names of the facts below `user`, such as `department`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct PeopleSet {
    /// People of whom something else is known now. Their devices are looked at.
    pub changed: usize,
    /// People of whom the same was known already.
    pub same: usize,
}

/// Whose a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicePersonJson {
    /// The device.
    pub device_id: String,
    /// The person; `null` where it is nobody's.
    pub person: Option<String>,
}

/// Whose a device is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveDevice {
    /// The person; `null` for nobody.
    pub person: Option<String>,
}

impl Admin {
    /// People of whom something is known, by name.
    pub async fn people(&self, part: Part) -> Result<PageJson<PersonJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.people(cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, PersonJson::from))
    }

    /// What is known of a person.
    pub async fn person(&self, name: &str) -> Result<PersonJson, Error> {
        let name = UserName::parse(name).ok_or(Error::NotFound("person"))?;
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.person(&name)).await?;
        found.map(PersonJson::from).ok_or(Error::NotFound("person"))
    }

    /// Says what is known of people from now on. One that can't be kept keeps all others from it.
    pub async fn set_people(&self, set: SetPeople, by: &Actor, now: Timestamp) -> Result<PeopleSet, Error> {
        if set.people.is_empty() {
            return Err(Error::invalid("/people", "nobody is named"));
        }
        if set.people.len() > MAX_PEOPLE {
            return Err(Error::invalid("/people", format!("at most {MAX_PEOPLE} people at once")));
        }
        let (mut people, mut faults) = (BTreeMap::new(), Vec::new());
        for (place, person) in set.people.into_iter().enumerate() {
            match person_of(person) {
                Ok((name, known)) => {
                    if people.insert(name.key(), (name, known)).is_some() {
                        let what = "this person is named before".to_owned();
                        faults.push(Fault { at: format!("/people/{place}/name"), what });
                    }
                }
                Err((field, what)) => faults.push(Fault { at: format!("/people/{place}/{field}"), what }),
            }
        }
        if !faults.is_empty() {
            return Err(Error::Invalid { summary: "nothing was changed".to_owned(), faults });
        }
        let mut people: Vec<(UserName, Known)> = people.into_values().collect();
        let mut done = PeopleSet::default();
        while !people.is_empty() {
            let some: Vec<_> = people.drain(..people.len().min(TOGETHER)).collect();
            let (count, by) = (some.len(), by.clone());
            let job = move |tx: &mut Tx<'_>| {
                let mut changed = 0;
                for (name, known) in &some {
                    let Some(before) = tx.tell_of_person(name, known, &by.name, now)? else { continue };
                    changed += 1;
                    let record = AuditRecord::new("directory.set", "person", name.as_str());
                    tx.audit(&by, record.before(json!(before)).after(json!(known)), now);
                }
                Ok::<_, Error>(changed)
            };
            let changed = self.store.write(job).await?;
            done.changed += changed;
            done.same += count.saturating_sub(changed);
        }
        Ok(done)
    }

    /// Forgets what is known of a person. Their devices stay theirs.
    pub async fn forget_person(&self, name: &str, by: &Actor, now: Timestamp) -> Result<PersonJson, Error> {
        let name = UserName::parse(name).ok_or(Error::NotFound("person"))?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let person = tx.person(&name)?.ok_or(Error::NotFound("person"))?;
            let before = tx.forget_person(&name, &by.name, now)?.ok_or(Error::NotFound("person"))?;
            let record = AuditRecord::new("directory.remove", "person", person.name.as_str());
            tx.audit(&by, record.before(json!(before)), now);
            Ok::<_, Error>(PersonJson::from(person))
        };
        self.store.write(job).await
    }

    /// Whose a device is.
    pub async fn device_person(&self, id: &str) -> Result<DevicePersonJson, Error> {
        let device = named_device(id)?;
        let job = move |tx: &mut Tx<'_>| {
            let known = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let person = tx.person_of(&known.key)?.map(String::from);
            Ok::<_, Error>(DevicePersonJson { device_id: known.device_id.to_string(), person })
        };
        self.store.read(job).await
    }

    /// Says whose a device is from now on, until somebody enrolls it anew.
    pub async fn give_device(
        &self,
        id: &str,
        give: GiveDevice,
        by: &Actor,
        now: Timestamp,
    ) -> Result<DevicePersonJson, Error> {
        let device = named_device(id)?;
        let person = match &give.person {
            Some(name) => Some(UserName::parse(name).ok_or_else(|| Error::invalid("/person", NAME))?),
            None => None,
        };
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let known = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let shown = known.device_id.to_string();
            let newest = known.enrollment.ok_or(Error::NotFound("enrollment"))?;
            // Where it enrolls anew, the life that it still is in counts as well.
            let lives = tx.live_enrollments(&known.device_id)?;
            let before = tx.person_of(&known.key)?;
            let after = DevicePersonJson { device_id: shown.clone(), person: person.clone().map(String::from) };
            if before.as_ref().map(UserName::as_str) != person.as_ref().map(UserName::as_str) {
                tx.give_device_to(&known.key, &newest.id, person.as_ref(), now)?;
                for life in lives {
                    tx.look_at_policies(&life.enrollment, now)?;
                }
                let record = AuditRecord::new("device.person", "device", shown);
                let record = record.before(json!({"person": before.map(String::from)}));
                tx.audit(&by, record.after(json!({"person": after.person})), now);
            }
            Ok::<_, Error>(after)
        };
        self.store.write(job).await
    }
}

fn person_of(set: SetPerson) -> Result<(UserName, Known), (String, String)> {
    const LINE: &str = "write 1 to 256 characters, none of them a control character";
    let name = UserName::parse(&set.name).ok_or_else(|| ("name".to_owned(), NAME.to_owned()))?;
    if set.groups.len() > MAX_GROUPS {
        return Err(("groups".to_owned(), format!("a person is in at most {MAX_GROUPS} groups")));
    }
    let mut known = Known::default();
    for (place, group) in set.groups.iter().enumerate() {
        let group = Line::parse(group).ok_or_else(|| (format!("groups/{place}"), LINE.to_owned()))?;
        known.groups.insert(group);
    }
    for (name, said) in set.attributes {
        let at = || format!("attributes/{}", name.replace('~', "~0").replace('/', "~1"));
        let attribute = Attribute::try_from(name.clone()).map_err(|what| (at(), what))?;
        let line = Line::parse(&said).ok_or_else(|| (at(), LINE.to_owned()))?;
        if known.attributes.insert(attribute, line).is_some() {
            return Err((at(), "it stands there twice".to_owned()));
        }
    }
    Ok((name, known))
}

impl From<Person> for PersonJson {
    fn from(person: Person) -> Self {
        let Known { groups, attributes } = person.known;
        Self {
            name: person.name.into(),
            groups: groups.into_iter().map(String::from).collect(),
            attributes: attributes
                .into_iter()
                .map(|(attribute, said)| (attribute.as_str().to_owned(), String::from(said)))
                .collect(),
            changed_at: person.changed_at,
            changed_by: person.changed_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_t_be_known_of_a_person_is_refused_with_its_place() {
        let refused = |json: serde_json::Value| person_of(serde_json::from_value(json).unwrap()).unwrap_err();
        let group = |name: &str| json!({"name": "ada", "groups": ["a", name]});
        assert_eq!(refused(json!({"name": " "})).0, "name");
        assert_eq!(refused(group("a\nb")).0, "groups/1");
        let many: Vec<String> = (0..501).map(|number| number.to_string()).collect();
        assert_eq!(refused(json!({"name": "ada", "groups": many})).0, "groups");
        let (at, what) = refused(json!({"name": "ada", "attributes": {"a/b": "x"}}));
        assert_eq!(at, "attributes/a~1b");
        assert!(what.contains("department"), "{what}");
        assert_eq!(refused(json!({"name": "ada", "attributes": {"department": ""}})).0, "attributes/department");
        let twice = json!({"name": "ada", "attributes": {"department": "x", "user.department": "y"}});
        assert!(refused(twice).1.contains("twice"));
    }
}
