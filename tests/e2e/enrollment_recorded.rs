//! The enrollment of a Windows 10 that was recorded is replayed against the server: its own bytes, from the probe to the
//! first management message. Where the records are not, this says so and passes.

use std::path::PathBuf;

use serde_json::json;

use super::enrollment::{computer, serve};
use super::on_both;
use crate::support::pc::{self, DISCOVERY, ENROLLMENT, POLICY, content, token_of};
use crate::support::server::Site;

on_both!(windows_10_enrolls_as_it_was_recorded);

/// A recorded request.
fn recorded(name: &str) -> Option<Vec<u8>> {
    let places =
        ["../shared/traces", "../../shared/traces"].map(|place| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(place));
    let Some(folder) = places.iter().find(|folder| folder.is_dir()) else {
        println!("there are no traces of real devices; skipped");
        return None;
    };
    Some(std::fs::read(folder.join("win10-19043").join(name)).unwrap())
}

async fn windows_10_enrolls_as_it_was_recorded(site: Site) {
    let Some(discover) = recorded("02-request-POST-EnrollmentServer_Discovery.svc.xml") else { return };
    let policies = recorded("03-request-POST-EnrollmentServer_Policy.svc.xml").unwrap();
    let issue = recorded("04-request-POST-EnrollmentServer_Enrollment.svc.xml").unwrap();
    let first = recorded("05-request-POST-ManagementServer_MDM.svc.xml").unwrap();
    let (site, server) = serve(site).await;
    // The user and the password that were typed; the password is shorter than one would be made today.
    let text = String::from_utf8(issue.clone()).unwrap();
    let tree = roxmltree::Document::parse(&text).unwrap();
    let named = |name: &str| {
        let found = tree.descendants().find(|node| node.tag_name().name() == name).unwrap();
        found.text().unwrap().trim().to_owned()
    };
    let (user, password) = (named("Username"), named("Password"));
    let made = json!({ "name": user, "password": super::enrollment::PASSWORD });
    server.operator().post("/api/v1/enrollment-users", &made).await;
    let typed = |body: Vec<u8>| {
        let text = String::from_utf8(body).unwrap();
        text.replace(&format!(">{password}<"), &format!(">{}<", super::enrollment::PASSWORD))
    };

    let device_id = "1E08C6E95D8BB843B1278FF45BC60CC6";
    let pc = computer(&site, &server, device_id);
    let mut line = pc.connect_bare().await;
    assert_eq!(line.send("GET", DISCOVERY, "User-Agent: ENROLLClient\r\n", b"").await.status, 200);
    let found = line.soap(DISCOVERY, &String::from_utf8(discover).unwrap()).await;
    assert_eq!(content(&found, "AuthPolicy").as_deref(), Some("OnPremise"));
    let told = line.soap(POLICY, &typed(policies)).await;
    assert_eq!(content(&told, "minimalKeyLength").as_deref(), Some("2048"));
    let answered = line.soap(ENROLLMENT, &typed(issue)).await;
    let document = token_of(&answered).unwrap();

    // The certificate is for the key of the request, whatever strange name that has.
    let folder = tempfile::tempdir().unwrap();
    let root = pc::file(&folder, "root.pem", &site.root());
    let own = pc::file(&folder, "own.pem", pc::pem("CERTIFICATE", &document.certificate).as_bytes());
    let verified = pc::openssl(&["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", &root, &own]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let request = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let token = named("BinarySecurityToken");
        STANDARD.decode(token.split_whitespace().collect::<String>()).unwrap()
    };
    let request = pc::file(&folder, "request.der", &request);
    let asked = pc::openssl(&["req", "-inform", "DER", "-in", &request, "-noout", "-pubkey"]);
    let given = pc::openssl(&["x509", "-in", &own, "-noout", "-pubkey"]);
    assert!(!asked.stdout.is_empty() && asked.stdout == given.stdout);
    assert_eq!(document.store, "User");
    assert_eq!(document.client["UPN"], user);

    // What it says first needs the certificate, whose key is on that computer alone.
    let message = line.syncml(&String::from_utf8(first).unwrap()).await;
    assert_eq!((message.status, message.body.len()), (403, 0));
    let device = server.operator().get(&format!("/api/v1/devices/{device_id}")).await;
    assert_eq!(device["enrollment"]["state"], "pending");
}
