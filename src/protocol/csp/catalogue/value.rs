//! Whether a node takes a value, and how the value is then written.

use regex::RegexBuilder;

use super::check::{Finding, Rule};
use crate::csp::admx::Payload;
use crate::csp::check::wrong_value;
use crate::csp::ddf::{Admx, Allowed, Choice, Kind, Range, number, truth};
use crate::csp::short;
use crate::syncml::Format;

/// What became of a value.
pub(super) struct Value {
    /// As it is to be sent.
    pub(super) data: String,
    /// What is to be said of it.
    pub(super) findings: Vec<Finding>,
}

/// Values that are named in a remedy, at most.
const NAMED: usize = 12;

/// Holds a value against what its node takes.
pub(super) fn judge(format: &Format, allowed: Option<&Allowed>, data: &str) -> Value {
    let mut value = Value { data: data.to_owned(), findings: Vec::new() };
    value.literal(format);
    let Some(allowed) = allowed else { return value };
    let form = match &allowed.kind {
        Kind::Regex(pattern) => Form::of(pattern),
        _ => Form::None,
    };
    if let (Form::Unreadable, Kind::Regex(pattern)) = (&form, &allowed.kind) {
        value.findings.push(Finding::unreadable(pattern));
    }
    match (&allowed.kind, &allowed.delimiter) {
        (Kind::Admx(admx), _) => value.admx(admx),
        // What looks like a delimiter there divides nothing.
        (kind @ (Kind::Xsd | Kind::Json), _) => value.one(format, kind, &form),
        (kind, Some(delimiter)) if value.data.contains(delimiter.as_str()) => {
            let parts: Vec<String> = value.data.split(delimiter.as_str()).map(str::to_owned).collect();
            let mut kept = Vec::with_capacity(parts.len());
            for part in parts {
                // An empty part ends many lists.
                if part.is_empty() {
                    kept.push(part);
                    continue;
                }
                let mut one = Value::of(part);
                one.one(format, kind, &form);
                kept.push(one.data);
                value.findings.append(&mut one.findings);
                if value.findings.len() >= NAMED {
                    return value;
                }
            }
            value.data = kept.join(delimiter);
        }
        (kind, _) => value.one(format, kind, &form),
    }
    value
}

impl Value {
    fn of(data: String) -> Self {
        Self { data, findings: Vec::new() }
    }

    /// Literals that mean the same are written in one way: `0x10` as 16, `True` as true.
    fn literal(&mut self, format: &Format) {
        let trimmed = self.data.trim();
        match format {
            Format::Int if trimmed.starts_with("0x") || trimmed.starts_with("0X") => {
                if let Some(number) = number(trimmed) {
                    self.data = number.to_string();
                }
            }
            Format::Int if trimmed.len() != self.data.len() => self.data = trimmed.to_owned(),
            Format::Bool => {
                if let Some(truth) = truth(trimmed) {
                    self.data = truth.to_string();
                }
            }
            _ => {}
        }
    }

    fn one(&mut self, format: &Format, kind: &Kind, form: &Form) {
        match kind {
            Kind::Enum(choices) => self.choice(format, choices),
            Kind::Flags(choices) => self.flags(choices),
            Kind::Range(ranges) => self.range(format, ranges),
            Kind::Regex(pattern) => self.pattern(pattern, form),
            Kind::Xsd => self.xml(format),
            Kind::Json => self.json(),
            Kind::Any | Kind::Admx(_) | Kind::Sddl => {}
        }
    }

    /// The schema is not known, but what is no XML at all is of none. A node of the format "xml" was looked at already.
    fn xml(&mut self, format: &Format) {
        if *format == Format::Xml {
            return;
        }
        if !self.data.trim_start().starts_with('<') {
            self.refuse(Rule::Value, "the node takes XML only".to_owned());
        } else if let Some(what) = wrong_value(&Format::Xml, &self.data) {
            self.refuse(Rule::Value, format!("the node takes XML: {what}"));
        }
    }

