//! Publishing: declarations are held against the catalogue and against those of other sets before anything is kept.

use std::collections::BTreeSet;

use super::{Rollout, RolloutError, published};
use crate::model::{NewPolicyRevision, PolicyRevision, RevisedPolicy};
use crate::policy::declaration::{Asset, Concern, Content, Declaration, Document, Level, Payload, Remark, check};
use crate::store::{Error, Tx};
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
    /// What was to be said of them before.
    pub remarks: Vec<Remark>,
}

/// Declarations in which nothing is wrong, ready to be kept.
#[derive(Debug, Clone)]
pub struct Published {
    /// What is to be kept.
    pub revision: NewPolicyRevision,
    /// What is to be said of it: warnings and notes.
    pub remarks: Vec<Remark>,
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
            let others: Vec<(String, Declaration)> = known
                .into_iter()
                .filter(|(policy, _)| policy.set != proposal.set)
                .map(|(policy, declaration)| (policy.set, declaration))
                .collect();
            let mut remarks = proposal.remarks.clone();
            remarks.extend(all_remarks(&proposal.documents, &others, &ready.catalogue));
            (proposal, remarks)
        };
        let (proposal, remarks) =
            tokio::task::spawn_blocking(job).await.map_err(|_| PublishError::Failed(RolloutError::Stopped))?;
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
        let (set, author, message) = (proposal.set, proposal.author, proposal.message);
        Ok(Published { revision: NewPolicyRevision { set, author, message, declarations }, remarks, generation })
    }
}

impl Published {
    /// Keeps it, in a transaction of whoever asks for it; nothing where it is what the set has already.
    pub fn keep(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<PolicyRevision>, Error> {
        tx.publish_policies(&self.revision, self.generation, now)
    }
}

fn all_remarks(
    documents: &[Document],
    others: &[(String, Declaration)],
    catalogue: &transom_protocol::csp::catalogue::Catalogue,
) -> Vec<Remark> {
    let known: Vec<Declaration> = others.iter().map(|(_, declaration)| declaration.clone()).collect();
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
    // What other sets refer to has to stay.
    let own: Vec<Declaration> = documents.iter().map(|document| document.declaration.clone()).collect();
    let theirs: Vec<Document> = others.iter().map(|(_, declaration)| Document::new(declaration.clone())).collect();
    let mut broken = BTreeSet::new();
    for remark in check(&theirs, &own, catalogue) {
        if remark.level == Level::Error && remark.rule == Concern::Reference {
            let whose = remark.identifier.unwrap_or_default();
            let set = others.iter().find(|(_, other)| other.identifier.as_str() == whose).map(|(set, _)| set.as_str());
            broken.insert(format!("{whose} of the set {} needs it: {}", set.unwrap_or_default(), remark.what));
        }
    }
    remarks.extend(broken.into_iter().map(|what| Remark::new(Level::Error, Concern::Reference, what)));
    remarks
}
