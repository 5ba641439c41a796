//! The web interface: pages for people on the admin door, below `/`.
//!
//! A handler reads what was asked, has [`Admin`](crate::admin::Admin) answer, and gives the page of [`ui`](crate::ui)
//! that shows it. Every page wants somebody who is signed in; every form carries a token and comes from a page of ours.

mod actions;
mod alerts;
mod answer;
mod assets;
mod audit;
mod catalogue;
mod commands;
mod devices;
mod enrolling;
mod events;
mod operators;
mod overview;
mod policies;
mod provisioning;
mod sessions;
mod settings;
mod visitor;

use actix_web::{middleware::from_fn, web};

use self::answer::{Failure, Reply, page};
use self::visitor::Visitor;

/// Longest form, in bytes.
const FORM: usize = 16 * 1024;

/// Entries of a list.
const LISTED: usize = 50;

/// How the paths of pages begin.
const FIRST: [&str; 16] = [
    "",
    "devices",
    "policies",
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
