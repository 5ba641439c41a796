//! What is known of a device that a policy is reckoned for, and the policy itself.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::Value;
use transom_protocol::csp::catalogue::Catalogue;

use super::files;
use crate::cli::{
    Global,
    client::{ClientError, connected},
    hinted, now,
    shown::{count, line},
};
use crate::model::fact::FactKind;
use crate::model::{EnrollmentId, Fact, FactName, FactValue, Facts, parse_rfc3339};
use crate::policy::declaration::{Declaration, Document, Level, Payload, Remark, check};
use crate::policy::reconcile::Policy;

/// What a person says of a device.
#[derive(Debug, Args)]
pub(super) struct Known {
    /// What is known of the device, such as os.build=22631; counts before what the server knows
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
    facts: Vec<(FactName, FactValue)>,
}

impl Known {
    /// What the server knows of a device, and what was said of it.
    pub(super) fn facts(&self, device: Option<&str>, global: &Global) -> anyhow::Result<Facts> {
        let mut known: Vec<(FactName, FactValue)> = Vec::new();
        if let Some(device) = device {
            connected(global, async |client| {
                let told = client.facts(device).await?;
                known.extend(told.facts.iter().filter(|fact| fact.state == "known").filter_map(|fact| {
                    let name = FactName::parse(&fact.name)?;
                    Some((name, value(name, &fact.value)?))
                }));
                Ok(())
            })?;
        }
        known.extend(self.facts.iter().cloned());
        let (at, enrollment) = (now(), EnrollmentId::new(now()));
        // The last of a name counts.
        let fact =
            |(name, value)| Fact { name, value, observed_at: at, changed_at: at, enrollment: enrollment.clone() };
        Ok(known.into_iter().map(fact).collect())
    }
}

/// Declarations in which nothing is wrong.
pub(super) fn checked(paths: &[PathBuf], catalogue: &Catalogue) -> anyhow::Result<Vec<Declaration>> {
    let read = files::read(paths)?;
    let mut remarks = read.remarks;
    remarks.extend(check(&read.documents, &read.broken, catalogue));
    sound(&remarks)?;
    Ok(read.documents.into_iter().map(|document| document.declaration).collect())
}

/// What a server has to say of declarations, with the places in the files that they are from.
pub(super) fn placed(mut error: ClientError, documents: &[Document]) -> ClientError {
    let ClientError::Refused(refusal) = &mut error else { return error };
    for wrong in &mut refusal.errors {
        let number = wrong.pointer.strip_prefix("/declarations/").and_then(|rest| rest.split('/').next()?.parse().ok());
        let Some(document) = number.and_then(|number: usize| documents.get(number)) else { continue };
        let Some(file) = &document.file else { continue };
        let own = format!("{}: ", document.declaration.identifier);
        let rest = wrong.detail.strip_prefix(&own).unwrap_or(&wrong.detail);
        let setting = match &document.declaration.payload {
            Payload::Configuration(configuration) => configuration
                .settings
                .keys()
                .find(|uri| rest.strip_prefix(uri.as_str()).is_some_and(|rest| rest.starts_with(": "))),
            Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => None,
        };
        let place = document.place(&setting.map(|uri| format!("settings/{}", uri.as_str())).unwrap_or_default());
        wrong.pointer = format!("{file}:{}:{}", place.line, place.column);
    }
    error
}

/// Ends in an error that names all that is wrong, if anything is.
pub(super) fn sound(remarks: &[Remark]) -> anyhow::Result<()> {
    let wrong = remarks.iter().filter(|remark| remark.level == Level::Error);
    let errors: Vec<String> = wrong.map(|remark| line(&remark.to_string())).collect();
    if !errors.is_empty() {
        bail!("{} to be mended:\n  {}", count(errors.len(), "error"), errors.join("\n  "));
    }
    Ok(())
}

/// Declarations, compiled.
pub(super) fn compiled(declarations: &[Declaration], catalogue: &Catalogue) -> anyhow::Result<Policy> {
    let policy = Policy::build(declarations, catalogue);
    if policy.is_idle() {
        return Err(hinted(
            "no activation applies anything",
            "a declaration of type activation says which devices get what",
        ));
    }
    Ok(policy)
}

/// A fact as people write it.
fn fact(text: &str) -> Result<(FactName, FactValue), String> {
    let (name, written) = text.split_once('=').ok_or("write NAME=VALUE, such as os.build=22631")?;
    let name = FactName::parse(name).ok_or_else(|| format!("there is no fact {name:?}: transom device facts"))?;
    let json = match name.definition().kind {
        FactKind::Integer => written.parse::<i64>().map(Value::from).ok(),
        FactKind::Bool => written.parse::<bool>().map(Value::from).ok(),
        FactKind::List => Some(written.split(',').map(Value::from).collect()),
        FactKind::Text | FactKind::Time => Some(Value::from(written)),
    };
    let value = json.as_ref().and_then(|json| value(name, json));
    value.map(|value| (name, value)).ok_or_else(|| format!("{written:?} is no value of {name}"))
}

fn value(name: FactName, json: &Value) -> Option<FactValue> {
    Some(match name.definition().kind {
        FactKind::Text => FactValue::Text(json.as_str()?.to_owned()),
        FactKind::Integer => FactValue::Integer(json.as_i64()?),
        FactKind::Bool => FactValue::Bool(json.as_bool()?),
        FactKind::Time => FactValue::Time(parse_rfc3339(json.as_str()?)?),
        FactKind::List => {
            let items = json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
            FactValue::List(items.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::{Refusal, RefusalError};

    #[test]
    fn what_a_server_refuses_is_told_with_its_place() {
        let text = "type: configuration\nidentifier: a\npayload:\n  settings:\n    ./B: 1\n";
        let read = crate::policy::declaration::read_text("p.yaml", text);
        let error =
            |pointer: &str, detail: &str| RefusalError { pointer: pointer.to_owned(), detail: detail.to_owned() };
        let errors =
            vec![error("/declarations/0", "a: ./B: no"), error("/declarations/0", "a: no"), error("/message", "no")];
        let refusal = Refusal { status: 422, title: String::new(), detail: None, errors };
        let ClientError::Refused(told) = placed(ClientError::Refused(Box::new(refusal)), &read.documents) else {
            panic!()
        };
        let places: Vec<&str> = told.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(places, ["p.yaml:5:5", "p.yaml:1:1", "/message"]);
    }

    #[test]
    fn facts_are_read_by_their_types() {
        let read = |text: &str| fact(text).map(|(_, value)| value);
        assert_eq!(read("os.build=22631"), Ok(FactValue::Integer(22631)));
        assert_eq!(read("device.serial=A=B"), Ok(FactValue::Text("A=B".to_owned())));
        assert_eq!(read("apps.msi=a,b"), Ok(FactValue::List(vec!["a".to_owned(), "b".to_owned()])));
        assert!(read("os.build=new").unwrap_err().contains("no value of os.build"));
        assert!(read("os.bild=1").unwrap_err().contains("there is no fact"));
        assert!(read("os.build").is_err());
    }
}
