//! What is imported: a file as it is, or a folder as one archive.

use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::bail;
use zip::write::SimpleFileOptions;

use crate::admin::{MAX_IMPORT, RemarkJson};
use crate::cli::folder::{self, Links, Unread};
use crate::cli::input;
use crate::policy::catalogue::archive::MAX_ALL;

/// Files of a folder that are taken, at most.
const MAX_FILES: usize = 2_000;

/// What was found under a path.
pub(super) struct Found {
    /// The bytes of the file, or of the archive that was made of a folder.
    pub(super) bytes: Vec<u8>,
    /// Files that were not taken, and why.
    pub(super) skipped: Vec<RemarkJson>,
}

/// The bytes of a file, or of all files of a folder that end so (those below it too), as an archive. One file that can't
/// be read does not fail the others.
pub(super) fn read(path: &Path, ending: &str) -> anyhow::Result<Found> {
    if !path.is_dir() {
        let bytes = input::bytes(&path.to_string_lossy(), MAX_IMPORT)?;
        return bounded(Found { bytes, skipped: Vec::new() });
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut skipped = Vec::new();
    let (mut count, mut room) = (0, MAX_ALL);
    for file in folder::files(path, Links::Told, |name| name.to_ascii_lowercase().ends_with(ending)) {
        let read = file.and_then(|file| match input::regular(&file, room) {
            Ok(bytes) => Ok((file, bytes)),
            Err(error) => Err(Unread { path: file, why: format!("it can't be read: {error}") }),
        });
        let (file, bytes) = match read {
            Ok(read) => read,
            Err(unread) => {
                skipped.push(RemarkJson { file: name_below(&unread.path, path), what: unread.why });
                continue;
            }
        };
        count += 1;
        if count > MAX_FILES {
            bail!("{} has more than {MAX_FILES} files that end in {ending}", path.display());
        }
        let Some(left) = room.checked_sub(bytes.len()) else {
            bail!("{} has more than {} MiB in files that end in {ending}", path.display(), MAX_ALL >> 20);
        };
        room = left;
        archive.start_file(name_below(&file, path), SimpleFileOptions::default())?;
        archive.write_all(&bytes)?;
    }
    match skipped.first() {
        _ if count > 0 => bounded(Found { bytes: archive.finish()?.into_inner(), skipped }),
        Some(first) => {
            bail!(
                "none of the files of {} that end in {ending} can be read: {}: {}",
                path.display(),
                first.file,
                first.what
            )
        }
        None => bail!("{} has no file that ends in {ending}", path.display()),
    }
}

fn name_below(at: &Path, folder: &Path) -> String {
    at.strip_prefix(folder).unwrap_or(at).to_string_lossy().into_owned()
}

/// A server takes no more: it is said here, where there is still something to be done about it.
fn bounded(found: Found) -> anyhow::Result<Found> {
    if found.bytes.len() > MAX_IMPORT {
        bail!("an import has at most {} MiB: compress it, or import parts of it", MAX_IMPORT >> 20);
    }
    Ok(found)
}

/// A name for what a file or folder holds: its own, without ending and what a name can't have.
pub(super) fn name_of(path: &Path) -> anyhow::Result<String> {
    // `.` and `..` are folders with names.
    let whole = if path.file_name().is_none() { path.canonicalize().ok() } else { None };
    let stem = whole.as_deref().unwrap_or(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name: String = stem
        .unwrap_or_default()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '-' })
        .collect();
    let name = name.trim_start_matches(['.', '-']).to_owned();
    if name.is_empty() {
        bail!("{} says no name: give one with --as", path.display());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_file_does_not_fail_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.xml"), "<MgmtTree/>").unwrap();
        std::fs::write(at("b.txt"), "b").unwrap();
        std::fs::create_dir(at("below.xml")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(at("a.xml"), at("linked.xml")).unwrap();
        let found = read(folder.path(), ".xml").unwrap();
        let skipped: Vec<_> = found.skipped.iter().map(|skipped| skipped.file.as_str()).collect();
        assert_eq!(skipped, if cfg!(unix) { vec!["linked.xml"] } else { vec![] });
        assert_eq!(zip::ZipArchive::new(Cursor::new(found.bytes)).unwrap().len(), 1);
        std::fs::remove_file(at("a.xml")).unwrap();
        let error = read(folder.path(), ".xml").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(if cfg!(unix) { "linked.xml" } else { "no file" }), "{error}");
    }

    #[test]
    fn a_folder_without_a_name_of_its_own_has_one() {
        assert_eq!(name_of(Path::new("a/DDF v2.zip")).unwrap(), "DDF-v2");
        assert_eq!(name_of(Path::new("-x.zip")).unwrap(), "x");
        assert!(!name_of(Path::new(".")).unwrap().is_empty());
        assert!(name_of(Path::new("/")).unwrap_err().to_string().contains("--as"));
    }
}
