//! What is taken back, and what waits.

use transom_protocol::csp::LocUri;

use super::*;

#[test]
fn a_node_stays_while_something_below_it_is_wanted() {
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
    let leaves = format!("    {rule}/Direction: OUT\n    {rule}/Enabled: true\n");
    let before = policy(&(one("a", &format!("    {rule}: {{}}\n{leaves}")) + &all("a", "")));
    let mut device = Device::default();
    device.take(&before, &before.wanted(catalogue(), &facts(22631, 4)));
    assert_eq!(device.had.len(), 3);
    let after = policy(&(one("a", &leaves) + &all("a", "")));
    let wanted = after.wanted(catalogue(), &facts(22631, 4));
    let planned = plan(&after, &wanted, &device.had, catalogue());
    assert!(planned.is_empty() && planned.needed.len() == 1, "{planned:#?}");
    // A node that nobody knows, as well.
    let unknown = |settings: &str| policy(&(one("a", settings) + &all("a", "")));
    let before = unknown("    ./Vendor/Contoso/C: {}\n    ./Vendor/Contoso/C/D: 1\n");
    let mut device = Device::default();
    device.take(&before, &before.wanted(catalogue(), &facts(22631, 4)));
    let after = unknown("    ./Vendor/Contoso/C/D: 1\n");
    assert_eq!(sent(&after, &facts(22631, 4), &device.had), Vec::<String>::new());
}

#[test]
fn a_thing_goes_with_its_settings_only_where_the_device_made_it_for_us() {
    let provider = "./Device/Vendor/MSFT/DMClient/Provider/Transom/EnableOmaDmKeepAliveMessage";
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Web";
    let nothing = policy("");
    let back = |uris: &[(&str, Option<bool>)]| {
        let had = uris.iter().map(|(uri, made)| {
            let uri: LocUri = uri.parse().unwrap();
            let token = "t".to_owned().into();
            (Key::of(&uri), HadSetting { uri, token, state: State::Applied, may_be_there: true, made: *made })
        });
        let planned = plan(&nothing, &Wanted::new(), &had.collect(), catalogue());
        let settings = planned.steps.iter().flat_map(|step| step.instruction.settings());
        let sent: Vec<String> =
            settings.map(|(verb, setting)| format!("{} {}", verb.as_str(), setting.target)).collect();
        (sent, planned.kept.len(), planned.defaults.len())
    };
    let (name, enabled) = (format!("{rule}/Name"), format!("{rule}/Enabled"));
    let whole = vec![format!("Delete {rule}")];
    assert_eq!(back(&[(&name, Some(true)), (&enabled, None)]).0, whole);
    // It was there before, or nobody knows: what is in it is taken back as well as that can be.
    for made in [Some(false), None] {
        let (sent, kept, defaults) = back(&[(&name, made), (&enabled, None)]);
        assert!(!sent.contains(&whole[0]) && kept + defaults > 0, "{made:?} {sent:?}");
    }
    assert_eq!(back(&[(rule, Some(true))]).0, whole);
    assert_eq!(back(&[(rule, Some(false))]), (Vec::new(), 1, 0));
    // Through these the device is managed.
    let (sent, _, defaults) = back(&[(provider, Some(true))]);
    assert_eq!((sent, defaults), (vec![format!("Replace {provider}")], 1));
    let account = "./SyncML/DMAcc/0x0000800c";
    assert_eq!(back(&[(account, Some(true))]), (Vec::new(), 1, 0));
    let retry = format!("{account}/Ext/Microsoft/ConnRetryFreq");
    assert!(!back(&[(&retry, Some(true))]).0.contains(&format!("Delete {account}")));
}

#[test]
fn an_atomic_of_which_a_part_is_not_known_waits_for_it() {
    let rule = "./Vendor/MSFT/Firewall/MdmStore/FirewallRules/Rdp";
    let open = format!(
        "    {rule}/Name: Rdp\n    {rule}/LocalPortRanges: ['3389']\n    {rule}/RemoteAddressRanges: ['${{user.office}}']\n"
    );
    let facts = facts(22631, 4);
    let firewall = policy(&(one("a", &open) + &all("a", "")));
    assert_eq!(sent(&firewall, &facts, &Had::new()), Vec::<String>::new());
    let wanted = firewall.wanted(catalogue(), &facts);
    let why = |name: &str| {
        let found = wanted.values().find(|setting| setting.uri.as_str().ends_with(name)).unwrap();
        match &found.standing {
            Standing::Unresolved(why) => why.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(why("/Name").starts_with("it goes in one Atomic with ./"), "{}", why("/Name"));
    assert!(why("/RemoteAddressRanges").contains("user.office"), "{}", why("/RemoteAddressRanges"));
    // Asked for by an activation, and two that want it differently.
    let settings = format!("    {CONFIG}/Camera/AllowCamera: 0\n    {CONFIG}/Experience/AllowCortana: 0\n");
    let other = format!("    {CONFIG}/Experience/AllowCortana: 1\n");
    let whole = policy(&(one("a", &settings) + &one("b", &other) + &all("a, b", ", atomic: true")));
    let is_conflict = whole.wanted(catalogue(), &facts).values().any(|each| each.standing == Standing::Conflict);
    assert_eq!(sent(&whole, &facts, &Had::new()).is_empty(), is_conflict);
    // What this device does not have is no part of it here.
    let newer = format!("    {CONFIG}/Camera/AllowCamera: 0\n    {CONFIG}/Start/HideRecommendedSection: 1\n");
    let whole = policy(&(one("a", &newer) + &all("a", ", atomic: true")));
    assert_eq!(sent(&whole, &super::facts(19045, 4), &Had::new()).len(), 1);
}
