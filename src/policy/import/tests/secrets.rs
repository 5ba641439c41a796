//! Secrets that stand in profiles, and what is to be said of them.

use super::*;

const POLICY: &str = "device_vendor_msft_policy_config_admx_bits_bits_maxdownloadtime";

/// A policy of a settings catalogue that is given this.
fn policy(id: &str, value: &Json) -> Imported {
    let child = json!({"settingDefinitionId": format!("{POLICY}_{id}"), "simpleSettingValue": {"value": value}});
    let chosen = json!({"value": format!("{POLICY}_1"), "children": [child]});
    let instance = json!({"settingDefinitionId": POLICY, "choiceSettingValue": chosen});
    imported("x", &json!({"name": "x", "settings": [{"settingInstance": instance}]}).to_string())
}

#[test]
fn what_stands_under_the_name_of_a_secret_is_not_taken_over() {
    for value in [json!("hunter2"), json!(4711)] {
        let imported = policy("proxypassword", &value);
        assert!(matches!(only(&imported), Value::Asset(_)), "{imported:?}");
        let yaml = to_yaml(&imported.declarations);
        assert!(!yaml.contains("hunter2") && !yaml.contains("4711"), "{yaml}");
    }
    assert!(matches!(only(&policy("passwordlength", &json!(12))), Value::Policy(_)));
}

#[test]
fn a_password_that_begins_like_markup_is_a_secret() {
    for password in ["<hunter2", "<hunter2>", "hunter2"] {
        let imported = imported("x", &sent(PASSWORD, "chr", password));
        assert!(matches!(only(&imported), Value::Asset(_)), "{password}");
        assert_eq!(told(&imported, "/Password").what.matches("give").count(), 1, "{imported:?}");
    }
}

#[test]
fn an_asset_is_asked_for_once() {
    let imported = imported("x", &sent(LAYOUT, "chr", &"$FLEET_SECRET_ONE ".repeat(50_000)));
    assert_eq!(told(&imported, "StartLayout").what.matches("the asset one").count(), 1);
}

/// Behind a dollar, what we write for a variable would be none.
#[test]
fn a_variable_behind_a_dollar_is_left_as_it_is() {
    for (data, wanted) in [
        ("pa$$FLEET_SECRET_PIN", "pa$$FLEET_SECRET_PIN"),
        ("pa$${FLEET_SECRET_PIN}", "pa$$${FLEET_SECRET_PIN}"),
        ("pa$$FLEET_VAR_HOST_HARDWARE_SERIAL", "pa$$FLEET_VAR_HOST_HARDWARE_SERIAL"),
    ] {
        let imported = imported("x", &sent(LAYOUT, "chr", data));
        assert_eq!((only(&imported), imported.declarations.len()), (&Value::Text(wanted.to_owned()), 1), "{data}");
        let layout = told(&imported, "StartLayout");
        assert!(layout.outcome == Outcome::Doubtful && layout.what.contains("behind a $"), "{layout:?}");
    }
}

#[test]
fn an_id_without_end_is_looked_for_at_once() {
    let begun = std::time::Instant::now();
    let id = "_".repeat(2 * 1024 * 1024);
    let setting = json!({"settingDefinitionId": id, "simpleSettingValue": {"value": 1}});
    let left_out = imported("x", &json!({"name": "x", "settings": [{"settingInstance": setting}]}).to_string());
    assert_eq!(left_out.told[0].outcome, Outcome::LeftOut);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}
