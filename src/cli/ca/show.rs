//! `transom ca show`.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        Global, Installation, Output, now,
        shown::{line, short, table, time},
    },
    model::{Timestamp, rfc3339},
    pki::{Authorities, Description, ServerIdentity, TrustedAuthority},
};

/// Show which authorities are trusted, until when, and whose the server certificate is
#[derive(Debug, Args)]
pub(super) struct Show {}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    authorities: Vec<Shown>,
    server_certificate: Option<Server>,
}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    state: &'static str,
    subject: String,
    key: String,
    #[serde(serialize_with = "rfc3339")]
    not_before: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    not_after: Timestamp,
    #[serde(serialize_with = "rfc3339")]
    trusted_until: Timestamp,
    fingerprint: String,
    root: Root,
}

#[derive(Debug, Serialize)]
struct Root {
    subject: String,
    thumbprint: String,
    fingerprint: String,
    #[serde(serialize_with = "rfc3339")]
    not_after: Timestamp,
}

#[derive(Debug, Serialize)]
struct Server {
    subject: String,
    #[serde(serialize_with = "rfc3339")]
    not_after: Timestamp,
    /// The authority that issued it; none of ours when it is missing.
    authority: Option<String>,
}

impl Show {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Self {} = self;
        let installation = Installation::open(global.folder(), &[])?;
        let authorities = installation.authorities()?.current();
        // A server certificate that can't be read is no reason not to show the rest.
        let report = Report::of(&authorities, installation.identity().ok().as_ref(), now())?;
        if output.is_json() { output.document(&report) } else { output.text(report.to_text()) }
    }
}

impl Report {
    fn of(authorities: &Authorities, server: Option<&ServerIdentity>, now: Timestamp) -> anyhow::Result<Self> {
        let shown = authorities.all().iter().enumerate();
        let shown = shown.map(|(place, authority)| Shown::of(authority, place == 0, now)).collect::<Result<_, _>>()?;
        Ok(Self { authorities: shown, server_certificate: Server::of(authorities, server)? })
    }

    fn to_text(&self) -> String {
        let head = ["ID", "STATE", "SUBJECT", "KEY", "ENDS", "TRUSTED UNTIL", "THUMBPRINT OF THE ROOT"];
        let row = |shown: &Shown| {
            [
                shown.id.clone(),
                shown.state.to_owned(),
                short(&shown.subject, 60),
                shown.key.clone(),
                time(shown.not_after),
                time(shown.trusted_until),
                shown.root.thumbprint.clone(),
            ]
        };
        let mut text = table(&head, self.authorities.iter().map(row));
        if let Some(server) = &self.server_certificate {
            let from =
                server.authority.as_deref().map_or("another authority".to_owned(), |id| format!("authority {id}"));
            let (subject, ends) = (line(&server.subject), time(server.not_after));
            // Writing to a String does not fail.
            let _ = write!(text, "\n\nThe server certificate {subject} is from {from} and ends {ends}.");
        }
        text
    }
}

impl Shown {
    fn of(authority: &TrustedAuthority, issues: bool, now: Timestamp) -> Result<Self, crate::pki::Error> {
        let (issuing, root): (Description, Description) = (authority.description()?, authority.root_description()?);
        let state = match (now < authority.until(), issues) {
            (false, _) => "ended",
            (true, true) => "issuing",
            (true, false) => "trusted",
        };
        Ok(Self {
            id: authority.id()?.to_string(),
            state,
            subject: issuing.subject,
            key: issuing.key,
            not_before: issuing.not_before,
            not_after: issuing.not_after,
            trusted_until: authority.until(),
            fingerprint: issuing.fingerprint.to_string(),
            root: Root {
                subject: root.subject,
                thumbprint: root.thumbprint,
                fingerprint: root.fingerprint.to_string(),
                not_after: root.not_after,
            },
        })
    }
}

impl Server {
    fn of(authorities: &Authorities, server: Option<&ServerIdentity>) -> Result<Option<Self>, crate::pki::Error> {
        let Some(server) = server else { return Ok(None) };
        let Some(description) = server.description().transpose()? else { return Ok(None) };
        let issuer = authorities.all().iter().find(|authority| authority.has_issued(server));
        let authority = issuer.map(|authority| authority.id().map(|id| id.to_string())).transpose()?;
        Ok(Some(Self { subject: description.subject, not_after: description.not_after, authority }))
    }
}
