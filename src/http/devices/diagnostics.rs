//! `PUT /Diagnostics/<token>`: an archive that a device was asked for, at an address that is good once.
//!
//! No certificate is asked for: the device sends it as it would to a store in a cloud, and the token is what it has. It
//! is read piece by piece, never held as a whole.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Path, Payload},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{DeviceDoor, declared_length, headers, now, only};
use crate::{
    actions::{Archives, Claimed, UploadRefused},
    http::observe::Note,
};

/// The name of the route in logs and counters.
const ROUTE: &str = "diagnostics";

/// Bytes that are written at once.
const PIECE: usize = 256 * 1024;

/// Why an archive was not taken: by us, or on its way.
enum Failed {
    Refused(UploadRefused),
    Broken,
    Slow,
}

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource(r"/{path:(?i:Diagnostics)}/{token:[A-Za-z0-9_-]{20,100}}")
            .route(web::put().to(receive))
            .default_service(web::to(|request| only(request, ROUTE, "PUT"))),
    );
}

async fn receive(
    request: HttpRequest,
    payload: Payload,
    path: Path<(String, String)>,
    door: Data<DeviceDoor>,
    archives: Data<Archives>,
) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    let peer = door.far_side(&request, now()).map_or_else(|_| headers::peer(&request), |side| side.peer);
    if let Err(refusal) = door.check_rates(peer) {
        note.reason(refusal.word());
        return refusal.reply(door.retry_after);
    }
    let declared = match declared_length(&request) {
        Ok(declared) => declared,
        Err(refusal) => {
            note.reason(refusal.word());
            return refusal.reply(door.retry_after);
        }
    };
    let (_, token) = path.into_inner();
    match door.archive(&archives, &token, declared, payload, &note).await {
        Ok(()) => HttpResponse::Created().finish(),
        Err(failed) => told(&failed, &note),
    }
}

impl DeviceDoor {
    async fn archive(
        &self,
        archives: &Archives,
        token: &str,
        declared: Option<u64>,
        mut payload: Payload,
        note: &Note,
    ) -> Result<(), Failed> {
        let mut claimed = archives.claim(token, declared, now()).await.map_err(Failed::Refused)?;
        let mut piece = Vec::new();
        let mut bytes = 0_usize;
        loop {
            // Each piece has the time that a whole message has: who sends nothing does not hold the place.
            match timeout(self.body_timeout, payload.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(more))) => {
                    bytes = bytes.saturating_add(more.len());
                    piece.extend_from_slice(&more);
                    if piece.len() >= PIECE {
                        claimed = write(archives, claimed, &mut piece).await?;
                    }
                }
                Ok(Some(Err(_))) => return Err(gone(archives, claimed, Failed::Broken).await),
                Err(_) => return Err(gone(archives, claimed, Failed::Slow).await),
            }
        }
        note.received(bytes);
        let claimed = write(archives, claimed, &mut piece).await?;
        if declared.is_some_and(|declared| u64::try_from(bytes) != Ok(declared)) || bytes == 0 {
            return Err(gone(archives, claimed, Failed::Broken).await);
        }
        archives.finish(claimed, now()).await.map_err(Failed::Refused)
    }
}

async fn write(archives: &Archives, claimed: Claimed, piece: &mut Vec<u8>) -> Result<Claimed, Failed> {
    archives.write(claimed, std::mem::take(piece)).await.map_err(Failed::Refused)
}

async fn gone(archives: &Archives, claimed: Claimed, failed: Failed) -> Failed {
    archives.give_up(claimed).await;
    failed
}

/// A status and no body: whoever guesses learns nothing.
fn told(failed: &Failed, note: &Note) -> HttpResponse {
    let (status, reason) = match failed {
        Failed::Refused(UploadRefused::NotAwaited) => (StatusCode::NOT_FOUND, "path"),
        Failed::Refused(UploadRefused::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        Failed::Refused(UploadRefused::Full) => (StatusCode::INSUFFICIENT_STORAGE, "archives_full"),
        Failed::Refused(error @ (UploadRefused::File(_) | UploadRefused::Store(_))) => {
            tracing::error!(id = note.id(), %error, cause = std::error::Error::source(error), "an archive was not kept");
            (StatusCode::SERVICE_UNAVAILABLE, "store")
        }
        Failed::Broken => (StatusCode::BAD_REQUEST, "body_broken"),
        Failed::Slow => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
    };
    note.reason(reason);
    let mut reply = HttpResponse::build(status);
    // The rest of the body is not read.
    reply.force_close().insert_header((header::CONTENT_LENGTH, 0)).finish()
}
