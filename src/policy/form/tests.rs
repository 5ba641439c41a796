//! Forms of the nodes that there are, and what is entered into them.

use std::sync::OnceLock;

use proptest::prelude::*;
use transom_protocol::csp::Scope;
use transom_protocol::csp::admx::ElementKind;
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::ddf::Element;
use transom_protocol::syncml::Format;

use super::{Entries, Field, Form, FormError, Length, entered};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{LocUri, PolicyValue, Value, compile};

const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";

fn catalogue() -> &'static Catalogue {
    static ONCE: OnceLock<Catalogue> = OnceLock::new();
    ONCE.get_or_init(|| builtin::catalogue().unwrap())
}

fn form(uri: &str) -> Form {
    Form::of(catalogue(), uri).unwrap()
}

fn entries(fields: &[(&str, &str)]) -> Entries {
    Entries::new(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

#[test]
fn a_node_is_asked_for_as_its_description_has_it() {
    assert!(
        matches!(form(&format!("{CONFIG}/Camera/AllowCamera")).field, Field::Choice(choices) if choices.len() == 2)
    );
    assert!(
        matches!(form(&format!("{CONFIG}/DeviceLock/MinDevicePasswordLength")).field, Field::Number(ranges) if !ranges.is_empty())
    );
    assert!(matches!(form("./Device/Vendor/MSFT/BitLocker/SystemDrivesEncryptionType").field, Field::Policy(_)));
    assert!(matches!(
        form("./Device/Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall").field,
        Field::Choice(_) | Field::Truth
    ));
    assert!(matches!(form("./Vendor/Contoso/Own").field, Field::Free));
    let wrong = form(&format!("{CONFIG}/Camera/AllowCamra"));
    assert!(wrong.field == Field::Free && wrong.unknown.unwrap().contains("did you mean"));
    assert!(matches!(Form::of(catalogue(), "./DevDetail/SwV"), Err(FormError::NotSettable(_))));
    assert!(matches!(
        Form::of(catalogue(), &format!("{CONFIG}/Camera")),
        Err(FormError::Inner | FormError::NotSettable(_))
    ));
    assert!(matches!(Form::of(catalogue(), "no address"), Err(FormError::Address(_))));
}

/// What a browser sends of what a form holds: every field, ends of lines as they are in forms.
fn sent(held: &Entries) -> Entries {
    let names = ["asset", "other", "value", "flag", "lines", "empty", "state", "elements", "format", "type"];
    let all = names.iter().flat_map(|name| {
        let mut texts: Vec<&str> = held.all(name).collect();
        if texts.is_empty() && ["other", "asset", "value", "lines"].contains(name) {
            texts.push("");
        }
        texts.into_iter().map(|text| {
            let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
            ((*name).to_owned(), text)
        })
    });
    Entries::new(all.collect())
}

#[test]
fn what_nobody_touched_stays_as_it_was() {
    let rights = form(&format!("{CONFIG}/UserRights/BackupFilesAndDirectories"));
    assert!(matches!(rights.field, Field::List(_)), "{:?}", rights.field);
    let text = with(Field::Text { pattern: None, length: Length::Any }, Format::Chr);
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).to_owned()).collect());
    for (form, value) in [
        (&rights, Value::Text(String::new())),
        (&rights, list(&[])),
        (&rights, list(&["C:\\a b ", " c", ""])),
        (&rights, list(&["a\r\nb", "c"])),
        (&text, Value::Text("<a>\r\n <b/>\n</a>\r\n".to_owned())),
        (&text, Value::Text(" x ".to_owned())),
        (&text, Value::Text(String::new())),
        (&text, list(&["a", "b"])),
    ] {
        let again = form.value_after(&sent(&entered(form, &value)), Some(&value));
        assert_eq!(again, Ok(value));
    }
    // What is changed beside it keeps its blanks as well.
    let before = list(&["C:\\a b ", "c"]);
    let after = rights.value_after(&entries(&[("lines", "C:\\a b \r\n d ")]), Some(&before));
    assert_eq!(after, Ok(list(&["C:\\a b ", "d"])));
}

