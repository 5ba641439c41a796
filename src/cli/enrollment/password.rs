//! Where a password comes from: never from the command line, which other users of the machine can see.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use clap::Args;
use zeroize::Zeroizing;

use crate::admin::{NewPassword, SecretText};
use crate::cli::input;
use crate::model::Secret;

/// Where a password comes from; asked for when nothing is said.
#[derive(Debug, Args)]
pub(super) struct PasswordFrom {
    /// Have one made, and print it once
    #[arg(long, conflicts_with = "password_file")]
    generate: bool,
    /// File with the password on its first line; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<String>,
}

impl PasswordFrom {
    /// The password, or the wish for one.
    pub(super) fn read(&self) -> anyhow::Result<NewPassword> {
        if self.generate {
            return Ok(NewPassword { password: None, generate: true });
        }
        let password = match self.password_file.as_deref() {
            Some(file) if file != input::STDIN => first_line(&Zeroizing::new(input::read(file)?)),
            None if io::stdin().is_terminal() => asked()?,
            Some(_) | None => from_stdin()?,
        };
        Ok(NewPassword { password: Some(SecretText::new(Secret::new(password))), generate: false })
    }
}

/// Typed twice, without being shown.
fn asked() -> anyhow::Result<String> {
    let password = rpassword::prompt_password("Password: ").context("can't read the password")?;
    let again = Zeroizing::new(rpassword::prompt_password("The same again: ").context("can't read the password")?);
    if password != *again {
        bail!("the two passwords are not the same");
    }
    Ok(password)
}

fn from_stdin() -> anyhow::Result<String> {
    let mut line = Zeroizing::new(String::new());
    io::stdin().lock().read_line(&mut line).context("can't read the password from standard input")?;
    if line.is_empty() {
        bail!("no password on standard input; --generate makes one");
    }
    Ok(first_line(&line))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
