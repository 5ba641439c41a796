//! The web interface: pages for people on the admin door, below `/`.
//!
//! A handler reads what was asked, has [`Admin`](crate::admin::Admin) answer, and gives the page of [`ui`](crate::ui)
//! that shows it. Every page wants somebody who is signed in; every form carries a token and comes from a page of ours.

mod actions;
mod alerts;
mod answer;
mod assets;
mod audit;
mod authoring;
mod catalogue;
mod commands;
mod devices;
mod enrolling;
mod events;
mod importing;
mod operators;
mod overview;
mod policies;
mod provisioning;
mod publishing;
mod sessions;
mod settings;
mod staging;
mod upload;
mod visitor;
mod writing;

use actix_web::{middleware::from_fn, web};

use self::answer::{Failure, Reply, page};
use self::visitor::Visitor;

/// Longest form, in bytes.
const FORM: usize = 16 * 1024;

/// Entries of a list.
const LISTED: usize = 50;

/// Everything that a browser may look at with `GET`, those of [`people`](super::people) as well.
pub const PAGES: &[&str] = &[
    "/",
    "/account",
    "/account/authenticator",
    "/actions/{id}/archive",
    "/alerts",
    "/assets/{file}",
    "/audit",
    "/audit/export.csv",
    "/audit/export.jsonl",
    "/audit/proof",
    "/catalogue",
    "/catalogue/setting",
    "/commands",
    "/commands/{id}",
    "/devices",
    "/devices/{id}",
    "/devices/{id}/actions/{word}",
    "/devices/{id}/keys/{key}",
    "/devices/{id}/retry",
    "/enrollment",
    "/enrollment/tokens",
    "/events",
    "/join/{link}",
    "/join/{link}/openid",
    "/people",
    "/people/tokens",
    "/policies",
    "/policies/{identifier}",
    "/policy-secrets",
    "/policy-stages",
    "/policy-stages/{revision}",
    "/provisioning",
    "/sessions",
    "/sessions/{id}",
    "/sessions/{id}/export.html",
    "/sessions/{id}/export.json",
    "/sessions/{id}/live",
    "/sessions/{id}/messages/{message}",
    "/sets",
    "/sets/{set}",
    "/sets/{set}/declarations/{identifier}",
    "/sets/{set}/declarations/{identifier}/setting",
    "/sets/{set}/export",
    "/sets/{set}/history",
    "/sets/{set}/history/{number}",
    "/sets/{set}/import",
    "/sets/{set}/preview",
    "/sets/{set}/publish",
    "/settings",
    "/sign-in",
    "/sign-in/openid",
    "/sign-in/openid/callback",
    "/sign-in/style.css",
    "/webhooks",
];

/// How the paths of pages begin.
const FIRST: [&str; 20] = [
    "",
    "devices",
    "policies",
    "sets",
    "policy-secrets",
    "policy-stages",
    "policy-retry",
    "commands",
    "sessions",
    "actions",
    "alerts",
    "provisioning",
    "enrollment",
    "catalogue",
    "events",
    "webhooks",
    "people",
    "audit",
    "settings",
    "assets",
];

/// The routes of the pages.
pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(
        web::scope("")
            .guard(actix_web::guard::fn_guard(|context| is_page(context.head().uri.path())))
            .app_data(web::FormConfig::default().limit(FORM).error_handler(|error, _| Failure::form(&error).into()))
            .app_data(web::QueryConfig::default().error_handler(|error, _| Failure::query(&error).into()))
            .wrap(from_fn(answer::named))
            .wrap(from_fn(super::people::guard))
            .configure(overview::configure)
            .configure(devices::configure)
            .configure(policies::configure)
            .configure(authoring::configure)
            .configure(publishing::configure)
            .configure(actions::configure)
            .configure(commands::configure)
            .configure(sessions::configure)
            .configure(alerts::configure)
            .configure(provisioning::configure)
            .configure(enrolling::configure)
            .configure(catalogue::configure)
            .configure(events::configure)
            .configure(operators::configure)
            .configure(audit::configure)
            .configure(settings::configure)
            .configure(assets::configure)
            .default_service(web::to(answer::nothing_here)),
    );
}

/// Whether a path is one of a page; the API and what machines ask are not.
fn is_page(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    FIRST.contains(&first)
}
