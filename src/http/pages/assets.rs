//! Styles and scripts, kept by browsers for good: their names change with their content.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Path},
};

use super::answer::nothing_here;
use crate::ui::Asset;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/assets/{file}").route(web::get().to(asset)));
}

async fn asset(request: HttpRequest, file: Path<String>) -> HttpResponse {
    let Some(asset) = Asset::find(&file) else { return nothing_here(request).await };
    let mut reply = HttpResponse::Ok();
    reply
        .content_type(asset.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "Accept-Encoding"));
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("gzip")) {
        return reply.insert_header((header::CONTENT_ENCODING, "gzip")).body(asset.gzip());
    }
    reply.body(asset.bytes)
}
