//! People at the admin door: who is signed in, and the pages by which they come in and go.
//!
//! A session is a cookie that holds 256 bits of chance, of which the store knows a hash. The cookie is `__Host-`: for
//! this host alone, never sent in clear except to this machine itself, which browsers take for trustworthy.

mod account;
mod cookie;
mod entrance;
mod guard;
mod provider;
mod reply;
mod signed_in;

pub use guard::guard;
pub use signed_in::{Asks, NotSignedIn, SignedIn};

use actix_web::{HttpResponse, http::header, middleware::from_fn, web};

use super::problem::Problem;

/// Longest form, in bytes.
const FORM: usize = 16 * 1024;

/// The routes.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    let form = || {
        web::FormConfig::default()
            .limit(FORM)
            .error_handler(|error, _| Problem::bad_request(format!("the form can't be read: {error}")).into())
    };
    let query = || {
        web::QueryConfig::default()
            .error_handler(|error, _| Problem::bad_request(format!("the query can't be read: {error}")).into())
    };
    routes
        .service(
            web::scope("/sign-in")
                .app_data(form())
                .app_data(query())
                .wrap(from_fn(guard))
                .service(
                    web::resource("")
                        .route(web::get().to(entrance::ask))
                        .route(web::post().to(entrance::sign_in))
                        .default_service(web::to(super::admin::only_get)),
                )
                .route("/openid", web::get().to(provider::begin))
                .route("/openid/callback", web::get().to(provider::finish))
                .route("/style.css", web::get().to(style)),
        )
        .service(
            web::resource("/sign-out").app_data(form()).wrap(from_fn(guard)).route(web::post().to(entrance::sign_out)),
        )
        .service(
            web::resource("/join/{link}")
                .app_data(form())
                .wrap(from_fn(guard))
                .route(web::get().to(entrance::invited))
                .route(web::post().to(entrance::join)),
        )
        .service(
            web::resource("/join/{link}/openid").wrap(from_fn(guard)).route(web::get().to(provider::begin_by_link)),
        )
        .service(
            web::scope("/account")
                .app_data(form())
                .wrap(from_fn(guard))
                .route("", web::get().to(account::show))
                .route("/password", web::post().to(account::change_password))
                .route("/authenticator", web::get().to(account::propose_authenticator))
                .route("/authenticator", web::post().to(account::add_authenticator))
                .route("/authenticator/remove", web::post().to(account::remove_authenticator)),
        );
}

/// The style of the pages here.
async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/css; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(crate::ui::people::STYLE)
}
