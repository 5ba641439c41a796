//! The form for one setting.

use askama::Template;

use super::super::text::filters;
use super::Around;
use crate::admin::{CspNodeJson, PolicyRemarkJson};
use crate::policy::declaration::{Identifier, Kind};
use crate::policy::form::{Choice, Element, ElementKind, Entries, Field, Form, Length, Scope};
use crate::ui::Frame;

/// Formats that a node which nobody knows can have.
const FORMATS: [&str; 8] = ["chr", "int", "bool", "b64", "xml", "node", "float", "time"];

/// A text with more characters is shown in a field of several lines.
const LONG: usize = 100;

/// The form for one setting.
#[derive(Template)]
#[template(path = "authoring/setting.html", config = "src/ui/askama.toml")]
pub struct SettingFormPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// The configuration.
    pub identifier: &'a Identifier,
    /// What is asked.
    pub form: &'a Form,
    /// What the catalogue of the server knows of the node: nothing of one that only a template of the draft brings.
    pub node: Option<&'a CspNodeJson>,
    /// What was entered.
    pub entries: &'a Entries,
    /// It is in the configuration already.
    pub is_there: bool,
    /// What is said of it.
    pub remarks: &'a [PolicyRemarkJson],
    /// What is missing before anything can be said.
    pub missing: Option<&'a str>,
}

impl SettingFormPage<'_> {
    /// Whether a line has no room for what stands there.
    fn is_long(&self) -> bool {
        let text = self.entries.text("value");
        text.contains(['\n', '\r']) || text.chars().count() > LONG
    }

    fn of_user(&self) -> bool {
        self.form.scope == Scope::User
    }

    /// Whether any value has a meaning in words.
    fn has_meanings(&self) -> bool {
        let (Field::Choice(choices) | Field::Flags(choices) | Field::List(choices)) = &self.form.field else {
            return true;
        };
        choices.is_empty() || choices.iter().any(|choice| choice.label.is_some())
    }

    fn ranges(&self) -> String {
        let Field::Number(ranges) = &self.form.field else { return String::new() };
        ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn label<'b>(&self, choice: &'b Choice) -> &'b str {
        choice.label.as_deref().unwrap_or_default()
    }

    /// Assets of the set.
    fn assets(&self) -> Vec<(&str, bool)> {
        let chosen = self.entries.text("asset");
        let own = self.around.working.declarations.iter().filter(|each| each.kind() == Kind::Asset);
        let mut all: Vec<(&str, bool)> =
            own.map(|each| (each.identifier.as_str(), each.identifier.as_str() == chosen)).collect();
        if !chosen.is_empty() && !all.iter().any(|(name, _)| *name == chosen) {
            all.push((chosen, true));
        }
        all
    }

    /// Whether the part for other values is to be open.
    fn is_otherwise(&self) -> bool {
        !self.entries.text("other").is_empty() || !self.entries.text("asset").is_empty()
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn formats(&self) -> [&'static str; 8] {
        FORMATS
    }

    fn element(&self, element: &Element) -> &str {
        self.entries.text(&format!("element.{}", element.id))
    }

    /// What an element takes, in words.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn takes(&self, element: &Element) -> String {
        use super::texts;
        match &element.kind {
            ElementKind::Decimal { min, max } => {
                format!("{} {min} {} {max}", texts::authoring::FROM, texts::authoring::TO)
            }
            ElementKind::Text { max: Some(max) } => {
                format!("{} {max} {}", texts::authoring::AT_MOST, texts::authoring::CHARACTERS)
            }
            ElementKind::MultiText { .. } | ElementKind::List { explicit: false } => {
                texts::authoring::PLAIN_LINES.to_owned()
            }
            ElementKind::List { explicit: true } => texts::authoring::NAMED_LINES.to_owned(),
            ElementKind::Boolean | ElementKind::Text { max: None } | ElementKind::Enum { .. } => String::new(),
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand references")]
    fn name(&self, place: &usize) -> &str {
        self.entries.text(&format!("name.{place}"))
    }

    fn about(&self) -> &str {
        self.node.and_then(|node| node.description.as_deref()).unwrap_or_default()
    }

    fn depends_on(&self) -> &[String] {
        self.node.map_or(&[], |node| &node.depends_on)
    }
}
