//! Policies are written: sets, their declarations, what would come of them, publishing and history.
//!
//! What is entered goes into a draft of whoever enters it; only publishing changes what devices get. A draft lies in the
//! database, so that a closed browser loses nothing.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, Data, Form, Path, Query};
use serde::Deserialize;

use super::answer::see_other;
use super::{Failure, LISTED, Reply, Visitor, page};
use crate::admin::{Admin, Error, PolicyDiffQuery, PolicyRevisionQuery, PolicySetQuery, RollBackPolicies, WorkingSet};
use crate::http::api::now;
use crate::model::Right;
use crate::policy::declaration::{
    Activation, Asset, Configuration, Content, Declaration, Identifier, Kind, Management, Payload, to_yaml,
};
use crate::policy::rollout::SecretsShown;
use crate::ui::authoring::{Around, HistoryPage, KnownSet, PreviewPage, RevisionPage, SetPage, SetsPage, Tab, of_diff};
use crate::ui::texts::authoring as texts;
use crate::ui::{Frame, Section, text::part};

/// Longest form with a value in it, in bytes.
const LARGE: usize = 2 * 1024 * 1024;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/sets").route(web::get().to(sets)).route(web::post().to(open)))
        .service(web::resource("/sets/{set}").route(web::get().to(set)))
        .service(web::resource("/sets/{set}/declarations").route(web::post().to(add)))
        .service(web::resource("/sets/{set}/renew").route(web::post().to(renew)))
        .service(web::resource("/sets/{set}/discard").route(web::post().to(discard)))
        .service(web::resource("/sets/{set}/export").route(web::get().to(export)))
        .service(web::resource("/sets/{set}/preview").route(web::get().to(preview)))
        .service(web::resource("/sets/{set}/history").route(web::get().to(history)))
        .service(
            web::resource("/sets/{set}/history/{number}")
                .route(web::get().to(revision))
                .route(web::post().to(roll_back)),
        );
    super::importing::configure(routes);
    super::staging::configure(routes);
    super::writing::configure(routes);
}

/// Forms of another size than usual.
pub(super) fn form(limit: usize) -> web::FormConfig {
    web::FormConfig::default().limit(limit).error_handler(|error, _| Failure::form(&error).into())
}

/// The usual form of a value.
pub(super) fn large() -> web::FormConfig {
    form(LARGE)
}

/// What was done just now, as the address says it.
#[derive(Deserialize, Default)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

#[derive(Deserialize)]
struct Opened {
    csrf: String,
    #[serde(default)]
    set: String,
}

#[derive(Deserialize)]
struct Added {
    csrf: String,
    r#type: String,
    identifier: String,
}

#[derive(Deserialize)]
struct Plain {
    csrf: String,
}

#[derive(Deserialize)]
struct Foreseen {
    #[serde(default)]
    device: String,
}

#[derive(Deserialize)]
struct RollingBack {
    csrf: String,
    message: String,
    #[serde(default)]
    sure: String,
}

#[derive(Deserialize)]
struct Listed {
    cursor: Option<String>,
}

impl Done {
    /// By its word.
    pub(super) fn of(word: &str) -> Self {
        Self { done: word.to_owned() }
    }

    /// Whether it is this.
    pub(super) fn is(&self, word: &str) -> bool {
        self.done == word
    }

    /// In words.
    pub(super) fn told(&self) -> Option<&'static str> {
        match self.done.as_str() {
            "saved" => Some(texts::SAVED),
            "renewed" => Some(texts::RENEWED),
            "discarded" => Some(texts::DISCARDED),
            "nothing" => Some(texts::PUBLISHED_NOTHING),
            _ => None,
        }
    }
}

/// What stands around a page of a set.
pub(super) fn around<'a>(
    working: &'a WorkingSet,
    here: Tab,
    done: Option<&'static str>,
    error: Option<&'a str>,
) -> Around<'a> {
    Around { working, here, done, error }
}

/// The page of a set.
pub(super) fn frame<'a>(visitor: &'a Visitor, title: &str) -> Frame<'a> {
    Frame::new(title, Section::Policies, &visitor.viewer)
}

/// What a person can do something about is told on the page; anything else is an error of its own.
pub(super) fn told(error: Error) -> Result<String, Failure> {
    match error {
        Error::Invalid { summary, faults } => {
            let mut whats: Vec<String> = faults.into_iter().take(20).map(|fault| fault.what).collect();
            whats.retain(|what| *what != summary);
            Ok(if whats.is_empty() { summary } else { format!("{summary}: {}", whats.join("; ")) })
        }
        Error::Parameter(fault) => Ok(fault.what),
        Error::Conflict(why) => Ok(why),
        error @ (Error::Changed | Error::Busy) => Ok(error.to_string()),
        error => Err(error.into()),
    }
}

