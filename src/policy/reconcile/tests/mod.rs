//! A device that takes what it is sent comes to have what is wanted, and is then sent nothing.

mod taken_back;

use std::collections::BTreeMap;

use proptest::prelude::*;
use transom_protocol::csp::Instruction;
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::ddf::{Conflict, Device as Windows, Fit};
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::{Format, Verb};

use super::{Had, HadSetting, Key, Policy, Standing, State, Wanted, plan, token_of};
use crate::model::{EnrollmentId, Fact, FactName, FactValue, Facts, PolicySecretValue, Secret};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{Declaration, read_text};

const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";

fn catalogue() -> &'static Catalogue {
    static MADE: std::sync::OnceLock<Catalogue> = std::sync::OnceLock::new();
    MADE.get_or_init(|| builtin::catalogue().unwrap())
}

fn declarations(text: &str) -> Vec<Declaration> {
    let read = read_text("p.yaml", text);
    assert!(read.remarks.is_empty(), "{:?}", read.remarks);
    read.documents.into_iter().map(|document| document.declaration).collect()
}

fn policy(text: &str) -> Policy {
    Policy::build(&declarations(text), catalogue())
}

fn facts(build: i64, edition: i64) -> Facts {
    let fact = |(name, value): (&str, FactValue)| Fact {
        name: FactName::parse(name).unwrap(),
        value,
        observed_at: Timestamp(0),
        changed_at: Timestamp(0),
        enrollment: EnrollmentId::new(Timestamp(0)),
    };
    let text = |text: &str| FactValue::Text(text.to_owned());
    [
        ("os.build", FactValue::Integer(build)),
        ("os.edition_id", FactValue::Integer(edition)),
        ("device.serial", text("S/1")),
    ]
    .map(fact)
    .into_iter()
    .collect()
}

fn one(identifier: &str, settings: &str) -> String {
    format!("---\ntype: configuration\nidentifier: {identifier}\npayload:\n  settings:\n{settings}")
}

fn all(identifiers: &str, more: &str) -> String {
    format!("---\ntype: activation\nidentifier: all\npayload: {{configurations: [{identifiers}]{more}}}\n")
}

/// A device that takes everything.
#[derive(Default)]
struct Device {
    nodes: BTreeMap<Key, Option<String>>,
    had: Had,
}

impl Device {
    fn take(&mut self, policy: &Policy, wanted: &Wanted) -> usize {
        let planned = plan(policy, wanted, &self.had, catalogue());
        for step in &planned.steps {
            for (verb, setting) in step.instruction.settings() {
                let key = Key::of(&setting.target);
                match verb {
                    Verb::Delete => {
                        self.nodes.retain(|each, _| *each != key && !each.is_below(&key));
                        self.had.retain(|each, _| *each != key && !each.is_below(&key));
                    }
                    _ if step.retracts => drop((self.nodes.remove(&key), self.had.remove(&key))),
                    _ => {
                        self.nodes.insert(key.clone(), setting.data.clone());
                        let (uri, token) = (setting.target.clone(), token_of(setting));
                        self.had.insert(
                            key,
                            HadSetting { uri, token, state: State::Applied, may_be_there: true, made: Some(true) },
                        );
                    }
                }
            }
        }
        planned.kept.iter().for_each(|kept| drop(self.had.remove(&Key::of(&kept.uri))));
        planned.steps.len()
    }
}

#[test]
fn what_does_not_apply_is_not_sent() {
    let text = one("a", &format!("    {CONFIG}/DeviceLock/MinDevicePasswordLength: 12\n")) + &all("a", "");
    let policy = policy(&text);
    let standing = |build| policy.wanted(catalogue(), &facts(build, 4)).into_values().next().unwrap().standing;
    assert!(matches!(standing(22631), Standing::Wanted(_)));
    let Standing::NotApplicable(why) = standing(7601) else { panic!("{:?}", standing(7601)) };
    assert!(why.contains("or later"), "{why}");
    assert!(plan(&policy, &policy.wanted(catalogue(), &facts(7601, 4)), &Had::new(), catalogue()).is_empty());
}

