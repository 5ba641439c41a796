//! What would come of a draft: imported, foreseen for a device, compared, published.

use askama::Template;

use super::super::text::filters;
use super::{Around, Change, looks};
use crate::admin::{Affected, CheckedPolicies, ImportedPolicies, PlannedPolicies};
use crate::ui::Frame;
use crate::ui::highlight::{self, CodeLine};

/// Profiles of other servers.
#[derive(Template)]
#[template(path = "authoring/import.html", config = "src/ui/askama.toml")]
pub struct ImportPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What was read just now.
    pub imported: Option<&'a ImportedPolicies>,
    /// What was entered.
    pub name: &'a str,
    /// What was pasted.
    pub text: &'a str,
}

/// What one device would be sent.
#[derive(Template)]
#[template(path = "authoring/preview.html", config = "src/ui/askama.toml")]
pub struct PreviewPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// The device that is asked for.
    pub device: &'a str,
    /// What it would be sent.
    pub planned: Option<&'a PlannedPolicies>,
    /// Some devices: id and name.
    pub devices: &'a [(String, String)],
    /// Whether something is wrong with the draft.
    pub has_errors: bool,
}

/// What differs, whom it concerns, and publishing it.
#[derive(Template)]
#[template(path = "authoring/publish.html", config = "src/ui/askama.toml")]
pub struct PublishPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What differs.
    pub changes: &'a [Change],
    /// What the check says.
    pub checked: &'a CheckedPolicies,
    /// Whom it concerns.
    pub affected: &'a [Affected],
    /// Why, as it was entered.
    pub message: &'a str,
}

impl PreviewPage<'_> {
    fn lines(&self) -> Vec<CodeLine> {
        self.planned.map(|planned| highlight::lines(&planned.syncml, "sent")).unwrap_or_default()
    }
}

impl ImportPage<'_> {
    /// How an outcome looks, and what it is called.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn outcome(&self, word: &str) -> (&'static str, &'static str) {
        use super::texts;
        match word {
            "taken" => ("good", texts::authoring::TAKEN),
            "doubtful" => ("open", texts::authoring::DOUBTFUL),
            _ => ("bad", texts::authoring::SKIPPED),
        }
    }

    /// What is to be looked at first.
    fn settings(&self) -> Vec<&crate::admin::ImportedSetting> {
        let mut settings: Vec<_> = self.imported.iter().flat_map(|imported| &imported.settings).collect();
        settings.sort_by_key(|setting| match setting.outcome.as_str() {
            "doubtful" => 0,
            "left_out" => 1,
            _ => 2,
        });
        settings.truncate(500);
        settings
    }
}

impl PublishPage<'_> {
    const fn can_publish(&self) -> bool {
        self.checked.errors == 0 && !self.changes.is_empty()
    }

    /// Errors that keep it from being published.
    fn errors(&self) -> Vec<&crate::admin::PolicyRemarkJson> {
        self.checked.remarks.iter().filter(|remark| looks(remark).0 == "bad").collect()
    }
}
