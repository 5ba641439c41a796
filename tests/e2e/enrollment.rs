//! A computer that shares no library with the server enrolls, is managed, renews its certificate and leaves.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::on_both;
use crate::support::operator::Operator;
use crate::support::pc::{self, DISCOVERY, Pc, header_status};
use crate::support::server::{Server, Site};

on_both!(
    a_computer_enrolls_is_managed_renews_and_leaves,
    a_computer_leaves_by_itself,
    who_enrolls_again_begins_a_new_life_and_the_old_one_lasts_until_it_does,
    the_same_hardware_under_two_names_is_told_and_both_are_kept,
    a_device_that_does_not_leave_is_given_up,
);

pub(super) const USER: &str = "ada@example.test";
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// A server where one user may enroll any number of devices.
pub(super) async fn serve(site: Site) -> (Site, Server) {
    let site = site.without_rates();
    let server = site.serve();
    add_user(&server.operator(), USER).await;
    (site, server)
}

/// A user with that password.
pub(super) async fn add_user(operator: &Operator, name: &str) {
    let user = json!({ "name": name, "password": PASSWORD, "bulk": true });
    operator.post("/api/v1/enrollment-users", &user).await;
}

/// A computer with this id.
pub(super) fn computer(site: &Site, server: &Server, id: &str) -> Pc {
    Pc::new(server.device_addr, &site.root(), id)
}

/// What the server knows of a device.
pub(super) async fn shown(server: &Server, id: &str) -> Value {
    server.operator().get(&format!("/api/v1/devices/{id}")).await
}

/// Codes of what happened to a device, newest first.
pub(super) async fn events(server: &Server, id: &str) -> Vec<String> {
    let events = server.operator().list(&format!("/api/v1/devices/{id}/events")).await;
    events.iter().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
}

/// The provisioning document of MS-MDE2 2.2.9 in its order; what breaks Windows is not in it.
const OUTLINE: &str = "\
CertificateStore
  Root
    System
      (thumbprint)
        EncodedCertificate
  My
    User
      (thumbprint)
        EncodedCertificate
      PrivateKeyContainer
    WSTEP
      Renew
        ROBOSupport
        RenewPeriod
        RetryInterval
APPLICATION
  APPID
  PROVIDER-ID
  NAME
  ADDR
  CONNRETRYFREQ
  INITIALBACKOFFTIME
  MAXBACKOFFTIME
  BACKCOMPATRETRYDISABLED
  DEFAULTENCODING
  SSLCLIENTCERTSEARCHCRITERIA
  APPAUTH
    AAUTHLEVEL
    AAUTHTYPE
    AAUTHNAME
    AAUTHSECRET
    AAUTHDATA
  APPAUTH
    AAUTHLEVEL
    AAUTHTYPE
    AAUTHNAME
    AAUTHSECRET
    AAUTHDATA
DMClient
  Provider
    Transom
      UPN
      EntDMID
      EntDeviceName
      Poll
        NumberOfFirstRetries
        IntervalForFirstSetOfRetries
        NumberOfSecondRetries
        IntervalForSecondSetOfRetries
        NumberOfRemainingScheduledRetries
        IntervalForRemainingScheduledRetries
        PollOnLogin
";

