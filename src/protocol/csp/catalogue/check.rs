//! May this be written there? What an author proposes is held against the catalogue, and comes back as it is to be
//! sent.

use serde::{Deserialize, Serialize};

use super::value::{Form, judge};
use super::{Catalogue, Found, Hit, Missing, NodeId, Unchecked};
use crate::csp::check::{Problem, wrong_value};
use crate::csp::ddf::{Allowed, Device, Fit, Kind, NodeName, Properties, Reboot};
use crate::csp::{LocUri, short};
use crate::syncml::{Format, Verb};

/// What an author proposes.
#[derive(Debug, Clone, Copy)]
pub struct Proposed<'a> {
    /// What is to be done.
    pub verb: Verb,
    /// With which node.
    pub uri: &'a LocUri,
    /// Format of the value; `None`: the catalogue knows it.
    pub format: Option<&'a Format>,
    /// The value.
    pub data: Option<&'a str>,
    /// It stands in an Atomic.
    pub in_atomic: bool,
}

/// A proposal after it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The node, if it is known.
    pub node: Option<NodeId>,
    /// The address as it is to be sent.
    pub uri: LocUri,
    /// The format as it is to be sent.
    pub format: Option<Format>,
    /// The MIME type that the description gives.
    pub mime: Option<String>,
    /// The value as it is to be sent.
    pub data: Option<String>,
    /// What is to be said, the worst first.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether something is wrong that its author has to mend, or to insist on.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    /// Whether it is to be sent otherwise than it was written.
    pub fn is_corrected(&self, proposed: &Proposed<'_>) -> bool {
        self.uri != *proposed.uri
            || self.data.as_deref() != proposed.data
            || proposed.format.is_some_and(|format| Some(format) != self.format.as_ref())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It can't work, as far as anybody knows. An author may insist, with a reason.
    Error,
    /// It may not work, or not everywhere.
    Warning,
    /// Good to know.
    Note,
}

impl Level {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Which rule a finding is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nothing has this address.
    UnknownNode,
    /// It is known in the other scope only.
    WrongScope,
    /// No description speaks of it.
    NotChecked,
    /// The node does not take the verb.
    Access,
    /// Add where there is only Replace, or the other way round.
    AddOrReplace,
    /// The value is not of the node's format.
    Format,
    /// The node does not take the value.
    Value,
    /// The value does not look as the description says.
    Pattern,
    /// The payload of an administrative template is wrong.
    Payload,
    /// Something that the policy asks for is left out.
    LeftOut,
    /// It was spelled otherwise.
    Spelling,
    /// It is going away.
    Deprecated,
    /// Only descriptions of the time before 2022 have it.
    Older,
    /// No Windows that one can buy has it.
    NotReleased,
    /// The device's Windows is too old, or one of those that never got it.
    TooOld,
    /// The device's edition does not have it.
    Edition,
    /// It must stand in an Atomic.
    Atomic,
    /// The device reboots, or has to be rebooted.
    Reboot,
    /// Another node must have a certain value.
    Dependency,
}

/// One thing that is to be said of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Which rule it is of.
    pub rule: Rule,
    /// What, and what to do.
    pub what: String,
}

/// What no device could ever do, as a finding.
impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        let rule = match problem.at.rsplit('.').next() {
            Some("target") => Rule::Access,
            Some("type" | "format") => Rule::Format,
            _ => Rule::Value,
        };
        Self::error(rule, problem.what)
    }
}

impl Finding {
    pub(super) fn error(rule: Rule, what: impl Into<String>) -> Self {
        Self { level: Level::Error, rule, what: what.into() }
    }

    pub(super) fn warning(rule: Rule, what: impl Into<String>) -> Self {
        Self { level: Level::Warning, rule, what: what.into() }
    }

    fn note(rule: Rule, what: impl Into<String>) -> Self {
        Self { level: Level::Note, rule, what: what.into() }
    }

    /// The description gives a form that can't be read here.
    pub(super) fn unreadable(pattern: &str) -> Self {
        Self::note(Rule::NotChecked, format!("not checked: the form {pattern} of the description can't be read"))
    }
}

impl Catalogue {
    /// Holds a proposal against the catalogue; with a device also against what this device has.
    pub fn check(&self, proposed: &Proposed<'_>, device: Option<&Device>) -> Checked {
        let mut checked = Checked {
            node: None,
            uri: proposed.uri.clone(),
            format: proposed.format.cloned(),
            mime: None,
            data: proposed.data.map(str::to_owned),
            findings: Vec::new(),
        };
        match self.find(proposed.uri) {
            Found::Known(hit) => self.known_node(proposed, hit, device, &mut checked),
            Found::Unchecked(why) => checked.findings.push(unchecked(why)),
            Found::Missing(missing) => checked.findings.push(not_found(&missing)),
        }
        checked.findings.sort_by_key(|finding| finding.level);
        checked
    }

