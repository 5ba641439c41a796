//! `transom policy secret`: values of secret assets. They come from a file, standard input or a prompt, never from the
//! command line, which other users of the machine can see.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use crate::admin::{PolicySecretsJson, SecretText, SetPolicySecret};
use crate::cli::{
    Global, Output,
    client::connected,
    input,
    progress::note,
    shown::{line, table, time},
};
use crate::model::Secret;
use crate::policy::declaration::source::MAX_TEXT;

/// Values of secret assets: set, listed without the value, removed
///
/// An asset with `secret: true` has no value in the files. Here the server is given one; nobody gets to see it again, and
/// devices that use it are sent it again when it changes.
#[derive(Debug, Args)]
pub(super) struct SecretVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Set(Set),
    List(List),
    Remove(Remove),
}

/// Give a secret asset a value, or another one
///
/// Without --file the value is asked for, or read from standard input. One line end after it is not part of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy secret set office-wifi
  pass show office-wifi | transom policy secret set office-wifi
  transom policy secret set vpn-certificate --file vpn.pfx")]
struct Set {
    /// The asset
    #[arg(value_name = "NAME")]
    name: String,
    /// File with the value; what is no text is taken as base64. - is standard input
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
}

/// List which secrets have a value, since when and of whom, and which have none
#[derive(Debug, Args)]
struct List {}

/// Take the value of a secret asset away: settings that need it are unresolved
#[derive(Debug, Args)]
struct Remove {
    /// The asset
    #[arg(value_name = "NAME")]
    name: String,
}

impl SecretVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Set(set) => set.run(global, output),
            Verb::List(_) => connected(global, async |client| show(&client.policy_secrets().await?, output)),
            Verb::Remove(remove) => connected(global, async |client| {
                let left = client.remove_policy_secret(&remove.name).await?;
                if output.is_json() { output.document(&left) } else { output.text("removed") }
            }),
        }
    }
}

impl Set {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let value = SecretText::new(Secret::new(self.value()?));
        connected(global, async |client| {
            let set = client.set_policy_secret(&self.name, &SetPolicySecret { value }).await?;
            if !set.declared {
                note(&line(&format!("no secret asset called {} is published", set.name)));
            }
            if output.is_json() {
                return output.document(&set);
            }
            output.text(format!("{}: version {}", line(&set.name), set.version))
        })
    }

    fn value(&self) -> anyhow::Result<String> {
        let bytes = match self.file.as_deref() {
            None if io::stdin().is_terminal() => return asked(),
            from => Zeroizing::new(input::bytes(from.unwrap_or(input::STDIN), MAX_TEXT)?),
        };
        if bytes.len() > MAX_TEXT {
            bail!("the value has more than {MAX_TEXT} bytes");
        }
        let value = text_of(&bytes);
        if value.is_empty() {
            bail!("there is no value");
        }
        Ok(value)
    }
}

/// Typed twice, without being shown.
fn asked() -> anyhow::Result<String> {
    let value = rpassword::prompt_password("Value: ").context("can't read the value")?;
    let again = Zeroizing::new(rpassword::prompt_password("The same again: ").context("can't read the value")?);
    if value != *again {
        bail!("the two are not the same");
    }
    Ok(value)
}

/// Text without the line end after it; anything else in base64.
fn text_of(bytes: &[u8]) -> String {
    let is_text = |text: &&str| !text.chars().any(|letter| letter.is_control() && !"\t\n\r".contains(letter));
    match std::str::from_utf8(bytes).ok().filter(is_text) {
        Some(text) => {
            let text = text.strip_suffix('\n').unwrap_or(text);
            text.strip_suffix('\r').unwrap_or(text).to_owned()
        }
        None => STANDARD.encode(bytes),
    }
}

fn show(secrets: &PolicySecretsJson, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(secrets);
    }
    if secrets.items.is_empty() && secrets.missing.is_empty() {
        return output.text("there are no secrets");
    }
    let set = secrets.items.iter().map(|secret| {
        let used = if secret.declared { "" } else { "no such asset is published" };
        [line(&secret.name), secret.version.to_string(), time(secret.set_at), line(&secret.set_by), used.to_owned()]
    });
    let missing = secrets
        .missing
        .iter()
        .map(|name| [line(name), String::new(), String::new(), String::new(), "has no value".to_owned()]);
    output.text(table(&["NAME", "VERSION", "SET", "BY", ""], set.chain(missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_a_value_and_bytes_are_base64() {
        assert_eq!(text_of(b"word\r\n"), "word");
        assert_eq!(text_of(b"word\n\n"), "word\n");
        assert_eq!(text_of(b" word "), " word ");
        assert_eq!(text_of(&[0, 1, 2]), "AAEC");
        assert_eq!(text_of(&[0xff, 0xfe]), "//4=");
    }
}
