//! The catalogue of settings: searched and read.

use actix_web::web::{self, Data, Query};
use serde::Deserialize;

use super::{LISTED, Reply, Visitor, page};
use crate::admin::{Admin, Error, NodeQuery, SearchQuery};
use crate::ui::catalogue::{CataloguePage, SettingPage};
use crate::ui::{Frame, Section, texts};

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/catalogue").route(web::get().to(search)))
        .service(web::resource("/catalogue/setting").route(web::get().to(setting)));
}

#[derive(Deserialize)]
struct Searched {
    #[serde(default)]
    words: String,
}

#[derive(Deserialize)]
struct Shown {
    uri: String,
}

async fn search(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Searched>) -> Reply {
    shown(&visitor, &admin, query.words.trim(), None).await
}

async fn shown(visitor: &Visitor, admin: &Admin, words: &str, error: Option<&str>) -> Reply {
    let info = admin.csp_info().await?;
    let nodes = if words.is_empty() {
        Vec::new()
    } else {
        admin.search_csp(SearchQuery { words: words.to_owned(), limit: Some(LISTED) }).await?.items
    };
    let frame = Frame::new(texts::catalogue::TITLE, Section::Catalogue, &visitor.viewer);
    Ok(page(&CataloguePage { frame, info: &info, words, nodes: &nodes, error }))
}

async fn setting(visitor: Visitor, admin: Data<Admin>, Query(query): Query<Shown>) -> Reply {
    match admin.csp_node(NodeQuery { uri: query.uri.clone() }).await {
        Ok(node) => {
            let frame = Frame::new(node.uri.clone(), Section::Catalogue, &visitor.viewer);
            Ok(page(&SettingPage { frame, node: &node }))
        }
        // What is not known is told where it can be looked for.
        Err(Error::Parameter(fault)) => {
            let why = format!("{} {}", texts::catalogue::UNKNOWN, fault.what);
            shown(&visitor, &admin, "", Some(&why)).await
        }
        Err(error) => Err(error.into()),
    }
}
