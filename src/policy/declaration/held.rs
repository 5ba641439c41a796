//! Held against the catalogue; and where it knows nothing of a node, against what holds for every one.

use transom_protocol::csp::admx::Payload;
use transom_protocol::csp::catalogue::{Catalogue, Checked, Found, Proposed, Unchecked};
use transom_protocol::csp::check;
use transom_protocol::csp::ddf::{Admx, Allowed, Kind, Properties};
use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::syncml::Format;

use super::{Finding, Level, LocUri, Rule};

/// What the catalogue says of a proposal, and what can be said of any.
pub(in crate::policy) fn held(catalogue: &Catalogue, proposed: &Proposed<'_>, mime: Option<&str>) -> Checked {
    let mut checked = catalogue.check(proposed, None);
    let Some(data) = proposed.data else { return checked };
    let is_known = checked.node.is_some();
    if is_known && mime.is_none() && proposed.uri.query().is_none() {
        return checked;
    }
    let is_of_template = !is_known && of_template(&catalogue.find(proposed.uri), proposed.uri).is_some();
    let mut format = proposed.format.cloned();
    if is_of_template {
        if let Some(given) = format.as_ref().filter(|given| !matches!(given, Format::Chr | Format::Xml)) {
            let what = format!("the format of a policy of a template is chr, not {}", given.as_str());
            checked.findings.push(error(Rule::Format, what));
        }
        format = Some(Format::Chr);
        match Payload::parse(data) {
            Ok(payload) => checked.data = Some(payload.to_string()),
            Err(wrong) => checked.findings.push(error(Rule::Payload, wrong.to_string())),
        }
    }
    let target = proposed.uri.clone();
    let item = Setting { target, format, mime: mime.map(str::to_owned), data: Some(data.to_owned()) };
    let operation = Operation { verb: proposed.verb, items: vec![item], if_exists: IfExists::Fail };
    // How large a value may be is not known here.
    let problems = check::check(&Instruction::Single(operation), usize::MAX).err().unwrap_or_default();
    let findings = problems.into_iter().map(Finding::from);
    // Of the value of a known node the catalogue has said it.
    checked.findings.extend(findings.filter(|finding| !is_known || finding.rule != Rule::Value));
    checked.findings.sort_by_key(|finding| finding.level);
    checked
}

/// What is known of a policy of a template that was not imported: that it is one.
pub(super) fn of_template(found: &Found, uri: &LocUri) -> Option<Properties> {
    if !matches!(found, Found::Unchecked(Unchecked::Ingested)) {
        return None;
    }
    let mut names = uri.path().rsplit('/');
    let (policy, area) = (names.next()?, names.next()?);
    // The area alone is no policy.
    let (app, _) = area.split_once('~')?;
    let (file, area, policy) = (format!("the template of {app}"), area.to_owned(), policy.to_owned());
    let kind = Kind::Admx(Admx { file, area, policy, elements: None });
    Some(Properties { format: Format::Chr, allowed: Some(Allowed { kind, delimiter: None }), ..Properties::default() })
}

fn error(rule: Rule, what: String) -> Finding {
    Finding { level: Level::Error, rule, what }
}
