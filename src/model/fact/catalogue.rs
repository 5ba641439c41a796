//! Every fact that devices are asked for. The table is data; docs/inventory.md shows it and a test compares the two.

use super::definition::{Definition, FactKind, Plan, Reading};
use super::editions::EDITIONS;

use Plan::{Days, EachSession, FirstContact};

/// All facts, by groups in the order in which they are shown.
pub const fn catalogue() -> &'static [Definition] {
    CATALOGUE
}

const fn text(name: &'static str, title: &'static str, node: &'static str, plan: Plan) -> Definition {
    let (kind, reading) = (FactKind::Text, Reading::Plain);
    Definition { name, title, node, kind, reading, unit: None, plan, since: None, sensitive: false, history: true }
}

const fn number(name: &'static str, title: &'static str, node: &'static str, plan: Plan) -> Definition {
    Definition { kind: FactKind::Integer, ..text(name, title, node, plan) }
}

const fn bool(name: &'static str, title: &'static str, node: &'static str, plan: Plan) -> Definition {
    Definition { kind: FactKind::Bool, ..text(name, title, node, plan) }
}

const fn time(name: &'static str, title: &'static str, node: &'static str, plan: Plan) -> Definition {
    Definition { kind: FactKind::Time, ..text(name, title, node, plan) }
}

/// The names of the nodes below a node.
const fn list(name: &'static str, title: &'static str, node: &'static str, plan: Plan) -> Definition {
    Definition { kind: FactKind::List, reading: Reading::Children, ..text(name, title, node, plan) }
}

type Words = &'static [(i64, &'static str)];

impl Definition {
    /// A number that stands for a word.
    const fn words(self, words: Words) -> Self {
        Self { reading: Reading::Words(words), ..self }
    }

    const fn reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }

    const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    const fn since(self, build: u32) -> Self {
        Self { since: Some(build), ..self }
    }

    const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Changes all the time: its former values say nothing.
    const fn fleeting(self) -> Self {
        Self { history: false, ..self }
    }
}

/// How well a protection works, by Windows Security (CSP `DeviceStatus`).
const PROTECTION: Words =
    &[(0, "on"), (1, "disabled"), (2, "partly off"), (3, "not monitoring for now"), (4, "not applicable")];
const SIGNATURES: Words = &[(0, "outdated"), (1, "current"), (2, "not applicable")];
const GUARD: Words =
    &[(0, "running"), (1, "reboot required"), (2, "not licensed"), (3, "not configured"), (4, "VBS not running")];
const VBS: Words = &[
    (0, "running"),
    (1, "reboot required"),
    (2, "64-bit architecture required"),
    (3, "not licensed"),
    (4, "not configured"),
    (5, "hardware requirements not met"),
    (42, "other"),
];
const INTEGRITY: Words = &[(0, "running"), (1, "reboot required"), (2, "not configured"), (3, "VBS not running")];
const PROCESSORS: Words = &[(0, "x86"), (5, "ARM"), (6, "Itanium"), (9, "x64"), (12, "ARM64")];
const SWITCH: Words = &[(1, "on"), (2, "off")];

