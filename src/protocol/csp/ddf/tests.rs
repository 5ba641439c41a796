//! Descriptions of both vocabularies, in every encoding, and what is none.

use proptest::prelude::*;

use super::*;
use crate::syncml::{Format, Verb};

const V2: &str = include_str!("../../../../fixtures/ddf/kiosk-v2.xml");
const V1: &str = include_str!("../../../../fixtures/ddf/kiosk-v1.xml");

fn node<'a>(nodes: &'a [Node], name: &str) -> &'a Node {
    nodes.iter().find(|node| node.name == NodeName::Fixed(name.to_owned())).unwrap()
}

#[test]
fn a_file_of_the_new_vocabulary() {
    let file = read(V2.as_bytes()).unwrap();
    assert_eq!((file.dialect, file.encoding, file.roots.len(), file.nodes), (Dialect::V2, Encoding::Utf8, 2, 12));
    assert_eq!(file.unknown.into_iter().collect::<Vec<_>>(), [("FutureProperty".to_owned(), 1)]);
    let root = &file.roots[0];
    assert_eq!(root.path, "./Device/Vendor/MSFT");
    assert_eq!(root.node.name, NodeName::Fixed("Kiosk".to_owned()));
    let mode = node(&root.node.children, "Mode");
    assert_eq!(mode.properties.format, Format::Int);
    assert!(mode.properties.access.allows(Verb::Replace) && !mode.properties.access.allows(Verb::Exec));
    assert_eq!(mode.properties.access.to_string(), "ADGR");
    let Some(Allowed { kind: Kind::Enum(choices), .. }) = &mode.properties.allowed else { panic!() };
    assert_eq!(choices[1], Choice { value: "0x1".to_owned(), label: Some("On & lit".to_owned()) });
    let profiles = node(&root.node.children, "Profiles");
    let profile = &profiles.children[0];
    assert_eq!(
        profile.name,
        NodeName::Dynamic { placeholder: Some("ProfileName".to_owned()), naming: Some(Naming::ServerGenerated) }
    );
    assert!(profile.properties.atomic);
    let sites = node(&profile.children, "Sites");
    assert_eq!(sites.properties.allowed.as_ref().unwrap().delimiter.as_deref(), Some("\u{F000}"));
    let needs = &node(&profile.children, "Start").properties.dependencies[0].dependencies[0];
    assert_eq!((needs.uri.as_str(), needs.not), ("./Device/Vendor/MSFT/Kiosk/Mode", false));
    assert_eq!(needs.allowed.kind, Kind::Range(vec![Range(6, 6), Range(17, 17)]));
}

#[test]
fn a_file_of_the_old_vocabulary() {
    let file = read(V1.as_bytes()).unwrap();
    assert_eq!((file.dialect, file.roots.len(), file.nodes), (Dialect::V1, 1, 5));
    assert_eq!(file.roots[0].path, "./Vendor/MSFT");
    let nodes = &file.roots[0].node.children;
    assert_eq!(node(nodes, "Level").properties.allowed.as_ref().unwrap().kind, Kind::Range(vec![Range(0, 3)]));
    assert!(node(nodes, "Level").properties.access.allows(Verb::Replace));
    let Kind::Enum(choices) = &node(nodes, "Choice").properties.allowed.as_ref().unwrap().kind else { panic!() };
    assert_eq!((choices.len(), choices[1].label.as_deref()), (2, Some("second")));
    let Kind::Admx(admx) = &node(nodes, "Backed").properties.allowed.as_ref().unwrap().kind else { panic!() };
    assert_eq!((admx.file.as_str(), admx.policy.as_str()), ("kiosk.admx", "Greeting"));
    assert!(matches!(nodes.last().unwrap().name, NodeName::Dynamic { .. }));
}

#[test]
fn a_dependency_without_a_scope_is_in_that_of_its_tree() {
    let uri = |scope: &str, written: &str| {
        let text = V2
            .replace("<Path>./Device/Vendor/MSFT/</Path>", &format!("<Path>{scope}/Vendor/MSFT</Path>"))
            .replace("Device/Vendor/MSFT/Kiosk/Mode</M:DependencyUri>", &format!("{written}</M:DependencyUri>"));
        let root = read(text.as_bytes()).unwrap().roots.remove(0).node;
        let profile = &node(&root.children, "Profiles").children[0];
        node(&profile.children, "Start").properties.dependencies[0].dependencies[0].uri.clone()
    };
    assert_eq!(uri("./User", "Vendor/MSFT/Kiosk/[P]/A"), "./User/Vendor/MSFT/Kiosk/{P}/A");
    assert_eq!(uri("./User", "Device/Vendor/MSFT/Kiosk/A"), "./Device/Vendor/MSFT/Kiosk/A");
    assert_eq!(uri("./User", "User/Vendor/MSFT/Kiosk/A"), "./User/Vendor/MSFT/Kiosk/A");
    assert_eq!(uri("./Device", "Vendor/MSFT/Kiosk/A"), "./Vendor/MSFT/Kiosk/A");
}

