//! `transom enrollment token`: tokens that enroll devices in place of a password.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::admin::{EnrollmentTokenDetail, EnrollmentTokenJson, EnrollmentTokenQuery, NewEnrollmentTokenJson};
use crate::cli::{
    Global, Output,
    client::connected,
    input::{Moment, moment},
    now,
    shown::{line, short, table, time},
};
use crate::model::{EnrollmentTokenState, parse_rfc3339};

/// Longest name in a table.
const VALUE: usize = 60;

/// Tokens that enroll devices in place of a password
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Create),
    List(List),
    Show(Show),
    Revoke(Revoke),
}

/// Make a token and print it, once
///
/// It is typed into Windows where the password is asked for, with the name that it is made for. There need not be an
/// account of this name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom enrollment token create --for ada@contoso.com
  transom enrollment token create --for classroom --uses 30 --expires 7d")]
struct Create {
    /// Whose devices it enrolls
    #[arg(long = "for", value_name = "USER")]
    user: String,
    /// How many enrollments it is good for
    #[arg(long, value_name = "N", default_value_t = 1)]
    uses: u32,
    /// Until when it is good: a time, or one from now such as 24h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment)]
    expires: Moment,
}

/// List tokens, newest first
#[derive(Debug, Args)]
struct List {
    /// Only those of this user
    #[arg(long = "for", value_name = "USER")]
    user: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Show a token and what it has enrolled
#[derive(Debug, Args)]
struct Show {
    /// Id of the token, as the list has it
    #[arg(value_name = "ID")]
    id: String,
}

/// Take a token back; what it has enrolled stays
#[derive(Debug, Args)]
struct Revoke {
    /// Id of the token, as the list has it
    #[arg(value_name = "ID")]
    id: String,
}

impl Token {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Create(verb) => verb.run(global, output),
            Verb::List(verb) => verb.run(global, output),
            Verb::Show(verb) => connected(global, async |client| {
                let token = client.enrollment_token(&verb.id).await?;
                if output.is_json() { output.document(&token) } else { output.text(told(&token)) }
            }),
            Verb::Revoke(verb) => connected(global, async |client| {
                let token = client.revoke_enrollment_token(&verb.id).await?;
                if output.is_json() {
                    return output.document(&token);
                }
                output.text(format!("The token for {} enrolls nothing more.", line(&token.user)))
            }),
        }
    }
}

impl Create {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let new = NewEnrollmentTokenJson {
            user: self.user,
            uses: Some(self.uses),
            expires_at: parse_rfc3339(&self.expires.rfc3339(now())),
        };
        connected(global, async |client| {
            let key = uuid::Uuid::now_v7().to_string();
            let made = client.create_enrollment_token(&new, &key).await?;
            if output.is_json() {
                return output.document(&made);
            }
            output.text(line(made.token.secret().expose()))?;
            output.text(format!(
                "\n{}\nIt is shown this once, and typed where Windows asks for the password.",
                good_for(&made.record)
            ))
        })
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = EnrollmentTokenQuery { user: self.user, limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.enrollment_tokens(&query).await?;
            output.page(&page, "no tokens", table_of)
        })
    }
}

fn good_for(token: &EnrollmentTokenJson) -> String {
    let uses = if token.uses == 1 { "one device".to_owned() } else { format!("{} devices", token.uses) };
    let until = token.expires_at.map(|end| format!(", until {}", time(end))).unwrap_or_default();
    format!("Enrolls {uses} for {}{until}.", line(&token.user))
}

const fn word(state: EnrollmentTokenState) -> &'static str {
    match state {
        EnrollmentTokenState::Live => "live",
        EnrollmentTokenState::Spent => "spent",
        EnrollmentTokenState::Expired => "expired",
        EnrollmentTokenState::Revoked => "revoked",
    }
}

fn table_of(tokens: &[EnrollmentTokenJson]) -> String {
    let rows = tokens.iter().map(|token| {
        [
            line(&token.id),
            short(&token.user, VALUE),
            word(token.state).to_owned(),
            format!("{} of {}", token.used, token.uses),
            token.expires_at.map_or_else(|| "never".to_owned(), time),
            time(token.created_at),
            short(&token.created_by, VALUE),
        ]
    });
    table(&["ID", "FOR", "STATE", "USED", "EXPIRES", "MADE", "BY"], rows)
}

// Writing to a String does not fail.
fn told(token: &EnrollmentTokenDetail) -> String {
    let mut text = table_of(std::slice::from_ref(&token.record));
    if token.enrollments.is_empty() {
        text.push_str("\n\nIt has enrolled nothing yet.");
        return text;
    }
    let rows = token.enrollments.iter().map(|made| [time(made.at), line(&made.device_id), line(&made.enrollment_id)]);
    let _ = write!(text, "\n\n{}", table(&["ENROLLED", "DEVICE", "ENROLLMENT"], rows));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_with_what_it_has_enrolled() {
        let token: EnrollmentTokenDetail = serde_json::from_value(serde_json::json!({
            "id": "T1", "user": "ada\u{7}", "state": "spent", "uses": 2, "used": 2, "created_by": "init",
            "created_at": "2027-01-15T08:00:00Z", "expires_at": "2027-01-16T08:00:00Z",
            "enrollments": [{"enrollment_id": "E1", "device_id": "D1", "at": "2027-01-15T09:00:00Z"}],
        }))
        .unwrap();
        let shown = told(&token);
        assert!(shown.contains("T1   ada\\u{7}   spent   2 of 2   2027-01-16 08:00:00Z"), "{shown}");
        assert!(shown.ends_with("2027-01-15 09:00:00Z   D1       E1"), "{shown}");
        assert_eq!(good_for(&token.record), "Enrolls 2 devices for ada\\u{7}, until 2027-01-16 08:00:00Z.");
    }
}
