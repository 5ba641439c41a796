//! Clients that take their time.

use std::time::Duration;

use tokio::net::TcpStream;

use super::support::{Client, MDM, Server, answer_with, echo, reply, settings};

const SOON: Duration = Duration::from_millis(200);
/// The library keeps its own time limits to half a second.
const SECOND: Duration = Duration::from_secs(1);

const HEAD: &str = "Host: localhost\r\nContent-Type: application/vnd.syncml.dm+xml\r\nContent-Length: 1000\r\n\r\n";

#[tokio::test]
async fn a_body_that_drips_is_cut_off() {
    let mut settings = settings();
    settings.device_door.body_timeout = SOON;
    let server = Server::start(&settings, echo()).await;
    let mut client = server.connect().await;
    client.send(format!("POST {MDM} HTTP/1.1\r\n{HEAD}<")).await;
    let response = client.response().await;
    assert_eq!((response.status, response.body.len(), response.header("connection")), (408, 0, "close"));
    client.closed().await;
    assert_eq!(server.counted("transom_http_bodies_held_bytes"), 0);
}

#[tokio::test]
async fn at_the_admin_door_a_body_that_drips_is_cut_off_and_one_that_comes_along_is_not() {
    let mut settings = settings();
    settings.admin_door.body_timeout = SECOND;
    settings.admin_door.body_rate = 10;
    let server = Server::start(&settings, echo()).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let head = |length: usize| format!("POST /sign-in HTTP/1.1\r\nHost: x\r\n{form}Content-Length: {length}\r\n\r\n");
    let mut client = server.connect_admin().await;
    client.send(head(15_000)).await;
    // One byte now and then does not keep it open.
    for _ in 0..6 {
        client.try_send(b"x").await;
        tokio::time::sleep(SOON).await;
    }
    let response = client.response().await;
    assert_eq!((response.status, response.header("connection")), (408, "close"));
    assert_eq!(response.header("content-type"), "application/problem+json");
    client.closed().await;
    assert_eq!(server.counted(r#"transom_http_refusals_total{door="admin",reason="body_too_slow"}"#), 1);
    // What comes earns time: this takes longer than the second that each has.
    let mut client = server.connect_admin().await;
    client.send(head(40)).await;
    for piece in ["name=somebody", "&password=wron", "g&code=000000"] {
        client.send(piece).await;
        tokio::time::sleep(SECOND * 7 / 10).await;
    }
    assert_eq!(client.response().await.status, 401);
}

#[tokio::test]
async fn a_slow_head_is_cut_off_for_the_first_request_and_for_later_ones() {
    let mut settings = settings();
    settings.device_door.head_timeout = SECOND;
    let server = Server::start(&settings, echo()).await;
    let mut first = server.connect().await;
    first.send("POST /Mana").await;
    assert_eq!(first.response().await.status, 408);
    first.closed().await;
    let mut later = server.connect().await;
    assert_eq!(later.message(b"x").await.status, 200);
    later.send("POST /Mana").await;
    later.closed().await;
    server.counts(r#"transom_http_refusals_total{door="device",reason="too_slow"}"#, 1).await;
}

#[tokio::test]
async fn a_pause_between_requests_may_be_longer_than_a_head() {
    let mut settings = settings();
    settings.device_door.head_timeout = SECOND;
    let server = Server::start(&settings, echo()).await;
    let mut client = server.connect().await;
    assert_eq!(client.message(b"x").await.status, 200);
    // Meanwhile the head of somebody else was found too slow.
    let mut other = server.connect().await;
    assert_eq!(other.message(b"x").await.status, 200);
    other.send("P").await;
    other.closed().await;
    assert_eq!(client.message(b"x").await.status, 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut settings = settings();
    settings.device_door.keep_alive = SECOND;
    let server = Server::start(&settings, echo()).await;
    let mut client = server.connect().await;
    assert_eq!(client.message(b"x").await.status, 200);
    client.closed().await;
    server.nobody_is_connected().await;
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_is_given_up() {
    let mut settings = settings();
    settings.device_door.handshake_timeout = SOON;
    let server = Server::start(&settings, echo()).await;
    let mut client: Client<TcpStream> = Client::plain(server.running.device_addr).await;
    client.send(b"\x16\x03\x01").await;
    client.closed().await;
    server.nobody_is_connected().await;
    server.counts(r#"transom_http_refusals_total{door="device",reason="tls_handshake_timeout"}"#, 1).await;
}

#[tokio::test]
async fn a_client_that_does_not_take_its_reply_is_given_up() {
    let mut settings = settings();
    settings.device_door.write_timeout = SOON;
    let large = vec![b'x'; 32 * 1024 * 1024];
    let server = Server::start(&settings, answer_with(move |_| reply(&large))).await;
    let mut client = server.connect().await;
    client.send(format!("POST {MDM} HTTP/1.1\r\n{}", HEAD.replace("1000", "1"))).await;
    client.send("x").await;
    server.nobody_is_connected().await;
    server.counts(r#"transom_http_refusals_total{door="device",reason="too_slow"}"#, 1).await;
}

#[tokio::test]
async fn a_decision_that_takes_too_long_is_a_503() {
    let mut settings = settings();
    settings.device_door.answer_timeout = SOON;
    let never =
        std::sync::Arc::new(|_| -> futures_util::future::BoxFuture<'static, _> { Box::pin(std::future::pending()) });
    let server = Server::start(&settings, never).await;
    let mut client = server.connect().await;
    let response = client.message(b"x").await;
    assert_eq!((response.status, response.header("retry-after")), (503, "30"));
}
