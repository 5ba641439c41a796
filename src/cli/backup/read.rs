//! Reading a backup: nothing of it is believed before its hashes are right.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, Read, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use bytesize::ByteSize;
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::manifest::{self, Entry, Manifest, Unfit};
use crate::{
    cli::progress::Progress,
    model::{Secret, hex},
    pki::passphrase::{BEGINNING, OpeningReader, is_sealed},
};

/// More than the description of any backup has.
const MANIFEST_BYTES: u64 = 16 << 20;

/// More files than any installation has.
const MOST_FILES: usize = 1_000_000;

/// Reads a backup to its end and holds it against its description; writes its files below a folder where one is given.
/// `passphrase` is asked where it is sealed.
pub(in crate::cli) fn read(
    file: &Path,
    into: Option<&Path>,
    passphrase: impl FnOnce() -> anyhow::Result<Secret<String>>,
) -> anyhow::Result<Manifest> {
    let mut reader = BufReader::new(File::open(file).with_context(|| format!("can't read {}", file.display()))?);
    let mut beginning = Vec::new();
    reader.by_ref().take(BEGINNING as u64).read_to_end(&mut beginning)?;
    let sealed = is_sealed(&beginning);
    let whole = io::Cursor::new(beginning).chain(reader);
    let opened: Box<dyn Read> =
        if sealed { Box::new(OpeningReader::new(whole, &passphrase()?)?) } else { Box::new(whole) };
    let mut archive = tar::Archive::new(GzDecoder::new(opened));
    let mut progress = Progress::new();
    let (manifest, entries) = unpack(&mut archive, into, &mut progress)?;
    // What is behind the last file: the checksum of the compression, and the mark of the end where it is sealed.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    io::copy(&mut rest.into_inner(), &mut io::sink())?;
    let manifest = manifest.ok_or(Unfit::NoManifest)?;
    manifest.verify(&entries)?;
    Ok(manifest)
}

fn unpack(
    archive: &mut tar::Archive<impl Read>,
    into: Option<&Path>,
    progress: &mut Progress,
) -> anyhow::Result<(Option<Manifest>, Vec<Entry>)> {
    let mut entries = Vec::new();
    let mut names = BTreeSet::new();
    for file in archive.entries()? {
        let mut file = file.context("it can't be read as a backup")?;
        let name = file.path()?.to_str().context("a file in the backup has a name that is not UTF-8")?.to_owned();
        anyhow::ensure!(file.header().entry_type().is_file() && is_plain(&name), "this is no backup: it has {name:?}");
        anyhow::ensure!(names.insert(name.clone()), "this is no backup: it has {name:?} twice");
        anyhow::ensure!(entries.len() < MOST_FILES, "this is no backup: it has too many files");
        if name == manifest::NAME {
            let mut text = Vec::new();
            file.take(MANIFEST_BYTES).read_to_end(&mut text)?;
            return Ok((Some(serde_json::from_slice(&text).context("its description can't be read")?), entries));
        }
        let mode = file.header().mode().unwrap_or(0o600) & 0o755;
        let mut target = match into {
            Some(folder) => Some(create(&folder.join(&name), mode)?),
            None => None,
        };
        let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
        let mut piece = vec![0; 256 * 1024];
        loop {
            let count = file.read(&mut piece)?;
            let piece = piece.get(..count).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            hash.update(piece);
            bytes += count as u64;
            if let Some(target) = &mut target {
                target.write_all(piece).with_context(|| format!("can't write {name}"))?;
            }
            progress.say(&format!("reading {name}: {}", ByteSize(bytes)));
        }
        if let Some(target) = target {
            target.sync_all().with_context(|| format!("can't write {name}"))?;
        }
        entries.push(Entry { name, bytes, sha256: hex(&hash.finalize()) });
    }
    Ok((None, entries))
}

/// Whether a name leads downwards and nowhere else.
pub(in crate::cli) fn is_plain(name: &str) -> bool {
    !name.is_empty() && PathBuf::from(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// A new file, and the folders to it, for their owner alone.
fn create(path: &Path, mode: u32) -> anyhow::Result<File> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let file = file.with_context(|| format!("can't write {}", path.display()))?;
    // What the mask of the process took away.
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(build: impl FnOnce(&mut tar::Builder<flate2::write::GzEncoder<File>>)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (file, into) = (folder.path().join("backup"), folder.path().join("into"));
        fs::create_dir(&into).unwrap();
        let compressed = flate2::write::GzEncoder::new(File::create(&file).unwrap(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(compressed);
        build(&mut archive);
        archive.into_inner().unwrap().finish().unwrap();
        let refusal = read(&file, Some(&into), || unreachable!("it is not sealed")).unwrap_err();
        assert!(!folder.path().join("evil").exists() && !Path::new("/evil").exists());
        format!("{refusal:#}")
    }

    fn header(kind: tar::EntryType, name: &str, bytes: u64) -> tar::Header {
        let mut header = tar::Header::new_old();
        // As `set_path` would not allow it.
        header.as_old_mut().name.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        header.set_entry_type(kind);
        header.set_size(bytes);
        header.set_mode(0o4777);
        header.set_cksum();
        header
    }

    #[test]
    fn an_archive_of_somebody_else_writes_nothing_elsewhere() {
        for name in ["../evil", "/evil", "a/../../evil", "."] {
            let said = refused(|archive| archive.append(&header(tar::EntryType::Regular, name, 1), &b"x"[..]).unwrap());
            assert!(said.starts_with("this is no backup"), "{name}: {said}");
        }
        for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Directory] {
            let said = refused(|archive| archive.append(&header(kind, "evil", 0), io::empty()).unwrap());
            assert!(said.starts_with("this is no backup"), "{kind:?}: {said}");
        }
        let said = refused(|archive| archive.append(&header(tar::EntryType::Regular, "a", 1), &b"x"[..]).unwrap());
        assert_eq!(said, Unfit::NoManifest.to_string());
    }
}
