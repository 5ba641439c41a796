//! One declaration of a set is written, setting by setting; what is said of it while somebody writes.

use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::authoring::{Done, around, frame, large, told};
use super::{Failure, LISTED, Reply, Visitor, page};
use crate::admin::{Admin, Error, NodeQuery, PolicyRemarkJson, SearchQuery, WorkingSet};
use crate::http::api::now;
use crate::model::{Right, fact};
use crate::policy::catalogue::Level;
use crate::policy::declaration::{
    Activation, Asset, Configuration, Content, Declaration, Drift, Identifier, LocUri, Management, Payload, Value,
    read_json,
};
use crate::policy::form::{Entries, Form as SettingForm, entered};
use crate::ui::authoring::{
    ActivationPage, AssetPage, ConditionSaid, ConfigurationPage, FoundSetting, ManagementPage, SettingFormPage,
    SettingSaid, Tab,
};
use crate::ui::text::{excerpt, part};

/// Addresses that are looked at for a list of settings: not all of them can be set.
const LOOKED_AT: usize = 300;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(
            web::resource("/sets/{set}/declarations/{identifier}")
                .app_data(large())
                .route(web::get().to(show))
                .route(web::post().to(change)),
        )
        .service(
            web::resource("/sets/{set}/declarations/{identifier}/setting")
                .app_data(large())
                .route(web::get().to(ask))
                .route(web::post().to(enter)),
        )
        .service(
            web::resource("/sets/{set}/declarations/{identifier}/said").app_data(large()).route(web::post().to(said)),
        )
        .service(web::resource("/sets/{set}/condition").route(web::post().to(condition)));
}

#[derive(Deserialize)]
struct Searched {
    #[serde(default)]
    words: String,
    #[serde(default)]
    done: String,
}

#[derive(Deserialize)]
struct Asked {
    uri: String,
}

/// A configuration of a set, to which a setting belongs.
async fn configuration(
    admin: &Admin,
    visitor: &Visitor,
    set: &str,
    identifier: &str,
) -> Result<(WorkingSet, Identifier, Configuration), Failure> {
    let working = admin.working_set(set, visitor.actor()).await?;
    match working.find(identifier).map(|found| (found.identifier.clone(), found.payload.clone())) {
        Some((identifier, Payload::Configuration(configuration))) => Ok((working, identifier, configuration)),
        _ => Err(Error::NotFound("configuration").into()),
    }
}

async fn show(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Query(query): Query<Searched>,
) -> Reply {
    let (set, identifier) = path.into_inner();
    let working = admin.working_set(&set, visitor.actor()).await?;
    let declaration = working.find(&identifier).cloned().ok_or(Error::NotFound("declaration"))?;
    let done = Done::of(&query.done).told();
    shown(&visitor, &admin, &working, &declaration, query.words.trim(), done, None).await
}

async fn shown(
    visitor: &Visitor,
    admin: &Admin,
    working: &WorkingSet,
    declaration: &Declaration,
    words: &str,
    done: Option<&'static str>,
    error: Option<&str>,
) -> Reply {
    let identifier = &declaration.identifier;
    let remarks = &admin.check_declaration(working, declaration.clone()).await?[..];
    let frame = frame(visitor, identifier.as_str());
    let around = around(working, Tab::Set, done, error);
    Ok(match &declaration.payload {
        Payload::Configuration(configuration) => {
            let (found, has_more) = searched(admin, working, words).await?;
            let found = &found[..];
            page(&ConfigurationPage { frame, around, identifier, configuration, remarks, words, found, has_more })
        }
        Payload::Activation(activation) => {
            let fitting = &fitting(admin, activation.when.as_deref()).await?;
            let facts: Vec<&'static str> = fact::catalogue().iter().map(|fact| fact.name).collect();
            page(&ActivationPage { frame, around, identifier, activation, remarks, fitting, facts: &facts })
        }
        Payload::Asset(asset) => {
            let has_value = asset.content.is_secret()
                && admin.policy_secrets().await?.items.iter().any(|known| known.name == identifier.as_str());
            page(&AssetPage { frame, around, identifier, asset, has_value, remarks })
        }
        Payload::Management(management) => page(&ManagementPage { frame, around, identifier, management, remarks }),
    })
}

