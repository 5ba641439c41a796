//! Secrets that stand where everybody reads them: in files, in assets that are none, in addresses.

use transom_protocol::syncml::redact::{REDACTED, is_secret, redact_value};

use super::{Concern, Content, Identifier, Level, LocUri, Remark, Template, Value};

/// From this length on a value is rather a certificate or a profile than a password.
const LARGE: usize = 512;

const IN_FILE: &str = "a secret does not belong in a file: make an asset with secret: true and write ${asset.NAME}";
const MAYBE: &str = "it may hold a secret: that belongs in an asset with secret: true";

/// A secret that stands in a value, or in an asset that it refers to.
pub(super) fn in_value<'a>(
    uri: &LocUri,
    value: &Value,
    asset: impl Fn(&Identifier) -> Option<&'a Content>,
) -> Option<Remark> {
    if matches!(value, Value::Node | Value::Bool(_)) {
        return None;
    }
    let texts = value.texts();
    // What a secret asset puts in is no part of the file.
    let shown = |name: &Identifier| match asset(name) {
        Some(Content::Text(text) | Content::Base64(text)) => text.clone(),
        Some(Content::Secret | Content::File(_)) | None => REDACTED.to_owned(),
    };
    let whole = |text: &str| Template::parse(text).map_or_else(|_| text.to_owned(), |read| read.with_assets(shown));
    if texts.iter().any(|text| tells(&whole(text))) {
        return Some(remark(Level::Error, IN_FILE));
    }
    if !is_secret(uri.as_str()) {
        return None;
    }
    let assets = value.assets();
    if assets.is_empty() {
        return Some(beside_nothing(&texts));
    }
    let open = assets.iter().filter_map(|name| Some((name, level(asset(name)?)?)));
    if let Some((name, level)) = open.min_by_key(|(_, level)| *level) {
        let what = match level {
            Level::Error => format!("{name} stands in the file, and the node holds a secret: write secret: true in it"),
            Level::Warning | Level::Note => format!("{name}: {MAYBE}"),
        };
        return Some(remark(level, what));
    }
    let has_more = texts.iter().any(|text| !is_document(text) && !literal(text).trim().is_empty());
    has_more.then(|| remark(Level::Error, "a part of the secret stands beside the asset: put all of it into the asset"))
}

/// An address is shown everywhere, and no override changes that.
pub(super) fn in_address<'a>(uri: &LocUri, asset: impl Fn(&Identifier) -> Option<&'a Content>) -> Option<Remark> {
    let template = Template::parse(uri.as_str()).ok()?;
    let asset = template.assets().find(|name| asset(name).is_some_and(Content::is_secret))?;
    let what = format!("the secret {asset} can't stand in an address, which is shown everywhere");
    Some(Remark::new(Level::Error, Concern::Reference, what))
}

/// Of a value that refers to nothing, of a node that holds a secret.
fn beside_nothing(texts: &[&str]) -> Remark {
    if texts.iter().any(|text| text.trim_start().starts_with('<')) {
        remark(Level::Note, MAYBE)
    } else {
        remark(Level::Error, IN_FILE)
    }
}

/// How bad it is that an asset stands in a file, where a node that holds a secret takes it.
fn level(content: &Content) -> Option<Level> {
    Some(match content {
        Content::Secret => return None,
        Content::Text(text) if is_document(text) => {
            if tells(text) {
                Level::Error
            } else {
                Level::Note
            }
        }
        Content::Text(text) | Content::Base64(text) if text.len() <= LARGE => Level::Error,
        Content::Text(_) | Content::Base64(_) | Content::File(_) => Level::Warning,
    })
}

/// Whether something in it calls itself a secret.
fn tells(text: &str) -> bool {
    redact_value("./X", text) != text
}

fn is_document(text: &str) -> bool {
    let text = text.trim_start();
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    text.starts_with('<') || text.starts_with(['{', '[']) && is_json()
}

/// What stands in a text beside variables.
fn literal(text: &str) -> String {
    Template::parse(text).map_or_else(|_| text.to_owned(), |template| template.literals())
}

fn remark(level: Level, what: impl Into<String>) -> Remark {
    Remark::new(level, Concern::Secret, what)
}
