//! Publishing: declarations are held against the catalogue and against those of other sets before anything is kept.

use std::collections::BTreeSet;

use super::{Rollout, RolloutError, published};
use crate::model::{KeptTemplate, NewPolicyRevision, PolicyRevision, RevisedPolicy, StagePlan, secret_node_pattern};
use crate::policy::catalogue::{self, LibraryError};
use crate::policy::declaration::{
    Asset, Concern, Content, Declaration, Document, Identifier, Level, Payload, Remark, all_ingested, check,
};
use crate::store::{Error, Tx};
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::session::Timestamp;

/// What somebody wants to publish: all declarations of a set.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The set.
    pub set: String,
    /// Who publishes it.
    pub author: String,
    /// Why.
    pub message: String,
    /// All of its declarations.
    pub documents: Vec<Document>,
    /// Those that could not be read, without what they say.
    pub broken: Vec<Declaration>,
    /// What was to be said of them before.
    pub remarks: Vec<Remark>,
    /// How it goes to devices; to all at once where nothing is said.
    pub stages: Option<StagePlan>,
}

/// Declarations in which nothing is wrong, ready to be kept.
#[derive(Debug, Clone)]
pub struct Published {
    /// What is to be kept.
    pub revision: NewPolicyRevision,
    /// What is to be said of it: warnings and notes.
    pub remarks: Vec<Remark>,
    /// Templates in it, as the catalogue keeps them.
    templates: Vec<(KeptTemplate, Vec<u8>)>,
    /// What it was held against.
    generation: i64,
}

/// Why something is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// It can't work.
    #[error("{} to be mended", .0.iter().filter(|remark| remark.level == Level::Error).count())]
    Wrong(Vec<Remark>),
    /// It could not be checked.
    #[error(transparent)]
    Failed(#[from] RolloutError),
}

impl From<Error> for PublishError {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Rollout {
    /// Holds declarations against the catalogue and against those of other sets.
    pub async fn check(&self, proposal: Proposal) -> Result<Published, PublishError> {
        let ready = self.library.in_use().await.map_err(RolloutError::from)?;
        let (generation, known) = self.store.read(published).await?;
        let job = move || {
            let (own, others): (Vec<_>, Vec<_>) = known
                .into_iter()
                .map(|(policy, declaration)| (policy.set, declaration))
                .partition(|(set, _)| *set == proposal.set);
            let before: Vec<Declaration> = own.into_iter().map(|(_, declaration)| declaration).collect();
            let mut remarks = proposal.remarks.clone();
            remarks.extend(all_remarks(&proposal.documents, &proposal.broken, &before, &others, &ready.catalogue));
            let theirs = others.iter().map(|(_, declaration)| declaration);
            let own = proposal.documents.iter().map(|document| &document.declaration);
            let ingested = all_ingested(theirs.chain(own));
            let keep = |ingested| catalogue::kept(ingested, &proposal.author).map_err(LibraryError::from);
            let templates = ingested.into_iter().map(keep).collect::<Result<Vec<_>, _>>()?;
            let own = proposal.documents.iter().map(|document| &document.declaration);
            let secret_nodes = secret_nodes(own.chain(others.iter().map(|(_, other)| other)));
            Ok((proposal, remarks, templates, secret_nodes))
        };
        let made: Result<_, LibraryError> =
            tokio::task::spawn_blocking(job).await.map_err(|_| PublishError::Failed(RolloutError::Stopped))?;
        let (proposal, remarks, templates, secret_nodes) = made.map_err(RolloutError::from)?;
        if remarks.iter().any(|remark| remark.level == Level::Error) {
            return Err(PublishError::Wrong(remarks));
        }
        let kept = |document: Document| {
            let declaration = document.declaration;
            let (identifier, kind) = (declaration.identifier.to_string(), declaration.kind().as_str().to_owned());
            let (token, content) = (declaration.token().to_string(), declaration.to_json().to_string());
            (RevisedPolicy { identifier, kind, token }, content)
        };
        let declarations = proposal.documents.into_iter().map(kept).collect();
        let (set, author, message, stages) = (proposal.set, proposal.author, proposal.message, proposal.stages);
        let revision = NewPolicyRevision { set, author, message, declarations, secret_nodes, stages };
        Ok(Published { revision, remarks, templates, generation })
    }
}

impl Published {
    /// What else there is that keeps it from being published just now.
    pub fn foresee(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.may_begin_stages(&self.revision)
    }