#[test]
fn the_version_of_its_provider_decides_where_the_device_names_a_lower_one() {
    let rotation = "./Device/Vendor/MSFT/BitLocker/ConfigureRecoveryPasswordRotation";
    let settings = [
        (rotation, "1"),
        ("./Vendor/MSFT/Firewall/MdmStore/Global/DisableStatefulFtp", "true"),
        ("./Device/Vendor/MSFT/WiFi/Profile/Office/WiFiCost", "2"),
        ("./Device/Vendor/MSFT/Policy/Config/WindowsSandbox/AllowVGPU", "0"),
    ];
    let settings: String = settings.map(|(uri, value)| format!("    {uri}: {value}\n")).concat();
    let policy = policy(&(one("a", &settings) + &all("a", "")));
    // The addresses that a device of a build does not have, which names these versions.
    let lacks = |build: i64, named: &[&str]| -> Vec<String> {
        let fact = |name: &str, value| Fact {
            name: FactName::parse(name).unwrap(),
            value,
            observed_at: Timestamp(0),
            changed_at: Timestamp(0),
            enrollment: EnrollmentId::new(Timestamp(0)),
        };
        let named = FactValue::List(named.iter().map(|name| (*name).to_owned()).collect());
        let known = facts(build, 4);
        let more = [fact("client.providers", named), fact("os.revision", FactValue::Integer(5000))];
        let wanted = policy.wanted(catalogue(), &known.iter().cloned().chain(more).collect());
        let gone = wanted.into_values().filter_map(|setting| match setting.standing {
            Standing::NotApplicable(why) => Some(format!("{}: {why}", setting.uri)),
            _ => None,
        });
        gone.collect()
    };
    let bitlocker = "it came with version 5.0 of the provider BitLocker, and the device names 1.0";
    let names = ["./Device/Vendor/MSFT/BitLocker 1.0", "./Device/Vendor/MSFT/Policy 11.0", "./Vendor/MSFT/WiFi 1.0"];
    assert_eq!(lacks(22631, &names), [format!("{rotation}: {bitlocker}")]);
    assert_eq!(lacks(22631, &["./Vendor/MSFT/BitLocker 5.0", "./Vendor/MSFT/WiFi 1.0"]), Vec::<String>::new());
    assert_eq!(lacks(22631, &[]), Vec::<String>::new(), "what is not named says nothing");
    let old = ["./Device/Vendor/MSFT/Policy 10.0", "./Vendor/MSFT/Policy/ADMXInstall 1.0"];
    assert_eq!(lacks(19045, &old), Vec::<String>::new(), "it came with an update");
    assert_eq!(lacks(22631, &old).len(), 1);
}

#[test]
fn an_address_is_one_however_it_is_escaped() {
    let key = |uri: &str| Key::of(&uri.parse().unwrap());
    let plain = key("./Device/Vendor/MSFT/VPNv2/A-B/AlwaysOn");
    for uri in ["./Vendor/MSFT/VPNv2/A%2DB/AlwaysOn", "./Device/Vendor/MSFT/VPNv2/%41%2db/AlwaysOn"] {
        assert_eq!(key(uri), plain, "{uri}");
    }
    assert_eq!(key("./Device/Vendor/MSFT/VPNv2/A%20B").as_str(), "./device/vendor/msft/vpnv2/a%20b");
    assert_ne!(key("./Device/Vendor/MSFT/VPNv2/A%2FB"), key("./Device/Vendor/MSFT/VPNv2/A/B"));
}

#[test]
fn a_condition_selects_and_a_missing_fact_is_told() {
    let text =
        one("a", "    ./Vendor/Contoso/X: 'serial ${device.serial}'\n    ./Vendor/Contoso/Y: '${device.model}'\n")
            + &all("a", ", when: os.build >= 22000");
    let policy = policy(&text);
    assert!(policy.wanted(catalogue(), &facts(19045, 4)).is_empty());
    let wanted = policy.wanted(catalogue(), &facts(22631, 4));
    let standings: Vec<_> = wanted.values().map(|setting| &setting.standing).collect();
    let [Standing::Wanted(value), Standing::Unresolved(why)] = standings[..] else { panic!("{standings:?}") };
    assert_eq!(value.data.as_deref(), Some("serial S/1"));
    assert!(why.contains("device.model"), "{why}");
    assert!(policy.facts().contains(&FactName::parse("device.model").unwrap()));
}

