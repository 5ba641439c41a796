//! What is called how: everything that an import makes gets a name of its own.

use std::collections::{BTreeSet, HashMap};

use super::identifier;
use crate::policy::declaration::{Identifier, LocUri};

/// Most letters of the configuration in the name of a secret. What counts them stands at the end, and has to fit.
const MOST_OF_PROFILE: usize = 64;

/// Most letters of a node in the name of a secret.
const MOST_OF_NODE: usize = 32;

/// Names that are given already.
pub(super) struct Names {
    taken: BTreeSet<Identifier>,
    /// The next number behind a name: a profile may have very many things that are called alike.
    next: HashMap<Identifier, usize>,
}

impl Names {
    /// What comes is called otherwise than these.
    pub(super) fn beside(taken: BTreeSet<Identifier>) -> Self {
        Self { taken, next: HashMap::new() }
    }

    /// A name like this that nobody has, and that nobody gets from now on.
    pub(super) fn free(&mut self, like: &str) -> Identifier {
        let first = identifier(like);
        if self.taken.insert(first.clone()) { first } else { self.numbered(&first, 2) }
    }

    /// A name for the secret of a node.
    pub(super) fn secret(&mut self, of: &Identifier, uri: &LocUri, number: usize) -> Identifier {
        let short = |text: &str, most: usize| text.chars().take(most).collect::<String>();
        let last = uri.as_str().rsplit('/').next().unwrap_or_default();
        let like = format!("{}-{}", short(of.as_str(), MOST_OF_PROFILE), short(last, MOST_OF_NODE));
        self.numbered(&identifier(&like), number)
    }

    /// The first free name with a number, from this one on.
    fn numbered(&mut self, first: &Identifier, from: usize) -> Identifier {
        let from = self.next.get(first).map_or(from, |next| from.max(*next));
        let mut fitting =
            (from..).filter_map(|number| Some((number, Identifier::parse(&format!("{first}-{number}")).ok()?)));
        // Of names that go on for ever one is free.
        let found = fitting.find(|(_, name)| !self.taken.contains(name));
        let (number, name) = found.unwrap_or_else(|| (from, Identifier::imported()));
        self.next.insert(first.clone(), number.saturating_add(1));
        self.taken.insert(name.clone());
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

    #[test]
    fn very_many_of_one_name_have_theirs_at_once() {
        let begun = std::time::Instant::now();
        let mut names = Names::beside(BTreeSet::new());
        let profile = names.free("profile");
        let uri: LocUri = "./Device/Vendor/MSFT/Accounts/Users/u/Password".parse().unwrap();
        for _ in 0..50_000 {
            names.free("Token");
            names.secret(&profile, &uri, 1);
        }
        assert_eq!(names.free("token").as_str(), "token-50001");
        // Each looked for from the beginning, they would take many minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
