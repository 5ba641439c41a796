//! Keeps what was imported and gives the catalogue that is made of it. The catalogue is made anew when something was
//! imported, by whichever instance; between that it is shared.

use std::sync::{Arc, Mutex, PoisonError};

use flate2::Compression;
use sha2::{Digest as _, Sha256};
use transom_protocol::csp::admx::Template;
use transom_protocol::csp::catalogue::{Catalogue, Erratum, Source};
use transom_protocol::session::Timestamp;

use super::archive::{self, ArchiveError, Remark};
use super::builtin::{self, Provenance};
use super::compared::Compared;
use super::document::{DocumentError, pack, unpack};
use crate::model::{Actor, AuditRecord, CspDrop, KeptTemplate, hex};
use crate::policy::declaration::{Ingested, Ingestion};
use crate::store::{Error, Store, Tx};

/// Longest name of a drop.
const MAX_NAME: usize = 80;

/// Why the catalogue can't be had, or changed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// What was sent can't be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The name can't be used.
    #[error(
        "a name has 1 to {MAX_NAME} letters, digits, dots, dashes and underscores, begins with a letter, a digit or an underscore, and is not \"builtin\""
    )]
    Name,
    /// The name of an app can't be used.
    #[error(
        "the name of an app has 1 to {MAX_NAME} letters, digits, dots, dashes and underscores, and begins with a letter, a digit or an underscore"
    )]
    App,
    /// Devices are given templates as two things only.
    #[error("write Policy or Preference")]
    Kind,
    /// What is kept can't be read.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The corrections that the program brings along can't be read.
    #[error("the corrections of the catalogue can't be read: {0}")]
    Errata(#[from] serde_json::Error),
    /// The work was broken off.
    #[error("the catalogue was not made: the server is stopping")]
    Stopped,
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A catalogue with what it was made of.
#[derive(Debug)]
pub struct InUse {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Names of its sources, in the order in which nodes count them.
    pub sources: Vec<String>,
    /// What the program brings along.
    pub builtin: Vec<Provenance>,
    /// Changes whenever something is imported.
    pub generation: i64,
}

/// A drop that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedDrop {
    /// What is kept of it.
    pub drop: CspDrop,
    /// What was kept under its name before.
    pub replaced: Option<CspDrop>,
    /// Files that were not read, and why.
    pub skipped: Vec<Remark>,
    /// What was odd in those that were.
    pub odd: Vec<Remark>,
    /// Addresses that stand in it twice: the first one counts.
    pub twice: Vec<String>,
}

/// Templates that were imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedTemplates {
    /// What is kept of them.
    pub templates: Vec<KeptTemplate>,
    /// Files of templates that were kept before, and in whose place they are.
    pub replaced: Vec<String>,
    /// Files that were not read, and why.
    pub skipped: Vec<Remark>,
    /// What was odd in those that were.
    pub odd: Vec<Remark>,
}

/// What this server knows of settings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Library {
    pub(super) store: Store,
    made: Arc<Mutex<Option<Arc<InUse>>>>,
    errata: Arc<[Erratum]>,
    pub(super) compared: Compared,
}

impl Library {
    /// On a store.
    pub fn new(store: Store) -> Self {
        Self { store, made: Arc::default(), errata: Arc::default(), compared: Compared::default() }
    }

    /// The same, with corrections that hold over those that the program brings along.
    #[must_use]
    pub fn with_errata(self, errata: Vec<Erratum>) -> Self {
        Self { errata: errata.into(), ..self }
    }

    /// The catalogue as it is now.
    pub async fn in_use(&self) -> Result<Arc<InUse>, LibraryError> {
        let generation = self.store.read(|tx: &mut Tx<'_>| tx.catalogue_generation()).await?;
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(made) = made.filter(|made| made.generation == generation) {
            return Ok(made);
        }
        let kept = self.store.read(Kept::read).await?;
        let errata = self.errata.clone();
        let made = Arc::new(work(move || kept.make(&errata)).await?);
        let mut current = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|current| current.generation < made.generation) {
            *current = Some(made.clone());
        }
        Ok(made)
    }