#[test]
fn roots_that_are_none_are_passed_over_and_told() {
    let empty = "<Node><NodeName>Root</NodeName><Path>./Device/Vendor/MSFT</Path><DFProperties><DFFormat><node/></DFFormat>\
                 </DFProperties></Node></MgmtTree>";
    let file = read(V1.replace("</MgmtTree>", empty).as_bytes()).unwrap();
    assert_eq!((file.roots.len(), file.odd.len()), (1, 1), "{:?}", file.odd);
    let twice = V1.replace("<Path>./Vendor/MSFT</Path>", "<Path>./Vendor/MSFT/OldKiosk</Path>");
    let file = read(twice.as_bytes()).unwrap();
    assert_eq!((file.roots[0].path.as_str(), file.odd.len()), ("./Vendor/MSFT", 1), "{:?}", file.odd);
    let nameless = "<Node><NodeName/><Path>./Vendor/MSFT</Path><DFProperties/></Node></MgmtTree>";
    let odd = read(V1.replace("</MgmtTree>", nameless).as_bytes()).unwrap().odd;
    assert!(matches!(&odd[..], [only] if only.contains("not in the catalogue")), "{odd:?}");
}

#[test]
fn every_encoding_gives_the_same_nodes() {
    let wanted = read(V2.as_bytes()).unwrap().roots;
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(V2.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked = format!("\u{FEFF}\r\n\n{}", V2.replace('\n', "\r\n"));
    assert_eq!(read(&utf16).unwrap().roots, wanted);
    assert_eq!(read(marked.as_bytes()).unwrap().roots.len(), 2);
    let western = read(&[b"<MgmtTree><Node><NodeName>A</NodeName><DFProperties><Description>caf\xE9</Description></DFProperties></Node></MgmtTree>"[..].to_vec()].concat()).unwrap();
    assert_eq!((western.encoding, western.odd.len()), (Encoding::Windows1252, 1));
}

#[test]
fn what_is_no_description_is_refused() {
    let refused = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
    assert!(refused("<SyncML/>").contains("MgmtTree"));
    assert!(refused("<MgmtTree xmlns='urn:other'/>").contains("urn:other"));
    assert!(refused("<MgmtTree></MgmtTree>").contains("no node"));
    assert!(refused("<!DOCTYPE MgmtTree [<!ENTITY a 'b'>]><MgmtTree/>").contains("entities"));
    assert!(refused("<MgmtTree>&a;</MgmtTree>").contains("&a;"));
    assert!(refused("<MgmtTree><Node></MgmtTree>").contains("well-formed"));
    assert!(refused("<MgmtTree><Node>").contains("well-formed"));
    assert!(refused("").contains("well-formed"));
    assert!(refused("<MgmtTree/><MgmtTree/>").contains("second root"));
    let deep = format!("{}{}", "<Node>".repeat(5000), "</Node>".repeat(5000));
    assert!(refused(&format!("<MgmtTree>{deep}</MgmtTree>")).contains("too deep"));
    assert_eq!(read(&vec![b' '; MAX_FILE + 1]), Err(DdfError::TooLarge));
}

#[test]
fn a_node_is_the_same_after_it_was_kept() {
    for root in read(V2.as_bytes()).unwrap().roots {
        let kept = serde_json::to_string(&root).unwrap();
        assert_eq!(serde_json::from_str::<Root>(&kept).unwrap(), root);
    }
}

#[test]
fn no_prose_is_left_where_only_facts_are_wanted() {
    let mut node = read(V2.as_bytes()).unwrap().roots.remove(0).node;
    node.strip_prose();
    let kept = serde_json::to_string(&node).unwrap();
    assert!(!kept.contains("lit") && !kept.contains("whether"), "{kept}");
}

proptest! {
    #[test]
    fn nothing_makes_the_reader_fall(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    #[test]
    fn nor_do_files_that_are_nearly_right(at in 0_usize..V2.len(), put in "[<>/a-zA-Z&;\" =!\\[\\]-]{0,6}", cut in 0_usize..40) {
        let mut text = V2.to_owned();
        let from = (0..=at).rev().find(|index| text.is_char_boundary(*index)).unwrap();
        let to = (from..text.len()).find(|index| *index >= from + cut && text.is_char_boundary(*index));
        let to = to.unwrap_or(text.len());
        text.replace_range(from..to, &put);
        let _ = read(text.as_bytes());
    }
}
