//! `transom token`: tokens for the admin API.

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::connected,
    input::{Moment, moment},
    now,
    shown::{line, short, table, time},
};
use crate::admin::{NewTokenJson, Part, TokenJson};
use crate::model::{Right, Role, parse_rfc3339};

/// Longest name in a table.
const VALUE: usize = 40;

/// Tokens for the admin API
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token and print it, once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom token create --name dashboards --role auditor
  transom token create --name ci --role author --scope look,command --expires 30d")]
struct Create {
    /// What it is for
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What its bearer is here for: admin, author, helpdesk or auditor
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Limit it to some of the rights of its role, such as look,act
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',')]
    scope: Vec<Right>,
    /// Until when it is good: a time, or one from now such as 30d
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = moment)]
    expires: Moment,
}

/// List tokens, newest first
#[derive(Debug, Args)]
struct List {
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Take a token back
#[derive(Debug, Args)]
struct Revoke {
    /// Id of the token, as the list has it
    #[arg(value_name = "ID")]
    id: String,
}

impl Token {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| match self.verb {
            Verb::Create(verb) => {
                let new = NewTokenJson {
                    name: verb.name,
                    role: verb.role,
                    scope: Some(verb.scope).filter(|scope| !scope.is_empty()),
                    expires_at: parse_rfc3339(&verb.expires.rfc3339(now())),
                };
                let made = client.create_token(&new).await?;
                if output.is_json() {
                    return output.document(&made);
                }
                output.text(line(made.token.secret().expose()))?;
                let until = made.record.expires_at.map(|end| format!(", until {}", time(end))).unwrap_or_default();
                output.text(format!("\nIt is shown this once. Its role is {}{until}.", made.record.role))
            }
            Verb::List(List { limit, cursor }) => {
                let page = client.tokens(&Part { limit, cursor }).await?;
                output.page(&page, "no tokens", table_of)
            }
            Verb::Revoke(Revoke { id }) => {
                let token = client.revoke_token(&id).await?;
                if output.is_json() {
                    return output.document(&token);
                }
                output.text(format!("The token {} opens nothing more.", line(&token.name)))
            }
        })
    }
}

fn table_of(tokens: &[TokenJson]) -> String {
    let rows = tokens.iter().map(|token| {
        let scope = token.scope.as_ref().map(|scope| scope.iter().map(|right| right.as_str()).collect::<Vec<_>>());
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => "revoked".to_owned(),
            (None, None) => "good for ever".to_owned(),
            (None, Some(end)) => format!("until {}", time(end)),
        };
        [
            line(&token.id),
            short(&token.name, VALUE),
            token.role.to_string(),
            scope.map_or_else(|| "all".to_owned(), |scope| scope.join(",")),
            state,
            token.last_used_at.map_or_else(|| "never".to_owned(), time),
        ]
    });
    table(&["ID", "NAME", "ROLE", "SCOPE", "STATE", "LAST USED"], rows)
}
