//! Files in and below a folder.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

/// What becomes of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// They are what they lead to.
    Followed,
    /// They are told as what was not read.
    Told,
}

/// What could not be read, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// The file or folder.
    pub(super) path: PathBuf,
    /// Why.
    pub(super) why: String,
}

/// The files with names that fit, in the same order everywhere. What is hidden (its name begins with a dot) is passed over.
pub(super) fn files<'a>(
    folder: &Path,
    links: Links,
    fits: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = Result<PathBuf, Unread>> + 'a {
    let name = |entry: &DirEntry| entry.file_name().to_string_lossy().into_owned();
    let entries = WalkDir::new(folder).follow_links(links == Links::Followed).sort_by_file_name().into_iter();
    let shown = entries.filter_entry(move |entry| entry.depth() == 0 || !name(entry).starts_with('.'));
    let whole = folder.to_owned();
    shown.filter_map(move |entry| match entry {
        Err(error) => {
            let path = error.path().unwrap_or(&whole).to_owned();
            let why = match (error.loop_ancestor(), error.io_error()) {
                (Some(above), _) => format!("it leads back to {}", above.display()),
                (None, Some(error)) => format!("it can't be read: {error}"),
                (None, None) => "it can't be read".to_owned(),
            };
            Some(Err(Unread { path, why }))
        }
        Ok(entry) if entry.file_type().is_dir() || !fits(&name(&entry)) => None,
        Ok(entry) if links == Links::Told && !entry.file_type().is_file() => {
            let is_link = entry.file_type().is_symlink();
            let why = if is_link { "it is a link: links are not followed" } else { "it is no file" };
            Some(Err(Unread { path: entry.into_path(), why: why.to_owned() }))
        }
        Ok(entry) => Some(Ok(entry.into_path())),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.xml", "a.xml", "c.txt", ".d.xml"] {
            std::fs::write(at(name), "x").unwrap();
        }
        std::fs::create_dir(at("below")).unwrap();
        std::fs::write(at("below/e.xml"), "x").unwrap();
        std::os::unix::fs::symlink(at("a.xml"), at("linked.xml")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("below/round")).unwrap();
        let found = |links| {
            let each = files(folder.path(), links, |name| name.contains("xml"));
            let name = |path: &Path| path.strip_prefix(folder.path()).unwrap().display().to_string();
            each.map(|file| file.map(|path| name(&path)).map_err(|unread| name(&unread.path))).collect::<Vec<_>>()
        };
        let ok = |name: &str| Ok(name.to_owned());
        let told = [ok("a.xml"), ok("b.xml"), ok("below/e.xml"), Err("linked.xml".to_owned())];
        assert_eq!(found(Links::Told), told);
        let round = Err("below/round".to_owned());
        let followed = [ok("a.xml"), ok("b.xml"), ok("below/e.xml"), round, ok("linked.xml")];
        assert_eq!(found(Links::Followed), followed);
        assert!(files(&at("nothing"), Links::Told, |_| true).next().unwrap().is_err());
    }
}
