//! Devices that wait for what they are to have before a person begins.

use actix_web::web::{self, Data, Query};
use serde::Deserialize;

use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, ProvisioningQuery};
use crate::ui::provisioning::ProvisioningPage;
use crate::ui::{Frame, Section, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/provisioning").route(web::get().to(list)));
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    state: String,
    cursor: Option<String>,
}

async fn list(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Listed>) -> Reply {
    let state = Some(query.state).filter(|state| !state.is_empty());
    let failed = state.as_deref() == Some("failed");
    let asked = ProvisioningQuery { state, limit: Some(LISTED), cursor: query.cursor };
    let found = admin.provisionings(asked).await?;
    let state = if failed { "failed" } else { "going_on" };
    Ok(page(&ProvisioningPage {
        frame: Frame::new(texts::provisioning::TITLE, Section::Provisioning, &visitor.viewer),
        failed,
        devices: &found.items,
        next: found.next_cursor.map(|cursor| format!("/provisioning?state={state}&cursor={cursor}")),
    }))
}