#[test]
fn nobody_and_nothing_can_be_written() {
    let rights = form(&format!("{CONFIG}/UserRights/BackupFilesAndDirectories"));
    assert!(rights.value(&entries(&[("lines", "")])).is_err());
    let nobody = rights.value(&entries(&[("lines", ""), ("empty", "true")])).unwrap();
    assert_eq!(nobody, Value::Text(String::new()));
    assert!(entered(&rights, &nobody).has("empty", "true"));
    assert!(compile(catalogue(), &rights.uri.parse().unwrap(), &nobody).item.is_some());
    let both = rights.value(&entries(&[("lines", "*S-1-5-32-544"), ("empty", "true")]));
    assert!(both.unwrap_err().contains("take one of the two away"));
    let members = rights.value_after(&entries(&[("lines", "a")]), Some(&nobody));
    assert_eq!(members, Ok(Value::List(vec!["a".to_owned()])));
}

#[test]
fn what_may_be_a_document_gets_room() {
    let length = |uri: &str| match form(uri).field {
        Field::Text { length, .. } => length,
        other => panic!("{uri}: {other:?}"),
    };
    for uri in [
        "./Vendor/MSFT/WiFi/Profile/office/WlanXml",
        "./Vendor/MSFT/AssignedAccess/Configuration",
        "./Vendor/MSFT/AssignedAccess/ShellLauncher",
        "./Device/Vendor/MSFT/Policy/Config/Start/StartLayout",
        "./Device/Vendor/MSFT/Policy/Config/ApplicationDefaults/DefaultAssociationsConfiguration",
        "./Device/Vendor/MSFT/Policy/Config/ExploitGuard/ExploitProtectionSettings",
        "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/app/Policy/file",
    ] {
        assert_ne!(length(uri), Length::Line, "{uri}");
    }
}

#[test]
fn names_that_are_chosen_are_asked_for() {
    let rule = catalogue().search("FirewallRules Action Type", 1);
    let uri = catalogue().uri(rule[0]);
    let open = form(&uri);
    assert_eq!((open.uri.as_str(), open.names.len()), (uri.as_str(), 1));
    assert!(open.address(&entries(&[])).unwrap_err().contains("choose a name"));
    let address = open.address(&entries(&[("name.0", "my rule/ü")])).unwrap();
    assert!(address.as_str().contains("/FirewallRules/my%20rule%2F%C3%BC/"), "{address:?}");
    let named = form(address.as_str());
    assert!(named.names.is_empty() && named.node == open.node);
    let varies = open.address(&entries(&[("name.0", "${device.serial}")])).unwrap();
    assert!(varies.as_str().contains("/${device.serial}/"), "{varies:?}");
}

#[test]
fn what_there_is_for_both_says_so() {
    let both = form("./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana");
    let only = form(&format!("{CONFIG}/Camera/AllowCamera"));
    assert_eq!((both.scope, only.scope, only.other_scope), (Scope::Device, Scope::Device, None));
    let mut user = catalogue()
        .ids()
        .map(|id| catalogue().uri(id))
        .filter(|uri| uri.starts_with("./User/Vendor/MSFT/Policy/Config/"));
    let twice = user.find_map(|uri| Form::of(catalogue(), &uri).ok()?.other_scope);
    assert!(twice.unwrap().starts_with("./Device/"));
}

