//! Whom each changed declaration of a set would concern, before it is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::{Admin, Error};
use crate::model::predicate::Predicate;
use crate::model::{DeviceFilter, DeviceId};
use crate::policy::declaration::{Activation, Configuration, Declaration, Identifier, Payload};
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
        let (before, after) = (Side::of(before), Side::of(after));
        let names: BTreeSet<&Identifier> = before.known.keys().chain(after.known.keys()).copied().collect();
        let others: Vec<&Activation> = others.iter().filter_map(activation).collect();
        let mut planned: Vec<PlannedDeclarationJson> = Vec::new();
        for name in names {
            let (was, is) = (before.known.get(name), after.known.get(name));
            let change = match (was, is) {
                (None, _) => "added",
                (_, None) => "removed",
                (Some(was), Some(is)) if was != is => "changed",
                _ => continue,
            };
            let Some(declaration) = is.or(was) else { continue };
            let (devices, has_more) = if planned.len() < MOST {
                let conditions = conditions(name, &before, &after, &others);
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

/// The declarations of a set.
struct Side<'a> {
    known: BTreeMap<&'a Identifier, &'a Declaration>,
}

impl<'a> Side<'a> {
    fn of(declarations: &'a [Declaration]) -> Self {
        Self { known: declarations.iter().map(|each| (&each.identifier, each)).collect() }
    }

    fn activation(&self, name: &Identifier) -> Option<&'a Activation> {
        self.known.get(name).and_then(|each| activation(each))
    }

    /// The configurations that a declaration is part of: itself, or those that have the asset in a value.
    fn carriers(&self, name: &'a Identifier) -> BTreeSet<&'a Identifier> {
        let uses = |configuration: &Configuration| {
            configuration.settings.values().any(|value| value.assets().iter().any(|asset| asset == name))
        };
        let users = self.known.iter().filter_map(|(own, each)| match &each.payload {
            Payload::Configuration(configuration) if *own == name || uses(configuration) => Some(*own),
            _ => None,
        });
        users.collect()
    }

    /// The conditions of the activations that apply one of these.
    fn selecting(&self, carriers: &BTreeSet<&Identifier>, others: &[&'a Activation]) -> Conditions {
        let own = self.known.values().filter_map(|each| activation(each));
        let applies = |activation: &&Activation| activation.configurations.iter().any(|name| carriers.contains(name));
        own.chain(others.iter().copied()).filter(applies).map(|each| Selects::Those(each.when.clone())).collect()
    }
}

fn activation(declaration: &Declaration) -> Option<&Activation> {
    match &declaration.payload {
        Payload::Activation(activation) => Some(activation),
        _ => None,
    }
}

/// The devices that a declaration concerns, before or after.
fn conditions<'a>(name: &'a Identifier, before: &Side<'a>, after: &Side<'a>, others: &[&'a Activation]) -> Conditions {
    match (before.activation(name), after.activation(name)) {
        // The same for other devices: those that had it and have it further are not concerned.
        (Some(was), Some(is)) if (&was.configurations, was.atomic) == (&is.configurations, is.atomic) => {
            Conditions::from([Selects::Either(was.when.clone(), is.when.clone())])
        }
        (None, None) => {
            let side = |side: &Side<'a>| side.selecting(&side.carriers(name), others);
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
        let others: Vec<&Activation> = others.iter().filter_map(super::activation).collect();
        let name = Identifier::parse(name).unwrap();
        conditions(&name, &Side::of(&before), &Side::of(&after), &others).into_iter().collect()
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
    }
}
