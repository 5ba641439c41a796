//! Declarations: read, checked, compiled, written.

use proptest::prelude::*;
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::session::Timestamp;

use super::source::yaml;
use super::{
    Asset, Concern, Content, Declaration, Escaping, Identifier, Level, Payload, Remark, Template, Value, check,
    compile, read_text, to_yaml,
};
use crate::model::{EnrollmentId, Fact, FactName, FactValue, Facts};
use crate::policy::catalogue::builtin;

fn catalogue() -> &'static Catalogue {
    static MADE: std::sync::OnceLock<Catalogue> = std::sync::OnceLock::new();
    MADE.get_or_init(|| builtin::catalogue().unwrap())
}

fn remarks(text: &str) -> Vec<Remark> {
    let read = read_text("p.yaml", text);
    let mut remarks = read.remarks;
    remarks.extend(check(&read.documents, &[], catalogue()));
    remarks
}

fn told(text: &str) -> String {
    remarks(text).iter().map(|remark| format!("{remark}\n")).collect()
}

fn fact(name: &str, value: FactValue) -> Fact {
    Fact {
        name: FactName::parse(name).unwrap(),
        value,
        observed_at: Timestamp(0),
        changed_at: Timestamp(0),
        enrollment: EnrollmentId::new(Timestamp(0)),
    }
}

fn no_assets(_: &Identifier) -> Option<Content> {
    None
}

/// What is sent for a value: format and data.
fn sent(uri: &str, value: &str) -> Result<(String, String), String> {
    let text = format!("type: configuration\nidentifier: a\npayload:\n  settings:\n    {uri}: {value}\n");
    let read = read_text("p.yaml", &text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    let Payload::Configuration(configuration) = &read.documents[0].declaration.payload else { panic!() };
    let (uri, value) = configuration.settings.first_key_value().unwrap();
    let compiled = compile(catalogue(), uri, value);
    if let Some(error) = compiled.findings.iter().find(|finding| finding.level == Level::Error) {
        return Err(error.what.clone());
    }
    let item = compiled.item.unwrap();
    let facts: Facts = [fact("device.serial", FactValue::Text("<a&b>".to_owned()))].into_iter().collect();
    let data = item.data(&facts, &no_assets).unwrap().unwrap_or_default();
    Ok((item.format.as_str().to_owned(), data))
}

const LENGTH: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
const GOOD: &str = "
type: configuration
identifier: password-baseline
payload:
  settings:
    ./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength: 12
---
type: activation
identifier: everyone
payload:
  configurations: [password-baseline]
  atomic: false
  when: device.os.build >= 19041
";

#[test]
fn the_example_of_the_documents_has_nothing_wrong() {
    let found = remarks(GOOD);
    assert!(found.iter().all(|remark| remark.level == Level::Note), "{found:#?}");
    let read = read_text("p.yaml", GOOD);
    assert_eq!(read.documents.len(), 2);
    assert_eq!(read.documents[1].place("when").line, 13);
}

#[test]
fn a_token_is_of_the_content_and_not_of_the_spelling() {
    let token = |text: &str| read_text("p.yaml", text).documents[0].declaration.token();
    let other = "# a note\n{\"payload\": {\"settings\": {\"./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength\": 12}}, \"identifier\": \"password-baseline\", \"type\": \"configuration\"}";
    assert_eq!(token(GOOD), token(other));
    assert_ne!(token(GOOD), token(&GOOD.replace("12", "13")));
    let json = other.strip_prefix("# a note\n").unwrap();
    let read = read_text("p.json", json);
    assert_eq!(read.documents[0].declaration.token(), token(GOOD));
    assert_eq!(read.documents[0].place("").line, 1);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, says) in [
        (
            "type: configration\nidentifier: a\npayload: {settings: {}}",
            "p.yaml:1:7: error: a: \"configration\" is no type, did you mean \"configuration\"?",
        ),
        ("type: asset\nidentifier: a b\npayload: {text: x}", "p.yaml:2:13: error: \"a b\": an identifier has"),
        (
            "type: activation\nidentifier: a\npayload:\n  configuration: [b]",
            "p.yaml:4:3: error: a: the payload has no \"configuration\", did you mean \"configurations\"?",
        ),
        ("type: asset\nidentifier: a\npayload: {secret: hunter2}", "does not belong in a file"),
        ("type: asset\nidentifier: a\npayload: {base64: '*'}", "it is no base64"),
        ("a: 1\na: 2", "p.yaml:2:1: error: \"a\" stands in line 1 already"),
        ("a: *b", "p.yaml:1:4: error: "),
        ("a: !!str 1", "tags (!name) are not read"),
        ("type: [", "it can't be read"),
        ("- 1", "a declaration: write names with values, not a number"),
    ] {
        let told = told(text);
        // A list is no document of its own in YAML.
        let told =
            if text == "- 1" { format!("{told} a declaration: write names with values, not a number") } else { told };
        assert!(told.contains(says), "{text}\n-> {told}");
    }
    let deep = "[".repeat(1000);
    assert!(yaml(&deep).is_err());
}

