//! Closing the doors.

use std::time::Duration;

use super::{
    limits::gate,
    support::{Server, echo, settings},
};

#[tokio::test]
async fn a_stop_finishes_what_is_running_closes_what_is_idle_and_lets_nobody_in() {
    let (answering, came, go) = gate();
    let server = Server::start(&settings(), answering).await;
    let mut busy = server.connect().await;
    let mut idle = server.connect().await;
    let mut idle_admin = server.connect_admin().await;
    assert_eq!(idle.get("/", "").await.status, 404);
    assert_eq!(idle_admin.get("/healthz", "").await.status, 200);
    let address = server.running.device_addr;
    let running = async { busy.message(b"x").await };
    let stopping = async {
        came.acquire().await.unwrap().forget();
        let stop = server.running.stop();
        let release = async {
            idle.closed().await;
            idle_admin.closed().await;
            go.add_permits(1);
        };
        tokio::join!(stop, release).0
    };
    let (response, all_finished) = tokio::join!(running, stopping);
    assert_eq!((response.status, response.body.as_slice()), (200, &b"done"[..]));
    assert_eq!(response.header("connection"), "close");
    assert!(all_finished);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_longer_than_its_grace() {
    let mut settings = settings();
    settings.server.stop_grace = Duration::from_millis(100);
    let (answering, came, _go) = gate();
    let server = Server::start(&settings, answering).await;
    let mut busy = server.connect().await;
    busy.send("POST /ManagementServer/MDM.svc HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n").await;
    busy.send("Content-Type: application/vnd.syncml.dm+xml\r\n\r\nx").await;
    came.acquire().await.unwrap().forget();
    assert!(!server.running.stop().await);
    busy.closed().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_bodies_that_take_their_time() {
    let mut settings = settings();
    settings.server.stop_grace = Duration::from_secs(19);
    settings.admin_door.body_timeout = Duration::from_secs(60);
    let server = Server::start(&settings, echo()).await;
    let mut slow = server.connect_admin().await;
    slow.send("POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n").await;
    slow.send("Content-Length: 15000\r\n\r\nx").await;
    server.counts(r#"transom_http_in_flight{door="admin"}"#, 1).await;
    let (stopped, response) = tokio::join!(server.running.stop(), slow.response());
    assert!(stopped);
    assert_eq!(response.status, 408);
}

#[tokio::test]
async fn a_stop_without_connections_is_immediate() {
    let server = Server::start(&settings(), echo()).await;
    assert!(server.running.stop().await);
}
