//! What people and scripts get.

use std::{net::SocketAddr, sync::Arc};

use actix_web::{HttpResponse, web};
use futures_util::FutureExt as _;

use super::support::{Server, echo, parts, settings};
use crate::admin::{Condition, Finding, Health};
use crate::http::{StartError, api, problem::Problem};

fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn health_readiness_and_metrics_need_no_token() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect_admin().await;
    assert_eq!(client.get("/healthz", "").await.body, b"ok\n");
    assert_eq!(client.get("/readyz", "").await.body, b"ready\n");
    server.connect().await.message(b"x").await;
    let metrics = client.get("/metrics", "").await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let page = String::from_utf8(metrics.body).unwrap();
    let counted = r#"transom_http_requests_total{door="device",route="management",status="200"} 1"#;
    assert!(page.contains(counted) && page.ends_with("# EOF\n"), "{page}");
}

#[tokio::test]
async fn not_ready_is_a_503_that_tells_why_to_operators_alone() {
    let (mut parts, root) = parts(echo());
    let failed = Finding::new("database", Condition::Failed, "no route to db.internal");
    parts.readiness = Arc::new(move || {
        let failed = failed.clone();
        async { Health::of(vec![failed]) }.boxed()
    });
    let server = Server::with(&settings(), parts, root).await.unwrap();
    let mut client = server.connect_admin().await;
    let response = client.get("/readyz", "").await;
    assert_eq!(response.status, 503);
    assert!(!String::from_utf8_lossy(&response.body).contains("db.internal"));
    assert_eq!(client.get("/healthz", "").await.status, 200);
    assert_eq!(client.get("/api/v1/health", "").await.status, 401);
    let told = json(&client.get("/api/v1/health", "Authorization: Bearer good\r\n").await.body);
    assert_eq!(told["ready"], false);
    assert_eq!(told["parts"][0]["detail"], "no route to db.internal");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_the_id_of_the_request() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect_admin().await;
    let response = client.get("/nowhere", "").await;
    assert_eq!((response.status, response.header("content-type")), (404, "application/problem+json"));
    let problem = json(&response.body);
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["title"], "Not Found");
    assert_eq!(problem["instance"], format!("urn:uuid:{}", response.header("x-request-id")));
    let response = client.post("/healthz", "", b"").await;
    assert_eq!((response.status, response.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn browsers_make_nothing_of_answers_that_are_no_pages() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect_admin().await;
    for path in ["/healthz", "/metrics", "/api/openapi.json", "/api/v1/devices", "/nowhere"] {
        let response = client.get(path, "").await;
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{path}");
        let policy = response.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    }
    let page = client.get("/sign-in", "").await;
    assert!(page.header("content-security-policy").contains("style-src 'self'"), "pages say more");
}

#[tokio::test]
async fn a_query_that_can_not_be_read_is_a_problem_also_before_signing_in() {
    let server = Server::start(&settings(), echo()).await;
    let response = server.connect_admin().await.get("/sign-in?next=a&next=b", "").await;
    assert_eq!((response.status, response.header("content-type")), (400, "application/problem+json"));
}

/// What a wrong password at the admin door leaves behind, for whom it says that it is.
async fn locked_out(server: &Server, header: &str) -> bool {
    let mut status = 0;
    for _ in 0..6 {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let form = b"name=ada&password=wrong-password";
        status = server.connect_admin().await.post("/sign-in", &format!("{kind}{header}"), form).await.status;
    }
    status == 429
}

#[tokio::test]
async fn behind_a_proxy_that_is_trusted_everybody_is_locked_out_alone() {
    let mut settings = settings();
    settings.proxy.address_header = "x-forwarded-for".parse().unwrap();
    settings.proxy.trusted = vec!["127.0.0.1".parse().unwrap()];
    let server = Server::start(&settings, echo()).await;
    assert!(locked_out(&server, "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n").await);
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let tries = async |header: &str| {
        let mut client = server.connect_admin().await;
        client.post("/sign-in", &format!("{kind}{header}"), b"name=ada&password=wrong-password").await.status
    };
    assert_eq!(tries("X-Forwarded-For: 192.0.2.8\r\n").await, 401);
    assert_eq!(tries("X-Forwarded-For: 192.0.2.7\r\n").await, 429);
    assert_eq!(tries("X-Forwarded-For: 192.0.2.9, 192.0.2.7\r\n").await, 429, "what stands before is a claim");
    // Whoever is not trusted is not listened to.
    settings.proxy.trusted = vec!["192.0.2.200".parse().unwrap()];
    let server = Server::start(&settings, echo()).await;
    assert!(locked_out(&server, "X-Forwarded-For: 192.0.2.7\r\n").await);
    let mut client = server.connect_admin().await;
    let other = format!("{kind}X-Forwarded-For: 192.0.2.8\r\n");
    assert_eq!(client.post("/sign-in", &other, b"name=ada&password=wrong-password").await.status, 429);
}

#[tokio::test]
async fn a_trusted_proxy_may_begin_with_the_proxy_protocol_and_the_command_line_beside_it_need_not() {
    let mut settings = settings();
    settings.proxy.trusted = vec!["127.0.0.1".parse().unwrap()];
    settings.proxy.protocol = true;
    let server = Server::start(&settings, echo()).await;
    let mut client = server.connect_admin().await;
    client.send("PROXY TCP4 192.0.2.7 127.0.0.1 51000 8080\r\n").await;
    assert_eq!(client.get("/healthz", "").await.status, 200);
    assert_eq!(server.connect_admin().await.get("/healthz", "").await.status, 200);
    settings.proxy.trusted = Vec::new();
    let server = Server::start(&settings, echo()).await;
    let mut client = server.connect_admin().await;
    client.send("PROXY TCP4 192.0.2.7 127.0.0.1 51000 8080\r\n").await;
    assert_eq!(client.get("/healthz", "").await.status, 400);
}

#[tokio::test]
async fn the_api_is_closed_without_a_good_token() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect_admin().await;
    let paths = ["/api/v1/devices", "/api/v1/", "/api/v1/nothing/at/all"];
    for path in paths {
        for header in ["", "Authorization: Bearer bad\r\n", "Authorization: Basic good\r\n"] {
            let response = client.get(path, header).await;
            assert_eq!((response.status, response.header("www-authenticate")), (401, "Bearer"), "{path} {header}");
            assert_eq!(json(&response.body)["status"], 401);
        }
    }
    assert_eq!(client.get("/api/v1/nothing", "Authorization: Bearer good\r\n").await.status, 404);
    assert_eq!(client.get("/api/v1/devices", "Authorization: Bearer sleepy\r\n").await.status, 503);
}