/// Settings that can be set, by words of their address, those of templates that the set gives to devices among them; whether
/// there are more.
async fn searched(admin: &Admin, working: &WorkingSet, words: &str) -> Result<(Vec<FoundSetting>, bool), Failure> {
    if words.is_empty() {
        return Ok((Vec::new(), false));
    }
    let query = SearchQuery { words: words.to_owned(), limit: Some(LOOKED_AT) };
    let nodes = admin.search_settings(query, &working.declarations).await?.items;
    let was_cut = nodes.len() == LOOKED_AT;
    let settable = nodes.into_iter().filter(|node| {
        let is_named = node.format == crate::policy::catalogue::Format::Node && node.uri.ends_with('}');
        node.access.is_settable() && node.format != crate::policy::catalogue::Format::Node
            || is_named && node.access.allows(crate::model::Verb::Add)
    });
    let mut found: Vec<FoundSetting> = settable
        .map(|node| FoundSetting {
            takes: node.allowed_text.as_deref().map_or_else(|| node.format.as_str().to_owned(), excerpt),
            about: node.description.as_deref().map(excerpt).unwrap_or_default(),
            uri: node.uri,
        })
        .collect();
    let has_more = was_cut || found.len() > LISTED;
    found.truncate(LISTED);
    Ok((found, has_more))
}

/// For which devices a condition holds, or what is wrong with it.
async fn fitting(admin: &Admin, when: Option<&str>) -> Result<Result<crate::admin::Fitting, String>, Failure> {
    match admin.fitting(when.map(str::trim).filter(|when| !when.is_empty())).await {
        Ok(fitting) => Ok(Ok(fitting)),
        Err(Error::Parameter(fault)) => Ok(Err(fault.what)),
        Err(error) => Err(error.into()),
    }
}