#[test]
fn of_two_values_the_safest_holds_or_both_are_told() {
    let both = |name: &str, one_value: i64, other: i64| {
        let text = one("a", &format!("    {CONFIG}/{name}: {one_value}\n"))
            + &one("b", &format!("    {CONFIG}/{name}: {other}\n"))
            + &all("a, b", "");
        policy(&text).wanted(catalogue(), &facts(22631, 4)).into_values().next().unwrap()
    };
    // Which policies have which rule is in the description: one of each is looked up.
    let of = |rule| {
        catalogue()
            .ids()
            .find(|id| {
                let described = catalogue().describe(*id).unwrap().properties;
                let is_int = described.format == Format::Int;
                let uri = catalogue().uri(*id);
                let fits = catalogue().fit(*id, &Windows { build: Some("22631".parse().unwrap()), edition: Some(4) });
                described.conflict == Some(rule) && is_int && uri.starts_with(CONFIG) && fits == Fit::Yes
            })
            .map(|id| catalogue().uri(id).replace(&format!("{CONFIG}/"), ""))
            .unwrap()
    };
    let lowest = both(&of(Conflict::LowestValueMostSecure), 1, 0);
    assert_eq!(lowest.value().unwrap().data.as_deref(), Some("0"));
    assert_eq!(lowest.by.len(), 2);
    assert_eq!(lowest.ruled.as_deref(), Some("a wants 1, b wants 0: the safest holds, 0"));
    let last = both(&of(Conflict::LastWrite), 1, 0);
    assert_eq!((&last.standing, last.by.len()), (&Standing::Conflict, 2));
    let same = both(&of(Conflict::LastWrite), 1, 1);
    assert!(same.value().is_some() && same.ruled.is_none(), "the same value twice is no conflict");
}

#[test]
fn what_belongs_together_is_sent_in_one_atomic() {
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
    let text =
        one("a", &format!("    {rule}/Direction: OUT\n    {rule}/Enabled: true\n    {CONFIG}/Camera/AllowCamera: 0\n"))
            + &all("a", "");
    let policy = policy(&text);
    let wanted = policy.wanted(catalogue(), &facts(22631, 4));
    let planned = plan(&policy, &wanted, &Had::new(), catalogue());
    let groups: Vec<usize> = planned
        .steps
        .iter()
        .filter(|step| matches!(step.instruction, Instruction::Group { .. }))
        .map(|step| step.settings.len())
        .collect();
    assert_eq!((groups, planned.steps.len()), (vec![2], 2), "{planned:#?}");
    // Taken back, the whole rule goes.
    let mut device = Device::default();
    device.take(&policy, &wanted);
    device.take(&policy, &Wanted::new());
    assert!(device.nodes.is_empty(), "{:?}", device.nodes);
    // All or nothing: everything of the activation is in one.
    let together = self::policy(
        &(one(
            "a",
            &format!("    {CONFIG}/Camera/AllowCamera: 0\n    {CONFIG}/DeviceLock/MinDevicePasswordLength: 9\n"),
        ) + &all("a", ", atomic: true")),
    );
    let planned = plan(&together, &together.wanted(catalogue(), &facts(22631, 4)), &Had::new(), catalogue());
    assert_eq!(planned.steps.len(), 1);
    assert!(matches!(planned.steps[0].instruction, Instruction::Group { .. }));
}

#[test]
fn the_user_comes_after_the_device_and_in_a_command_of_its_own() {
    let text = one(
        "a",
        "    ./User/Vendor/Contoso/A: 1\n    ./Vendor/Contoso/B: 1\n    ./Vendor/Contoso/C: {}\n    ./Vendor/Contoso/C/D: 1\n",
    ) + &all("a", "");
    let policy = policy(&text);
    let planned = plan(&policy, &policy.wanted(catalogue(), &facts(1, 1)), &Had::new(), catalogue());
    let targets: Vec<Vec<&str>> = planned
        .steps
        .iter()
        .map(|step| step.instruction.settings().map(|(_, setting)| setting.target.as_str()).collect())
        .collect();
    let [node, device, user] = &targets[..] else { panic!("{targets:?}") };
    assert_eq!((node[0], device.len(), user[0]), ("./Vendor/Contoso/C", 2, "./User/Vendor/Contoso/A"));
}

/// Settings of policies that take a number, for the model.
fn numbers() -> &'static [String] {
    static MADE: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let all = catalogue().ids().filter(|id| {
            let described = catalogue().describe(*id).unwrap().properties;
            described.format == Format::Int && catalogue().uri(*id).starts_with(CONFIG)
        });
        all.map(|id| catalogue().uri(id)).take(12).collect()
    })
}

