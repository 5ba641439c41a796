//! What a server costs that does nothing: the same TLS, an actix-web handler that reads a body and answers with as many
//! bytes as it is asked for. The floor that everything else is measured against.

use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use actix_http::HttpService;
use actix_server::Server;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, Error, HttpResponse};
use serde::Deserialize;
use tokio::net::TcpStream;
use transom_protocol::syncml::codec::Encoding;

use crate::cli::{Installation, Output};
use crate::config::DataFolder;
use crate::pki::tls;

/// The largest reply that can be asked for.
const LARGEST: usize = 1024 * 1024;

static CANNED: [u8; LARGEST] = [b'x'; LARGEST];

#[derive(Deserialize)]
struct Wanted {
    reply: usize,
}

/// Serves until the process is ended. The port is the only line on standard output.
pub(super) async fn serve(data: &Path, output: &mut Output) -> anyhow::Result<()> {
    let installation = Installation::open(DataFolder::new(data), &[])?;
    let door = installation.settings.device_door.clone();
    let acceptor = tls::acceptor(&installation.identity()?)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(usize::MAX >> 1)
        .disable_signals()
        .listen("baseline", listener, move || {
            let application = App::new()
                .app_data(PayloadConfig::new(door.body_limit))
                .route("/ManagementServer/Mdm.svc", web::post().to(answer))
                .into_factory()
                .map_err(|error: Error| error.error_response());
            let http = HttpService::build()
                .keep_alive(door.keep_alive)
                .client_request_timeout(door.head_timeout)
                .h1(map_config(application, |()| AppConfig::default()))
                .openssl(acceptor.clone())
                .map_err(drop);
            // Without this each first reply of a connection waits 40 ms for an acknowledgement.
            fn_service(|tcp: TcpStream| async move {
                let _ = tcp.set_nodelay(true);
                Ok::<_, Infallible>(tcp)
            })
            .map_err(drop)
            .and_then(http)
        })?
        .run();
    output.text(port.to_string())?;
    Ok(server.await?)
}

async fn answer(_body: Bytes, wanted: web::Query<Wanted>) -> HttpResponse {
    let reply = CANNED.get(..wanted.reply).unwrap_or_default();
    HttpResponse::Ok().content_type(Encoding::Xml.content_type()).body(Bytes::from_static(reply))
}
