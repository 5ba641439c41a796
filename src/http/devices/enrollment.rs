//! `/EnrollmentServer/Discovery.svc`, `Policy.svc`, `Enrollment.svc` (MS-MDE2 2.1): SOAP in, SOAP out, never chunked.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Payload},
};
use tokio::time::timeout;
use transom_protocol::{
    session::Timestamp,
    soap::{self, Operation},
};

use super::{DeviceDoor, headers, only, refusal::Refusal};
use crate::{
    enrollment::{EnrollmentAnswer, EnrollmentRequest},
    http::{observe::Note, proxy::FarSide},
};

/// The routes. Windows writes the paths as the documents do, people type them as they like.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource(r"/{path:(?i:EnrollmentServer/Discovery\.svc)}")
                .route(web::get().to(probe))
                .route(web::head().to(probe))
                .route(web::post().to(discover))
                .default_service(web::to(|request| only(request, route(Operation::Discover), "GET, HEAD, POST"))),
        )
        .service(
            web::resource(r"/{path:(?i:EnrollmentServer/Policy\.svc)}")
                .route(web::post().to(policies))
                .default_service(web::to(|request| only(request, route(Operation::GetPolicies), "POST"))),
        )
        .service(
            web::resource(r"/{path:(?i:EnrollmentServer/Enrollment\.svc)}")
                .route(web::post().to(token))
                .default_service(web::to(|request| only(request, route(Operation::RequestSecurityToken), "POST"))),
        );
}

/// Before a device sends anything it looks whether somebody is there (MS-MDE2 1.3.1).
async fn probe(request: HttpRequest) -> HttpResponse {
    Note::of(&request).route("discovery_probe");
    let mut reply = HttpResponse::Ok();
    reply.insert_header((header::CACHE_CONTROL, "no-cache")).insert_header((header::PRAGMA, "no-cache"));
    reply.content_type("text/html; charset=utf-8").finish()
}

async fn discover(request: HttpRequest, payload: Payload, door: Data<DeviceDoor>) -> HttpResponse {
    door.enroll(&request, payload, Operation::Discover).await
}

async fn policies(request: HttpRequest, payload: Payload, door: Data<DeviceDoor>) -> HttpResponse {
    door.enroll(&request, payload, Operation::GetPolicies).await
}

async fn token(request: HttpRequest, payload: Payload, door: Data<DeviceDoor>) -> HttpResponse {
    door.enroll(&request, payload, Operation::RequestSecurityToken).await
}

/// The name of a route in logs and counters.
const fn route(operation: Operation) -> &'static str {
    match operation {
        Operation::Discover => "discovery",
        Operation::GetPolicies => "policies",
        Operation::RequestSecurityToken => "enrollment",
    }
}

impl DeviceDoor {
    async fn enroll(&self, request: &HttpRequest, payload: Payload, operation: Operation) -> HttpResponse {
        let note = Note::of(request);
        note.route(route(operation));
        match self.envelope(request, payload, operation, &note).await {
            Ok(EnrollmentAnswer::Done(body)) => envelope(body),
            // A fault is an answer: with 500 some proxies would put a page of their own in its place, and Windows would
            // show a number that means nothing. Windows reads it with either.
            Ok(EnrollmentAnswer::Fault(body, word)) => {
                note.reason(word);
                envelope(body)
            }
            Ok(EnrollmentAnswer::Unreadable(word)) => {
                note.reason(word);
                Refusal::Unreadable.reply(self.retry_after)
            }
            Err(refusal) => {
                note.reason(refusal.word());
                refusal.reply(self.retry_after)
            }
        }
    }

    async fn envelope(
        &self,
        request: &HttpRequest,
        payload: Payload,
        operation: Operation,
        note: &Note,
    ) -> Result<EnrollmentAnswer, Refusal> {
        let received_at = Timestamp(jiff::Timestamp::now().as_millisecond());
        let FarSide { peer, certificate } = self.far_side(request, received_at).map_err(|refused| {
            tracing::warn!(reason = refused.as_str(), peer = %headers::peer(request), "a header of a proxy is not believed");
            Refusal::Proxy(refused)
        })?;
        self.check_rates(peer)?;
        is_soap(request)?;
        let taken = self.take_in(request, payload, note, Some(self.answer_timeout)).await?;
        let (body, _held) = taken.into_parts();
        let answer = (self.enrolling)(EnrollmentRequest {
            operation,
            body,
            peer,
            certificate,
            port: self.port,
            from_entra: request.query_string().split('&').any(|part| part.eq_ignore_ascii_case("entra")),
            trace_id: note.id().to_owned(),
            received_at,
        });
        timeout(self.answer_timeout, answer).await.map_err(|_| Refusal::AnswerTooSlow)
    }
}

/// SOAP 1.2, or 1.1 as the text of the specification has it. `charset` is not looked at: the reader sees what it is.
fn is_soap(request: &HttpRequest) -> Result<(), Refusal> {
    let named = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = named.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_soap = ["application/soap+xml", "text/xml", "application/xml"]
        .iter()
        .any(|taken| media_type.eq_ignore_ascii_case(taken));
    if is_soap { Ok(()) } else { Err(Refusal::ContentType) }
}

fn envelope(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type(soap::CONTENT_TYPE).body(body)
}
