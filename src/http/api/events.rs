//! What happened: in pages, and as a stream of server-sent events.

use std::{convert::Infallible, fmt::Write as _, future::poll_fn, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Bytes, Data},
};
use futures_util::stream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::{Answer, Caller, Query, only, route::Route, token::Recheck};
use crate::{
    admin::{Admin, FeedJson, FeedQuery},
    events::{Follower, News},
    http::{
        observe::{Note, Observer},
        problem::Problem,
        stop::Stop,
    },
    model::Right,
};

/// How often something is sent although nothing happens, and the token is looked at again.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What is sent first: when to come back after the connection broke, in milliseconds.
const HELLO: &str = "retry: 2000\n: transom\n\n";

pub(super) const ROUTES: &[Route] = &[
    Route::get("/events", Right::Look, "Lists what happened to all devices, in order")
        .query::<FeedQuery>()
        .gives::<FeedJson>(200),
    Route::get("/events/stream", Right::Look, "Tells what happens as it happens, as server-sent events")
        .query::<FeedQuery>()
        .gives_bytes("text/event-stream"),
];

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/events").route(web::get().to(list)).default_service(only("GET")))
        .service(web::resource("/events/stream").route(web::get().to(stream)).default_service(only("GET")));
}

async fn list(admin: Data<Admin>, Query(query): Query<FeedQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(admin.feed(query).await?))
}

/// Events as they happen. `Last-Event-ID` says from where, as browsers have it.
async fn stream(
    request: HttpRequest,
    admin: Data<Admin>,
    observer: Data<Observer>,
    (caller, recheck): (Caller, Recheck),
    Query(mut query): Query<FeedQuery>,
) -> Answer {
    if query.limit.is_some() {
        return Err(Problem::bad_request("a stream has no limit").error("limit", "leave it out"));
    }
    if let Some(last) = request.headers().get("Last-Event-ID") {
        let number = last.to_str().ok().and_then(|text| text.trim().parse().ok());
        query.after = Some(number.ok_or_else(|| {
            Problem::bad_request("Last-Event-ID can't be read").error("Last-Event-ID", "write the number of an event")
        })?);
    }
    let Some(follower) = admin.follow_feed(&query, &caller.token).await? else {
        Note::of(&request).reason("followers");
        return Err(Problem::unavailable()
            .detail("too many follow the stream of this server, or too many with this token; come back later"));
    };
    let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let telling = Telling { follower, stop: observer.stop.clone(), recheck, heartbeat, greeted: false };
    let body = stream::unfold(telling, |mut telling| async move {
        let said = telling.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(said)), telling))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // A proxy that holds it back would make it useless.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(body))
}

/// A stream that is being sent. It is asked for more only when what it said before is on its way, so that a client that
/// does not read holds up nobody.
struct Telling {
    follower: Follower,
    stop: Stop,
    recheck: Recheck,
    heartbeat: Interval,
    greeted: bool,
}

impl Telling {
    /// What is sent next; nothing when the stream has to end.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(HELLO.to_owned());
        }
        tokio::select! {
            biased;
            () = poll_fn(|context| self.stop.poll(context)) => None,
            _ = self.heartbeat.tick() => self.recheck.is_good().await.then(|| ": still here\n\n".to_owned()),
            news = self.follower.next() => match news {
                // Nothing is told to whom the door was closed meanwhile.
                Ok(news) => self.recheck.is_good().await.then(|| written(&news)),
                Err(error) => {
                    // The client comes back and goes on where it stood.
                    tracing::error!(%error, "a stream of events ends");
                    None
                }
            },
        }
    }
}

/// Events as the standard has them (HTML, server-sent events). JSON of one line has no line break inside.
// Writing to a String does not fail.
fn written(news: &News) -> String {
    let mut text = String::new();
    if news.missed > 0 {
        let _ = write!(text, "event: missed\ndata: {{\"missed\":{}}}\n\n", news.missed);
    }
    for event in &news.items {
        let Ok(json) = serde_json::to_string(event) else { continue };
        let _ = write!(text, "id: {}\nevent: {}\ndata: {json}\n\n", event.number, event.told.kind.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FeedEvent, FeedKind, Timestamp, Told};

    #[test]
    fn an_event_is_three_lines_whatever_it_holds() {
        let data = serde_json::json!({ "code": "a\r\nevent: forged\n\ndata: {}\u{2028}" });
        let told = Told::new(FeedKind::DeviceAlert, Timestamp(1_800_000_000_000), data);
        let text = written(&News { items: vec![FeedEvent { number: 7, told }], missed: 3 });
        let lines: Vec<&str> = text.split(['\n', '\r']).collect();
        assert_eq!(lines[..4], ["event: missed", "data: {\"missed\":3}", "", "id: 7"], "{text}");
        assert_eq!(lines[4], "event: device.alert");
        assert!(lines[5].starts_with("data: {") && lines[6..] == ["", ""], "{lines:?}");
    }
}
