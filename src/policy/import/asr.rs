//! The rules of attack surface reduction, which Intune has as settings of their own below one node of Windows. Their
//! names are those of Intune, the ids those of Microsoft's reference of the rules.

use serde_json::Value as Json;

use super::text_of;

/// What the group of them is called in a settings catalogue.
pub(super) const GROUP: &str = "device_vendor_msft_policy_config_defender_attacksurfacereductionrules";

/// The node that takes them.
pub(super) const ADDRESS: &str = "./Device/Vendor/MSFT/Policy/Config/Defender/AttackSurfaceReductionRules";

/// The node that takes what a rule leaves alone.
pub(super) const EXCLUSIONS: &str = "./Device/Vendor/MSFT/Defender/Configuration/ASROnlyPerRuleExclusions";

const STATES: [(&str, u8); 4] = [("off", 0), ("block", 1), ("audit", 2), ("warn", 6)];

const RULES: [(&str, &str); 19] = [
    ("blockabuseofexploitedvulnerablesigneddrivers", "56a863a9-875e-4185-98a7-b882c64b5ce5"),
    ("blockadobereaderfromcreatingchildprocesses", "7674ba52-37eb-4a4f-a9a1-f0f9a1619a2c"),
    ("blockallofficeapplicationsfromcreatingchildprocesses", "d4f940ab-401b-4efc-aadc-ad5f3c50688a"),
    ("blockcredentialstealingfromwindowslocalsecurityauthoritysubsystem", "9e6c4e1f-7d60-472f-ba1a-a39ef669e4b2"),
    ("blockexecutablecontentfromemailclientandwebmail", "be9ba2d9-53ea-4cdc-84e5-9b1eeee46550"),
    (
        "blockexecutablefilesrunningunlesstheymeetprevalenceagetrustedlistcriterion",
        "01443614-cd74-433a-b99e-2ecdc07bfc25",
    ),
    ("blockexecutionofpotentiallyobfuscatedscripts", "5beb7efe-fd9a-4556-801d-275e5ffc04cc"),
    ("blockjavascriptorvbscriptfromlaunchingdownloadedexecutablecontent", "d3e037e1-3eb8-44c8-a917-57927947596d"),
    ("blockofficeapplicationsfromcreatingexecutablecontent", "3b576869-a4ec-4529-8536-b80a7769e899"),
    ("blockofficeapplicationsfrominjectingcodeintootherprocesses", "75668c1f-73b5-4cf0-bb93-3ecf5cb7cc84"),
    ("blockofficecommunicationappfromcreatingchildprocesses", "26190899-1602-49e8-8b27-eb1d0a1ce869"),
    ("blockpersistencethroughwmieventsubscription", "e6db77e5-3df2-4cf1-b95a-636979351e5b"),
    ("blockprocesscreationsfrompsexecandwmicommands", "d1e49aac-8f56-4280-b9ba-993a6d77406c"),
    ("blockrebootingmachineinsafemode", "33ddedf1-c6e0-47cb-833e-de6133960387"),
    ("blockuntrustedunsignedprocessesthatrunfromusb", "b2b3f03d-6a65-4f7b-a9c7-1c7ef74a9ba4"),
    ("blockuseofcopiedorimpersonatedsystemtools", "c0033c00-d16d-4114-a5a0-dc9b3a7d2ceb"),
    ("blockwebshellcreationforservers", "a8f5898e-1dc8-49a9-9878-85004b8a61e6"),
    ("blockwin32apicallsfromofficemacros", "92e97fa1-2edf-4476-bdd6-9dd0b4dddc7b"),
    ("useadvancedprotectionagainstransomware", "c1db55ab-c21a-4637-bb3f-a12568109d35"),
];

/// A rule as the node takes it: its id and its state.
pub(super) fn rule(instance: &Json) -> Option<String> {
    let id = text_of(instance, "settingDefinitionId")?.to_ascii_lowercase();
    let chosen = text_of(instance.get("choiceSettingValue")?, "value")?.to_ascii_lowercase();
    let name = id.strip_prefix(GROUP)?.strip_prefix('_')?;
    let word = chosen.strip_prefix(&id)?.strip_prefix('_')?;
    let (_, rule) = RULES.iter().find(|(known, _)| *known == name)?;
    let (_, state) = STATES.iter().find(|(known, _)| *known == word)?;
    Some(format!("{rule}={state}"))
}
