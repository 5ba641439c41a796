//! The people who run the server, and the tokens of programs.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::{Failure, LISTED, Reply, Visitor, page};
use crate::admin::{Admin, Error, NewOperatorJson, NewTokenJson, Part};
use crate::http::{api::now, problem::Problem};
use crate::model::{Right, Role};
use crate::ui::operators::{OperatorsPage, TokensPage};
use crate::ui::{Frame, Section, texts};

/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// Longest that a token may be good, in days.
const MOST_DAYS: i64 = 3650;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/people").route(web::get().to(list)).route(web::post().to(invite)))
        .service(web::resource("/people/tokens").route(web::get().to(tokens)).route(web::post().to(make)))
        .service(web::resource("/people/tokens/{id}/revoke").route(web::post().to(revoke)))
        .service(web::resource("/people/{name}/{deed}").route(web::post().to(change)));
}

#[derive(Deserialize)]
struct Listed {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Invited {
    csrf: String,
    #[serde(default)]
    name: String,
    role: Role,
}

#[derive(Deserialize)]
struct Changed {
    csrf: String,
    version: i64,
    role: Option<Role>,
}

#[derive(Deserialize)]
struct Made {
    csrf: String,
    name: String,
    role: Role,
    days: i64,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

async fn list(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    visitor.require(Right::People)?;
    shown(&visitor, &admin, query.cursor, None, None).await
}

async fn shown(
    visitor: &Visitor,
    admin: &Admin,
    cursor: Option<String>,
    link: Option<&str>,
    error: Option<&str>,
) -> Reply {
    let found = admin.operators(Part { limit: Some(LISTED), cursor }).await?;
    let frame = Frame::new(texts::operators::TITLE, Section::People, &visitor.viewer);
    let next = found.next_cursor.map(|cursor| format!("/people?cursor={cursor}"));
    Ok(page(&OperatorsPage { frame, operators: &found.items, next, link, error }))
}

async fn invite(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Invited>) -> Reply {
    visitor.verify(&form.csrf, Right::People)?;
    let name = Some(form.name.trim().to_owned()).filter(|name| !name.is_empty());
    match admin.invite(NewOperatorJson { name, role: form.role }, &visitor.granter(), None, now()).await {
        Ok(made) => shown(&visitor, &admin, None, Some(made.link.secret().expose()), None).await,
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown(&visitor, &admin, None, None, Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn change(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(form): Form<Changed>,
) -> Reply {
    visitor.verify(&form.csrf, Right::People)?;
    let ((name, deed), by, seen) = (path.into_inner(), visitor.granter(), Some(form.version));
    let done = match (deed.as_str(), form.role) {
        ("reset", _) => {
            let made = admin.reset_operator(&name, &by, None, now()).await?;
            return shown(&visitor, &admin, None, Some(made.link.secret().expose()), None).await;
        }
        ("role", Some(role)) => admin.set_role(&name, role, seen, &by, now()).await,
        ("disable", _) => admin.disable_operator(&name, seen, &by.actor, now()).await,
        ("enable", _) => admin.enable_operator(&name, seen, &by, now()).await,
        ("forget-totp", _) => admin.forget_authenticator(&name, seen, &by, now()).await,
        _ => return Err(Failure::Problem(Problem::not_found())),
    };
    match done {
        Ok(_) => Ok(see_other("/people")),
        // The last administrator stays.
        Err(Error::Conflict(why)) => shown(&visitor, &admin, None, None, Some(&why)).await,
        Err(error) => Err(error.into()),
    }
}

async fn tokens(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    visitor.require(Right::People)?;
    shown_tokens(&visitor, &admin, query.cursor, None, None).await
}

async fn shown_tokens(
    visitor: &Visitor,
    admin: &Admin,
    cursor: Option<String>,
    secret: Option<&str>,
    error: Option<&str>,
) -> Reply {
    let found = admin.tokens(Part { limit: Some(LISTED), cursor }).await?;
    let frame = Frame::new(texts::operators::TOKENS, Section::People, &visitor.viewer);
    let next = found.next_cursor.map(|cursor| format!("/people/tokens?cursor={cursor}"));
    Ok(page(&TokensPage { frame, tokens: &found.items, next, secret, error, now: now() }))
}

async fn make(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Made>) -> Reply {
    visitor.verify(&form.csrf, Right::People)?;
    if !(1..=MOST_DAYS).contains(&form.days) {
        return shown_tokens(&visitor, &admin, None, None, Some(texts::operators::DAYS_WRONG)).await;
    }
    let expires_at = Some(now().plus_millis(form.days * DAY));
    let new = NewTokenJson { name: form.name, role: form.role, scope: None, expires_at };
    match admin.create_token(new, &visitor.granter(), None, now()).await {
        Ok(made) => shown_tokens(&visitor, &admin, None, Some(made.token.secret().expose()), None).await,
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown_tokens(&visitor, &admin, None, None, Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn revoke(visitor: Visitor, admin: Data<Admin>, id: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::People)?;
    admin.revoke_token(&id, visitor.actor(), now()).await?;
    Ok(see_other("/people/tokens"))
}