    /// The catalogue of one drop alone, or of what is built in (`builtin`).
    pub async fn alone(&self, name: &str) -> Result<Catalogue, LibraryError> {
        if name == BUILTIN {
            return work(|| Ok(Catalogue::build(&builtin::facts()?.sources).catalogue)).await;
        }
        let name = name.to_owned();
        let body = self.store.read(move |tx: &mut Tx<'_>| tx.drop_body(&name)).await?;
        work(move || Ok(Catalogue::build(&[unpack::<Source>(&body)?]).catalogue)).await
    }

    /// Imports descriptions under a name. The first import is used at once, as is one that replaces what is in use. Old
    /// files are used only when somebody says so: what is built in knows more of the same settings.
    pub async fn import(
        &self,
        name: &str,
        bytes: Vec<u8>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<ImportedDrop, LibraryError> {
        if !is_name(name) {
            return Err(LibraryError::Name);
        }
        let (name, actor) = (name.to_owned(), by.clone());
        let by = by.name.clone();
        let read = work(move || {
            let read = archive::descriptions(&name, &bytes)?;
            let twice = Catalogue::build(std::slice::from_ref(&read.source)).twice;
            let is_old = read.source.is_old();
            let body = pack(&read.source, Compression::default())?;
            let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            let drop = CspDrop {
                name,
                sha256: hex(&Sha256::digest(&bytes)),
                imported_at: now,
                imported_by: by,
                files: count(read.source.files.len()),
                skipped: count(read.skipped.len()),
                trees: count(read.source.trees().count()),
                nodes: count(read.source.nodes()),
                place: None,
            };
            Ok((ImportedDrop { drop, replaced: None, skipped: read.skipped, odd: read.odd, twice }, body, is_old))
        });
        let (mut imported, body, is_old) = read.await?;
        self.store
            .write(move |tx: &mut Tx<'_>| {
                let before = tx.drops()?;
                let is_first = before.iter().all(|drop| drop.place.is_none());
                let same = before.into_iter().find(|drop| drop.name == imported.drop.name);
                let place = same.as_ref().and_then(|same| same.place);
                imported.drop.place = place.or((is_first && !is_old).then_some(0));
                imported.replaced = same;
                tx.keep_drop(&imported.drop, &body)?;
                let record = AuditRecord::new("csp.import", "csp", imported.drop.name.clone())
                    .after(serde_json::json!({"sha256": imported.drop.sha256}));
                tx.audit(&actor, record, now);
                Ok(imported)
            })
            .await
    }

    /// Imports administrative templates. With an app (and `Policy` or `Preference`), devices are given them under its
    /// name; otherwise they are Windows' own.
    pub async fn import_templates(
        &self,
        file: &str,
        app: Option<(String, String)>,
        bytes: Vec<u8>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<ImportedTemplates, LibraryError> {
        let app = match app {
            Some((app, _)) if !is_name(&app) => return Err(LibraryError::App),
            Some((app, kind)) => {
                let known = ["Policy", "Preference"].into_iter().find(|known| known.eq_ignore_ascii_case(&kind));
                Some((app, known.ok_or(LibraryError::Kind)?.to_owned()))
            }
            None => None,
        };
        let (file, actor) = (file.to_owned(), by.clone());
        let by = by.name.clone();
        let (kept, skipped, odd) = work(move || {
            let sha256 = hex(&Sha256::digest(&bytes));
            let read = archive::templates(&file, &bytes)?;
            let mut kept = Vec::new();
            for (file, template) in read.templates {
                let name = match &app {
                    None => file.clone(),
                    Some((app, kind)) => name_of(app, kind, &file),
                };
                let record = KeptTemplate {
                    file: name,
                    app: app.clone(),
                    sha256: sha256.clone(),
                    imported_at: now,
                    imported_by: by.clone(),
                    policies: u32::try_from(template.policies.len()).unwrap_or(u32::MAX),
                };
                kept.push((file, record, pack(&template, Compression::default())?));
            }
            Ok((kept, read.skipped, read.odd))
        })
        .await?;
        let (templates, replaced) = self
            .store
            .write(move |tx: &mut Tx<'_>| {
                let before = tx.templates()?;
                let mut replaced = Vec::new();
                for (file, record, body) in &kept {
                    rename_older(tx, &before, file)?;
                    if before.iter().any(|known| name_now(known, file) == record.file) {
                        replaced.push(record.file.clone());
                    }
                    tx.keep_template(record, body)?;
                    let audited = AuditRecord::new("csp.template.import", "csp", record.file.clone())
                        .after(serde_json::json!({"sha256": record.sha256}));
                    tx.audit(&actor, audited, now);
                }
                Ok::<_, Error>((kept.into_iter().map(|(_, record, _)| record).collect(), replaced))
            })
            .await?;
        Ok(ImportedTemplates { templates, replaced, skipped, odd })
    }
}

/// Once a template that devices are given was kept by its file alone: it gets the name that it would have today, so that
/// one of another app does not take its place.
fn rename_older(tx: &mut Tx<'_>, kept: &[KeptTemplate], file: &str) -> Result<(), Error> {
    let Some(older) = kept.iter().find(|kept| kept.file == file && kept.app.is_some()) else { return Ok(()) };
    let name = name_now(older, file);
    let body = tx.template_body(file)?;
    tx.forget_template(file)?;
    if kept.iter().any(|kept| kept.file == name) {
        return Ok(());
    }
    tx.keep_template(&KeptTemplate { file: name, ..older.clone() }, &body)
}

fn name_now(kept: &KeptTemplate, file: &str) -> String {
    match &kept.app {
        Some((app, kind)) if kept.file == file => name_of(app, kind, file),
        _ => kept.file.clone(),
    }
}

/// Under which name a template that devices are given is kept.
fn name_of(app: &str, kind: &str, file: &str) -> String {
    Ingestion { app: app.to_owned(), kind: kind.to_owned(), file: file.to_owned() }.name()
}

/// A template that policies give to devices, as it is kept when they are published: not yet with a time.
pub fn kept(ingested: Ingested, by: &str) -> Result<(KeptTemplate, Vec<u8>), DocumentError> {
    let body = pack(&ingested.template, Compression::default())?;
    let record = KeptTemplate {
        file: ingested.ingestion.name(),
        app: Some((ingested.ingestion.app, ingested.ingestion.kind)),
        sha256: hex(&Sha256::digest(ingested.text.as_bytes())),
        imported_at: Timestamp(0),
        imported_by: by.to_owned(),
        policies: u32::try_from(ingested.template.policies.len()).unwrap_or(u32::MAX),
    };
    Ok((record, body))
}

/// The name of what the program brings along.
pub const BUILTIN: &str = "builtin";

fn is_name(name: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    (1..=MAX_NAME).contains(&name.len())
        && name.chars().all(fits)
        && !name.eq_ignore_ascii_case(BUILTIN)
        && !name.starts_with(['.', '-'])
}

/// What the store has of the catalogue.
struct Kept {
    generation: i64,
    drops: Vec<(String, Vec<u8>)>,
    templates: Vec<(KeptTemplate, Vec<u8>)>,
}

impl Kept {
    fn read(tx: &mut Tx<'_>) -> Result<Self, Error> {
        let generation = tx.catalogue_generation()?;
        let mut used: Vec<CspDrop> = tx.drops()?.into_iter().filter(|drop| drop.place.is_some()).collect();
        used.sort_by_key(|drop| drop.place);
        let mut drops = Vec::new();
        for drop in used {
            let body = tx.drop_body(&drop.name)?;
            drops.push((drop.name, body));
        }
        let mut templates = Vec::new();
        for template in tx.templates()? {
            let body = tx.template_body(&template.file)?;
            templates.push((template, body));
        }
        Ok(Self { generation, drops, templates })
    }

