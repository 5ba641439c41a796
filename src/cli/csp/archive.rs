//! What is imported: a file as it is, or a folder as one archive.

use std::io::{Cursor, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use zip::write::SimpleFileOptions;

/// Files of a folder that are taken, at most.
const MAX_FILES: usize = 2_000;

/// The bytes of a file, or of all files of a folder that end so (those below it too), as an archive.
pub(super) fn read(path: &Path, ending: &str) -> anyhow::Result<Vec<u8>> {
    let about = || format!("can't read {}", path.display());
    if !path.is_dir() {
        return std::fs::read(path).with_context(about);
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut folders = vec![path.to_path_buf()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(about)? {
            let entry = entry.with_context(about)?;
            let kind = entry.file_type().with_context(about)?;
            let name = entry.path().strip_prefix(path).map(|name| name.to_string_lossy().into_owned())?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && name.to_ascii_lowercase().ends_with(ending) {
                count += 1;
                if count > MAX_FILES {
                    bail!("{} has more than {MAX_FILES} files that end in {ending}", path.display());
                }
                archive.start_file(name, SimpleFileOptions::default())?;
                archive.write_all(&std::fs::read(entry.path()).with_context(about)?)?;
            }
        }
    }
    if count == 0 {
        bail!("{} has no file that ends in {ending}", path.display());
    }
    Ok(archive.finish()?.into_inner())
}

/// A name for what a file or folder holds: its own, without ending and what a name can't have.
pub(super) fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.chars()
        .map(|character| if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '-' })
        .collect()
}
