//! What people change of their own account.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Form},
};
use serde::Deserialize;

use super::{reply, signed_in::SignedIn};
use crate::{
    admin::{Admin, NotIn, SecretText, authenticator, rights},
    http::{api::now, problem::Problem},
    model::{Right, Secret},
    ui::people::{AccountPage, AuthenticatorPage, RecoveryPage},
};

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    csrf: String,
    old: SecretText,
    new: SecretText,
    again: SecretText,
}

#[derive(Deserialize)]
pub(super) struct AuthenticatorForm {
    csrf: String,
    secret: SecretText,
    code: String,
    password: SecretText,
}

#[derive(Deserialize)]
pub(super) struct RemoveForm {
    csrf: String,
    password: SecretText,
}

pub(super) async fn show(signed_in: SignedIn) -> Result<HttpResponse, Problem> {
    reply::page(StatusCode::OK, &account(&signed_in, None))
}

fn account<'a>(signed_in: &'a SignedIn, error: Option<&'a str>) -> AccountPage<'a> {
    AccountPage {
        name: &signed_in.name,
        role: signed_in.role.as_str(),
        rights: rights::allows(signed_in.role).iter().copied().map(Right::as_str).collect(),
        csrf: &signed_in.csrf,
        has_password: signed_in.record.has_password,
        has_totp: signed_in.record.has_totp,
        error,
    }
}

fn turned_away(request: &HttpRequest, signed_in: &SignedIn, why: NotIn) -> Result<HttpResponse, Problem> {
    let (status, error) = reply::refused(request, why)?;
    reply::page(status, &account(signed_in, Some(&error)))
}

pub(super) async fn change_password(
    request: HttpRequest,
    admin: Data<Admin>,
    signed_in: SignedIn,
    Form(form): Form<PasswordForm>,
) -> Result<HttpResponse, Problem> {
    signed_in.verify(&form.csrf)?;
    let (old, new) = (form.old.secret().clone(), form.new.secret().clone());
    if new.expose() != form.again.secret().expose() {
        let why = NotIn::Choice("the two new passwords are not the same".to_owned());
        return turned_away(&request, &signed_in, why);
    }
    match admin.change_password(&signed_in.record, old, new, &signed_in.actor, now()).await {
        Ok(opened) => Ok(reply::opened(&opened, "/account")),
        Err(why) => turned_away(&request, &signed_in, why),
    }
}

pub(super) async fn propose_authenticator(signed_in: SignedIn) -> Result<HttpResponse, Problem> {
    proposal(&signed_in, &authenticator::new_secret(), None, StatusCode::OK)
}

fn proposal(
    signed_in: &SignedIn,
    secret: &Secret<String>,
    error: Option<&str>,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    let address = authenticator::address(signed_in.record.name.as_str(), secret);
    let page = AuthenticatorPage { csrf: &signed_in.csrf, secret: secret.expose(), address: address.expose(), error };
    reply::page(status, &page)
}

pub(super) async fn add_authenticator(
    request: HttpRequest,
    admin: Data<Admin>,
    signed_in: SignedIn,
    Form(form): Form<AuthenticatorForm>,
) -> Result<HttpResponse, Problem> {
    signed_in.verify(&form.csrf)?;
    let (secret, password) = (form.secret.secret(), form.password.secret().clone());
    let added = admin.add_authenticator(&signed_in.record, secret, &form.code, password, &signed_in.actor, now()).await;
    match added {
        Ok(codes) => {
            let codes: Vec<&str> = codes.iter().map(|code| code.expose().as_str()).collect();
            reply::page(StatusCode::OK, &RecoveryPage { codes: &codes })
        }
        Err(why) => {
            let (status, error) = reply::refused(&request, why)?;
            proposal(&signed_in, secret, Some(&error), status)
        }
    }
}

pub(super) async fn remove_authenticator(
    request: HttpRequest,
    admin: Data<Admin>,
    signed_in: SignedIn,
    Form(form): Form<RemoveForm>,
) -> Result<HttpResponse, Problem> {
    signed_in.verify(&form.csrf)?;
    let password = form.password.secret().clone();
    match admin.remove_authenticator(&signed_in.record, password, &signed_in.actor, now()).await {
        Ok(()) => Ok(reply::go("/account")),
        Err(why) => turned_away(&request, &signed_in, why),
    }
}