    fn known_node(&self, proposed: &Proposed<'_>, hit: Hit, device: Option<&Device>, checked: &mut Checked) {
        let Some(properties) = self.entry(hit.node).properties.as_deref() else { return };
        checked.node = Some(hit.node);
        if !hit.is_spelled_so {
            checked.findings.push(Finding::note(Rule::Spelling, format!("it is spelled {}", hit.uri)));
        }
        let access = self.access(properties, &hit, proposed.verb);
        checked.findings.extend(access);
        self.chosen_names(&hit, &mut checked.findings);
        checked.uri = hit.uri;
        if matches!(proposed.verb, Verb::Add | Verb::Replace | Verb::Exec) {
            value(proposed, properties, checked);
            self.around(proposed, hit.node, properties, &mut checked.findings);
        }
        self.fits(hit.node, device, &mut checked.findings);
    }

    fn access(&self, properties: &Properties, hit: &Hit, verb: Verb) -> Option<Finding> {
        let access = properties.access;
        if hit.is_result {
            return (verb != Verb::Get).then(|| {
                Finding::error(Rule::Access, "the result of a policy can only be read: write it below Policy/Config")
            });
        }
        if access.is_empty() || access.allows(verb) {
            return None;
        }
        let takes: Vec<&str> = access.verbs().map(word).collect();
        let takes = takes.join(", ");
        Some(match verb {
            Verb::Add | Verb::Replace if access.is_settable() => {
                let other = if verb == Verb::Add { "replace" } else { "add" };
                let what = format!("the description has no {}, it takes {takes}: {other} may be meant", word(verb));
                Finding::warning(Rule::AddOrReplace, what)
            }
            Verb::Add | Verb::Replace
                if properties.format == Format::Node && !self.entry(hit.node).fixed.is_empty() =>
            {
                let what = format!("this node only holds others, it takes {takes}: write to one of the nodes below");
                Finding::error(Rule::Access, what)
            }
            _ => Finding::error(Rule::Access, format!("the node takes no {}, only {takes}", word(verb))),
        })
    }

    /// Names that were chosen, against the form that the description gives.
    fn chosen_names(&self, hit: &Hit, findings: &mut Vec<Finding>) {
        for (id, name) in &hit.chosen {
            let allowed = self.entry(*id).properties.as_ref().and_then(|properties| properties.allowed.as_ref());
            let Some(Allowed { kind: Kind::Regex(pattern), .. }) = allowed else { continue };
            let form = Form::of(pattern);
            if matches!(form, Form::Unreadable) {
                findings.push(Finding::unreadable(pattern));
            } else if !form.fits(name) {
                findings.push(Finding::warning(
                    Rule::Pattern,
                    format!("the name {name:?} is expected to have the form {pattern}"),
                ));
            }
        }
    }

    /// What the node's surroundings want.
    fn around(&self, proposed: &Proposed<'_>, node: NodeId, properties: &Properties, findings: &mut Vec<Finding>) {
        if !proposed.in_atomic && self.is_atomic(node) {
            findings.push(Finding::warning(Rule::Atomic, "it has to stand in an atomic, with all that belongs to it"));
        }
        match properties.reboot {
            Some(Reboot::Automatic) => {
                findings.push(Finding::note(Rule::Reboot, "the device reboots by itself after this"));
            }
            Some(Reboot::ServerInitiated) => {
                findings.push(Finding::note(Rule::Reboot, "it takes effect after a reboot that the server orders"));
            }
            None => {}
        }
        for dependency in properties.dependencies.iter().flat_map(|group| &group.dependencies) {
            let not = if dependency.not { "not " } else { "" };
            let what = format!(
                "it works only while {} {not}has {}",
                dependency.uri,
                super::describe::allowed(&dependency.allowed)
            );
            findings.push(Finding::note(Rule::Dependency, what));
        }
    }

    /// Whether it, or something above it, has to be written within an Atomic.
    pub fn is_atomic(&self, node: NodeId) -> bool {
        self.upwards(node).any(|(_, entry)| entry.properties.as_ref().is_some_and(|properties| properties.atomic))
    }

