//! The pages on which policies are written: sets, their declarations, forms for settings, what would come of it.

mod changes;
mod declaration;
mod fragments;
mod history;
mod outlook;
mod setting;

use askama::Template;

pub use changes::{Change, Part, changes, of_diff};
pub use declaration::{ActivationPage, AssetPage, ConfigurationPage, FoundSetting, ManagementPage};
pub use fragments::{ConditionSaid, SettingSaid};
pub use history::{HistoryPage, RevisionPage};
pub use outlook::{ImportPage, PreviewPage, PublishPage, StagesEntered};
pub use setting::SettingFormPage;

use super::Frame;
use super::text::{Folded, filters, visible};
use super::texts;
use crate::admin::{CheckedPolicies, Fitting, PolicyRemarkJson, WorkingSet};
use crate::model::{Right, Timestamp};
use crate::policy::declaration::{Content, Declaration, Identifier, Kind, Level, Payload, Value};

/// The page of all sets.
#[derive(Template)]
#[template(path = "authoring/sets.html", config = "src/ui/askama.toml")]
pub struct SetsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The sets.
    pub sets: &'a [KnownSet],
    /// What is wrong with what was asked.
    pub error: Option<&'a str>,
}

/// A set in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSet {
    /// What it is called.
    pub name: String,
    /// Declarations that are published.
    pub declarations: usize,
    /// The last revision; 0 for none.
    pub last: i64,
    /// When the viewer's draft was changed last, where there is one.
    pub draft: Option<Timestamp>,
}

/// What a page of a set has besides its own.
pub struct Around<'a> {
    /// The set.
    pub working: &'a WorkingSet,
    /// Which tab it is.
    pub here: Tab,
    /// What was done just now.
    pub done: Option<&'static str>,
    /// What is wrong with what was asked.
    pub error: Option<&'a str>,
}

/// The tabs of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// What it says.
    Set,
    /// Profiles of other servers.
    Import,
    /// What a device would be sent.
    Preview,
    /// What differs, and publishing it.
    Publish,
    /// What was published.
    History,
}

/// The page of a set.
#[derive(Template)]
#[template(path = "authoring/set.html", config = "src/ui/askama.toml")]
pub struct SetPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What the check says.
    pub checked: &'a CheckedPolicies,
    /// What both the author and somebody else changed, when that was just taken into the draft.
    pub contested: &'a [String],
}

impl Around<'_> {
    /// Each tab: address, name, whether it is this one.
    fn tabs(&self, frame: &Frame<'_>) -> Vec<(String, &'static str, bool)> {
        let name = super::text::part(&self.working.set);
        let all = [
            ("", texts::authoring::TAB_SET, Tab::Set, Right::Look),
            ("/import", texts::authoring::TAB_IMPORT, Tab::Import, Right::Author),
            ("/preview", texts::authoring::TAB_PREVIEW, Tab::Preview, Right::Look),
            ("/publish", texts::authoring::TAB_PUBLISH, Tab::Publish, Right::Author),
            ("/history", texts::authoring::TAB_HISTORY, Tab::History, Right::Look),
        ];
        let open = all.into_iter().filter(|(.., right)| frame.may(*right));
        open.map(|(path, title, tab, _)| (format!("/sets/{name}{path}"), title, tab == self.here)).collect()
    }
}

impl Frame<'_> {
    /// Whether who looks may write policies.
    fn may_write(&self) -> bool {
        self.may(Right::Author)
    }
}