#[test]
fn an_asset_that_its_node_does_not_take_is_not_sent() {
    let length = format!("{CONFIG}/DeviceLock/MinDevicePasswordLength");
    let standing = |content: &str, more: &str| {
        let text = one("a", &format!("    {length}: {{asset: it}}\n{more}")) + &all("a", "");
        let text = format!("{text}---\ntype: asset\nidentifier: it\npayload: {{{content}}}\n");
        policy(&text).wanted(catalogue(), &facts(22631, 4)).into_values().next().unwrap().standing
    };
    let data = |standing: Standing| match standing {
        Standing::Wanted(value) => value.data,
        other => panic!("{other:?}"),
    };
    let Standing::Unresolved(why) = standing("text: abc", "") else { panic!() };
    assert!(why.contains("an int is"), "{why}");
    assert_eq!(data(standing("text: '12'", "")).as_deref(), Some("12"));
    assert_eq!(data(standing("text: '0xC'", "")).as_deref(), Some("12"), "in the form that the node takes");
    // Whoever insists gets it.
    let insisted = standing("text: abc", &format!("  overrides: {{{length}: because}}\n"));
    assert_eq!(data(insisted).as_deref(), Some("abc"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_device_converges_and_is_then_left_alone(
        rounds in prop::collection::vec(prop::collection::btree_map(0_usize..12, 0_i64..3, 0..12), 1..5),
        build in prop::sample::select(vec![19045_i64, 22631, 26100]),
    ) {
        let mut device = Device::default();
        for round in &rounds {
            let settings: String =
                round.iter().map(|(place, value)| format!("    {}: {value}\n", numbers()[*place])).collect();
            let text = if settings.is_empty() { one("a", "    {}\n").replace("\n    {}", " {}") } else { one("a", &settings) };
            let policy = policy(&(text + &all("a", "")));
            let wanted = policy.wanted(catalogue(), &facts(build, 4));
            device.take(&policy, &wanted);
            let is: BTreeMap<Key, Option<String>> = device.nodes.clone();
            let to_be: BTreeMap<Key, Option<String>> = wanted
                .iter()
                .filter_map(|(key, setting)| Some((key.clone(), setting.value()?.data.clone())))
                .collect();
            prop_assert_eq!(is, to_be);
            prop_assert_eq!(device.take(&policy, &wanted), 0, "what is so already is not sent");
            // The same set in another order, compiled anew, sends nothing either.
            if !settings.is_empty() {
                let again = self::policy(&(all("a", "") + &one("a", &settings)));
                prop_assert_eq!(device.take(&again, &again.wanted(catalogue(), &facts(build, 4))), 0);
            }
        }
        device.take(&Policy::default(), &Wanted::new());
        prop_assert!(device.nodes.is_empty() && device.had.is_empty());
    }
}

#[test]
fn a_secret_is_put_in_and_its_token_tells_its_version_alone() {
    let secret = "type: asset\nidentifier: word\npayload:\n  secret: true\n";
    let text = one("a", "    ./Vendor/Contoso/X: 'say ${asset.word}'\n    ./Vendor/Contoso/Y: plain\n") + &all("a", "");
    let text = secret.to_owned() + &text;
    let of = |value: Option<(i64, &str)>| {
        let value = value.map(|(version, value)| {
            let value = PolicySecretValue { version, value: Secret::new(value.to_owned()) };
            ("word".to_owned(), value)
        });
        let policy = policy(&text).with_secrets(&value.into_iter().collect());
        policy.wanted(catalogue(), &facts(22631, 4)).into_values().next().unwrap()
    };
    let Standing::Unresolved(why) = of(None).standing else { panic!() };
    assert!(why.contains("transom policy secret set word"), "{why}");
    let value = |value| of(Some(value)).value().unwrap().clone();
    let one = value((1, "hunter2"));
    assert_eq!((one.data.as_deref(), one.is_secret), (Some("say hunter2"), true));
    assert!(!format!("{one:?}").contains("hunter2"));
    assert_eq!(one.token, value((1, "another")).token, "it tells nothing of the value");
    assert_ne!(one.token, value((2, "hunter2")).token, "another version is sent again");
    // What is foreseen is what will be sent, but for the value.
    let foreseen = policy(&text).with_stand_ins(&BTreeMap::from([("word".to_owned(), 1)]));
    let foreseen = foreseen.wanted(catalogue(), &facts(22631, 4)).into_values().next().unwrap();
    let foreseen = foreseen.value().unwrap();
    assert_eq!((foreseen.data.as_deref(), &foreseen.token), (Some("say [redacted]"), &one.token));
}

/// What is sent where `had` is there: verbs with targets, in order.
fn sent(policy: &Policy, facts: &Facts, had: &Had) -> Vec<String> {
    let planned = plan(policy, &policy.wanted(catalogue(), facts), had, catalogue());
    let settings = planned.steps.iter().flat_map(|step| step.instruction.settings());
    settings.map(|(verb, setting)| format!("{} {}", verb.as_str(), setting.target)).collect()
}

#[test]
fn what_belongs_to_a_thing_is_added_until_the_device_is_known_to_have_it() {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let uri = format!("./Device/Vendor/MSFT/RootCATrustedCertificates/Root/{hash}/EncodedCertificate");
    let policy = policy(
        &(one("a", &format!("    {uri}: {{value: QUJD}}\n    {CONFIG}/Camera/AllowCamera: 0\n")) + &all("a", "")),
    );
    let facts = facts(22631, 4);
    let camera = format!("Replace {CONFIG}/Camera/AllowCamera");
    let mut first = sent(&policy, &facts, &Had::new());
    first.sort();
    assert_eq!(first, [format!("Add {uri}"), camera.clone()]);
    let wanted = policy.wanted(catalogue(), &facts);
    let had = |state| -> Had {
        let of = |uri: &str| HadSetting {
            uri: uri.parse().unwrap(),
            token: "other".to_owned().into(),
            state,
            may_be_there: true,
            made: None,
        };
        wanted.iter().map(|(key, setting)| (key.clone(), of(setting.uri.as_str()))).collect()
    };
    for (state, verb) in
        [(State::Applied, "Replace"), (State::Failed, "Add"), (State::Drifted, "Add"), (State::Pending, "Add")]
    {
        let sent = sent(&policy, &facts, &had(state));
        assert!(sent.contains(&format!("{verb} {uri}")) && sent.contains(&camera), "{state:?}: {sent:?}");
    }
}

#[test]
fn what_can_only_be_changed_in_a_thing_comes_behind_what_makes_it() {
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
    let settings = ["Action/Type: 1", "Direction: OUT", "Enabled: true", "Name: Web", "Protocol: 6"];
    let settings: String = settings.iter().map(|setting| format!("    {rule}/{setting}\n")).collect();
    let policy = policy(&(one("a", &settings) + &all("a", "")));
    let sent = sent(&policy, &facts(22631, 4), &Had::new());
    assert_eq!(sent.len(), 5);
    let verbs: Vec<&str> = sent.iter().filter_map(|each| each.split(' ').next()).collect();
    assert_eq!(verbs, ["Add", "Add", "Replace", "Replace", "Replace"], "{sent:?}");
}

#[test]
fn a_certificate_is_installed_when_all_that_it_needs_is_there() {
    let pfx = "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/vpn";
    let settings: String = ["PFXCertBlob: QUJD", "KeyLocation: 3", "PFXKeyExportable: false"]
        .map(|line| format!("    {pfx}/{line}\n"))
        .concat();
    let policy = policy(&(one("a", &settings) + &all("a", "")));
    let sent = sent(&policy, &facts(22631, 4), &Had::new());
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(sent.last().unwrap().ends_with("/PFXCertBlob"), "{sent:?}");
}

#[test]
fn what_has_a_variable_in_its_address_stays_while_that_is_not_known() {
    let profile = "./Vendor/Contoso/Profile/${device.serial}";
    let settings = format!("    {profile}: {{}}\n    {profile}/Source: 1\n    ./Vendor/Contoso/Other: 1\n");
    let both = policy(&(one("a", &settings) + &all("a", "")));
    let mut device = Device::default();
    device.take(&both, &both.wanted(catalogue(), &facts(22631, 4)));
    assert_eq!(device.had.len(), 3);
    let nobody = Facts::default();
    let planned = plan(&both, &both.wanted(catalogue(), &nobody), &device.had, catalogue());
    assert!(planned.is_empty() && planned.undecided.len() == 2, "{planned:#?}");
    // What is known not to be wanted goes all the same.
    let less = policy(&(one("a", &format!("    {profile}: {{}}\n    {profile}/Source: 1\n")) + &all("a", "")));
    assert_eq!(sent(&less, &nobody, &device.had), ["Delete ./Vendor/Contoso/Other"]);
    assert_eq!(device.take(&Policy::default(), &Wanted::new()), 1);
    assert!(device.had.is_empty());
}

#[test]
fn all_or_nothing_holds_whichever_activation_says_so() {
    let settings = format!("    {CONFIG}/Camera/AllowCamera: 0\n    {CONFIG}/DeviceLock/MinDevicePasswordLength: 9\n");
    let plain = "---\ntype: activation\nidentifier: a-plain\npayload: {configurations: [a]}\n";
    let text = one("a", &settings) + plain + &all("a", ", atomic: true");
    let policy = policy(&text);
    let planned = plan(&policy, &policy.wanted(catalogue(), &facts(22631, 4)), &Had::new(), catalogue());
    let [step] = &planned.steps[..] else { panic!("{planned:#?}") };
    assert!(matches!(step.instruction, Instruction::Group { .. }));
}
