//! The database goes away under load and comes back; the server is told to stop under load (T46, T62, T68).

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use transom::protocol::syncml::codec::{Encoding, encode};
use transom::simulator::device::Trigger;
use transom::store::DatabaseUrl;

use super::crashes::{Load, drain, enroll, finish, order, patient, settle_accounts};
use super::on_both;
use crate::support::databases::{Engine, postgres_server};
use crate::support::server::{Site, size, until};
use crate::support::windows::Windows;
use crate::support::wire::Wire;

on_both!(a_server_that_is_told_to_stop_under_load_loses_nothing);

#[test]
fn connections_to_the_database_that_break_under_load_lose_nothing() {
    super::on(Engine::Postgres, with_connections_that_break);
}

#[test]
fn a_database_that_is_away_is_a_503_and_heals() {
    super::on(Engine::Postgres, with_a_database_that_goes_away);
}

async fn with_connections_that_break(site: Site) {
    let (count, rounds) = (size("E2E_DEVICES", 12), size("E2E_ROUNDS", 5));
    let site = patient(site, rounds * 4);
    let server = site.serve();
    let windows = Arc::new(Windows::new(server.device_addr, site.root()));
    let devices = enroll(&windows, &server.operator(), count).await;
    let names: Vec<String> = devices.iter().map(|device| device.identity().device_id.clone()).collect();
    let DatabaseUrl::Postgres(url) = site.url() else { unreachable!() };
    let name = url.rsplit_once("application_name=").unwrap().1;
    let mut superior = PgConnection::establish(postgres_server().unwrap()).unwrap();
    let load = Load::start(&windows, devices);
    for round in 0..rounds {
        order(&server.operator(), &names, round).await;
        for _ in 0..4 {
            load.pass(count / 2 + 1).await;
            let sql =
                format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'");
            superior.batch_execute(&sql).unwrap();
        }
        let operator = server.operator();
        until("the pool heals", async || operator.is_ready().await.then_some(())).await;
    }
    let mut devices = load.end().await;
    drain(&windows, &windows.usual(), &server.operator(), &mut devices).await;
    settle_accounts(&server.operator(), &devices, rounds).await;
    finish(&site, vec![server]).await;
}

async fn with_a_database_that_goes_away(site: Site) {
    let DatabaseUrl::Postgres(url) = site.url().clone() else { unreachable!() };
    let url = reqwest::Url::parse(&url).unwrap();
    let real = (url.host_str().unwrap(), url.port().unwrap_or(5432));
    let real = tokio::net::lookup_host(real).await.unwrap().next().unwrap();
    let wire = Wire::new().await;
    wire.lead_to([real]);
    let mut detour = url.clone();
    detour.set_host(Some("127.0.0.1")).unwrap();
    detour.set_port(Some(wire.addr.port())).unwrap();
    let site = site.without_rates().with("DATABASE", detour.as_str());
    let mut server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let mut devices = enroll(&windows, &operator, 2).await;
    let client = windows.usual();
    for device in &mut devices {
        windows.session(&client, device).await;
    }
    order(&operator, &["DEVICE-0000".to_owned(), "DEVICE-0001".to_owned()], 0).await;

    wire.cut();
    let http = windows.http();
    let first = encode(Encoding::Xml, &devices[0].clone().start_session(Trigger::Schedule));
    let request = http.post(windows.url()).header("Content-Type", Encoding::Xml.content_type());
    let response = request.body(first).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert!(!operator.is_ready().await);
    assert!(server.is_alive());

    wire.lead_to([real]);
    until("the pool heals", async || operator.is_ready().await.then_some(())).await;
    drain(&windows, &client, &operator, &mut devices).await;
    settle_accounts(&operator, &devices, 1).await;
    finish(&site, vec![server]).await;
}

async fn a_server_that_is_told_to_stop_under_load_loses_nothing(site: Site) {
    let (count, rounds) = (size("E2E_DEVICES", 12), size("E2E_ROUNDS", 3));
    let site = patient(site, rounds);
    let wire = Wire::new().await;
    let windows = Arc::new(Windows::new(wire.addr, site.root()));
    let mut server = site.serve();
    wire.lead_to([server.device_addr]);
    let devices = enroll(&windows, &server.operator(), count).await;
    let names: Vec<String> = devices.iter().map(|device| device.identity().device_id.clone()).collect();
    let load = Load::start(&windows, devices);
    for round in 0..rounds {
        order(&server.operator(), &names, round).await;
        load.pass(count).await;
        // It finishes what it does, and says that all went well.
        let code = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
        assert_eq!(code, Some(0));
        server = site.serve();
        wire.lead_to([server.device_addr]);
    }
    let mut devices = load.end().await;
    drain(&windows, &windows.usual(), &server.operator(), &mut devices).await;
    settle_accounts(&server.operator(), &devices, rounds).await;
    finish(&site, vec![server]).await;
}
