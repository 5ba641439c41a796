//! A public certificate from an ACME server, proved at the device door and shown there without a restart.

use std::net::{SocketAddr, TcpStream};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;

use super::on_both;
use crate::support::acme::{AcmeServer, Fault};
use crate::support::databases::Engine;
use crate::support::server::{Server, Site, until};

on_both!(
    a_certificate_is_ordered_shown_without_a_restart_and_there_after_one,
    a_server_starts_and_serves_whatever_the_acme_server_does,
);

mod instances {
    #[test]
    fn instances_prove_the_name_together_and_show_one_certificate() {
        let engine = crate::support::databases::Engine::Postgres;
        crate::e2e::on(engine, super::instances_prove_the_name_together_and_show_one_certificate);
    }
}

/// An installation that orders certificates.
fn ordering(site: Site, acme: &AcmeServer) -> Site {
    site.with("ACME_DIRECTORY", &acme.directory())
        .with("ACME_AGREE_TO_TERMS", "true")
        .with("ACME_ROOTS", acme.root().to_str().unwrap())
}

/// What a door shows.
fn shown(address: SocketAddr) -> X509 {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    let tcp = TcpStream::connect(address).unwrap();
    let tls = connector.build().connect("localhost", tcp).unwrap();
    tls.ssl().peer_certificate().unwrap()
}

/// Waits until a door shows a certificate of the ACME server.
async fn secured(server: &Server, acme: &AcmeServer) -> X509 {
    until("a public certificate", async || Some(shown(server.device_addr)).filter(|shown| acme.issued(shown))).await
}

async fn a_certificate_is_ordered_shown_without_a_restart_and_there_after_one(site: Site) {
    let acme = AcmeServer::start();
    let site = ordering(site, &acme);
    let server = site.serve();
    assert!(!acme.issued(&shown(server.device_addr)), "until then the one of the data folder");
    acme.leads_to([server.device_addr]);
    let first = secured(&server, &acme).await;
    let status = server.operator().get("/api/v1/status").await;
    assert_eq!(status["public_certificate"]["shown"], true);
    assert_eq!(status["public_certificate"]["problem"], serde_json::Value::Null);
    assert_eq!(server.terminate(), Some(0));
    // The ACME server is not asked for what is there.
    acme.fails([Fault::Hang, Fault::Hang]);
    let server = site.serve();
    assert_eq!(shown(server.device_addr).to_der().unwrap(), first.to_der().unwrap());
    assert_eq!(acme.orders(), 1);
    if site.engine == Engine::Sqlite {
        for entry in std::fs::read_dir(site.data()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let bytes = if name.starts_with("transom.db") { std::fs::read(entry.path()).unwrap() } else { Vec::new() };
            for secret in ["PRIVATE KEY", "key_pkcs8"] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} in {name}");
            }
        }
    }
    assert!(!site.log().contains("PRIVATE KEY") && !site.log().contains("key_pkcs8"));
}

async fn a_server_starts_and_serves_whatever_the_acme_server_does(site: Site) {
    let acme = AcmeServer::start();
    acme.fails([Fault::Hang]);
    let site = ordering(site, &acme).with("ACME_TIMEOUT", "1s").with("ACME_ORDER_TIMEOUT", "10s");
    let server = site.serve();
    acme.leads_to([server.device_addr]);
    // The order hangs, and the door is open.
    assert!(!acme.issued(&shown(server.device_addr)));
    let problem = async || {
        let status = server.operator().get("/api/v1/status").await;
        status["public_certificate"]["problem"].as_str().map(str::to_owned)
    };
    let said = until("a problem that is told", problem).await;
    assert!(said.contains("time"), "{said}");
    assert!(!acme.issued(&shown(server.device_addr)));
    assert!(site.log().contains("no certificate was issued"));
    assert_eq!(server.terminate(), Some(0));
}

async fn instances_prove_the_name_together_and_show_one_certificate(site: Site) {
    let acme = AcmeServer::start();
    let site = ordering(site, &acme);
    let servers = [site.serve(), site.serve_copy("other")];
    // Nobody knows which of them an ACME server reaches: it asks both.
    acme.leads_to(servers.iter().map(|server| server.device_addr));
    let first = secured(&servers[0], &acme).await;
    let second = secured(&servers[1], &acme).await;
    assert_eq!(first.to_der().unwrap(), second.to_der().unwrap());
    assert_eq!((acme.orders(), acme.accounts()), (1, 1));
    for server in servers {
        assert_eq!(server.terminate(), Some(0));
    }
}
