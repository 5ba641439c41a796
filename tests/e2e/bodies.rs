//! Bodies that are too large, too slow, or nothing that the door takes (T41, T49).

use std::pin::Pin;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_openssl::SslStream;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Server, Site, until};
use crate::support::windows::Windows;

on_both!(large_bodies_cost_little_memory, slow_clients_are_cut_off, the_door_says_what_it_does_not_take);

const DOOR: &str =
    "POST /ManagementServer/Mdm.svc HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.syncml.dm+xml\r\n";

/// A connection to the device door, byte by byte.
async fn connect(server: &Server) -> SslStream<TcpStream> {
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let ssl = connector.build().configure().unwrap().into_ssl("localhost").unwrap();
    let tcp = TcpStream::connect(server.device_addr).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let mut stream = SslStream::new(ssl, tcp).unwrap();
    Pin::new(&mut stream).connect().await.unwrap();
    stream
}

/// What comes until the connection closes, at most for a minute.
async fn rest(stream: &mut SslStream<TcpStream>) -> String {
    let mut reply = Vec::new();
    let read = tokio::time::timeout(Duration::from_mins(1), stream.read_to_end(&mut reply)).await;
    // A connection that is reset is closed as well.
    drop(read.expect("the connection stays open"));
    String::from_utf8_lossy(&reply).into_owned()
}

/// Sends a body of so many bytes, as far as the server takes it, and listens at the same time.
async fn flood(stream: SslStream<TcpStream>, head: String, bytes: usize, chunked: bool) -> (String, usize) {
    let (mut near, mut far) = tokio::io::split(stream);
    let writing = tokio::spawn(async move {
        let piece = vec![b'a'; 16 * 1024];
        let mut sent = 0;
        if far.write_all(head.as_bytes()).await.is_err() {
            return 0;
        }
        while sent < bytes {
            let written = async {
                if chunked {
                    far.write_all(b"4000\r\n").await?;
                }
                far.write_all(&piece).await?;
                if chunked {
                    far.write_all(b"\r\n").await?;
                }
                far.flush().await
            };
            match tokio::time::timeout(Duration::from_secs(10), written).await {
                Ok(Ok(())) => sent += piece.len(),
                _ => break,
            }
        }
        sent
    });
    let mut reply = Vec::new();
    let _ = tokio::time::timeout(Duration::from_mins(1), near.read_to_end(&mut reply)).await;
    writing.abort();
    let sent = writing.await.unwrap_or_default();
    (String::from_utf8_lossy(&reply).into_owned(), sent)
}

async fn large_bodies_cost_little_memory(site: Site) {
    const BYTES: usize = 100 * 1024 * 1024;
    let server = site.serve();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("THE-DEVICE", Behaviour::default());
    server.operator().import(&[entry]).await;
    let client = windows.usual();
    windows.session(&client, &mut device).await;

    let declared = format!("{DOOR}Content-Length: {BYTES}\r\n\r\n");
    let chunked = format!("{DOOR}Transfer-Encoding: chunked\r\n\r\n");
    // Each kind once, for what is made only once.
    for (head, is_chunked) in [(&declared, false), (&chunked, true)] {
        flood(connect(&server).await, head.clone(), BYTES, is_chunked).await;
    }
    server.forget_peak();
    let before = server.resident();
    for (head, is_chunked) in [(&declared, false), (&chunked, true)] {
        let mut running = JoinSet::new();
        for _ in 0..5 {
            running.spawn(flood(connect(&server).await, head.clone(), BYTES, is_chunked));
        }
        for (reply, _) in running.join_all().await {
            assert!(reply.starts_with("HTTP/1.1 413"), "chunked: {is_chunked}: {reply:?}");
        }
        let cost = server.peak().saturating_sub(before);
        assert!(cost <= 16 * 1024, "chunked: {is_chunked}: five bodies of 100 MB cost {cost} KiB");
    }
    windows.session(&client, &mut device).await;
}

async fn slow_clients_are_cut_off(site: Site) {
    let site = site.with("DEVICE_DOOR_BODY_TIMEOUT", "2s").with("DEVICE_DOOR_HEAD_TIMEOUT", "2s");
    let site = site.with("DEVICE_DOOR_HANDSHAKE_TIMEOUT", "2s").with("DEVICE_DOOR_KEEP_ALIVE", "2s");
    let server = site.serve();
    let operator = server.operator();
    let head = format!("{DOOR}Content-Length: 1000\r\n\r\n");
    // The first drips its body, the second its head, the third says nothing after its handshake, the fourth nothing
    // after its only request.
    let drips = async |text: &str| {
        let mut stream = connect(&server).await;
        let sent = async {
            for byte in text.bytes().cycle() {
                if stream.write_all(&[byte]).await.is_err() || stream.flush().await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), sent).await.expect("nobody stopped it");
        stream
    };
    let body = async {
        let mut stream = connect(&server).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut near, mut far) = tokio::io::split(stream);
        let dripping = tokio::spawn(async move {
            while far.write_all(b"a").await.is_ok() && far.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        let mut reply = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), near.read_to_end(&mut reply)).await;
        drop(read.expect("a body may drip for ever"));
        dripping.abort();
        assert!(reply.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&reply));
    };
    let header = async { drop(drips("X-A: b\r\n").await) };
    let silent = async {
        let mut stream = connect(&server).await;
        rest(&mut stream).await;
    };
    let idle = async {
        let mut stream = connect(&server).await;
        stream.write_all(format!("{DOOR}Content-Length: 2\r\n\r\nno").as_bytes()).await.unwrap();
        let reply = rest(&mut stream).await;
        assert!(reply.starts_with("HTTP/1.1 400"), "{reply}");
    };
    let no_handshake = async {
        let mut stream = TcpStream::connect(server.device_addr).await.unwrap();
        let mut reply = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut reply)).await;
        drop(read.expect("a handshake may take for ever"));
    };
    tokio::join!(body, header, silent, idle, no_handshake);
    until("no connection is open", async || {
        (operator.counter("transom_http_connections", "device").await == 0).then_some(())
    })
    .await;
}

async fn the_door_says_what_it_does_not_take(site: Site) {
    let server = site.serve();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    let status = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        assert!(response.headers().get("transfer-encoding").is_none(), "{response:?}");
        let status = response.status().as_u16();
        (status, response.bytes().await.unwrap().len())
    };
    let xml = Encoding::Xml.content_type();
    let post = || http.post(windows.url());
    assert_eq!(status(post().header("Content-Type", "text/xml").body("<a/>")).await, (415, 0));
    assert_eq!(status(post().body("<a/>")).await, (415, 0));
    assert_eq!(status(post().header("Content-Type", xml).header("Content-Encoding", "gzip").body("x")).await, (415, 0));
    assert_eq!(status(post().header("Content-Type", xml)).await, (400, 0));
    assert_eq!(status(post().header("Content-Type", xml).body("<SyncML/>")).await, (400, 0));
    assert_eq!(status(post().header("Content-Type", Encoding::Wbxml.content_type()).body("<SyncML/>")).await, (400, 0));
    assert_eq!(status(post().header("Content-Type", xml).body(vec![b'a'; 3 * 1024 * 1024])).await, (413, 0));
    assert_eq!(status(http.get(windows.url())).await, (405, 0));
    let elsewhere = windows.url().replace("Mdm.svc", "Other.svc");
    assert_eq!(status(http.post(elsewhere).header("Content-Type", xml).body("x")).await.0, 404);
    let admin = windows.url().replace("ManagementServer/Mdm.svc", "api/v1/devices");
    assert_eq!(status(http.get(admin)).await.0, 404);
}
