//! `POST /ManagementServer/Mdm.svc` (MS-MDM 2.1).

use std::borrow::Cow;

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
    pki::envelope::Form,
};

/// The name of the route in logs and counters.
pub(super) const ROUTE: &str = "management";

/// Takes a message in, has it decided on, and passes the answer back.
pub(super) async fn message(request: HttpRequest, payload: Payload, door: Data<DeviceDoor>) -> HttpResponse {
    let note = Note::of(&request);
    note.route(ROUTE);
    match door.exchange(&request, payload, &note).await {
        Ok((content_type, body)) => HttpResponse::Ok().content_type(content_type.as_ref()).body(body),
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
    ) -> Result<(Cow<'static, str>, Vec<u8>), Refusal> {
        let arrived = Timestamp(jiff::Timestamp::now().as_millisecond());
        // A lie about a proxy is judged with the message, so that the journal has it.
        let (FarSide { peer, certificate }, lie) = match self.far_side(request, arrived) {
            Ok(side) => (side, None),
            Err(refused) => (FarSide { peer: headers::peer(request), certificate: None }, Some(refused.as_str())),
        };
        self.check_rates(peer)?;
        let signature = headers::signature(request);
        let tokens = headers::tokens(request);
        let mut headers = headers::read(request);
        headers.request_id = Some(note.id().to_owned());
        note.correlation(headers.ms_cv.as_deref());
        let (encoding, content_type) = content_type_of(request)?;
        let taken = self.take_in(request, payload, note, None).await?;
        // The memory counts as held until the answer is there.
        let (body, _held) = taken.into_parts();
        // Only an envelope may come under another name than a message does.
        if content_type != encoding.content_type() && Form::of(&body).is_none() {
            return Err(Refusal::ContentType);
        }
        let received_at = Timestamp(jiff::Timestamp::now().as_millisecond());
        let proves = certificate.is_some() || signature.is_some() || Form::of(&body).is_some();
        let authorities = proves.then(|| self.authorities.current());
        let request = DeviceRequest {
            encoding,
            body,
            headers,
            peer,
            certificate,
            signature,
            tokens,
            authorities,
            lie,
            received_at,
        };
        let answer = (self.answering)(request);
        match timeout(self.answer_timeout, answer).await.map_err(|_| Refusal::AnswerTooSlow)? {
            Answer::Reply { encoding, body } => Ok((encoding.content_type().into(), body)),
            Answer::Sealed { content_type: named, body } => Ok((named.map_or(content_type.into(), Cow::Owned), body)),
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

/// What may be said of a body that is an envelope, beside what is said of messages. No specification says which
/// (`EnhancedAppLayerSecurity`), so that the bytes decide what it is.
const ENVELOPES: [&str; 3] = ["application/pkcs7-mime", "application/x-pkcs7-mime", "application/octet-stream"];

/// What the body is written in, and the media type that says so. Where that says nothing of the message, it has to be in an
/// envelope, and what is in there says how it is written.
fn content_type_of(request: &HttpRequest) -> Result<(Encoding, &'static str), Refusal> {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let named = named.ok_or(Refusal::ContentType)?;
    if let Some(encoding) = Encoding::from_content_type(named) {
        return Ok((encoding, encoding.content_type()));
    }
    let media_type = named.split(';').next().unwrap_or_default().trim();
    let found = ENVELOPES.into_iter().find(|known| media_type.eq_ignore_ascii_case(known));
    found.map(|found| (Encoding::Xml, found)).ok_or(Refusal::ContentType)
}
