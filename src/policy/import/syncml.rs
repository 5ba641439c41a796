//! Commands as people keep them in files: whole messages, bodies, or commands one after the other without anything around
//! them; values escaped, in CDATA, or as markup.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use transom_protocol::syncml::Format;

use super::gather::Gathered;
use super::value::Given;
use super::{ImportError, Outcome};

/// Most levels of elements.
const MAX_DEPTH: usize = 64;

/// Most items of one file.
const MAX_ITEMS: usize = 20_000;

#[derive(Default)]
struct Item {
    target: Option<String>,
    format: Option<String>,
    mime: Option<String>,
    data: Option<String>,
}

/// Reads the commands of a text.
pub(super) fn read(text: &str, gathered: &mut Gathered<'_>) -> Result<(), ImportError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut names: Vec<String> = Vec::new();
    // Format and type may stand in the command, for all of its items.
    let mut common = Item::default();
    let mut item: Option<Item> = None;
    let mut items = 0;
    // What is too much, or broken, is known before anything is made of it.
    let mut commands: Vec<(String, Item)> = Vec::new();
    // Settings that are to be there together or not at all.
    let mut together = 0;
    loop {
        match reader.read_event().map_err(wrong)? {
            Event::Start(start) => {
                let name = local(&start);
                if names.len() >= MAX_DEPTH {
                    return Err(ImportError::Xml("it is nested too deeply".to_owned()));
                }
                let end = start.to_end().into_owned();
                match name.as_str() {
                    "Data" if item.is_some() => {
                        let raw = reader.read_text(end.name()).map_err(wrong)?;
                        if let Some(item) = &mut item {
                            item.data = Some(plain(&raw)?);
                        }
                        continue;
                    }
                    "LocURI" | "Format" | "Type" => {
                        let raw = reader.read_text(end.name()).map_err(wrong)?;
                        let text = Some(plain(&raw)?.trim().to_owned());
                        let inner = item.as_mut().unwrap_or(&mut common);
                        match name.as_str() {
                            "LocURI" if names.last().is_some_and(|above| above == "Target") => inner.target = text,
                            "Format" => inner.format = text,
                            "Type" => inner.mime = text,
                            _ => {}
                        }
                        continue;
                    }
                    "Item" => {
                        items += 1;
                        if items > MAX_ITEMS {
                            return Err(ImportError::Xml(format!("it has more than {MAX_ITEMS} items")));
                        }
                        item = Some(Item::default());
                    }
                    "Add" | "Replace" | "Delete" | "Exec" | "Get" => common = Item::default(),
                    _ => {}
                }
                names.push(name);
            }
            Event::End(_) => {
                let name = names.pop();
                if name.as_deref() == Some("Item")
                    && let Some(item) = item.take()
                {
                    let verb = names.last().map_or("", String::as_str);
                    if ["Add", "Replace"].contains(&verb) && names.iter().any(|above| above == "Atomic") {
                        together += 1;
                    }
                    commands.push((verb.to_owned(), item.with(&common)));
                }
            }
            Event::DocType(_) => return Err(ImportError::Xml("it has a document type".to_owned())),
            Event::Eof => break,
            _ => {}
        }
    }
    match names.last() {
        Some(open) => return Err(ImportError::Xml(format!("<{open}> is not closed"))),
        None if items == 0 => return Err(ImportError::NoCommands),
        None => {}
    }
    for (verb, item) in commands {
        take(&verb, item, gathered);
    }
    if together > 0 {
        let what = format!(
            "{together} of these settings are to be there together or not at all: write atomic: true in the activation \
             that applies them"
        );
        gathered.tell("Atomic", Outcome::Doubtful, what);
    }
    Ok(())
}

impl Item {
    /// With what stands in its command for all items.
    fn with(self, common: &Self) -> Self {
        let format = self.format.or_else(|| common.format.clone());
        Self { format, mime: self.mime.or_else(|| common.mime.clone()), ..self }
    }
}

fn take(verb: &str, item: Item, gathered: &mut Gathered<'_>) {
    let Some(target) = item.target.filter(|target| !target.is_empty()) else {
        return gathered.tell(verb, Outcome::LeftOut, "a command without a target");
    };
    match verb {
        "Add" | "Replace" => {
            let format = item.format.map(|word| Format::from(word.to_ascii_lowercase().as_str()));
            let data = item.data.unwrap_or_default();
            let mime = item.mime.as_deref();
            let given = Given { format: format.as_ref(), mime, data: &data, is_hidden: false, said: None };
            gathered.sent(&target, &given);
        }
        "Delete" => gathered.tell(
            &target,
            Outcome::LeftOut,
            "a Delete: what no declaration names is not configured, so it needs no word",
        ),
        "Exec" | "Get" => {
            let what = format!("{verb} is no setting: order it as a command (transom command send)");
            gathered.tell(&target, Outcome::LeftOut, what);
        }
        _ => gathered.tell(&target, Outcome::LeftOut, format!("an Item in <{verb}> is no setting")),
    }
}

/// What stands in an element: text and CDATA as they mean, markup as it is written.
fn plain(raw: &str) -> Result<String, ImportError> {
    Ok(content(raw)?.unwrap_or_else(|| raw.trim().to_owned()))
}

/// What the content of an element means, text and CDATA in their order; nothing where markup is in it.
pub(super) fn content(raw: &str) -> Result<Option<String>, ImportError> {
    let mut reader = Reader::from_str(raw);
    let mut has_literal = false;
    let mut parts: Vec<(bool, String)> = Vec::new();
    loop {
        match reader.read_event().map_err(wrong)? {
            Event::Text(part) => parts.push((part.trim().is_empty(), part.to_string())),
            Event::CData(part) => {
                has_literal = true;
                parts.push((false, part.to_string()));
            }
            Event::GeneralRef(reference) => parts.push((false, resolved(&reference)?)),
            Event::Start(_) | Event::Empty(_) | Event::End(_) => return Ok(None),
            Event::Eof => break,
            _ => {}
        }
    }
    let mut parts = parts.as_slice();
    // White space around CDATA is how the file is laid out.
    while let (true, [(true, _), rest @ ..] | [rest @ .., (true, _)]) = (has_literal, parts) {
        parts = rest;
    }
    Ok(Some(parts.iter().map(|(_, part)| part.as_str()).collect()))
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, ImportError> {
    if let Some(character) = reference.resolve_char_ref().map_err(wrong)? {
        return Ok(character.to_string());
    }
    let known = resolve_predefined_entity(reference);
    known.map(str::to_owned).ok_or_else(|| ImportError::Xml(format!("&{}; has no meaning", &**reference)))
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().into_inner().to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn wrong(error: quick_xml::Error) -> ImportError {
    ImportError::Xml(error.to_string().chars().take(200).collect())
}
