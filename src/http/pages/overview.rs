//! The first page.

use actix_web::web::{self, Data};

use super::{Reply, Visitor, page};
use crate::admin::{Admin, SessionQuery};
use crate::http::api::now;
use crate::ui::{Frame, Section, overview::OverviewPage, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/").route(web::get().to(show)));
}

async fn show(visitor: Visitor, admin: Data<Admin>) -> Reply {
    let attention = admin.attention(now()).await?;
    let sessions = admin.sessions(SessionQuery { limit: Some(8), ..SessionQuery::default() }).await?;
    let frame = Frame::new(texts::everywhere::OVERVIEW, Section::Overview, &visitor.viewer);
    Ok(page(&OverviewPage { frame, attention: &attention, sessions: &sessions.items }))
}
