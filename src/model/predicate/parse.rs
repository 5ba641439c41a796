//! From a text to a condition: the parser is that of `cel`; here its tree becomes one whose types are right.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;

use super::{Comparison, Literal, MAX_PREDICATE, Predicate, PredicateError, Test, words};
use crate::model::fact::{FactKind, catalogue};
use crate::model::{FactName, parse_rfc3339};

/// Deepest nesting that is read: brackets, and operators that stand before their value.
const MAX_DEPTH: usize = 32;

/// Most parts of a condition.
const MAX_PARTS: usize = 500;

/// Least likeness of a name to one of the catalogue that is offered instead.
const ALIKE: f64 = 0.6;

pub(super) fn parse(text: &str) -> Result<Predicate, PredicateError> {
    if text.trim().is_empty() {
        return Err(PredicateError::Empty);
    }
    if text.len() > MAX_PREDICATE || is_deep(text) {
        return Err(PredicateError::TooLarge);
    }
    let tree = Parser::default().parse(&words::signs(text)).map_err(|errors| syntax(&errors))?;
    condition(&tree.expr)
}

/// Looked at before the parser does: it goes down by recursion.
fn is_deep(text: &str) -> bool {
    let (mut depth, mut deepest, mut parts) = (0_usize, 0_usize, 0_usize);
    let mut before = 0_usize;
    for char in text.chars() {
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '&' | '|' | ',' | '.' | '?' | '+' | '*' | '/' | '%' => parts += 1,
            _ => {}
        }
        before = if matches!(char, '!' | '-') { before + 1 } else { 0 };
        deepest = deepest.max(depth + before);
    }
    let words = text.split_ascii_whitespace().count();
    deepest > MAX_DEPTH || parts > 2 * MAX_PARTS || words > 2 * MAX_PARTS
}

fn syntax(errors: &cel::ParseErrors) -> PredicateError {
    let first = errors.errors.first();
    let what = first.map(|error| error.msg.lines().next().unwrap_or_default().trim().to_owned());
    let column = first.and_then(|error| usize::try_from(error.pos.1).ok()).unwrap_or_default();
    PredicateError::Syntax { column: column.max(1), what: what.unwrap_or_else(|| "it does not end".to_owned()) }
}

fn condition(expr: &Expr) -> Result<Predicate, PredicateError> {
    match expr {
        Expr::Literal(LiteralValue::Boolean(always)) => Ok(Predicate::Always(*always.inner())),
        Expr::Select(select) if select.test => {
            let mut segments = path(&select.operand.expr).ok_or_else(|| unsupported("has() of this"))?;
            segments.push(&select.field);
            Ok(Predicate::Fact(named(&segments)?, Test::Has))
        }
        Expr::Ident(_) | Expr::Select(_) => is_true(expr),
        Expr::Call(call) => called(call),
        Expr::Comprehension(_) => Err(unsupported("a macro such as all() or exists()")),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => {
            Err(unsupported("a list or a map that nothing is looked up in"))
        }
        Expr::Literal(_) | Expr::Unspecified => Err(unsupported("a value that nothing is compared with")),
    }
}

/// A fact alone: yes or no.
fn is_true(expr: &Expr) -> Result<Predicate, PredicateError> {
    let name = fact(expr)?;
    if name.definition().kind == FactKind::Bool {
        return Ok(Predicate::Fact(name, Test::Compare(Comparison::Equal, Literal::Bool(true))));
    }
    Err(wrong(name, format!("compare it with something, or write has({name})")))
}

fn called(call: &CallExpr) -> Result<Predicate, PredicateError> {
    let name = call.func_name.as_str();
    match (name, call.target.as_deref(), call.args.as_slice()) {
        (operators::LOGICAL_AND, None, args) => Ok(Predicate::All(conditions(args)?)),
        (operators::LOGICAL_OR, None, args) => Ok(Predicate::Any(conditions(args)?)),
        (operators::LOGICAL_NOT, None, [one]) => Ok(Predicate::Not(Box::new(condition(&one.expr)?))),
        (operators::IN, None, [what, place]) => within(&what.expr, &place.expr),
        ("contains", Some(target), [part]) => {
            let name = fact(&target.expr)?;
            let part = text_of(name, &part.expr, "contains")?;
            match name.definition().kind {
                FactKind::Text => Ok(Predicate::Fact(name, Test::Contains(part))),
                FactKind::List => Ok(Predicate::Fact(name, Test::Includes(part))),
                _ => Err(wrong(name, "only texts and lists contain something".to_owned())),
            }
        }
        ("startsWith", Some(target), [beginning]) => {
            let name = fact(&target.expr)?;
            let beginning = text_of(name, &beginning.expr, "startsWith")?;
            match name.definition().kind {
                FactKind::Text => Ok(Predicate::Fact(name, Test::StartsWith(beginning))),
                _ => Err(wrong(name, "only texts begin with something".to_owned())),
            }
        }
        (sign, None, [left, right]) if comparison(sign).is_some() => {
            let comparison = comparison(sign).unwrap_or(Comparison::Equal);
            compared(comparison, &left.expr, &right.expr)
        }
        _ => Err(unsupported(&shown(name))),
    }
}

