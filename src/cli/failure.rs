//! How a command says that it failed: what, on what, and what may help.

use std::{
    fmt,
    io::{self, Write as _},
};

use super::client::ClientError;
use crate::{config, enrollment::sign_in::SetupError, http, pki};

/// A failure with something that may help.
#[derive(Debug)]
struct Hinted {
    message: String,
    hint: String,
}

/// A failure in words, with something that may help.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into() })
}

/// Prints a failure to standard error.
pub(super) fn report(error: &anyhow::Error) {
    // When standard error is gone there is nobody to tell.
    let _ = io::stderr().lock().write_all(rendered(error).as_bytes());
}

fn rendered(error: &anyhow::Error) -> String {
    let mut text = format!("error: {error:#}\n");
    if let Some(hint) = error.chain().find_map(hint_of) {
        text.push_str("hint: ");
        text.push_str(&hint);
        text.push('\n');
    }
    text
}

fn hint_of(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(hinted) = cause.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    if let Some(error) = cause.downcast_ref::<config::Error>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<pki::Error>() {
        return error.hint();
    }
    if let Some(error) = cause.downcast_ref::<SetupError>() {
        return error.hint();
    }
    if let Some(refused) = cause.downcast_ref::<pki::ImportRefused>() {
        return refused.hint().map(str::to_owned);
    }
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return error.hint();
    }
    cause.downcast_ref::<http::StartError>()?.hint().map(ToOwned::to_owned)
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_names_its_causes_once_and_a_hint() {
        let error = Err::<(), _>(hinted("the folder is full", "delete something")).context("can't write").unwrap_err();
        assert_eq!(rendered(&error), "error: can't write: the folder is full\nhint: delete something\n");
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = anyhow::Error::new(config::Error::Read { path: "x/transom.toml".into(), source });
        let text = rendered(&error);
        assert!(text.starts_with("error: can't read the settings file x/transom.toml: "), "{text}");
        assert!(text.contains("\nhint: make an installation with: transom init"), "{text}");
    }
}
