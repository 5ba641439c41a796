//! Profiles as people have them, made into declarations.

mod intune;
mod secrets;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{
    Configuration, Content, LocUri, Payload, PolicyValue, Value, compile, read_json, to_yaml,
};

fn imported(name: &str, text: &str) -> Imported {
    import(name, text, &builtin::catalogue().unwrap()).unwrap()
}

fn told<'a>(imported: &'a Imported, end: &str) -> &'a Told {
    imported.told.iter().find(|told| told.setting.ends_with(end)).unwrap_or_else(|| panic!("{end}: {imported:#?}"))
}

fn sent(uri: &str, format: &str, data: &str) -> String {
    format!(
        "<Replace><Item><Target><LocURI>{uri}</LocURI></Target><Meta><Format>{format}</Format></Meta>\
         <Data><![CDATA[{data}]]></Data></Item></Replace>"
    )
}

fn configurations(imported: &Imported) -> Vec<&Configuration> {
    let each = imported.declarations.iter().filter_map(|declaration| match &declaration.payload {
        Payload::Configuration(configuration) => Some(configuration),
        Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => None,
    });
    each.collect()
}

fn only(imported: &Imported) -> &Value {
    let configurations = configurations(imported);
    assert_eq!((configurations.len(), configurations[0].settings.len()), (1, 1), "{imported:#?}");
    configurations[0].settings.values().next().unwrap()
}

/// Everything of a profile for which nothing is to be said comes out as its author would have written it.
#[test]
fn commands_without_a_message_become_settings() {
    let text = r#"<?xml version="1.0"?>
<!-- as Fleet has it -->
<Replace>
  <Item>
    <Target><LocURI>./device/vendor/msft/policy/config/DeviceLock/MinDevicePasswordLength</LocURI></Target>
    <Meta><Format xmlns="syncml:metinf">int</Format></Meta>
    <Data> 12 </Data>
  </Item>
</Replace>
<Add>
  <Item>
    <Target><LocURI>./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/BITS_MaxDownloadTime</LocURI></Target>
    <Meta><Format xmlns="syncml:metinf">chr</Format></Meta>
    <Data><![CDATA[<Enabled/><Data id="BITS_MaxDownloadSeconds" value="7"/>]]></Data>
  </Item>
  <Item>
    <Target><LocURI>./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/BITS_DisableBranchCache</LocURI></Target>
    <Data>&lt;disabled/&gt;</Data>
  </Item>
</Add>
<Delete><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera</LocURI></Target></Item></Delete>
<Exec><Item><Target><LocURI>./Device/Vendor/MSFT/Reboot/RebootNow</LocURI></Target></Item></Exec>"#;
    let imported = imported("Fleet: lock", text);
    assert_eq!(
        to_yaml(&imported.declarations).trim_end(),
        "type: configuration
identifier: fleet-lock
payload:
  settings:
    \"./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/BITS_DisableBranchCache\": disabled
    \"./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/BITS_MaxDownloadTime\":
      enabled: true
      BITS_MaxDownloadSeconds: 7
    \"./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength\": 12"
    );
    assert_eq!(told(&imported, "AllowCamera").outcome, Outcome::LeftOut);
    assert!(told(&imported, "RebootNow").what.contains("command send"));
}

#[test]
fn markup_as_data_is_taken_as_it_stands() {
    let text = "<SyncML><SyncBody><Atomic><Replace><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/\
                BITS_DisableBranchCache</LocURI></Target><Data><enabled/></Data></Item></Replace></Atomic></SyncBody>\
                </SyncML>";
    let imported = imported("x", text);
    assert_eq!(told(&imported, "BITS_DisableBranchCache").outcome, Outcome::Taken);
    assert!(to_yaml(&imported.declarations).contains(": enabled"));
}

#[test]
fn what_the_catalogue_does_not_know_keeps_its_format_and_is_doubtful() {
    let text = "<Replace><Item><Target><LocURI>./Device/Vendor/MSFT/NoSuchThing/Value</LocURI></Target><Meta><Format>\
                int</Format></Meta><Data>1</Data></Item></Replace>";
    let imported = imported("x", text);
    assert_eq!(told(&imported, "/Value").outcome, Outcome::Doubtful);
    assert!(to_yaml(&imported.declarations).contains("format: int"));
}

