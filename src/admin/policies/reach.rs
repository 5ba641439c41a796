//! Whom each changed declaration of a set would concern, before it is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::compare::{Change, between, by_name};
use crate::admin::{Admin, Error};
use crate::model::predicate::Predicate;
use crate::model::{DeviceFilter, DeviceId};
use crate::policy::declaration::{Activation, Declaration, Identifier, Payload};
use crate::store::Tx;

/// Devices that are counted for one declaration; beyond that there are more.
const COUNTED: usize = 500;

/// Declarations of which the devices are counted.
const MOST: usize = 100;

/// A declaration that would be another, and on how many devices that changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedDeclarationJson {
    /// Which.
    pub identifier: String,
    /// Its type.
    pub r#type: String,
    /// `added`, `changed` or `removed`.
    pub change: String,
    /// The devices that it concerns: those that an activation selects for it, before or after. Counted up to 500; nothing where
    /// more than 100 declarations differ and nobody counted them.
    pub devices: Option<usize>,
    /// There are more, or there may be: nobody looked further.
    pub has_more: bool,
}

/// The conditions under which a device has something to do with a declaration.
type Conditions = BTreeSet<Selects>;

/// For which devices something changes because of an activation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Selects {
    /// Those for which the condition holds; all where there is none.
    Those(Option<String>),
    /// Those for which one of two conditions holds, and not the other.
    Either(Option<String>, Option<String>),
}

impl Admin {
    /// What would be another in a set, with how many devices that concerns. `others` are the declarations of other sets.
    pub(super) async fn reach(
        &self,
        before: &[Declaration],
        after: &[Declaration],
        others: &[Declaration],
    ) -> Result<Vec<PlannedDeclarationJson>, Error> {
        let changes = between(by_name(before), by_name(after));
        let (before, after) = (Side::of(before, others), Side::of(after, others));
        let mut planned: Vec<PlannedDeclarationJson> = Vec::new();
        for (name, change) in changes {
            let (change, declaration) = match change {
                Change::Added(is) => ("added", is),
                Change::Changed(is) => ("changed", is),
                Change::Removed(was) => ("removed", was),
            };
            let (devices, has_more) = if planned.len() < MOST {
                let conditions = conditions(name, &before, &after);
                self.selected(&conditions).await.map(|(count, has_more)| (Some(count), has_more))?
            } else {
                (None, true)
            };
            let (identifier, r#type) = (name.to_string(), declaration.kind().as_str().to_owned());
            planned.push(PlannedDeclarationJson { identifier, r#type, change: change.to_owned(), devices, has_more });
        }
        Ok(planned)
    }

    /// For how many devices one of these holds. One page of a list is looked at, and no more.
    async fn selected(&self, conditions: &Conditions) -> Result<(usize, bool), Error> {
        let each: Option<Vec<Predicate>> = conditions.iter().map(Selects::predicate).collect();
        let Some(any) = each else { return Ok((0, true)) };
        if any.is_empty() {
            return Ok((0, false));
        }
        let filter = DeviceFilter { begins_with: None, condition: Some(Predicate::Any(any)) };
        let job = move |tx: &mut Tx<'_>| {
            let page = tx.devices(&filter, None, COUNTED)?;
            let devices: Vec<DeviceId> = page.items.into_iter().map(|device| device.device_id).collect();
            Ok::<_, Error>((devices.len(), page.next.is_some()))
        };
        self.store.read(job).await
    }
}

/// The declarations of a set, beside those of others.
struct Side<'a> {
    known: BTreeMap<&'a Identifier, &'a Declaration>,
    /// Those of other sets as well.
    activations: Vec<&'a Activation>,
    /// The configurations that have an asset in a setting, those of other sets as well.
    users: BTreeMap<Identifier, BTreeSet<&'a Identifier>>,
}

/// The configurations that have an asset in a setting: in its value, or in its address.
pub(super) fn users<'a>(
    declarations: impl IntoIterator<Item = &'a Declaration>,
) -> BTreeMap<Identifier, BTreeSet<&'a Identifier>> {
    let mut users: BTreeMap<Identifier, BTreeSet<&Identifier>> = BTreeMap::new();
    for declaration in declarations {
        let Payload::Configuration(configuration) = &declaration.payload else { continue };
        for asset in configuration.assets() {
            users.entry(asset).or_default().insert(&declaration.identifier);
        }
    }
    users
}

impl<'a> Side<'a> {
    fn of(own: &'a [Declaration], others: &'a [Declaration]) -> Self {
        let all = || own.iter().chain(others);
        Self { known: by_name(own).collect(), activations: all().filter_map(activation).collect(), users: users(all()) }
    }

    fn activation(&self, name: &Identifier) -> Option<&'a Activation> {
        self.known.get(name).and_then(|each| activation(each))
    }

    /// The configurations that a declaration is part of: itself, or those that have the asset in a setting.
    fn carriers(&self, name: &Identifier) -> BTreeSet<&'a Identifier> {
        let own = self.known.get(name).copied().filter(|each| matches!(each.payload, Payload::Configuration(_)));
        let users = self.users.get(name).into_iter().flatten().copied();
        users.chain(own.map(|each| &each.identifier)).collect()
    }

    /// The conditions of the activations that apply one of these.
    fn selecting(&self, carriers: &BTreeSet<&Identifier>) -> Conditions {
        let applies = |activation: &&&Activation| activation.configurations.iter().any(|name| carriers.contains(name));
        self.activations.iter().filter(applies).map(|each| Selects::Those(each.when.clone())).collect()
    }
}

