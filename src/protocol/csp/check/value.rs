//! Whether a value has the form that its format asks for (MS-MDM 2.2.5.1, OMA DM TND).

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::xml;
use crate::csp::{ddf, short};
use crate::syncml::Format;
use crate::syncml::wbxml::is_xml_character;

/// Base64 as the clients read it: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with a value, and what to write instead.
pub(super) fn wrong(format: &Format, data: &str) -> Option<String> {
    let is_typed = !matches!(format, Format::Chr | Format::Xml | Format::Node | Format::Null | Format::Other(_));
    if is_typed && data.trim().is_empty() {
        let word = format.as_str();
        return Some(format!("an empty value is no {word:?}: write one, or delete the node to unset it"));
    }
    if is_typed && data.trim() != data && !matches!(format, Format::B64 | Format::Bin) {
        return Some(format!("there is white space around the value: write {:?}", short(data.trim(), 40)));
    }
    match format {
        Format::Chr | Format::Other(_) => forbidden_character(data).map(|character| {
            format!("the character {character} can't travel in XML: send the value as base64 with the format \"b64\"")
        }),
        Format::Xml => match forbidden_character(data) {
            Some(character) => Some(format!("the character {character} can't stand in XML: remove it")),
            None => xml::wrong(data),
        },
        Format::Int => int(data),
        Format::Bool => truth(data),
        Format::B64 | Format::Bin => base64(data),
        Format::Node => no_data(data, "an inner node has no value: leave \"data\" out"),
        Format::Null => {
            no_data(data, "the format \"null\" means no value: leave \"data\" out, or write another format")
        }
        Format::Float => float(data),
        Format::Date => (!is_date(data)).then(|| "that is no date: write one such as \"2026-11-20\"".to_owned()),
        Format::Time => (!is_time(data))
            .then(|| "that is no time: write one such as \"03:00:00\" or \"2026-11-20T03:00:00\"".to_owned()),
    }
}

/// The first character that XML 1.0 can't carry, even escaped.
fn forbidden_character(data: &str) -> Option<String> {
    data.chars()
        .find(|&character| !is_xml_character(character))
        .map(|character| format!("U+{:04X}", u32::from(character)))
}

fn no_data(data: &str, what: &str) -> Option<String> {
    (!data.is_empty()).then(|| what.to_owned())
}

/// 32 bits, signed or not: the DDF has ranges of both kinds.
fn int(data: &str) -> Option<String> {
    let digits = data.strip_prefix('-').unwrap_or(data);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let (min, max) = (i64::from(i32::MIN), i64::from(u32::MAX));
        let is_in_range = data.parse().is_ok_and(|number: i64| (min..=max).contains(&number));
        return (!is_in_range).then(|| format!("an int lies between {min} and {max}"));
    }
    let hexadecimal = data.strip_prefix("0x").or_else(|| data.strip_prefix("0X"));
    Some(match hexadecimal.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        Some(number) => format!("an int is written in decimal: write \"{number}\""),
        None => "an int is a whole decimal number, such as \"12\" or \"-1\"".to_owned(),
    })
}

fn truth(data: &str) -> Option<String> {
    ddf::truth(data).is_none().then(|| "a bool is \"true\" or \"false\"".to_owned())
}

/// The bytes of base64 as the clients read it.
pub(super) fn bytes(data: &str) -> Option<Vec<u8>> {
    let dense: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(&dense).ok()
}

/// White space between the letters is allowed, as in the files that certificates come in.
fn base64(data: &str) -> Option<String> {
    if bytes(data).is_some() {
        return None;
    }
    Some(if data.contains("-----BEGIN") {
        "that is PEM: write only the base64 between its BEGIN and END lines".to_owned()
    } else if data.contains(['-', '_']) {
        "that is not standard base64: write + and / in place of - and _".to_owned()
    } else {
        "that is not base64: write the bytes in standard base64".to_owned()
    })
}

fn float(data: &str) -> Option<String> {
    let is_number = data.parse().is_ok_and(f64::is_finite);
    (!is_number).then(|| "a float is a decimal number, such as \"1.5\" or \"-2e3\"".to_owned())
}