#[test]
fn references_lead_somewhere() {
    let wrong = GOOD.replace("[password-baseline]", "[password-basline]");
    let told = told(&wrong);
    assert!(told.contains("p.yaml:11:20: error: everyone: there is no configuration password-basline, did you mean \"password-baseline\"?"), "{told}");
    assert!(told.contains("note: password-baseline: no activation applies it"), "{told}");
    let twice = format!("{GOOD}---{GOOD}");
    assert!(self::told(&twice).contains("the identifier is taken in line 2"), "{}", self::told(&twice));
    let condition = GOOD.replace("os.build", "os.biuld");
    assert!(self::told(&condition).contains("there is no fact"), "{}", self::told(&condition));
}

#[test]
fn management_says_which_facts_may_be_used() {
    let text = format!("{GOOD}---\ntype: management\nidentifier: us\npayload: {{properties: [os.edition]}}\n");
    assert!(told(&text).contains("os.build is not among the properties"), "{}", told(&text));
    assert!(!told(&text.replace("os.edition", "device.os.build")).contains("error"));
}

#[test]
fn the_catalogue_says_what_is_sent() {
    let chr = |text: &str| Ok(("chr".to_owned(), text.to_owned()));
    let int = |text: &str| Ok(("int".to_owned(), text.to_owned()));
    assert_eq!(sent(LENGTH, "12"), int("12"));
    assert_eq!(sent(LENGTH, "'0xC'"), int("12"));
    assert!(sent(LENGTH, "true").is_err());
    assert!(sent(LENGTH, "400").unwrap_err().contains("write a number from"));
    assert!(sent(LENGTH, "[1, 2]").unwrap_err().contains("not a list"));
    assert!(sent(LENGTH, "{enabled: true}").unwrap_err().contains("no policy of an administrative template"));
    let admx = "./Device/Vendor/MSFT/BitLocker/SystemDrivesEncryptionType";
    assert_eq!(sent(admx, "disabled"), chr("<disabled/>"));
    assert_eq!(sent(admx, "{enabled: false}"), chr("<disabled/>"));
    assert_eq!(
        sent(admx, "{enabled: true, OSEncryptionTypeDropDown_Name: 7, Other: 'a & ${device.serial}'}"),
        chr(
            "<enabled/><data id=\"OSEncryptionTypeDropDown_Name\" value=\"7\"/><data id=\"Other\" value=\"a &amp; &lt;a&amp;b&gt;\"/>"
        )
    );
    assert!(sent(admx, "7").unwrap_err().contains("write enabled, disabled"));
    assert!(sent(admx, "{enabled: true, X: [a, b]}").unwrap_err().contains("transom csp admx import"));
}