impl SetPage<'_> {
    /// Declarations of the draft and of what is published: name, type, what it says, how it differs.
    fn rows(&self) -> Vec<(&str, &'static str, String, &'static str)> {
        let working = self.around.working;
        let now = working.declarations.iter().map(|each| {
            let published = working.published.iter().find(|other| other.identifier == each.identifier);
            let differs = match published {
                None => texts::authoring::NEW,
                Some(other) if other != each => texts::authoring::CHANGED,
                Some(_) => "",
            };
            (each.identifier.as_str(), each.kind().as_str(), says(each), differs)
        });
        let gone = working.published.iter().filter(|each| working.find(each.identifier.as_str()).is_none());
        let gone =
            gone.map(|each| (each.identifier.as_str(), each.kind().as_str(), says(each), texts::authoring::REMOVED));
        let mut rows: Vec<_> = now.chain(gone).collect();
        rows.sort_by_key(|(name, kind, ..)| (order(kind), *name));
        rows
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn kinds(&self) -> [(&'static str, &'static str); 4] {
        [
            (Kind::Configuration.as_str(), texts::authoring::CONFIGURATION_HINT),
            (Kind::Activation.as_str(), texts::authoring::ACTIVATION_HINT),
            (Kind::Asset.as_str(), texts::authoring::ASSET_HINT),
            (Kind::Management.as_str(), texts::authoring::MANAGEMENT_HINT),
        ]
    }
}

/// Configurations first: they are what one looks for.
fn order(kind: &str) -> usize {
    ["configuration", "activation", "asset", "management"].iter().position(|known| *known == kind).unwrap_or(9)
}

/// What a declaration says, on one line.
fn says(declaration: &Declaration) -> String {
    match &declaration.payload {
        Payload::Configuration(configuration) => {
            let (one, many) = (texts::authoring::SETTINGS_ONE, texts::authoring::SETTINGS);
            let count = super::text::counted(configuration.settings.len(), one, many);
            configuration.description.as_ref().map_or(count.clone(), |description| format!("{count}: {description}"))
        }
        Payload::Activation(activation) => {
            let names: Vec<&str> = activation.configurations.iter().map(Identifier::as_str).collect();
            let when = activation.when.as_ref();
            let when = when.map_or_else(
                || texts::authoring::FOR_ALL.to_owned(),
                |when| format!("{} {when}", texts::authoring::WHEN_PREFIX),
            );
            format!("{}, {when}", names.join(", "))
        }
        Payload::Asset(asset) => match &asset.content {
            Content::Text(text) => Folded::new(text).head,
            Content::Base64(text) => format!("{}: {}", texts::authoring::ASSET_BASE64, text.len()),
            Content::File(name) => name.clone(),
            Content::Secret => texts::authoring::SECRET.to_owned(),
        },
        Payload::Management(management) => management.organization.clone().unwrap_or_default(),
    }
}

/// A value as its author wrote it, on one line.
pub(super) fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.to_json().to_string(),
    }
}

/// How something looks, and what it is called.
pub(super) type Badge = (&'static str, &'static str);

/// How a level looks, and what it is called.
pub(super) const fn level(level: Level) -> Badge {
    match level {
        Level::Error => ("bad", "error"),
        Level::Warning => ("open", "warning"),
        Level::Note => ("", "note"),
    }
}

/// How a remark looks, and what its level is called.
pub(super) const fn looks(remark: &PolicyRemarkJson) -> (&'static str, &'static str) {
    level(remark.level)
}

/// Where a remark leads, as the address of a page.
pub(super) fn place(set: &str, remark: &PolicyRemarkJson) -> Option<String> {
    let part = super::text::part;
    let identifier = remark.identifier.as_deref()?;
    let page = format!("/sets/{}/declarations/{}", part(set), part(identifier));
    Some(match &remark.setting {
        Some(uri) => format!("{page}/setting?uri={}", part(uri)),
        None => page,
    })
}

/// For how many devices a condition holds.
pub(super) fn fits(fitting: &Fitting) -> String {
    let more = if fitting.has_more { format!(" {}", texts::authoring::FITS_MORE) } else { String::new() };
    match fitting.count {
        0 if !fitting.has_more => texts::authoring::FITS_NONE.to_owned(),
        1 => format!("{} 1 {}{more}", texts::authoring::FITS, texts::authoring::FITS_ONE),
        count => format!("{} {count} {}{more}", texts::authoring::FITS, texts::authoring::FITS_MANY),
    }
}

/// The last parts of an address, which tell settings apart.
pub(super) fn short(uri: &str) -> String {
    visible(super::policies::short(uri))
}

/// Whether an address is of the user.
pub(super) fn scope(uri: &str) -> &'static str {
    if uri.starts_with("./User/") { texts::authoring::OF_USER } else { texts::authoring::OF_DEVICE }
}