    fn make(self, errata: &[Erratum]) -> Result<InUse, LibraryError> {
        let facts = builtin::facts()?;
        let mut names = Vec::new();
        let mut sources = Vec::new();
        for (name, body) in self.drops {
            sources.push(unpack::<Source>(&body)?);
            names.push(name);
        }
        names.extend(facts.provenance.iter().map(|each| format!("{BUILTIN} ({})", each.name)));
        sources.extend(facts.sources);
        let mut catalogue = Catalogue::build(&sources).catalogue;
        for problem in catalogue.correct(&builtin::errata()?).into_iter().chain(catalogue.correct(errata)) {
            tracing::warn!(%problem, "a correction of the catalogue was not made");
        }
        for (record, body) in self.templates {
            let template: Template = unpack(&body)?;
            match &record.app {
                None => catalogue.learn_template(&record.file, &template),
                Some((app, kind)) => catalogue.learn_ingested(app, kind, &template),
            }
        }
        Ok(InUse { catalogue, sources: names, builtin: facts.provenance, generation: self.generation })
    }
}

/// Runs what takes a while beside the tasks that answer.
pub(super) async fn work<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, LibraryError> + Send + 'static,
) -> Result<T, LibraryError> {
    tokio::task::spawn_blocking(job).await.unwrap_or(Err(LibraryError::Stopped))
}