#[test]
fn variables_of_fleet_become_ours_and_secrets_become_assets() {
    let text = "<Replace><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/DeviceLock/EnforceLockScreenProvider\
                </LocURI></Target><Data>$FLEET_VAR_HOST_HARDWARE_SERIAL ${FLEET_SECRET_TOKEN} ${HOME} $5</Data></Item>\
                <Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/Start/StartLayout</LocURI></Target>\
                <Data>$FLEET_VAR_NOBODY_KNOWS</Data></Item></Replace>";
    let imported = imported("x", text);
    let yaml = to_yaml(&imported.declarations);
    assert!(yaml.contains("${device.serial} ${asset.token} $${HOME} $5"), "{yaml}");
    let is_secret = |declaration: &Declaration| {
        declaration.identifier.as_str() == "token"
            && matches!(&declaration.payload, Payload::Asset(asset) if asset.content == Content::Secret)
    };
    assert!(imported.declarations.iter().any(is_secret));
    assert!(told(&imported, "StartLayout").what.contains("FLEET_VAR_NOBODY_KNOWS"));
}

#[test]
fn a_settings_catalogue_is_read_by_its_ids() {
    let text = r##"{
  "name": "Baseline – Windows",
  "settings": [
    {"settingInstance": {
      "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
      "settingDefinitionId": "device_vendor_msft_policy_config_camera_allowcamera",
      "choiceSettingValue": {"value": "device_vendor_msft_policy_config_camera_allowcamera_0", "children": []}}},
    {"settingInstance": {
      "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
      "settingDefinitionId": "device_vendor_msft_policy_config_devicelock_mindevicepasswordlength",
      "simpleSettingValue": {"value": 14}}},
    {"settingInstance": {
      "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
      "settingDefinitionId": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime",
      "choiceSettingValue": {"value": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime_1", "children": [
        {"settingDefinitionId": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime_bits_maxdownloadseconds",
         "simpleSettingValue": {"value": 9}}]}}},
    {"settingInstance": {
      "settingDefinitionId": "vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}",
      "groupSettingCollectionValue": [{"children": [
        {"settingDefinitionId": "vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}_enabled",
         "choiceSettingValue": {"value": "vendor_msft_firewall_mdmstore_firewallrules_{firewallrulename}_enabled_1"}}]}]}},
    {"settingInstance": {
      "settingDefinitionId": "device_vendor_msft_policy_config_chromeintunev1~policy~googlechrome_homepagelocation",
      "choiceSettingValue": {"value": "device_vendor_msft_policy_config_chromeintunev1~policy~googlechrome_homepagelocation_1"}}},
    {"settingInstance": {"settingDefinitionId": "device_vendor_nobody_knows", "simpleSettingValue": {"value": 1}}}
  ]}"##;
    let imported = imported("file", text);
    let yaml = to_yaml(&imported.declarations);
    assert!(yaml.contains("identifier: baseline-windows"), "{yaml}");
    assert!(yaml.contains("Camera/AllowCamera\": 0"), "{yaml}");
    assert!(yaml.contains("DeviceLock/MinDevicePasswordLength\": 14"), "{yaml}");
    assert!(yaml.contains("FirewallRules/baseline-windows-1/Enabled\": "), "{yaml}");
    assert!(yaml.to_ascii_lowercase().contains("bits_maxdownloadseconds: 9"), "{yaml}");
    assert!(told(&imported, "homepagelocation").what.contains("admx import"));
    assert_eq!(told(&imported, "nobody_knows").outcome, Outcome::LeftOut);
}

#[test]
fn a_custom_profile_is_read_and_its_encrypted_values_are_asked_for() {
    let text = r##"{"displayName": "Wi-Fi", "omaSettings": [
      {"@odata.type": "#microsoft.graph.omaSettingInteger", "displayName": "Camera",
       "omaUri": "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", "value": 1},
      {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "Key", "isEncrypted": true,
       "omaUri": "./Device/Vendor/MSFT/WiFi/Profile/Office/WlanXml", "value": "PGE+"},
      {"@odata.type": "#microsoft.graph.omaSettingStringXml", "displayName": "Layout",
       "omaUri": "./Device/Vendor/MSFT/Policy/Config/Start/StartLayout", "value": "PGEvPg=="},
      {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "Nothing"}]}"##;
    let imported = imported("file", text);
    let yaml = to_yaml(&imported.declarations);
    assert!(yaml.contains("Camera/AllowCamera\": 1"), "{yaml}");
    assert!(yaml.contains("secret: true"), "{yaml}");
    assert!(!yaml.contains("PGE+"), "{yaml}");
    assert!(yaml.contains("<a/>"), "{yaml}");
    assert_eq!(told(&imported, "Nothing").outcome, Outcome::LeftOut);
}

