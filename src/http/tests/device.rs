//! What a device gets.

use std::time::Duration;

use transom_protocol::xml;

use super::support::{MDM, Server, answer_with, echo, reply, settings};
use crate::management::Answer;

#[tokio::test]
async fn a_reply_has_a_length_and_a_type_and_nothing_that_a_device_stumbles_over() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect().await;
    for body in [&b"<SyncML/>"[..], &vec![b'x'; 300_000]] {
        let response = client.message(body).await;
        assert_eq!((response.status, response.body.as_slice()), (200, body));
        assert_eq!(response.header("content-length"), body.len().to_string());
        assert_eq!(response.header("content-type"), "application/vnd.syncml.dm+xml");
        assert_eq!(response.header("cache-control"), "no-store");
        assert_eq!(response.header("x-request-id").len(), 36);
        for name in ["transfer-encoding", "content-encoding", "server", "set-cookie"] {
            assert!(!response.headers.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_request_reaches_management_as_it_came() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let answering = answer_with(move |request| {
        sender.send(request).unwrap();
        reply(b"ok")
    });
    let server = Server::start(&settings(), answering).await;
    let mut client = server.connect().await;
    let headers = "Content-Type: application/vnd.syncml.dm+wbxml\r\nMS-CV: abc.0.1\r\nUserAgentOrigin: 3\r\n";
    client.post(MDM, headers, b"\x02\xa4\x01\x6a\0").await;
    let request = receiver.recv().await.unwrap();
    assert_eq!(request.encoding.as_str(), "wbxml");
    assert_eq!(request.body, b"\x02\xa4\x01\x6a\0");
    assert_eq!(request.headers.ms_cv.as_deref(), Some("abc.0.1"));
    assert_eq!(request.headers.mode.as_deref(), Some("Maintenance"));
    assert!(request.peer.is_loopback());
    assert!(request.received_at.0 > 1_790_000_000_000);
}

#[tokio::test]
async fn the_path_is_taken_in_any_case_and_no_other_path_is_there() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect().await;
    let xml = "Content-Type: application/vnd.syncml.dm+xml\r\n";
    for path in ["/ManagementServer/Mdm.svc", "/ManagementServer/MDM.svc?mode=Machine", "/managementserver/mdm.SVC"] {
        assert_eq!(client.post(path, xml, b"x").await.status, 200, "{path}");
    }
    let others = ["/", "/ManagementServer/MdmXsvc", "/ManagementServer//Mdm.svc", "/a/ManagementServer/Mdm.svc"];
    for path in others.into_iter().chain(["/api/v1/devices", "/metrics", "/healthz", "/readyz"]) {
        // A body that nobody reads ends the connection.
        let response = server.connect().await.post(path, xml, b"x").await;
        assert_eq!((response.status, response.body.len()), (404, 0), "{path}");
    }
    let mut admin = server.connect_admin().await;
    assert_eq!(admin.message(b"x").await.status, 404);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect().await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "BREW"] {
        client.send(format!("{method} {MDM} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let response = client.response().await;
        assert_eq!((response.status, response.header("allow"), response.body.len()), (405, "POST", 0), "{method}");
    }
}

#[tokio::test]
async fn other_content_types_and_packed_bodies_are_refused() {
    let server = Server::start(&settings(), echo()).await;
    let statuses = [
        ("Content-Type: application/vnd.syncml.dm+xml; charset=utf-8\r\n", 200),
        ("Content-Type: Application/Vnd.SyncML.dm+XML\r\nContent-Encoding: identity\r\n", 200),
        ("Content-Type: application/soap+xml\r\n", 415),
        ("Content-Type: text/xml\r\n", 415),
        ("", 415),
        ("Content-Type: application/vnd.syncml.dm+xml\r\nContent-Encoding: gzip\r\n", 415),
    ];
    for (headers, status) in statuses {
        let response = server.connect().await.post(MDM, headers, b"<SyncML/>").await;
        assert_eq!((response.status, response.body.is_empty()), (status, status != 200), "{headers}");
    }
    assert_eq!(server.counted(r#"transom_http_refusals_total{door="device",reason="content_type"}"#), 3);
}

#[tokio::test]
async fn every_answer_has_its_status_and_says_when_to_come_back() {
    let retry_after = Duration::from_millis(1500);
    let refusal = |reason| xml::Refusal { path: "/".into(), offset: 0, reason };
    let answers = [
        (Answer::Unreadable(refusal(xml::Reason::Malformed("no".into()))), 400, ""),
        (Answer::Unreadable(refusal(xml::Reason::TooLarge(1))), 413, ""),
        (Answer::Busy { retry_after }, 503, "2"),
        (Answer::Unavailable { retry_after }, 503, "2"),
        (Answer::TooMany { retry_after }, 429, "2"),
    ];
    for (answer, status, seconds) in answers {
        let server = Server::start(&settings(), answer_with(move |_| answer.clone())).await;
        let response = server.connect().await.message(b"<SyncML/>").await;
        assert_eq!((response.status, response.header("retry-after")), (status, seconds));
        assert_eq!((response.body.len(), response.header("content-length")), (0, "0"));
    }
}

#[tokio::test]
async fn a_panic_is_a_500_with_an_id_and_the_worker_goes_on() {
    let answering = answer_with(|request| {
        assert!(request.body != b"bad", "a bug");
        reply(b"ok")
    });
    let server = Server::start(&settings(), answering).await;
    let mut client = server.connect().await;
    let response = client.message(b"bad").await;
    assert_eq!((response.status, response.body.len()), (500, 0));
    assert_eq!(response.header("x-request-id").len(), 36);
    assert_eq!(client.message(b"good").await.status, 200);
    assert_eq!(server.counted("transom_http_panics_total"), 1);
}

#[tokio::test]
async fn garbage_instead_of_http_is_refused_and_closed() {
    let server = Server::start(&settings(), echo()).await;
    for garbage in [&b"\x16\x03\x01\0\0\0\r\n\r\n"[..], b"POST / HTTP/9.9\r\n\r\n", b"NONSENSE\r\n\r\n"] {
        let mut client = server.connect().await;
        client.send(garbage).await;
        assert_eq!(client.response().await.status, 400);
        client.closed().await;
    }
    assert_eq!(server.connect().await.message(b"x").await.status, 200);
}
