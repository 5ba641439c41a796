//! The tree's rules, each with its status.

use super::*;

fn tree() -> Tree {
    Tree::windows_11("B5B954E8", "Transom", "https://mdm.example.test/ManagementServer/Mdm.svc", 7)
}

fn typed(format: Format, data: &str) -> Value {
    Value { format: Some(format), data: Some(data.to_owned()) }
}

fn code(result: Result<Done, Refusal>) -> u16 {
    result.map_or_else(|refusal| refusal.code, |done| done.code).0
}

fn get_code(tree: &Tree, uri: &str) -> u16 {
    tree.get(uri).map_or_else(|refusal| refusal.code, |_| StatusCode::OK).0
}

fn read(tree: &Tree, uri: &str) -> (Format, String) {
    let readings = tree.get(uri).unwrap_or_else(|refusal| panic!("{uri}: {refusal:?}"));
    assert_eq!(readings.len(), 1, "{uri}");
    (readings[0].format.clone(), readings[0].data.clone().unwrap())
}

const POLICY: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
const PUSH: &str = "./Device/Vendor/MSFT/DMClient/Provider/Transom/Push";
const PRODUCT: &str =
    "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D";

#[test]
fn every_leaf_of_the_seed_can_be_read() {
    let tree = tree();
    assert_eq!(read(&tree, "./DevInfo/DevId"), (Format::Chr, "B5B954E8".to_owned()));
    assert_eq!(read(&tree, "./DevDetail/SwV"), (Format::Chr, "10.0.26200.9278".to_owned()));
    assert_eq!(read(&tree, "./DevDetail/LrgObj"), (Format::Bool, "false".to_owned()));
    assert_eq!(read(&tree, "./DevDetail/URI/MaxSegLen"), (Format::Chr, "0".to_owned()));
    let (format, versions) = read(&tree, "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions");
    assert_eq!(format, Format::Xml);
    assert!(versions.len() > 16_000);
}

#[test]
fn devices_of_different_seeds_differ_and_of_the_same_seed_are_equal() {
    let serial = |seed| Tree::windows_11("d", "p", "u", seed).value("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber");
    assert_eq!(serial(1), serial(1));
    assert_ne!(serial(1), serial(2));
}

#[test]
fn names_are_compared_without_case_and_vendor_means_device() {
    let mut tree = tree();
    assert_eq!(code(tree.replace(POLICY, &typed(Format::Int, "12"))), 200);
    let same = "./vendor/msft/policy/config/devicelock/mindevicepasswordlength";
    assert_eq!(read(&tree, same), (Format::Int, "12".to_owned()));
}

#[test]
fn get_of_an_interior_node_names_its_children_escaped() {
    let mut tree = tree();
    assert_eq!(read(&tree, "./DevDetail/URI"), (Format::Node, "MaxDepth/MaxSegLen/MaxTotLen".to_owned()));
    assert_eq!(code(tree.add(&format!("{PRODUCT}/DownloadInstall"), &Value::default())), 200);
    let (_, names) = read(&tree, "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI");
    assert_eq!(names, "%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D");
    let (_, roots) = read(&tree, ".");
    assert_eq!(roots, "DevDetail/Device/DevInfo/SyncML/User");
}

#[test]
fn unknown_nodes_are_404_405_or_406_as_their_provider_answers() {
    let tree = tree();
    assert_eq!(get_code(&tree, "./Vendor/MSFT/Nope"), 404);
    assert_eq!(get_code(&tree, "./DevInfo/Nope"), 404);
    assert_eq!(get_code(&tree, "./Vendor/MSFT/Reboot/Nope"), 405);
    assert_eq!(get_code(&tree, "./DevDetail/Nope/Deeper"), 406);
    assert_eq!(get_code(&tree, "/DevInfo"), 400);
    assert_eq!(tree.get("./DevInfo/Nope").unwrap_err().original_error, Some(0x8600_0002));
}

#[test]
fn a_verb_that_the_node_does_not_allow_is_405() {
    let mut tree = tree();
    assert_eq!(get_code(&tree, "./Vendor/MSFT/RemoteWipe/doWipe"), 405);
    assert_eq!(code(tree.replace("./DevDetail/SwV", &Value::text("x"))), 405);
    assert_eq!(code(tree.delete("./DevInfo/DevId")), 405);
    assert_eq!(code(tree.exec("./DevInfo/DevId", &Value::default())), 405);
    assert_eq!(code(tree.add("./Vendor/MSFT/Policy/Result/A/B", &Value::text("x"))), 405);
}

