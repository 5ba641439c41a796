//! `POST /ManagementServer/Mdm.svc` (MS-MDM 2.1).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload},
};
use tokio::time::timeout;
use transom_protocol::{session::Timestamp, syncml::codec::Encoding, xml::Reason};

use super::{DeviceDoor, headers, refusal::Refusal};
use crate::{
    http::{observe::Note, proxy::FarSide},
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
        let arrived = Timestamp(jiff::Timestamp::now().as_millisecond());
        // A lie about a proxy is judged with the message, so that the journal has it.
        let (FarSide { peer, certificate }, lie) = match self.far_side(request, arrived) {
            Ok(side) => (side, None),
            Err(refused) => (FarSide { peer: headers::peer(request), certificate: None }, Some(refused.as_str())),
        };
        self.check_rates(peer)?;
        let signature = headers::signature(request, &self.authorities);
        let headers = headers::read(request);
        note.correlation(headers.ms_cv.as_deref());
        let encoding = encoding_of(request)?;
        let taken = self.take_in(request, payload, note, None).await?;
        // The memory counts as held until the answer is there.
        let (body, _held) = taken.into_parts();
        let received_at = Timestamp(jiff::Timestamp::now().as_millisecond());
        let request = DeviceRequest { encoding, body, headers, peer, certificate, signature, lie, received_at };
        let answer = (self.answering)(request);
        match timeout(self.answer_timeout, answer).await.map_err(|_| Refusal::AnswerTooSlow)? {
            Answer::Reply { encoding, body } => Ok((encoding, body)),
            Answer::Unreadable(refusal) => {
                tracing::info!(%refusal, "unreadable message");
                let too_large = matches!(refusal.reason, Reason::TooLarge(_));
                Err(if too_large { Refusal::BodyTooLarge } else { Refusal::Unreadable })
            }
            Answer::Forbidden => Err(Refusal::Identity),
            Answer::Busy { retry_after } => Err(Refusal::Busy(retry_after)),
            Answer::Unavailable { retry_after } => Err(Refusal::Unavailable(retry_after)),
            Answer::TooMany { retry_after } => Err(Refusal::DeviceRate(retry_after)),
        }
    }
}

/// What the body is written in.
fn encoding_of(request: &HttpRequest) -> Result<Encoding, Refusal> {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    named.and_then(Encoding::from_content_type).ok_or(Refusal::ContentType)
}
