//! A stand-in for a collector of OpenTelemetry: HTTP on a port of its own, and another reader of what it is sent.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// The collector. It is gone when it is dropped.
pub(crate) struct Collector {
    port: u16,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

#[derive(Default)]
struct State {
    bodies: Vec<Vec<u8>>,
    headers: Vec<String>,
    services: Vec<String>,
    spans: Vec<Span>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Data::from(Arc::clone(&state));
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let serve = async move {
                let app = move || App::new().app_data(shared.clone()).route("/v1/traces", web::post().to(take));
                let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await
            };
            actix_web::rt::System::new().block_on(serve).unwrap();
        });
        Self { port, state, handle: receiver.recv().unwrap() }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.port)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.state().spans.clone()
    }

    /// The names of who sent them, and the `authorization` of each call.
    pub(crate) fn senders(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state();
        (state.services.clone(), state.headers.clone())
    }

    /// All that was sent, as it came.
    pub(crate) fn bodies(&self) -> Vec<u8> {
        self.state().bodies.concat()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// The attribute of a span, as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

async fn take(state: Data<Mutex<State>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut state = state.lock().unwrap();
    let read = ExportTraceServiceRequest::decode(body.as_ref()).unwrap();
    state.bodies.push(body.to_vec());
    let header = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    state.headers.extend(header);
    for resource in read.resource_spans {
        let attributes = resource.resource.unwrap_or_default().attributes;
        state.services.extend(attribute(&attributes, "service.name"));
        state.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}
