//! Profiles as people have them, made into declarations.

use super::*;
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{Content, Payload, to_yaml};

fn imported(name: &str, text: &str) -> Imported {
    import(name, text, &builtin::catalogue().unwrap()).unwrap()
}

fn told<'a>(imported: &'a Imported, end: &str) -> &'a Told {
    imported.told.iter().find(|told| told.setting.ends_with(end)).unwrap_or_else(|| panic!("{end}: {imported:#?}"))
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
