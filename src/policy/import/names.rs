//! What is called how: everything that an import makes gets a name of its own.

use std::collections::BTreeSet;

use super::identifier;
use crate::policy::declaration::{Identifier, LocUri};

/// Most letters of the configuration in the name of a secret. What counts them stands at the end, and has to fit.
const MOST_OF_PROFILE: usize = 64;

/// Most letters of a node in the name of a secret.
const MOST_OF_NODE: usize = 32;

/// Names that are given already.
pub(super) struct Names(BTreeSet<Identifier>);

impl Names {
    /// What comes is called otherwise than these.
    pub(super) const fn beside(taken: BTreeSet<Identifier>) -> Self {
        Self(taken)
    }

    /// A name like this that nobody has, and that nobody gets from now on.
    pub(super) fn free(&mut self, like: &str) -> Identifier {
        let first = identifier(like);
        self.first_free(std::iter::once(first.to_string()).chain((2_u32..).map(|number| format!("{first}-{number}"))))
    }

    /// A name for the secret of a node.
    pub(super) fn secret(&mut self, of: &Identifier, uri: &LocUri, number: usize) -> Identifier {
        let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let last = uri.as_str().rsplit('/').next().unwrap_or_default();
        let like = format!("{}-{}", short(of.as_str(), MOST_OF_PROFILE), short(last, MOST_OF_NODE));
        let first = identifier(&like);
        self.first_free((number..).map(|number| format!("{first}-{number}")))
    }

    fn first_free(&mut self, candidates: impl Iterator<Item = String>) -> Identifier {
        let fitting = candidates.filter_map(|name| Identifier::parse(&name).ok());
        // Of names that go on for ever one is free.
        let name = fitting.into_iter().find(|name| !self.0.contains(name)).unwrap_or_else(Identifier::imported);
        self.0.insert(name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_a_name_that_somebody_has() {
        let taken = ["imported", "imported-2"].map(|name| Identifier::parse(name).unwrap());
        let mut names = Names::beside(taken.into());
        assert_eq!(
            ["imported", "imported", "Wi-Fi"].map(|name| names.free(name).to_string()),
            ["imported-3", "imported-4", "wi-fi"]
        );
        let long = names.free(&"a".repeat(300));
        let uri: LocUri = "./Device/Vendor/MSFT/Accounts/Users/u/Password".parse().unwrap();
        let secrets = [1, 2, 2].map(|number| names.secret(&long, &uri, number));
        assert!(secrets[0] != secrets[1] && secrets[1] != secrets[2], "{secrets:?}");
        assert!(secrets.iter().all(|name| name.as_str().contains("-password-")), "{secrets:?}");
    }
}
