//! Which nodes hold secrets: the one rule for journal, API and pages.
//!
//! 1. A node that is listed in [`SECRET_NODES`] is secret, wherever it stands.
//! 2. Settings *about* secrets, [`HARMLESS`] and whatever stands below a `Policies`, are not: somebody who helps has to
//!    see that a password needs twelve characters.
//! 3. Of all others, a node is secret when any segment of its path contains one of [`SECRET_WORDS`], or when its own
//!    name ends with `key`, unless that is a public one. So a node that nobody has heard of yet is hidden rather than
//!    shown.
//!
//! Percent escapes and letter case make no difference.

/// Nodes, by the name of any one segment, whose value is or holds a secret although the name need not tell.
const SECRET_NODES: &[&str] = &[
    "aauthdata",          // SyncML/DMAcc/*/AppAuth/*/AAuthData: nonce of a credential
    "aauthsecret",        // SyncML/DMAcc/*/AppAuth/*/AAuthSecret
    "wlanxml",            // WiFi/Profile/*/WlanXml: holds keyMaterial
    "profilexml",         // VPNv2/*/ProfileXML: may hold shared keys and credentials
    "l2tppsk",            // VPNv2/*/NativeProfile/L2tpPsk
    "pfxcertblob",        // ClientCertificateInstall/PFXCertInstall/*/PFXCertBlob: a private key
    "pfxcertpassword",    // ClientCertificateInstall/PFXCertInstall/*/PFXCertPassword
    "changeproductkey",   // WindowsLicensing/ChangeProductKey
    "triggerattestation", // HealthAttestation/TriggerAttestation: JSON with an Entra token
    "onboarding",         // WindowsAdvancedThreatProtection/Onboarding: whoever has it can enroll sensors
    "workspacekey",       // SurfaceHub/MOMAgent/WorkspaceKey
    "matchingid",         // eUICCs/*/Profiles/*/…: fetches a SIM profile
    "channeluri",         // DMClient/Provider/*/Push/ChannelURI: whoever has it can push
    "newpinvalue",        // RemoteLock/NewPINValue
    "newpin",
    "pincode",
    "pinvalue",
    "pin",
    "puk",
    "psk",
];

/// Words that make a node secret when they occur in any segment of its path.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "token",
    "challenge", // SCEP
    "privatekey",
    "recoverykey",
    "sharedkey", // and PreSharedKey
    "productkey",
    "accesskey",
    "apikey",
    "keymaterial",
    "sasurl",         // DiagnosticArchive: whoever has the address can write there
    "activationcode", // eUICCs
    "domainjoin",     // OfflineDomainJoin: the blob holds the password of the machine account
];

/// Nodes whose names contain such a word and whose values are no secrets: settings, states and kinds. Counted from
/// below `./Vendor/MSFT`; `*` stands for one segment, a final `**` for anything below.
const HARMLESS: &[&str] = &[
    "policy/config/**",
    "policy/result/**",
    "policy/configoperations/**",
    "devicelock/**",
    "bitlocker/configurerecoverypasswordrotation",
    "bitlocker/rotaterecoverypasswords", // takes the id of a request
    "bitlocker/status/rotaterecoverypasswordsrequestid",
    "bitlocker/status/rotaterecoverypasswordsstatus",
    "laps/actions/resetpassword", // takes nothing
    "laps/actions/resetpasswordstatus",
    "accounts/users/*/localusergroup", // of a user with a telling name
    "applicationcontrol/tokens/*/tokeninfo/**",
    "clientcertificateinstall/pfxcertinstall/*/pfxcertpasswordencryptionstore",
    "clientcertificateinstall/pfxcertinstall/*/pfxcertpasswordencryptiontype",
    "clientcertificateinstall/scep/*/install/attestprivatekey",
    "dmclient/provider/*/aadsenddevicetoken",
    "dmclient/provider/*/forceaadtoken",
    "enterprisemodernappmanagement/appmanagement/**", // names of apps
    "firewall/mdmstore/global/presharedkeyencoding",
    "remoteremediation/cloudremediationsettings/networksettings/networkcredentials/networkpasswordencryptionstore",
    "remoteremediation/cloudremediationsettings/networksettings/networkcredentials/networkpasswordencryptiontype",
    "remoteremediation/cloudremediationsettings/networksettings/networkcredentials/networkssid",
    "surfacehub/deviceaccount/passwordrotationenabled",
    "surfacehub/deviceaccount/passwordrotationperiod",
    "vpnv2/*/remembercredentials",
    "vpnv2/*/userascredentials",
];

/// Whether the value of a node is a secret, judged by its URI.
///
/// ```
/// use transom_protocol::syncml::redact::is_secret;
///
/// assert!(is_secret("./Device/Vendor/MSFT/Accounts/Users/alice/Password"));
/// assert!(!is_secret("./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"));
/// ```
pub fn is_secret(loc_uri: &str) -> bool {
    let uri = plain(loc_uri);
    let path: Vec<&str> = uri.split(['/', '?']).map(str::trim).filter(|segment| !segment.is_empty()).collect();
    if path.iter().any(|segment| SECRET_NODES.contains(segment)) {
        return true;
    }
    let is_key = path.last().is_some_and(|name| name.ends_with("key") && !name.ends_with("publickey"));
    let telling = is_key || contains_word(&uri) || path.iter().any(|segment| is_psk(segment));
    telling && !is_harmless(&path)
}

