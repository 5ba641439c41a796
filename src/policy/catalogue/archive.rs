//! What people import: a ZIP as Microsoft publishes it, or one file.
//!
//! Nothing is unpacked to disk. An archive is read as if a stranger had made it: members, their size, the size of all and
//! what is read of them are bounded whatever its directory says, and names are names, never paths.

use std::io::{Cursor, Read as _};

use transom_protocol::csp::admx::{self, Template};
use transom_protocol::csp::catalogue::{Source, SourceFile};
use transom_protocol::csp::ddf::{self, MAX_FILE};

/// Files of one kind in an archive, at most.
const MAX_MEMBERS: usize = 2_000;

/// Files of any kind in an archive, at most. A folder of templates has their words in many languages beside them.
const MAX_ENTRIES: usize = 20_000;

/// Nodes of all descriptions together, at most. The largest release has 12,000.
const MAX_ALL_NODES: usize = 200_000;

/// Bytes of all members together, at most.
pub const MAX_ALL: usize = 256 * 1024 * 1024;

/// Remarks that are kept, at most.
const MAX_REMARKS: usize = 200;

/// Why an archive is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It begins like a ZIP and is none.
    #[error("the archive can't be read: {0}")]
    NotZip(String),
    /// More than 2,000 of the kind that is read.
    #[error("the archive has more than {MAX_MEMBERS} files that end in {0}")]
    TooMany(&'static str),
    /// More than 20,000 of any kind.
    #[error("the archive has more than {MAX_ENTRIES} files")]
    TooManyEntries,
    /// More than 200,000.
    #[error("the files of the archive describe more than {MAX_ALL_NODES} nodes together")]
    TooManyNodes,
    /// More than 256 MiB.
    #[error("the files of the archive have more than {MAX_ALL} bytes together")]
    TooLarge,
    /// Nothing in it could be used.
    #[error("there is nothing in it that could be used{}", because(.0))]
    Nothing(Vec<Remark>),
}

/// Something to be said of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its name, as the archive has it.
    pub file: String,
    /// What.
    pub what: String,
}

/// Descriptions that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptions {
    /// The files.
    pub source: Source,
    /// Files that were not read, and why.
    pub skipped: Vec<Remark>,
    /// What was odd in those that were.
    pub odd: Vec<Remark>,
}

/// Administrative templates that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    /// Each with the name of its file, in small letters, and its bytes.
    pub templates: Vec<(String, Template)>,
    /// Files that were not read, and why.
    pub skipped: Vec<Remark>,
    /// What was odd in those that were.
    pub odd: Vec<Remark>,
}

fn because(remarks: &[Remark]) -> String {
    remarks.first().map_or_else(String::new, |first| format!(": {}: {}", first.file, first.what))
}

/// Reads descriptions (DDF). One bad file does not fail the others.
pub fn descriptions(name: &str, bytes: &[u8]) -> Result<Descriptions, ArchiveError> {
    let mut read = Descriptions {
        source: Source { name: name.to_owned(), files: Vec::new() },
        skipped: Vec::new(),
        odd: Vec::new(),
    };
    let mut nodes = 0;
    each(name, bytes, ".xml", |file, member| {
        match member.and_then(|bytes| ddf::read(&bytes).map_err(|error| error.to_string())) {
            Err(what) => remark(&mut read.skipped, file, what),
            Ok(ddf) => {
                nodes += ddf.nodes;
                if nodes > MAX_ALL_NODES {
                    return Err(ArchiveError::TooManyNodes);
                }
                ddf.odd.into_iter().for_each(|what| remark(&mut read.odd, file, what));
                for (element, count) in ddf.unknown {
                    remark(&mut read.odd, file, format!("{count} times <{element}>, which nobody knows: passed over"));
                }
                let name = base(file).to_owned();
                read.source.files.push(SourceFile { name, dialect: ddf.dialect, roots: ddf.roots });
            }
        }
        Ok(())
    })?;
    if read.source.files.is_empty() {
        return Err(ArchiveError::Nothing(read.skipped));
    }
    Ok(read)
}

/// Reads administrative templates (ADMX).
pub fn templates(name: &str, bytes: &[u8]) -> Result<Templates, ArchiveError> {
    let mut read = Templates { templates: Vec::new(), skipped: Vec::new(), odd: Vec::new() };
    each(name, bytes, ".admx", |file, member| {
        match member.and_then(|bytes| admx::read(&bytes).map_err(|error| error.to_string())) {
            Err(what) => remark(&mut read.skipped, file, what),
            Ok(template) => {
                let name = base(file).to_ascii_lowercase();
                if read.templates.iter().any(|(known, _)| *known == name) {
                    remark(&mut read.skipped, file, "another file of this name was read before it".to_owned());
                } else {
                    template.odd.iter().for_each(|what| remark(&mut read.odd, file, what.clone()));
                    read.templates.push((name, template));
                }
            }
        }
        Ok(())
    })?;
    if read.templates.is_empty() {
        return Err(ArchiveError::Nothing(read.skipped));
    }
    Ok(read)
}

fn remark(remarks: &mut Vec<Remark>, file: &str, what: String) {
    if remarks.len() < MAX_REMARKS {
        remarks.push(Remark { file: file.to_owned(), what });
    }
}

/// Calls for each file of a kind: those of an archive in the order of their names, or the one file that it is.
fn each(
    name: &str,
    bytes: &[u8],
    ending: &'static str,
    mut with: impl FnMut(&str, Result<Vec<u8>, String>) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    if !bytes.starts_with(b"PK") {
        return with(name, if bytes.len() > MAX_FILE { Err(too_large()) } else { Ok(bytes.to_vec()) });
    }
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| ArchiveError::NotZip(error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(ArchiveError::TooManyEntries);
    }
    let mut names: Vec<(String, usize)> = (0..archive.len())
        .filter_map(|index| Some((archive.name_for_index(index)?.ok()?.replace('\\', "/"), index)))
        .filter(|(name, _)| name.to_ascii_lowercase().ends_with(ending) && !base(name).starts_with('.'))
        .collect();
    if names.len() > MAX_MEMBERS {
        return Err(ArchiveError::TooMany(ending));
    }
    names.sort();
    let mut left = MAX_ALL;
    for (name, index) in names {
        let mut bytes = Vec::new();
        let most = MAX_FILE.min(left);
        let read = match archive.by_index(index) {
            Err(error) => Err(error.to_string()),
            Ok(member) => member.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string()),
        };
        // What was unpacked counts, also of a file that is not read: it was as much work.
        left = left.checked_sub(bytes.len()).ok_or(ArchiveError::TooLarge)?;
        with(
            &name,
            match read {
                Err(what) => Err(what),
                Ok(_) if bytes.len() > MAX_FILE => Err(too_large()),
                Ok(_) => Ok(bytes),
            },
        )?;
    }
    Ok(())
}

fn too_large() -> String {
    format!("the file has more than {MAX_FILE} bytes")
}

/// The name without folders.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
