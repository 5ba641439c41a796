//! Declarations in files and folders.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde_json::Value;

use crate::cli::folder::{self, Links};
use crate::cli::input;
use crate::policy::declaration::{
    Concern, Content, Declaration, Level, Payload, Read, Remark, read_json, read_text,
    source::{MAX_TEXT, TOO_LARGE},
};

/// Most files of one folder.
const MAX_FILES: usize = 10_000;

/// A file, and the folder in which the files that it names have to lie.
struct Found {
    path: PathBuf,
    within: PathBuf,
    /// Whether it was named, not found in a folder.
    is_named: bool,
}

/// Reads files, and folders with all `.yaml`, `.yml` and `.json` in and below them. `-` is standard input.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Read> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            for file in folder::files(path, Links::Followed, has_suffix) {
                let file = file.map_err(|unread| anyhow!("{}: {}", unread.path.display(), unread.why))?;
                if files.len() - before == MAX_FILES {
                    bail!("there are more than {MAX_FILES} files in {}", path.display());
                }
                files.push(Found { path: file, within: path.clone(), is_named: false });
            }
            if files.len() == before {
                bail!("there is no .yaml, .yml or .json in {}", path.display());
            }
        } else {
            files.push(Found { path: path.clone(), within: folder_of(path), is_named: true });
        }
    }
    let mut all = Read::default();
    for file in files {
        let name = file.path.display().to_string();
        // What is named may be a pipe.
        let bytes = if file.is_named {
            input::bytes(&name, MAX_TEXT)?
        } else {
            input::regular(&file.path, MAX_TEXT).with_context(|| format!("can't read {name}"))?
        };
        let is_cut = bytes.len() > MAX_TEXT;
        let refused = |what: &str| {
            let remark = Remark::new(Level::Error, Concern::Syntax, what).in_file(Some(&name));
            Read { remarks: vec![remark], ..Read::default() }
        };
        let mut read = match String::from_utf8(bytes) {
            _ if is_cut => refused(TOO_LARGE),
            Ok(text) => read_text(&name, &text),
            Err(error) => refused(no_text(error.as_bytes())),
        };
        inline(&file, &mut read);
        all.documents.extend(read.documents);
        all.broken.extend(read.broken);
        all.remarks.extend(read.remarks);
    }
    Ok(all)
}

/// Declarations as a server gives them.
pub(super) fn declarations_of(documents: &[Value]) -> anyhow::Result<Vec<Declaration>> {
    let each = documents.iter().map(|document| {
        let read = read_json(document).documents.into_iter().next();
        let cant = "a declaration of the server can't be read by this version";
        Ok(read.context(cant)?.declaration)
    });
    each.collect()
}

fn folder_of(file: &Path) -> PathBuf {
    // A name alone has the empty path before it.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or_else(|| Path::new(".")).to_owned()
}

/// What is to be said of a file that is no text in UTF-8. The others are looked at all the same.
const fn no_text(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "it is a text in UTF-16: save it as UTF-8",
        _ => "it is no text in UTF-8: save it as UTF-8",
    }
}

fn has_suffix(name: &str) -> bool {
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    suffix.is_some_and(|suffix| ["yaml", "yml", "json"].contains(&suffix.as_str()))
}

/// Puts the content of files into the assets that name them.
fn inline(of: &Found, read: &mut Read) {
    let mut remarks = Vec::new();
    for document in &mut read.documents {
        let Payload::Asset(asset) = &mut document.declaration.payload else { continue };
        let Content::File(name) = &asset.content else { continue };
        match beside(of, name) {
            Ok(bytes) => asset.content = Content::of_file(bytes),
            Err(wrong) => remarks.push(document.remark("content", Level::Error, Concern::Reference, wrong)),
        }
    }
    read.remarks.extend(remarks);
}

/// What is in a file beside another, or why it is not read. Declarations may be anybody's: nothing from elsewhere on the
/// computer of whoever publishes them becomes a part of them.
fn beside(of: &Found, name: &str) -> Result<Vec<u8>, String> {
    if Path::new(name).is_absolute() {
        return Err(format!("{name}: write the path from the folder of the declaration on"));
    }
    let path = folder_of(&of.path).join(name);
    let failed = |error: std::io::Error| format!("can't read {}: {error}", path.display());
    let (real, within) = (path.canonicalize().map_err(failed)?, of.within.canonicalize().map_err(failed)?);
    if !real.starts_with(&within) {
        return Err(format!(
            "{} lies outside of {}: put it beside the declaration",
            path.display(),
            of.within.display()
        ));
    }
    let bytes = input::regular(&real, MAX_TEXT).map_err(failed)?;
    if bytes.len() > MAX_TEXT {
        return Err(format!("{} has more than {MAX_TEXT} bytes", path.display()));
    }
    Ok(bytes)
}
