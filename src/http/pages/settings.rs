//! The settings as they hold.

use actix_web::web::{self, Data, Query};
use serde::Deserialize;

use super::{Reply, Visitor, page};
use crate::admin::Admin;
use crate::model::Right;
use crate::ui::{Frame, Section, settings::SettingsPage, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/settings").route(web::get().to(show)));
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    only: String,
}

async fn show(visitor: Visitor, admin: Data<Admin>, query: Query<Shown>) -> Reply {
    visitor.require(Right::Settings)?;
    let frame = Frame::new(texts::everywhere::SETTINGS, Section::Settings, &visitor.viewer);
    Ok(page(&SettingsPage::new(frame, admin.settings(), query.only == "set")))
}
