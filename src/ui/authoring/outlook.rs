//! What would come of a draft: imported, foreseen for a device, compared, published.

use askama::Template;

use super::super::text::{counted, filters};
use super::texts;
use super::{Around, Change, looks};
use crate::admin::{Affected, CheckedPolicies, ImportedPolicies, PlannedPolicies, PolicyStageJson, PolicyStagesJson};
use crate::ui::Frame;
use crate::ui::highlight::{self, Bounds, CodeLine};

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
    pub entered: &'a ImportEntered,
}

/// What was entered to be imported, but for the file: a browser does not say it again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportEntered {
    /// It is declarations, and no profile of another server.
    pub is_declarations: bool,
    /// They are all that the set is to have.
    pub is_whole: bool,
    /// What a configuration is called where the profile has no name for it.
    pub name: String,
    /// What was pasted.
    pub text: String,
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
    /// What goes to devices in stages just now.
    pub open: Option<&'a PolicyStageJson>,
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
    /// How it is to go to devices, as it was entered.
    pub entered: &'a StagesEntered,
    /// What goes to devices in stages just now.
    pub open: Option<&'a PolicyStageJson>,
}

/// How something is to go to devices, as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagesEntered {
    /// In stages, and not to all devices at once.
    pub in_stages: bool,
    /// The stages, one on each line.
    pub stages: String,
    /// At which share of failures it stops.
    pub stop_at_failures: String,
    /// How many devices have to have said something before that counts.
    pub minimum_devices: String,
    /// After how long in a stage it goes on by itself; nothing where somebody has to say so.
    pub advance_after: String,
    /// What is wrong, by the names of the fields.
    pub faults: Vec<(&'static str, String)>,
}

impl Default for StagesEntered {
    fn default() -> Self {
        Self {
            in_stages: false,
            stages: "10%\n50%".to_owned(),
            stop_at_failures: PolicyStagesJson::STOP_AT.to_owned(),
            minimum_devices: PolicyStagesJson::MINIMUM.to_string(),
            advance_after: String::new(),
            faults: Vec::new(),
        }
    }
}

/// A field for a line: name, label, hint, what was entered.
type Line<'a> = (&'static str, &'static str, &'static str, &'a str);

impl PreviewPage<'_> {
    /// How many settings are wanted of the device.
    fn wanted(&self) -> String {
        let wanted = self.planned.map_or(0, |planned| planned.wanted);
        counted(wanted, texts::authoring::SETTINGS_ONE, texts::authoring::SETTINGS)
    }

    fn lines(&self) -> Vec<CodeLine> {
        self.planned.map(|planned| highlight::lines(&planned.syncml, "sent", Bounds::PAGE)).unwrap_or_default()
    }
}

impl ImportPage<'_> {
    /// How an outcome looks, and what it is called.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn outcome(&self, word: &str) -> (&'static str, &'static str) {
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
    /// What is wrong with a field.
    fn fault(&self, name: &str) -> Option<&str> {
        let fault = self.entered.faults.iter().find(|(field, _)| *field == name);
        fault.map(|(_, what)| what.as_str())
    }

    /// The fields of a plan besides its stages.
    fn lines(&self) -> [Line<'_>; 3] {
        let entered = self.entered;
        [
            ("stop_at_failures", texts::authoring::STOP_AT, texts::authoring::STOP_AT_HINT, &entered.stop_at_failures),
            ("minimum_devices", texts::authoring::MINIMUM, texts::authoring::MINIMUM_HINT, &entered.minimum_devices),
            (
                "advance_after",
                texts::authoring::ADVANCE_AFTER,
                texts::authoring::ADVANCE_AFTER_HINT,
                &entered.advance_after,
            ),
        ]
    }

    /// Whether another set goes to devices in stages: only one can.
    fn is_taken(&self) -> bool {
        self.open.is_some_and(|open| open.set != self.around.working.set)
    }

    const fn can_publish(&self) -> bool {
        self.checked.errors == 0 && !self.changes.is_empty()
    }

    /// Errors that keep it from being published.
    fn errors(&self) -> Vec<&crate::admin::PolicyRemarkJson> {
        self.checked.remarks.iter().filter(|remark| looks(remark).0 == "bad").collect()
    }
}
