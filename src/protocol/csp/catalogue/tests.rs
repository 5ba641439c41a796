//! Addresses found, values judged, sources put together.

use proptest::prelude::*;

use super::*;
use crate::csp::admx;
use crate::csp::ddf::{self, Access, Allowed, Device, Kind, Range};
use crate::csp::{LocUri, Scope};
use crate::syncml::{Format, Verb};

pub(super) const V2: &str = include_str!("../../../../fixtures/ddf/kiosk-v2.xml");
pub(super) const V1: &str = include_str!("../../../../fixtures/ddf/kiosk-v1.xml");
const POLICY: &str = include_str!("../../../../fixtures/ddf/policy-v2.xml");
const TEMPLATE: &str = include_str!("../../../../fixtures/admx/greeting.admx");
const BELOW_VENDOR: &str = include_str!("../../../../fixtures/admx/below-vendor.admx");

pub(super) fn source(name: &str, files: &[(&str, &str)]) -> Source {
    let file = |(name, text): &(&str, &str)| {
        let read = ddf::read(text.as_bytes()).unwrap();
        SourceFile { name: (*name).to_owned(), dialect: read.dialect, roots: read.roots }
    };
    Source { name: name.to_owned(), files: files.iter().map(file).collect() }
}

fn catalogue() -> Catalogue {
    let newer = source("new", &[("Kiosk.xml", V2), ("Policy.xml", POLICY)]);
    let older = source("old", &[("OldKiosk.xml", V1)]);
    let Built { catalogue, twice } = Catalogue::build(&[newer, older]);
    assert_eq!(twice, Vec::<String>::new());
    catalogue
}

fn uri(text: &str) -> LocUri {
    text.parse().unwrap()
}

fn found(text: &str) -> Found {
    catalogue().find(&uri(text))
}