fn conditions(args: &[IdedExpr]) -> Result<Vec<Predicate>, PredicateError> {
    args.iter().map(|arg| condition(&arg.expr)).collect()
}

fn comparison(sign: &str) -> Option<Comparison> {
    Some(match sign {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Below,
        operators::LESS_EQUALS => Comparison::AtMost,
        operators::GREATER => Comparison::Above,
        operators::GREATER_EQUALS => Comparison::AtLeast,
        _ => return None,
    })
}

fn compared(comparison: Comparison, left: &Expr, right: &Expr) -> Result<Predicate, PredicateError> {
    match (path(left), path(right)) {
        (Some(_), Some(_)) => Err(unsupported("a comparison of two facts")),
        (None, None) => Err(unsupported("a comparison without a fact")),
        (Some(_), None) => against(fact(left)?, comparison, right),
        (None, Some(_)) => against(fact(right)?, comparison.turned(), left),
    }
}

fn against(name: FactName, comparison: Comparison, value: &Expr) -> Result<Predicate, PredicateError> {
    let literal = literal(name, value)?;
    Ok(Predicate::Fact(name, Test::Compare(comparison, literal)))
}

/// `fact in [values]`, or `'item' in list`.
fn within(what: &Expr, place: &Expr) -> Result<Predicate, PredicateError> {
    if let Expr::List(list) = place {
        let name = fact(what)?;
        let values: Vec<Literal> =
            list.elements.iter().map(|value| literal(name, &value.expr)).collect::<Result<_, _>>()?;
        return Ok(Predicate::Fact(name, Test::OneOf(values)));
    }
    let name = fact(place)?;
    if name.definition().kind != FactKind::List {
        return Err(wrong(name, format!("write {name} in [...], or .contains() for a part of a text")));
    }
    Ok(Predicate::Fact(name, Test::Includes(text_of(name, what, "in")?)))
}

/// The names that are joined by dots.
fn path(expr: &Expr) -> Option<Vec<&str>> {
    match expr {
        Expr::Ident(name) => Some(vec![name.as_str()]),
        Expr::Select(select) if !select.test => {
            let mut segments = path(&select.operand.expr)?;
            segments.push(&select.field);
            Some(segments)
        }
        _ => None,
    }
}

fn fact(expr: &Expr) -> Result<FactName, PredicateError> {
    named(&path(expr).ok_or_else(|| unsupported("something else than a fact in the place of one"))?)
}

/// The fact of a name; in policies they stand below `device`. `groups` alone are those of the person.
fn named(segments: &[&str]) -> Result<FactName, PredicateError> {
    if segments == ["groups"] {
        return Ok(FactName::USER_GROUPS);
    }
    let name = segments.join(".");
    let below = name.strip_prefix("device.").and_then(FactName::parse);
    FactName::parse(&name).or(below).ok_or_else(|| {
        let alike = |known: &str| strsim::normalized_damerau_levenshtein(&name.to_ascii_lowercase(), known);
        // A word alone is often the second part of a name.
        let last = |known: &str| known.split_once('.').is_some_and(|(_, last)| segments.last() == Some(&last));
        let rank = |known: &str| if last(known) { 0.5 + alike(known) } else { alike(known) };
        let best = catalogue().iter().map(|fact| (rank(fact.name), fact.name)).max_by(|a, b| a.0.total_cmp(&b.0));
        PredicateError::UnknownFact {
            nearest: best.filter(|(rank, _)| *rank >= ALIKE).map(|(_, name)| name.to_owned()),
            name,
        }
    })
}

/// The value that is compared with a fact, of its type.
fn literal(name: FactName, expr: &Expr) -> Result<Literal, PredicateError> {
    let example = match name.definition().kind {
        FactKind::Text => match expr {
            Expr::Literal(LiteralValue::String(text)) => return Ok(Literal::Text(text.inner().to_owned())),
            _ => "compare it with a text in quotes, such as 'x'",
        },
        FactKind::Integer => match integer(expr) {
            Some(number) => return Ok(Literal::Integer(number)),
            None => "compare it with a whole number",
        },
        FactKind::Bool => match expr {
            Expr::Literal(LiteralValue::Boolean(yes)) => return Ok(Literal::Bool(*yes.inner())),
            _ => "compare it with true or false",
        },
        FactKind::Time => match time_text(expr).and_then(parse_rfc3339) {
            Some(time) => return Ok(Literal::Time(time)),
            None => "compare it with a time such as '2026-11-20T22:00:00Z'",
        },
        FactKind::List => return Err(wrong(name, format!("write 'item' in {name}"))),
    };
    Err(wrong(name, example.to_owned()))
}

fn integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        Expr::Literal(LiteralValue::UInt(number)) => i64::try_from(*number.inner()).ok(),
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.as_slice() {
            [one] => integer(&one.expr).and_then(i64::checked_neg),
            _ => None,
        },
        _ => None,
    }
}