#[test]
fn what_is_no_profile_is_refused_with_the_reason() {
    let catalogue = builtin::catalogue().unwrap();
    let refused = |text: &str| import("x", text, &catalogue).unwrap_err();
    assert_eq!(refused("hello"), ImportError::Unknown);
    assert_eq!(refused("<a/>"), ImportError::NoCommands);
    assert_eq!(refused("{}"), ImportError::NoProfile);
    assert!(matches!(refused("{\"a\":"), ImportError::Json(_)));
    assert!(matches!(refused("<Replace><Item>"), ImportError::Xml(_)));
    assert!(matches!(refused("<!DOCTYPE a [<!ENTITY b 'c'>]><Replace/>"), ImportError::Xml(_)));
    let deep = "<a>".repeat(5_000);
    assert!(matches!(refused(&deep), ImportError::Xml(_)));
}

#[test]
fn names_become_identifiers() {
    for (name, expected) in [
        ("Baseline – Windows 11 (v2)", "baseline-windows-11-v2"),
        ("__x", "x"),
        ("§§", "imported"),
        ("", "imported"),
        ("Ünïcode name", "n-code-name"),
    ] {
        assert_eq!(identifier(name).as_str(), expected, "{name}");
    }
}

const PASSWORD: &str = "./Device/Vendor/MSFT/Accounts/Users/ada/Password";
const BITS: &str = "./Device/Vendor/MSFT/Policy/Config/ADMX_Bits/BITS_MaxDownloadTime";
const LAYOUT: &str = "./Device/Vendor/MSFT/Policy/Config/Start/StartLayout";
const WLAN: &str = "./Device/Vendor/MSFT/WiFi/Profile/Office/WlanXml";

/// The assets that settings refer to are those that came with them, never those of somebody else.
#[test]
fn what_comes_beside_the_same_names_refers_to_its_own() {
    let catalogue = builtin::catalogue().unwrap();
    let profile = sent(PASSWORD, "chr", "first") + &sent(LAYOUT, "chr", "$FLEET_SECRET_TOKEN $FLEET_SECRET_TOKEN");
    let first = import("imported", &profile, &catalogue).unwrap();
    let names = |imported: &Imported| imported.declarations.iter().map(|each| each.identifier.clone()).collect();
    let taken: BTreeSet<Identifier> = names(&first);
    assert_eq!(taken.len(), 3, "{taken:?}");
    let second = import_beside("imported", &profile, &catalogue, taken.clone()).unwrap();
    let own: BTreeSet<Identifier> = names(&second);
    assert!(own.len() == 3 && own.is_disjoint(&taken), "{own:?}");
    let used: Vec<Identifier> = configurations(&second)[0].settings.values().flat_map(Value::assets).collect();
    assert!(used.len() == 3 && used.iter().all(|asset| own.contains(asset)), "{used:?} {own:?}");
    assert!(second.told.iter().all(|told| told.configuration == "imported-2"), "{:?}", second.told);
    let asset = configurations(&second)[0].settings.values().find_map(|value| match value {
        Value::Asset(asset) => Some(asset),
        _ => None,
    });
    assert!(told(&second, "/Password").what.contains(asset.unwrap().as_str()), "{:?}", second.told);
}

#[test]
fn profiles_with_long_names_have_secrets_of_their_own() {
    let setting = |user: &str| {
        json!({"@odata.type": "#microsoft.graph.omaSettingString", "isEncrypted": true, "value": "****",
               "omaUri": format!("./Device/Vendor/MSFT/Accounts/Users/{user}/Password")})
    };
    let profile = json!({"displayName": "x".repeat(150), "omaSettings": [setting("ada"), setting("joe")]});
    let imported = imported("file", &json!([profile, profile]).to_string());
    let names: BTreeSet<&str> = imported.declarations.iter().map(|each| each.identifier.as_str()).collect();
    assert_eq!((names.len(), imported.declarations.len()), (6, 6), "{names:?}");
}

