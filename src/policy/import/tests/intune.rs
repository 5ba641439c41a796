//! What exports of Intune become.

use super::*;

const BLOCK: &str = "device_vendor_msft_policy_config_defender_attacksurfacereductionrules_";

fn catalogue_of(instances: &[Json]) -> Imported {
    let settings: Vec<Json> = instances.iter().map(|instance| json!({"settingInstance": instance})).collect();
    imported("x", &json!({"name": "x", "settings": settings}).to_string())
}

fn choice(id: &str, value: &str, children: &[Json]) -> Json {
    let value = format!("{id}_{value}");
    json!({"settingDefinitionId": id, "choiceSettingValue": {"value": value, "children": children}})
}

fn number(id: &str, value: i64) -> Json {
    json!({"settingDefinitionId": id, "simpleSettingValue": {"value": value}})
}

fn custom(uri: &str, value: &str) -> Imported {
    let setting = json!({"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": uri, "value": value});
    imported("x", &json!({"displayName": "x", "omaSettings": [setting]}).to_string())
}

/// As Microsoft tells people to write them: Intune puts them into its message as they are.
#[test]
fn strings_of_custom_profiles_are_content_of_xml() {
    let both = || Value::List(vec!["*S-1-5-32-544".to_owned(), "*S-1-5-32-555".to_owned()]);
    let text = |text: &str| Value::Text(text.to_owned());
    let url = "./Device/Vendor/MSFT/Personalization/DesktopImageUrl";
    let bits = "<enabled/><data id=\"BITS_MaxDownloadSeconds\" value=\"7\"/>";
    let policy = || Value::Policy([("BITS_MaxDownloadSeconds".to_owned(), PolicyValue::Number(7))].into());
    for (uri, value, wanted, outcome) in [
        (RIGHT, "<![CDATA[*S-1-5-32-544\u{F000}*S-1-5-32-555]]>", both(), Outcome::Taken),
        (RIGHT, "<![CDATA[*S-1-5-32-544&#xF000;*S-1-5-32-555]]>", both(), Outcome::Taken),
        (RIGHT, "*S-1-5-32-544&#xF000;*S-1-5-32-555", both(), Outcome::Taken),
        (RIGHT, "<![CDATA[]]>", text(""), Outcome::Taken),
        (BITS, bits, policy(), Outcome::Taken),
        (BITS, &format!("<![CDATA[{bits}]]>"), policy(), Outcome::Taken),
        (url, "https://a.example/?x=1&amp;y=2", text("https://a.example/?x=1&y=2"), Outcome::Doubtful),
        (url, "https://a.example/?x=1&y=2", text("https://a.example/?x=1&y=2"), Outcome::Taken),
        (LAYOUT, "<a><![CDATA[b]]></a>", text("<a><![CDATA[b]]></a>"), Outcome::Taken),
        (url, "<![CDATA[a]]>&nothing;", text("<![CDATA[a]]>&nothing;"), Outcome::Doubtful),
    ] {
        let imported = custom(uri, value);
        assert_eq!(only(&imported), &wanted, "{value}");
        assert_eq!(imported.told[0].outcome, outcome, "{value}: {:?}", imported.told);
    }
    assert!(custom(RIGHT, "<![CDATA[]]>").told[0].what.contains("CDATA"));
}

#[test]
fn profiles_that_are_not_read_are_told() {
    let custom = json!({"@odata.type": "#microsoft.graph.omaSettingInteger", "value": 9,
                        "omaUri": "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"});
    let profiles = json!({"value": [
        {"@odata.type": "#microsoft.graph.windows10GeneralConfiguration", "displayName": "Restrictions", "cameraBlocked": true},
        {"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": "Custom", "omaSettings": [custom]},
        {"displayName": "Empty", "settings": []},
        "rubbish"]});
    let imported = imported("x", &profiles.to_string());
    assert_eq!(told(&imported, "windows10GeneralConfiguration").outcome, Outcome::LeftOut);
    assert_eq!(told(&imported, "MinDevicePasswordLength").outcome, Outcome::Taken);
    assert!(
        told(&imported, "Empty").what.contains("no settings") && told(&imported, "x-4").what.contains("no profile")
    );
    assert_eq!(imported.told.len(), 4);
}

