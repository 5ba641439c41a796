//! Archives that devices send: to an address that is good once and for a time, bounded in size, kept for a time.
//!
//! Whoever has the address may write one archive and read nothing. Only a hash of it is kept. What arrives is never
//! unpacked or looked into.
//!
//! An archive arrives as a file. Where there is a bucket it is moved there at once, or when the bucket is to be had again:
//! what a device has sent is not lost because a store somewhere else did not answer.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use transom_protocol::session::Timestamp;

use super::bucket::{Bucket, BucketError, Pieces, pieces};
use super::{Actions, Refusal};
use crate::model::{ActionChange, ActionId, ActionState, hex};
use crate::store::{Archive, Error, Tx};

/// How long sending one archive may take, in milliseconds.
const MOST_TIME: i64 = 60 * 60 * 1000;

/// Archives that one round deletes, or moves.
const ROUND: i64 = 100;

/// Where archives go, and how many bytes.
#[derive(Debug, Clone)]
pub struct Archives {
    actions: Actions,
    folder: Arc<PathBuf>,
    /// Of one archive.
    max_bytes: u64,
    /// Of all together.
    all_bytes: u64,
    bucket: Option<Bucket>,
    arrived: Arc<Notify>,
}

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadRefused {
    /// The address is of no use: unknown, used, or its time is over. Which one is nobody's business.
    #[error("nothing is awaited at this address")]
    NotAwaited,
    /// The archive is too large.
    #[error("the archive is larger than this server takes")]
    TooLarge,
    /// There are too many already.
    #[error("this server has no room for more archives")]
    Full,
    /// The folder can't be written.
    #[error("the archive can't be kept")]
    File(#[from] std::io::Error),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Why an archive can't be moved, deleted or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is neither in the folder of this instance nor elsewhere.
    #[error("the archive is not on this instance, or was deleted")]
    NotHere,
    /// The folder can't be read.
    #[error("the folder of archives can't be read")]
    Folder(#[from] std::io::Error),
    /// The bucket did not do it.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// An archive that is arriving.
#[derive(Debug)]
pub struct Claimed {
    action: ActionId,
    file: ArchiveFile,
    room: u64,
}

/// A file that grows, in a place where nobody looks for it until it is whole.
#[derive(Debug)]
pub struct ArchiveFile {
    file: std::fs::File,
    part: PathBuf,
    whole: PathBuf,
    hash: Sha256,
    bytes: u64,
}

/// What an address is known by.
pub(super) fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Archives {
    /// In a folder, which is made when the first archive comes.
    pub fn new(actions: Actions, folder: PathBuf, max_bytes: u64, all_bytes: u64) -> Self {
        Self { actions, folder: Arc::new(folder), max_bytes, all_bytes, bucket: None, arrived: Arc::default() }
    }

    /// With a bucket that they are moved to.
    #[must_use]
    pub fn with_bucket(self, bucket: Bucket) -> Self {
        Self { bucket: Some(bucket), ..self }
    }

    /// Waits until an archive has arrived.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Somebody wants to send an archive to an address, of a size where it is known.
    pub async fn claim(&self, token: &str, declared: Option<u64>, now: Timestamp) -> Result<Claimed, UploadRefused> {
        let hash = hash_of(token);
        if declared.is_some_and(|bytes| bytes > self.max_bytes) {
            return Err(UploadRefused::TooLarge);
        }
        let until = now.plus_millis(MOST_TIME);
        let all_bytes = self.all_bytes;
        let (action, kept) = self
            .actions
            .store
            .write(move |tx: &mut Tx<'_>| {
                let action = tx.claim_archive(&hash, until, now)?.ok_or(UploadRefused::NotAwaited)?;
                let kept = tx.archive_bytes()?;
                if kept >= all_bytes {
                    // The claim goes with the transaction.
                    return Err(UploadRefused::Full);
                }
                Ok((action, kept))
            })
            .await?;
        let room = self.max_bytes.min(all_bytes.saturating_sub(kept));
        let (folder, id) = (self.folder.clone(), action.clone());
        match blocking(move || ArchiveFile::begin(&folder, &id)).await {
            Ok(file) => Ok(Claimed { action, file, room }),
            Err(error) => {
                self.release(&action).await?;
                Err(error.into())
            }
        }
    }

    /// Takes a piece.
    pub async fn write(&self, mut claimed: Claimed, piece: Vec<u8>) -> Result<Claimed, UploadRefused> {
        let bytes = claimed.file.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if bytes > claimed.room {
            let error = if bytes > self.max_bytes { UploadRefused::TooLarge } else { UploadRefused::Full };
            self.give_up(claimed).await;
            return Err(error);
        }
        let action = claimed.action.clone();
        let written = blocking(move || claimed.file.write(&piece).map(|()| claimed)).await;
        match written {
            Ok(claimed) => Ok(claimed),
            Err(error) => {
                self.release(&action).await?;
                Err(error.into())
            }
        }
    }

    /// All of it is here: it is kept, and what it was collected for is done.
    pub async fn finish(&self, claimed: Claimed, now: Timestamp) -> Result<(), UploadRefused> {
        let Claimed { action, file, .. } = claimed;
        let (bytes, whole) = (file.bytes, file.whole.clone());
        let sha256 = match blocking(move || file.finish()).await {
            Ok(sha256) => sha256,
            Err(error) => {
                self.release(&action).await?;
                return Err(error.into());
            }
        };
        let (actions, id) = (self.actions.clone(), action.clone());
        let kept = self
            .actions
            .store
            .write(move |tx: &mut Tx<'_>| {
                let Some(found) = tx.action(&id)? else { return Ok(false) };
                // The enrollment first, as everywhere.
                tx.enrollment_for_update(&found.enrollment)?;
                if !tx.archive_received(&id, (bytes, &sha256), now)? {
                    return Ok(false);
                }
                let detail = format!("the archive has arrived: {bytes} bytes, SHA-256 {sha256}");
                let change = ActionChange {
                    state: Some(ActionState::Done),
                    detail: Some(detail),
                    settled_at: Some(now),
                    ..ActionChange::default()
                };
                actions.apply(tx, &found, &change, now)?;
                Ok::<_, Error>(true)
            })
            .await?;
        if kept {
            self.arrived.notify_one();
            return Ok(());
        }
        remove(whole).await;
        Err(UploadRefused::NotAwaited)
    }

    /// The archive did not arrive whole: it may be sent again.
    pub async fn give_up(&self, claimed: Claimed) {
        let action = claimed.action.clone();
        // The file goes when it is dropped.
        let _ = blocking(move || {
            drop(claimed);
            Ok(())
        })
        .await;
        if let Err(error) = self.release(&action).await {
            tracing::error!(%error, "an archive that broke off can only be sent again in an hour");
        }
    }

    /// What is known of the archive of an action.
    pub async fn archive(&self, action: &ActionId) -> Result<Archive, Refusal> {
        self.known(action).await?.ok_or(Refusal::UnknownAction)
    }

    /// The archive itself.
    pub async fn read(&self, action: &ActionId, now: Timestamp) -> Result<Pieces, ArchiveError> {
        match tokio::fs::File::open(whole(&self.folder, action)).await {
            Ok(file) => return Ok(pieces(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let bucket = self.bucket.as_ref().ok_or(ArchiveError::NotHere)?;
        Ok(bucket.read(action, now).await?)
    }

    /// Moves archives from the folder to the bucket, where there is one. Says how many; the first that can't be moved is
    /// the last that is tried.
    pub async fn move_away(&self, now: Timestamp) -> Result<usize, ArchiveError> {
        let Some(bucket) = &self.bucket else { return Ok(0) };
        let folder = self.folder.clone();
        let found = blocking(move || archives_in(&folder)).await?;
        let mut moved = 0;
        for action in found {
            let file = whole(&self.folder, &action);
            match self.known(&action).await? {
                // It is none of ours, or is about to arrive.
                None | Some(Archive { received_at: None, .. }) => continue,
                Some(Archive { deleted_at: None, sha256, .. }) => {
                    bucket.put(&action, &file, sha256.as_deref().unwrap_or_default(), now).await?;
                    moved += 1;
                    // Its time may have ended meanwhile, and another instance looked for it before it was there.
                    if self.known(&action).await?.is_none_or(|archive| archive.deleted_at.is_some()) {
                        bucket.delete(&action, now).await?;
                    }
                }
                Some(_) => {}
            }
            remove(file).await;
        }
        Ok(moved)
    }

    /// Deletes archives that arrived before then, wherever they are. Says how many; one that can't be deleted is tried
    /// again the next time.
    pub async fn expire(&self, before: Timestamp, now: Timestamp) -> Result<usize, ArchiveError> {
        let outdated = self.actions.store.read(move |tx: &mut Tx<'_>| tx.outdated_archives(before, ROUND)).await?;
        let count = outdated.len();
        for action in outdated {
            remove(whole(&self.folder, &action)).await;
            if let Some(bucket) = &self.bucket {
                bucket.delete(&action, now).await?;
            }
            self.actions.store.write(move |tx: &mut Tx<'_>| tx.archive_deleted(&action, now)).await?;
        }
        Ok(count)
    }

    async fn known(&self, action: &ActionId) -> Result<Option<Archive>, Error> {
        let action = action.clone();
        self.actions.store.read(move |tx: &mut Tx<'_>| tx.archive(&action)).await
    }

    async fn release(&self, action: &ActionId) -> Result<(), Error> {
        let action = action.clone();
        self.actions.store.write(move |tx: &mut Tx<'_>| tx.release_archive(&action)).await
    }
}

impl ArchiveFile {
    fn begin(folder: &Path, action: &ActionId) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let part = folder.join(format!("{action}.part"));
        let file = private().truncate(true).create(true).open(&part)?;
        let whole = whole(folder, action);
        Ok(Self { file, part, whole, hash: Sha256::new(), bytes: 0 })
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes = self.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// On the disk, under its own name.
    fn finish(self) -> std::io::Result<String> {
        self.file.sync_all()?;
        std::fs::rename(&self.part, &self.whole)?;
        Ok(hex(&self.hash.clone().finalize()))
    }
}

impl Drop for ArchiveFile {
    /// What did not become whole goes. Where it did, it has another name by now.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.part);
    }
}

/// Readable by nobody else: what a device collects may hold anything.
fn private() -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// The archives in a folder that are whole, some of them where there are many.
fn archives_in(folder: &Path) -> std::io::Result<Vec<ActionId>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // It is made when the first one comes.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let ids = names.filter_map(|name| ActionId::parse(name.strip_suffix(".zip")?));
    Ok(ids.take(usize::try_from(ROUND).unwrap_or(1)).collect())
}

fn whole(folder: &Path, action: &ActionId) -> PathBuf {
    folder.join(format!("{action}.zip"))
}

async fn remove(path: PathBuf) {
    let removed = blocking(move || std::fs::remove_file(path)).await;
    if let Err(error) = removed.as_ref()
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::error!(%error, "an archive could not be deleted");
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}
