//! Pages for people: what `admin` gives, as HTML. Knows no HTTP and no store, reads no clock.
//!
//! A page is a value with a template beside it. Everything that is shown is text: what devices wrote goes through
//! [`text::visible`], and askama escapes it. Nothing works only with a script; scripts and styles come from
//! [`assets`], never from inside a page.

pub mod actions;
pub mod alerts;
pub mod assets;
pub mod audit;
pub mod authoring;
pub mod catalogue;
pub mod command;
pub mod device;
pub mod enrolling;
pub mod events;
pub mod export;
pub mod facts;
pub mod highlight;
pub mod message;
pub mod operators;
pub mod overview;
pub mod people;
pub mod policies;
pub mod problem;
pub mod provisioning;
pub mod publishing;
pub mod session;
pub mod sessions;
pub mod settings;
pub mod text;
pub mod texts;
pub mod words;

use askama::Template;

pub use self::assets::Asset;
use crate::model::Right;

/// Who looks at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// As a person wrote it.
    pub name: String,
    /// Goes into every form.
    pub csrf: String,
    /// What they may do: what is not in it has no button.
    pub rights: &'static [Right],
}

/// What stands around a page.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// Of the page.
    pub title: String,
    /// Which entry of the navigation it belongs to.
    pub section: Section,
    /// Who looks at it; nobody on the pages before signing in.
    pub viewer: Option<&'a Viewer>,
}

/// An entry of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What needs attention.
    Overview,
    /// Devices.
    Devices,
    /// Policies.
    Policies,
    /// Sessions.
    Sessions,
    /// Alerts of devices.
    Alerts,
    /// Devices that wait for what they are to have.
    Provisioning,
    /// Who may enroll.
    Enrollment,
    /// The catalogue of settings.
    Catalogue,
    /// What happened, and who is told.
    Events,
    /// The people who run the server.
    People,
    /// The audit log.
    Audit,
    /// Settings.
    Settings,
    /// None.
    Nowhere,
}

impl<'a> Frame<'a> {
    /// Around a page for somebody.
    pub fn new(title: impl Into<String>, section: Section, viewer: &'a Viewer) -> Self {
        Self { title: text::visible(&title.into()), section, viewer: Some(viewer) }
    }

    /// Around a page for whoever comes.
    pub fn for_anybody(title: impl Into<String>) -> Self {
        Self { title: text::visible(&title.into()), section: Section::Nowhere, viewer: None }
    }

    fn csrf(&self) -> &str {
        self.viewer.map_or("", |viewer| &viewer.csrf)
    }

    fn may_act(&self) -> bool {
        self.may(Right::Act)
    }

    fn may_reveal(&self) -> bool {
        self.may(Right::Reveal)
    }

    fn may(&self, right: Right) -> bool {
        self.viewer.is_some_and(|viewer| viewer.rights.contains(&right))
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn style(&self) -> String {
        assets::STYLE.path()
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn scripts(&self) -> [String; 2] {
        [assets::HTMX.path(), assets::SCRIPT.path()]
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn icon(&self) -> String {
        assets::ICON.path()
    }

    /// Each entry of the navigation that somebody may open: address, name, whether it is this one.
    fn entries(&self) -> Vec<(&'static str, &'static str, bool)> {
        self.open_of(true)
    }

    /// The same of those that are behind "More": all of them together need two rows on a small screen.
    fn more_entries(&self) -> Vec<(&'static str, &'static str, bool)> {
        self.open_of(false)
    }

    /// What the way to those is called: the page that is open, where it is one of them.
    fn more_name(&self) -> (&'static str, bool) {
        let here = self.more_entries().into_iter().find(|(.., is_here)| *is_here);
        here.map_or((texts::everywhere::MORE, false), |(_, name, _)| (name, true))
    }

    fn open_of(&self, is_first: bool) -> Vec<(&'static str, &'static str, bool)> {
        let entries = [
            ("/", texts::everywhere::OVERVIEW, Section::Overview, Right::Look),
            ("/devices", texts::everywhere::DEVICES, Section::Devices, Right::Look),
            ("/policies", texts::everywhere::POLICIES, Section::Policies, Right::Look),
            ("/sessions", texts::everywhere::SESSIONS, Section::Sessions, Right::Look),
            ("/alerts", texts::alerts::TITLE, Section::Alerts, Right::Look),
            ("/enrollment", texts::enrolling::TITLE, Section::Enrollment, Right::Look),
            ("/provisioning", texts::provisioning::TITLE, Section::Provisioning, Right::Look),
            ("/catalogue", texts::catalogue::TITLE, Section::Catalogue, Right::Look),
            ("/events", texts::events::TITLE, Section::Events, Right::Look),
            ("/people", texts::operators::TITLE, Section::People, Right::People),
            ("/audit", texts::everywhere::AUDIT, Section::Audit, Right::Audit),
            ("/settings", texts::everywhere::SETTINGS, Section::Settings, Right::Settings),
        ];
        let (first, more) = entries.split_at(FIRST_ENTRIES);
        let of = if is_first { first } else { more };
        let open = of.iter().copied().filter(|(.., right)| self.may(*right));
        open.map(|(address, name, section, _)| (address, name, section == self.section)).collect()
    }
}

/// Entries of the navigation that are not behind "More".
const FIRST_ENTRIES: usize = 6;

/// The page as text. A template that can't be filled in is a defect, and its page is empty.
pub fn html(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}