fn activation(declaration: &Declaration) -> Option<&Activation> {
    match &declaration.payload {
        Payload::Activation(activation) => Some(activation),
        _ => None,
    }
}

/// The devices that a declaration concerns, before or after.
fn conditions(name: &Identifier, before: &Side<'_>, after: &Side<'_>) -> Conditions {
    match (before.activation(name), after.activation(name)) {
        // The same for other devices: those that had it and have it further are not concerned.
        (Some(was), Some(is)) if (&was.configurations, was.atomic) == (&is.configurations, is.atomic) => {
            Conditions::from([Selects::Either(was.when.clone(), is.when.clone())])
        }
        (None, None) => {
            let side = |side: &Side<'_>| side.selecting(&side.carriers(name));
            side(before).into_iter().chain(side(after)).collect()
        }
        (was, is) => was.into_iter().chain(is).map(|each| Selects::Those(each.when.clone())).collect(),
    }
}

impl Selects {
    /// The same as one condition; `None` where it can't be read, which the check says.
    fn predicate(&self) -> Option<Predicate> {
        let read = |when: &Option<String>| match when {
            Some(when) => Predicate::parse(when).ok(),
            None => Some(Predicate::Always(true)),
        };
        match self {
            Self::Those(when) => read(when),
            Self::Either(one, other) if one == other => Some(Predicate::Always(false)),
            Self::Either(one, other) => {
                let (one, other) = (read(one)?, read(other)?);
                let only = |this: &Predicate, that: &Predicate| {
                    Predicate::All(vec![this.clone(), Predicate::Not(Box::new(that.clone()))])
                };
                Some(Predicate::Any(vec![only(&one, &other), only(&other, &one)]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use std::slice::from_ref;

    use super::*;
    use crate::policy::declaration::read_json;

    fn set(declarations: &[Value]) -> Vec<Declaration> {
        let read = |json: &Value| read_json(json).documents.into_iter().next().unwrap().declaration;
        declarations.iter().map(read).collect()
    }

    fn configuration(name: &str, value: &Value) -> Value {
        let settings = json!({"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": value});
        json!({"type": "configuration", "identifier": name, "payload": {"settings": settings}})
    }

    fn activation(name: &str, of: &str, when: &str) -> Value {
        json!({"type": "activation", "identifier": name, "payload": {"configurations": [of], "when": when}})
    }

    fn told(name: &str, before: &[Value], after: &[Value], others: &[Value]) -> Vec<Selects> {
        let (before, after, others) = (set(before), set(after), set(others));
        let name = Identifier::parse(name).unwrap();
        conditions(&name, &Side::of(&before, &others), &Side::of(&after, &others)).into_iter().collect()
    }

    fn those(when: &str) -> Selects {
        Selects::Those(Some(when.to_owned()))
    }

    #[test]
    fn a_configuration_concerns_those_for_whom_it_is_applied_before_or_after() {
        let before = [configuration("c", &json!(0)), activation("a", "c", "os.build > 1")];
        let after = [configuration("c", &json!(1)), activation("a", "c", "os.build > 2")];
        let other = [activation("other", "c", "os.build > 3"), activation("not", "d", "os.build > 4")];
        let found = told("c", &before, &after, &other);
        assert_eq!(found, [those("os.build > 1"), those("os.build > 2"), those("os.build > 3")]);
        // Nobody applies it.
        assert_eq!(told("c", &[], &after[..1], &[]), []);
    }

    #[test]
    fn an_activation_concerns_those_that_come_and_go() {
        let (one, other) = (activation("a", "c", "os.build > 1"), activation("a", "c", "os.build > 2"));
        let either = Selects::Either(Some("os.build > 1".to_owned()), Some("os.build > 2".to_owned()));
        assert_eq!(told("a", from_ref(&one), &[other], &[]), [either]);
        // What it applies is another: it concerns all.
        let more = activation("a", "d", "os.build > 2");
        assert_eq!(told("a", from_ref(&one), &[more], &[]), [those("os.build > 1"), those("os.build > 2")]);
        assert_eq!(told("a", &[one], &[], &[]), [those("os.build > 1")]);
    }

    #[test]
    fn an_asset_concerns_those_that_have_it_in_a_setting() {
        let asset = json!({"type": "asset", "identifier": "x", "payload": {"text": "1"}});
        let all = [asset, configuration("c", &json!({"asset": "x"})), activation("a", "c", "os.build > 1")];
        assert_eq!(told("x", &[], &all, &[]), [those("os.build > 1")]);
        // The configuration may be one of another set, and the asset may stand in an address.
        assert_eq!(told("x", &[], &all[..1], &all[1..]), [those("os.build > 1")]);
        let address = json!({"./Vendor/OEM/${asset.x}": 1});
        let user = json!({"type": "configuration", "identifier": "c", "payload": {"settings": address}});
        assert_eq!(told("x", &all[..1], &[], &[user, all[2].clone()]), [those("os.build > 1")]);
    }
}
