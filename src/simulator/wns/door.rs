//! What a server asks of WNS, and what it is answered (protocol of raw notifications).

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data, Form, Path, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode};
use openssl::ssl::SslAcceptorBuilder;
use serde::Deserialize;

use super::Shared;

/// Largest notification that WNS takes.
const MOST_BYTES: usize = 5_000;

/// The query of a channel.
#[derive(Deserialize)]
struct Channel {
    token: String,
}

/// What a token is asked for with. No secret is worth anything here, and none is kept.
#[derive(Deserialize)]
struct Credentials {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

/// Serves in a thread of its own; `None` where that can't be begun.
pub(super) fn serve(listener: TcpListener, tls: SslAcceptorBuilder, shared: Arc<Shared>) -> Option<ServerHandle> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let shared = Data::from(shared);
    std::thread::spawn(move || {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/token", web::post().to(token))
                .route("/w/{number}", web::post().to(push))
                .default_service(web::to(elsewhere))
        });
        actix_web::rt::System::new().block_on(async move {
            let Ok(bound) = server.workers(1).disable_signals().listen_openssl(listener, tls) else { return };
            let running = bound.run();
            let _ = sender.send(running.handle());
            if let Err(error) = running.await {
                tracing::error!(%error, "the stand-in for WNS ended");
            }
        });
    });
    receiver.recv().ok()
}

async fn token(shared: Data<Shared>, asked: Result<Form<Credentials>, actix_web::Error>) -> HttpResponse {
    let is_good = asked.is_ok_and(|Form(asked)| {
        asked.grant_type == "client_credentials" && !asked.client_id.is_empty() && !asked.client_secret.is_empty()
    });
    if !is_good {
        shared.with(|state| state.complain("a token was asked for without client credentials".to_owned()));
        return HttpResponse::BadRequest().json(serde_json::json!({ "error": "invalid_request" }));
    }
    HttpResponse::Ok().json(serde_json::json!({
        "token_type": "bearer", "access_token": shared.token(), "expires_in": 86_400,
    }))
}

async fn push(
    shared: Data<Shared>,
    request: HttpRequest,
    number: Path<usize>,
    channel: Query<Channel>,
    body: Bytes,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let number = number.into_inner();
    if number >= shared.devices || channel.token != format!("{:x}", shared.run) {
        // A channel of an earlier run: as one that has expired.
        return HttpResponse::Gone().finish();
    }
    let bearer = header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    if !shared.with(|state| state.tokens.contains(&bearer)) {
        // Of an earlier run as well: the server asks for another one.
        return HttpResponse::Unauthorized().finish();
    }
    let wrong = [
        (header("x-wns-type") != "wns/raw", "X-WNS-Type is not wns/raw"),
        (header("content-type") != "application/octet-stream", "Content-Type is not application/octet-stream"),
        (body.is_empty(), "the body is empty: such a push wakes nobody"),
        (body.len() > MOST_BYTES, "the body is larger than 5000 bytes"),
    ];
    if let Some((_, why)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        shared.with(|state| state.complain(format!("a push to device {number}: {why}")));
        return HttpResponse::build(StatusCode::BAD_REQUEST).insert_header(("X-WNS-Error-Description", why)).finish();
    }
    shared.with(|state| state.report.pushes += 1);
    let _ = shared.pushed.send(number);
    HttpResponse::Ok()
        .insert_header(("X-WNS-Status", "received"))
        .insert_header(("X-WNS-DeviceConnectionStatus", "connected"))
        .finish()
}

async fn elsewhere(shared: Data<Shared>, request: HttpRequest) -> HttpResponse {
    shared.with(|state| state.complain(format!("{} {} is none of WNS", request.method(), request.path())));
    HttpResponse::NotFound().finish()
}
