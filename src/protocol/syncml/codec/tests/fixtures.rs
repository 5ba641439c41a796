//! Where the fixtures are.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of our own messages.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/syncml")
}

/// Every file with this name in a subfolder of the fixtures, by name of the subfolder.
pub(super) fn cases(name: &str) -> Vec<(String, PathBuf)> {
    files(&folder(), |_| true)
        .into_iter()
        .map(|case| (case.file_name().unwrap().to_string_lossy().into_owned(), case.join(name)))
        .filter(|(_, file)| file.exists())
        .collect()
}

/// Every message that is not read.
pub(super) fn refused() -> Vec<(String, PathBuf)> {
    files(&folder().join("refused"), |path| path.extension().is_some_and(|extension| extension == "xml"))
        .into_iter()
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), path))
        .collect()
}

/// What a folder holds, sorted.
pub(super) fn files(folder: &Path, keep: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| keep(path)).collect();
    files.sort();
    files
}
