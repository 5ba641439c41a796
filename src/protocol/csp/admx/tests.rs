//! Templates and payloads, right and wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::csp::ddf::Element;

const TEMPLATE: &str = r#"<?xml version="1.0" encoding="unicode"?>
<policyDefinitions xmlns="http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions" revision="1.0" schemaVersion="1.0">
  <policyNamespaces><target prefix="kiosk" namespace="Example.Policies.Kiosk"/><using prefix="windows" namespace="Microsoft.Policies.Windows"/></policyNamespaces>
  <categories>
    <category name="Outer" displayName="$(string.Outer)"><parentCategory ref="windows:System"/></category>
    <category name="Inner" displayName="$(string.Inner)"><parentCategory ref="Outer"/></category>
    <category name="LoopA"><parentCategory ref="LoopB"/></category>
    <category name="LoopB"><parentCategory ref="LoopA"/></category>
  </categories>
  <policies>
    <policy name="Greeting" class="Machine" key="Software\Policies\Kiosk">
      <parentCategory ref="Inner"/>
      <elements>
        <boolean id="Loud" valueName="Loud"/>
        <decimal id="Seconds" valueName="Seconds" required="true" minValue="1" maxValue="60"/>
        <text id="Words" valueName="Words" maxLength="8"/>
        <multiText id="Lines" valueName="Lines" maxStrings="2"/>
        <enum id="Colour" valueName="Colour"><item><value><decimal value="7"/></value></item><item><value><string>red</string></value></item></enum>
        <list id="Sites" key="Software\Policies\Kiosk\Sites" explicitValue="true"/>
        <list id="Hosts" key="Software\Policies\Kiosk\Hosts"/>
      </elements>
    </policy>
    <policy name="Plain" class="User"><parentCategory ref="LoopA"/></policy>
    <policy name="Plain" class="User"><parentCategory ref="LoopA"/></policy>
    <policy class="User"/>
  </policies>
</policyDefinitions>"#;

fn template() -> Template {
    let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(TEMPLATE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let template = read(&bytes).unwrap();
    assert_eq!(read(TEMPLATE.as_bytes()).unwrap(), template);
    template
}

fn elements() -> Vec<Element> {
    template().policies[0].elements.clone()
}

/// No part of a text is put in later.
fn closed(_: &str) -> bool {
    false
}

#[test]
fn a_template_gives_policies_categories_and_elements() {
    let template = template();
    assert_eq!(template.namespace, "Example.Policies.Kiosk");
    assert_eq!(template.policies[0].categories, ["System", "Outer", "Inner"]);
    assert_eq!(template.policies[0].given_below(), [["Outer", "Inner"]]);
    assert_eq!(template.policies[1].categories, ["LoopB", "LoopA"]);
    assert_eq!((template.policies.len(), template.odd.len()), (2, 2));
    let kinds: Vec<_> = elements().into_iter().map(|element| element.kind).collect();
    assert_eq!(
        kinds,
        [
            ElementKind::Boolean,
            ElementKind::Decimal { min: 1, max: 60 },
            ElementKind::Text { max: Some(8) },
            ElementKind::MultiText { max: Some(2) },
            ElementKind::Enum { values: vec!["7".to_owned(), "red".to_owned()] },
            ElementKind::List { explicit: true },
            ElementKind::List { explicit: false },
        ]
    );
}

#[test]
fn categories_of_other_templates_are_told_from_its_own() {
    let template = read(include_bytes!("../../../../fixtures/admx/below-vendor.admx")).unwrap();
    let told: Vec<_> = template
        .policies
        .iter()
        .map(|policy| (policy.categories.join("~"), policy.given_below().iter().map(|below| below.join("~")).collect()))
        .collect::<Vec<(String, Vec<String>)>>();
    let told: Vec<(&str, &[String])> = told.iter().map(|(all, below)| (all.as_str(), below.as_slice())).collect();
    assert_eq!(
        told,
        [
            ("Cat_Vendor~surfer", &["surfer".to_owned()][..]),
            ("Cat_Vendor~surfer~Authentication", &["surfer~Authentication".to_owned()]),
            ("Cat_Vendor", &["Cat_Vendor".to_owned(), String::new()]),
        ]
    );
    // One that was kept before nobody asked whose they are: both may be.
    let kept = serde_json::json!({"name": "a", "class": "both", "categories": ["Vendor", "surfer"]});
    let kept: Policy = serde_json::from_value(kept).unwrap();
    assert_eq!(kept.given_below(), [&["Vendor", "surfer"][..], &["surfer"]]);
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(read(b"<policyDefinitionResources/>"), Err(AdmxError::NotAdmx(_))));
    assert!(matches!(read(b"<!DOCTYPE a [<!ENTITY x 'y'>]><policyDefinitions/>"), Err(AdmxError::Tree(_))));
    assert!(matches!(read(b"<policyDefinitions>"), Err(AdmxError::Tree(_))));
}

