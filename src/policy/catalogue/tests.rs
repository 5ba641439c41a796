//! What is imported, kept and used.

use std::io::{Cursor, Write as _};
use std::sync::Arc;

use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::{Found, Level};
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::Verb;
use zip::write::SimpleFileOptions;

use super::archive::{ArchiveError, descriptions, templates};
use super::*;
use crate::store::{DatabaseUrl, SealKey, Store, StoreOptions};

const KIOSK: &str = include_str!("../../../fixtures/ddf/kiosk-v2.xml");
const OLD_KIOSK: &str = include_str!("../../../fixtures/ddf/kiosk-v1.xml");
const GREETING: &str = include_str!("../../../fixtures/admx/greeting.admx");

fn ada() -> crate::model::Actor {
    crate::model::Actor::operator("ada")
}

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_read_whatever_its_folders_are() {
    let bytes = zip(&[
        ("Top\\Deep\\KIOSK.XML", KIOSK.as_bytes()),
        ("../../escape.xml", b"<MgmtTree/>"),
        ("readme.txt", b"hello"),
        ("broken.xml", b"<MgmtTree><Node>"),
    ]);
    let read = descriptions("drop", &bytes).unwrap();
    assert_eq!(read.source.files.len(), 1);
    assert_eq!(read.source.files[0].name, "KIOSK.XML");
    assert_eq!(read.source.nodes(), 12);
    let skipped: Vec<_> = read.skipped.iter().map(|remark| remark.file.as_str()).collect();
    assert_eq!(skipped, ["../../escape.xml", "broken.xml"]);
    assert!(read.odd[0].what.contains("FutureProperty"));
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    let refused = |bytes: &[u8]| descriptions("drop.zip", bytes).unwrap_err().to_string();
    assert!(refused(b"PK\x03\x04 nonsense").contains("can't be read"));
    assert!(refused(b"<html/>").contains("no DDF"));
    assert!(refused(&zip(&[("a.txt", b"x")])).contains("nothing in it"));
    assert!(matches!(templates("a", KIOSK.as_bytes()), Err(ArchiveError::Nothing(_))));
    let many: Vec<(String, Vec<u8>)> = (0..2_001).map(|number| (format!("{number}.xml"), Vec::new())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    assert_eq!(descriptions("drop", &zip(&many)), Err(ArchiveError::TooMany(".xml")));
}

#[test]
fn what_is_not_read_counts_little() {
    let others: Vec<String> = (0..2_500).map(|number| format!("PolicyDefinitions/{number}.adml")).collect();
    let mut members: Vec<(&str, &[u8])> = others.iter().map(|name| (name.as_str(), &b""[..])).collect();
    members.push(("PolicyDefinitions/greeting.admx", GREETING.as_bytes()));
    members.push(("PolicyDefinitions/older/Greeting.admx", GREETING.as_bytes()));
    let read = templates("all.zip", &zip(&members)).unwrap();
    assert_eq!((read.templates.len(), read.skipped.len()), (1, 1));
    let endless: Vec<String> = (0..20_001).map(|number| number.to_string()).collect();
    let endless: Vec<(&str, &[u8])> = endless.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(templates("all.zip", &zip(&endless)), Err(ArchiveError::TooManyEntries));
}

#[test]
fn nodes_of_all_files_are_bounded() {
    let file = format!("<MgmtTree>{}</MgmtTree>", "<Node/>".repeat(70_000));
    let bytes = zip(&[("a.xml", file.as_bytes()), ("b.xml", file.as_bytes()), ("c.xml", file.as_bytes())]);
    assert!(bytes.len() < 10_000);
    assert_eq!(descriptions("drop", &bytes), Err(ArchiveError::TooManyNodes));
    let shallow = format!("<MgmtTree>{}</MgmtTree>", "<a/>".repeat(500_000));
    assert!(descriptions("drop", shallow.as_bytes()).unwrap_err().to_string().contains("500000 elements"));
}

#[test]
fn an_archive_that_swells_is_stopped() {
    let swollen = vec![b' '; 17 * 1024 * 1024];
    let bytes = zip(&[("a.xml", &swollen), ("kiosk.xml", KIOSK.as_bytes())]);
    assert!(bytes.len() < 1024 * 1024);
    let read = descriptions("drop", &bytes).unwrap();
    assert_eq!((read.source.files.len(), read.skipped.len()), (1, 1));
    // What is too large by itself was unpacked as well.
    for size in [15, 17] {
        let most = vec![b' '; size * 1024 * 1024];
        let all: Vec<(String, &[u8])> = (0..18).map(|number| (format!("{number:02}.xml"), most.as_slice())).collect();
        let all: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        assert_eq!(descriptions("drop", &zip(&all)), Err(ArchiveError::TooLarge), "{size}");
    }
}

#[test]
fn what_is_built_in_has_facts_and_no_prose() {
    let facts = builtin::facts().unwrap();
    assert!(facts.notice.contains("CC BY 4.0"));
    assert_eq!(facts.provenance.len(), facts.sources.len());
    let nodes: usize = facts.sources.iter().map(transom_protocol::csp::catalogue::Source::nodes).sum();
    assert_eq!(nodes, facts.provenance.iter().map(|from| from.nodes).sum::<usize>());
    assert!(nodes > 5_955, "{nodes}");
    let text = serde_json::to_string(&facts.sources).unwrap();
    assert!(!text.contains("\"t\":"), "there is prose in the facts");
    let mut catalogue = Catalogue::build(&facts.sources).catalogue;
    assert_eq!(catalogue.correct(&builtin::errata().unwrap()), []);
    let finds = |verb: Verb, target: &str, data: Option<&str>| {
        let uri = target.parse().unwrap();
        let proposed = Proposed { verb, uri: &uri, format: None, data, in_atomic: true };
        let findings = catalogue.check(&proposed, None).findings;
        findings
            .into_iter()
            .filter(|finding| finding.level != Level::Note)
            .map(|finding| finding.what)
            .collect::<Vec<_>>()
    };
    let guid = "{D6886603-9D2F-4EB2-B667-1971041FA96B}";
    for (verb, target, data) in [
        (Verb::Replace, "VPNv2/Work/NativeProfile/Authentication/MachineMethod", Some("Eap")),
        (Verb::Replace, "PassportForWork/DeviceUnlock/GroupA", Some(&*format!("{guid},{guid}"))),
        (Verb::Replace, "PassportForWork/DeviceUnlock/GroupB", Some(guid)),
        (Verb::Replace, "DnsClient/NRPT/rule/Namespace", Some(".example.com")),
        (Verb::Get, "Policy/Result/DeviceLock", None),
    ] {
        assert_eq!(finds(verb, &format!("./Vendor/MSFT/{target}"), data), Vec::<String>::new(), "{target}");
    }
    let rules = "./Vendor/MSFT/AppLocker/ApplicationLaunchRestrictions/a/EXE/Policy";
    assert_eq!(finds(Verb::Replace, rules, Some("<RuleCollection")).len(), 1);
    let uri: LocUri = "./vendor/msft/policy/config/devicelock/mindevicepasswordlength".parse().unwrap();
    let Found::Known(hit) = catalogue.find(&uri) else { panic!("not found") };
    assert_eq!(hit.uri.as_str(), "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength");
}

#[test]
fn what_is_built_in_is_what_the_files_give() {
    let archives: Vec<(&str, Vec<u8>)> = ["DDFv2Feb2026", "ddf-v1-20H2"]
        .into_iter()
        .filter_map(|name| {
            Some((name, std::fs::read(format!("{}/../shared/csp/{name}.zip", env!("CARGO_MANIFEST_DIR"))).ok()?))
        })
        .collect();
    let [(newer, newer_bytes), (older, older_bytes)] = &archives[..] else { return };
    let made = builtin::make(&[(newer, newer_bytes), (older, older_bytes)], "2026-11-22").unwrap();
    let made: builtin::Facts = document::unpack(&made).unwrap();
    let facts = builtin::facts().unwrap();
    assert_eq!(facts.provenance, made.provenance);
    assert!(facts.sources == made.sources, "make the facts anew: transom csp builtin (docs/csp.md)");
}

#[test]
fn every_form_that_is_built_in_can_be_read_and_a_csp_is_of_one_release() {
    let catalogue = builtin::catalogue().unwrap();
    let knows = |uri: &str| catalogue.known(&uri.parse().unwrap()).is_some();
    assert!(knows("./Vendor/MSFT/ProvisioningCommands/DeviceContext"));
    for gone in [
        "./Device/Vendor/MSFT/Root",
        "./Vendor/MSFT/ProvisioningCommands/ProvisioningCommands/DeviceContext",
        "./Vendor/MSFT/ActiveSync",
        "./Vendor/MSFT/EMAIL2",
        "./User/Vendor/MSFT/DeclaredConfiguration",
    ] {
        assert!(!knows(gone), "{gone}");
    }
    let said = |uri: &str, data: &str, device: &Device| {
        let uri = uri.parse().unwrap();
        let proposed = Proposed { verb: Verb::Replace, uri: &uri, format: None, data: Some(data), in_atomic: true };
        let findings = catalogue.check(&proposed, Some(device)).findings;
        findings.into_iter().map(|finding| (finding.level, finding.rule)).collect::<Vec<_>>()
    };
    let any = Device::default();
    let locked = "./Vendor/MSFT/TenantLockdown/RequireNetworkInOOBE";
    assert_eq!(said(locked, "true", &any), [(Level::Warning, Rule::Older)]);
    let updates = "./Device/Vendor/MSFT/Policy/Config/Licensing/EnableESUSubscriptionCheck";
    let on = |build: &str| Device { build: build.parse().ok(), edition: None };
    assert_eq!(said(updates, "1", &on("22631.5000")), [(Level::Warning, Rule::TooOld)]);
    assert_eq!(said(updates, "1", &on("19045.6500")), []);
    let token = "./Device/Vendor/MSFT/DMClient/Provider/MS/ForceAadToken";
    assert_eq!(said(token, "4", &any), []);
    for node in catalogue.ids() {
        let allowed = catalogue.describe(node).and_then(|described| described.properties.allowed.as_ref());
        let Some(Kind::Regex(_)) = allowed.map(|allowed| &allowed.kind) else { continue };
        let uri: LocUri = catalogue.uri(node).replace(['{', '}', ' '], "").parse().unwrap();
        let proposed = Proposed { verb: Verb::Replace, uri: &uri, format: None, data: Some("x"), in_atomic: true };
        let findings = catalogue.check(&proposed, None).findings;
        assert!(findings.iter().all(|finding| finding.rule != Rule::NotChecked), "{uri}: {findings:?}");
    }
}

#[tokio::test]
async fn what_is_imported_counts_before_what_is_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
    let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
    let (library, elsewhere) = (Library::new(store.clone()), Library::new(store.clone()));
    let mode: LocUri = "./Vendor/MSFT/Kiosk/Mode".parse().unwrap();
    let knows = async |library: &Library| library.in_use().await.unwrap().catalogue.known(&mode).is_some();
    assert!(!knows(&library).await);

    let old = library.import("old", OLD_KIOSK.as_bytes().to_vec(), &ada(), NOW).await.unwrap();
    assert_eq!(old.drop.place, None, "what is built in knows more");
    let imported = library.import("mine", KIOSK.as_bytes().to_vec(), &ada(), NOW).await.unwrap();
    assert_eq!((imported.drop.nodes, imported.drop.place), (12, Some(0)));
    assert!(knows(&library).await && knows(&elsewhere).await, "every instance learns of it");
    let second = library
        .import("other", KIOSK.replace("<NodeName>Mode<", "<NodeName>Moda<").into_bytes(), &ada(), NOW)
        .await
        .unwrap();
    assert_eq!(second.drop.place, None, "a second one is only kept");

    store.write(|tx: &mut crate::store::Tx<'_>| tx.use_drops(&["other".to_owned()])).await.unwrap();
    assert!(!knows(&elsewhere).await);
    assert!(store.write(|tx: &mut crate::store::Tx<'_>| tx.use_drops(&["none".to_owned()])).await.is_err());
    assert!(library.in_use().await.unwrap().sources[0] == "other", "a choice that failed changed nothing");

    let differences = diff(&library.alone("mine").await.unwrap(), &library.alone("other").await.unwrap());
    assert_eq!(differences.len(), 2);
    let compared = library.compare("mine", "other").await.unwrap();
    assert_eq!(*compared, differences);
    assert!(Arc::ptr_eq(&compared, &library.compare("mine", "other").await.unwrap()), "the answer is kept");
    assert!(library.compare("mine", "mine").await.unwrap().is_empty());
    assert!(library.compare("builtin", "builtin").await.unwrap().is_empty());
    assert!(library.compare("mine", "none").await.is_err());
    let again = library.import("other", KIOSK.as_bytes().to_vec(), &ada(), NOW).await.unwrap();
    let before = again.replaced.expect("it took the place of another one");
    assert_eq!((before.name.as_str(), before.place), ("other", Some(0)));
    assert_eq!(second.replaced, None);
    assert!(
        library.compare("mine", "other").await.unwrap().is_empty(),
        "another one of the same name is compared anew"
    );
    for name in ["", "builtin", "BUILTIN", "-x", "../x", "a b", &"x".repeat(81)] {
        let refused = library.import(name, KIOSK.as_bytes().to_vec(), &ada(), NOW).await;
        assert!(matches!(refused, Err(LibraryError::Name)), "{name:?}");
    }
    assert!(matches!(library.alone("none").await, Err(LibraryError::Store(_))));
}

#[tokio::test]
async fn templates_that_devices_are_given_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
    let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
    let library = Library::new(store.clone());
    let app = Some(("Kiosk".to_owned(), "Policy".to_owned()));
    let imported =
        library.import_templates("Greeting.admx", app, GREETING.as_bytes().to_vec(), &ada(), NOW).await.unwrap();
    assert_eq!(imported.odd, []);
    let kept = &imported.templates[0];
    let import = async |kind: &str, text: &str| {
        let app = Some(("Kiosk".to_owned(), kind.to_owned()));
        library.import_templates("Greeting.admx", app, text.as_bytes().to_vec(), &ada(), NOW).await
    };
    assert!(matches!(import("Foo", GREETING).await, Err(LibraryError::Kind)));
    let twice = GREETING.replace("</policies>", "<policy class=\"User\"/></policies>");
    let odd = import("preference", &twice).await.unwrap();
    assert_eq!((odd.templates[0].app.clone().unwrap().1.as_str(), odd.odd.len()), ("Preference", 1));
    assert_eq!((kept.file.as_str(), kept.policies), ("kiosk~policy~greeting.admx", 2));
    let uri: LocUri = "./Vendor/MSFT/Policy/Config/Kiosk~Policy~Outer~Inner/Greeting".parse().unwrap();
    assert!(library.in_use().await.unwrap().catalogue.known(&uri).is_some());
    store.write(|tx: &mut crate::store::Tx<'_>| tx.forget_template("kiosk~policy~greeting.admx")).await.unwrap();
    assert!(library.in_use().await.unwrap().catalogue.known(&uri).is_none());
}

#[tokio::test]
async fn templates_of_one_file_stand_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
    let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
    let library = Library::new(store.clone());
    let import = async |app: Option<&str>| {
        let app = app.map(|app| (app.to_owned(), "Policy".to_owned()));
        library.import_templates("Greeting.admx", app, GREETING.as_bytes().to_vec(), &ada(), NOW).await.unwrap()
    };
    let first = import(Some("One")).await;
    assert_eq!(first.replaced, Vec::<String>::new());
    // As it was kept before the name of the app was in it.
    let mut older = first.templates[0].clone();
    older.file = "greeting.admx".to_owned();
    let rename = move |tx: &mut crate::store::Tx<'_>| {
        let body = tx.template_body("one~policy~greeting.admx")?;
        tx.forget_template("one~policy~greeting.admx")?;
        tx.keep_template(&older, &body)
    };
    store.write(rename).await.unwrap();
    assert_eq!(import(Some("Two")).await.replaced, Vec::<String>::new());
    assert_eq!(import(None).await.replaced, Vec::<String>::new());
    let kept = store.read(|tx: &mut crate::store::Tx<'_>| tx.templates()).await.unwrap();
    let files: Vec<&str> = kept.iter().map(|kept| kept.file.as_str()).collect();
    assert_eq!(files, ["greeting.admx", "one~policy~greeting.admx", "two~policy~greeting.admx"]);
    assert_eq!(import(Some("One")).await.replaced, ["one~policy~greeting.admx"]);
    assert_eq!(import(None).await.replaced, ["greeting.admx"]);
}

#[tokio::test]
async fn corrections_of_ones_own_hold_over_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("transom.db"));
    let store = Store::open(&url, SealKey::new([7; 32]), &StoreOptions::default()).unwrap();
    let ports = "./Device/Vendor/MSFT/VPNv2/Profile/TrafficFilterList/0/LocalPortRanges";
    let own = |uri: &str| {
        let entry = serde_json::json!({"uri": uri, "allowed": {"k": {"regex": "[0-9]+"}}, "reason": "seen"});
        builtin::read_errata(&serde_json::json!([entry]).to_string())
    };
    let library = Library::new(store).with_errata(own(ports).unwrap());
    let in_use = library.in_use().await.unwrap();
    let hit = in_use.catalogue.known(&ports.parse().unwrap()).unwrap();
    let allowed = in_use.catalogue.describe(hit.node).unwrap().properties.allowed.as_ref().unwrap();
    assert_eq!(allowed.kind, Kind::Regex("[0-9]+".to_owned()));
    assert!(own("no address").unwrap_err().to_string().contains("no address"));
    assert!(builtin::read_errata(r#"[{"uri": "./A", "reason": "x", "alowed": {}}]"#).is_err());
}