/// Whether a type (MIME type of a value, type of an alert) promises a secret, such as
/// `com.microsoft/MDM/AADUserToken`.
pub(super) fn is_secret_type(mime: &str) -> bool {
    let mime = plain(mime);
    contains_word(&mime) || mime.contains("pkcs12") || mime.contains("pkcs8")
}

/// Whether the name of an element or attribute inside a value, or an id that stands for one, announces a secret. Stricter
/// than for nodes: the name has to end with the word, because `OSRecoveryPasswordUsage` is a setting of `BitLocker`.
///
/// ```
/// use transom_protocol::syncml::redact::names_secret;
///
/// assert!(names_secret("ProxyPassword") && !names_secret("PasswordLength"));
/// ```
pub fn names_secret(name: &str) -> bool {
    let name = plain(name.rsplit('/').next().unwrap_or(name));
    let name = name.trim();
    SECRET_NODES.contains(&name) || SECRET_WORDS.iter().any(|word| name.ends_with(word))
}

/// A URI or a name without escapes and capitals. What an escape stands for does not divide a path: the slash in the name
/// of a Wi-Fi network is part of one segment.
fn plain(text: &str) -> String {
    if !text.contains('%') {
        return text.to_ascii_lowercase();
    }
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().to_ascii_lowercase();
    let parts: Vec<String> = text.split('/').map(|part| decode(part).replace(['/', '?'], "\u{1}")).collect();
    parts.join("/")
}

fn contains_word(text: &str) -> bool {
    SECRET_WORDS.iter().any(|word| text.contains(word))
}

/// `L2tpPsk`, `PskValue`; but not the `psk` in `DesktopSkin`.
fn is_psk(name: &str) -> bool {
    name.starts_with("psk") || name.ends_with("psk")
}

fn is_harmless(path: &[&str]) -> bool {
    let mut below = path;
    for root in [&["."][..], &["device", "user"], &["vendor"], &["msft"]] {
        if let Some((first, rest)) = below.split_first()
            && root.contains(first)
        {
            below = rest;
        }
    }
    // `LAPS/Policies/PasswordLength`, `PassportForWork/*/Policies/PINComplexity/…`
    let has_policies = below.iter().skip(1).rev().skip(1).any(|segment| *segment == "policies");
    has_policies || HARMLESS.iter().any(|pattern| matches(pattern, below))
}