async fn condition(
    visitor: Visitor,
    admin: Data<Admin>,
    _: Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Reply {
    let entries = Entries::new(fields);
    visitor.verify(entries.text("csrf"), Right::Author)?;
    let fitting = fitting(&admin, Some(entries.text("when"))).await?;
    Ok(page(&ConditionSaid { fitting: &fitting }))
}

async fn change(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Reply {
    let entries = Entries::new(fields);
    visitor.verify(entries.text("csrf"), Right::Author)?;
    let (set, identifier) = path.into_inner();
    let by = visitor.actor();
    let working = admin.working_set(&set, by).await?;
    let declaration = working.find(&identifier).cloned().ok_or(Error::NotFound("declaration"))?;
    if entries.text("deed") == "remove" {
        let change = |all: &mut Vec<Declaration>| {
            all.retain(|each| each.identifier != declaration.identifier);
            Ok(())
        };
        admin.change_draft(&set, by, now(), change).await?;
        return Ok(see_other(&format!("/sets/{}?done=saved", part(&set))));
    }
    let wanted = match written(&declaration, &entries) {
        Ok(payload) => Declaration { identifier: declaration.identifier.clone(), payload },
        Err(why) => return shown(&visitor, &admin, &working, &declaration, "", None, Some(&why)).await,
    };
    // What can't be read is not kept; what can't work is, and is said.
    let read = read_json(&wanted.to_json());
    let unread = read.remarks.iter().find(|remark| remark.level == Level::Error);
    if let Some(remark) = unread {
        return shown(&visitor, &admin, &working, &wanted, "", None, Some(&remark.what)).await;
    }
    let change = |all: &mut Vec<Declaration>| {
        let place = all.iter_mut().find(|each| each.identifier == wanted.identifier);
        *place.ok_or(Error::NotFound("declaration"))? = wanted.clone();
        Ok(())
    };
    match admin.change_draft(&set, by, now(), change).await {
        Ok(()) => Ok(see_other(&format!("/sets/{}/declarations/{}?done=saved", part(&set), part(&identifier)))),
        Err(error) => shown(&visitor, &admin, &working, &wanted, "", None, Some(&told(error)?)).await,
    }
}

/// What was entered for a declaration. Settings are entered each by itself.
fn written(declaration: &Declaration, entries: &Entries) -> Result<Payload, String> {
    let optional = |name: &str| Some(entries.text(name).trim().to_owned()).filter(|text| !text.is_empty());
    let description = optional("description");
    Ok(match &declaration.payload {
        Payload::Configuration(configuration) => {
            let drift = if entries.text("drift") == "report" { Drift::Report } else { Drift::Repair };
            Payload::Configuration(Configuration { description, drift, ..configuration.clone() })
        }
        Payload::Activation(_) => {
            let names =
                entries.all("configuration").map(|name| Identifier::parse(name).map_err(|error| error.to_string()));
            Payload::Activation(Activation {
                description,
                configurations: names.collect::<Result<_, String>>()?,
                atomic: entries.text("atomic") == "true",
                when: optional("when"),
            })
        }
        Payload::Asset(_) => {
            let content = entries.text("content");
            let content = match entries.text("kind") {
                "secret" => Content::Secret,
                "base64" => Content::Base64(content.split_whitespace().collect()),
                _ => Content::Text(content.to_owned()),
            };
            Payload::Asset(Asset { description, content })
        }
        Payload::Management(_) => {
            let lines = entries.text("properties").lines().map(str::trim).filter(|line| !line.is_empty());
            let properties: Vec<String> = lines.map(str::to_owned).collect();
            Payload::Management(Management {
                organization: optional("organization"),
                contact: optional("contact"),
                properties: Some(properties).filter(|properties| !properties.is_empty()),
            })
        }
    })
}

async fn ask(visitor: Visitor, admin: Data<Admin>, path: Path<(String, String)>, Query(query): Query<Asked>) -> Reply {
    visitor.require(Right::Author)?;
    let (set, identifier) = path.into_inner();
    let (working, identifier, configuration) = configuration(&admin, &visitor, &set, &identifier).await?;
    let form = match admin.setting_form(&working, &query.uri).await {
        Ok(form) => form,
        Err(error) => {
            let declaration = Declaration { identifier, payload: Payload::Configuration(configuration) };
            let (why, words) = (told(error)?, query.uri.trim());
            return shown(&visitor, &admin, &working, &declaration, words, None, Some(&why)).await;
        }
    };
    let known = configuration.settings.iter().find(|(uri, _)| uri.names_same_node(&form.uri));
    let entries = known.map_or_else(Entries::default, |(uri, value)| {
        let reason = configuration.overrides.get(uri).cloned().unwrap_or_default();
        entered(&form, value).with("reason", reason)
    });
    let uri = known.map(|(uri, _)| uri.clone());
    let form = SettingForm { uri: uri.as_ref().map_or(form.uri.clone(), |uri| uri.as_str().to_owned()), ..form };
    let (missing, remarks) = match known {
        Some((_, value)) => judged(&admin, &working, &identifier, &form, &entries, Some(value)).await?,
        None => {
            (Some(form.unknown.clone().unwrap_or_else(|| crate::ui::texts::authoring::NOT_YET.to_owned())), Vec::new())
        }
    };
    let entry = Entry { working: &working, identifier: &identifier, form: &form, entries: &entries };
    entry.shown(&visitor, &admin, uri.is_some(), &remarks, missing.as_deref(), None).await
}

/// Something that is entered.
struct Entry<'a> {
    working: &'a WorkingSet,
    identifier: &'a Identifier,
    form: &'a SettingForm,
    entries: &'a Entries,
}

impl Entry<'_> {
    async fn shown(
        &self,
        visitor: &Visitor,
        admin: &Admin,
        is_there: bool,
        remarks: &[PolicyRemarkJson],
        missing: Option<&str>,
        error: Option<&str>,
    ) -> Reply {
        let Entry { working, identifier, form, entries } = *self;
        let node = match form.node {
            Some(_) => admin.csp_node(NodeQuery { uri: form.uri.clone() }).await.ok(),
            None => None,
        };
        let (frame, around) = (frame(visitor, identifier.as_str()), around(working, Tab::Set, None, error));
        let node = node.as_ref();
        Ok(page(&SettingFormPage { frame, around, identifier, form, node, entries, is_there, remarks, missing }))
    }
}

