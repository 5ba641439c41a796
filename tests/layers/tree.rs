//! The files of the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of source.
pub(super) struct Source {
    /// From the root of the tree.
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// In the protocol crate.
    pub(super) in_protocol: bool,
    /// Its module, from the top of its crate; `lib` and `main` stand for the roots.
    pub(super) module_path: Vec<String>,
}

impl Source {
    /// The module at the top that it belongs to.
    pub(super) fn module(&self) -> &str {
        &self.module_path[0]
    }
}

/// Root of the tree.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of Rust below `src`.
pub(super) fn source_files() -> Vec<Source> {
    let files: Vec<Source> =
        files_below(Path::new("src")).into_iter().filter(|path| has_suffix(path, &["rs"])).map(source).collect();
    assert!(!files.is_empty(), "no source");
    files
}

fn source(path: PathBuf) -> Source {
    let below_src = path.strip_prefix("src").expect("below src");
    let in_protocol = below_src.starts_with("protocol");
    let below_crate = below_src.strip_prefix("protocol").unwrap_or(below_src).with_extension("");
    let names = below_crate.iter().map(|name| name.to_string_lossy().into_owned());
    let module_path = names.filter(|name| name != "mod").collect();
    Source { text: read(&path), path, in_protocol, module_path }
}

/// Every file of text that belongs to the project, with its path from the root.
pub(super) fn text_files() -> Vec<(PathBuf, String)> {
    let folders = [".cargo", ".ci", "docs", "fixtures", "migrations", "schema", "src", "tests"];
    let at_the_top = fs::read_dir(root()).expect("the root").flatten().map(|entry| PathBuf::from(entry.file_name()));
    let suffixes = ["md", "toml", "yml"];
    let mut paths: Vec<PathBuf> = at_the_top.filter(|path| has_suffix(path, &suffixes)).collect();
    paths.extend(folders.iter().flat_map(|folder| files_below(Path::new(folder))));
    // What is no text, such as a fixture in binary, has nothing to say here.
    let text = |path: PathBuf| fs::read_to_string(root().join(&path)).ok().map(|text| (path, text));
    paths.into_iter().filter_map(text).collect()
}

fn has_suffix(path: &Path, suffixes: &[&str]) -> bool {
    path.extension().is_some_and(|suffix| suffixes.iter().any(|wanted| suffix == *wanted))
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).expect("a file of source")
}

/// All files below a folder of the tree; none when the folder is not there. What a build or an installation left in it
/// does not count.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries.flatten() {
        let path = folder.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name() != "target" && entry.file_name() != "node_modules" {
                files.extend(files_below(&path));
            }
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