fn matches(pattern: &str, path: &[&str]) -> bool {
    let mut path = path.iter();
    for wanted in pattern.split('/') {
        match (wanted, path.next()) {
            ("**", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(segment)) if wanted == *segment => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_secret() {
        for uri in [
            "./Vendor/Contoso/Wifi/WifiKey",
            "./SyncML/DMAcc/acc1/AppAuth/CLCRED/AAuthSecret",
            "./SyncML/DMAcc/acc1/AppAuth/CLCRED/AAuthData",
            "./Device/Vendor/MSFT/BitLocker/RecoveryPassword",
            "./Device/Vendor/MSFT/BitLocker/Status/RecoveryKeys/1",
            "./Device/Vendor/MSFT/LAPS/Password",
            "./Vendor/MSFT/WiFi/Profile/My%20Net/WlanXml",
            "./User/Vendor/MSFT/WiFi/Profile/a%2Fb/WlanXml",
            "./Device/Vendor/MSFT/VPNv2/Office/ProfileXML",
            "./Device/Vendor/MSFT/VPNv2/Office/NativeProfile/L2tpPsk",
            "./User/Vendor/MSFT/VPNv2/Office/APNBinding/Password",
            "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/id/PFXCertBlob",
            "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/id/PFXCertPassword",
            "./User/Vendor/MSFT/ClientCertificateInstall/SCEP/id/Install/Challenge",
            "./Device/Vendor/MSFT/CertificateStore/MY/SCEP/id/Install/Challenge",
            "./Device/Vendor/MSFT/Accounts/Users/bob/Password",
            "./Vendor/MSFT/WindowsLicensing/UpgradeEditionWithProductKey",
            "./Vendor/MSFT/WindowsLicensing/ChangeProductKey",
            "./User/Vendor/MSFT/EMAIL2/%7Bguid%7D/AUTHSECRET",
            "./User/Vendor/MSFT/EMAIL2/%7Bguid%7D/SMTPALTPASSWORD",
            "./User/Vendor/MSFT/ActiveSync/Accounts/%7Bguid%7D/Password",
            "./Vendor/MSFT/OfflineDomainJoin/Blob",
            "./Device/Vendor/MSFT/RemoteLock/NewPINValue",
            "./Vendor/MSFT/SurfaceHub/MOMAgent/WorkspaceKey",
            "./Vendor/MSFT/RemoteRemediation/CloudRemediationSettings/NetworkSettings/NetworkCredentials/NetworkPassword",
            // Nobody knows these.
            "./Vendor/Contoso/Thing/AdminPassword",
            "./Vendor/Contoso/Secrets/First",
            "./Vendor/Contoso/Thing/PskValue",
            "./Vendor/Contoso/PasswordLength",
            "./Policies/Password",
            "Password",
        ] {
            assert!(is_secret(uri), "{uri}");
        }
    }

    #[test]
    fn settings_about_secrets_are_not() {
        for uri in [
            "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength",
            "./Device/Vendor/MSFT/Policy/Config/DeviceLock/DevicePasswordEnabled",
            "./Device/Vendor/MSFT/Policy/Result/DeviceLock/PasswordComplexity",
            "./User/Vendor/MSFT/Policy/Config/Browser/AllowPasswordManager",
            "./Vendor/MSFT/Policy/Config/CredentialsUI/DisablePasswordReveal",
            "./Device/Vendor/MSFT/BitLocker/SystemDrivesRecoveryOptions",
            "./Device/Vendor/MSFT/BitLocker/SystemDrivesMinimumPINLength",
            "./Device/Vendor/MSFT/BitLocker/ConfigureRecoveryPasswordRotation",
            "./Device/Vendor/MSFT/BitLocker/Status/RotateRecoveryPasswordsStatus",
            "./Device/Vendor/MSFT/LAPS/Policies/PasswordLength",
            "./Device/Vendor/MSFT/LAPS/Actions/ResetPasswordStatus",
            "./Device/Vendor/MSFT/PassportForWork/tenant/Policies/PINComplexity/MinimumPINLength",
            "./Device/Vendor/MSFT/DMClient/Provider/P/ForceAadToken",
            "./Vendor/MSFT/SurfaceHub/DeviceAccount/PasswordRotationPeriod",
            "./User/Vendor/MSFT/VPNv2/Office/RememberCredentials",
            "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/id/PFXCertPasswordEncryptionType",
            "./Device/Vendor/MSFT/RemoteLock/LockAndResetPIN",
        ] {
            assert!(!is_secret(uri), "{uri}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for uri in [
            "",
            ".",
            "./DevInfo/Man",
            "./DevDetail/SwV",
            "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera",
            "./Device/Vendor/MSFT/Reboot/RebootNow",
            "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions",
            "./Vendor/MSFT/WiFi/Profile",
            "./Device/Vendor/MSFT/RootCATrustedCertificates/Root/AB/EncodedCertificate",
            "./Vendor/Contoso/DesktopSkin",
        ] {
            assert!(!is_secret(uri), "{uri}");
        }
    }

    #[test]
    fn spelling_hides_nothing() {
        for uri in [
            "./vendor/msft/wifi/profile/x/WLANXML",
            "./Vendor/MSFT/WiFi/Profile/x/Wlan%58ml",
            "./Vendor/MSFT/Accounts/Users/x/P%61ssw%6Frd",
            ".%2FVendor%2FMSFT%2FAccounts%2FUsers%2Fx%2FPassword",
            " ./Vendor/MSFT/Accounts/Users/x/Password ",
            "./Vendor/MSFT/Accounts//Users/x/Password/",
            "./Vendor/MSFT/Accounts/Users/x/Password?prop=Type",
            "./Vendor/MSFT/WiFi/Profile/x/WlanXml?list=StructData",
            // An escaped slash does not make a path of settings.
            "./Vendor/MSFT/Policy%2FConfig%2Fx/Password",
        ] {
            assert!(is_secret(uri), "{uri}");
        }
    }

    #[test]
    fn tables_are_in_the_form_that_is_compared() {
        for entry in SECRET_NODES.iter().chain(SECRET_WORDS).chain(HARMLESS) {
            assert_eq!(*entry, entry.to_ascii_lowercase());
        }
        for pattern in HARMLESS {
            let words = pattern.split('/').any(contains_word);
            assert!(words || pattern.contains('*'), "{pattern} needs no exception");
        }
    }

    #[test]
    fn names_inside_values_end_with_the_word() {
        for name in ["keyMaterial", "password", "sharedKey", "SasUrl", "AAUTHSECRET", "ProxyPassword", "a/b/WlanXml"] {
            assert!(names_secret(name), "{name}");
        }
        for name in ["OSRecoveryPasswordUsageDropDown_Name", "PasswordLength", "keyType", "name", ""] {
            assert!(!names_secret(name), "{name}");
        }
    }

    #[test]
    fn types_may_promise_a_secret() {
        assert!(is_secret_type("com.microsoft/MDM/AADUserToken"));
        assert!(is_secret_type("application/x-PKCS12"));
        assert!(!is_secret_type("com.microsoft/MDM/LoginStatus"));
        assert!(!is_secret_type("text/plain"));
    }
}
