//! Another name for the computer (CSP `DevDetail`, before build 19041 `Accounts`).

use serde::{Deserialize, Serialize};
use transom_protocol::csp::LocUri;
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, exec, node, replace, vendor};
use super::reading::{Readings, Told};
use super::requirement::Facts;

/// Another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// 1 to 15 letters, digits and hyphens; `%SERIAL%` and `%RAND:n%` stand for the serial number and n random digits.
    pub name: String,
    /// Restart behind it: the name takes effect then.
    #[serde(default)]
    pub reboot: bool,
}

/// The first build whose name can be set in `DevDetail`.
const WITH_DNS_NAME: u32 = 19_041;

impl Rename {
    pub(super) fn plan(&self, facts: &Facts) -> Result<Plan, Refusal> {
        self.check()?;
        let is_old = facts.build.is_some_and(|build| build < WITH_DNS_NAME);
        let target = if is_old { vendor("Accounts/Domain/ComputerName")? } else { dns_name()? };
        let plan = Plan::of(replace(target, Format::Chr, self.name.clone()));
        if self.reboot {
            // What it is called is read when it is back.
            return Ok(plan.then(exec(vendor("Reboot/RebootNow")?, None)));
        }
        Ok(plan.then_reading(nodes()?))
    }

    pub(super) fn judge(&self, readings: &Readings) -> Result<Told, Refusal> {
        let names = nodes()?;
        let said: Vec<&str> = names.iter().filter_map(|node| readings.value(node)).collect();
        if let Some(name) = said.iter().find(|name| fits(&self.name, name)) {
            return Ok(Told::Done(format!("the device says that it is called {name}")));
        }
        Ok(match said.first() {
            Some(name) => Told::GoesOn(format!("the device still says {name}; the name takes effect with a restart")),
            None => Told::Nothing,
        })
    }

    fn check(&self) -> Result<(), Refusal> {
        let wrong = || {
            let what =
                "write 1 to 15 letters, digits and hyphens, not only digits; %SERIAL% and %RAND:n% may be part of it";
            Refusal::invalid("/name", what)
        };
        let pieces = pieces(&self.name).ok_or_else(wrong)?;
        let plain: String =
            pieces.iter().filter_map(|piece| if let Piece::Text(text) = piece { Some(*text) } else { None }).collect();
        let length: usize = pieces.iter().map(Piece::length).sum();
        let fine = plain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && (1..=15).contains(&length)
            && !(pieces.len() == 1 && plain.bytes().all(|byte| byte.is_ascii_digit()) && !plain.is_empty());
        if fine { Ok(()) } else { Err(wrong()) }
    }
}

/// A piece of a name.
enum Piece<'a> {
    Text(&'a str),
    Serial,
    Random(usize),
}

impl Piece<'_> {
    /// At least; a serial number is cut by Windows.
    const fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Serial => 1,
            Self::Random(digits) => *digits,
        }
    }
}

/// The pieces of a name; `None` where a macro is none.
fn pieces(name: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    for (place, part) in name.split('%').enumerate() {
        match (place % 2, part) {
            (0, "") => {}
            (0, text) => pieces.push(Piece::Text(text)),
            (_, serial) if serial.eq_ignore_ascii_case("SERIAL") => pieces.push(Piece::Serial),
            (_, random) => {
                let (word, digits) = random.split_once(':')?;
                let digits = digits.parse().ok().filter(|digits| (1..=15).contains(digits))?;
                pieces.push(word.eq_ignore_ascii_case("RAND").then_some(Piece::Random(digits))?);
            }
        }
    }
    (name.split('%').count() % 2 == 1 && !pieces.is_empty()).then_some(pieces)
}

/// Whether a name may have come of what was asked for.
fn fits(wanted: &str, name: &str) -> bool {
    let Some(pieces) = pieces(wanted) else { return false };
    let is_plain = pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
    // A device may show its domain behind its name.
    let name = name.split('.').next().unwrap_or(name);
    if is_plain {
        return name.eq_ignore_ascii_case(wanted);
    }
    let starts = pieces.first().is_none_or(|piece| match piece {
        Piece::Text(text) => name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text)),
        _ => true,
    });
    let ends = pieces.last().is_none_or(|piece| match piece {
        Piece::Text(text) => {
            let at = name.len().checked_sub(text.len());
            at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(text))
        }
        _ => true,
    });
    starts && ends && !name.contains('%')
}

fn dns_name() -> Result<LocUri, Refusal> {
    node("./DevDetail/Ext/Microsoft/DNSComputerName")
}

/// Where the device says what it is called.
pub(super) fn nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![dns_name()?, node("./DevDetail/Ext/Microsoft/DeviceName")?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_windows_takes() {
        let check = |name: &str| Rename { name: name.to_owned(), reboot: false }.check();
        for name in
            ["DESK-7", "PC-%SERIAL%", "%RAND:8%", "A%RAND:3%B", "123456789012345"[..3].replace('1', "x").as_str()]
        {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in
            ["", "1234", "a b", "ABCDEFGHIJKLMNOP", "A%RAND%", "A%SERIAL", "%NAME%", "a.b", "ABCDEFGHIJKL%RAND:5%"]
        {
            assert!(check(name).is_err(), "{name}");
        }
        assert!(
            fits("PC-%RAND:3%", "pc-123") && !fits("PC-%RAND:3%", "DESKTOP-1") && fits("DESK-7", "desk-7.corp.test")
        );
    }
}
