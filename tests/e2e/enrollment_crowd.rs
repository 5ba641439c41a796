//! Many at once, and servers that die in the middle.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::enrollment::{PASSWORD, USER, add_user, computer, serve, shown};
use super::on_both;
use crate::support::databases::Direct;
use crate::support::pc::{ENROLLMENT, Pc};
use crate::support::server::{Site, size};
use crate::support::wire::Wire;

on_both!(
    a_thousand_enroll_at_once,
    one_token_makes_one_enrollment_however_many_try,
    a_server_that_dies_between_issue_and_reply_leaves_nothing_that_can_sign_in,
);

async fn a_thousand_enroll_at_once(site: Site) {
    // All of them and the server share one machine.
    let patient = ["HANDSHAKE_TIMEOUT", "HEAD_TIMEOUT", "BODY_TIMEOUT", "ANSWER_TIMEOUT", "KEEP_ALIVE"];
    let site = patient.iter().fold(site, |site, name| site.with(&format!("DEVICE_DOOR_{name}"), "2m"));
    let (site, server) = serve(site).await;
    let count = size("E2E_ENROLLMENTS", 1000);
    let root = site.root();
    let mut running = JoinSet::new();
    for number in 0..count {
        let mut pc = Pc::new(server.device_addr, &root, &format!("CROWD-{number:04}"));
        running.spawn(async move {
            pc.enroll(USER, PASSWORD).await.unwrap();
            let document = pc.document.as_ref().unwrap();
            (document.certificate.clone(), document.auth["APPSRV"]["AAUTHSECRET"].clone())
        });
    }
    let made = running.join_all().await;
    let certificates: BTreeSet<_> = made.iter().map(|(certificate, _)| certificate).collect();
    let secrets: BTreeSet<_> = made.iter().map(|(_, secret)| secret).collect();
    assert_eq!((certificates.len(), secrets.len()), (count, count));
    let mut direct = Direct::connect(site.url());
    for table in ["devices", "enrollments", "certificates", "admissions"] {
        assert_eq!(direct.number(&format!("SELECT count(*) FROM {table}")), i64::try_from(count).unwrap(), "{table}");
    }
    assert_eq!(direct.number("SELECT count(DISTINCT serial) FROM certificates"), i64::try_from(count).unwrap());
    assert_eq!(server.operator().counter("transom_http_panics_total", "").await, 0);
}

async fn one_token_makes_one_enrollment_however_many_try(site: Site) {
    let (site, server) = serve(site).await;
    let made = server.operator().post("/api/v1/enrollment-tokens", &json!({ "user": "bob@example.test" })).await;
    let token: Arc<str> = made["token"].as_str().unwrap().into();
    let root = site.root();
    let mut running = JoinSet::new();
    for number in 0..50 {
        let mut pc = Pc::new(server.device_addr, &root, &format!("RACE-{number}"));
        let token = Arc::clone(&token);
        running.spawn(async move { pc.enroll("bob@example.test", &token).await.is_ok() });
    }
    let let_in = running.join_all().await.into_iter().filter(|let_in| *let_in).count();
    assert_eq!(let_in, 1);
    assert_eq!(Direct::connect(site.url()).number("SELECT count(*) FROM certificates"), 1);
}

async fn a_server_that_dies_between_issue_and_reply_leaves_nothing_that_can_sign_in(site: Site) {
    let site = site.without_rates();
    let wire = Wire::new().await;
    let mut server = site.serve();
    wire.lead_to([server.device_addr]);
    add_user(&server.operator(), USER).await;
    let root = site.root();
    let rounds = size("E2E_ROUNDS", 5);
    for round in 0..rounds {
        // The certificate is kept, and nobody ever gets it: the connection is cut when it is, and the server killed.
        let made = server.operator().post("/api/v1/enrollment-tokens", &json!({ "user": "bob@example.test" })).await;
        let token = made["token"].as_str().unwrap().to_owned();
        let id = format!("DIES-{round}");
        let mut pc = Pc::new(wire.addr, &root, &id);
        let (user, password) = if round % 2 == 0 { ("bob@example.test", token.as_str()) } else { (USER, PASSWORD) };
        let body = pc.issue_body(user, password, &pc.request());
        let mut line = pc.connect_bare().await;
        let head = format!(
            "POST {ENROLLMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
             Content-Type: application/soap+xml\r\n\r\n",
            body.len()
        );
        line.write(head.as_bytes()).await;
        line.write(body.as_bytes()).await;
        let kept = format!("SELECT count(*) FROM enrollments WHERE device_id = '{id}'");
        let mut direct = Direct::connect(site.url());
        crate::support::server::until("the enrollment is kept", async || (direct.number(&kept) > 0).then_some(()))
            .await;
        wire.cut();
        server.kill();
        drop(line);
        server = site.serve();
        wire.lead_to([server.device_addr]);

        // The device simply tries again, with what it has.
        pc.enroll(user, password).await.unwrap();
        assert_eq!(pc.session(&mut pc.connect().await, 1).await, []);
        let device = shown(&server, &id).await;
        assert_eq!(device["enrollment"]["state"], "active");
        let orphans = format!(
            "SELECT count(*) FROM certificates JOIN enrollments ON enrollments.id = enrollment \
             WHERE device_id = '{id}' AND certificates.state IN ('current', 'next')"
        );
        assert_eq!(direct.number(&orphans), 1, "what was lost can't sign in");
        assert_eq!(direct.number(&format!("{kept} AND ended_at IS NULL")), 1);
    }
    // Whatever the moment: either the device has a certificate that works, or it can get one.
    let pause = Arc::new(Semaphore::new(0));
    for moment in [0, 1, 3, 10, 30] {
        let id = format!("MOMENT-{moment}");
        let mut pc = Pc::new(wire.addr, &root, &id);
        let gate = Arc::clone(&pause);
        let body = pc.issue_body(USER, PASSWORD, &pc.request());
        let mut line = pc.connect_bare().await;
        let head = format!(
            "POST {ENROLLMENT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
             Content-Type: application/soap+xml\r\n\r\n",
            body.len()
        );
        line.write(head.as_bytes()).await;
        line.write(body.as_bytes()).await;
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        gate.add_permits(1);
        server.kill();
        wire.cut();
        server = site.serve();
        wire.lead_to([server.device_addr]);
        pc.enroll(USER, PASSWORD).await.unwrap();
        assert_eq!(pc.session(&mut pc.connect().await, 1).await, []);
        let mut direct = Direct::connect(site.url());
        let counting = "SELECT count(*) FROM certificates JOIN enrollments ON enrollments.id = enrollment \
                        WHERE certificates.state IN ('current', 'next') AND device_id = ";
        assert_eq!(direct.number(&format!("{counting}'{id}'")), 1);
    }
    let pc = computer(&site, &server, "NOBODY");
    assert_eq!(pc.connect_bare().await.syncml(&pc.package_1(1)).await.status, 200, "a stranger is told so in SyncML");
}
