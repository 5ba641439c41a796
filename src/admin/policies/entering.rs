//! What somebody enters in a set, setting by setting: the form for it, what is to be said of it, and how it goes into the
//! draft.

use super::publish::MOST_REMARKS;
use super::{PolicyRemarkJson, WorkingSet};
use crate::admin::{Admin, Error};
use crate::model::{Actor, Timestamp};
use crate::policy::declaration::{
    Configuration, Declaration, Document, Identifier, LocUri, Payload, Remark, Value, with_ingested,
};
use crate::policy::form::Form;

impl Admin {
    /// The form for a setting of a set, which may bring templates of its own; what is wrong with the address where there is
    /// none.
    pub async fn setting_form(&self, working: &WorkingSet, address: &str) -> Result<Form, Error> {
        let in_use = self.library.in_use().await?;
        let (declarations, address) = (working.declarations.clone(), address.to_owned());
        // Templates are of any size.
        let look = move || Form::of(&with_ingested(&in_use.catalogue, &declarations), &address);
        let form = tokio::task::spawn_blocking(look).await.map_err(|_| Error::Busy)?;
        form.map_err(|error| Error::parameter("uri", error.to_string()))
    }

    /// What is to be said of one setting, beside all others of its configuration and its set.
    pub async fn check_setting(
        &self,
        working: &WorkingSet,
        identifier: &Identifier,
        (uri, value, reason): (LocUri, Value, Option<String>),
    ) -> Result<Vec<PolicyRemarkJson>, Error> {
        // The others of the same configuration give it templates, and what it depends on.
        let mut configuration = match working.find(identifier.as_str()).map(|found| &found.payload) {
            Some(Payload::Configuration(configuration)) => configuration.clone(),
            _ => Configuration::default(),
        };
        put(&mut configuration, &uri, value, reason);
        let payload = Payload::Configuration(configuration);
        let mut remarks = self.remarks_on(working, Declaration { identifier: identifier.clone(), payload }).await?;
        remarks.retain(|remark| remark.setting.as_deref() == Some(uri.as_str()));
        Ok(first(&remarks))
    }

    /// What is to be said of one declaration, beside all others of its set.
    pub async fn check_declaration(
        &self,
        working: &WorkingSet,
        declaration: Declaration,
    ) -> Result<Vec<PolicyRemarkJson>, Error> {
        Ok(first(&self.remarks_on(working, declaration).await?))
    }

    async fn remarks_on(&self, working: &WorkingSet, declaration: Declaration) -> Result<Vec<Remark>, Error> {
        let others = working.declarations.iter().filter(|each| each.identifier != declaration.identifier);
        let beside = others.cloned().collect();
        let mut remarks = self.rollout()?.remarks(&working.set, vec![Document::new(declaration)], beside).await?;
        remarks.sort_by_key(|remark| remark.level);
        Ok(remarks)
    }

    /// Puts a setting into a configuration of a draft, in place of what stands at its address.
    pub async fn enter_setting(
        &self,
        set: &str,
        identifier: &Identifier,
        (uri, value, reason): (LocUri, Value, Option<String>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let change = |all: &mut Vec<Declaration>| {
            put(configuration_of(all, identifier)?, &uri, value.clone(), reason.clone());
            Ok(())
        };
        self.change_draft(set, by, now, change).await
    }

    /// Takes a setting out of a configuration of a draft.
    pub async fn remove_setting(
        &self,
        set: &str,
        identifier: &Identifier,
        address: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let change = |all: &mut Vec<Declaration>| {
            remove(configuration_of(all, identifier)?, address);
            Ok(())
        };
        self.change_draft(set, by, now, change).await
    }
}

/// The first remarks, as they are answered.
fn first(remarks: &[Remark]) -> Vec<PolicyRemarkJson> {
    remarks.iter().take(MOST_REMARKS).map(PolicyRemarkJson::of).collect()
}

fn put(configuration: &mut Configuration, uri: &LocUri, value: Value, reason: Option<String>) {
    remove(configuration, uri.as_str());
    configuration.settings.insert(uri.clone(), value);
    configuration.overrides.extend(reason.map(|reason| (uri.clone(), reason)));
}

fn remove(configuration: &mut Configuration, address: &str) {
    configuration.settings.retain(|known, _| !known.names_same_node(address));
    configuration.overrides.retain(|known, _| !known.names_same_node(address));
}

fn configuration_of<'a>(all: &'a mut [Declaration], identifier: &Identifier) -> Result<&'a mut Configuration, Error> {
    let found = all.iter_mut().find(|each| each.identifier == *identifier);
    match found.map(|found| &mut found.payload) {
        Some(Payload::Configuration(configuration)) => Ok(configuration),
        _ => Err(Error::NotFound("configuration")),
    }
}