#[tokio::test]
async fn other_spellings_of_the_api_open_nothing() {
    let server = Server::start(&settings(), echo()).await;
    let mut client = server.connect_admin().await;
    for path in ["//api/v1/devices", "/API/v1/devices", "/api/v1/%2e%2e/v1/devices", "/api/v1;x/devices", "/api%2fv1/x"]
    {
        let status = client.get(path, "").await.status;
        assert!([401, 404].contains(&status), "{path}: {status}");
    }
}

#[tokio::test]
async fn plain_http_beyond_loopback_must_be_asked_for() {
    let mut settings = settings();
    settings.admin_door.addr = SocketAddr::from(([0, 0, 0, 0], 0));
    let (parts, root) = parts(echo());
    let refused = Server::with(&settings, parts.clone(), root.clone()).await;
    assert!(matches!(refused, Err(StartError::Exposed { .. })));
    settings.admin_door.allow_plain_http = true;
    assert!(Server::with(&settings, parts, root).await.is_ok());
}

#[actix_web::test]
async fn what_is_wrong_with_a_body_is_a_problem() {
    #[derive(serde::Deserialize)]
    struct Order {
        count: u32,
    }
    async fn order(order: api::Body<Order>) -> Result<HttpResponse, Problem> {
        if order.value.count > 9 {
            return Err(Problem::unprocessable("too many").error("/count", "must be at most 9"));
        }
        Ok(HttpResponse::NoContent().finish())
    }
    let tokens = parts(echo()).0.tokens;
    let app = actix_web::App::new().app_data(web::Data::new(tokens)).configure(api::scope(100, |routes| {
        // A path that the table of rights knows.
        routes.route("/commands", web::post().to(order));
    }));
    let app = actix_web::test::init_service(app).await;
    let large = format!(r#"{{"count":1,"x":"{}"}}"#, "x".repeat(100));
    let cases = [
        (r#"{"count":1}"#, "application/json", 204),
        (r#"{"count":10}"#, "application/json", 422),
        (r#"{"count":"x"}"#, "application/json", 400),
        ("{", "application/json", 400),
        (&large, "application/json", 413),
        (r#"{"count":1}"#, "text/plain", 415),
    ];
    for (body, kind, status) in cases {
        let request = actix_web::test::TestRequest::post()
            .uri("/api/v1/commands")
            .insert_header(("Authorization", "Bearer good"))
            .insert_header(("Content-Type", kind))
            .set_payload(body.to_owned())
            .to_request();
        let response = actix_web::test::call_service(&app, request).await;
        assert_eq!(response.status().as_u16(), status, "{body}");
        if status != 204 {
            let problem = json(&actix_web::test::read_body(response).await);
            assert_eq!(problem["status"], status, "{problem}");
        }
    }
}