async fn a_computer_enrolls_is_managed_renews_and_leaves(site: Site) {
    let (site, server) = serve(site).await;
    let mut pc = computer(&site, &server, "B5B954E81FBCB94EB79BD08BE625F4EE");
    let port = server.device_addr.port();

    // Somebody is there, and says where to go on.
    let mut line = pc.connect_bare().await;
    let probed = line.send("GET", DISCOVERY, "", b"").await;
    assert_eq!((probed.status, probed.body.len()), (200, 0));
    assert_eq!((probed.headers["cache-control"].as_str(), probed.headers["pragma"].as_str()), ("no-cache", "no-cache"));
    let found = pc.discover(&mut line, &["Federated", "OnPremise"]).await.unwrap();
    assert_eq!((found.policy.as_str(), found.version.as_str()), ("OnPremise", "4.0"));
    assert_eq!(found.policies, format!("https://localhost:{port}/EnrollmentServer/Policy.svc"));
    assert_eq!(found.enrollment, format!("https://localhost:{port}/EnrollmentServer/Enrollment.svc"));
    assert_eq!(pc.policies(&mut line, USER, PASSWORD).await.unwrap(), "2.16.840.1.101.3.4.2.1");

    // It gets a certificate and what it needs to know.
    pc.issue(&mut line, USER, PASSWORD).await.unwrap();
    check_document(&site, &pc);
    let device = shown(&server, &pc.device_id).await;
    assert_eq!(device["enrollment"]["state"], "pending", "nothing is done before the device has come");
    assert_eq!((&device["enrollment"]["user"], &device["enrollment"]["type"]), (&json!(USER), &json!("full")));
    assert_eq!((&device["name"], &device["os_version"]), (&json!("ADA-LAPTOP"), &json!("10.0.26100.1")));

    // The certificate is all that it needs.
    let ids = server
        .operator()
        .order_for(
            &pc.device_id,
            &json!([{
        "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]),
        )
        .await;
    let told = pc.session(&mut pc.connect().await, 1).await;
    assert_eq!(told.iter().map(|command| command.target.as_str()).collect::<Vec<_>>(), ["./DevDetail/SwV"]);
    let device = shown(&server, &pc.device_id).await;
    assert_eq!(device["enrollment"]["state"], "active");
    assert_eq!(server.operator().state(&ids[0]).await, "succeeded");

    // It renews: both certificates count until the new one is used.
    let mut old_line = pc.connect().await;
    let (document, key) = pc.renew(&mut old_line).await.unwrap();
    let old = pc.own();
    assert_ne!(document.certificate, old.certificate);
    assert_eq!(document.roots.len(), 0, "the root is there already");
    assert_eq!(document.application["PROVIDER-ID"], "Transom");
    assert_eq!(pc.session(&mut old_line, 2).await, []);
    pc.change_to(document, key);
    assert_eq!(pc.session(&mut pc.connect().await, 3).await, []);
    assert_eq!(old_line.syncml(&pc.package_1(4)).await.status, 403, "the old one is over, on open connections too");

    // It is told to leave, says that it does, and is not heard any more.
    let leaving = server.operator().post(&format!("/api/v1/devices/{}/unenroll", pc.device_id), &json!({})).await;
    assert_eq!(leaving["enrollment"]["state"], "unenrolling");
    let mut line = pc.connect().await;
    let told = pc.session(&mut line, 5).await;
    assert_eq!(told.len(), 1, "it travels alone: {told:?}");
    assert_eq!(told[0].target, "./Device/Vendor/MSFT/DMClient/Provider/Transom/Unenroll");
    assert_eq!((told[0].verb.as_str(), told[0].data.as_str()), ("Exec", "Transom"));
    let goodbye = line.syncml(&pc.goodbye(6)).await;
    assert_eq!((goodbye.status, header_status(&goodbye)), (200, "212".to_owned()));
    let device = shown(&server, &pc.device_id).await;
    assert_eq!(device["enrollment"]["state"], "unenrolled");
    assert_eq!(device["enrollment"]["certificate_ends_at"], Value::Null);
    let commands = server.operator().list(&format!("/api/v1/commands?device_id={}", pc.device_id)).await;
    let left = commands.iter().find(|command| command["kind"] == "exec").unwrap();
    assert_eq!(left["state"], "succeeded");
    assert_eq!(line.syncml(&pc.package_1(7)).await.status, 403);
    let codes = events(&server, &pc.device_id).await;
    for code in ["enrolled", "renewed", "unenrolling", "unenrolled", "certificate_superseded"] {
        assert!(codes.iter().any(|told| told == code), "{code}: {codes:?}");
    }
}

/// Certificate and document, held against the specification with the `openssl` program.
fn check_document(site: &Site, pc: &Pc) {
    let document = pc.document.as_ref().unwrap();
    assert_eq!(document.outline(), OUTLINE);
    assert_eq!(document.store, "User");
    let folder = tempfile::tempdir().unwrap();
    let root = pc::file(&folder, "root.pem", &site.root());
    let given = pc::file(&folder, "given.pem", pc::pem("CERTIFICATE", &document.roots[0]).as_bytes());
    let own = pc::file(&folder, "own.pem", pc::pem("CERTIFICATE", &document.certificate).as_bytes());
    for root in [&root, &given] {
        let verified = pc::openssl(&["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", root, &own]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
    let text = pc::openssl(&["x509", "-in", &own, "-noout", "-text"]);
    let text = String::from_utf8(text.stdout).unwrap();
    for line in ["CA:FALSE", "TLS Web Client Authentication", "X509v3 Key Usage: critical", "Version: 3 (0x2)"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let name = &document.client["EntDMID"];
    assert!(text.contains(&format!("Subject: CN = {name}")), "{text}");
    let application = &document.application;
    assert_eq!(application["SSLCLIENTCERTSEARCHCRITERIA"], format!("Subject=CN%3D{name}&Stores=My%5CUser"));
    let address = format!("https://localhost:{}/ManagementServer/Mdm.svc", pc.addr.port());
    assert_eq!((application["APPID"].as_str(), application["ADDR"].as_str()), ("w7", address.as_str()));
    assert_eq!(document.auth.keys().collect::<Vec<_>>(), ["APPSRV", "CLIENT"]);
    for auth in document.auth.values() {
        assert_eq!(auth["AAUTHTYPE"], "DIGEST");
        assert_eq!(STANDARD.decode(&auth["AAUTHDATA"]).unwrap().len(), 16);
        assert!(auth["AAUTHSECRET"].len() >= 24);
    }
    assert_ne!(document.auth["CLIENT"]["AAUTHSECRET"], document.auth["APPSRV"]["AAUTHSECRET"]);
    assert_eq!(document.client["UPN"], USER);
    let poll: Vec<u32> = document.poll.values().filter_map(|value| value.parse().ok()).collect();
    assert_eq!(poll, [15, 1440, 60, 5, 0, 10], "no endless poll of a minute: {:?}", document.poll);
    assert_eq!((document.renew["RenewPeriod"].as_str(), document.renew["ROBOSupport"].as_str()), ("60", "true"));
}

async fn a_computer_leaves_by_itself(site: Site) {
    let (site, server) = serve(site).await;
    let mut pc = computer(&site, &server, "LEAVES-BY-ITSELF");
    pc.enroll(USER, PASSWORD).await.unwrap();
    let mut line = pc.connect().await;
    pc.session(&mut line, 1).await;
    // Whoever has no certificate can't say it for the device.
    let claimed = pc.connect_bare().await.syncml(&pc.goodbye(2)).await;
    assert_eq!((claimed.status, claimed.body.len()), (403, 0));
    assert_eq!(shown(&server, &pc.device_id).await["enrollment"]["state"], "active");
    assert_eq!(line.syncml(&pc.goodbye(2)).await.status, 200);
    assert_eq!(shown(&server, &pc.device_id).await["enrollment"]["state"], "unenrolled");
    assert_eq!(line.syncml(&pc.package_1(3)).await.status, 403);
}

async fn who_enrolls_again_begins_a_new_life_and_the_old_one_lasts_until_it_does(site: Site) {
    let (site, server) = serve(site).await;
    add_user(&server.operator(), "eve@example.test").await;
    let mut old = computer(&site, &server, "ENROLLS-AGAIN");
    old.enroll(USER, PASSWORD).await.unwrap();
    let mut line = old.connect().await;
    old.session(&mut line, 1).await;
    let queued = server
        .operator()
        .order_for(
            "ENROLLS-AGAIN",
            &json!([{
        "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]),
        )
        .await;

    // The same id from another user: a life of its own, that inherits nothing and ends nothing.
    let mut other = computer(&site, &server, "ENROLLS-AGAIN");
    other.enroll("eve@example.test", PASSWORD).await.unwrap();
    let told = old.session(&mut line, 2).await;
    assert_eq!(told.len(), 1, "the old life goes on with its own queue");
    assert_ne!(other.own().certificate, old.own().certificate);
    assert_ne!(
        other.document.as_ref().unwrap().auth["APPSRV"]["AAUTHSECRET"],
        old.document.as_ref().unwrap().auth["APPSRV"]["AAUTHSECRET"]
    );
    assert_eq!(other.session(&mut other.connect().await, 1).await, [], "nothing of the old queue");
    assert_eq!(line.syncml(&old.package_1(3)).await.status, 403, "the first contact of the new life ended the old one");
    let device = shown(&server, "ENROLLS-AGAIN").await;
    assert_eq!((&device["enrollment"]["generation"], &device["enrollment"]["state"]), (&json!(2), &json!("active")));
    assert_eq!(server.operator().state(&queued[0]).await, "succeeded");
}

async fn the_same_hardware_under_two_names_is_told_and_both_are_kept(site: Site) {
    let (site, server) = serve(site).await;
    let mut first = computer(&site, &server, "CLONE-1");
    let mut second = computer(&site, &server, "CLONE-2");
    second.hw_dev_id = first.hw_dev_id.to_uppercase();
    first.enroll(USER, PASSWORD).await.unwrap();
    first.session(&mut first.connect().await, 1).await;
    second.enroll(USER, PASSWORD).await.unwrap();
    for (pc, session) in [(&first, 2), (&second, 1)] {
        pc.session(&mut pc.connect().await, session).await;
        assert_eq!(shown(&server, &pc.device_id).await["enrollment"]["state"], "active");
        let told = events(&server, &pc.device_id).await;
        assert_eq!(told.iter().filter(|code| *code == "hardware_id_conflict").count(), 1, "{told:?}");
    }
}

async fn a_device_that_does_not_leave_is_given_up(site: Site) {
    let site = site.with("ENROLLMENT_LEAVE_TIMEOUT", "1ms");
    let (site, server) = serve(site).await;
    let mut pc = computer(&site, &server, "STAYS-SILENT");
    pc.enroll(USER, PASSWORD).await.unwrap();
    let mut line = pc.connect().await;
    pc.session(&mut line, 1).await;
    server.operator().post("/api/v1/devices/STAYS-SILENT/unenroll", &json!({})).await;
    assert_eq!(pc.session(&mut line, 2).await.len(), 1);
    // Whatever looks after such things begins with the server.
    drop(server);
    let server = site.serve();
    pc.addr = server.device_addr;
    let what = "the device is given up";
    crate::support::server::until(what, async || {
        (shown(&server, "STAYS-SILENT").await["enrollment"]["state"] == "unknown").then_some(())
    })
    .await;
    assert_eq!(pc.connect().await.syncml(&pc.package_1(3)).await.status, 403);
    let told = events(&server, "STAYS-SILENT").await;
    assert!(told.contains(&"unknown".to_owned()), "{told:?}");
}
