//! Bodies that are too large, and what they cost.

use super::support::{Client, MDM, Server, echo, settings};

const HEAD: &str = "Host: localhost\r\nContent-Type: application/vnd.syncml.dm+xml\r\n";
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_comes() {
    let server = Server::start(&settings(), echo()).await;
    for expect in ["", "Expect: 100-continue\r\n"] {
        let mut client = server.connect().await;
        client.send(format!("POST {MDM} HTTP/1.1\r\n{HEAD}{expect}Content-Length: 104857600\r\n\r\n")).await;
        let response = client.response().await;
        assert_eq!((response.status, response.body.len()), (413, 0));
        assert_eq!(response.header("connection"), "close");
        client.closed().await;
    }
    assert_eq!(server.counted("transom_http_bodies_held_peak_bytes"), 0);
}

#[tokio::test]
async fn a_body_is_asked_for_when_its_size_is_good() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect().await;
    client.send(format!("POST {MDM} HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")).await;
    assert_eq!(client.response().await.status, 100);
    client.send("ok").await;
    assert_eq!(client.response().await.body, b"ok");
}

#[tokio::test]
async fn at_the_admin_door_each_route_has_its_own_limit_also_where_it_is_asked_before() {
    let server = Server::start(&settings(), echo()).await;
    let head = |length: usize| {
        format!(
            "POST /api/v1/policies/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\
             Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut client = server.connect_admin().await;
    client.send(head(9 * MIB)).await;
    assert_eq!(client.response().await.status, 100);
    let mut body = br#"{"documents":[]}"#.to_vec();
    body.resize(9 * MIB, b' ');
    client.send(body).await;
    assert_ne!(client.response().await.status, 413);
    let mut client = server.connect_admin().await;
    client.send(head(65 * MIB)).await;
    let response = client.response().await;
    assert_eq!((response.status, response.header("content-type")), (413, "application/problem+json"));
    assert!(String::from_utf8_lossy(&response.body).contains("larger than anything that is taken here"));
}

#[tokio::test]
async fn five_endless_bodies_cost_no_more_than_the_memory_for_bodies() {
    let mut settings = settings();
    settings.device_door.head_timeout = std::time::Duration::from_secs(1);
    let server = Server::start(&settings, echo()).await;
    let clients = futures_util::future::join_all((0..5).map(|_| async {
        let mut client = server.connect().await;
        send_without_end(&mut client).await;
        let response = client.response().await;
        client.closed().await;
        response.status
    }));
    assert_eq!(clients.await, [413; 5]);
    server.nobody_is_connected().await;
    let peak = usize::try_from(server.counted("transom_http_bodies_held_peak_bytes")).unwrap();
    assert!((MIB..=16 * MIB).contains(&peak), "{peak}");
    assert_eq!(server.counted("transom_http_bodies_held_bytes"), 0);
}

#[tokio::test]
async fn more_bodies_than_memory_are_told_to_come_back_and_small_ones_still_pass() {
    let mut settings = settings();
    settings.device_door.body_limit = 64 * 1024;
    settings.device_door.body_memory = 128 * 1024;
    let server = Server::start(&settings, echo()).await;
    let head = format!("POST {MDM} HTTP/1.1\r\n{HEAD}Content-Length: 65536\r\n\r\n");
    let mut clients = [server.connect().await, server.connect().await];
    for client in &mut clients {
        client.send(&head).await;
        client.send(vec![b'x'; 64 * 1024 - 1]).await;
    }
    // One of them gets the memory, whichever it is.
    let responses = clients.iter_mut().map(|client| Box::pin(client.response()));
    let (refused, index, waiting) = futures_util::future::select_all(responses).await;
    drop(waiting);
    assert_eq!((refused.status, refused.header("retry-after")), (503, "30"));
    assert_eq!(server.connect().await.message(b"small").await.status, 200);
    let first = &mut clients[1 - index];
    first.send("x").await;
    assert_eq!(first.response().await.body.len(), 64 * 1024);
}

/// Up to 100 MB in chunks, or until the server takes no more.
async fn send_without_end(client: &mut Client) {
    client.send(format!("POST {MDM} HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n")).await;
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend_from_slice(b"\r\n");
    for _ in 0..1600 {
        if !client.try_send(&chunk).await {
            return;
        }
    }
}
