//! Archives that are kept as objects: they are moved to the bucket when they arrive, wait in the folder while it is not to
//! be had, are read from there and deleted there.

use serde_json::json;
use transom::simulator::device::Behaviour;

use super::actions::{action, asked};
use super::on_both;
use crate::support::operator::Operator;
use crate::support::s3::{S3, SECRET};
use crate::support::server::{Site, until};
use crate::support::windows::Windows;

on_both!(
    an_archive_becomes_an_object_and_is_deleted_in_time,
    an_archive_waits_in_the_folder_for_a_store_that_refuses_it,
);

fn with(mut site: Site, s3: &S3) -> Site {
    for (name, value) in s3.settings() {
        site = site.with(&name, &value);
    }
    site.without_rates()
}

/// A device is asked for its logs and sends them: the action.
async fn sends_logs(operator: &Operator, windows: &Windows, id: &str) -> String {
    let (mut device, entry) = windows.device(id, Behaviour::default());
    operator.import(&[entry]).await;
    let logs = asked(operator, id, json!({"kind": "collect_diagnostics"})).await;
    let report = windows.session(&windows.usual(), &mut device).await;
    assert_eq!(report.uploads.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [Some(201)]);
    assert_eq!(action(operator, &logs).await["state"], "done");
    logs
}

fn files(site: &Site) -> usize {
    std::fs::read_dir(site.data().join("diagnostics")).map_or(0, Iterator::count)
}

async fn an_archive_becomes_an_object_and_is_deleted_in_time(site: Site) {
    let s3 = S3::start();
    let site = with(site, &s3);
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let logs = sends_logs(&operator, &windows, "PC-1").await;
    until("the archive is moved", async || (files(&site) == 0).then_some(())).await;
    let objects = s3.objects();
    let name = format!("/diagnostics/one/{logs}.zip");
    assert_eq!(objects.keys().collect::<Vec<_>>(), [&name]);
    let archive = operator.bytes(&format!("/api/v1/actions/{logs}/archive")).await;
    assert!(archive.len() == 300_000 && objects[&name] == archive);
    assert_eq!(server.terminate(), Some(0));

    // Its time is over.
    let site = site.with("DIAGNOSTICS_KEEP", "1ms");
    let server = site.serve();
    let operator = server.operator();
    until("the object is deleted", async || s3.objects().is_empty().then_some(())).await;
    let deleted = async || (!action(&operator, &logs).await["archive"]["deleted_at"].is_null()).then_some(());
    until("that is known", deleted).await;
    assert_eq!(operator.not_shown(&format!("/api/v1/actions/{logs}/archive")).await["status"], 409);
    let (answered, wrong) = s3.answered();
    assert_eq!(answered, [format!("PUT {name} 200"), format!("GET {name} 200"), format!("DELETE {name} 204")]);
    assert_eq!(wrong, [""; 0], "signatures");
    assert!(!site.log().contains(SECRET) && !site.log().contains("X-Amz"), "{}", site.log());
}

async fn an_archive_waits_in_the_folder_for_a_store_that_refuses_it(site: Site) {
    let s3 = S3::start();
    s3.refuse([(403, "AccessDenied")]);
    let site = with(site, &s3);
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let first = sends_logs(&operator, &windows, "PC-1").await;
    let told = "answered 403 AccessDenied: the key needs the rights to put, get and delete objects";
    until("an operator is told", async || site.log().contains(told).then_some(())).await;
    assert_eq!((files(&site), s3.objects().len()), (1, 0), "nothing is lost");
    let path = format!("/api/v1/actions/{first}/archive");
    assert_eq!(operator.bytes(&path).await.len(), 300_000, "it is had from the folder");

    // The next one takes it along.
    sends_logs(&operator, &windows, "PC-2").await;
    until("both are moved", async || (files(&site) == 0 && s3.objects().len() == 2).then_some(())).await;
    assert_eq!(operator.bytes(&path).await.len(), 300_000);

    // What can't be read now says why.
    s3.refuse([(503, "SlowDown")]);
    let problem = operator.not_shown(&path).await;
    assert_eq!(problem["status"], 503, "{problem:#}");
    assert!(problem["detail"].as_str().unwrap().contains("503 SlowDown"), "{problem:#}");
    assert_eq!(s3.answered().1, [""; 0], "signatures");
}
