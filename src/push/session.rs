//! What is asked of a device in its sessions, and what is learned from them.

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::push::PushStatus;
use transom_protocol::session::{CommandState, Decision, ItemOutcome, Timestamp};
use transom_protocol::syncml::{Format, Verb};

use super::channel::{Said, ask_again, learn, wish};
use super::{Push, SetupError};
use crate::model::{Event, EventKind, NewCommand, provider_node};
use crate::store::{Contact, Error, Tx, Woken};

/// The nodes of `DMClient/Provider/<PROVIDER-ID>/Push`.
#[derive(Debug, Clone)]
pub(super) struct Nodes {
    package: LocUri,
    uri: LocUri,
    status: LocUri,
}

impl Nodes {
    pub(super) fn of(provider_id: &str) -> Result<Self, SetupError> {
        let node = |name: &str| provider_node(provider_id, &format!("Push/{name}")).ok_or(SetupError::ProviderId);
        Ok(Self { package: node("PFN")?, uri: node("ChannelURI")?, status: node("Status")? })
    }

    /// The commands, each alone: a node that is missing must not take the others with it.
    fn commands(&self, package: Option<&str>) -> Vec<NewCommand> {
        let set = package.map(|package| {
            let setting = Setting { data: Some(package.to_owned()), ..bare(&self.package, Some(Format::Chr)) };
            single(Verb::Replace, setting)
        });
        let reads = [&self.uri, &self.status].map(|node| single(Verb::Get, bare(node, None)));
        set.into_iter().chain(reads).collect()
    }

    /// What the answer to a command says of the channel.
    fn said<'a>(&self, verb: Verb, setting: &Setting, outcome: &'a ItemOutcome) -> Option<Said<'a>> {
        let status = outcome.status?;
        let target = setting.target.as_str();
        let value = outcome.result.as_ref().map(|value| value.data.as_str());
        match verb {
            Verb::Replace | Verb::Add if self.package.names_same_node(target) => {
                Some(if (200..300).contains(&status.0) { Said::PackageSet } else { Said::PackageRefused(status.0) })
            }
            Verb::Get if self.uri.names_same_node(target) => Some(match value {
                Some(text) => Said::Uri(text),
                None => Said::NoUri(status.0),
            }),
            Verb::Get if self.status.names_same_node(target) => PushStatus::parse(value?).map(Said::Status),
            _ => None,
        }
    }
}

fn bare(target: &LocUri, format: Option<Format>) -> Setting {
    Setting { target: target.clone(), format, mime: None, data: None }
}

fn single(verb: Verb, setting: Setting) -> NewCommand {
    NewCommand::new(Instruction::Single(Operation { verb, items: vec![setting], if_exists: IfExists::Fail }))
}

impl Push {
    /// What a device is to be sent with its next message: nothing most of the time.
    pub fn before_message(&self, tx: &mut Tx<'_>, contact: &Contact, now: Timestamp) -> Result<Vec<NewCommand>, Error> {
        if contact.channel_due_at.is_some_and(|due| due > now) {
            return Ok(Vec::new());
        }
        let options = &self.0.options;
        let known = tx.push_channel(&contact.enrollment)?;
        let wish = wish(known.as_ref(), &options.package, options.channel_refresh, now);
        tx.ask_channel_at(&contact.enrollment, wish.again_at)?;
        Ok(self.0.nodes.commands(wish.set_package.then_some(options.package.as_str())))
    }

    /// What a message has told: that a device came after a push, and what its channel is.
    pub fn after_message(
        &self,
        tx: &mut Tx<'_>,
        contact: &Contact,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), Error> {
        if decision.is_new && contact.wake_since.is_some() {
            self.0.metrics.push_wake(match tx.session_followed(&contact.enrollment, now)? {
                Woken::ByPush { .. } => "woke",
                Woken::ByItself => "by_itself",
            });
        }
        let settled = decision
            .commands
            .iter()
            .filter(|command| matches!(command.state, CommandState::Succeeded | CommandState::Failed));
        let answers = settled.flat_map(|command| command.instruction.settings().zip(&command.progress.items));
        let said: Vec<Said<'_>> =
            answers.filter_map(|((verb, setting), outcome)| self.0.nodes.said(verb, setting, outcome)).collect();
        if said.is_empty() {
            return Ok(());
        }
        let options = &self.0.options;
        let mut channel = tx.push_channel(&contact.enrollment)?;
        let mut told = Vec::new();
        for said in said {
            let (now_known, news) = learn(channel, said, &options.package, &options.test_hosts, now);
            channel = Some(now_known);
            told.extend(news);
        }
        let Some(channel) = channel else { return Ok(()) };
        tx.save_push_channel(&contact.enrollment, &channel)?;
        tx.ask_channel_at(&contact.enrollment, ask_again(&channel, options.channel_refresh, now))?;
        let events: Vec<Event> = told
            .into_iter()
            .map(|told| Event {
                device: Some(contact.device_id.clone()),
                enrollment: Some(contact.enrollment.clone()),
                detail: Some(told.detail),
                ..Event::new(EventKind::Push, told.code, now)
            })
            .collect();
        if events.is_empty() { Ok(()) } else { tx.add_events(&events) }
    }
}

#[cfg(test)]
mod tests {
    use transom_protocol::session::ResultValue;
    use transom_protocol::syncml::StatusCode;

    use super::*;

    #[test]
    fn answers_are_known_by_their_nodes_however_they_are_written() {
        let nodes = Nodes::of("MS DM Server").unwrap();
        let commands = nodes.commands(Some("a_b"));
        assert_eq!(commands.len(), 3, "each alone");
        let answer = |status, data: Option<&str>| ItemOutcome {
            status: Some(StatusCode(status)),
            result: data.map(|data| ResultValue {
                uri: String::new(),
                format: Format::Chr,
                mime: None,
                data: data.to_owned(),
                chunked: false,
            }),
            ..ItemOutcome::default()
        };
        let at = |uri: &str| bare(&uri.parse().unwrap(), None);
        let uri = at("./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/Push/ChannelURI");
        let value = answer(200, Some("https://x"));
        assert_eq!(nodes.said(Verb::Get, &uri, &value), Some(Said::Uri("https://x")));
        assert_eq!(nodes.said(Verb::Get, &uri, &answer(404, None)), Some(Said::NoUri(404)));
        assert_eq!(nodes.said(Verb::Delete, &uri, &answer(200, None)), None);
        let other = at("./Vendor/MSFT/DMClient/Provider/Other/Push/ChannelURI");
        assert_eq!(nodes.said(Verb::Get, &other, &value), None);
        let package = at("./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/Push/PFN");
        assert_eq!(nodes.said(Verb::Replace, &package, &answer(200, None)), Some(Said::PackageSet));
        assert_eq!(nodes.said(Verb::Replace, &package, &answer(500, None)), Some(Said::PackageRefused(500)));
        let status = at("./Device/Vendor/MSFT/DMClient/Provider/MS%20DM%20Server/Push/Status");
        assert_eq!(nodes.said(Verb::Get, &status, &answer(200, Some("3"))), Some(Said::Status(PushStatus(3))));
    }
}
