//! What is to be said of declarations.

use serde::{Deserialize, Serialize};

use super::source::Place;
use super::{Finding, Identifier, Level, LocUri, Rule};

/// One thing that is to be said, with where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub rule: Concern,
    /// The file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// The setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// What, and what to do.
    pub what: String,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The file can't be read.
    Syntax,
    /// Something stands where it has no meaning, or is missing.
    Shape,
    /// Two declarations, or two settings, are called the same.
    Twice,
    /// A declaration refers to one that is not there.
    Reference,
    /// The condition of an activation.
    Condition,
    /// A variable.
    Variable,
    /// A secret stands in the file.
    Secret,
    /// Two configurations want different values.
    Conflict,
    /// The author insists.
    Override,
    /// Nothing uses it.
    Unused,
    /// What the catalogue says of a setting.
    #[serde(untagged)]
    Setting(Rule),
}

impl Remark {
    /// Something that is to be said of nothing in particular.
    pub fn new(level: Level, rule: Concern, what: impl Into<String>) -> Self {
        let (file, line, column, identifier, setting) = (None, None, None, None, None);
        Self { level, rule, file, line, column, identifier, setting, what: what.into() }
    }

    /// What the catalogue says.
    pub fn of_finding(finding: Finding) -> Self {
        Self::new(finding.level, Concern::Setting(finding.rule), finding.what)
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        let known = |number: usize| (number > 0).then_some(number);
        Self { line: known(place.line), column: known(place.column), ..self }
    }

    /// The same, of a declaration.
    #[must_use]
    pub fn of(self, identifier: &Identifier) -> Self {
        Self { identifier: Some(identifier.to_string()), ..self }
    }

    /// The same, of a setting.
    #[must_use]
    pub fn on(self, setting: &LocUri) -> Self {
        Self { setting: Some(setting.as_str().to_owned()), ..self }
    }

    /// The same, in a file.
    #[must_use]
    pub fn in_file(self, file: Option<&str>) -> Self {
        Self { file: file.map(str::to_owned), ..self }
    }
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        } else if self.file.is_some() {
            f.write_str(" ")?;
        }
        write!(f, "{}: ", self.level.as_str())?;
        if let Some(identifier) = &self.identifier {
            write!(f, "{identifier}: ")?;
        }
        if let Some(setting) = &self.setting {
            write!(f, "{setting}: ")?;
        }
        f.write_str(&self.what)
    }
}