fn spelled(text: &str) -> String {
    match found(text) {
        Found::Known(hit) => hit.uri.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

fn check_on(verb: Verb, target: &str, format: Option<&Format>, data: Option<&str>, device: Option<&Device>) -> Checked {
    let target = uri(target);
    catalogue().check(&Proposed { verb, uri: &target, format, data, in_atomic: true }, device)
}

fn written(target: &str, data: &str) -> Checked {
    check_on(Verb::Replace, target, None, Some(data), None)
}

fn rules(checked: &Checked) -> Vec<Rule> {
    checked.findings.iter().filter(|finding| finding.level != Level::Note).map(|finding| finding.rule).collect()
}

#[test]
fn addresses_are_spelled_as_the_description_has_them() {
    assert_eq!(spelled("./Device/Vendor/MSFT/Kiosk/Mode"), "./Device/Vendor/MSFT/Kiosk/Mode");
    assert_eq!(spelled("./vendor/msft/KIOSK/mode"), "./Device/Vendor/MSFT/Kiosk/Mode");
    assert_eq!(spelled("./Device/Vendor/MSFT/OldKiosk/level"), "./Vendor/MSFT/OldKiosk/Level");
    assert_eq!(
        spelled("./Vendor/MSFT/Kiosk/Profiles/My%20One/sites?list=Struct"),
        "./Device/Vendor/MSFT/Kiosk/Profiles/My%20One/Sites?list=Struct"
    );
    assert_eq!(spelled("./User/Vendor/MSFT/Kiosk"), "./User/Vendor/MSFT/Kiosk");
}

#[test]
fn a_chosen_name_is_taken_where_no_fixed_one_leads_on() {
    // `Mode` is a node of its own; below `Profiles` it is a name like any other.
    let Found::Known(hit) = found("./Device/Vendor/MSFT/Kiosk/Profiles/Mode/Volume") else { panic!() };
    assert_eq!(hit.chosen.len(), 1);
    assert_eq!(catalogue().placeholder(hit.chosen[0].0), Some("ProfileName"));
    // `Special` is described apart, but it has no `Start`.
    assert!(matches!(found("./Device/Vendor/MSFT/OldKiosk/anything"), Found::Known(_)));
}

#[test]
fn no_typing_error_hides_behind_what_templates_may_bring() {
    let Found::Missing(missing) = found("./Device/Vendor/MSFT/Policy/Config/Greetings/AllowLoud") else { panic!() };
    assert_eq!(missing.meant[0], "./Device/Vendor/MSFT/Policy/Config/Greeting/AllowLoud");
    let Found::Missing(missing) = found("./Device/Vendor/MSFT/Policy/Config/Greeting/AlowLoud") else { panic!() };
    assert_eq!(
        (missing.known.as_str(), missing.name.as_str()),
        ("./Device/Vendor/MSFT/Policy/Config/Greeting", "AlowLoud")
    );
    assert_eq!(missing.meant[0], "./Device/Vendor/MSFT/Policy/Config/Greeting/AllowLoud");
    assert!(matches!(
        found("./Device/Vendor/MSFT/Policy/Config/Kiosk~Policy~System/Greeting"),
        Found::Unchecked(Unchecked::Ingested)
    ));
    assert!(matches!(found("./cimv2/Win32_Thing"), Found::Unchecked(Unchecked::Wmi)));
    assert!(matches!(found("./Vendor/Contoso/Thing"), Found::Unchecked(Unchecked::Vendor)));
    assert!(matches!(found("./Vendor/MSFT/Thing"), Found::Missing(_)));
}

#[test]
fn the_other_scope_is_named() {
    let Found::Missing(missing) = found("./User/Vendor/MSFT/Kiosk/Mode") else { panic!() };
    assert_eq!(missing.other_scope, Some(uri("./Device/Vendor/MSFT/Kiosk/Mode")));
    assert_eq!(rules(&written("./User/Vendor/MSFT/Kiosk/Mode", "1")), [Rule::WrongScope]);
}

#[test]
fn the_result_of_a_policy_can_be_read_only() {
    let result = "./Device/Vendor/MSFT/Policy/Result/Greeting/AllowLoud";
    let Found::Known(hit) = found(result) else { panic!() };
    assert!(hit.is_result && hit.uri == uri(result) && hit.is_spelled_so);
    assert!(!check_on(Verb::Get, result, None, None, None).is_refused());
    assert_eq!(rules(&written(result, "1")), [Rule::Access]);
    let area = "./Device/Vendor/MSFT/Policy/Result/Greeting";
    let read = check_on(Verb::Get, "./vendor/msft/policy/result/greeting", None, None, None);
    assert_eq!((read.uri.as_str(), read.is_refused()), (area, false));
    assert!(check_on(Verb::Delete, area, None, None, None).is_refused());
}

#[test]
fn a_value_is_taken_corrected_or_refused() {
    let value = |name: &str, data: &str| {
        let checked = written(&format!("./Device/Vendor/MSFT/Kiosk/{name}"), data);
        (checked.data.clone().unwrap(), rules(&checked))
    };
    assert_eq!(value("Mode", "1"), ("1".to_owned(), vec![]));
    assert_eq!(value("Mode", "0x1"), ("1".to_owned(), vec![]));
    assert_eq!(value("Mode", " 1 "), ("1".to_owned(), vec![]));
    assert_eq!(value("Mode", "2").1, [Rule::Value]);
    assert_eq!(value("Mode", "on").1, [Rule::Format, Rule::Value]);
    assert_eq!(value("Profiles/a/Volume", "-1"), ("-1".to_owned(), vec![]));
    assert_eq!(value("Profiles/a/Volume", "101").1, [Rule::Value]);
    assert_eq!(value("Profiles/a/Loud", "TRUE"), ("true".to_owned(), vec![]));
    assert_eq!(value("Profiles/a/Loud", "1"), ("true".to_owned(), vec![]));
    assert_eq!(value("Profiles/a/Loud", "loud").1, [Rule::Format, Rule::Value]);
    assert_eq!(value("Profiles/a/Days", "5").1, []);
    assert_eq!(value("Profiles/a/Days", "8").1, [Rule::Value]);
    assert_eq!(value("Profiles/a/Start", "https://a.example").1, []);
    assert_eq!(value("Profiles/a/Start", "say https://a.example").1, [Rule::Pattern]);
    assert_eq!(value("Profiles/a/Sites", "a\u{F000}b").1, []);
}

#[test]
fn the_format_comes_from_the_description() {
    let mode = "./Device/Vendor/MSFT/Kiosk/Mode";
    let with = |format: Option<Format>, data| check_on(Verb::Replace, mode, format.as_ref(), Some(data), None);
    assert_eq!(with(None, "1").format, Some(Format::Int));
    let corrected = with(Some(Format::Chr), "1");
    assert_eq!((corrected.format.clone(), rules(&corrected)), (Some(Format::Int), vec![Rule::Format]));
    assert!(!corrected.is_refused());
    assert!(with(Some(Format::Chr), "x").is_refused());
    // XML and text are one to a device.
    let start = "./Device/Vendor/MSFT/Kiosk/Profiles/a/Sites";
    let kept = check_on(Verb::Add, start, Some(&Format::Xml), Some("<a/>"), None);
    assert_eq!((kept.format.clone(), rules(&kept)), (Some(Format::Xml), vec![]));
}

#[test]
fn verbs_that_a_node_does_not_take_are_refused() {
    let verb = |verb, name: &str, data| {
        rules(&check_on(verb, &format!("./Device/Vendor/MSFT/Kiosk/{name}"), None, data, None))
    };
    assert_eq!(verb(Verb::Replace, "Serial", Some("x")), [Rule::Access]);
    assert_eq!(verb(Verb::Delete, "Serial", None), [Rule::Access]);
    assert_eq!(verb(Verb::Exec, "Mode", None), [Rule::Access]);
    assert_eq!(verb(Verb::Exec, "Clear", None), [Rule::Deprecated]);
    assert_eq!(verb(Verb::Get, "Mode", None), []);
    assert_eq!(verb(Verb::Replace, "Profiles", Some("x")).first(), Some(&Rule::Access));
    // The old files do not always say which verbs there are.
    assert!(!check_on(Verb::Exec, "./Vendor/MSFT/OldKiosk/Choice", None, None, None).is_refused());
    // What only holds others has no value.
    assert_eq!(verb(Verb::Add, "Profiles/a", Some("hello")), [Rule::Format]);
    assert_eq!(verb(Verb::Add, "Profiles/a", None), []);
}

#[test]
fn a_device_that_does_not_have_the_node_is_named() {
    let on = |build: &str, edition| {
        let device = Device { build: Some(build.parse().unwrap()), edition };
        let checked = check_on(Verb::Replace, "./Device/Vendor/MSFT/Kiosk/Mode", None, Some("1"), Some(&device));
        rules(&checked)
    };
    assert_eq!(on("10.0.22631.3155", Some(0x30)), []);
    assert_eq!(on("10.0.19045.3000", Some(0x30)), []);
    assert_eq!(on("10.0.18363.3000", Some(0x30)), [Rule::TooOld]);
    assert_eq!(on("10.0.22631", Some(0x65)), [Rule::Edition]);
    assert_eq!(on("10.0.22631", None), []);
    assert_eq!(rules(&check_on(Verb::Get, "./User/Vendor/MSFT/Kiosk", None, None, None)), [Rule::NotReleased]);
}

#[test]
fn surroundings_are_told() {
    let target = uri("./Device/Vendor/MSFT/Kiosk/Profiles/a/Start");
    let catalogue = catalogue();
    let proposed = Proposed { verb: Verb::Add, uri: &target, format: None, data: Some("http://a"), in_atomic: false };
    let told: Vec<_> = catalogue.check(&proposed, None).findings.into_iter().map(|finding| finding.rule).collect();
    assert_eq!(told, [Rule::Atomic, Rule::Dependency]);
}

#[test]
fn templates_say_what_policies_ask_for() {
    let mut catalogue = catalogue();
    let target = uri("./Device/Vendor/MSFT/Policy/Config/Greeting/Backed");
    let check = |catalogue: &Catalogue, data: &str| {
        let proposed = Proposed { verb: Verb::Replace, uri: &target, format: None, data: Some(data), in_atomic: true };
        let checked = catalogue.check(&proposed, None);
        (rules(&checked), checked.data.unwrap_or_default())
    };
    assert_eq!(check(&catalogue, "<Enabled/>"), (vec![], "<enabled/>".to_owned()));
    assert_eq!(check(&catalogue, "1").0, [Rule::Payload]);
    catalogue.learn_template("GREETING.admx", &admx::read(TEMPLATE.as_bytes()).unwrap());
    assert_eq!(check(&catalogue, "<enabled/>").0, [Rule::Payload]);
    assert_eq!(check(&catalogue, r#"<enabled/><data id="Seconds" value="3"/>"#).0, [Rule::LeftOut]);
    assert_eq!(check(&catalogue, "<disabled/>").0, []);
}

#[test]
fn what_devices_are_given_is_known_afterwards() {
    let mut catalogue = catalogue();
    catalogue.learn_ingested("Kiosk", "Policy", &admx::read(TEMPLATE.as_bytes()).unwrap());
    for (text, scope) in [
        ("./Device/Vendor/MSFT/Policy/Config/Kiosk~Policy~Outer~Inner/Greeting", Scope::Device),
        ("./User/Vendor/MSFT/Policy/Config/kiosk~policy~outer/Plain", Scope::User),
    ] {
        let Found::Known(hit) = catalogue.find(&uri(text)) else { panic!("{text}") };
        assert_eq!(hit.uri.scope(), scope);
    }
    let Found::Unchecked(_) = catalogue.find(&uri("./Device/Vendor/MSFT/Policy/Config/Other~Policy~A/B")) else {
        panic!()
    };
}

#[test]
fn categories_of_other_templates_are_in_no_address() {
    let mut catalogue = catalogue();
    catalogue.learn_ingested("Surfer", "Policy", &admx::read(BELOW_VENDOR.as_bytes()).unwrap());
    let config = "./Device/Vendor/MSFT/Policy/Config";
    for known in ["surfer/AutoUpdate", "surfer~Authentication/Negotiate", "surfer"] {
        let target = format!("{config}/Surfer~Policy~{known}");
        assert_eq!(catalogue.known(&uri(&target)).map(|hit| hit.uri), Some(uri(&target)), "{known}");
    }
    let Found::Missing(missing) = catalogue.find(&uri(&format!("{config}/Surfer~Policy~Cat_Vendor~surfer/AutoUpdate")))
    else {
        panic!()
    };
    assert_eq!(missing.meant[0], format!("{config}/Surfer~Policy~surfer/AutoUpdate"));
}

#[test]
fn slips_below_a_known_template_are_told() {
    let mut catalogue = catalogue();
    catalogue.learn_ingested("Kiosk", "Policy", &admx::read(TEMPLATE.as_bytes()).unwrap());
    let config = "./Device/Vendor/MSFT/Policy/Config";
    let meant = format!("{config}/Kiosk~Policy~Outer~Inner/Greeting");
    for slip in ["Kiosk~Policy~Outer~Inner/Greting", "kiosk~policy~Outer~Innner/Greeting"] {
        let Found::Missing(missing) = catalogue.find(&uri(&format!("{config}/{slip}"))) else { panic!("{slip}") };
        assert_eq!(missing.meant.first(), Some(&meant), "{slip}");
    }
    let user = meant.replace("./Device", "./User");
    let Found::Missing(missing) = catalogue.find(&uri(&user)) else { panic!() };
    assert_eq!(missing.other_scope, Some(uri(&meant)));
    for other in ["Kiosk~Preference~Outer/Plain", "Kiosk2~Policy~Outer/Plain", "Kios~Policy~Outer/Plain"] {
        let found = catalogue.find(&uri(&format!("{config}/{other}")));
        assert!(matches!(found, Found::Unchecked(Unchecked::Ingested)), "{other}");
    }
}

#[test]
fn builds_and_editions_are_taken_each_from_the_nearest() {
    let build = "<M:Applicability><M:OsBuildVersion>10.0.17763</M:OsBuildVersion></M:Applicability></DFProperties>";
    let (before, after) = V2.split_once("<NodeName>Mode</NodeName>").unwrap();
    let own = format!("{before}<NodeName>Mode</NodeName>{}", after.replacen("</DFProperties>", build, 1));
    let catalogue = Catalogue::build(&[source("new", &[("Kiosk.xml", &own)])]).catalogue;
    let mode = catalogue.known(&uri("./Vendor/MSFT/Kiosk/Mode")).unwrap().node;
    let on = |build: &str, edition| {
        catalogue.fit(mode, &Device { build: Some(build.parse().unwrap()), edition: Some(edition) })
    };
    assert_eq!(on("17763.1", 0x30), ddf::Fit::Yes, "its parent came with 19041");
    assert_eq!(on("17763.1", 0x65), ddf::Fit::Edition);
    assert!(matches!(on("17134.1", 0x30), ddf::Fit::TooOld { .. }));
    let said = catalogue.applicability(mode).unwrap();
    assert_eq!((said.releases.len(), said.editions.len(), said.csp_version), (1, 4, None));
}

#[test]
fn xml_and_json_have_to_be_some() {
    let kind = |kind: &str| {
        let changed = V2.replace("ValueType=\"RegEx\"", &format!("ValueType=\"{kind}\""));
        Catalogue::build(&[source("new", &[("Kiosk.xml", &changed)])]).catalogue
    };
    let target = uri("./Device/Vendor/MSFT/Kiosk/Profiles/a/Start");
    let check = |catalogue: &Catalogue, data: &str| {
        let proposed = Proposed { verb: Verb::Replace, uri: &target, format: None, data: Some(data), in_atomic: true };
        rules(&catalogue.check(&proposed, None))
    };
    let (xml, json) = (kind("XSD"), kind("JSON"));
    assert_eq!(check(&xml, "<RuleCollection Type=\"Exe\"><a/></RuleCollection>"), []);
    assert_eq!(check(&xml, "<?xml version=\"1.0\"?>\n<a>1;2</a>"), []);
    for wrong in ["<RuleCollection", "<a></b>", "words", "", "<![CDATA[<a/>]]>"] {
        assert_eq!(check(&xml, wrong), [Rule::Value], "{wrong}");
    }
    assert_eq!(check(&json, "{\"a\": [1, 2]}"), []);
    for wrong in ["{\"a\": }", "words", ""] {
        assert_eq!(check(&json, wrong), [Rule::Value], "{wrong}");
    }
}

#[test]
fn a_form_that_is_not_given_is_none() {
    let empty = V2.replace("<M:Value>https?://[a-z.]+</M:Value>", "<M:Value></M:Value>");
    let mut source = source("new", &[("Kiosk.xml", &empty)]);
    let target = uri("./Device/Vendor/MSFT/Kiosk/Profiles/a/Start");
    let check = |source: &Source| {
        let catalogue = Catalogue::build(std::slice::from_ref(source)).catalogue;
        let proposed = Proposed { verb: Verb::Replace, uri: &target, format: None, data: Some("x"), in_atomic: true };
        rules(&catalogue.check(&proposed, None))
    };
    assert_eq!(check(&source), []);
    // The facts that are built in were made before it was read so.
    let profile = &mut source.files[0].roots[0].node.children[3].children[0];
    let start = profile.children.iter_mut().find(|node| node.name == NodeName::Fixed("Start".to_owned())).unwrap();
    start.properties.allowed = Some(Allowed { kind: Kind::Regex(String::new()), delimiter: None });
    assert_eq!(check(&source), []);
}

#[test]
fn an_area_is_taken_as_a_whole_wherever_it_is_described() {
    // As the old files have them: all areas within one tree.
    let (head, areas) = POLICY.split_once("<NodeName>Config</NodeName>").unwrap();
    let area = |name: &str, policy: &str| {
        let node = |name: &str, format: &str, below: &str| {
            format!(
                "<Node><NodeName>{name}</NodeName><DFProperties><AccessType><Get/></AccessType><DFFormat><{format}/>\
                 </DFFormat></DFProperties>{below}</Node>"
            )
        };
        node(name, "node", &node(policy, "int", ""))
    };
    let (properties, _) = areas.split_once("<Node>").unwrap();
    let old = format!(
        "{head}<NodeName>Config</NodeName>{properties}{}{}</Node></Node></MgmtTree>",
        area("Greeting", "Whisper"),
        area("Gone", "Policy")
    );
    let (new, old) = (source("new", &[("Policy.xml", POLICY)]), source("old", &[("PolicyDDF_all.xml", &old)]));
    let knows = |sources: &[Source], name: &str| {
        let built = Catalogue::build(sources);
        assert_eq!(built.twice, Vec::<String>::new());
        let target = uri(&format!("./Device/Vendor/MSFT/Policy/Config/{name}"));
        built.catalogue.known(&target).is_some_and(|hit| hit.uri == target)
    };
    let newer_first = [new.clone(), old.clone()];
    assert!(knows(&newer_first, "Greeting/AllowLoud") && knows(&newer_first, "Gone/Policy"));
    assert!(!knows(&newer_first, "Greeting/Whisper"));
    let older_first = [old, new];
    assert!(knows(&older_first, "Greeting/Whisper") && knows(&older_first, "Gone/Policy"));
    assert!(!knows(&older_first, "Greeting/AllowLoud"), "areas of two versions are mixed");
    assert!(!knows(&older_first, "Other/Policy"));
}

#[test]
fn an_earlier_source_counts_as_a_whole() {
    let newer = source("new", &[("Kiosk.xml", V2)]);
    let changed = V2.replace("<NodeName>Serial</NodeName>", "<NodeName>Only</NodeName>");
    let older = source("old", &[("Kiosk.xml", &changed)]);
    let both = Catalogue::build(&[newer.clone(), older.clone()]).catalogue;
    assert!(both.known(&uri("./Vendor/MSFT/Kiosk/Serial")).is_some());
    assert!(both.known(&uri("./Vendor/MSFT/Kiosk/Only")).is_none());
    let difference = diff(&Catalogue::build(&[older]).catalogue, &Catalogue::build(&[newer]).catalogue);
    let told: Vec<_> = difference.iter().map(|each| (each.uri.as_str(), &each.change)).collect();
    assert_eq!(
        told,
        [("./Device/Vendor/MSFT/Kiosk/Only", &Change::Removed), ("./Device/Vendor/MSFT/Kiosk/Serial", &Change::Added)]
    );
}

#[test]
fn what_stands_there_twice_is_told_and_the_first_counts() {
    let twice = source("twice", &[("a.xml", V1), ("b.xml", V1)]);
    let built = Catalogue::build(&[twice]);
    assert_eq!(built.twice.len(), 5);
    assert_eq!(built.catalogue.len(), 5);
}

#[test]
fn errata_mend_what_files_say() {
    let mut catalogue = catalogue();
    let erratum = |uri: &str| Erratum {
        uri: uri.to_owned(),
        allowed: Some(Allowed { kind: Kind::Range(vec![Range(0, 5)]), delimiter: None }),
        format: Some(Format::Chr),
        access: Some(Access::default().with(Verb::Get)),
        reason: "seen on a device".to_owned(),
    };
    let problems =
        catalogue.correct(&[erratum("./Vendor/MSFT/Kiosk/Mode"), erratum("Vendor"), erratum("./Vendor/MSFT/None")]);
    assert_eq!(problems.len(), 2);
    let mode = catalogue.known(&uri("./Vendor/MSFT/Kiosk/Mode")).unwrap().node;
    let properties = catalogue.describe(mode).unwrap().properties;
    assert_eq!((properties.access.to_string().as_str(), &properties.format), ("G", &Format::Chr));
}

#[test]
fn searching_finds_by_words() {
    let catalogue = catalogue();
    let found: Vec<_> = catalogue.search("kiosk VOL", 5).into_iter().map(|id| catalogue.uri(id)).collect();
    assert_eq!(found, ["./Device/Vendor/MSFT/Kiosk/Profiles/{ProfileName}/Volume"]);
    assert_eq!(catalogue.search("", 3).len(), 3);
    assert!(catalogue.search("AreaName", 3).is_empty());
}

proptest! {
    #[test]
    fn no_address_makes_it_fall(path in "(\\./)?(Device/|User/)?(Vendor/MSFT/)?([A-Za-z~{}%.é]{0,12}/?){0,8}", data in ".{0,40}") {
        if let Ok(target) = path.parse::<LocUri>() {
            let proposed = Proposed { verb: Verb::Replace, uri: &target, format: None, data: Some(&data), in_atomic: false };
            let checked = catalogue().check(&proposed, None);
            prop_assert!(checked.uri.names_same_node(target.as_str()));
        }
    }

    #[test]
    fn what_was_accepted_is_accepted_again(data in "[ -~]{0,12}") {
        for name in ["Mode", "Profiles/a/Volume", "Profiles/a/Loud", "Profiles/a/Days", "Profiles/a/Sites"] {
            let once = written(&format!("./Device/Vendor/MSFT/Kiosk/{name}"), &data);
            if !once.is_refused() {
                let data = once.data.clone().unwrap();
                let again = written(once.uri.as_str(), &data);
                prop_assert_eq!(again.data.as_deref(), Some(data.as_str()));
                prop_assert!(!again.is_refused());
            }
        }
    }
}
