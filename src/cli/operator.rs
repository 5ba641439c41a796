//! `transom operator`: the people who run the server.

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::{Client, connected},
    shown::{line, short, table, time},
};
use crate::admin::{NewOperatorJson, OperatorJson, OperatorLinkJson, Part};
use crate::model::Role;

/// Longest name in a table.
const VALUE: usize = 40;

/// The people who run the server: who there is, what they may, links for new ones
#[derive(Debug, Args)]
pub(super) struct Operator {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Link(Link),
    List(List),
    Role(SetRole),
    Disable(Named),
    Enable(Named),
    Reset(Reset),
    ForgetTotp(ForgetTotp),
}

/// Make a link by which somebody becomes an operator, and print it, once
///
/// Whoever opens it in a browser chooses a password and is signed in. It is good once, for a day.
#[derive(Debug, Args)]
#[command(
    visible_alias = "add",
    after_help = "Examples:
  transom operator link
  transom operator link --name ada --role helpdesk"
)]
struct Link {
    /// What they sign in as; they choose where this is left out
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What they are here for: admin, author, helpdesk or auditor
    #[arg(long, value_name = "ROLE", default_value_t = Role::Admin)]
    role: Role,
}

/// List operators by name
#[derive(Debug, Args)]
struct List {
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Give an operator another role; they are signed out everywhere
#[derive(Debug, Args)]
struct SetRole {
    /// Who
    #[arg(value_name = "NAME")]
    name: String,
    /// What they are here for from now on: admin, author, helpdesk or auditor
    #[arg(value_name = "ROLE")]
    role: Role,
}

/// Let an operator sign in, or no more; what they were signed in with ends when they may not
#[derive(Debug, Args)]
struct Named {
    /// Who
    #[arg(value_name = "NAME")]
    name: String,
}

/// Make a link that sets an operator's password anew; what they are signed in with ends now
#[derive(Debug, Args)]
struct Reset {
    /// Who
    #[arg(value_name = "NAME")]
    name: String,
}

/// Take the authenticator of an operator away who lost it and the recovery codes
#[derive(Debug, Args)]
struct ForgetTotp {
    /// Who
    #[arg(value_name = "NAME")]
    name: String,
}

impl Operator {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| match self.verb {
            Verb::Link(Link { name, role }) => {
                let link = client.invite(&NewOperatorJson { name, role }).await?;
                tell_link(output, &client, &link)
            }
            Verb::Reset(Reset { name }) => tell_link(output, &client, &client.reset_operator(&name).await?),
            Verb::List(List { limit, cursor }) => {
                let page = client.operators(&Part { limit, cursor }).await?;
                output.page(&page, "no operators; transom operator link makes the first", table_of)
            }
            Verb::Role(SetRole { name, role }) => tell(output, &client.set_role(&name, role).await?),
            Verb::Disable(Named { name }) => tell(output, &client.change_operator(&name, "disable").await?),
            Verb::Enable(Named { name }) => tell(output, &client.change_operator(&name, "enable").await?),
            Verb::ForgetTotp(ForgetTotp { name }) => tell(output, &client.change_operator(&name, "forget-totp").await?),
        })
    }
}

fn tell_link(output: &mut Output, client: &Client, link: &OperatorLinkJson) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(link);
    }
    let shown = link.link.secret().expose();
    // Without an address in the settings it is a path at the door that was asked.
    let whole = if shown.starts_with('/') { format!("{}{shown}", client.address()) } else { shown.clone() };
    output.text(line(&whole))?;
    let until = time(link.expires_at);
    output.text(format!("\nOpen it in a browser. It is good once, until {until}, for the role {}.", link.role))
}

fn tell(output: &mut Output, operator: &OperatorJson) -> anyhow::Result<()> {
    if output.is_json() { output.document(operator) } else { output.text(table_of(std::slice::from_ref(operator))) }
}

fn table_of(operators: &[OperatorJson]) -> String {
    let rows = operators.iter().map(|operator| {
        let state = if operator.disabled_at.is_some() { "disabled" } else { "may sign in" };
        [
            short(&operator.name, VALUE),
            operator.role.to_string(),
            state.to_owned(),
            if operator.totp { "yes" } else { "no" }.to_owned(),
            operator.last_seen_at.map_or_else(|| "never".to_owned(), time),
            time(operator.created_at),
        ]
    });
    table(&["NAME", "ROLE", "STATE", "AUTHENTICATOR", "LAST SEEN", "MADE"], rows)
}
