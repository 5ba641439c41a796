//! No spelling of a secret gets through, and nothing else is lost.

use crate::syncml::redact::{REDACTED, redact};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;

const SECRET: &str = "5ecretValue";
const PUBLIC: &str = "publicValue";

const NODES: [&str; 8] = [
    "./SyncML/DMAcc/a/AppAuth/CLCRED/AAuthSecret",
    "./Vendor/MSFT/WiFi/Profile/n/WlanXml",
    "./Device/Vendor/MSFT/BitLocker/RecoveryPassword",
    "./User/Vendor/MSFT/VPNv2/Office/ProfileXML",
    "./Device/Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/i/PFXCertBlob",
    "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/i/Install/Challenge",
    "./Device/Vendor/MSFT/Accounts/Users/u/Password",
    "./Vendor/Contoso/Unheard/ApiToken",
];

/// A node spelled with escapes, references, blanks and other capitals.
fn spelled(node: &'static str) -> impl Strategy<Value = String> {
    vec(0..6_u8, node.len()).prop_map(move |ways| {
        let letter = |(c, way): (char, u8)| match way {
            1 if c.is_ascii_alphabetic() => format!("%{:02x}", c as u32),
            2 if c.is_ascii_alphabetic() => c.to_ascii_uppercase().to_string(),
            3 => format!("&#x{:X};", c as u32),
            4 => format!("<![CDATA[{c}]]>"),
            _ => c.to_string(),
        };
        format!("\n {} ", node.chars().zip(ways).map(letter).collect::<String>())
    })
}

/// A value in one of the ways to write one, and with something around it.
fn value() -> impl Strategy<Value = String> {
    select(vec![
        SECRET.to_owned(),
        format!("<![CDATA[{SECRET}]]>"),
        format!("a&amp;<!-- c -->{SECRET}&#13;"),
        format!("<x y='z'>{SECRET}<w/></x>"),
        format!("&lt;x&gt;{SECRET}&lt;/x&gt;"),
    ])
}

/// An item with a secret, its children in any order.
fn secret_item() -> impl Strategy<Value = String> {
    let node = select(&NODES[..]).prop_flat_map(spelled);
    (node, value(), select(vec!["Target", "Source"]), any::<bool>()).prop_flat_map(|(node, value, role, prefixed)| {
        let children = vec![
            format!("<{role}><LocName/><LocURI>{node}</LocURI></{role}>"),
            format!("<Data>{value}</Data>"),
            "<Meta><Type>text/plain</Type></Meta>".to_owned(),
            "<MoreData/>".to_owned(),
        ];
        Just(children).prop_shuffle().prop_map(move |children| {
            let item = format!("<Item>{}</Item>", children.concat());
            if prefixed {
                item.replace("</", "</p:")
                    .replace("<Item", "<p:Item")
                    .replace("<Data", "<p:Data")
                    .replace("<Target", "<p:Target")
                    .replace("<Source", "<p:Source")
                    .replace("<Loc", "<p:Loc")
                    .replace("<Meta", "<p:Meta")
                    .replace("<Type", "<p:Type")
                    .replace("</p:x>", "</x>")
            } else {
                item
            }
        })
    })
}

fn public_item() -> impl Strategy<Value = String> {
    let node = select(vec!["./DevInfo/Man", "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"]);
    node.prop_map(|node| format!("<Item><Source><LocURI>{node}</LocURI></Source><Data>{PUBLIC}</Data></Item>"))
}

fn command() -> BoxedStrategy<(String, usize)> {
    let item = prop_oneof![secret_item().prop_map(|item| (item, 0)), public_item().prop_map(|item| (item, 1))];
    let leaf = (select(vec!["Add", "Replace", "Results", "Status", "Alert", "Unknown"]), vec(item, 0..4)).prop_map(
        |(name, items)| {
            let public = items.iter().map(|(_, public)| public).sum();
            let items: String = items.into_iter().map(|(item, _)| item).collect();
            (format!("<{name}><CmdID>1</CmdID>{items}</{name}>"), public)
        },
    );
    leaf.prop_recursive(3, 12, 3, |inner| {
        vec(inner, 0..3).prop_map(|commands| {
            let public = commands.iter().map(|(_, public)| public).sum();
            let commands: String = commands.into_iter().map(|(command, _)| command).collect();
            (format!("<Atomic>{commands}</Atomic>"), public)
        })
    })
    .boxed()
}

proptest! {
    #[test]
    fn secrets_go_and_the_rest_stays(commands in vec(command(), 0..5)) {
        let public: usize = commands.iter().map(|(_, public)| public).sum();
        let body: String = commands.into_iter().map(|(command, _)| command).collect();
        let text = format!("<SyncML xmlns:p='p'><SyncHdr/><SyncBody>{body}</SyncBody></SyncML>");
        let redacted = redact(&text);
        prop_assert!(!redacted.contains(SECRET), "{redacted}");
        prop_assert_eq!(redacted.matches(PUBLIC).count(), public);
        prop_assert_eq!(redacted.matches(REDACTED).count(), text.matches(SECRET).count());
    }
}
