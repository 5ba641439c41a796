//! Who does something: named in the queue, in events and in the audit log.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OWN;

/// Somebody, or something, that changes what is kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What it is called: the name of an operator or of a token, or a word of ours that begins with `transom:`.
    pub name: String,
    /// What it is.
    pub kind: ActorKind,
    /// From where it asks, where that is another machine or process.
    pub from: Option<IpAddr>,
    /// The request that it asks with: the id that its reply and the log carry.
    pub trace: Option<String>,
}

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person who signed in.
    Operator,
    /// A program with a token for the API.
    Token,
    /// The server, by itself or by what its owner did on its machine.
    Server,
    /// A device.
    Device,
}

/// What the audit log and lists write before the name of a token where a person could be meant.
const OF_TOKEN: &str = "token:";

/// Whether only the server itself is called so, however it is written: what is done under such a name is not shown
/// with what people do.
pub fn is_name_of_server(name: &str) -> bool {
    begins(name, OWN)
}

/// Whether no person may be called so, because the server or a token is meant by it.
pub fn is_name_of_nobody(name: &str) -> bool {
    begins(name, OWN) || begins(name, OF_TOKEN)
}

fn begins(name: &str, with: &str) -> bool {
    name.trim_start().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

impl Actor {
    /// The server itself, for a reason that the name tells, such as `transom:inventory`.
    pub fn server(name: &str) -> Self {
        Self { name: name.to_owned(), kind: ActorKind::Server, from: None, trace: None }
    }

    /// A program with the token of this name.
    pub fn token(name: &str) -> Self {
        Self { name: name.to_owned(), kind: ActorKind::Token, from: None, trace: None }
    }

    /// A person who signed in under this name.
    pub fn operator(name: &str) -> Self {
        Self { name: name.to_owned(), kind: ActorKind::Operator, from: None, trace: None }
    }

    /// A device, by the name that it has for itself.
    pub fn device(name: &str) -> Self {
        Self { name: name.to_owned(), kind: ActorKind::Device, from: None, trace: None }
    }

    /// The same, with where the request came from and the id that it has.
    #[must_use]
    pub fn asking(self, from: Option<IpAddr>, trace: Option<String>) -> Self {
        Self { from, trace, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_as_the_server_or_a_token_is() {
        for name in ["transom:", "transom:inventory", "Transom:Policy", " TRANSOM:x"] {
            assert!(is_name_of_server(name) && is_name_of_nobody(name), "{name}");
        }
        for name in ["token:ci", "Token:"] {
            assert!(!is_name_of_server(name) && is_name_of_nobody(name), "{name}");
        }
        for name in ["transom", "ada", "", "tran\u{17f}om:x", "my transom:x", "token", "ta\u{308}nsom:"] {
            assert!(!is_name_of_nobody(name), "{name}");
        }
    }
}