/// `YYYY-MM-DD` or `YYYYMMDD`, of a day that there is.
fn is_date(data: &str) -> bool {
    let (year, month, day) = match data.as_bytes() {
        [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] | [y1, y2, y3, y4, m1, m2, d1, d2] => {
            (number(&[*y1, *y2, *y3, *y4]), number(&[*m1, *m2]), number(&[*d1, *d2]))
        }
        _ => return false,
    };
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return false };
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// `hh:mm:ss` or `hhmmss`, with a fraction and a zone; after a date and `T`; or a plain number, which some nodes of
/// this format hold (`CertificateStore/MY/WSTEP/Renew/RetryAfterExpiryInterval`).
fn is_time(data: &str) -> bool {
    if data.len() <= 10 && data.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let time = match data.split_once('T') {
        Some(("", time)) => time,
        Some((date, _)) if !is_date(date) => return false,
        Some((_, time)) => time,
        None => data,
    };
    let (time, zone) = match time.find(['Z', '+', '-']) {
        Some(index) => time.split_at(index),
        None => (time, "Z"),
    };
    let is_zone = match zone.as_bytes() {
        [b'Z'] | [b'+' | b'-', b'0'..=b'9', b'0'..=b'9'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] | [b'+' | b'-', h1, h2, m1, m2] => is_hour_and_minute(*h1, *h2, *m1, *m2),
        _ => false,
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let is_clock = match time.as_bytes() {
        [h1, h2, b':', m1, m2, b':', s1, s2] | [h1, h2, m1, m2, s1, s2] => {
            is_hour_and_minute(*h1, *h2, *m1, *m2) && number(&[*s1, *s2]).is_some_and(|second| second <= 60)
        }
        _ => false,
    };
    is_zone && is_fraction && is_clock
}

fn is_hour_and_minute(h1: u8, h2: u8, m1: u8, m2: u8) -> bool {
    number(&[h1, h2]).is_some_and(|hour| hour < 24) && number(&[m1, m2]).is_some_and(|minute| minute < 60)
}

/// A number of digits only.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| char::from(*digit).to_digit(10).map(|digit| value * 10 + digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(format: &Format, values: &[&str]) {
        for value in values {
            assert_eq!(wrong(format, value), None, "{value:?}");
        }
    }

    fn refused(format: &Format, values: &[(&str, &str)]) {
        for (value, says) in values {
            let what = wrong(format, value).unwrap_or_else(|| panic!("{value:?} was taken"));
            assert!(what.contains(says), "{value:?}: {what}");
        }
    }

    #[test]
    fn int_is_a_decimal_number_of_32_bits() {
        right(&Format::Int, &["0", "-1", "007", "-2147483648", "2147483647", "4294967295"]);
        refused(
            &Format::Int,
            &[
                ("", "write one, or delete the node"),
                ("4294967296", "between -2147483648 and 4294967295"),
                ("-2147483649", "between -2147483648"),
                ("99999999999999999999", "between"),
                (" 12", "write \"12\""),
                ("0x1F", "write \"31\""),
                ("+5", "whole decimal number"),
                ("1.5", "whole decimal number"),
                ("-", "whole decimal number"),
                ("\u{0661}", "whole decimal number"),
            ],
        );
    }

    #[test]
    fn bool_is_true_or_false() {
        right(&Format::Bool, &["true", "false", "1", "0", "True"]);
        refused(&Format::Bool, &[("yes", "\"true\" or \"false\""), ("", "no \"bool\""), ("true\n", "write \"true\"")]);
    }

    #[test]
    fn binary_formats_hold_base64() {
        right(&Format::B64, &["AAH/", "AAE=", "AAE", "AA\r\nH/"]);
        right(&Format::Bin, &["AAH/"]);
        refused(
            &Format::Bin,
            &[
                ("", "no \"bin\""),
                ("A", "not base64"),
                ("AAH_", "write + and / in place"),
                ("gr\u{fc}n", "not base64"),
                ("-----BEGIN CERTIFICATE-----\nAAH/\n-----END CERTIFICATE-----", "that is PEM"),
            ],
        );
    }

    #[test]
    fn node_and_null_hold_nothing() {
        right(&Format::Node, &[""]);
        right(&Format::Null, &[""]);
        refused(&Format::Node, &[("x", "leave \"data\" out")]);
        refused(&Format::Null, &[(" ", "leave \"data\" out")]);
    }

    #[test]
    fn text_is_anything_that_xml_can_carry() {
        right(&Format::Chr, &["", " a\r\n\tb ", "<enabled/>", "a\u{f000}b", "\u{1F600}"]);
        refused(
            &Format::Chr,
            &[("a\0b", "U+0000 can't travel in XML: send"), ("\u{1}", "U+0001"), ("\u{FFFE}", "U+FFFE")],
        );
    }

    #[test]
    fn xml_is_well_formed() {
        right(&Format::Xml, &["<a/>"]);
        refused(&Format::Xml, &[("<a>", "\"a\""), ("<a>\u{b}</a>", "U+000B")]);
    }

    #[test]
    fn float_is_a_finite_number() {
        right(&Format::Float, &["1", "-1.5", "2e3", ".5"]);
        refused(&Format::Float, &[("", "no \"float\""), ("NaN", "decimal"), ("inf", "decimal"), ("1,5", "decimal")]);
    }

    #[test]
    fn dates_are_days_that_there_are() {
        right(&Format::Date, &["2026-11-20", "20261120", "2024-02-29", "2000-02-29"]);
        for value in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "26-11-20", "20.11.2026"] {
            refused(&Format::Date, &[(value, "no date")]);
        }
    }

    #[test]
    fn times_are_of_the_clock_or_of_a_day() {
        right(&Format::Time, &["03:00:00", "030000", "T03:00:00", "2026-11-20T03:00:00", "20261120T030000Z", "3600"]);
        right(&Format::Time, &["03:00:00.25", "03:00:00Z", "03:00:00+01:00", "03:00:00-0530", "23:59:60+01"]);
        for value in [
            "24:00:00",
            "03:60:00",
            "03:00",
            "03:00:00.",
            "03:00:00+1",
            "03:00:00+01:75",
            "2026-02-30T03:00:00",
            "soon",
        ] {
            refused(&Format::Time, &[(value, "no time")]);
        }
    }
}