    /// Whether a device has a node.
    pub fn fit(&self, node: NodeId, device: &Device) -> Fit {
        let (builds, editions) = self.nearest(node);
        match builds.map_or(Fit::Yes, |builds| builds.fits_build(device.build)) {
            Fit::Yes => editions.map_or(Fit::Yes, |editions| editions.fits_edition(device.edition)),
            no => no,
        }
    }

    fn fits(&self, node: NodeId, device: Option<&Device>, findings: &mut Vec<Finding>) {
        if let Some(deprecated) = self.deprecated(node) {
            let since = deprecated.since.map(|build| format!(" since {build}")).unwrap_or_default();
            findings.push(Finding::warning(Rule::Deprecated, format!("it is deprecated{since}")));
        }
        if self.entry(node).is_old {
            let what = "only descriptions of Windows 10 20H2 and before have it: later Windows may not";
            findings.push(Finding::warning(Rule::Older, what));
        }
        let fit = self.fit(node, device.unwrap_or(&Device::default()));
        let (rule, what) = match fit {
            Fit::Yes => return,
            Fit::NotReleased => (Rule::NotReleased, "no released Windows has it".to_owned()),
            Fit::Edition => (Rule::Edition, fit.told().unwrap_or_default()),
            Fit::TooOld { .. } | Fit::OtherBuilds { .. } => (Rule::TooOld, fit.told().unwrap_or_default()),
        };
        findings.push(Finding::warning(rule, what));
    }

    /// What is chosen in an address, as people call it.
    pub fn placeholder(&self, node: NodeId) -> Option<&str> {
        match &self.entry(node).name {
            NodeName::Dynamic { placeholder, .. } => placeholder.as_deref(),
            NodeName::Fixed(_) => None,
        }
    }
}

/// Format and value.
fn value(proposed: &Proposed<'_>, properties: &Properties, checked: &mut Checked) {
    let wanted = &properties.format;
    checked.mime.clone_from(&properties.mime);
    let Some(data) = proposed.data else {
        checked.format = proposed.format.cloned().or_else(|| (*wanted != Format::Chr).then(|| wanted.clone()));
        return;
    };
    let mut format = wanted.clone();
    if let Some(given) = proposed.format
        && !same(given, wanted)
    {
        let fits = wrong_value(wanted, data.trim()).is_none() && !matches!(wanted, Format::Node | Format::Null);
        let what = format!("the format is {}, not {}", wanted.as_str(), given.as_str());
        checked.findings.push(if fits {
            Finding::warning(Rule::Format, format!("{what}: it is sent so"))
        } else {
            Finding::error(Rule::Format, what)
        });
    } else if let Some(given) = proposed.format {
        format = given.clone();
    }
    let judged = judge(wanted, properties.allowed.as_ref(), data);
    // What is called does what it does with a node.
    let is_called = *wanted == Format::Node && proposed.verb == Verb::Exec;
    if let Some(what) = wrong_value(wanted, &judged.data).filter(|_| !is_called) {
        checked.findings.push(Finding::error(Rule::Format, what));
    }
    checked.findings.extend(judged.findings);
    checked.format = Some(format);
    checked.data = Some(judged.data);
}

/// Formats that devices do not tell apart.
fn same(one: &Format, other: &Format) -> bool {
    let family = |format: &Format| match format {
        Format::Xml | Format::Chr => Format::Chr,
        Format::B64 | Format::Bin => Format::Bin,
        other => other.clone(),
    };
    family(one) == family(other)
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Exec => "exec",
        Verb::Copy => "copy",
    }
}

fn unchecked(why: Unchecked) -> Finding {
    let what = match why {
        Unchecked::Wmi => "WMI classes are not in the catalogue",
        Unchecked::Vendor => "nodes of other vendors are not in the catalogue",
        Unchecked::Ingested => "it is a policy of a template that was not imported: transom csp admx import",
    };
    Finding::note(Rule::NotChecked, format!("not checked: {what}"))
}

fn not_found(missing: &Missing) -> Finding {
    if let Some(other) = &missing.other_scope {
        return Finding::error(Rule::WrongScope, format!("it is not known in this scope: write {other}"));
    }
    let place = if missing.known.is_empty() { String::new() } else { format!(" below {}", missing.known) };
    let meant = match &missing.meant[..] {
        [] => String::new(),
        meant => format!("; did you mean {}?", meant.join(" or ")),
    };
    Finding::error(Rule::UnknownNode, format!("there is no {:?}{place}{meant}", short(&missing.name, 100)))
}
