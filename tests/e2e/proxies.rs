//! nginx, HAProxy and Caddy in front, real processes: with the client certificate in a header and with TLS passed through. And
//! whoever speaks in the name of a proxy without being one (T12).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use transom::pki::device::{DeviceKeyKind, certificate_der};
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::ClientOptions;

use super::on_both;
use super::signatures::{client, package};
use crate::support::enrolled::{enroll, let_enroll};
use crate::support::proxy::{Kind, Proxy};
use crate::support::server::{Site, until};
use crate::support::windows::Windows;

on_both!(
    devices_are_known_behind_nginx_that_ends_tls,
    devices_are_known_behind_nginx_that_passes_tls_through,
    devices_are_known_behind_haproxy_that_ends_tls,
    devices_are_known_behind_haproxy_that_passes_tls_through,
    devices_are_known_behind_caddy_that_ends_tls,
    whoever_speaks_in_the_name_of_a_proxy_is_turned_away,
    a_trusted_proxy_that_lets_lies_through_is_not_believed,
);

async fn devices_are_known_behind_nginx_that_ends_tls(site: Site) {
    let site =
        site.with("PROXY_CERTIFICATE_HEADER", "X-SSL-Client-Cert").with("PROXY_ADDRESS_HEADER", "X-Forwarded-For");
    behind(site, Kind::Nginx, "nginx-headers.conf").await;
}

async fn devices_are_known_behind_nginx_that_passes_tls_through(site: Site) {
    behind(site.with("PROXY_PROTOCOL", "true"), Kind::Nginx, "nginx-passthrough.conf").await;
}

async fn devices_are_known_behind_haproxy_that_ends_tls(site: Site) {
    let site = site.with("PROXY_CERTIFICATE_HEADER", "Client-Cert").with("PROXY_ADDRESS_HEADER", "X-Forwarded-For");
    behind(site, Kind::Haproxy, "haproxy-headers.cfg").await;
}

async fn devices_are_known_behind_haproxy_that_passes_tls_through(site: Site) {
    behind(site.with("PROXY_PROTOCOL", "true"), Kind::Haproxy, "haproxy-passthrough.cfg").await;
}

async fn devices_are_known_behind_caddy_that_ends_tls(site: Site) {
    let site =
        site.with("PROXY_CERTIFICATE_HEADER", "X-SSL-Client-Cert").with("PROXY_ADDRESS_HEADER", "X-Forwarded-For");
    behind(site, Kind::Caddy, "caddy-headers.Caddyfile").await;
}

/// Devices enroll and are managed through a proxy; what they prove and where they are is known all the same.
async fn behind(site: Site, kind: Kind, file: &str) {
    let site = site.without_rates().with("PROXY_TRUSTED", "127.0.0.1");
    let server = site.serve();
    let operator = server.operator();
    let_enroll(&operator).await;
    let Some(proxy) = Proxy::start(kind, file, &site, &server) else { return };
    let windows = Windows::new(proxy.addr, site.root());
    let [mut a, b] = [
        enroll(proxy.addr, &windows, "P-A", DeviceKeyKind::Rsa2048).await,
        enroll(proxy.addr, &windows, "P-B", DeviceKeyKind::P256).await,
    ];
    let get = json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]);
    let ordered = operator.order_for("P-A", &get).await;
    let waiting = operator.order_for("P-B", &get).await;
    let certified = client(&windows, windows.options.clone(), &a);
    assert_eq!(windows.session(&certified, &mut a).await.replies, 2, "nobody is asked for a digest");
    assert_eq!(operator.state(&ordered[0]).await, "succeeded");
    let sessions = operator.list("/api/v1/sessions?device_id=P-A").await;
    assert_eq!(sessions[0]["authentication"], "transport");
    let messages = operator.list(&format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap())).await;
    let proof = messages[0]["proofs"][0]["detail"].as_str().unwrap();
    let passed_on = proof.contains("passed on by the proxy 127.0.0.1");
    assert_eq!(passed_on, file.contains("headers"), "{proof}");
    // A signature comes through as it was made, byte for byte.
    let signing = ClientOptions { signs: true, ..windows.options.clone() };
    windows.session(&client(&windows, signing, &a), &mut a).await;

    // Where the client is, not where the proxy is: this one comes from another address of this machine.
    let elsewhere =
        windows.http_builder(proxy.addr).local_address(std::net::IpAddr::from([127, 0, 0, 9])).build().unwrap();
    let body = package("P-B", 7);
    let status = post(&elsewhere, windows.url(), &body, &[]).await;
    assert_eq!(status, 403, "without its certificate a device is not heard");
    let refused = operator.get("/api/v1/devices/P-B/refused").await;
    assert_eq!(refused["items"][0]["peer"], "127.0.0.9", "{refused}");

    // A client that brings the header itself is either not heard of it or refused, and never believed.
    let own = b.identity().certificate.as_ref().unwrap();
    let der = STANDARD.encode(certificate_der(own.certificate.as_bytes()).unwrap());
    let rfc_9440 = format!(":{der}:");
    for name in ["Client-Cert", "X-SSL-Client-Cert", "x-forwarded-tls-client-cert", "Client_Cert"] {
        for value in [&der, &rfc_9440] {
            assert_eq!(post(&windows.http(), windows.url(), &body, &[(name, value)]).await, 403, "{name}");
        }
    }
    // Device A's certificate does not speak for device B either.
    assert_eq!(post(&windows.http_as(&a), windows.url(), &body, &[]).await, 403);
    assert_eq!(operator.state(&waiting[0]).await, "queued");
    let sessions = operator.list("/api/v1/sessions?device_id=P-B").await;
    assert!(sessions.is_empty(), "{sessions:?}");
}

