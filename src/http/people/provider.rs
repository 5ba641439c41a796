//! Signing in at the provider: there, and back. What the browser has to keep meanwhile is a cookie of its own.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::header,
    web::{Data, Path, Query},
};

use super::{
    entrance::{self, Onward},
    reply,
};
use crate::{
    admin::{Admin, NotIn},
    enrollment::sign_in::{Begun, Callback, Chance},
    http::{api::now, problem::Problem},
    model::Secret,
};

/// Bound to this very host by its prefix.
const COOKIE: &str = "__Host-transom-openid";

/// To the provider, and then on to a page.
pub(super) async fn begin(
    request: HttpRequest,
    admin: Data<Admin>,
    Query(onward): Query<Onward>,
) -> Result<HttpResponse, Problem> {
    let next = reply::local(onward.next.as_deref());
    there(&request, &admin, next, None).await
}

/// To the provider, by a link: the account is made, or is theirs, when they are back.
pub(super) async fn begin_by_link(
    request: HttpRequest,
    admin: Data<Admin>,
    link: Path<String>,
) -> Result<HttpResponse, Problem> {
    there(&request, &admin, "/account", Some(Secret::new(link.into_inner()))).await
}

async fn there(
    request: &HttpRequest,
    admin: &Admin,
    next: &str,
    link: Option<Secret<String>>,
) -> Result<HttpResponse, Problem> {
    let chance = Chance { state: rand::random(), nonce: rand::random(), verifier: rand::random() };
    match admin.begin_federated(next, link.as_ref(), &chance, now()).await {
        Ok(Begun { location, kept, seconds }) => {
            let mut reply = HttpResponse::SeeOther();
            reply.insert_header((header::LOCATION, location)).cookie(cookie(kept, seconds));
            Ok(reply.finish())
        }
        Err(why) => refused(request, admin, why),
    }
}

/// Back from the provider.
pub(super) async fn finish(request: HttpRequest, admin: Data<Admin>) -> Result<HttpResponse, Problem> {
    // What can't be read holds no state of ours, and ends as such.
    let callback = Query::<Callback>::from_query(request.query_string()).map(Query::into_inner).unwrap_or_default();
    let kept = request.cookie(COOKIE).map(|cookie| cookie.value().to_owned());
    let finished = admin.finish_federated(&callback, kept.as_deref(), reply::asker(&request), now()).await;
    let mut reply = match finished {
        Ok((opened, next)) => reply::opened(&opened, reply::local(Some(&next))),
        Err(why) => refused(&request, &admin, why)?,
    };
    if kept.is_some() {
        let _ = reply.add_cookie(&cookie(String::new(), 0));
    }
    Ok(reply)
}

fn refused(request: &HttpRequest, admin: &Admin, why: NotIn) -> Result<HttpResponse, Problem> {
    let (status, error) = reply::refused(request, why)?;
    reply::page(status, &entrance::sign_in_page(admin, "/", "", Some(&error)))
}

/// Comes along when the provider sends the browser back, which is a navigation from another site (`Lax`).
fn cookie(value: String, seconds: i64) -> Cookie<'static> {
    let age = Duration::seconds(seconds);
    Cookie::build(COOKIE, value).path("/").secure(true).http_only(true).same_site(SameSite::Lax).max_age(age).finish()
}