#[test]
fn every_node_that_can_be_set_has_a_form_that_knows_it() {
    let catalogue = catalogue();
    let (mut forms, mut strange) = (0, Vec::new());
    for id in catalogue.ids() {
        let properties = catalogue.describe(id).unwrap().properties;
        let uri = catalogue.uri(id);
        if !properties.access.is_settable() || properties.format == Format::Node || uri.contains("{AreaName}") {
            continue;
        }
        let form = Form::of(catalogue, &uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        if form.node.is_none() || form.field == Field::Free {
            strange.push(uri);
            continue;
        }
        forms += 1;
        // What is chosen is taken by the check.
        let fields = match &form.field {
            Field::Choice(choices) => vec![("value".to_owned(), choices[0].value.clone())],
            Field::Policy(_) => vec![("state".to_owned(), "disabled".to_owned())],
            Field::Number(ranges) => vec![("value".to_owned(), ranges.first().map_or(1, |range| range.0).to_string())],
            _ => continue,
        };
        let names = form.names.iter().enumerate().map(|(place, _)| (format!("name.{place}"), "a".to_owned()));
        let entries = Entries::new(fields.into_iter().chain(names).collect());
        let (address, value) = (form.address(&entries).unwrap(), form.value(&entries).unwrap());
        assert!(compile(catalogue, &address, &value).item.is_some(), "{uri}: {value:?}");
    }
    assert!(forms > 3000 && strange.is_empty(), "{forms} {strange:#?}");
}

fn with(field: Field, format: Format) -> Form {
    Form { format, field, ..form("./Vendor/Contoso/Own") }
}

fn choice(value: &str) -> transom_protocol::csp::ddf::Choice {
    transom_protocol::csp::ddf::Choice { value: value.to_owned(), label: None }
}

#[test]
fn what_is_entered_becomes_a_value() {
    let flags = with(Field::Flags(vec![choice("0x1"), choice("2"), choice("4")]), Format::Int);
    assert_eq!(flags.value(&entries(&[("flag", "0x1"), ("flag", "4")])), Ok(Value::Integer(5)));
    assert_eq!(entered(&flags, &Value::Integer(6)).all("flag").collect::<Vec<_>>(), ["2", "4"]);
    assert_eq!(entered(&flags, &Value::Integer(8)).text("other"), "8");
    let list = with(Field::List(vec![choice("a")]), Format::Chr);
    let value = list.value(&entries(&[("flag", "a"), ("lines", "b\r\n\r\n c ")])).unwrap();
    assert_eq!(value, Value::List(vec!["a".into(), "b".into(), "c".into()]));
    let number = with(Field::Number(Vec::new()), Format::Int);
    assert_eq!(number.value(&entries(&[("value", " 12 ")])), Ok(Value::Integer(12)));
    assert_eq!(number.value(&entries(&[("value", "twelve")])), Ok(Value::Text("twelve".into())));
    assert!(number.value(&entries(&[("value", " ")])).is_err());
    assert_eq!(
        number.value(&entries(&[("value", "1"), ("other", "${os.build}")])),
        Ok(Value::Text("${os.build}".into()))
    );
    assert!(matches!(number.value(&entries(&[("asset", "key")])), Ok(Value::Asset(_))));
    assert!(number.value(&entries(&[("asset", "no name")])).is_err());
    let truth = with(Field::Choice(vec![choice("true"), choice("false")]), Format::Bool);
    assert_eq!(truth.value(&entries(&[("value", "true")])), Ok(Value::Bool(true)));
    assert_eq!(entered(&truth, &Value::Bool(false)).text("value"), "false");
    let one = with(Field::Choice(vec![choice("0x1")]), Format::Int);
    assert_eq!(entered(&one, &Value::Integer(1)).text("value"), "0x1");
    let free = with(Field::Free, Format::Chr);
    let explicit = free.value(&entries(&[("value", "v"), ("format", "int"), ("type", " ")])).unwrap();
    assert_eq!(explicit, Value::Explicit { value: "v".into(), format: Format::Int, mime: None });
}

fn elements() -> Vec<Element> {
    let element = |id: &str, kind| Element { id: id.to_owned(), required: false, kind };
    vec![
        element("Yes", ElementKind::Boolean),
        element("Count", ElementKind::Decimal { min: 0, max: 9 }),
        element("Line", ElementKind::Text { max: None }),
        element("Lines", ElementKind::MultiText { max: None }),
        element("One", ElementKind::Enum { values: vec!["1".into(), "x".into()] }),
        element("Named", ElementKind::List { explicit: true }),
        element("Listed", ElementKind::List { explicit: false }),
    ]
}

#[test]
fn a_policy_of_a_template_asks_for_each_of_its_elements() {
    let form = with(Field::Policy(Some(elements())), Format::Chr);
    assert!(form.value(&entries(&[])).is_err());
    assert_eq!(
        form.value(&entries(&[("state", "disabled"), ("element.Count", "1")])),
        Ok(Value::Text("disabled".into()))
    );
    assert_eq!(form.value(&entries(&[("state", "enabled")])), Ok(Value::Text("enabled".into())));
    let all = entries(&[
        ("state", "enabled"),
        ("element.Yes", "false"),
        ("element.Count", "7"),
        ("element.Line", "a = b"),
        ("element.Lines", "one\n\ntwo"),
        ("element.One", "x"),
        ("element.Named", "a = 1\nb=2=3"),
        ("element.Listed", "c\nd"),
    ]);
    let value = form.value(&all).unwrap();
    let Value::Policy(data) = &value else { panic!("{value:?}") };
    assert_eq!(data["Yes"], PolicyValue::Bool(false));
    assert_eq!(data["Count"], PolicyValue::Number(7));
    assert_eq!(data["Lines"], PolicyValue::Lines(vec!["one".into(), String::new(), "two".into()]));
    assert_eq!(data["Named"], PolicyValue::Named([("a".into(), "1".into()), ("b".into(), "2=3".into())].into()));
    assert_eq!(form.value(&entered(&form, &value)).unwrap(), value);
    assert!(form.value(&entries(&[("state", "enabled"), ("element.Named", "no equals")])).is_err());
    // Of a template that was not imported, what it asks for is written down.
    let unknown = with(Field::Policy(None), Format::Chr);
    let value = unknown.value(&entries(&[("state", "enabled"), ("elements", "A = 1\nB=true\nC = x y")])).unwrap();
    let data = [
        ("A".to_owned(), PolicyValue::Number(1)),
        ("B".to_owned(), PolicyValue::Bool(true)),
        ("C".to_owned(), PolicyValue::Text("x y".into())),
    ];
    assert_eq!(value, Value::Policy(data.into()));
    assert_eq!(unknown.value(&entered(&unknown, &value)).unwrap(), value);
}

/// What is opened and kept as it is stays what it was, whatever was in it.
#[test]
fn a_policy_that_is_kept_unchanged_is_the_same() {
    let text = |text: &str| PolicyValue::Text(text.to_owned());
    let lines = |lines: &[&str]| PolicyValue::Lines(lines.iter().map(|line| (*line).to_owned()).collect());
    let named = |pairs: &[(&str, &str)]| {
        PolicyValue::Named(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    let sites = named(&[("https://extranet.example", "2"), ("https://intranet.example", "1")]);
    let odd = [
        sites,
        named(&[("a = b", " c "), ("d", "e\nf")]),
        named(&[]),
        lines(&["one", "", " two ", ""]),
        lines(&[]),
        text("007"),
        text("true"),
        text(""),
        text(" a "),
        text("a\r\nb"),
        text("\"quoted\""),
        text("[1]"),
        text("{6d967488-4c5e-4a9f-9f3a-1c2d3e4f5a6b}"),
        text("a\u{f000}b"),
        PolicyValue::Number(7),
        PolicyValue::Bool(false),
    ];
    let ids = ["Yes", "Count", "Line", "Lines", "One", "Named", "Listed", "Other", "a=b", " c", "\"d\""];
    for elements in [None, Some(elements()), Some(Vec::new())] {
        let form = with(Field::Policy(elements), Format::Chr);
        for id in ids {
            for value in &odd {
                let value = Value::Policy([(id.to_owned(), value.clone())].into());
                let kept = form.value(&entered(&form, &value));
                let is_same = kept.as_ref() == Ok(&value) || plain(&kept) == plain(&Ok(value.clone()));
                assert!(is_same, "{:?}: {kept:?} in place of {value:?}", form.field);
            }
        }
    }
    let unknown = with(Field::Policy(None), Format::Chr);
    let written = unknown.value(&entries(&[("state", "enabled"), ("elements", "A = {\"b\": 1}\nC = {6d96-4c5e}")]));
    let expected = [("A".to_owned(), named(&[("b", "1")])), ("C".to_owned(), text("{6d96-4c5e}"))];
    assert_eq!(written, Ok(Value::Policy(expected.into())));
    for wrong in ["A = {\"b\": }", "A = [\"b\"", "A = [[1]]", "A"] {
        assert!(unknown.value(&entries(&[("state", "enabled"), ("elements", wrong)])).is_err(), "{wrong}");
    }
}

/// The texts of what a policy is given: a number and its text are the same for a device.
fn plain(value: &Result<Value, String>) -> Option<Vec<String>> {
    let Ok(Value::Policy(data)) = value else { return None };
    let one = |value: &PolicyValue| match value {
        PolicyValue::Bool(truth) => Some(truth.to_string()),
        PolicyValue::Number(number) => Some(number.to_string()),
        PolicyValue::Text(text) => Some(text.clone()),
        PolicyValue::Lines(_) | PolicyValue::Named(_) => None,
    };
    data.values().map(one).collect()
}

#[test]
fn a_node_that_nobody_knows_takes_what_is_entered_in_place_of_its_value() {
    let free = with(Field::Free, Format::Chr);
    let value = free.value(&entries(&[("value", ""), ("other", "${device.serial}"), ("format", "chr")])).unwrap();
    assert_eq!(value, Value::Explicit { value: "${device.serial}".into(), format: Format::Chr, mime: None });
    assert_eq!(free.value(&entered(&free, &value)), Ok(value));
}

proptest! {
    #[test]
    fn what_was_entered_is_entered_again(text in "[a-z0-9 ${}<>&]{1,20}", number in any::<i64>(), truth in any::<bool>()) {
        let trimmed = text.trim().to_owned();
        prop_assume!(!trimmed.is_empty() && trimmed.parse::<i64>().is_err());
        prop_assume!(!trimmed.starts_with("0x") && !["true", "false"].contains(&trimmed.as_str()));
        for (field, format, value) in [
            (Field::Text { pattern: None, length: Length::Any }, Format::Chr, Value::Text(text.clone())),
            (Field::Number(Vec::new()), Format::Int, Value::Integer(number)),
            (Field::Truth, Format::Bool, Value::Bool(truth)),
            (Field::List(Vec::new()), Format::Chr, Value::List(vec![trimmed.clone(), trimmed])),
            (Field::Choice(vec![choice("1")]), Format::Int, Value::Text(text.clone())),
            (Field::Free, Format::Chr, Value::Explicit { value: text, format: Format::Xml, mime: Some("a/b".into()) }),
        ] {
            let form = with(field, format);
            prop_assert_eq!(form.value(&entered(&form, &value)), Ok(value));
        }
    }

    #[test]
    fn no_address_breaks_a_form(address in "[./a-zA-Z{}$ %-]{0,60}") {
        if let Ok(form) = Form::of(catalogue(), &address) {
            drop(form.address(&entries(&[("name.0", &address)])));
        }
    }
}

#[test]
fn an_address_of_the_catalogue_is_itself() {
    let uri: LocUri = format!("{CONFIG}/Camera/AllowCamera").parse().unwrap();
    assert_eq!(form(uri.as_str()).address(&Entries::default()), Ok(uri));
}
