//! One authority after the other, under a server that runs.

use std::process::Command;

use serde_json::Value;
use transom::pki::certificate_fingerprint;

use super::enrollment::{PASSWORD, USER, computer, events, serve, shown};
use super::on_both;
use crate::support::pc;
use crate::support::server::Site;

on_both!(a_rotation_takes_devices_along_one_by_one_and_leaves_behind_who_did_not_renew);

/// What `transom ca` says, in JSON.
fn ca(site: &Site, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_"));
    inherited.for_each(|(name, _)| _ = command.env_remove(name));
    let output = command.arg("--data").arg(site.data()).args(["--json", "ca"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether `openssl` finds the way from a certificate to a root.
fn leads_to(certificate: &[u8], root: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let root = pc::file(&folder, "root.pem", root);
    let own = pc::file(&folder, "own.pem", pc::pem("CERTIFICATE", certificate).as_bytes());
    pc::openssl(&["verify", "-purpose", "sslclient", "-CAfile", &root, &own]).status.success()
}

async fn a_rotation_takes_devices_along_one_by_one_and_leaves_behind_who_did_not_renew(site: Site) {
    let (site, server) = serve(site).await;
    let old_root = site.root();
    let [mut renews, mut stays, mut new] = ["RENEWS", "STAYS", "NEW"].map(|id| computer(&site, &server, id));
    for pc in [&mut renews, &mut stays] {
        pc.enroll(USER, PASSWORD).await.unwrap();
        pc.session(&mut pc.connect().await, 1).await;
    }
    let rotated = ca(&site, &["rotate"]);
    let new_root = site.root();
    assert_ne!(old_root, new_root);

    // Who comes now gets a certificate of the new one, without a restart.
    new.enroll(USER, PASSWORD).await.unwrap();
    let document = new.document.as_ref().unwrap();
    assert!(leads_to(&document.certificate, &new_root) && !leads_to(&document.certificate, &old_root));
    assert!(leads_to(&document.certificate, pc::pem("CERTIFICATE", &document.roots[0]).as_bytes()));
    assert_eq!(new.session(&mut new.connect().await, 1).await, []);

    // Who was there before is heard as before, and is told of the new root with the next certificate.
    assert_eq!(renews.session(&mut renews.connect().await, 2).await, []);
    let (document, key) = renews.renew(&mut renews.connect().await).await.unwrap();
    assert!(leads_to(&document.certificate, &new_root));
    let thumbprint = rotated["root_thumbprint"].as_str().unwrap();
    assert_eq!(ca(&site, &["export"])["thumbprint"], thumbprint);
    assert!(document.text.contains(thumbprint), "{}", document.text);
    let superseded = certificate_fingerprint(&renews.own().certificate);
    renews.change_to(document, key);
    assert_eq!(renews.session(&mut renews.connect().await, 3).await, []);
    assert!(events(&server, "RENEWS").await.contains(&"renewed".to_owned()));

    // What was superseded stands on the list of the one that issued it, and on no other.
    let previous = rotated["previous"].as_str().unwrap();
    let lists = [ca(&site, &["crl"]), ca(&site, &["crl", "--authority", previous])];
    assert_eq!(lists.map(|list| list["revoked"].as_u64().unwrap()), [0, 1], "{superseded}");

    // When it is retired, whoever has not renewed is not heard any more.
    assert_eq!(stays.session(&mut stays.connect().await, 2).await, []);
    let mut open = stays.connect().await;
    ca(&site, &["server"]);
    assert_eq!(open.syncml(&stays.package_1(3)).await.status, 200);
    let seen = shown(&server, "STAYS").await["last_seen_at"].clone();
    ca(&site, &["retire", previous, "--now"]);
    // Nor over a connection that was made when it was still believed.
    assert_eq!(open.syncml(&stays.goodbye(3)).await.status, 403);
    assert_eq!(open.syncml(&stays.package_1(4)).await.status, 403);
    // The server shows its new certificate from now on: devices were given the root before.
    for pc in [&mut renews, &mut stays, &mut new] {
        pc.trusts(&new_root);
    }
    assert_eq!(stays.connect().await.syncml(&stays.package_1(5)).await.status, 403);
    assert_eq!(shown(&server, "STAYS").await["last_seen_at"], seen);
    assert_eq!(renews.session(&mut renews.connect().await, 4).await, []);
    assert_eq!(new.session(&mut new.connect().await, 2).await, []);
    server.kill();

    // The same after a new start.
    let server = site.serve();
    let mut again = computer(&site, &server, "AGAIN");
    again.enroll(USER, PASSWORD).await.unwrap();
    assert_eq!(again.session(&mut again.connect().await, 1).await, []);
}