/// What an import makes is what a file has: it is read as it was made.
#[test]
fn everything_that_is_made_can_be_read_again() {
    let own = ["./Device/Vendor/MSFT/NoSuch/Value", "./device/vendor/msft/nosuch/value", "./Vendor/MSFT/NoSuch/Value"];
    let twice: String = own.iter().map(|uri| sent(uri, "chr", uri)).collect();
    let named = |id: &str| sent(BITS, "chr", &format!("<enabled/><data id=\"{id}\" value=\"1\"/>"));
    for profile in
        [twice, named("value"), named("asset"), named("enabled"), named("disabled"), named("VALUE"), named("x")]
    {
        let imported = imported("x", &profile);
        only(&imported);
        for declaration in &imported.declarations {
            let read = read_json(&declaration.to_json());
            assert_eq!(read.remarks, [], "{profile}");
            assert_eq!(&read.documents[0].declaration, declaration, "{profile}");
        }
    }
    let reserved = json!({"name": "x", "settings": [{"settingInstance": {
        "settingDefinitionId": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime",
        "choiceSettingValue": {"value": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime_1", "children": [
            {"settingDefinitionId": "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime_value",
             "simpleSettingValue": {"value": 9}}]}}}]});
    let imported = imported("x", &reserved.to_string());
    assert_eq!((told(&imported, "BITS_MaxDownloadTime").outcome, imported.declarations.len()), (Outcome::LeftOut, 0));
}

#[test]
fn a_passphrase_in_clear_is_never_taken_over() {
    let wlan =
        |key: &str| format!("<WLANProfile><sharedKey><keyMaterial>{key}</keyMaterial></sharedKey></WLANProfile>");
    let custom = |value: &str| {
        json!({"displayName": "Wi-Fi", "omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": WLAN, "value": value}]})
    };
    for profile in [sent(WLAN, "chr", &wlan("hunter22")), custom(&wlan("hunter22")).to_string()] {
        let imported = imported("x", &profile);
        let yaml = to_yaml(&imported.declarations);
        assert!(!yaml.contains("hunter22") && yaml.contains("secret: true"), "{yaml}");
        assert!(matches!(only(&imported), Value::Asset(_)));
        let told = told(&imported, "/WlanXml");
        assert!(told.outcome == Outcome::Doubtful && told.what.contains("give it to the asset"), "{told:?}");
    }
    // A secret of the other server is an asset already.
    let imported = imported("x", &sent(WLAN, "chr", &wlan("$FLEET_SECRET_WIFI")));
    assert!(matches!(only(&imported), Value::Text(text) if text.contains("<keyMaterial>${asset.wifi}</keyMaterial>")));
    assert_eq!(told(&imported, "/WlanXml").outcome, Outcome::Taken);
}

