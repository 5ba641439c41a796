//! Secrets that stand where everybody reads them: in files, in assets that are none, in addresses.

use transom_protocol::syncml::Format;
use transom_protocol::syncml::redact::{REDACTED, is_secret, names_secret, secrets_in};

use super::{Concern, Content, Identifier, Level, LocUri, PolicyValue, Remark, Template, Value, is_document};

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
    if matches!(value, Value::Node | Value::Bool(_)) || only_counts(uri, value) {
        return None;
    }
    let texts = value.texts();
    // What a secret asset puts in is no part of the file.
    let shown = |name: &Identifier| match asset(name) {
        Some(Content::Text(text) | Content::Base64(text)) => text.clone(),
        Some(Content::Secret | Content::File(_)) | None => REDACTED.to_owned(),
    };
    let whole = |text: &str| Template::parse(text).map_or_else(|_| text.to_owned(), |read| read.with_assets(shown));
    if holds(value, whole) {
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
    let has_more = texts.iter().any(|text| !is_structured(text) && !literal(text).trim().is_empty());
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
    if texts.iter().any(|text| is_document(text)) { remark(Level::Note, MAYBE) } else { remark(Level::Error, IN_FILE) }
}

/// How bad it is that an asset stands in a file, where a node that holds a secret takes it.
fn level(content: &Content) -> Option<Level> {
    Some(match content {
        Content::Secret => return None,
        Content::Text(text) if is_structured(text) => {
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

/// Whether a text with variables has a secret in it that would stand in a file. What secret assets put in is none.
pub(in crate::policy) fn stands_in(text: &str) -> bool {
    tells(&hidden(text))
}

/// Whether a value has one, also by the name under which a part of it stands.
pub(in crate::policy) fn stands_in_value(value: &Value) -> bool {
    holds(value, hidden)
}

/// A text with variables, without what assets hold.
fn hidden(text: &str) -> String {
    Template::parse(text).map_or_else(|_| text.to_owned(), |read| read.with_assets(|_| REDACTED.to_owned()))
}

/// Whether a value has a secret in it; `whole` makes of a text what would be seen of it.
fn holds(value: &Value, whole: impl Fn(&str) -> String) -> bool {
    let is_shown = |text: &str| {
        let text = whole(text);
        !text.trim().is_empty() && !is_put_in(&text)
    };
    let is_named = |(id, value): (&String, &PolicyValue)| match value {
        // A yes or no is no secret, whatever it is about.
        PolicyValue::Bool(_) => false,
        PolicyValue::Number(_) => names_secret(id),
        PolicyValue::Text(text) => names_secret(id) && is_shown(text),
        PolicyValue::Lines(lines) => names_secret(id) && lines.iter().any(|line| is_shown(line)),
        PolicyValue::Named(named) => {
            named.iter().any(|(name, value)| (names_secret(id) || names_secret(name)) && is_shown(value))
        }
    };
    let by_name = matches!(value, Value::Policy(data) if data.iter().any(is_named));
    by_name || value.texts().into_iter().any(|text| tells(&whole(text)))
}

/// A text with variables, without what assets put in.
pub(in crate::policy) fn without_assets(text: &str) -> String {
    Template::parse(text).map_or_else(|_| text.to_owned(), |read| read.with_assets(|_| String::new()))
}

/// A number, or a yes or no, that says something of secrets (how long they are, when they end) and is none itself.
pub(in crate::policy) fn only_counts(uri: &LocUri, value: &Value) -> bool {
    let is_number = match value {
        Value::Integer(_) | Value::Bool(_) => true,
        Value::Explicit { value, format: Format::Int, .. } => value.trim().parse::<i64>().is_ok(),
        Value::Explicit { value, format: Format::Bool, .. } => value.trim().parse::<bool>().is_ok(),
        _ => false,
    };
    let Some((above, name)) = uri.path().rsplit_once('/') else { return false };
    let name = name.to_ascii_lowercase();
    let may_be_one = ["key", "psk", "pin", "puk", "code"].iter().any(|end| name.ends_with(end));
    is_number && !is_secret(above) && !names_secret(&name) && !may_be_one
}

/// Whether something in it calls itself a secret, and is one.
fn tells(text: &str) -> bool {
    secrets_in(text).into_iter().any(|part| !is_put_in(part))
}

/// Whether all that is secret in what calls itself a secret is put in by assets: what stands around it only says what kind
/// of secret it is, as in the `sharedKey` of a Wi-Fi profile.
fn is_put_in(part: &str) -> bool {
    let bare = part.replace(REDACTED, "");
    if bare == part {
        return false;
    }
    // Markup may be escaped once more.
    let bare = bare.replace("&lt;", "<").replace("&gt;", ">");
    let mut pieces = bare.split('<');
    pieces.next().is_some_and(|before| before.trim().is_empty()) && pieces.all(is_harmless)
}

/// Whether a tag with the text behind it gives nothing away.
fn is_harmless(piece: &str) -> bool {
    let Some((tag, text)) = piece.split_once('>') else { return false };
    let mut words = tag.trim_end_matches('/').split_whitespace();
    let name = words.next().unwrap_or_default();
    let is_plain = |word: &str| word.starts_with("xmlns") || word.ends_with("=\"\"") || word.ends_with("=''");
    let local = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
    let says_kind = match local.as_str() {
        "keytype" => ["passPhrase", "networkKey"].contains(&text.trim()),
        "protected" | "plaintext" => ["true", "false"].contains(&text.trim()),
        _ => false,
    };
    !name.starts_with(['!', '?']) && words.all(is_plain) && (text.trim().is_empty() || says_kind)
}

/// Whether a text is a document of XML or JSON, which may say much beside a secret.
fn is_structured(text: &str) -> bool {
    let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_document(text) || text.trim_start().starts_with(['{', '[']) && is_json()
}

/// What stands in a text beside variables.
fn literal(text: &str) -> String {
    Template::parse(text).map_or_else(|_| text.to_owned(), |template| template.literals())
}

fn remark(level: Level, what: impl Into<String>) -> Remark {
    Remark::new(level, Concern::Secret, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_no_secret_and_a_passphrase_beside_it_is_one() {
        let shared = |key: &str, also: &str| {
            format!(
                "<WLANProfile><sharedKey>\n <keyType>passPhrase</keyType>\n <protected>false</protected>\n \
                 <keyMaterial>{key}</keyMaterial>{also}\n</sharedKey></WLANProfile>"
            )
        };
        let escaped = |text: String| text.replace('<', "&lt;").replace('>', "&gt;");
        for fine in [
            "<a><keyMaterial>${asset.wifi}</keyMaterial></a>",
            "<a>${asset.open</a>",
            "<a><parm name=\"AAUTHSECRET\" value=\"${asset.wifi}\"/></a>",
            &shared("${asset.wifi}", ""),
            &escaped(shared("${asset.wifi}", "")),
        ] {
            assert!(!stands_in(fine), "{fine}");
        }
        for told in [
            "<a><keyMaterial>hunter22</keyMaterial></a>",
            "<a><keyMaterial>hunter${asset.wifi}</keyMaterial></a>",
            "<a><keyMaterial>${asset.wifi}</keyMaterial><password>x</password></a>",
            &shared("hunter22", ""),
            &escaped(shared("hunter22", "")),
        ] {
            assert!(stands_in(told), "{told}");
        }
        for also in [
            "hunter22",
            "<keyMaterial>x</keyMaterial>",
            "<other>x</other>",
            "<other is=\"x\"/>",
            "<keyType>hunter22</keyType>",
            "<!-- hunter22 -->",
            "<![CDATA[hunter22]]>",
            "<parm name=\"AAUTHSECRET\" value=\"x\"/>",
            "&lt;password&gt;x&lt;/password&gt;",
        ] {
            assert!(stands_in(&shared("${asset.wifi}", also)), "{also}");
        }
    }

    #[test]
    fn what_stands_under_the_name_of_a_secret_is_one() {
        let value = |json: &str| Value::Policy(serde_json::from_str(json).unwrap());
        for told in [
            r#"{"ProxyPassword": "hunter2"}"#,
            r#"{"ProxyPassword": "hunter${asset.pw}"}"#,
            r#"{"ProxyPassword": 1234}"#,
            r#"{"ProxyPassword": ["", "hunter2"]}"#,
            r#"{"Accounts": {"ada": "x", "ApiKey": "hunter2"}}"#,
        ] {
            assert!(stands_in_value(&value(told)), "{told}");
        }
        for fine in [
            r#"{"ProxyPassword": "${asset.pw}", "Proxy": "proxy.example", "PasswordLength": 12}"#,
            r#"{"ProxyPassword": "", "AskForPassword": true}"#,
            r#"{"Accounts": {"ada": "x", "ApiKey": "${asset.key}"}}"#,
        ] {
            assert!(!stands_in_value(&value(fine)), "{fine}");
        }
        let uri = "./Device/Vendor/MSFT/Policy/Config/Edge~Policy~microsoft_edge/Proxy".parse().unwrap();
        let found = in_value(&uri, &value(r#"{"ProxyPassword": "hunter2"}"#), |_| None);
        assert_eq!(found.unwrap().level, Level::Error);
    }

    #[test]
    fn a_password_that_begins_like_markup_is_no_document() {
        let uri = "./Vendor/Contoso/Password".parse().unwrap();
        let level = |text: &str| in_value(&uri, &Value::Text(text.to_owned()), |_| None).unwrap().level;
        for password in ["<hunter2", "<hunter2>", "<!-- hunter2 -->"] {
            assert_eq!(level(password), Level::Error, "{password}");
        }
        for document in ["<a/>", "\n<?xml version=\"1.0\"?><!DOCTYPE a><a/>"] {
            assert_eq!(level(document), Level::Note, "{document}");
        }
    }

    #[test]
    fn a_number_about_secrets_is_none() {
        let number = |uri: &str, value: &str| {
            let value = Value::Explicit { value: value.to_owned(), format: Format::Int, mime: None };
            only_counts(&uri.parse().unwrap(), &value)
        };
        assert!(number("./Device/Vendor/MSFT/PolicyManager/My/DeviceLock/MinDevicePasswordLength", "8"));
        assert!(number("./Vendor/Contoso/TokenLifetime", "30"));
        for (uri, value) in [
            ("./Vendor/Contoso/TokenLifetime", "abc"),
            ("./Vendor/Contoso/Password", "1234"),
            ("./Vendor/Contoso/Passwords/Ada", "1234"),
            ("./Vendor/Contoso/SignInPIN", "1234"),
            ("./Vendor/Contoso/UnlockKey", "1234"),
        ] {
            assert!(!number(uri, value), "{uri}");
        }
    }
}