#[rustfmt::skip]
const CATALOGUE: &[Definition] = &[
    text("device.name", "name", "./DevDetail/Ext/Microsoft/DeviceName", Days(1)),
    text("device.dns_name", "DNS name", "./DevDetail/Ext/Microsoft/DNSComputerName", Days(1)).since(19041),
    text("device.manufacturer", "manufacturer", "./DevInfo/Man", FirstContact),
    text("device.model", "model", "./DevInfo/Mod", FirstContact),
    text("device.oem", "maker, by its firmware", "./DevDetail/OEM", FirstContact),
    text("device.type", "type of the client", "./DevDetail/DevTyp", FirstContact),
    text("device.serial", "serial number", "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber", FirstContact).since(17763).sensitive(),
    text("device.sku", "SKU of its maker", "./DevDetail/Ext/Microsoft/SystemSKU", FirstContact),
    text("device.hardware_id", "hardware id of the client", "./Vendor/MSFT/DMClient/HWDevID", FirstContact).sensitive(),
    text("device.language", "language", "./DevInfo/Lang", Days(7)),
    text("device.domain", "domain", "./Vendor/MSFT/DeviceStatus/DomainName", Days(1)).since(17134),
    text("device.dm_version", "version of the client", "./DevInfo/DmV", Days(7)),
    list("device.tags", "tags", "", Plan::Given),
    time("device.local_time", "its clock", "./DevDetail/Ext/Microsoft/LocalTime", EachSession).fleeting(),
    text("os.version", "version of Windows", "./DevDetail/SwV", EachSession),
    number("os.build", "build", "./DevDetail/SwV", EachSession).reading(Reading::Build),
    number("os.revision", "monthly update", "./DevDetail/SwV", EachSession).reading(Reading::Revision),
    text("os.platform", "product, by its own word", "./DevDetail/Ext/Microsoft/OSPlatform", Days(7)),
    text("os.edition", "edition", "./Vendor/MSFT/DeviceStatus/OS/Edition", Days(1)).words(EDITIONS).since(15063),
    number("os.edition_id", "edition, as a number", "./Vendor/MSFT/DeviceStatus/OS/Edition", Days(1)).since(15063),
    text("os.mode", "mode", "./Vendor/MSFT/DeviceStatus/OS/Mode", Days(7)).words(&[(0, "standard"), (1, "S mode")]).since(17134),
    number("os.license_status", "status of its licence", "./Vendor/MSFT/WindowsLicensing/Status", Days(7)),
    text("os.license_type", "kind of its licence key", "./Vendor/MSFT/WindowsLicensing/LicenseKeyType", Days(7)),
    number("hardware.memory", "memory", "./DevDetail/Ext/Microsoft/TotalRAM", FirstContact).unit("MB"),
    text("hardware.architecture", "processor architecture", "./DevDetail/Ext/Microsoft/ProcessorArchitecture", FirstContact).words(PROCESSORS),
    number("hardware.processor_type", "processor type", "./DevDetail/Ext/Microsoft/ProcessorType", FirstContact),
    text("hardware.firmware", "version of the firmware", "./DevDetail/FwV", Days(7)),
    text("hardware.version", "version of the hardware", "./DevDetail/HwV", FirstContact),
    text("hardware.smbios_version", "version of the SMBIOS", "./DevDetail/Ext/Microsoft/SMBIOSVersion", Days(7)).since(19041),
    text("hardware.resolution", "screen", "./DevDetail/Ext/Microsoft/Resolution", Days(7)),
    number("storage.total", "storage", "./DevDetail/Ext/Microsoft/TotalStorage", FirstContact).unit("MB"),
    number("storage.free", "free storage", "./DevDetail/Ext/Microsoft/FreeStorage", EachSession).unit("MB"),
    number("battery.charge", "charge", "./Vendor/MSFT/DeviceStatus/Battery/EstimatedChargeRemaining", EachSession).unit("%").since(15063).fleeting(),
    number("battery.runtime", "time left", "./Vendor/MSFT/DeviceStatus/Battery/EstimatedRuntime", EachSession).unit("s").since(15063).fleeting(),
    number("battery.status", "status of the battery", "./Vendor/MSFT/DeviceStatus/Battery/Status", Days(1)).since(15063),
    list("network.macs", "network cards", "./Vendor/MSFT/DeviceStatus/NetworkIdentifiers", Days(1)).sensitive(),
    text("network.wlan_mac", "MAC address of the WLAN", "./DevDetail/Ext/WLANMACAddress", FirstContact).sensitive(),
    text("network.wlan_ipv4", "IPv4 address in the WLAN", "./DevDetail/Ext/WlanIPv4Address", EachSession).sensitive(),
    text("network.wlan_ipv6", "IPv6 address in the WLAN", "./DevDetail/Ext/WlanIPv6Address", EachSession).sensitive(),
    text("network.wlan_dns_suffix", "DNS suffix in the WLAN", "./DevDetail/Ext/WlanDnsSuffix", Days(1)),
    list("network.wifi_profiles", "Wi-Fi profiles of the server", "./Vendor/MSFT/WiFi/Profile", Days(1)),
    list("network.vpn_profiles", "VPN profiles of the server", "./Vendor/MSFT/VPNv2", Days(1)),
    text("security.secure_boot", "Secure Boot", "./Vendor/MSFT/DeviceStatus/SecureBootState", Days(1)).words(&[(0, "not supported"), (1, "on"), (2, "off")]),
    text("security.tpm_version", "TPM", "./Vendor/MSFT/DeviceStatus/TPM/SpecificationVersion", Days(7)).since(15063),
    text("security.tpm_manufacturer", "maker of the TPM", "./Vendor/MSFT/DeviceStatus/TPM/ManufacturerIdTxt", Days(30)).since(22000),
    text("security.tpm_firmware", "firmware of the TPM", "./Vendor/MSFT/DeviceStatus/TPM/ManufacturerVersion", Days(7)).since(22000),
    text("security.antivirus", "antivirus", "./Vendor/MSFT/DeviceStatus/Antivirus/Status", Days(1)).words(PROTECTION).since(15063),
    text("security.antivirus_signatures", "antivirus signatures", "./Vendor/MSFT/DeviceStatus/Antivirus/SignatureStatus", Days(1)).words(SIGNATURES).since(15063),
    text("security.antispyware", "antispyware", "./Vendor/MSFT/DeviceStatus/Antispyware/Status", Days(1)).words(PROTECTION).since(15063),
    text("security.antispyware_signatures", "antispyware signatures", "./Vendor/MSFT/DeviceStatus/Antispyware/SignatureStatus", Days(1)).words(SIGNATURES).since(15063),
    text("security.firewall", "firewall", "./Vendor/MSFT/DeviceStatus/Firewall/Status", Days(1)).words(PROTECTION).since(15063),
    number("security.uac", "user account control", "./Vendor/MSFT/DeviceStatus/UAC/Status", Days(1)).since(15063),
    bool("security.encrypted", "encrypted", "./Vendor/MSFT/DeviceStatus/Compliance/EncryptionCompliance", Days(1)),
    text("security.vbs", "virtualization-based security", "./Vendor/MSFT/DeviceStatus/DeviceGuard/VirtualizationBasedSecurityStatus", Days(7)).words(VBS).since(17134),
    text("security.credential_guard", "Credential Guard", "./Vendor/MSFT/DeviceStatus/DeviceGuard/LsaCfgCredGuardStatus", Days(7)).words(GUARD).since(17134),
    text("security.memory_integrity", "memory integrity", "./Vendor/MSFT/DeviceStatus/DeviceGuard/HypervisorEnforcedCodeIntegrityStatus", Days(7)).words(INTEGRITY).since(22000),
    text("security.boot_dma_protection", "DMA protection at boot", "./Vendor/MSFT/DeviceStatus/DMA/BootDMAProtectionStatus", Days(7)).words(SWITCH).since(22000),
    text("security.key_attestation", "attestation of the client's certificate", "./Vendor/MSFT/DeviceStatus/CertAttestation/MDMClientCertAttestation", Days(30)).since(22000),
    number("bitlocker.status", "what is missing, as bits; 0 is compliant", "./Vendor/MSFT/BitLocker/Status/DeviceEncryptionStatus", Days(1)).since(18362),
    number("bitlocker.rotation_status", "last rotation of its recovery password", "./Vendor/MSFT/BitLocker/Status/RotateRecoveryPasswordsStatus", Days(1)).since(18363),
    bool("defender.enabled", "Defender is on", "./Vendor/MSFT/Defender/Health/DefenderEnabled", Days(1)),
    bool("defender.real_time", "protects in real time", "./Vendor/MSFT/Defender/Health/RtpEnabled", Days(1)),
    bool("defender.tamper_protection", "protected against tampering", "./Vendor/MSFT/Defender/Health/TamperProtectionEnabled", Days(1)).since(18362),
    bool("defender.signatures_outdated", "signatures are outdated", "./Vendor/MSFT/Defender/Health/SignatureOutOfDate", Days(1)),
    text("defender.signature_version", "version of the signatures", "./Vendor/MSFT/Defender/Health/SignatureVersion", Days(1)),
    text("defender.engine_version", "version of the engine", "./Vendor/MSFT/Defender/Health/EngineVersion", Days(1)),
    text("defender.version", "version of Defender", "./Vendor/MSFT/Defender/Health/DefenderVersion", Days(1)),
    time("defender.quick_scan_at", "last quick scan", "./Vendor/MSFT/Defender/Health/QuickScanTime", Days(1)),
    time("defender.full_scan_at", "last full scan", "./Vendor/MSFT/Defender/Health/FullScanTime", Days(1)),
    bool("defender.reboot_required", "wants a reboot", "./Vendor/MSFT/Defender/Health/RebootRequired", Days(1)),
    number("defender.computer_state", "what it wants, as bits; 0 is clean", "./Vendor/MSFT/Defender/Health/ComputerState", Days(1)),
    bool("defender.virtual_machine", "runs in a virtual machine", "./Vendor/MSFT/Defender/Health/IsVirtualMachine", FirstContact).since(18362),
    bool("firewall.domain", "in the domain's network", "./Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall", Days(1)),
    bool("firewall.private", "in private networks", "./Vendor/MSFT/Firewall/MdmStore/PrivateProfile/EnableFirewall", Days(1)),
    bool("firewall.public", "in public networks", "./Vendor/MSFT/Firewall/MdmStore/PublicProfile/EnableFirewall", Days(1)),
    time("update.last_scan_at", "last search for updates", "./Vendor/MSFT/Update/LastSuccessfulScanTime", Days(1)),
    list("update.installed", "updates that are installed", "./Vendor/MSFT/Update/InstalledUpdates", Days(1)),
    list("update.failed", "updates that failed", "./Vendor/MSFT/Update/FailedUpdates", Days(1)),
    list("update.pending_reboot", "updates that wait for a reboot", "./Vendor/MSFT/Update/PendingRebootUpdates", Days(1)),
    list("apps.msi", "MSI product codes", "./Vendor/MSFT/EnterpriseDesktopAppManagement/MSI", Days(1)),
    list("apps.store", "apps of the store", "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/AppStore", Days(1)),
    list("apps.sideloaded", "apps that are not of the store", "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/nonStore", Days(1)),
    list("apps.user_msi", "MSI product codes of the user", "./User/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI", Days(1)).sensitive(),
    list("certificates.root", "trusted roots of the server, by thumbprint", "./Vendor/MSFT/RootCATrustedCertificates/Root", Days(1)),
    list("certificates.intermediate", "intermediates of the server, by thumbprint", "./Vendor/MSFT/RootCATrustedCertificates/CA", Days(1)),
    list("certificates.scep", "SCEP enrollments", "./Vendor/MSFT/ClientCertificateInstall/SCEP", Days(1)),
    list("certificates.pfx", "PFX certificates", "./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall", Days(1)),
    list("hello.tenants", "tenants with policies for Windows Hello", "./Vendor/MSFT/PassportForWork", Days(7)),
    list("accounts.users", "accounts that the server made", "./Vendor/MSFT/Accounts/Users", Days(7)).sensitive(),
    text("user.login", "who is signed in", "", Plan::Told),
    text("user.name", "name of the person whose device it is", "", Plan::Directory).sensitive(),
    list("user.groups", "groups", "", Plan::Directory).sensitive(),
    text("user.display_name", "what people call them", "", Plan::Directory).sensitive(),
    text("user.given_name", "given name", "", Plan::Directory).sensitive(),
    text("user.family_name", "family name", "", Plan::Directory).sensitive(),
    text("user.email", "mail address", "", Plan::Directory).sensitive(),
    text("user.phone", "telephone", "", Plan::Directory).sensitive(),
    text("user.department", "department", "", Plan::Directory).sensitive(),
    text("user.job_title", "job title", "", Plan::Directory).sensitive(),
    text("user.company", "company", "", Plan::Directory).sensitive(),
    text("user.office", "office", "", Plan::Directory).sensitive(),
    text("user.city", "city", "", Plan::Directory).sensitive(),
    text("user.country", "country", "", Plan::Directory).sensitive(),
    text("user.language", "language", "", Plan::Directory).sensitive(),
    text("user.employee_id", "number as an employee", "", Plan::Directory).sensitive(),
    text("user.employee_type", "kind of employment", "", Plan::Directory).sensitive(),
    text("user.cost_center", "cost center", "", Plan::Directory).sensitive(),
    text("user.manager", "manager", "", Plan::Directory).sensitive(),
    text("user.custom_1", "attribute of one's own, 1", "", Plan::Directory).sensitive(),
    text("user.custom_2", "attribute of one's own, 2", "", Plan::Directory).sensitive(),
    text("user.custom_3", "attribute of one's own, 3", "", Plan::Directory).sensitive(),
    text("user.custom_4", "attribute of one's own, 4", "", Plan::Directory).sensitive(),
    text("user.custom_5", "attribute of one's own, 5", "", Plan::Directory).sensitive(),
    text("user.custom_6", "attribute of one's own, 6", "", Plan::Directory).sensitive(),
    text("user.custom_7", "attribute of one's own, 7", "", Plan::Directory).sensitive(),
    text("user.custom_8", "attribute of one's own, 8", "", Plan::Directory).sensitive(),
    list("client.providers", "configuration service providers and their versions", "./Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions", Days(7)).reading(Reading::CspVersions),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fact_has_one_name_and_a_node_that_can_be_read() {
        let names: BTreeSet<&str> = catalogue().iter().map(|fact| fact.name).collect();
        assert_eq!(names.len(), catalogue().len());
        assert!(names.len() >= 50);
        for fact in catalogue() {
            assert!(
                fact.loc_uri().is_some() != matches!(fact.plan, Plan::Given | Plan::Directory | Plan::Told),
                "{}",
                fact.node
            );
            assert_eq!(fact.fact_name().definition(), fact);
            let mut parts = fact.name.split('.');
            let word = |part: Option<&str>| {
                part.is_some_and(|part| part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')))
            };
            assert!(word(parts.next()) && word(parts.next()) && parts.next().is_none(), "{}", fact.name);
            let is_list = matches!(fact.reading, Reading::Children | Reading::CspVersions);
            assert_eq!(fact.kind == FactKind::List, is_list, "{}", fact.name);
        }
    }

    #[test]
    fn groups_stand_together() {
        let groups: Vec<&str> = catalogue().iter().map(Definition::group).collect();
        let mut runs = groups.clone();
        runs.dedup();
        assert_eq!(runs.len(), groups.iter().collect::<BTreeSet<_>>().len(), "{runs:?}");
    }

    #[test]
    fn only_nodes_of_the_user_wait_for_the_user() {
        let of_user: Vec<&str> = catalogue().iter().filter(|fact| fact.needs_user()).map(|fact| fact.name).collect();
        assert_eq!(of_user, ["apps.user_msi"]);
    }
}
