//! The passphrase of a backup: from a file, the environment or the terminal, never from the command line, which
//! everybody on the machine sees.

use std::{
    io::{IsTerminal as _, stdin},
    path::Path,
};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::{cli::hinted, model::Secret};

/// Variable with it.
const VARIABLE: &str = "TRANSOM_BACKUP_PASSPHRASE";

/// Fewer characters are soon guessed by who has the file.
const SHORTEST: usize = 12;

/// One that was given in a file or in the environment.
pub(in crate::cli) fn given(file: Option<&Path>) -> anyhow::Result<Option<Secret<String>>> {
    let Some(file) = file else { return Ok(std::env::var(VARIABLE).ok().map(Secret::new)) };
    let text = Zeroizing::new(std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?);
    Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

/// One for a new backup: asked for twice where none was given.
pub(super) fn chosen(file: Option<&Path>) -> anyhow::Result<Secret<String>> {
    let chosen = if let Some(given) = given(file)? {
        given
    } else {
        let (one, two) = (asked("Passphrase: ")?, asked("The same again: ")?);
        anyhow::ensure!(one.expose() == two.expose(), "these are two passphrases");
        one
    };
    anyhow::ensure!(chosen.expose().chars().count() >= SHORTEST, "a passphrase has {SHORTEST} characters or more");
    Ok(chosen)
}

/// Asks for one.
pub(in crate::cli) fn asked(prompt: &str) -> anyhow::Result<Secret<String>> {
    if !stdin().is_terminal() {
        return Err(hinted(
            "a passphrase is needed, and nobody can be asked",
            format!("name a file with it: --passphrase-file FILE, or set {VARIABLE}"),
        ));
    }
    rpassword::prompt_password(prompt).map(Secret::new).context("can't ask for the passphrase")
}