#[test]
fn policies_take_int_and_chr_and_the_result_shows_them() {
    let mut tree = tree();
    let result = POLICY.replace("/Config/", "/Result/");
    assert_eq!(get_code(&tree, POLICY), 404);
    assert_eq!(get_code(&tree, &result), 404);
    assert_eq!(code(tree.replace(POLICY, &typed(Format::Int, "12"))), 200);
    assert_eq!(code(tree.add(POLICY, &typed(Format::Int, "13"))), 418);
    assert_eq!(code(tree.replace(POLICY, &typed(Format::Bool, "true"))), 415);
    assert_eq!(code(tree.replace(POLICY, &typed(Format::Int, "many"))), 500);
    assert_eq!(read(&tree, &result), (Format::Int, "12".to_owned()));
    assert_eq!(read(&tree, "./Vendor/MSFT/Policy/Result/DeviceLock").1, "MinDevicePasswordLength");
    assert_eq!(code(tree.delete(POLICY)), 200);
    assert_eq!(code(tree.delete(POLICY)), 404);
}

#[test]
fn replace_of_a_missing_node_creates_it_only_where_the_provider_says_so() {
    let mut tree = tree();
    let certificate = "./Vendor/MSFT/CertificateStore/ROOT/System/AB12/EncodedCertificate";
    let value = typed(Format::B64, "TUlJ");
    assert_eq!(code(tree.replace(certificate, &value)), 404);
    assert_eq!(code(tree.add(certificate, &value)), 200);
    assert_eq!(code(tree.replace(certificate, &value)), 200);
    assert_eq!(code(tree.replace(certificate, &typed(Format::B64, "?"))), 500);
    assert_eq!(
        code(tree.replace("./Vendor/MSFT/WiFi/Profile/Guest%20Net/WlanXml", &Value::text("<WLANProfile/>"))),
        200
    );
    assert_eq!(read(&tree, "./Vendor/MSFT/WiFi/Profile").1, "Guest%20Net");
}

#[test]
fn add_below_a_missing_parent_is_404_where_parents_are_not_made() {
    let mut tree = tree();
    let node = "./Vendor/MSFT/NodeCache/Transom";
    assert_eq!(code(tree.add(&format!("{node}/Nodes/1/NodeURI"), &Value::text("./DevDetail/SwV"))), 404);
    assert_eq!(code(tree.add(node, &typed(Format::Node, ""))), 200);
    assert_eq!(code(tree.add(&format!("{node}/Nodes/1"), &typed(Format::Chr, "x"))), 415);
    assert_eq!(code(tree.add(&format!("{node}/Nodes/1"), &typed(Format::Node, ""))), 200);
    assert_eq!(code(tree.add(&format!("{node}/Nodes/1/NodeURI"), &Value::text("./DevDetail/SwV"))), 200);
}

#[test]
fn user_nodes_answer_only_to_the_enrolled_user() {
    let mut tree = tree();
    let policy = "./User/Vendor/MSFT/Policy/Config/Education/AllowGraphingCalculator";
    assert_eq!(code(tree.replace(policy, &typed(Format::Int, "1"))), 200);
    tree.sign_in(LoginStatus::Others);
    assert_eq!(get_code(&tree, policy), 405);
    tree.sign_in(LoginStatus::None);
    assert_eq!(get_code(&tree, policy), 500);
    assert_eq!(get_code(&tree, "./DevDetail/SwV"), 200);
}

#[test]
fn the_channel_is_404_until_a_pfn_is_set() {
    let mut tree = tree();
    assert_eq!(get_code(&tree, &format!("{PUSH}/ChannelURI")), 404);
    assert_eq!(code(tree.replace(&format!("{PUSH}/PFN"), &Value::text("App_1"))), 200);
    assert_eq!(get_code(&tree, &format!("{PUSH}/ChannelURI")), 200);
    assert_eq!(read(&tree, &format!("{PUSH}/Status")), (Format::Int, "0".to_owned()));
}

#[test]
fn an_msi_is_added_then_run_and_reports_later() {
    let mut tree = tree();
    let job = format!("{PRODUCT}/DownloadInstall");
    let definition =
        typed(Format::Xml, "<MsiInstallJob id=\"x\"><ContentURL>https://a.test/p.msi</ContentURL></MsiInstallJob>");
    assert_eq!(code(tree.exec(&job, &definition)), 404);
    assert_eq!(code(tree.add(&job, &Value::default())), 200);
    assert_eq!(code(tree.add(&job, &Value::default())), 418);
    assert_eq!(code(tree.exec(&job, &typed(Format::Xml, "<Other/>"))), 500);
    assert_eq!(code(tree.exec(&job, &definition)), 200);
    assert!(tree.is_busy());
    let notices = tree.settle();
    let source = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/{1803A630-3C38-4D2B-9B9A-0CB37243539C}/DownloadInstall";
    assert_eq!(notices, [Notice::msi_installed(source, 0)]);
    assert_eq!(read(&tree, &format!("{PRODUCT}/Status")), (Format::Int, "70".to_owned()));
    assert!(tree.settle().is_empty());
}

