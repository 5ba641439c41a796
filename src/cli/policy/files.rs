//! Declarations in files and folders.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::cli::input;
use crate::policy::declaration::{Concern, Content, Level, Payload, Read, Remark, read_text, source::MAX_TEXT};

/// Most files of one folder.
const MAX_FILES: usize = 10_000;

/// Deepest folder.
const MAX_DEPTH: usize = 16;

/// Reads files, and folders with all `.yaml`, `.yml` and `.json` in and below them. `-` is standard input.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Read> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            walk(path, 0, &mut files)?;
            if files.len() == before {
                bail!("there is no .yaml, .yml or .json in {}", path.display());
            }
        } else {
            files.push(path.clone());
        }
    }
    let mut all = Read::default();
    for path in files {
        let name = path.display().to_string();
        let mut read = match String::from_utf8(input::bytes(&name)?) {
            Ok(text) => read_text(&name, &text),
            Err(error) => Read { documents: Vec::new(), remarks: vec![no_text(&name, error.as_bytes())] },
        };
        inline(&path, &mut read);
        all.documents.extend(read.documents);
        all.remarks.extend(read.remarks);
    }
    Ok(all)
}

/// What is to be said of a file that is no text in UTF-8. The others are looked at all the same.
fn no_text(name: &str, bytes: &[u8]) -> Remark {
    let what = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is a text in UTF-16: save it as UTF-8",
        _ => "it is no text in UTF-8: save it as UTF-8",
    };
    Remark::new(Level::Error, Concern::Syntax, what).in_file(Some(name))
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let failed = || format!("can't read the folder {}", folder.display());
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(failed)?;
    // The same folder is read in the same order everywhere.
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth >= MAX_DEPTH {
                bail!("{} is nested too deeply", path.display());
            }
            walk(&path, depth + 1, files)?;
        } else if has_suffix(&name) {
            if files.len() >= MAX_FILES {
                bail!("there are more than {MAX_FILES} files");
            }
            files.push(path);
        }
    }
    Ok(())
}

fn has_suffix(name: &str) -> bool {
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    suffix.is_some_and(|suffix| ["yaml", "yml", "json"].contains(&suffix.as_str()))
}

/// Puts the content of files into the assets that name them.
fn inline(of: &Path, read: &mut Read) {
    let mut remarks = Vec::new();
    for document in &mut read.documents {
        let Payload::Asset(asset) = &mut document.declaration.payload else { continue };
        let Content::File(name) = &asset.content else { continue };
        let path = of.parent().unwrap_or_else(|| Path::new(".")).join(name);
        let wrong = match std::fs::read(&path) {
            Ok(bytes) if bytes.len() <= MAX_TEXT => {
                asset.content = Content::of_file(bytes);
                continue;
            }
            Ok(_) => format!("{} has more than {MAX_TEXT} bytes", path.display()),
            Err(error) => format!("can't read {}: {error}", path.display()),
        };
        remarks.push(document.remark("content", Level::Error, Concern::Reference, wrong));
    }
    read.remarks.extend(remarks);
}