    fn json(&mut self) {
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&self.data) {
            self.refuse(Rule::Value, format!("the node takes JSON: {error}"));
        }
    }

    fn choice(&mut self, format: &Format, choices: &[Choice]) {
        if choices.is_empty() {
            return;
        }
        let same = |choice: &&Choice| match format {
            Format::Int => number(&choice.value).is_some_and(|value| number(&self.data) == Some(value)),
            Format::Bool => truth(&choice.value).is_some_and(|value| truth(&self.data) == Some(value)),
            _ => choice.value == self.data,
        };
        let like = |choice: &&Choice| choice.value.eq_ignore_ascii_case(self.data.trim());
        match choices.iter().find(same).or_else(|| choices.iter().find(like)) {
            Some(choice) if !matches!(format, Format::Int | Format::Bool) => self.data.clone_from(&choice.value),
            Some(_) => {}
            None => {
                let values: Vec<String> = choices.iter().take(NAMED).map(told).collect();
                let more = if choices.len() > NAMED { ", …" } else { "" };
                self.refuse(Rule::Value, format!("write one of {}{more}", values.join(", ")));
            }
        }
    }

    fn flags(&mut self, choices: &[Choice]) {
        let known = choices.iter().filter_map(|choice| number(&choice.value)).fold(0, |all, flag| all | flag);
        match number(&self.data) {
            Some(value) if value >= 0 && value & !known == 0 => {}
            Some(_) | None => {
                let values: Vec<String> = choices.iter().take(NAMED).map(told).collect();
                self.refuse(Rule::Value, format!("write the sum of some of {}", values.join(", ")));
            }
        }
    }

    fn range(&mut self, format: &Format, ranges: &[Range]) {
        let holds = |number: i64| ranges.iter().any(|range| (range.0..=range.1).contains(&number));
        let all: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        if *format == Format::Int {
            // What is no number at all has been said already.
            if number(&self.data).is_some_and(|number| !holds(number)) {
                self.refuse(Rule::Value, format!("write a number from {}", all.join(" or from ")));
            }
        } else if let Ok(length) = i64::try_from(self.data.chars().count())
            && !holds(length)
            && !number(&self.data).is_some_and(holds)
        {
            self.warn(Rule::Value, format!("it has {length} characters, {} are expected", all.join(" or ")));
        }
    }

    fn pattern(&mut self, pattern: &str, form: &Form) {
        if !form.fits(&self.data) {
            self.warn(Rule::Pattern, format!("the description of the node expects the form {pattern}"));
        }
    }

    fn admx(&mut self, admx: &Admx) {
        match Payload::parse(&self.data) {
            Err(error) => self.refuse(Rule::Payload, error.to_string()),
            Ok(payload) => {
                if let Some(elements) = &admx.elements {
                    for error in payload.wrong(elements) {
                        self.refuse(Rule::Payload, error.to_string());
                    }
                    let left_out: Vec<&str> = payload.left_out(elements).collect();
                    if !left_out.is_empty() && self.findings.is_empty() {
                        self.warn(Rule::LeftOut, format!("the policy also asks for {}", left_out.join(", ")));
                    }
                }
                let spelled = payload.canonical(admx.elements.as_deref().unwrap_or_default());
                self.data = spelled.to_string();
            }
        }
    }

    fn refuse(&mut self, rule: Rule, what: String) {
        self.findings.push(Finding::error(rule, what));
    }

    fn warn(&mut self, rule: Rule, what: String) {
        self.findings.push(Finding::warning(rule, what));
    }
}

fn told(choice: &Choice) -> String {
    match &choice.label {
        Some(label) => format!("{} ({})", choice.value, short(label, 60)),
        None => choice.value.clone(),
    }
}

/// A form that descriptions give for values.
pub(super) enum Form {
    /// It says nothing.
    None,
    /// It is none that can be read here: it checks nothing.
    Unreadable,
    /// This one.
    Known(regex::Regex),
}

impl Form {
    /// A pattern as the descriptions mean it: of the whole value. One is written between slashes, another begins with a
    /// brace that stands for itself.
    pub(super) fn of(pattern: &str) -> Self {
        let pattern = pattern.strip_prefix('/').and_then(|inside| inside.strip_suffix('/')).unwrap_or(pattern);
        if pattern.trim().is_empty() {
            return Self::None;
        }
        let build = |pattern: &str| RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build().ok();
        build(pattern).or_else(|| build(&format!("\\{pattern}"))).map_or(Self::Unreadable, Self::Known)
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::None | Self::Unreadable => true,
            Self::Known(expression) => expression.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn said(pattern: &str, delimiter: Option<&str>, data: &str) -> Vec<(Level, Rule)> {
        let allowed = Allowed { kind: Kind::Regex(pattern.to_owned()), delimiter: delimiter.map(str::to_owned) };
        let findings = judge(&Format::Chr, Some(&allowed), data).findings;
        findings.iter().map(|finding| (finding.level, finding.rule)).collect()
    }

    #[test]
    fn a_form_without_the_case_of_letters_is_checked() {
        let pattern = "^(([^;]+(?i)(\\.appinstaller)([;]|$)){1,11})$";
        assert_eq!(said(pattern, None, "https://a.example/a.AppInstaller;b.appinstaller"), []);
        assert_eq!(said(pattern, None, "https://a.example/a.msi"), [(Level::Warning, Rule::Pattern)]);
    }

    #[test]
    fn a_form_that_can_not_be_read_is_told_once() {
        assert_eq!(said("(?=a)b", None, "anything"), [(Level::Note, Rule::NotChecked)]);
        assert_eq!(said("(?=a)b", Some(","), "any,thing"), [(Level::Note, Rule::NotChecked)]);
    }

    #[test]
    fn a_list_of_many_parts_is_looked_at_once() {
        let begun = std::time::Instant::now();
        assert_eq!(said("[a-z]{1,40}", Some(","), &"abc,".repeat(50_000)), []);
        assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}