#[test]
fn all_spellings_of_a_payload_read_as_one() {
    let wanted = Payload::Enabled(vec![("Seconds".to_owned(), "5".to_owned()), ("Loud".to_owned(), "true".to_owned())]);
    for text in [
        r#"<enabled/><data id="Seconds" value="5"/><data id="Loud" value="true"/>"#,
        "<Enabled/>\n  <Data id=\"Seconds\" value=\"5\" />\n<Data id='Loud' value='true'></Data>",
    ] {
        assert_eq!(Payload::parse(text).as_ref(), Ok(&wanted), "{text}");
    }
    assert_eq!(Payload::parse(" <Disabled/> "), Ok(Payload::Disabled));
    assert_eq!(Payload::parse(r#"<data id="a" value="b"/>"#), Err(PayloadError::NoState));
    assert_eq!(Payload::parse(r#"<disabled/><data id="a" value="b"/>"#), Err(PayloadError::DisabledWithData));
    for text in
        ["enabled", "<enabled/>x", "<enabled>", "<enable/>", "<enabled/><data value='x'/>", "1", "</payload><payload>"]
    {
        assert!(matches!(Payload::parse(text), Err(PayloadError::Unreadable(_))), "{text}");
    }
}

#[test]
fn all_six_kinds_are_written_as_windows_takes_them() {
    let values: BTreeMap<String, Value> = serde_json::from_str(
        r#"{"Loud":true,"seconds":5,"Words":"a<b","Lines":["x","y"],"Colour":7,"Sites":{"n":"v"},"Hosts":["p","q"]}"#,
    )
    .unwrap();
    let payload = Payload::typed(&values, &elements(), closed).unwrap();
    let text = payload.to_string();
    for part in [
        r#"<data id="Loud" value="true"/>"#,
        r#"<data id="Seconds" value="5"/>"#,
        r#"<data id="Words" value="a&lt;b"/>"#,
        r#"<data id="Lines" value="x&#xF000;y"/>"#,
        r#"<data id="Colour" value="7"/>"#,
        r#"<data id="Sites" value="n&#xF000;v"/>"#,
        r#"<data id="Hosts" value="1&#xF000;p&#xF000;2&#xF000;q"/>"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.starts_with("<enabled/>"));
    assert_eq!(Payload::parse(&text), Ok(payload));
}

#[test]
fn what_a_policy_does_not_ask_for_is_named() {
    let wrong = |text: &str| {
        let errors = Payload::parse(text).unwrap().wrong(&elements());
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(wrong("<enabled/>").contains("must have \"Seconds\""));
    assert!(wrong(r#"<enabled/><data id="Second" value="5"/>"#).contains("it asks for Loud, Seconds"));
    assert!(wrong(r#"<enabled/><data id="Seconds" value="61"/>"#).contains("from 1 to 60"));
    assert!(
        wrong(r#"<enabled/><data id="Seconds" value="1"/><data id="Words" value="nine long"/>"#)
            .contains("8 are the most")
    );
    assert!(
        wrong(r#"<enabled/><data id="Seconds" value="1"/><data id="Colour" value="8"/>"#).contains("one of 7, red")
    );
    assert!(wrong(r#"<enabled/><data id="Seconds" value="1"/><data id="Hosts" value="p"/>"#).contains("pairs"));
    assert_eq!(wrong("<disabled/>"), "");
    let payload = Payload::parse(r#"<enabled/><data id="Seconds" value="1"/>"#).unwrap();
    assert_eq!(payload.left_out(&elements()).count(), 6);
}

#[test]
fn nothing_that_was_written_is_lost() {
    for (text, says) in [
        (r#"<enabled><data id="D" value="7"/></enabled>"#, "behind <enabled/>"),
        ("<enabled>junk</enabled>", "text within <enabled>"),
        (r#"<enabled x="1"/>"#, "takes none"),
        ("<disabled><a/></disabled>", "behind <disabled/>"),
        (r#"<enabled/><data id="a" value="b"><b/></data>"#, "no elements"),
        (r#"<enabled/><data id="a" value="b">c</data>"#, "text besides"),
        (r#"<enabled/><data id="a" worth="b" value="c"/>"#, "\"worth\""),
        (r#"<enabled/><data id="a" ID="b" value="c"/>"#, "one id"),
        ("<enabled/><disabled/>", "more than once"),
        ("<enabled/><Enabled/>", "more than once"),
    ] {
        let error = Payload::parse(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
    assert_eq!(Payload::parse("<enabled xmlns='a'> </enabled>"), Ok(Payload::Enabled(Vec::new())));
}

#[test]
fn a_payload_of_many_data_is_read_at_once() {
    let of = |count: usize| {
        let data: String = (0..count).map(|number| format!("<data id=\"i{number}\" value=\"\"/>")).collect();
        Payload::parse(&format!("<enabled/>{data}"))
    };
    let begun = std::time::Instant::now();
    let payload = of(MOST).unwrap();
    let many: Vec<Element> = (0..MOST)
        .map(|number| Element { id: format!("e{number}"), required: true, kind: ElementKind::Boolean })
        .collect();
    assert!((1..100).contains(&payload.wrong(&many).len()));
    assert_eq!(payload.left_out(&many).count(), 0);
    assert!(of(MOST + 1).unwrap_err().to_string().contains("more than 10000"));
    assert!(of(60_000).is_err());
    assert!(begun.elapsed() < std::time::Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn values_are_sent_in_one_spelling() {
    let text =
        r#"<enabled/><data id="Loud" value="1"/><data id="Seconds" value=" 07 "/><data id="Colour" value="Red"/>"#;
    let payload = Payload::parse(text).unwrap();
    assert_eq!(payload.wrong(&elements()), []);
    let wanted =
        r#"<enabled/><data id="Loud" value="true"/><data id="Seconds" value="7"/><data id="Colour" value="red"/>"#;
    assert_eq!(payload.canonical(&elements()).to_string(), wanted);
}

#[test]
fn lines_of_a_text_are_lines() {
    let typed = |json: &str| {
        let values: BTreeMap<String, Value> = serde_json::from_str(json).unwrap();
        Payload::typed(&values, &elements(), closed)
            .map(|payload| payload.to_string())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let lines = typed("{\"Seconds\": 1, \"Lines\": \"a\\r\\nb\\n\"}").unwrap();
    assert!(lines.contains(r#"<data id="Lines" value="a&#xF000;b"/>"#), "{lines}");
    assert_eq!(typed("{\"Seconds\": \"x\"}").unwrap_err(), "Seconds: write a number", "it is not missing");
    assert!(typed("{\"Seconds\": 1, \"seconds\": 2}").unwrap_err().contains("twice"));
}

#[test]
fn what_is_put_in_later_is_not_checked_before() {
    let typed = |json: &str| {
        let values: BTreeMap<String, Value> = serde_json::from_str(json).unwrap();
        Payload::typed(&values, &elements(), |text| text.contains("${")).map(|payload| payload.to_string())
    };
    let open =
        r#"{"Loud":"${a}","Seconds":"${b}","Words":"longer than eight ${c}","Colour":"${d}","Lines":["${e}","f"]}"#;
    let text = typed(open).unwrap();
    assert!(text.contains(r#"id="Loud" value="${a}""#) && text.contains(r#"id="Colour" value="${d}""#), "{text}");
    assert!(text.contains(r#"id="Seconds" value="${b}""#), "{text}");
    // The others are checked all the same, and a number in quotation marks is one.
    assert!(typed(r#"{"Seconds":"${b}","Words":"longer than eight"}"#).is_err());
    assert!(typed(r#"{"Seconds":" 07 "}"#).unwrap().contains(r#"value="7""#));
    assert!(typed(r#"{"Seconds":"61"}"#).is_err() && typed(r#"{"Seconds":1,"Hosts":"${a}"}"#).is_err());
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(data in proptest::collection::btree_map("[ -~é\u{F000}\t\n]{1,8}", "[ -~é\u{F000}\t\n\r]{0,12}", 0..5)) {
        let payload = Payload::Enabled(data.into_iter().collect());
        prop_assert_eq!(Payload::parse(&payload.to_string()), Ok(payload));
    }

    #[test]
    fn nothing_makes_the_readers_fall(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>/a-z&;#x0-9 \"='!\\[\\]]{0,80}") {
        let _ = read(&bytes);
        let _ = read(text.as_bytes());
        let _ = Payload::parse(&text);
    }
}