/// What is said of what was entered: what is missing before anything can be said, or the remarks.
async fn judged(
    admin: &Admin,
    working: &WorkingSet,
    identifier: &Identifier,
    form: &SettingForm,
    entries: &Entries,
    before: Option<&Value>,
) -> Result<(Option<String>, Vec<PolicyRemarkJson>), Failure> {
    match setting(form, entries, before) {
        Ok(setting) => Ok((None, admin.check_setting(working, identifier, setting).await?)),
        Err(missing) => Ok((Some(missing), Vec::new())),
    }
}

/// The setting that was entered in place of one, if there was one.
fn setting(
    form: &SettingForm,
    entries: &Entries,
    before: Option<&Value>,
) -> Result<(LocUri, Value, Option<String>), String> {
    let reason = Some(entries.text("reason").trim().to_owned()).filter(|reason| !reason.is_empty());
    Ok((form.address(entries)?, form.value_after(entries, before)?, reason))
}

/// The value that a form was opened with.
fn before<'a>(configuration: &'a Configuration, entries: &Entries) -> Option<&'a Value> {
    let is_there = entries.text("there") == "true";
    let mut all = configuration.settings.iter().filter(|_| is_there);
    all.find(|(uri, _)| uri.names_same_node(entries.text("uri"))).map(|(_, value)| value)
}

async fn said(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Reply {
    let entries = Entries::new(fields);
    visitor.verify(entries.text("csrf"), Right::Author)?;
    let (set, identifier) = path.into_inner();
    let (working, identifier, configuration) = configuration(&admin, &visitor, &set, &identifier).await?;
    let form = admin.setting_form(&working, entries.text("uri")).await?;
    let before = before(&configuration, &entries);
    let (missing, remarks) = judged(&admin, &working, &identifier, &form, &entries, before).await?;
    Ok(page(&SettingSaid { remarks: &remarks, missing: missing.as_deref() }))
}

async fn enter(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Reply {
    let entries = Entries::new(fields);
    visitor.verify(entries.text("csrf"), Right::Author)?;
    let (set, identifier) = path.into_inner();
    let by = visitor.actor();
    let (working, identifier, configuration) = configuration(&admin, &visitor, &set, &identifier).await?;
    let back = format!("/sets/{}/declarations/{}?done=saved", part(&set), part(identifier.as_str()));
    let form = admin.setting_form(&working, entries.text("uri")).await?;
    if entries.text("deed") == "remove" {
        admin.remove_setting(&set, &identifier, entries.text("uri"), by, now()).await?;
        return Ok(see_other(&back));
    }
    let entry = Entry { working: &working, identifier: &identifier, form: &form, entries: &entries };
    let is_there = entries.text("there") == "true";
    let setting = match setting(&form, &entries, before(&configuration, &entries)) {
        Ok(setting) => setting,
        Err(missing) => return entry.shown(&visitor, &admin, is_there, &[], None, Some(&missing)).await,
    };
    let remarks = admin.check_setting(&working, &identifier, setting.clone()).await?;
    let error = remarks.iter().find(|remark| remark.level == Level::Error);
    if entries.text("deed") == "check" {
        return entry.shown(&visitor, &admin, is_there, &remarks, None, None).await;
    }
    if let Some(error) = error {
        return entry.shown(&visitor, &admin, is_there, &remarks, None, Some(&error.what)).await;
    }
    let is_taken = configuration.settings.keys().any(|known| known.names_same_node(setting.0.as_str()));
    if is_taken && !is_there && !form.names.is_empty() {
        let why = crate::ui::texts::authoring::IN_IT_ALREADY;
        return entry.shown(&visitor, &admin, is_there, &remarks, None, Some(why)).await;
    }
    match admin.enter_setting(&set, &identifier, setting, by, now()).await {
        Ok(()) => Ok(see_other(&back)),
        Err(error) => entry.shown(&visitor, &admin, is_there, &remarks, None, Some(&told(error)?)).await,
    }
}
