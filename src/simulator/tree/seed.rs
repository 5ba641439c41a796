//! A device as it leaves enrollment: the values that make it differ from others, drawn from a seed.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use transom_protocol::enrollment::{CredentialSide, secret_node};
use transom_protocol::session::LoginStatus;
use transom_protocol::syncml::Format;

use super::Tree;
use super::node::Node;
use super::path::{Path, escape};

/// Makers and models; none of them exists.
const MODELS: [(&str, &str); 4] = [
    ("Contoso Computers", "Lapwing 14 G3"),
    ("Fabrikam, Inc.", "Desk Mini 900"),
    ("Northwind Devices", "Slate 12 & Pen"),
    ("Tailspin Toys", "Workstation <W7>"),
];

impl Tree {
    /// The tree of a Windows 11 device that is enrolled with `provider_id`. The same seed makes the same device.
    pub fn windows_11(device_id: &str, provider_id: &str, server_url: &str, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut root = Node::default();
        let (maker, model) = MODELS[random.random_range(0..MODELS.len())];
        let serial = format!("SIM{:09}", random.random_range(0..1_000_000_000_u32));
        let name = format!("DESKTOP-{:07X}", random.random_range(0..0x1000_0000_u32));
        let disk: u32 = [131_072, 262_144, 524_288][random.random_range(0..3)];
        let mac: String =
            random.random::<[u8; 5]>().iter().fold("02".to_owned(), |mac, byte| format!("{mac}{byte:02X}"));
        let address = format!("10.0.{}.{}", random.random_range(0..256_u16), random.random_range(1..255_u16));
        let hardware: String =
            random.random::<[u8; 32]>().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));

        let mut text = |uri: &str, data: &str| root.plant(uri, Format::Chr, data);
        text("./DevInfo/DevId", device_id);
        text("./DevInfo/Man", maker);
        text("./DevInfo/Mod", model);
        text("./DevDetail/OEM", maker);
        text("./DevDetail/Ext/DeviceHardwareData", &hardware.repeat(8));
        text("./DevDetail/Ext/WLANMACAddress", &mac);
        text("./DevDetail/Ext/WlanIPv4Address", &address);
        text("./DevDetail/Ext/Microsoft/DeviceName", &name);
        text("./DevDetail/Ext/Microsoft/DNSComputerName", &name);
        text("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber", &serial);
        text("./Vendor/MSFT/DMClient/HWDevID", &hardware);
        let network = format!("./Vendor/MSFT/DeviceStatus/NetworkIdentifiers/{}", escape(&mac));
        text(&format!("{network}/IPAddressV4"), &address);
        let provider = format!("./Vendor/MSFT/DMClient/Provider/{}", escape(provider_id));
        text(&format!("{provider}/HWDevID"), &hardware);
        text(&format!("{provider}/ManagementServiceAddress"), server_url);
        for side in [CredentialSide::Client, CredentialSide::Server] {
            text(&secret_node(provider_id, side), "");
        }
        let store = "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/AppStore";
        text(&format!("{store}/Contoso.Notes_8wekyb3d8bbwe/Name"), "Contoso.Notes");
        text(&format!("{store}/Contoso.Notes_8wekyb3d8bbwe/Version"), "2.4.1.0");
        text(&format!("{store}/Fabrikam.Draw_h91ms92gdsmmt/Name"), "Fabrikam.Draw");
        text(&format!("{store}/Fabrikam.Draw_h91ms92gdsmmt/Version"), "11.0.3.0");

        let mut number = |uri: &str, value: u32| root.plant(uri, Format::Int, value.to_string());
        number("./DevDetail/Ext/Microsoft/TotalRAM", 16_384);
        number("./DevDetail/Ext/Microsoft/TotalStorage", disk);
        number("./DevDetail/Ext/Microsoft/FreeStorage", disk / 3);
        number(&format!("{provider}/Poll/NumberOfFirstRetries"), 8);
        number(&format!("{provider}/Poll/IntervalForFirstSetOfRetries"), 15);
        number(&format!("{provider}/Poll/NumberOfSecondRetries"), 5);
        number(&format!("{provider}/Poll/IntervalForSecondSetOfRetries"), 3);
        number(&format!("{provider}/Poll/NumberOfRemainingScheduledRetries"), 0);
        number(&format!("{provider}/Poll/IntervalForRemainingScheduledRetries"), 480);
        Self {
            root,
            login: LoginStatus::User,
            work: Vec::new(),
            lacks: 0,
            install_sessions: 0,
            uploads: Vec::new(),
            collected: BTreeSet::new(),
            protected: Vec::new(),
            channel: None,
        }
    }

    /// A secret that the server has set since the device enrolled; it can be set and never read.
    pub fn changed_secret(&self, provider_id: &str, side: CredentialSide) -> Option<&str> {
        let (path, _) = Path::parse(&secret_node(provider_id, side)).ok()?;
        let stored = self.root.at(&path.segments)?.value.as_ref()?;
        Some(stored.data.as_str()).filter(|secret| !secret.is_empty())
    }

    /// Sets what a provisioning document said below `DMClient/Provider/…`.
    pub fn provision(&mut self, provider_id: &str, parms: &BTreeMap<String, String>) {
        let provider = format!("./Vendor/MSFT/DMClient/Provider/{}", escape(provider_id));
        for (name, value) in parms {
            let format = match value.as_str() {
                "true" | "false" => Format::Bool,
                _ if name.starts_with("Poll/") => Format::Int,
                _ => Format::Chr,
            };
            self.root.plant(&format!("{provider}/{name}"), format, value.as_str());
        }
    }
}
