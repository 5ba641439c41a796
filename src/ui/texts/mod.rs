//! Texts of pages, a file per page, for whoever translates them.
//!
//! A text is a constant, so that a page that names one that is missing does not compile.

macro_rules! texts {
    ($($name:ident = $text:literal;)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $name: &str = $text;
        )*
    };
}
pub mod actions;
pub mod alerts;
pub mod audit;
pub mod authoring;
pub mod catalogue;
pub mod commands;
pub mod devices;
pub mod enrolling;
pub mod events;
pub mod everywhere;
pub mod facts;
pub mod operators;
pub mod overview;
pub mod people;
pub mod policies;
pub mod provisioning;
pub mod publishing;
pub mod sessions;
pub mod settings;
pub mod sign_in;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    /// Attributes that people read.
    const READ: [&str; 5] = ["placeholder", "title", "aria-label", "aria-description", "alt"];
    /// What is the same in every language.
    const NAMES: [&str; 1] = ["Transom"];

    fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path, ending));
            } else if path.extension().is_some_and(|is| is == ending) {
                found.push(path);
            }
        }
        found
    }

    fn sources(folder: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)
    }

    /// A template without what askama takes out of it.
    fn without_tags(mut template: &str) -> String {
        let mut kept = String::new();
        while let Some(begin) = template.find('{') {
            let closing = match template.as_bytes().get(begin + 1) {
                Some(b'{') => "}}",
                Some(b'%') => "%}",
                Some(b'#') => "#}",
                _ => "{",
            };
            kept.push_str(&template[..begin]);
            let rest = &template[begin + 1..];
            template = &rest[rest.find(closing).map_or(0, |end| end + closing.len())..];
        }
        kept + template
    }

    fn is_text(piece: &str) -> bool {
        let mut piece = piece.to_owned();
        for name in NAMES {
            piece = piece.replace(name, "");
        }
        let letters: Vec<bool> = piece.chars().map(char::is_alphabetic).collect();
        letters.windows(2).any(|pair| pair[0] && pair[1])
    }

    /// What a template says by itself: its texts, and what stands in attributes that people read.
    fn bare(template: &str) -> Vec<String> {
        let plain = without_tags(template);
        let mut found = Vec::new();
        let mut is_code = false;
        for piece in plain.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            match name {
                "code" => is_code = true,
                "/code" => is_code = false,
                _ => {}
            }
            if !is_code && !tag.starts_with('!') && is_text(text) {
                found.push(text.trim().to_owned());
            }
            for attribute in READ {
                let begin = format!(" {attribute}=\"");
                let value = tag.split_once(begin.as_str()).and_then(|(_, rest)| rest.split('"').next());
                found.extend(value.filter(|value| is_text(value)).map(str::to_owned));
            }
        }
        found
    }

    #[test]
    fn what_stands_in_a_template_by_itself_is_found() {
        let template = "<p class=\"lead\" title=\"Look here\">{{ a }} of {% if b %}<code>transom</code> {% endif %}more</p><b>·</b>";
        assert_eq!(bare(template), ["of", "Look here", "more"]);
    }

    #[test]
    fn no_template_says_something_that_is_not_here() {
        let templates: Vec<PathBuf> =
            ["ui", "http"].iter().flat_map(|folder| files(&sources(folder), "html")).collect();
        assert!(templates.len() > 30, "{templates:?}");
        for path in templates {
            let said = bare(&fs::read_to_string(&path).unwrap());
            assert!(said.is_empty(), "{}: move to src/ui/texts: {said:?}", path.display());
        }
    }

    #[test]
    fn every_text_is_shown_somewhere() {
        let mut all = String::new();
        for path in ["ui", "http"].iter().flat_map(|folder| {
            let folder = sources(folder);
            [files(&folder, "html"), files(&folder, "rs")].concat()
        }) {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
        for path in files(&sources("ui/texts"), "rs") {
            let page = path.file_stem().unwrap().to_str().unwrap().to_owned();
            for line in fs::read_to_string(&path).unwrap().lines() {
                let Some((name, _)) = line.trim().split_once(" = \"") else { continue };
                let is_shown = [format!("{page}::{name}"), format!("texts::{name}")].iter().any(|name| {
                    all.split(name.as_str())
                        .skip(1)
                        .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
                });
                assert!(is_shown || page == "mod", "{page}: nobody shows {name}");
            }
        }
    }
}
