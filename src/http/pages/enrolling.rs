//! Who may enroll devices: accounts with a password, and tokens.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::{Failure, LISTED, Reply, Visitor, page};
use crate::admin::{
    Admin, EnrollmentTokenQuery, Error, NewEnrollmentTokenJson, NewEnrollmentUserJson, NewPassword, Part,
};
use crate::http::{api::now, problem::Problem};
use crate::model::Right;
use crate::ui::enrolling::{EnrollmentTokensPage, EnrollmentUsersPage};
use crate::ui::{Frame, Section, texts};

/// An hour, in milliseconds.
const HOUR: i64 = 3600 * 1000;

/// Longest that a token may be good, in hours: a year.
const MOST_HOURS: i64 = 8760;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/enrollment").route(web::get().to(users)).route(web::post().to(make_user)))
        .service(web::resource("/enrollment/users/{name}/{deed}").route(web::post().to(change_user)))
        .service(web::resource("/enrollment/tokens").route(web::get().to(tokens)).route(web::post().to(make_token)))
        .service(web::resource("/enrollment/tokens/{id}/revoke").route(web::post().to(revoke)));
}

#[derive(Deserialize)]
struct Listed {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct MadeUser {
    csrf: String,
    name: String,
    #[serde(default)]
    display_name: String,
    bulk: Option<String>,
}

#[derive(Deserialize)]
struct Changed {
    csrf: String,
    seen: String,
}

#[derive(Deserialize)]
struct MadeToken {
    csrf: String,
    user: String,
    uses: u32,
    hours: i64,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

async fn users(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    shown(&visitor, &admin, query.cursor, None, None).await
}

async fn shown(
    visitor: &Visitor,
    admin: &Admin,
    cursor: Option<String>,
    secret: Option<&str>,
    error: Option<&str>,
) -> Reply {
    let found = admin.enrollment_users(Part { limit: Some(LISTED), cursor }, now()).await?;
    let frame = Frame::new(texts::enrolling::TITLE, Section::Enrollment, &visitor.viewer);
    let next = found.next_cursor.map(|cursor| format!("/enrollment?cursor={cursor}"));
    Ok(page(&EnrollmentUsersPage { frame, users: &found.items, next, secret, error, now: now() }))
}

async fn make_user(visitor: Visitor, admin: Data<Admin>, Form(form): Form<MadeUser>) -> Reply {
    visitor.verify(&form.csrf, Right::Enroll)?;
    let display_name = Some(form.display_name.trim().to_owned()).filter(|name| !name.is_empty());
    let (name, bulk) = (form.name.trim().to_owned(), form.bulk.is_some());
    let new = NewEnrollmentUserJson { name, display_name, password: None, generate: true, bulk, max_devices: None };
    match admin.create_enrollment_user(new, visitor.actor(), None, now()).await {
        Ok(made) => {
            let secret = made.password.as_ref().map(|password| password.secret().expose().as_str());
            shown(&visitor, &admin, None, secret, None).await
        }
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown(&visitor, &admin, None, None, Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn change_user(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(form): Form<Changed>,
) -> Reply {
    visitor.verify(&form.csrf, Right::Enroll)?;
    let ((name, deed), by, seen) = (path.into_inner(), visitor.actor(), Some(form.seen));
    match deed.as_str() {
        "password" => {
            let new = NewPassword { password: None, generate: true };
            let changed = admin.set_enrollment_password(&name, new, seen, (by, None), now()).await?;
            let secret = changed.password.as_ref().map(|password| password.secret().expose().as_str());
            return shown(&visitor, &admin, None, secret, None).await;
        }
        "disable" => drop(admin.disable_enrollment_user(&name, seen, by, now()).await?),
        "enable" => drop(admin.enable_enrollment_user(&name, seen, by, now()).await?),
        "delete" => drop(admin.remove_enrollment_user(&name, seen, by, now()).await?),
        _ => return Err(Failure::Problem(Problem::not_found())),
    }
    Ok(see_other("/enrollment"))
}

async fn tokens(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    shown_tokens(&visitor, &admin, query.cursor, None, None).await
}

async fn shown_tokens(
    visitor: &Visitor,
    admin: &Admin,
    cursor: Option<String>,
    secret: Option<&str>,
    error: Option<&str>,
) -> Reply {
    let query = EnrollmentTokenQuery { user: None, limit: Some(LISTED), cursor };
    let found = admin.enrollment_tokens(query, now()).await?;
    let frame = Frame::new(texts::enrolling::TOKENS, Section::Enrollment, &visitor.viewer);
    let next = found.next_cursor.map(|cursor| format!("/enrollment/tokens?cursor={cursor}"));
    Ok(page(&EnrollmentTokensPage { frame, tokens: &found.items, next, secret, error }))
}

async fn make_token(visitor: Visitor, admin: Data<Admin>, Form(form): Form<MadeToken>) -> Reply {
    visitor.verify(&form.csrf, Right::Enroll)?;
    if !(1..=MOST_HOURS).contains(&form.hours) {
        return shown_tokens(&visitor, &admin, None, None, Some(texts::enrolling::HOURS_WRONG)).await;
    }
    let expires_at = Some(now().plus_millis(form.hours * HOUR));
    let new = NewEnrollmentTokenJson { user: form.user.trim().to_owned(), uses: Some(form.uses), expires_at };
    match admin.create_enrollment_token(new, visitor.actor(), None, now()).await {
        Ok(made) => shown_tokens(&visitor, &admin, None, Some(made.token.secret().expose()), None).await,
        Err(Error::Invalid { summary: why, .. } | Error::Conflict(why)) => {
            shown_tokens(&visitor, &admin, None, None, Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn revoke(visitor: Visitor, admin: Data<Admin>, id: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Enroll)?;
    admin.revoke_enrollment_token(&id, visitor.actor(), now()).await?;
    Ok(see_other("/enrollment/tokens"))
}
