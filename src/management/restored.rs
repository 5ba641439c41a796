//! A server that begins again from a backup: what may have happened since is not repeated.

use transom_protocol::session::Timestamp;

use super::orders::is_repeatable;
use crate::model::{Actor, AuditRecord};
use crate::store::{Error, Store, Tx};

/// Commands that one transaction looks at.
const TOGETHER: i64 = 200;

/// What was put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct PutRight {
    /// Commands with an Exec that waited: nobody knows whether they ran after the backup.
    pub doubted: usize,
    /// Browsers that are signed out.
    pub signed_out: usize,
}

/// Puts right what a database from a backup can't know: an Exec that waited then may have been sent since, so that it
/// becomes unknown and a person decides; whoever was signed in signs in again; events get numbers that nobody has seen.
/// The audit log says that the server was restored, from a backup of `made_at`, where that is known.
///
/// To be called before the server runs. Called again it does no harm.
pub async fn put_right(store: &Store, made_at: Option<String>, now: Timestamp) -> Result<PutRight, Error> {
    let mut done = PutRight::default();
    let mut after = Some(String::new());
    while let Some(from) = after {
        let (doubted, last) = store
            .write(move |tx: &mut Tx<'_>| {
                let (waiting, last) = tx.waiting_commands(&from, TOGETHER)?;
                let mut doubted = 0;
                for (command, enrollment, instruction) in &waiting {
                    if !is_repeatable(instruction) {
                        tx.doubt_restored(command, enrollment, now)?;
                        doubted += 1;
                    }
                }
                Ok::<_, Error>((doubted, last))
            })
            .await?;
        done.doubted += doubted;
        after = last;
    }
    let doubted = done.doubted;
    done.signed_out = store
        .write(move |tx: &mut Tx<'_>| {
            tx.renumber_feed()?;
            let signed_out = tx.end_all_sign_ins()?;
            let record = AuditRecord::new("server.restore", "backup", made_at.unwrap_or_default());
            let after = serde_json::json!({ "commands_doubted": doubted, "signed_out": signed_out });
            tx.audit(&Actor::server("transom:restore"), record.after(after), now);
            Ok::<_, Error>(signed_out)
        })
        .await?;
    Ok(done)
}
