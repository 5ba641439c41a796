//! Paths of our own modules, found in the tokens of a file.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// A path that names a module of ours.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) line: usize,
    /// Name of the module, or `crate` itself when all of it is taken.
    pub(super) to: String,
}

/// All references in a file to the modules at the top of its crate, and to the protocol crate. `here` is the path of
/// the file's module, from the top.
pub(super) fn references(text: &str, here: &[String]) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(tokens(text), here, &mut found);
    found
}

/// Lines in which a word stands as an identifier.
pub(super) fn lines_of(text: &str, word: &str) -> Vec<usize> {
    fn walk(stream: TokenStream, word: &str, lines: &mut Vec<usize>) {
        for token in stream {
            match token {
                TokenTree::Ident(ident) if ident == word => lines.push(line(&ident)),
                TokenTree::Group(group) => walk(group.stream(), word, lines),
                _ => {}
            }
        }
    }
    let mut lines = Vec::new();
    walk(tokens(text), word, &mut lines);
    lines
}

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("source that compiles")
}

fn line(ident: &Ident) -> usize {
    ident.span().start().line
}

fn walk(stream: TokenStream, here: &[String], found: &mut Vec<Reference>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        match token {
            TokenTree::Ident(ident) if ident == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(place + 1), tokens.get(place + 2))
                {
                    let inside: Vec<String> = here.iter().cloned().chain([name.to_string()]).collect();
                    walk(body.stream(), &inside, found);
                    place += 2;
                }
            }
            TokenTree::Ident(ident) => {
                let start: Option<Vec<String>> = match ident.to_string().as_str() {
                    "crate" | "transom" => Some(Vec::new()),
                    "super" => Some(here[..here.len().saturating_sub(1)].to_vec()),
                    "self" => Some(here.to_vec()),
                    "transom_protocol" => Some(vec!["protocol".to_owned()]),
                    _ => None,
                };
                if let Some(start) = start
                    && is_path(&tokens, place + 1)
                {
                    follow(&tokens, place + 3, start, line(ident), found);
                    place = end_of_path(&tokens, place + 1);
                    continue;
                }
            }
            TokenTree::Group(group) => walk(group.stream(), here, found),
            _ => {}
        }
        place += 1;
    }
}

/// Whether `::` stands at this place.
fn is_path(tokens: &[TokenTree], place: usize) -> bool {
    let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(tokens.get(place)) && colon(tokens.get(place + 1))
}

/// Where a path that goes on with the `::` at this place ends, its `{…}` included.
fn end_of_path(tokens: &[TokenTree], mut place: usize) -> usize {
    while is_path(tokens, place) {
        place += 3;
    }
    place
}

/// Follows a path from the word after its `::`; `path` is where it has got to.
fn follow(tokens: &[TokenTree], place: usize, mut path: Vec<String>, line: usize, found: &mut Vec<Reference>) {
    match tokens.get(place) {
        Some(TokenTree::Ident(word)) if word == "super" => {
            path.pop();
            if is_path(tokens, place + 1) {
                follow(tokens, place + 3, path, line, found);
            }
        }
        Some(TokenTree::Ident(word)) => {
            path.push(word.to_string());
            found.push(Reference { line, to: path.swap_remove(0) });
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            follow_group(group, &path, found);
        }
        // `crate::*`
        _ => found.push(Reference { line, to: path.first().cloned().unwrap_or_else(|| "crate".to_owned()) }),
    }
}

/// Follows each alternative of `{a, b::c, super::d}`.
fn follow_group(group: &Group, path: &[String], found: &mut Vec<Reference>) {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    for alternative in tokens.split(comma).filter(|alternative| !alternative.is_empty()) {
        let line = alternative[0].span().start().line;
        if matches!(&alternative[0], TokenTree::Ident(word) if word == "self") {
            found.push(Reference { line, to: path.first().cloned().unwrap_or_else(|| "crate".to_owned()) });
        } else {
            follow(alternative, 0, path.to_vec(), line, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        let here = ["http", "devices", "management"].map(str::to_owned);
        references(text, &here).into_iter().map(|reference| reference.to).collect()
    }

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        for (text, wanted) in [
            ("use crate::store::Store;", vec!["store"]),
            ("use crate::{model::Device, store};", vec!["model", "store"]),
            ("use crate::{self, model};", vec!["crate", "model"]),
            ("use crate::*;", vec!["crate"]),
            ("use ::transom_protocol::syncml;", vec!["protocol"]),
            ("use transom_protocol::{csp, session::Session};", vec!["protocol", "protocol"]),
            ("fn f() { let x: crate::store::Error = y; }", vec!["store"]),
            ("fn f() { info!(a = %crate::store::N, \"b\"); }", vec!["store"]),
            ("macro_rules! m { () => { $crate::store::now() } }", vec!["store"]),
            ("#[serde(with = \"x\")] struct S(Vec<crate::store::Row>);", vec!["store"]),
            ("use super::wire;", vec!["http"]),
            ("use super::super::super::store;", vec!["store"]),
            ("use super::super::{super::store, api};", vec!["store", "http"]),
            ("mod tests { use super::super::x; }", vec!["http"]),
            ("mod tests { use super::super::super::super::store; }", vec!["store"]),
            ("use self::part::Part;", vec!["http"]),
            ("use transom::cli::run;", vec!["cli"]),
        ] {
            assert_eq!(targets(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_of_ours_is_passed_over() {
        for text in [
            "// use crate::store::Store;",
            "//! [`crate::store`]\nfn f() {}",
            "const S: &str = \"crate::store\";",
            "pub(crate) fn f() {}",
            "use store::x;",
            "use std::super_thing::x;",
        ] {
            assert_eq!(targets(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_reference_knows_its_line() {
        let found = references("use crate::{\n    model,\n    store,\n};", &["http".to_owned()]);
        assert_eq!(found[1], Reference { line: 3, to: "store".to_owned() });
    }

    #[test]
    fn words_are_found_outside_of_text_only() {
        assert_eq!(lines_of("// unsafe\nfn f() { unsafe {} }\nconst S: &str = \"unsafe\";", "unsafe"), [2]);
    }
}
