//! Signing in, by password or by a link for the first time, and out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Form, Path, Query},
};
use serde::Deserialize;

use super::{cookie, reply, signed_in::SignedIn};
use crate::{
    admin::{Admin, SecretText, Shown},
    http::{api::now, problem::Problem},
    model::Secret,
    ui::people::{JoinPage, SignInPage},
};

/// Where to go afterwards.
#[derive(Deserialize)]
pub(super) struct Onward {
    pub(super) next: Option<String>,
}

/// What somebody shows who would sign in.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    name: String,
    password: SecretText,
    #[serde(default)]
    code: String,
    next: Option<String>,
}

/// What somebody chooses who comes in by a link.
#[derive(Deserialize)]
pub(super) struct JoinForm {
    name: Option<String>,
    password: SecretText,
    again: SecretText,
}

/// Somebody signs out.
#[derive(Deserialize)]
pub(super) struct SignOutForm {
    csrf: String,
    #[serde(default)]
    everywhere: bool,
}

pub(super) async fn ask(admin: Data<Admin>, Query(onward): Query<Onward>) -> Result<HttpResponse, Problem> {
    let next = reply::local(onward.next.as_deref());
    reply::page(StatusCode::OK, &sign_in_page(&admin, next, "", None))
}

/// The page that asks who is there, in the ways that are open.
pub(super) fn sign_in_page<'a>(
    admin: &'a Admin,
    next: &'a str,
    name: &'a str,
    error: Option<&'a str>,
) -> SignInPage<'a> {
    SignInPage { next, name, error, provider: admin.provider(), takes_passwords: admin.takes_passwords() }
}

pub(super) async fn sign_in(
    request: HttpRequest,
    admin: Data<Admin>,
    Form(form): Form<SignInForm>,
) -> Result<HttpResponse, Problem> {
    let (from, trace) = reply::asker(&request);
    let code = Some(form.code).filter(|code| !code.trim().is_empty());
    let shown = Shown { name: form.name.clone(), password: form.password.secret().clone(), code };
    let next = reply::local(form.next.as_deref());
    match admin.sign_in(shown, from, trace, now()).await {
        Ok(opened) => Ok(reply::opened(&opened, next)),
        Err(why) => {
            let (status, error) = reply::refused(&request, why)?;
            reply::page(status, &sign_in_page(&admin, next, &form.name, Some(&error)))
        }
    }
}

pub(super) async fn sign_out(
    admin: Data<Admin>,
    signed_in: SignedIn,
    Form(form): Form<SignOutForm>,
) -> Result<HttpResponse, Problem> {
    signed_in.verify(&form.csrf)?;
    admin.sign_out(&signed_in.secret, form.everywhere, &signed_in.actor, now()).await?;
    let mut reply = HttpResponse::SeeOther();
    // What the browser kept of pages goes as well.
    reply.insert_header((header::LOCATION, "/sign-in")).insert_header(("clear-site-data", "\"cache\", \"storage\""));
    Ok(reply.cookie(cookie::gone()).finish())
}

pub(super) async fn invited(admin: Data<Admin>, link: Path<String>) -> Result<HttpResponse, Problem> {
    let secret = link.into_inner();
    if let Some((link, whose)) = admin.link(&Secret::new(secret.clone()), now()).await? {
        let fixed = whose.as_ref().map(crate::model::UserName::as_str);
        let (role, provider) = (link.role.as_str(), admin.provider());
        let page = JoinPage { fixed, role, name: "", is_good: true, error: None, provider, link: &secret };
        return reply::page(StatusCode::OK, &page);
    }
    let error = Some("This link is not good any more: it was used, or its time is over. Ask for another.");
    reply::page(
        StatusCode::GONE,
        &JoinPage { fixed: None, role: "", name: "", is_good: false, error, provider: None, link: "" },
    )
}

pub(super) async fn join(
    request: HttpRequest,
    admin: Data<Admin>,
    link: Path<String>,
    Form(form): Form<JoinForm>,
) -> Result<HttpResponse, Problem> {
    let secret = Secret::new(link.into_inner());
    let password = form.password.secret().clone();
    let joined = if password.expose() == form.again.secret().expose() {
        admin.join(&secret, form.name.as_deref(), password, reply::asker(&request), now()).await
    } else {
        Err(crate::admin::NotIn::Choice("the two passwords are not the same".to_owned()))
    };
    match joined {
        Ok(opened) => Ok(reply::opened(&opened, "/account")),
        Err(why) => {
            let (status, error) = reply::refused(&request, why)?;
            let found = admin.link(&secret, now()).await?;
            let fixed = found.as_ref().and_then(|(_, whose)| whose.as_ref()).map(crate::model::UserName::as_str);
            let role = found.as_ref().map_or("", |(link, _)| link.role.as_str());
            let name = form.name.as_deref().unwrap_or_default();
            let (is_good, error, provider) = (found.is_some(), Some(error.as_str()), admin.provider());
            reply::page(status, &JoinPage { fixed, role, name, is_good, error, provider, link: secret.expose() })
        }
    }
}