async fn sets(visitor: Visitor, admin: Data<Admin>) -> Reply {
    shown_sets(&visitor, &admin, None).await
}

async fn shown_sets(visitor: &Visitor, admin: &Admin, error: Option<&str>) -> Reply {
    let mut sets: Vec<KnownSet> = Vec::new();
    let known = |sets: &mut Vec<KnownSet>, name: &str| {
        sets.iter().position(|set| set.name == name).unwrap_or_else(|| {
            sets.push(KnownSet { name: name.to_owned(), declarations: 0, last: 0, draft: None });
            sets.len() - 1
        })
    };
    let policies = admin.policies(PolicySetQuery::default()).await?;
    // What was removed and stands on some device still is none of its set.
    for policy in policies.into_iter().filter(|policy| !policy.removed) {
        let place = known(&mut sets, &policy.set);
        if let Some(set) = sets.get_mut(place) {
            set.declarations += 1;
        }
    }
    // Of a set that was emptied nothing else is left, and what is removed changes no declaration that stays.
    for (name, last) in admin.policy_sets().await? {
        let place = known(&mut sets, &name);
        if let Some(set) = sets.get_mut(place) {
            set.last = last;
        }
    }
    for draft in admin.policy_drafts(visitor.actor()).await?.items {
        let place = known(&mut sets, &draft.set);
        if let Some(set) = sets.get_mut(place) {
            set.draft = Some(draft.changed_at);
        }
    }
    sets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(page(&SetsPage { frame: frame(visitor, texts::SETS), sets: &sets, error }))
}

async fn open(visitor: Visitor, admin: Data<Admin>, Form(form): Form<Opened>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let name = form.set.trim();
    match admin.working_set(name, visitor.actor()).await {
        Ok(_) => Ok(see_other(&format!("/sets/{}", part(name)))),
        Err(Error::NotFound(_)) => shown_sets(&visitor, &admin, Some(texts::NEW_SET_HINT)).await,
        Err(error) => Err(error.into()),
    }
}

async fn set(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Query(done): Query<Done>) -> Reply {
    shown_set(&visitor, &admin, &name, done.told(), None, &[]).await
}

async fn shown_set(
    visitor: &Visitor,
    admin: &Admin,
    name: &str,
    done: Option<&'static str>,
    error: Option<&str>,
    contested: &[String],
) -> Reply {
    let working = admin.working_set(name, visitor.actor()).await?;
    let checked = admin.check_working_set(&working).await?;
    let around = around(&working, Tab::Set, done, error);
    Ok(page(&SetPage { frame: frame(visitor, name), around, checked: &checked, contested }))
}

/// The published declarations of a set as a file, as `transom policy export` writes it.
async fn export(visitor: Visitor, admin: Data<Admin>, name: Path<String>) -> Reply {
    let working = admin.working_set(&name, visitor.actor()).await?;
    if working.published.is_empty() {
        return Err(Error::NotFound("set").into());
    }
    Ok(HttpResponse::Ok()
        .content_type("application/yaml; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.yaml\"", part(&working.set))))
        .body(to_yaml(&working.published)))
}

async fn add(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Added>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    match added(&visitor, &admin, &name, &form).await {
        Ok(identifier) => Ok(see_other(&format!("/sets/{}/declarations/{}", part(&name), part(identifier.as_str())))),
        Err(error) => shown_set(&visitor, &admin, &name, None, Some(&told(error)?), &[]).await,
    }
}

async fn added(visitor: &Visitor, admin: &Admin, set: &str, form: &Added) -> Result<Identifier, Error> {
    let wrong = |what: String| Error::invalid("/identifier", what);
    let written = form.identifier.trim();
    let identifier = Identifier::parse(written).map_err(|error| wrong(format!("{written:?}: {error}")))?;
    let kind = Kind::parse(&form.r#type).ok_or_else(|| wrong(format!("{:?} is no type", form.r#type)))?;
    let others = admin.policies(PolicySetQuery::default()).await?;
    let mut others = others.iter().filter(|other| !other.removed && other.set != set);
    if let Some(other) = others.find(|other| other.identifier == written) {
        return Err(wrong(format!("{written} is taken: it belongs to the set {}", other.set)));
    }
    let payload = match kind {
        Kind::Configuration => Payload::Configuration(Configuration::default()),
        Kind::Activation => Payload::Activation(Activation::default()),
        Kind::Management => Payload::Management(Management::default()),
        Kind::Asset => Payload::Asset(Asset { description: None, content: Content::Text(String::new()) }),
    };
    let new = Declaration { identifier: identifier.clone(), payload };
    let change = |all: &mut Vec<Declaration>| {
        if all.iter().any(|known| known.identifier == new.identifier) {
            return Err(Error::invalid("/identifier", format!("{} is there already", new.identifier)));
        }
        all.push(new.clone());
        Ok(())
    };
    admin.change_draft(set, visitor.actor(), now(), change).await?;
    Ok(identifier)
}

async fn renew(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let merged = admin.renew_draft(&name, visitor.actor(), now()).await?;
    let contested: Vec<String> = merged
        .contested
        .into_iter()
        .map(|(identifier, setting)| setting.map_or(identifier.to_string(), |uri| format!("{identifier}: {uri}")))
        .collect();
    shown_set(&visitor, &admin, &name, Some(texts::RENEWED), None, &contested).await
}

async fn discard(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Form(form): Form<Plain>) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    match admin.discard_policy_draft(&name, visitor.actor(), now()).await {
        Ok(()) | Err(Error::NotFound(_)) => Ok(see_other(&format!("/sets/{}?done=discarded", part(&name)))),
        Err(error) => Err(error.into()),
    }
}

