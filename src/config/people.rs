//! The people who run the server: `[people]`, and the provider where they sign in: `[people_openid]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{DAY, SecretText, seconds, values};
use crate::model::Role;

/// The people who run the server, and what is recorded of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// Where browsers reach the admin door, for links; empty for the address that it listens on.
    pub address: String,
    /// Who is not heard of for so long is signed out.
    #[serde(with = "values::duration")]
    pub idle: Duration,
    /// Nobody stays signed in for longer.
    #[serde(with = "values::duration")]
    pub longest: Duration,
    /// How long a link is good by which somebody comes in for the first time.
    #[serde(with = "values::duration")]
    pub link: Duration,
    /// Records of the audit log go at this age.
    #[serde(with = "values::duration")]
    pub audit_age: Duration,
}

impl Default for People {
    fn default() -> Self {
        Self {
            address: String::new(),
            idle: Duration::from_mins(30),
            longest: Duration::from_hours(12),
            link: seconds(DAY),
            audit_age: seconds(730 * DAY),
        }
    }
}

/// Sign-in of operators at an OpenID Connect provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PeopleOpenId {
    /// The provider's issuer, exactly as it calls itself; empty to offer no such sign-in.
    pub issuer: String,
    /// What this server is called there.
    pub client_id: String,
    /// What proves it; empty for a public client.
    pub client_secret: SecretText,
    /// File that holds the same, relative to the data folder.
    pub client_secret_file: PathBuf,
    /// Where the provider sends people back to; empty for the callback below `people.address`.
    pub redirect_uri: String,
    /// What is asked for; `openid` is always.
    #[serde(with = "values::list")]
    pub scopes: Vec<String>,
    /// What stands on the button.
    pub button: String,
    /// The claim that names the operator, when an account is made.
    pub name_claim: String,
    /// The claim that says what somebody may; empty where roles are given here.
    pub role_claim: String,
    /// Values of it with which somebody is an `admin`.
    #[serde(with = "values::list")]
    pub admins: Vec<String>,
    /// The same for `author`.
    #[serde(with = "values::list")]
    pub authors: Vec<String>,
    /// The same for `helpdesk`.
    #[serde(with = "values::list")]
    pub helpdesk: Vec<String>,
    /// The same for `auditor`.
    #[serde(with = "values::list")]
    pub auditors: Vec<String>,
    /// The role of everybody else; empty to let nobody else in.
    pub otherwise: String,
    /// Whether an account is made when somebody comes for the first time. Else it takes a link.
    pub create: bool,
    /// Whether passwords are taken beside it.
    pub passwords: bool,
    /// PEM file of certificates that the provider's may come from, beside the system's roots; relative to the data folder.
    pub ca: PathBuf,
}

impl PeopleOpenId {
    /// Whether it is offered.
    pub fn is_configured(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What values of the role claim mean, the mightiest first.
    pub fn roles(&self) -> [(Role, &[String]); 4] {
        [
            (Role::Admin, &self.admins),
            (Role::Author, &self.authors),
            (Role::Helpdesk, &self.helpdesk),
            (Role::Auditor, &self.auditors),
        ]
    }

    /// The first setting that can't work, and why. `address` is that of the admin door.
    pub(super) fn unfit(&self, address: &str) -> Option<(&'static str, &'static str)> {
        let is_on = self.is_configured();
        let two_secrets = !self.client_secret.is_empty() && !self.client_secret_file.as_os_str().is_empty();
        let nowhere = self.redirect_uri.is_empty() && address.is_empty();
        let maps = self.roles().iter().any(|(_, values)| !values.is_empty());
        let nobody = !maps && self.otherwise.is_empty();
        let rules = [
            ("people_openid.client_id", is_on && self.client_id.is_empty(), "is missing: the provider gives one"),
            (
                "people_openid.client_secret_file",
                two_secrets,
                "is set together with client_secret; one of the two is enough",
            ),
            (
                "people_openid.redirect_uri",
                is_on && nowhere,
                "is missing: set people.address, or write where browsers come back to",
            ),
            ("people_openid.name_claim", self.name_claim.is_empty(), "must not be empty"),
            (
                "people_openid.otherwise",
                !self.otherwise.is_empty() && Role::parse(&self.otherwise).is_none(),
                "must be admin, author, helpdesk, auditor or empty",
            ),
            (
                "people_openid.role_claim",
                is_on && nobody && !self.role_claim.is_empty(),
                "lets nobody in: write values of it under admins, authors, helpdesk or auditors, or set otherwise",
            ),
            (
                "people_openid.role_claim",
                is_on && maps && self.role_claim.is_empty(),
                "is missing: of which claim are admins, authors, helpdesk and auditors values?",
            ),
            (
                "people_openid.otherwise",
                is_on && self.create && self.role_claim.is_empty() && self.otherwise.is_empty(),
                "is missing: without role_claim it is the role of accounts that are made",
            ),
            ("people_openid.passwords", !is_on && !self.passwords, "can be false only where issuer is set"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

impl Default for PeopleOpenId {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: SecretText::default(),
            client_secret_file: PathBuf::new(),
            redirect_uri: String::new(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).into(),
            button: "Sign in with your organization".to_owned(),
            name_claim: "preferred_username".to_owned(),
            role_claim: "groups".to_owned(),
            admins: Vec::new(),
            authors: Vec::new(),
            helpdesk: Vec::new(),
            auditors: Vec::new(),
            otherwise: String::new(),
            create: true,
            passwords: true,
            ca: PathBuf::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::resolve;

    fn refused(text: &str) -> String {
        resolve(Some(("f".into(), text)), [], &[]).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn settings_by_which_nobody_could_come_in_are_refused() {
        let provider = "[people_openid]\nissuer = \"https://id.example.test\"\n";
        assert!(refused(provider).contains("people_openid.client_id"));
        let provider = format!("{provider}client_id = \"transom\"\n");
        assert!(refused(&provider).contains("people_openid.redirect_uri"));
        let provider = format!("{provider}redirect_uri = \"https://mdm.example.test/sign-in/openid/callback\"\n");
        assert!(refused(&provider).contains("lets nobody in"));
        assert_eq!(refused(&format!("{provider}admins = [\"x\"]")), "");
        assert_eq!(refused(&format!("{provider}otherwise = \"auditor\"")), "");
        assert!(refused(&format!("{provider}otherwise = \"root\"")).contains("people_openid.otherwise: must be"));
        assert!(refused(&format!("{provider}role_claim = \"\"")).contains("people_openid.otherwise: is missing"));
        assert_eq!(refused(&format!("{provider}role_claim = \"\"\ncreate = false")), "");
        assert!(refused(&format!("{provider}role_claim = \"\"\nadmins = [\"x\"]")).contains("is missing: of which"));
        assert!(refused("[people_openid]\npasswords = false").contains("only where issuer is set"));
    }
}