/// `'2026-…'` or `timestamp('2026-…')`.
fn time_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        Expr::Call(call) if call.func_name == "timestamp" && call.target.is_none() => match call.args.as_slice() {
            [one] => time_text(&one.expr),
            _ => None,
        },
        _ => None,
    }
}

fn text_of(name: FactName, expr: &Expr, function: &str) -> Result<String, PredicateError> {
    match expr {
        Expr::Literal(LiteralValue::String(text)) => Ok(text.inner().to_owned()),
        _ => Err(wrong(name, format!("{function} wants a text in quotes"))),
    }
}

fn wrong(name: FactName, instead: String) -> PredicateError {
    let is = match name.definition().kind {
        FactKind::Text => "a text",
        FactKind::Integer => "a number",
        FactKind::Bool => "true or false",
        FactKind::Time => "a time",
        FactKind::List => "a list",
    };
    PredicateError::WrongType { fact: name.as_str(), is, instead }
}

fn unsupported(what: &str) -> PredicateError {
    PredicateError::Unsupported { what: what.to_owned() }
}

/// A function or operator as its author wrote it.
fn shown(name: &str) -> String {
    let operator = name.trim_matches('_').to_owned();
    if name.contains('_') { format!("the operator {operator}") } else { format!("{operator}()") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("os.bulid < 22631", "there is no fact os.bulid; did you mean os.build?"),
            ("serial == 'x'", "there is no fact serial; did you mean device.serial?"),
            ("xyzzy", "there is no fact xyzzy; `transom device facts` lists them"),
            ("os.build < 'x'", "os.build is a number; compare it with a whole number"),
            ("os.build == 1.5", "os.build is a number; compare it with a whole number"),
            ("os.edition == Pro", "a comparison of two facts can't be used"),
            ("os.edition > 4", "os.edition is a text; compare it with a text in quotes"),
            ("defender.real_time == 'on'", "defender.real_time is true or false; compare it with true or false"),
            ("update.last_scan_at > 'yesterday'", "update.last_scan_at is a time; compare it with a time such as"),
            ("apps.msi == 'x'", "apps.msi is a list; write 'item' in apps.msi"),
            ("os.build", "os.build is a number; compare it with something, or write has(os.build)"),
            ("os.build + 1 > 2", "a comparison without a fact can't be used"),
            ("size(apps.msi) > 2", "a comparison without a fact can't be used"),
            ("apps.msi.exists(x, x == 'a')", "a macro such as all() or exists() can't be used"),
            ("os.edition.matches('.*')", "matches() can't be used"),
            ("os.build > 1 ? true : false", "the operator ?_: can't be used"),
            ("os.build <", "the condition can't be read at character"),
            ("os.build < 1 os.build", "the condition can't be read at character"),
            ("'open", "the condition can't be read at character"),
            ("", "the condition is empty"),
            ("1", "a value that nothing is compared with"),
            ("'x' in os.edition", "os.edition is a text; write os.edition in [...]"),
        ] {
            let said = refused(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_large_is_refused_before_it_is_read() {
        let deep = format!("{}true{}", "(".repeat(2000), ")".repeat(2000));
        let negated = format!("{}true", "!".repeat(4000));
        let chain = vec!["true"; 1500].join("&&");
        let path = vec!["a"; 1500].join(".");
        for text in [deep, negated, "x".repeat(5000), "not ".repeat(1020), chain, path] {
            let refused = parse(&text).unwrap_err();
            assert!(!refused.to_string().is_empty());
            assert!(matches!(refused, PredicateError::TooLarge), "{refused}");
        }
        let long = vec!["os.build > 1"; 100].join(" || ");
        assert!(parse(&long).is_ok());
    }

    #[test]
    fn the_sides_of_a_comparison_may_be_exchanged() {
        assert_eq!(parse("1 < os.build"), parse("os.build > 1"));
        assert_eq!(parse("-1 == os.build"), parse("os.build == -1"));
        assert_ne!(parse("1 <= os.build"), parse("os.build <= 1"));
    }

    #[test]
    fn groups_alone_are_those_of_the_person() {
        assert_eq!(parse("'finance' in groups"), parse("'finance' in user.groups"));
        assert_eq!(parse("groups.contains('finance')"), parse("'finance' in user.groups"));
        assert!(refused("groups == 'finance'").contains("write 'item' in user.groups"));
        assert!(parse("'x' in device.groups").is_err());
    }

    #[test]
    fn the_facts_of_a_condition_are_known() {
        let predicate = parse("has(os.build) && (os.mode == 'S mode' || !defender.enabled)").unwrap();
        let names: Vec<&str> = predicate.facts().into_iter().map(FactName::as_str).collect();
        assert_eq!(names, ["defender.enabled", "os.build", "os.mode"]);
    }

    proptest::proptest! {
        #[test]
        fn garbage_is_refused_and_never_worse(text in "[a-z.()'\"!&|<>=\\[\\]0-9 ,{}?:+\\-\\\\\u{0}\u{e9}]{0,60}") {
            let _ = parse(&text);
        }
    }
}