async fn whoever_speaks_in_the_name_of_a_proxy_is_turned_away(site: Site) {
    let site = site.without_rates().with("PROXY_TRUSTED", "192.0.2.1").with("PROXY_CERTIFICATE_HEADER", "Client-Cert");
    let server = site.serve();
    let operator = server.operator();
    let_enroll(&operator).await;
    let windows = Windows::new(server.device_addr, site.root());
    let mut device = enroll(server.device_addr, &windows, "P-S", DeviceKeyKind::P256).await;
    let certified = client(&windows, windows.options.clone(), &device);
    windows.session(&certified, &mut device).await;
    let before = operator.get("/api/v1/devices/P-S").await;
    let own = device.identity().certificate.as_ref().unwrap();
    let der = format!(":{}:", STANDARD.encode(certificate_der(own.certificate.as_bytes()).unwrap()));
    let body = package("P-S", 900);
    let refused =
        async || operator.counter("transom_device_certificate_refusals_total", "proxy_header_of_a_stranger").await;
    for (name, value) in [
        ("Client-Cert", der.as_str()),
        ("CLIENT_CERT", &der),
        ("X-SSL-Client-Cert", &der),
        ("X-Forwarded-For", "192.0.2.1"),
    ] {
        let counted = refused().await;
        // Also where the connection itself has the right certificate.
        for http in [windows.http(), windows.http_as(&device)] {
            assert_eq!(post(&http, windows.url(), &body, &[(name, value)]).await, 403, "{name}");
        }
        assert_eq!(refused().await, counted + 2, "{name}");
    }
    let told = operator.get("/api/v1/devices/P-S/refused").await;
    assert_eq!(told["items"][0]["proofs"][0]["reason"], "proxy_header_of_a_stranger");
    assert_eq!(operator.get("/api/v1/devices/P-S").await["last_seen_at"], before["last_seen_at"]);
    // The services of enrollment are no other door.
    let url = windows.url().replace("ManagementServer/Mdm.svc", "EnrollmentServer/Discovery.svc");
    let sent = windows.http().post(url).header("Content-Type", "application/soap+xml").header("Client-Cert", &der);
    assert_eq!(sent.body("<x/>").send().await.unwrap().status(), 403);
    // Nor does the PROXY protocol help a stranger.
    let mut line = tokio::net::TcpStream::connect(server.device_addr).await.unwrap();
    line.write_all(b"PROXY TCP4 192.0.2.1 192.0.2.1 1 2\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = line.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:02x?}");
    until("the line of a stranger is counted and told", async || {
        let counted = operator.counter("transom_http_refusals_total", "proxy_line_of_a_stranger").await;
        (counted == 1 && site.log().contains("PROXY protocol")).then_some(())
    })
    .await;
}

async fn a_trusted_proxy_that_lets_lies_through_is_not_believed(site: Site) {
    let site =
        site.without_rates().with("PROXY_TRUSTED", "127.0.0.0/8").with("PROXY_CERTIFICATE_HEADER", "Client-Cert");
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    let device = enroll(server.device_addr, &windows, "P-L", DeviceKeyKind::P256).await;
    let own = device.identity().certificate.as_ref().unwrap();
    let der = format!(":{}:", STANDARD.encode(certificate_der(own.certificate.as_bytes()).unwrap()));
    let body = package("P-L", 1);
    let http = windows.http();
    for headers in [
        vec![("Client-Cert", der.as_str()), ("Client-Cert", &der)],
        vec![("Client-Cert", &der), ("client_cert", &der)],
        vec![("Client-Cert", &der), ("X-SSL-Client-Cert", &der)],
        vec![("X-SSL-Client-Cert", &der)],
        vec![("Client-Cert", "nonsense")],
    ] {
        assert_eq!(post(&http, windows.url(), &body, &headers).await, 403, "{headers:?}");
    }
    // The proxy's own certificate is nobody's, and its word alone is enough.
    assert_eq!(post(&windows.http_as(&device), windows.url(), &body, &[]).await, 403);
    assert_eq!(post(&http, windows.url(), &body, &[("CLIENT-CERT", &der)]).await, 200);
}

async fn post(http: &reqwest::Client, url: &str, body: &[u8], headers: &[(&str, &str)]) -> u16 {
    let mut request = http.post(url).header("Content-Type", Encoding::Xml.content_type());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.to_vec()).send().await.unwrap().status().as_u16()
}
