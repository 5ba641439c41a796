//! `transom enrollment user`: accounts that enroll devices with a password.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::password::PasswordFrom;
use crate::admin::{
    EnrollmentUserJson, EnrollmentUserWithPassword, NewEnrollmentUserJson, NewPassword, Part, SecretText,
};
use crate::cli::{
    Global, Output,
    client::connected,
    shown::{line, short, table, time},
};

/// Longest name in a table.
const VALUE: usize = 60;

/// Accounts that enroll devices with a password
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Add(Add),
    List(List),
    Passwd(Passwd),
    Disable(Disable),
    Enable(Enable),
    Remove(Remove),
}

/// Make an account
///
/// The password is asked for, or read from standard input when that is no terminal.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom enrollment user add ada@contoso.com
  transom enrollment user add ada@contoso.com --generate
  transom enrollment user add 'CONTOSO\\packages' --bulk --password-file secret.txt")]
struct Add {
    /// What is typed into Windows; small and capital letters are the same
    #[arg(value_name = "NAME")]
    name: String,
    /// What people call its owner
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Enrolls devices for others: any number of them
    #[arg(long, conflicts_with = "max_devices")]
    bulk: bool,
    /// How many devices it may have, instead of what the settings say
    #[arg(long, value_name = "N")]
    max_devices: Option<u32>,
    #[command(flatten)]
    password: PasswordFrom,
}

/// List accounts by name
#[derive(Debug, Args)]
struct List {
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Give an account another password
///
/// The password is asked for, or read from standard input when that is no terminal.
#[derive(Debug, Args)]
struct Passwd {
    /// Name of the account
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    password: PasswordFrom,
}

/// Let an account enroll nothing more; its devices stay
#[derive(Debug, Args)]
struct Disable {
    /// Name of the account
    #[arg(value_name = "NAME")]
    name: String,
}

/// Let an account enroll again, and forget its wrong passwords
#[derive(Debug, Args)]
struct Enable {
    /// Name of the account
    #[arg(value_name = "NAME")]
    name: String,
}

/// Delete an account; its devices stay
#[derive(Debug, Args)]
struct Remove {
    /// Name of the account
    #[arg(value_name = "NAME")]
    name: String,
}

impl User {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Add(verb) => verb.run(global, output),
            Verb::List(verb) => verb.run(global, output),
            Verb::Passwd(verb) => verb.run(global, output),
            Verb::Disable(verb) => connected(global, async |client| {
                let user = client.disable_enrollment_user(&verb.name).await?;
                done(output, &user, "is disabled and enrolls nothing more")
            }),
            Verb::Enable(verb) => connected(global, async |client| {
                let user = client.enable_enrollment_user(&verb.name).await?;
                done(output, &user, "is enabled")
            }),
            Verb::Remove(verb) => connected(global, async |client| {
                let user = client.remove_enrollment_user(&verb.name).await?;
                done(output, &user, "is removed; its devices stay")
            }),
        }
    }
}

impl Add {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let NewPassword { password, generate } = self.password.read()?;
        let new = NewEnrollmentUserJson {
            name: self.name,
            display_name: self.display_name,
            password,
            generate,
            bulk: self.bulk,
            max_devices: self.max_devices,
        };
        connected(global, async |client| {
            let key = uuid::Uuid::now_v7().to_string();
            let made = client.create_enrollment_user(&new, &key).await?;
            with_password(output, &made, "is made")
        })
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let part = Part { limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.enrollment_users(&part).await?;
            output.page(&page, "no accounts; make one with: transom enrollment user add NAME", table_of)
        })
    }
}

impl Passwd {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let password = self.password.read()?;
        connected(global, async |client| {
            let user = client.set_enrollment_password(&self.name, &password).await?;
            with_password(output, &user, "has another password")
        })
    }
}

fn done(output: &mut Output, user: &EnrollmentUserJson, what: &str) -> anyhow::Result<()> {
    if output.is_json() { output.document(user) } else { output.text(format!("{} {what}.", line(&user.name))) }
}

fn with_password(output: &mut Output, set: &EnrollmentUserWithPassword, what: &str) -> anyhow::Result<()> {
    if output.is_json() { output.document(set) } else { output.text(told(set, what)) }
}

// Writing to a String does not fail.
fn told(set: &EnrollmentUserWithPassword, what: &str) -> String {
    let mut text = format!("{} {what}.\n", line(&set.user.name));
    if let Some(password) = set.password.as_ref().map(SecretText::secret) {
        let _ = writeln!(text, "Its password, shown this once: {}", line(password.expose()));
    }
    text
}

fn table_of(users: &[EnrollmentUserJson]) -> String {
    let rows = users.iter().map(|user| {
        [
            short(&user.name, VALUE),
            user.display_name.as_deref().map(|name| short(name, VALUE)).unwrap_or_default(),
            state_of(user),
            match (user.bulk, user.max_devices) {
                (true, _) => "any number".to_owned(),
                (false, Some(most)) => format!("up to {most}"),
                (false, None) => "as set".to_owned(),
            },
            user.last_used_at.map_or_else(|| "never".to_owned(), time),
            time(user.created_at),
        ]
    });
    table(&["NAME", "OWNER", "STATE", "DEVICES", "LAST ENROLLED", "MADE"], rows)
}

fn state_of(user: &EnrollmentUserJson) -> String {
    match (user.disabled_at, user.locked_until) {
        (Some(_), _) => "disabled".to_owned(),
        (None, Some(until)) => format!("locked until {}", time(until)),
        (None, None) => "enabled".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(more: &serde_json::Value) -> EnrollmentUserJson {
        let mut json = serde_json::json!({
            "id": "U1", "name": "ada\u{1b}[2J", "display_name": null, "bulk": false, "max_devices": null,
            "created_at": "2027-01-15T08:00:00Z", "password_set_at": "2027-01-15T08:00:00Z",
        });
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_table_tells_what_an_account_may() {
        let users = [
            user(&serde_json::json!({})),
            user(&serde_json::json!({"locked_until": "2027-01-15T09:00:00Z", "max_devices": 2})),
            user(&serde_json::json!({"disabled_at": "2027-01-15T09:00:00Z", "bulk": true})),
        ];
        let shown = table_of(&users);
        let lines: Vec<_> = shown.lines().skip(2).collect();
        assert!(lines[0].starts_with("ada\\u{1b}[2J") && lines[0].contains("enabled"), "{shown}");
        assert!(lines[1].contains("locked until 2027-01-15 09:00:00Z") && lines[1].contains("up to 2"), "{shown}");
        assert!(lines[2].contains("disabled") && lines[2].contains("any number"), "{shown}");
    }

    #[test]
    fn a_password_is_told_only_where_one_was_made() {
        let made = |password: Option<&str>| EnrollmentUserWithPassword {
            user: user(&serde_json::json!({"name": "ada"})),
            password: password.map(|text| SecretText::new(crate::model::Secret::new(text.to_owned()))),
        };
        assert_eq!(told(&made(None), "is made"), "ada is made.\n");
        assert_eq!(told(&made(Some("x")), "is made"), "ada is made.\nIts password, shown this once: x\n");
    }
}