#[test]
fn lists_are_written_with_the_delimiter_of_the_node() {
    let list = catalogue().ids().find_map(|id| {
        let properties = catalogue().describe(id)?.properties;
        let allowed = properties.allowed.as_ref()?;
        let uri = catalogue().uri(id);
        let plain = matches!(allowed.kind, transom_protocol::csp::ddf::Kind::Any) && !uri.contains('{');
        let settable = properties.access.is_settable();
        (plain && settable && allowed.delimiter.is_some()).then(|| (uri, allowed.delimiter.clone().unwrap()))
    });
    let (uri, delimiter) = list.unwrap();
    assert_eq!(sent(&uri, "[a, b]").unwrap().1, format!("a{delimiter}b"), "{uri}");
    assert!(sent(&uri, &format!("['a{delimiter}b']")).unwrap_err().contains("divide it"), "{uri}");
}

#[test]
fn an_unknown_setting_says_what_was_meant_and_an_author_may_insist() {
    let wrong = GOOD.replace("MinDevicePasswordLength", "MinDevicePasswordLenght");
    let found = remarks(&wrong);
    let error = found.iter().find(|remark| remark.level == Level::Error).unwrap();
    assert!(error.what.contains("did you mean") && error.line == Some(6), "{error:?}");
    let insisted = wrong.replace(
        "---",
        "  overrides:\n    ./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLenght: ticket 4711\n---",
    );
    let found = remarks(&insisted);
    assert!(found.iter().all(|remark| remark.level != Level::Error), "{found:#?}");
    assert!(found.iter().any(|remark| remark.what.contains("its author insists: ticket 4711")), "{found:#?}");
    let needless = GOOD.replace("---", &format!("  overrides:\n    {LENGTH}: because\n---"));
    assert!(remarks(&needless).iter().any(|remark| remark.rule == Concern::Override));
}

#[test]
fn secrets_do_not_stand_in_files() {
    let uri = "./Device/Vendor/MSFT/Accounts/Users/alice/Password";
    let with = |value: &str| {
        format!(
            "type: configuration\nidentifier: a\npayload:\n  settings:\n    {uri}: {value}\n---\ntype: asset\nidentifier: admin-pw\npayload: {{secret: true}}\n"
        )
    };
    let secret = |value: &str| remarks(&with(value)).iter().any(|remark| remark.rule == Concern::Secret);
    assert!(secret("hunter2"));
    let insisted = with(&format!("hunter2\n  overrides:\n    {uri}: because"));
    assert_eq!(of_level(&insisted, Level::Error).len(), 1, "nobody can insist on it");
    assert!(!secret("'${asset.admin-pw}'"));
    assert!(!secret("{asset: admin-pw}"));
    assert!(told(&with("{asset: admin-pv}")).contains("there is no asset admin-pv, did you mean \"admin-pw\"?"));
}

#[test]
fn variables_are_escaped_for_where_they_stand() {
    let facts: Facts =
        [fact("device.serial", FactValue::Text("a/b <\"x\">".to_owned())), fact("os.build", FactValue::Integer(22631))]
            .into_iter()
            .collect();
    let put = |text: &str, escaping| Template::parse(text).unwrap().resolve(&escaping, &facts, &no_assets);
    assert_eq!(put("${os.build}-${device.os.build}$${x}", Escaping::Plain).unwrap(), "22631-22631${x}");
    assert_eq!(put("<a>${device.serial}</a>", Escaping::Xml).unwrap(), "<a>a/b &lt;&quot;x&quot;&gt;</a>");
    assert_eq!(put("{\"a\": \"${device.serial}\"}", Escaping::Json).unwrap(), "{\"a\": \"a/b <\\\"x\\\">\"}");
    assert_eq!(put("./V/${device.serial}", Escaping::Segment).unwrap(), "./V/a%2Fb%20%3C%22x%22%3E");
    assert!(put("${device.model}", Escaping::Plain).is_err());
    assert!(Template::parse("${device.seriel}").unwrap_err().to_string().contains("did you mean ${device.serial}?"));
    assert!(Template::parse("${open").is_err());
}