async fn preview(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Query(query): Query<Foreseen>) -> Reply {
    let working = admin.working_set(&name, visitor.actor()).await?;
    let device = query.device.trim();
    let (planned, error) = if device.is_empty() {
        (None, None)
    } else {
        match admin.plan_for(device, &working.set, working.declarations.clone(), SecretsShown::Redacted).await {
            Ok(planned) => (Some(planned), None),
            Err(Error::NotFound(what)) => (None, Some(Error::NotFound(what).to_string())),
            Err(error) => (None, Some(told(error)?)),
        }
    };
    let checked = admin.check_working_set(&working).await?;
    let devices = admin.fitting(None).await?.first;
    let open = admin.open_policy_stage().await?;
    let around = around(&working, Tab::Preview, None, error.as_deref());
    let (frame, has_errors) = (frame(&visitor, &name), checked.errors > 0);
    let (planned, open, devices) = (planned.as_ref(), open.as_ref(), &devices[..]);
    Ok(page(&PreviewPage { frame, around, device, planned, open, devices, has_errors }))
}

async fn history(visitor: Visitor, admin: Data<Admin>, name: Path<String>, Query(query): Query<Listed>) -> Reply {
    let working = admin.working_set(&name, visitor.actor()).await?;
    let query = PolicyRevisionQuery { set: Some(working.set.clone()), limit: Some(LISTED), cursor: query.cursor };
    let found = admin.policy_revisions(query).await?;
    let next = found.next_cursor.map(|cursor| format!("/sets/{}/history?cursor={cursor}", part(&name)));
    let around = around(&working, Tab::History, None, None);
    Ok(page(&HistoryPage { frame: frame(&visitor, &name), around, revisions: &found.items, next }))
}

async fn revision(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Query(done): Query<Done>,
) -> Reply {
    let (set, number) = path.into_inner();
    let done = if done.is("published") { Some(texts::PUBLISHED) } else { done.told() };
    shown_revision(&visitor, &admin, (&set, &number), done, None).await
}

async fn shown_revision(
    visitor: &Visitor,
    admin: &Admin,
    (set, number): (&str, &str),
    done: Option<&'static str>,
    error: Option<&str>,
) -> Reply {
    let working = admin.working_set(set, visitor.actor()).await?;
    let revision = admin.policy_revision(number).await?;
    if revision.set != working.set {
        return Err(Error::NotFound("revision").into());
    }
    let diff = admin.policy_diff(number, PolicyDiffQuery::default()).await?;
    let changes = of_diff(&diff);
    let around = around(&working, Tab::History, done, error);
    Ok(page(&RevisionPage { frame: frame(visitor, set), around, revision: &revision, changes: &changes }))
}

async fn roll_back(
    visitor: Visitor,
    admin: Data<Admin>,
    path: Path<(String, String)>,
    Form(form): Form<RollingBack>,
) -> Reply {
    visitor.verify(&form.csrf, Right::Author)?;
    let (set, number) = path.into_inner();
    let revision = admin.policy_revision(&number).await?;
    if revision.set != set {
        return Err(Error::NotFound("revision").into());
    }
    if form.sure != "true" {
        return shown_revision(&visitor, &admin, (&set, &number), None, Some(texts::ROLL_BACK_SURE)).await;
    }
    let back = RollBackPolicies { revision: revision.number, message: form.message, dry_run: false };
    match admin.roll_back_policies_here(back, visitor.actor(), now()).await {
        Ok(applied) => {
            let (number, done) = match applied.revision {
                Some(number) => (number, "published"),
                None => (revision.number, "nothing"),
            };
            Ok(see_other(&format!("/sets/{}/history/{number}?done={done}", part(&set))))
        }
        Err(error) => shown_revision(&visitor, &admin, (&set, &number), None, Some(&told(error)?)).await,
    }
}
