//! The catalogue of settings: what was imported, what a node is, whether a setting would be taken.

mod json;
mod node;

pub use json::{
    CheckSetting, CheckedJson, CspDropJson, CspInfoJson, CspNodeJson, CspNodesJson, DiffJson, DiffQuery, ImportQuery,
    ImportedDropJson, ImportedTemplatesJson, NodeQuery, ProvenanceJson, RemarkJson, SearchQuery, TemplateJson,
    UseDrops,
};

use super::{Admin, Error, MAX_LIMIT};
use crate::model::{Actor, AuditRecord, Timestamp, Verb};
use crate::policy::catalogue::{
    BUILTIN, Catalogue, Change, Device, Found, LibraryError, Proposed, builtin::Provenance, held_whole,
};
use crate::policy::declaration::{Declaration, with_ingested};
use crate::store::Tx;

/// Bytes of an import, at most: Microsoft's have less than one million, a folder of templates ten.
pub const MAX_IMPORT: usize = 64 * 1024 * 1024;

impl Admin {
    /// What the catalogue is made of.
    pub async fn csp_info(&self) -> Result<CspInfoJson, Error> {
        let in_use = self.library.in_use().await?;
        let kept = |tx: &mut Tx<'_>| {
            Ok::<_, crate::store::Error>((tx.drops()?, tx.templates()?.len(), tx.catalogue_generation()?))
        };
        let (drops, templates, generation) = self.store.read(kept).await?;
        Ok(CspInfoJson {
            nodes: in_use.catalogue.len(),
            trees: in_use.catalogue.trees().count(),
            sources: in_use.sources.clone(),
            builtin: in_use.builtin.iter().map(provenance).collect(),
            drops: drops.into_iter().map(CspDropJson::from).collect(),
            templates,
            generation,
        })
    }

    /// Imports descriptions.
    pub async fn import_csp(
        &self,
        query: ImportQuery,
        bytes: Vec<u8>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<ImportedDropJson, Error> {
        if query.app.is_some() || query.kind.is_some() {
            return Err(Error::parameter("app", "only templates have an app"));
        }
        let imported = self.library.import(&query.name, bytes, by, now).await?;
        Ok(ImportedDropJson {
            drop: imported.drop.into(),
            replaced: imported.replaced.map(CspDropJson::from),
            skipped: imported.skipped.into_iter().map(RemarkJson::from).collect(),
            odd: imported.odd.into_iter().map(RemarkJson::from).collect(),
            twice: imported.twice,
        })
    }

    /// Says which drops count.
    pub async fn use_csp(
        &self,
        wanted: UseDrops,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<CspInfoJson, Error> {
        let mut names = wanted.names.clone();
        names.sort();
        names.dedup();
        if names.len() != wanted.names.len() {
            return Err(Error::invalid("/names", "a drop is named twice"));
        }
        let by = by.clone();
        self.store
            .write(move |tx: &mut Tx<'_>| {
                as_seen(tx, seen.as_deref())?;
                let used = |tx: &mut Tx<'_>| {
                    let mut drops = tx.drops()?;
                    drops.retain(|drop| drop.place.is_some());
                    drops.sort_by_key(|drop| drop.place);
                    let names: Vec<String> = drops.into_iter().map(|drop| drop.name).collect();
                    Ok::<_, Error>(serde_json::json!({ "names": names }))
                };
                let before = used(tx)?;
                tx.use_drops(&wanted.names)?;
                let after = used(tx)?;
                let record = AuditRecord::new("csp.use", "csp", wanted.names.join(" "));
                tx.audit(&by, record.before(before).after(after), now);
                Ok::<_, Error>(())
            })
            .await?;
        self.csp_info().await
    }

    /// Forgets a drop.
    pub async fn forget_csp(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<CspInfoJson, Error> {
        let (name, by) = (named(name, "drop")?, by.clone());
        self.store
            .write(move |tx: &mut Tx<'_>| {
                as_seen(tx, seen.as_deref())?;
                tx.forget_drop(&name)?;
                tx.audit(&by, AuditRecord::new("csp.forget", "csp", name), now);
                Ok::<_, Error>(())
            })
            .await?;
        self.csp_info().await
    }

    /// What differs between two drops.
    pub async fn diff_csp(&self, query: DiffQuery) -> Result<DiffJson, Error> {
        let kept = self.store.read(|tx: &mut Tx<'_>| tx.drops()).await?;
        let is_there = |name: &str| name == BUILTIN || kept.iter().any(|drop| drop.name == name);
        for (parameter, name) in [("from", &query.from), ("to", &query.to)] {
            if !is_there(name) {
                let name: String = name.chars().take(80).collect();
                let what = format!("there is no import {name:?}: write one of transom csp list, or {BUILTIN}");
                return Err(Error::parameter(parameter, what));
            }
        }
        let differences = self.library.compare(&query.from, &query.to).await?;
        let count =
            |kind: fn(&Change) -> bool| differences.iter().filter(|difference| kind(&difference.change)).count();
        Ok(DiffJson {
            added: count(|change| matches!(change, Change::Added)),
            removed: count(|change| matches!(change, Change::Removed)),
            changed: count(|change| matches!(change, Change::Changed(_))),
            differences: differences.to_vec(),
        })
    }

    /// Nodes by words of their address.
    pub async fn search_csp(&self, query: SearchQuery) -> Result<CspNodesJson, Error> {
        self.search_settings(query, &[]).await
    }

    /// The same, with the settings of templates that these declarations give to devices.
    pub async fn search_settings(
        &self,
        query: SearchQuery,
        declarations: &[Declaration],
    ) -> Result<CspNodesJson, Error> {
        let limit = match query.limit {
            None => super::DEFAULT_LIMIT,
            Some(limit @ 1..=MAX_LIMIT) => limit,
            Some(_) => return Err(Error::parameter("limit", format!("write a number from 1 to {MAX_LIMIT}"))),
        };
        let in_use = self.library.in_use().await?;
        let declarations = declarations.to_vec();
        // Templates are of any size.
        let look = move || {
            let catalogue = with_ingested(&in_use.catalogue, &declarations);
            let mut found = catalogue.search(&query.words, limit + 1);
            let more = found.len() > limit;
            found.truncate(limit);
            let shown = |node| node::of(&catalogue, &in_use.sources, node, false);
            CspNodesJson { items: found.into_iter().filter_map(shown).collect(), more }
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Error::Busy)
    }

    /// One node.
    pub async fn csp_node(&self, query: NodeQuery) -> Result<CspNodeJson, Error> {
        let uri = node::address(&query.uri)?;
        let in_use = self.library.in_use().await?;
        match in_use.catalogue.find(&uri) {
            Found::Known(hit) => node::of_hit(&in_use, &hit).ok_or(Error::NotFound("node")),
            Found::Unchecked(_) | Found::Missing(_) => {
                if let Some(shown) = node::on_the_way(&in_use, &uri) {
                    return Ok(shown);
                }
                let proposed = Proposed { verb: Verb::Get, uri: &uri, format: None, data: None, in_atomic: false };
                let findings = in_use.catalogue.check(&proposed, None).findings;
                let what = findings.first().map_or_else(String::new, |finding| finding.what.clone());
                Err(Error::parameter("uri", what))
            }
        }
    }

    /// Whether a setting would be taken.
    pub async fn check_csp(&self, setting: CheckSetting) -> Result<CheckedJson, Error> {
        let verb =
            verb(&setting.kind).ok_or_else(|| Error::invalid("/kind", "write get, add, replace, delete or exec"))?;
        let in_use = self.library.in_use().await?;
        // Values are of any size.
        let look = move || checked(&in_use.catalogue, verb, &setting);
        tokio::task::spawn_blocking(look).await.map_err(|_| Error::Busy)
    }

    /// Templates that were imported.
    pub async fn csp_templates(&self) -> Result<Vec<TemplateJson>, Error> {
        let templates = self.store.read(|tx: &mut Tx<'_>| tx.templates()).await?;
        Ok(templates.into_iter().map(TemplateJson::from).collect())
    }

    /// Imports templates.
    pub async fn import_templates(
        &self,
        query: ImportQuery,
        bytes: Vec<u8>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<ImportedTemplatesJson, Error> {
        let app = match (query.app, query.kind) {
            (None, None) => None,
            (None, Some(_)) => return Err(Error::parameter("kind", "a kind needs an app")),
            (Some(app), kind) => Some((app, kind.unwrap_or_else(|| "Policy".to_owned()))),
        };
        let imported = self.library.import_templates(&query.name, app, bytes, by, now).await?;
        Ok(ImportedTemplatesJson {
            templates: imported.templates.into_iter().map(TemplateJson::from).collect(),
            replaced: imported.replaced,
            skipped: imported.skipped.into_iter().map(RemarkJson::from).collect(),
            odd: imported.odd.into_iter().map(RemarkJson::from).collect(),
        })
    }

    /// Forgets a template.
    pub async fn forget_template(&self, file: &str, by: &Actor, now: Timestamp) -> Result<Vec<TemplateJson>, Error> {
        let (file, by) = (named(file, "template")?.to_ascii_lowercase(), by.clone());
        self.store
            .write(move |tx: &mut Tx<'_>| {
                tx.forget_template(&file)?;
                tx.audit(&by, AuditRecord::new("csp.template.forget", "csp", file), now);
                Ok::<_, crate::store::Error>(())
            })
            .await?;
        self.csp_templates().await
    }
}

/// The import that somebody names; nothing is called so that no database keeps.
fn named(name: &str, what: &'static str) -> Result<String, Error> {
    if name.contains('\0') { Err(Error::NotFound(what)) } else { Ok(name.to_owned()) }
}

/// Refuses a change of what somebody else changed meanwhile.
fn as_seen(tx: &mut Tx<'_>, seen: Option<&str>) -> Result<(), Error> {
    match seen {
        Some(seen) if seen != tx.catalogue_generation()?.to_string() => Err(Error::Changed),
        _ => Ok(()),
    }
}

fn verb(word: &str) -> Option<Verb> {
    Some(match word {
        "get" => Verb::Get,
        "add" => Verb::Add,
        "replace" => Verb::Replace,
        "delete" => Verb::Delete,
        "exec" => Verb::Exec,
        _ => return None,
    })
}

fn provenance(from: &Provenance) -> ProvenanceJson {
    ProvenanceJson { name: from.name.clone(), sha256: from.sha256.clone(), made: from.made.clone(), nodes: from.nodes }
}

/// A setting held against the catalogue, and against what holds for whatever is sent.
fn checked(catalogue: &Catalogue, verb: Verb, setting: &CheckSetting) -> CheckedJson {
    let proposed = Proposed {
        verb,
        uri: &setting.target,
        format: setting.format.as_ref(),
        data: setting.data.as_deref(),
        in_atomic: false,
    };
    let checked = held_whole(catalogue, &proposed, &Device { build: setting.build, edition: setting.edition });
    let verdict = if checked.is_refused() {
        "refused"
    } else if checked.is_corrected(&proposed) {
        "corrected"
    } else {
        "accepted"
    };
    CheckedJson {
        verdict: verdict.to_owned(),
        target: checked.uri,
        format: checked.format,
        mime: checked.mime,
        data: checked.data,
        findings: checked.findings,
    }
}

impl From<LibraryError> for Error {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Store(error) => error.into(),
            LibraryError::Name => Self::parameter("name", error.to_string()),
            LibraryError::App => Self::parameter("app", error.to_string()),
            LibraryError::Kind => Self::parameter("kind", error.to_string()),
            LibraryError::Archive(_) => Self::invalid("", error.to_string()),
            LibraryError::Stopped => Self::Busy,
            LibraryError::Document(_) | LibraryError::Errata(_) => {
                Self::Store(crate::store::Error::Corrupt(error.to_string()))
            }
        }
    }
}