#[test]
fn what_was_read_is_written_and_reads_the_same() {
    let text = "type: configuration\nidentifier: a\npayload:\n  description: 'yes'\n  settings:\n    ./A: true\n    ./B: '12'\n    ./C: [x, '1']\n    ./D: {enabled: true, E: 1, L: [a], N: {b: c}, T: 'no: # \\'}\n    ./F: {}\n    ./G: {asset: x}\n    ./H: {value: v, format: int, type: text/plain}\n    ./I: disabled\n    ./J: \"two\\nlines \\uF000\"\n  overrides: {./A: it is}\n---\ntype: asset\nidentifier: x\npayload: {secret: true}\n---\ntype: activation\nidentifier: all\npayload: {configurations: [a], atomic: true, when: 'os.build > 1'}\n---\ntype: management\nidentifier: us\npayload: {organization: Contoso, properties: [os.build]}\n";
    let read = read_text("p.yaml", text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    assert_eq!(declarations.len(), 4);
    let written = to_yaml(&declarations);
    let again = read_text("q.yaml", &written);
    let again: Vec<Declaration> = again.documents.into_iter().map(|document| document.declaration).collect();
    assert_eq!(declarations, again, "{written}");
}

/// A configuration with these settings, and what comes after it.
fn with(settings: &str, more: &str) -> String {
    format!("type: configuration\nidentifier: a\npayload:\n  settings:\n    {settings}\n{more}")
}

fn asset(content: &str) -> String {
    format!("---\ntype: asset\nidentifier: pw\npayload: {{{content}}}\n")
}

/// What is wrong, and how badly.
fn of_level(text: &str, level: Level) -> Vec<String> {
    remarks(text).into_iter().filter(|remark| remark.level == level).map(|remark| remark.what).collect()
}

#[test]
fn a_policy_of_a_template_that_was_not_imported_is_one_all_the_same() {
    let edge = "./Device/Vendor/MSFT/Policy/Config/Edge~Policy~microsoft_edge/HomepageIsNewTabPage";
    let chr = |text: &str| Ok(("chr".to_owned(), text.to_owned()));
    assert_eq!(sent(edge, "enabled"), chr("<enabled/>"));
    assert_eq!(sent(edge, "true"), chr("<enabled/>"));
    assert_eq!(sent(edge, "'<disabled />'"), chr("<disabled/>"));
    assert_eq!(
        sent(edge, "{enabled: true, Text: 'a&${device.serial}'}"),
        chr("<enabled/><data id=\"Text\" value=\"a&amp;&lt;a&amp;b&gt;\"/>")
    );
    assert!(sent(edge, "'<enabled><oops'").unwrap_err().contains("no payload"));
    assert!(sent(edge, "7").unwrap_err().contains("write enabled, disabled"));
    assert!(sent(edge, "{value: '<enabled/>', format: int}").unwrap_err().contains("is chr, not int"));
    assert!(sent(edge, "{enabled: true, X: [a]}").unwrap_err().contains("the template of Edge"));
    let told = told(&with(&format!("{edge}: enabled"), ""));
    assert_eq!(told.matches("not checked").count(), 1, "{told}");
}

#[test]
fn the_content_of_an_asset_is_held_against_its_node() {
    let errors = |uri: &str, value: &str, content: &str| {
        of_level(&with(&format!("{uri}: {value}"), &asset(content)), Level::Error)
    };
    let wrong = errors(LENGTH, "{asset: pw}", "text: abc");
    assert!(wrong[0].contains("with the content of pw: an int is"), "{wrong:?}");
    assert!(errors(LENGTH, "'${asset.pw}'", "text: abc")[0].contains("an int is"));
    assert!(errors(LENGTH, "{asset: pw}", "text: '12'").is_empty());
    assert!(errors(LENGTH, "{asset: pw}", "secret: true").is_empty(), "nobody knows its value");
    let admx = "./Device/Vendor/MSFT/BitLocker/SystemDrivesEncryptionType";
    assert!(errors(admx, "{asset: pw}", "text: abc")[0].contains("no payload"));
    let root = "./Device/Vendor/MSFT/RootCATrustedCertificates/Root/ABC/EncodedCertificate";
    let pem = "\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"";
    assert!(errors(root, "{asset: pw}", &format!("text: {pem}")).is_empty());
}

#[test]
fn a_plain_asset_carries_no_secret() {
    let uri = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/x/PFXCertPassword";
    let levels = |uri: &str, value: &str, content: &str| -> Vec<Level> {
        let found = remarks(&with(&format!("{uri}: {value}"), &asset(content)));
        found.iter().filter(|remark| remark.rule == Concern::Secret).map(|remark| remark.level).collect()
    };
    assert_eq!(levels(uri, "{asset: pw}", "text: hunter2"), [Level::Error]);
    assert_eq!(levels(uri, "'${asset.pw}'", "text: hunter2"), [Level::Error]);
    assert_eq!(levels(uri, "'hunter2${asset.pw}'", "secret: true"), [Level::Error]);
    assert_eq!(levels(uri, "'${asset.pw}'", "secret: true"), []);
    let blob = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/x/PFXCertBlob";
    assert_eq!(levels(blob, "{asset: pw}", &format!("base64: {}", "MIIB".repeat(200))), [Level::Warning]);
    let profile = "./Device/Vendor/MSFT/WiFi/Profile/x/WlanXml";
    let xml = |key: &str| format!("'<WLANProfile><keyMaterial>{key}</keyMaterial></WLANProfile>'");
    assert_eq!(levels(profile, &xml("${asset.pw}"), "secret: true"), []);
    assert_eq!(levels(profile, &xml("x${asset.pw}"), "secret: true"), [Level::Error]);
    // As Windows exports it.
    let shared = |key: &str| {
        let kind = "<keyType>passPhrase</keyType><protected>false</protected>";
        xml("").replace(
            "<keyMaterial></keyMaterial>",
            &format!("<sharedKey>{kind}<keyMaterial>{key}</keyMaterial></sharedKey>"),
        )
    };
    assert_eq!(levels(profile, &shared("${asset.pw}"), "secret: true"), []);
    assert_eq!(levels(profile, &shared("${asset.pw}"), "text: hunter22"), [Level::Error]);
    assert_eq!(levels(profile, &shared("hunter22"), "secret: true"), [Level::Error]);
    assert_eq!(levels(profile, "{asset: pw}", &format!("text: {}", xml("hunter2"))), [Level::Error]);
    assert_eq!(levels(profile, "{asset: pw}", "text: '<WLANProfile/>'"), [Level::Note]);
}

#[test]
fn nobody_insists_on_what_nothing_was_made_of() {
    let camera = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    for (uri, value) in [(camera, "[0, 1]"), (LENGTH, "{enabled: true, x: 1}"), (camera, "\"0\\0\"")] {
        let text = with(&format!("{uri}: {value}\n  overrides:\n    {uri}: because"), "");
        assert_eq!(of_level(&text, Level::Error).len(), 1, "{value}");
    }
}

#[test]
fn what_is_put_into_a_list_is_one_value() {
    let compiled = |uri: &str, value: &Value| compile(catalogue(), &uri.parse().unwrap(), value).item.unwrap();
    let says =
        |serial: &str| -> Facts { [fact("device.serial", FactValue::Text(serial.to_owned()))].into_iter().collect() };
    let list = Value::List(vec!["*S-1-5-32-544".to_owned(), "${device.serial}".to_owned()]);
    let rights = compiled("./Device/Vendor/MSFT/Policy/Config/UserRights/AllowLocalLogOn", &list);
    assert_eq!(rights.data(&says("x"), &no_assets).unwrap().unwrap(), "*S-1-5-32-544\u{F000}x");
    let why = rights.data(&says("x\u{F000}*S-1-1-0"), &no_assets).unwrap_err().to_string();
    assert!(why.contains("device.serial") && why.contains("between values"), "{why}");
    let text = Value::Text("<enabled/><data id=\"a\" value=\"${device.serial}\"/>".to_owned());
    let payload = compiled("./Device/Vendor/MSFT/BitLocker/SystemDrivesEncryptionType", &text);
    assert!(payload.data(&says("a\u{F000}b"), &no_assets).is_err());
    assert!(payload.data(&says("a;b"), &no_assets).is_ok());
}

#[test]
fn an_address_that_becomes_none_is_not_sent_as_it_was_written() {
    let uri = "./Vendor/MSFT/WiFi/Profile/${device.serial}/Proxy";
    let item = compile(catalogue(), &uri.parse().unwrap(), &Value::Text("proxy:1".to_owned())).item.unwrap();
    for odd in [".", "..", "*", "", "a\u{7}", &"x".repeat(5000)] {
        let facts: Facts = [fact("device.serial", FactValue::Text(odd.to_owned()))].into_iter().collect();
        let address = item.address(&facts, &no_assets);
        assert!(address.as_ref().err().is_some_and(|why| why.to_string().contains("no address")), "{odd}: {address:?}");
    }
}

#[test]
fn values_of_nodes_that_nobody_knows_have_their_format() {
    let oem = "./Vendor/OEM/X";
    assert!(sent(oem, "{value: abc, format: int}").unwrap_err().contains("an int is"));
    assert!(sent(oem, "{value: '1', format: string}").unwrap_err().contains("write \"chr\""));
    assert!(sent(oem, "{value: '${device.serial}', format: string}").unwrap_err().contains("write \"chr\""));
    assert!(sent(oem, "\"a\\0b\"").unwrap_err().contains("U+0000"));
    assert_eq!(sent(oem, "{value: '1', format: int}").unwrap(), ("int".to_owned(), "1".to_owned()));
    assert_eq!(sent(oem, "true").unwrap(), ("bool".to_owned(), "true".to_owned()));
}

#[test]
fn what_a_setting_needs_may_stand_beside_it() {
    let enabled = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/DevicePasswordEnabled";
    let of = |more: &str| -> Vec<(Level, String)> {
        let found = remarks(&with(&format!("{LENGTH}: 12\n    {more}"), ""));
        let rule = Concern::Setting(super::Rule::Dependency);
        let found = found.into_iter().filter(|remark| remark.rule == rule && remark.setting.as_deref() == Some(LENGTH));
        found.map(|remark| (remark.level, remark.what)).collect()
    };
    assert!(matches!(&of("")[..], [(Level::Note, _)]), "{:?}", of(""));
    // Of this policy, zero is what demands a password.
    assert_eq!(of(&format!("{enabled}: 0")), []);
    let contradicted = of(&format!("{enabled}: 1"));
    assert!(
        matches!(&contradicted[..], [(Level::Warning, what)] if what.contains("a wants something else")),
        "{contradicted:?}"
    );
    // In another configuration only where both are applied to the same devices.
    let apart = |activations: &str| {
        let other = format!("---\ntype: configuration\nidentifier: b\npayload: {{settings: {{{enabled}: 1}}}}\n");
        of_level(&with(&format!("{LENGTH}: 12"), &(other + activations)), Level::Warning).len()
    };
    let one = "---\ntype: activation\nidentifier: all\npayload: {configurations: [a, b], when: os.build > 1}\n";
    assert_eq!((apart(one), apart(&one.replace("[a, b]", "[b]"))), (1, 0));
}

#[test]
fn a_setting_stands_once() {
    let json = |settings: &str| {
        format!("{{\"type\": \"configuration\", \"identifier\": \"a\", \"payload\": {{\"settings\": {{{settings}}}}}}}")
    };
    let read = read_text("p.json", &json("\"./A\": 1, \"./A\": 2"));
    assert!(read.remarks[0].what.contains("\"./A\" stands there twice"), "{:?}", read.remarks);
    assert!(read_text("p.json", &json("\"./A\": 1, \"./B\": [1.5, null]")).remarks.len() == 1);
    let other = read_text("p.json", &json("\"./Vendor/A\": 1, \"./device/vendor/%41\": 2"));
    assert!(other.remarks[0].what.contains("stands there twice"), "{:?}", other.remarks);
    let both = |uri: &str| format!("---\ntype: configuration\nidentifier: b\npayload: {{settings: {{{uri}: 13}}}}\n");
    let activation = "---\ntype: activation\nidentifier: all\npayload: {configurations: [a, b]}\n";
    let text = with(&format!("{LENGTH}: 12"), &(both(&LENGTH.replace("./Device/", "./")) + activation));
    let is_conflict = |text: &str| remarks(text).iter().any(|remark| remark.rule == Concern::Conflict);
    assert!(is_conflict(&text), "{}", told(&text));
    assert!(!is_conflict(&text.replace(": 13", ": '12'")), "what is sent is the same");
}

#[test]
fn a_setting_of_a_template_that_nobody_gives_to_devices_is_told_once() {
    let area = "./Device/Vendor/MSFT/Policy/Config/Kiosk~Policy~Contoso";
    let settings = format!("    {area}/One: <enabled/>\n    {area}~Below/Two: <enabled/>\n");
    let of = |settings: &str| {
        let text = format!("type: configuration\nidentifier: a\npayload:\n  settings:\n{settings}");
        let without = |remark: &Remark| remark.what.contains("no declaration here gives to devices");
        remarks(&text).into_iter().filter(without).map(|remark| (remark.level, remark.line)).collect::<Vec<_>>()
    };
    assert_eq!(of(&settings), [(Level::Warning, Some(5))]);
    let install = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/kiosk/policy/File";
    assert_eq!(of(&format!("{settings}    {install}: <policyDefinitions/>\n")), []);
}

#[test]
fn many_settings_are_read_at_once_and_too_many_are_refused() {
    let of = |count: usize| {
        let settings: String = (0..count).map(|number| format!("    ./Vendor/Contoso/X{number}: 1\n")).collect();
        read_text("p.yaml", &format!("type: configuration\nidentifier: a\npayload:\n  settings:\n{settings}"))
    };
    // Each held against each, this would take minutes.
    let read = of(super::MOST_SETTINGS + 1);
    assert!(read.remarks.is_empty());
    let told = check(&read.documents, &[], catalogue());
    let errors: Vec<&Remark> = told.iter().filter(|remark| remark.level == Level::Error).collect();
    assert!(matches!(errors[..], [only] if only.what.contains("20000 are the most")), "{errors:?}");
}

proptest! {
    #[test]
    fn any_text_is_written_so_that_it_reads_the_same(text in "(\\PC|[\\x00-\\x1f\\x7f-\\x{9f}\\x{fffe}]){0,40}", number in any::<i64>()) {
        let asset = Asset { description: Some(text.clone()), content: Content::Text(text.clone()) };
        let mut declarations = vec![Declaration { identifier: Identifier::parse("a").unwrap(), payload: Payload::Asset(asset) }];
        let mut configuration = super::Configuration::default();
        configuration.settings.insert("./A".parse().unwrap(), Value::Text(text));
        configuration.settings.insert("./B".parse().unwrap(), Value::Integer(number));
        declarations.push(Declaration { identifier: Identifier::parse("b").unwrap(), payload: Payload::Configuration(configuration) });
        let written = to_yaml(&declarations);
        let read = read_text("q.yaml", &written);
        let again: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
        prop_assert_eq!(declarations, again, "{}", written);
    }

    #[test]
    fn nothing_that_is_written_breaks_the_reader(text in "[-:{}\\[\\]a-c \n\"'#&*!|>%@`?,0-9]{0,80}") {
        drop(read_text("p.yaml", &text));
        drop(read_text("p.json", &text));
    }
}
