//! Where the fixtures are, and comparing with them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of our own exchanges.
pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/soap")
}

/// Every exchange, by name of its folder.
pub(super) fn cases() -> Vec<(String, PathBuf)> {
    files(&folder())
        .into_iter()
        .map(|case| (name(&case), case.join("request.xml")))
        .filter(|(_, request)| request.exists())
        .collect()
}

/// Every request that is not taken.
pub(super) fn refused() -> Vec<(String, PathBuf)> {
    files(&folder().join("refused"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .map(|path| (name(&path.with_extension("")), path))
        .collect()
}

/// Compares a file with what it should hold. `BLESS=1` writes it.
pub(super) fn compare(file: &Path, actual: &str) {
    let actual = format!("{actual}\n");
    if std::env::var_os("BLESS").is_some() {
        fs::write(file, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(expected, actual, "{} (BLESS=1 rewrites it)", file.display());
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