#[test]
fn an_msi_job_that_can_not_work_fails_later() {
    let mut tree = tree();
    let job = format!("{PRODUCT}/DownloadInstall");
    tree.add(&job, &Value::default()).unwrap();
    tree.exec(&job, &typed(Format::Xml, "<MsiInstallJob/>")).unwrap();
    assert_eq!(tree.settle()[0].data, "-2147024809");
    assert_eq!(read(&tree, &format!("{PRODUCT}/Status")).1, "60");
}

#[test]
fn execs_that_end_the_session_say_so() {
    let mut tree = tree();
    let consequence = |tree: &mut Tree, uri: &str, value: &Value| tree.exec(uri, value).unwrap().consequence;
    assert_eq!(consequence(&mut tree, "./Vendor/MSFT/Reboot/RebootNow", &Value::default()), Some(Consequence::Reboot));
    assert_eq!(consequence(&mut tree, "./Vendor/MSFT/RemoteWipe/doWipe", &Value::text("1")), Some(Consequence::Wipe));
    assert_eq!(consequence(&mut tree, "./Vendor/MSFT/RemoteLock/Lock", &Value::default()), None);
    let unenroll = "./Vendor/MSFT/DMClient/Provider/Transom/Unenroll";
    assert_eq!(consequence(&mut tree, unenroll, &typed(Format::Chr, "Transom")), Some(Consequence::Unenroll));
}

#[test]
fn pictures_are_accepted_and_done_later() {
    let mut tree = tree();
    let url = "./Vendor/MSFT/Personalization/DesktopImageUrl";
    assert_eq!(code(tree.replace(url, &Value::text("https://a.test/p.jpg"))), 202);
    assert_eq!(read(&tree, "./Vendor/MSFT/Personalization/DesktopImageStatus").1, "2");
    assert!(tree.settle().is_empty());
    assert_eq!(read(&tree, "./Vendor/MSFT/Personalization/DesktopImageStatus").1, "1");
}

#[test]
fn what_the_system_protects_is_425() {
    let mut tree = tree();
    let node = "./Vendor/MSFT/Defender/Configuration/TamperProtection";
    assert_eq!(code(tree.replace(node, &Value::text("x"))), 425);
    assert_eq!(code(tree.delete(node)), 425);
}

#[test]
fn bitlocker_shows_what_was_asked_of_it() {
    let mut tree = tree();
    let status = |tree: &Tree, name: &str| read(tree, &format!("./Vendor/MSFT/BitLocker/Status/{name}")).1;
    assert_eq!(status(&tree, "DeviceEncryptionStatus"), "1");
    tree.replace("./Vendor/MSFT/BitLocker/RequireDeviceEncryption", &typed(Format::Int, "1")).unwrap();
    tree.exec("./Vendor/MSFT/BitLocker/RotateRecoveryPasswords", &typed(Format::Chr, "request-1")).unwrap();
    assert_eq!(status(&tree, "RotateRecoveryPasswordsStatus"), "1");
    tree.settle();
    assert_eq!(status(&tree, "DeviceEncryptionStatus"), "0");
    assert_eq!(status(&tree, "RotateRecoveryPasswordsStatus"), "0");
    assert_eq!(status(&tree, "RotateRecoveryPasswordsRequestID"), "request-1");
}

#[test]
fn lists_are_given_where_they_are_implemented_and_406_elsewhere() {
    let tree = tree();
    let root = "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/AppStore";
    let readings = tree.get(&format!("{root}?list=StructData")).unwrap();
    assert_eq!(readings[0], Reading { uri: root.to_owned(), format: Format::Node, data: None });
    let name = readings.iter().find(|reading| reading.uri.ends_with("Contoso.Notes_8wekyb3d8bbwe/Name")).unwrap();
    assert_eq!(name.data.as_deref(), Some("Contoso.Notes"));
    let names = tree.get(&format!("{root}?list=Struct")).unwrap();
    assert!(names.len() == readings.len() && names.iter().all(|reading| reading.data.is_none()));
    assert_eq!(get_code(&tree, "./DevDetail?list=StructData"), 406);
}

#[test]
fn properties_are_answered_as_far_as_they_are_known() {
    let tree = tree();
    assert_eq!(read(&tree, "./Vendor/MSFT/DMClient?prop=Type").1, "1.7");
    assert_eq!(read(&tree, "./DevDetail/LrgObj?prop=Format").1, "bool");
    assert_eq!(read(&tree, "./DevDetail/LrgObj?prop=Name").1, "LrgObj");
    assert_eq!(read(&tree, "./DevDetail/LrgObj?prop=Size").1, "5");
    assert_eq!(get_code(&tree, "./DevDetail/LrgObj?prop=ACL"), 406);
    assert_eq!(get_code(&tree, "./DevDetail/LrgObj?prop=Type"), 406);
}
