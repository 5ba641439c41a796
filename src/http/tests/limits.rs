//! Too many at once, too many a second.

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::support::{Server, echo, reply, settings};
use crate::http::Answering;

/// Answers when the test lets it: the first semaphore counts requests that came, the second lets them go.
pub(super) fn gate() -> (Answering, Arc<Semaphore>, Arc<Semaphore>) {
    let (came, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (came_in, go_on) = (came.clone(), go.clone());
    let answering: Answering = Arc::new(move |_| {
        let (came, go) = (came.clone(), go.clone());
        async move {
            came.add_permits(1);
            go.acquire().await.unwrap().forget();
            reply(b"done")
        }
        .boxed()
    });
    (answering, came_in, go_on)
}

#[tokio::test]
async fn above_the_number_of_places_devices_are_told_to_come_back() {
    let mut settings = settings();
    settings.device_door.max_in_flight = 1;
    let (answering, came, go) = gate();
    let server = Server::start(&settings, answering).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    let running = async { first.message(b"x").await };
    let refused = async {
        came.acquire().await.unwrap().forget();
        let response = second.message(b"x").await;
        assert_eq!((response.status, response.header("retry-after"), response.body.len()), (503, "30", 0));
        go.add_permits(1);
    };
    let (running, ()) = tokio::join!(running, refused);
    assert_eq!(running.status, 200);
    go.add_permits(1);
    assert_eq!(server.connect().await.message(b"x").await.status, 200);
}

#[tokio::test]
async fn above_the_rate_of_everybody_and_of_one_address_devices_are_told_to_come_back() {
    for reason in ["rate", "peer_rate"] {
        let mut settings = settings();
        let door = &mut settings.device_door;
        if reason == "rate" {
            (door.rate, door.burst) = (1, 2);
        } else {
            // One is for the connection.
            (door.peer_rate, door.peer_burst) = (1, 3);
        }
        let server = Server::start(&settings, echo()).await;
        let mut client = server.connect().await;
        assert_eq!(client.message(b"x").await.status, 200);
        assert_eq!(client.message(b"x").await.status, 200);
        let response = client.message(b"x").await;
        assert_eq!((response.status, response.header("retry-after"), response.body.len()), (429, "1", 0));
        let counter = format!(r#"transom_http_refusals_total{{door="device",reason="{reason}"}}"#);
        assert_eq!(server.counted(&counter), 1);
    }
}

#[tokio::test]
async fn at_the_admin_door_one_address_does_not_take_all_places() {
    let mut settings = settings();
    settings.admin_door.max_connections_per_peer = 1;
    let server = Server::start(&settings, echo()).await;
    let mut first = server.connect_admin().await;
    assert_eq!(first.get("/healthz", "").await.status, 200);
    server.connect_admin().await.closed().await;
    server.counts(r#"transom_http_refusals_total{door="admin",reason="too_many_connections_of_peer"}"#, 1).await;
    assert_eq!(first.get("/healthz", "").await.status, 200);
}

#[tokio::test]
async fn above_the_number_of_connections_nobody_comes_in() {
    for reason in ["too_many_connections", "too_many_connections_of_peer"] {
        let mut settings = settings();
        if reason == "too_many_connections" {
            settings.device_door.max_connections = 2;
        } else {
            settings.device_door.max_connections_per_peer = 2;
        }
        let server = Server::start(&settings, echo()).await;
        let (mut first, second) = (server.connect().await, server.connect().await);
        assert!(server.try_connect().await.is_err());
        let counter = format!(r#"transom_http_refusals_total{{door="device",reason="{reason}"}}"#);
        assert_eq!(server.counted(&counter), 1);
        assert_eq!(first.message(b"x").await.status, 200);
        drop((first, second));
        server.nobody_is_connected().await;
        assert_eq!(server.connect().await.message(b"x").await.status, 200);
    }
}