#[test]
fn what_is_asked_for_with_a_thing_that_is_left_out_is_not_lost() {
    const CAMERA: &str = "device_vendor_msft_policy_config_camera_allowcamera";
    for parent in ["device_vendor_msft_policy_config_madeup_parent", "device_vendor_msft_policy_config_app~policy~x_y"]
    {
        let own = choice(&format!("{parent}_own"), "1", &[choice(CAMERA, "0", &[])]);
        let length = number("device_vendor_msft_policy_config_devicelock_mindevicepasswordlength", 8);
        let imported = catalogue_of(&[choice(parent, "1", &[own, length])]);
        assert_eq!(told(&imported, parent).outcome, Outcome::LeftOut);
        assert_eq!(configurations(&imported)[0].settings.len(), 2, "{parent}");
        assert_eq!(imported.told.len(), 3, "{:?}", imported.told);
    }
}

#[test]
fn rules_of_attack_surface_reduction_become_one_value() {
    let rule = |name: &str, state: &str, inner: &[Json]| choice(&format!("{BLOCK}{name}"), state, inner);
    let excluded = format!("{BLOCK}blockwebshellcreationforservers_perruleexclusions");
    let excluded = json!({"settingDefinitionId": excluded, "simpleSettingCollectionValue": [{"value": "C:\\a"}]});
    let group = json!({"settingDefinitionId": BLOCK.trim_end_matches('_'), "groupSettingCollectionValue": [{"children": [
        rule("blockexecutionofpotentiallyobfuscatedscripts", "block", &[]),
        rule("blockwebshellcreationforservers", "warn", &[excluded]),
        rule("blockthemoon", "block", &[])]}]});
    let imported = catalogue_of(&[group]);
    let rules = "5beb7efe-fd9a-4556-801d-275e5ffc04cc=1|a8f5898e-1dc8-49a9-9878-85004b8a61e6=6";
    assert_eq!(only(&imported), &Value::Text(rules.to_owned()));
    assert_eq!(told(&imported, "/AttackSurfaceReductionRules").outcome, Outcome::Taken, "{:?}", imported.told);
    let address = |end: &str, name: &str| {
        let told = told(&imported, end);
        told.outcome == Outcome::LeftOut && told.what.contains(name)
    };
    assert!(address("_blockthemoon", "Defender/AttackSurfaceReductionRules"), "{:?}", imported.told);
    assert!(address("_perruleexclusions", "Configuration/ASROnlyPerRuleExclusions"), "{:?}", imported.told);
}

#[test]
fn parts_of_ids_that_intune_made_up_are_known_or_told_with_the_address() {
    let imported = catalogue_of(&[
        number("device_vendor_msft_laps_policies_passwordagedays_aad", 7),
        number("device_vendor_msft_policy_config_camera_allowcamera_madeup", 7),
        number("device_vendor_msft_policy_config_camera_nothing", 7),
    ]);
    assert_eq!(told(&imported, "LAPS/Policies/PasswordAgeDays").outcome, Outcome::Taken, "{:?}", imported.told);
    assert!(told(&imported, "_madeup").what.ends_with("Camera/AllowCamera"), "{:?}", imported.told);
    assert!(told(&imported, "_nothing").what.starts_with("no setting"), "{:?}", imported.told);
}

/// Without the template nobody knows whether it is lines or a list.
#[test]
fn several_values_of_an_unknown_element_are_told_with_what_the_check_says() {
    const POLICY: &str = "device_vendor_msft_policy_config_deviceinstallation_preventinstallationofmatchingdeviceids";
    let deny = json!({"settingDefinitionId": format!("{POLICY}_deviceinstall_ids_deny_list"),
                      "simpleSettingCollectionValue": [{"value": "PCI\\CC_0C0A"}, {"value": "x"}]});
    let imported = catalogue_of(&[choice(POLICY, "1", &[deny])]);
    let what = &told(&imported, "PreventInstallationOfMatchingDeviceIDs").what;
    assert!(what.contains("is a list or lines") && what.contains("--on-server"), "{what}");
}
