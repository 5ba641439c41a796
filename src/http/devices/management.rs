//! `POST /ManagementServer/Mdm.svc` (MS-MDM 2.1).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload},
};
use tokio::time::timeout;
use transom_protocol::{session::Timestamp, syncml::codec::Encoding, xml::Reason};

use super::{DeviceDoor, body::Body, headers, refusal::Refusal};
use crate::{
    http::{connections::PeerKey, observe::Note},
    management::{Answer, DeviceRequest},
};

/// The name of the route in logs and counters.
pub(super) const ROUTE: &str = "management";

/// Takes a message in, has it decided on, and passes the answer back.
pub(super) async fn message(request: HttpRequest, payload: Payload, door: Data<DeviceDoor>) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    match door.exchange(&request, payload, &note).await {
        Ok((encoding, body)) => HttpResponse::Ok().content_type(encoding.content_type()).body(body),
        Err(refusal) => {
            note.reason(refusal.word());
            refusal.reply(door.retry_after)
        }
    }
}

impl DeviceDoor {
    async fn exchange(
        &self,
        request: &HttpRequest,
        payload: Payload,
        note: &Note,
    ) -> Result<(Encoding, Vec<u8>), Refusal> {
        let (peer, certificate) = (headers::peer(request), headers::certificate(request));
        self.peers.check(&PeerKey::of(peer)).map_err(Refusal::PeerRate)?;
        self.everybody.check().map_err(Refusal::Rate)?;
        let headers = headers::read(request);
        note.correlation(headers.ms_cv.as_deref());
        let encoding = encoding_of(request)?;
        let declared = declared_length(request)?;
        // Whoever would be sent away after the body is sent away before it.
        if self.in_flight.available_permits() == 0 {
            return Err(Refusal::Overloaded);
        }
        let read = Body::read(payload, declared, self.body_limit, &self.memory);
        let body = timeout(self.body_timeout, read).await.map_err(|_| Refusal::BodyTooSlow)??;
        note.received(body.len());
        let _place = self.in_flight.try_acquire().map_err(|_| Refusal::Overloaded)?;
        // The memory counts as held until the answer is there.
        let (body, _held) = body.into_parts();
        let received_at = Timestamp(jiff::Timestamp::now().as_millisecond());
        let answer = (self.answering)(DeviceRequest { encoding, body, headers, peer, certificate, received_at });
        match timeout(self.answer_timeout, answer).await.map_err(|_| Refusal::AnswerTooSlow)? {
            Answer::Reply { encoding, body } => Ok((encoding, body)),
            Answer::Unreadable(refusal) => {
                tracing::info!(%refusal, "unreadable message");
                let too_large = matches!(refusal.reason, Reason::TooLarge(_));
                Err(if too_large { Refusal::BodyTooLarge } else { Refusal::Unreadable })
            }
            Answer::Forbidden => Err(Refusal::Certificate),
            Answer::Busy { retry_after } => Err(Refusal::Busy(retry_after)),
            Answer::Unavailable { retry_after } => Err(Refusal::Unavailable(retry_after)),
            Answer::TooMany { retry_after } => Err(Refusal::DeviceRate(retry_after)),
        }
    }
}

/// What the body is written in. Nothing is unpacked, because a small body can unpack to a large one.
fn encoding_of(request: &HttpRequest) -> Result<Encoding, Refusal> {
    let packed = request.headers().get_all(header::CONTENT_ENCODING);
    if packed.into_iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::ContentEncoding);
    }
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    named.and_then(Encoding::from_content_type).ok_or(Refusal::ContentType)
}

fn declared_length(request: &HttpRequest) -> Result<Option<u64>, Refusal> {
    let Some(value) = request.headers().get(header::CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|value| value.parse().ok());
    length.map(Some).ok_or(Refusal::BodyBroken)
}
