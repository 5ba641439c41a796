//! What a device allows at each place of its tree: verbs, formats, what is there from the start. The same for all
//! devices, made once.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::catalogue::{ACTIONS, CSPS, NODES};
use super::csp_versions;

/// The tree of rules of a Windows 11 device.
pub(super) static WINDOWS_11: LazyLock<Rule> = LazyLock::new(build);

/// One place of the tree.
#[derive(Debug)]
pub(super) struct Rule {
    /// The name of the node; `*` where any name may stand.
    pub(super) name: String,
    /// Nodes with a given name, by that name in lower case.
    pub(super) children: BTreeMap<String, Self>,
    /// Nodes with any other name.
    pub(super) any: Option<Box<Self>>,
    /// The verbs.
    pub(super) access: Access,
    /// The formats that a value may have; empty for an interior node.
    pub(super) formats: Vec<Format>,
    /// The value that is there when nobody has set one. A leaf without is absent until it is set.
    pub(super) default: Option<String>,
    /// What happens when it is set or run.
    pub(super) action: Action,
    /// The provider that the place belongs to.
    pub(super) csp: Option<&'static Csp>,
}

/// A configuration service provider: what holds for all its nodes.
#[derive(Debug)]
pub(super) struct Csp {
    /// The path of its root.
    pub(super) root: &'static str,
    /// What `?prop=Type` of the root answers.
    pub(super) version: &'static str,
    /// What it answers for nodes that it does not know: 404, 405 or 406.
    pub(super) unknown: StatusCode,
    /// Replace of a missing node creates it.
    pub(super) replace_creates: bool,
    /// Add creates missing parents.
    pub(super) creates_parents: bool,
    /// It implements `?list=`.
    pub(super) lists: bool,
}

/// What a node does beyond keeping a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Action {
    /// Nothing.
    #[default]
    Keep,
    /// Restart after the session.
    Reboot,
    /// Back to the factory state after the session.
    Wipe,
    /// Leave management at once.
    Unenroll,
    /// Lock the screen.
    Lock,
    /// Download and install; the end comes with an alert.
    InstallMsi,
    /// Register for push: a channel appears.
    RegisterPush,
    /// Fetch a picture: 202, the end shows in the status node.
    FetchImage,
    /// Rotate recovery passwords: the end shows in the status node.
    RotateRecovery,
    /// Change the administrator's password: the end shows in the status node.
    ResetLaps,
    /// Get a certificate: the end shows in the status node.
    EnrollScep,
    /// Look for malware: the end shows in the time of the last scan.
    Scan,
    /// Fetch signatures of malware.
    UpdateSignatures,
    /// Collect logs, and send them after the session.
    Collect,
    /// Reset and stay enrolled: the end shows in the status node after a restart.
    Redeploy,
    /// Encrypt the drive: the end shows in the status node.
    Encrypt,
    /// The operating system protects the value: 425.
    Protected,
}

/// The verbs that a place allows, written as the letters of a DDF: `A`, `D`, `G`, `R`, `X`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access(pub(super) &'static str);

/// One line of the catalogue.
pub(super) struct Definition {
    /// From the root, without `./`; a segment `*` is any name.
    pub(super) path: &'static str,
    /// Letters of [`Access`].
    pub(super) access: &'static str,
    /// Formats joined by `|`; `node` for an interior node.
    pub(super) formats: &'static str,
    /// [`Rule::default`].
    pub(super) default: Option<&'static str>,
}

impl Access {
    /// Whether a verb is allowed.
    pub(super) fn allows(self, verb: Verb) -> bool {
        let letter = match verb {
            Verb::Add => 'A',
            Verb::Delete => 'D',
            Verb::Get => 'G',
            Verb::Replace => 'R',
            Verb::Exec => 'X',
            Verb::Copy => return false,
        };
        self.0.contains(letter)
    }
}

impl Rule {
    /// The rule for a child, and whether it has that very name.
    pub(super) fn child(&self, key: &str) -> Option<(&Self, bool)> {
        let named = self.children.get(key).map(|rule| (rule, true));
        named.or_else(|| self.any.as_deref().map(|rule| (rule, false)))
    }

    /// Whether nodes live below.
    pub(super) fn is_interior(&self) -> bool {
        self.formats.is_empty()
    }

    /// Whether the node is there in every device (where its parent is).
    pub(super) fn is_permanent(&self) -> bool {
        self.is_interior() || self.default.is_some()
    }

    fn interior(name: &str, csp: Option<&'static Csp>) -> Self {
        Self {
            name: name.to_owned(),
            children: BTreeMap::new(),
            any: None,
            access: Access("G"),
            formats: Vec::new(),
            default: None,
            action: Action::Keep,
            csp,
        }
    }

    /// The rule at a path, made as interior nodes where it is missing.
    fn at(&mut self, path: &str) -> &mut Self {
        let mut rule = self;
        for name in path.split('/') {
            let csp = rule.csp;
            rule = if name == "*" {
                &mut **rule.any.get_or_insert_with(|| Box::new(Self::interior(name, csp)))
            } else {
                rule.children.entry(name.to_ascii_lowercase()).or_insert_with(|| Self::interior(name, csp))
            };
        }
        rule
    }
}

fn build() -> Rule {
    let mut root = Rule::interior(".", None);
    for csp in CSPS {
        root.at(csp.root).csp = Some(csp);
    }
    for definition in NODES {
        let rule = root.at(definition.path);
        rule.access = Access(definition.access);
        if definition.formats != "node" {
            rule.formats = definition.formats.split('|').map(Format::from).collect();
        }
        rule.default = definition.default.map(ToOwned::to_owned);
    }
    for (path, action) in ACTIONS {
        root.at(path).action = *action;
    }
    root.at(csp_versions::PATH).default = Some(csp_versions::document());
    root
}
