//! Policies: the list and the page of one declaration.

use actix_web::web::{self, Data, Path, Query};
use serde::Deserialize;

use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, DevicePolicyQuery, PolicySetQuery};
use crate::ui::policies::{PoliciesPage, PolicyPage};
use crate::ui::{Frame, Section, text::part, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/policies").route(web::get().to(list)))
        .service(web::resource("/policies/{identifier}").route(web::get().to(show)));
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    state: String,
    cursor: Option<String>,
}

async fn list(visitor: Visitor, admin: Data<Admin>) -> Reply {
    let policies = admin.policies(PolicySetQuery::default()).await?;
    let progress = admin.policy_progress().await?;
    let frame = Frame::new(texts::everywhere::POLICIES, Section::Policies, &visitor.viewer);
    Ok(page(&PoliciesPage { frame, policies: &policies, progress: &progress }))
}

async fn show(visitor: Visitor, admin: Data<Admin>, identifier: Path<String>, query: Query<Shown>) -> Reply {
    let Shown { state, cursor } = query.into_inner();
    let policy = admin.policy(&identifier).await?;
    let looked_for = Some(state.clone()).filter(|state| !state.is_empty());
    let query = DevicePolicyQuery { state: looked_for, limit: Some(LISTED), cursor };
    let devices = admin.policy_devices(&identifier, query).await?;
    let next = devices.next_cursor.map(|cursor| {
        let state = if state.is_empty() { String::new() } else { format!("state={}&", part(&state)) };
        format!("/policies/{}?{state}cursor={cursor}", part(&identifier))
    });
    let text = admin.policy_text(&policy);
    let frame = Frame::new(identifier.as_str(), Section::Policies, &visitor.viewer);
    Ok(page(&PolicyPage { frame, policy: &policy, text: &text, state: &state, devices: &devices.items, next }))
}