#[test]
fn files_in_custom_profiles_become_their_text() {
    let file = |kind: &str, bytes: &[u8]| {
        let kind = format!("#microsoft.graph.omaSetting{kind}");
        let setting = json!({"@odata.type": kind, "omaUri": LAYOUT, "value": STANDARD.encode(bytes)});
        imported("x", &json!({"displayName": "Layout", "omaSettings": [setting]}).to_string())
    };
    let layout = "<?xml version=\"1.0\"?><Layout name=\"ä\"/>";
    let utf_16: Vec<u8> = format!("\u{feff}{layout}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf_8 = format!("\u{feff}{layout}").into_bytes();
    for kind in ["StringXml", "Base64"] {
        for bytes in [layout.as_bytes(), &utf_8, &utf_16] {
            let imported = file(kind, bytes);
            assert_eq!(only(&imported), &Value::Text(layout.to_owned()), "{kind}");
            assert_eq!(told(&imported, "StartLayout").outcome, Outcome::Taken, "{kind}");
        }
        let imported = file(kind, b"\x89PNG\0\xff");
        assert_eq!(told(&imported, "StartLayout").outcome, Outcome::Doubtful, "{kind}");
    }
    let imported = imported("x", &sent(LAYOUT, "b64", &STANDARD.encode(layout)));
    assert_eq!(only(&imported), &Value::Text(layout.to_owned()));
}

/// What a policy of a template is given comes to the device as it stood in the profile, or somebody is told.
#[test]
fn what_a_policy_is_given_stays_what_it_was() {
    let catalogue = builtin::catalogue().unwrap();
    let uri: LocUri = BITS.parse().unwrap();
    for (value, outcome) in [
        ("1&#xF000;https://a&#xF000;2&#xF000;https://b", Outcome::Taken),
        ("a&#xF000;1&#xF000;b&#xF000;2", Outcome::Taken),
        ("z&#xF000;y&#xF000;a&#xF000;b&#xF000;z&#xF000;q", Outcome::Doubtful),
        ("one&#xF000;two&#xF000;three", Outcome::Doubtful),
        ("007", Outcome::Taken),
        ("7", Outcome::Taken),
        ("true", Outcome::Taken),
        ("True", Outcome::Taken),
        (" 1 ", Outcome::Taken),
        ("", Outcome::Taken),
    ] {
        let payload = format!("<enabled/><data id=\"x\" value=\"{value}\"/>");
        let imported = imported("x", &sent(BITS, "chr", &payload));
        let item = compile(&catalogue, &uri, only(&imported)).item.unwrap();
        let data = item.data(&crate::model::Facts::default(), &|_: &Identifier| None).unwrap();
        assert_eq!(data.as_deref(), Some(payload.as_str()), "{value}");
        assert_eq!(told(&imported, "BITS_MaxDownloadTime").outcome, outcome, "{value}");
    }
}

#[test]
fn all_that_is_chosen_below_a_policy_is_taken_or_told() {
    const POLICY: &str = "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime";
    let profile = |child: Json| {
        let chosen = json!({"value": format!("{POLICY}_1"), "children": [child]});
        let instance = json!({"settingDefinitionId": POLICY, "choiceSettingValue": chosen});
        imported("x", &json!({"name": "x", "settings": [{"settingInstance": instance}]}).to_string())
    };
    let below = |id: &str| json!({"settingDefinitionId": id, "simpleSettingValue": {"value": "${x}"}});
    let choice = |child: Json| {
        json!({"settingDefinitionId": format!("{POLICY}_mode"),
               "choiceSettingValue": {"value": format!("{POLICY}_mode_2"), "children": [child]}})
    };
    let taken = profile(choice(below(&format!("{POLICY}_deeper"))));
    let yaml = to_yaml(&taken.declarations);
    assert!(yaml.contains("mode: 2") && yaml.contains("deeper: \"$${x}\""), "{yaml}");
    let other = profile(choice(below("device_vendor_msft_somewhere_else")));
    assert!(other.declarations.is_empty() && told(&other, "MaxDownloadTime").what.contains("does not belong to it"));
    let secret = profile(json!({"settingDefinitionId": format!("{POLICY}_word"), "simpleSettingValue": {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSecretSettingValue", "value": "5f3a-token"}}));
    let yaml = to_yaml(&secret.declarations);
    assert!(!yaml.contains("5f3a-token") && yaml.contains("word: \"${asset.x-bits_maxdownloadtime-1}\""), "{yaml}");
    assert!(told(&secret, "MaxDownloadTime").what.contains("is a secret"), "{:?}", secret.told);
}

#[test]
fn that_settings_belong_together_is_told() {
    let one = sent(LAYOUT, "chr", "a");
    let together = imported("x", &format!("<SyncML><SyncBody><Atomic>{one}</Atomic></SyncBody></SyncML>"));
    let told = told(&together, "Atomic");
    assert!(told.outcome == Outcome::Doubtful && told.what.contains("atomic: true"), "{told:?}");
    assert!(imported("x", &one).told.iter().all(|told| told.setting != "Atomic"));
}

const RIGHT: &str = "./Device/Vendor/MSFT/Policy/Config/UserRights/AccessFromNetwork";

fn raw(uri: &str, data: &str) -> String {
    format!("<Replace><Item><Target><LocURI>{uri}</LocURI></Target><Data>{data}</Data></Item></Replace>")
}

#[test]
fn text_and_cdata_stay_in_their_order() {
    let url = "./Device/Vendor/MSFT/Personalization/DesktopImageUrl";
    for (data, meant) in [
        ("a<![CDATA[b]]>c<![CDATA[d]]>e&amp;f", "abcde&f"),
        ("\n  <!-- x --><![CDATA[ a&b ]]>\n", " a&b "),
        ("<![CDATA[a]]>&#x20;<![CDATA[b]]>", "a b"),
    ] {
        assert_eq!(only(&imported("x", &raw(url, data))), &Value::Text(meant.to_owned()), "{data}");
    }
    let both = Value::List(vec!["*S-1-5-32-544".to_owned(), "*S-1-5-32-555".to_owned()]);
    for data in [
        "<![CDATA[*S-1-5-32-544]]>&#xF000;<![CDATA[*S-1-5-32-555]]>",
        "<![CDATA[*S-1-5-32-544&#xF000;*S-1-5-32-555]]>",
        "*S-1-5-32-544&#xF000;*S-1-5-32-555",
    ] {
        let imported = imported("x", &raw(RIGHT, data));
        assert_eq!(only(&imported), &both, "{data}");
        assert_eq!(told(&imported, "AccessFromNetwork").outcome, Outcome::Taken, "{data}");
    }
}

#[test]
fn too_many_items_are_refused() {
    let many = raw("./Vendor/X/Y", "1").repeat(20_001);
    assert!(
        matches!(import("x", &many, &builtin::catalogue().unwrap()), Err(ImportError::Xml(what)) if what.contains("20000"))
    );
}

#[test]
fn secrets_of_fleet_are_asked_for_and_stand_in_no_address() {
    let user = |name: &str, node: &str| format!("./Device/Vendor/MSFT/Accounts/Users/{name}/{node}");
    let imported = imported(
        "x",
        &[
            raw(&user("bob", "Password"), "$FLEET_SECRET_BOB"),
            raw(&user("al", "Password"), "x$FLEET_SECRET_AL"),
            raw(&user("$FLEET_SECRET_U", "LocalUserGroup"), "2"),
        ]
        .concat(),
    );
    let assets: Vec<&str> = imported
        .declarations
        .iter()
        .filter(|made| matches!(made.payload, Payload::Asset(_)))
        .map(|made| made.identifier.as_str())
        .collect();
    assert_eq!((assets.len(), assets[0]), (2, "bob"), "{assets:?}");
    let bob = told(&imported, "bob/Password");
    assert!(bob.outcome != Outcome::LeftOut && bob.what.contains("give the asset bob its value"), "{bob:?}");
    assert!(told(&imported, "al/Password").what.contains(assets[1]), "{imported:?}");
    let other = import("x", &raw("./Vendor/X/${HOME}", "1"), &builtin::catalogue().unwrap()).unwrap();
    assert_eq!(configurations(&other).len(), 1, "{other:?}");
    let group = told(&imported, "LocalUserGroup");
    assert!(group.outcome == Outcome::LeftOut && group.what.contains("shown everywhere"), "{group:?}");
}

#[test]
fn a_wifi_profile_of_fleet_passes_the_check() {
    let key = "&lt;WLANProfile&gt;&lt;sharedKey&gt;&lt;keyType&gt;passPhrase&lt;/keyType&gt;&lt;protected&gt;false&lt;/protected&gt;\
               &lt;keyMaterial&gt;$FLEET_SECRET_WIFI&lt;/keyMaterial&gt;&lt;/sharedKey&gt;&lt;/WLANProfile&gt;";
    let imported = imported("x", &raw(WLAN, key));
    let wlan = told(&imported, "/WlanXml");
    assert!(wlan.outcome == Outcome::Taken && wlan.what.contains("asset wifi"), "{wlan:?}");
    assert!(matches!(only(&imported), Value::Text(text) if text.contains("${asset.wifi}")));
}

#[test]
fn what_the_check_would_refuse_is_told() {
    let imported = imported("x", &sent("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", "int", "7"));
    let camera = told(&imported, "AllowCamera");
    assert_eq!(camera.outcome, Outcome::Doubtful, "{camera:?}");
    let nobody = imported.told.iter().filter(|told| told.setting.ends_with("AllowCamera")).count();
    assert_eq!(nobody, 1, "{:?}", imported.told);
}

#[test]
fn numbers_about_secrets_are_taken() {
    for (uri, data, is_taken) in [
        ("./Device/Vendor/MSFT/PolicyManager/My/DeviceLock/MinDevicePasswordLength", "8", true),
        ("./Vendor/Contoso/PasswordPolicyEnabled", "1", true),
        ("./Vendor/Contoso/TokenLifetime", "30", true),
        ("./Vendor/Contoso/TokenLifetime", "abc", false),
        ("./Vendor/Contoso/Password", "1234", false),
    ] {
        let imported = imported("x", &sent(uri, "int", data));
        assert_eq!(!matches!(only(&imported), Value::Asset(_)), is_taken, "{uri}");
        let remarks: Vec<_> = imported.told.iter().filter(|told| told.what.contains("the check refuses")).collect();
        assert!(remarks.is_empty() || !is_taken, "{remarks:?}");
    }
}

#[test]
fn a_profile_is_text_in_any_encoding_of_windows() {
    let text_16: Vec<u8> = "\u{feff}<a>ä</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(text(&text_16), text("<a>ä</a>".as_bytes()));
    assert_eq!(text(b"<a>\xe4</a>"), Err(ImportError::NoText));
}
