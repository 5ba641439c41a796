//! Add, Replace and Delete (MS-MDM 2.2.7.1, 2.2.7.7, 2.2.7.4).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::access::Place;
use super::node::Stored;
use super::path::{Path, Query, Segment};
use super::rule::{Action, Rule};
use super::{Done, Refusal, Tree, Value, exec};

impl Tree {
    /// Makes a node.
    pub fn add(&mut self, loc_uri: &str, value: &Value) -> Result<Done, Refusal> {
        let place = self.place(loc_uri, Verb::Add)?;
        if place.exists {
            return Err(Refusal::status(StatusCode::ALREADY_EXISTS));
        }
        let creates_parents = place.rule.csp.is_some_and(|csp| csp.creates_parents);
        if !place.parent_exists && !creates_parents {
            return Err(Refusal::NOT_FOUND);
        }
        self.write(loc_uri, Verb::Add, value)
    }

    /// Sets a value.
    pub fn replace(&mut self, loc_uri: &str, value: &Value) -> Result<Done, Refusal> {
        let place = self.place(loc_uri, Verb::Replace)?;
        let creates = place.rule.csp.is_some_and(|csp| csp.replace_creates) && place.rule.access.allows(Verb::Add);
        if !place.exists && !creates {
            return Err(Refusal::NOT_FOUND);
        }
        self.write(loc_uri, Verb::Replace, value)
    }

    /// Takes a node away; one that every device has goes back to its first value.
    pub fn delete(&mut self, loc_uri: &str) -> Result<Done, Refusal> {
        let place = self.place(loc_uri, Verb::Delete)?;
        if place.query != Query::Node {
            return Err(Refusal::status(StatusCode::NOT_SUPPORTED));
        }
        if !place.exists {
            return Err(Refusal::NOT_FOUND);
        }
        if self.is_protected(place.rule, &place.storage) {
            return Err(Refusal::DENIED);
        }
        let storage = place.storage;
        self.check_first_sync(&storage)?;
        self.root.remove(&storage.segments);
        Ok(Done::with(StatusCode::OK))
    }

    /// What Add and Replace have in common.
    fn write(&mut self, loc_uri: &str, verb: Verb, value: &Value) -> Result<Done, Refusal> {
        let Place { rule, storage, query, .. } = self.place(loc_uri, verb)?;
        if query != Query::Node {
            return Err(Refusal::status(StatusCode::NOT_SUPPORTED));
        }
        let stored = admit(rule, value)?;
        self.check_first_sync(&storage)?;
        if !self.has_template_of(&storage) {
            return Err(Refusal::NOT_FOUND);
        }
        if self.is_protected(rule, &storage) {
            return Err(Refusal::DENIED);
        }
        self.root.make(&storage.segments).value = stored;
        self.expect_what_is(&storage);
        let code = match exec::after_write(&mut self.root, &storage, rule.action, self.channel.as_deref()) {
            Some(work) => {
                self.work.push(work);
                if rule.action == Action::FetchImage { StatusCode::ACCEPTED } else { StatusCode::OK }
            }
            None => StatusCode::OK,
        };
        Ok(Done::with(code))
    }
}

impl Tree {
    fn is_protected(&self, rule: &Rule, path: &Path) -> bool {
        let is_at = |each: &Path| {
            each.segments.iter().map(|segment| &segment.key).eq(path.segments.iter().map(|segment| &segment.key))
        };
        rule.action == Action::Protected || self.protected.iter().any(is_at)
    }

    /// Whether the template that a policy comes from was given to the device. Areas without `~` are of Windows itself.
    fn has_template_of(&self, path: &Path) -> bool {
        let names: Vec<&str> = path.segments.iter().map(|segment| segment.key.as_str()).collect();
        let [_, "vendor", "msft", "policy", "config", area, ..] = names.as_slice() else { return true };
        let mut parts = area.split('~');
        let (Some(app), Some(kind)) = (parts.next(), parts.next()) else { return true };
        let names = ["Device", "Vendor", "MSFT", "Policy", "ConfigOperations", "ADMXInstall", app, kind];
        let place: Vec<Segment> = names.into_iter().map(Segment::new).collect();
        self.root.at(&place).is_some()
    }
}

/// The value as it is kept, when the node takes it: `None` for an interior node.
pub(super) fn admit(rule: &Rule, value: &Value) -> Result<Option<Stored>, Refusal> {
    let wrong_format = Refusal::status(StatusCode::WRONG_FORMAT);
    if rule.is_interior() {
        let is_bare = value.data.as_deref().is_none_or(str::is_empty);
        let is_node = matches!(value.format, None | Some(Format::Node));
        return if is_bare && is_node { Ok(None) } else { Err(wrong_format) };
    }
    let data = value.data.clone().unwrap_or_default();
    let format = match &value.format {
        // An Add that only makes the node, as in the MSI provider: whatever format it names.
        Some(Format::Null | Format::Node) if data.is_empty() => rule.formats.first().cloned().unwrap_or_default(),
        Some(format) if rule.formats.contains(format) => format.clone(),
        Some(_) => return Err(wrong_format),
        None if rule.formats.contains(&Format::Chr) => Format::Chr,
        None => rule.formats.first().cloned().unwrap_or_default(),
    };
    let is_well_formed = match format {
        Format::Int => data.parse::<i64>().is_ok(),
        Format::Bool => ["true", "false", "0", "1"].iter().any(|word| data.eq_ignore_ascii_case(word)),
        Format::B64 | Format::Bin => BASE64.decode(data.split_ascii_whitespace().collect::<String>()).is_ok(),
        _ => true,
    };
    if is_well_formed { Ok(Some(Stored { format, data })) } else { Err(Refusal::INVALID) }
}