    /// Keeps it, in a transaction of whoever asks for it; nothing where it is what the set has already. The catalogue knows
    /// the settings of templates in it from then on.
    pub fn keep(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<PolicyRevision>, Error> {
        let revision = tx.publish_policies(&self.revision, self.generation, now)?;
        if revision.is_some() && !self.templates.is_empty() {
            let known = tx.templates()?;
            for (template, body) in &self.templates {
                let is_known = known.iter().any(|known| {
                    (&known.file, &known.app, &known.sha256) == (&template.file, &template.app, &template.sha256)
                });
                if !is_known {
                    tx.keep_template(&KeptTemplate { imported_at: now, ..template.clone() }, body)?;
                }
            }
        }
        Ok(revision)
    }
}

/// The addresses to which secrets go by these declarations, whatever is applied to whom.
fn secret_nodes<'a>(declarations: impl Iterator<Item = &'a Declaration> + Clone) -> Vec<String> {
    let secrets: BTreeSet<&Identifier> = declarations
        .clone()
        .filter(|each| matches!(&each.payload, Payload::Asset(asset) if asset.content.is_secret()))
        .map(|each| &each.identifier)
        .collect();
    let settings = declarations.filter_map(|each| match &each.payload {
        Payload::Configuration(configuration) => Some(&configuration.settings),
        Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => None,
    });
    let secret = settings.flatten().filter(|(_, value)| value.assets().iter().any(|asset| secrets.contains(asset)));
    let nodes: BTreeSet<String> = secret.map(|(uri, _)| secret_node_pattern(uri.as_str())).collect();
    nodes.into_iter().collect()
}

fn all_remarks(
    documents: &[Document],
    unread: &[Declaration],
    before: &[Declaration],
    others: &[(String, Declaration)],
    catalogue: &Catalogue,
) -> Vec<Remark> {
    // A reference to what could not be read leads somewhere.
    let known: Vec<Declaration> = others.iter().map(|(_, declaration)| declaration).chain(unread).cloned().collect();
    let mut remarks = check(documents, &known, catalogue);
    for document in documents {
        let declaration = &document.declaration;
        if let Some((set, _)) = others.iter().find(|(_, other)| other.identifier == declaration.identifier) {
            let what = format!("it belongs to the set {set}");
            remarks.push(document.remark("", Level::Error, Concern::Twice, what));
        }
        if let Payload::Asset(Asset { content: Content::File(name), .. }) = &declaration.payload {
            let what = format!("the server can't read {name}: send its content");
            remarks.push(document.remark("", Level::Error, Concern::Reference, what));
        }
    }
    remarks.extend(broken(documents, unread, before, others, catalogue));
    remarks
}

/// What other sets need has to stay: what they refer to, and the facts that they may use.
fn broken(
    documents: &[Document],
    unread: &[Declaration],
    before: &[Declaration],
    others: &[(String, Declaration)],
    catalogue: &Catalogue,
) -> Vec<Remark> {
    let theirs: Vec<Document> = others.iter().map(|(_, declaration)| Document::new(declaration.clone())).collect();
    let wrong = |with: &[Declaration]| {
        let mut remarks = check(&theirs, with, catalogue);
        let of_both = [Concern::Reference, Concern::Condition, Concern::Variable];
        remarks.retain(|remark| remark.level == Level::Error && of_both.contains(&remark.rule));
        remarks
    };
    let own: Vec<Declaration> = documents.iter().map(|document| &document.declaration).chain(unread).cloned().collect();
    let mut remarks = wrong(&own);
    if remarks.iter().any(|remark| remark.rule != Concern::Reference) {
        // A condition that was wrong already is not wrong because of this.
        let known = wrong(before);
        remarks.retain(|remark| remark.rule == Concern::Reference || !known.contains(remark));
    }
    let told: BTreeSet<(Concern, String)> = remarks
        .into_iter()
        .map(|remark| {
            let whose = remark.identifier.unwrap_or_default();
            let set = others.iter().find(|(_, other)| other.identifier.as_str() == whose).map(|(set, _)| set.as_str());
            let setting = remark.setting.map(|setting| format!("{setting}: ")).unwrap_or_default();
            let (set, what) = (set.unwrap_or_default(), remark.what);
            (remark.rule, format!("{whose} of the set {set} needs it: {setting}{what}"))
        })
        .collect();
    told.into_iter().map(|(rule, what)| Remark::new(Level::Error, rule, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::catalogue::builtin;
    use crate::policy::declaration::read_text;

    fn read(text: &str) -> Vec<Document> {
        read_text("x.yaml", text).documents
    }

    /// What is wrong with a set beside another one that is called `theirs`.
    fn wrong(own: &str, before: &str, theirs: &str) -> Vec<String> {
        let plain = |text: &str| read(text).into_iter().map(|document| document.declaration);
        let before: Vec<Declaration> = plain(before).collect();
        let theirs: Vec<(String, Declaration)> = plain(theirs).map(|each| ("theirs".to_owned(), each)).collect();
        let remarks = all_remarks(&read(own), &[], &before, &theirs, &builtin::catalogue().unwrap());
        remarks.into_iter().filter(|remark| remark.level == Level::Error).map(|remark| remark.what).collect()
    }

    const PILOTS: &str = "type: activation\nidentifier: pilots\npayload: {configurations: [], when: \"'x' in device.tags\"}\n\
                          ---\ntype: configuration\nidentifier: c\npayload:\n  settings:\n    ./Vendor/OEM/X: '${os.build}'\n";

    fn us(properties: &str) -> String {
        format!("type: management\nidentifier: us\npayload: {{properties: [{properties}]}}\n")
    }

    #[test]
    fn the_facts_that_another_set_uses_stay_allowed() {
        let told = wrong(&us("os.build"), "", PILOTS);
        assert!(
            matches!(&told[..], [what] if what.starts_with("pilots of the set theirs needs it: device.tags is not among")),
            "{told:?}"
        );
        let told = wrong(&us("device.tags"), "", PILOTS);
        assert!(
            matches!(&told[..], [what] if what.starts_with("c of the set theirs needs it: ./Vendor/OEM/X: os.build is not")),
            "{told:?}"
        );
        assert_eq!(wrong(&us("device.tags, os.build"), "", PILOTS), Vec::<String>::new());
        // What is so already is not because of this.
        assert_eq!(wrong(&us("os.build"), &us("os.build"), PILOTS), Vec::<String>::new());
        assert_eq!(wrong("", &us("os.build"), PILOTS), Vec::<String>::new());
        // What is allowed by two is no longer so when one of them goes.
        let theirs = format!("{PILOTS}---\n{}", us("os.build").replace("us", "them"));
        assert_eq!(wrong("", &us("device.tags"), &theirs).len(), 1);
    }
}
