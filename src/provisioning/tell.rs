//! What a device is told and asked in each state of a part.

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::syncml::{Format, Verb};

use super::nodes::{Name, Nodes};
use crate::model::{
    AGENT_APPS, ExpectedItem, ExpectedKind, FailureChoice, ItemState, LIST_DELIMITER, NewCommand, PartState, Principal,
    ProvisioningPart, ProvisioningPlan, SessionKey, ToldNode,
};

/// Nodes that one Get asks for.
const ASKED_TOGETHER: usize = 20;

/// A node that is to be set.
struct Wish {
    verb: Verb,
    setting: Setting,
    if_exists: IfExists,
    /// Without it nothing would be tracked.
    needed: bool,
}

impl Wish {
    fn replace(node: LocUri, format: Format, data: String) -> Self {
        let setting = Setting { target: node, format: Some(format), mime: None, data: Some(data) };
        Self { verb: Verb::Replace, setting, if_exists: IfExists::Fail, needed: false }
    }

    /// Makes the node, or sets it where it is.
    fn put(node: LocUri, format: Format, data: String) -> Self {
        Self { verb: Verb::Add, if_exists: IfExists::Replace, ..Self::replace(node, format, data) }
    }

    /// Makes an interior node.
    fn make(node: LocUri) -> Self {
        let setting = Setting { target: node, format: Some(Format::Node), mime: None, data: None };
        Self { verb: Verb::Add, setting, if_exists: IfExists::Fail, needed: false }
    }

    fn needed(self) -> Self {
        Self { needed: true, ..self }
    }
}

impl Nodes {
    /// What is to be sent for a part now; in a session nothing is asked again and again.
    pub(super) fn step(
        &self,
        part: &mut ProvisioningPart,
        plan: &ProvisioningPlan,
        session: Option<&SessionKey>,
    ) -> Vec<NewCommand> {
        let asks = matches!(part.state, PartState::Waiting | PartState::Following);
        if asks && session.is_some() && part.asked_in.as_ref() == session {
            return Vec::new();
        }
        part.asked_in = if asks { session.cloned() } else { None };
        match part.state {
            PartState::Telling => {
                let mut commands = Self::tell(part, self.introduction(part, plan));
                commands.extend(ask(part, &questions(part)));
                commands
            }
            PartState::Waiting => ask(part, &questions(part)),
            PartState::Finishing => {
                let finished = self.node(part, Name::FINISHED);
                let wish = finished.map(|node| Wish::replace(node, Format::Bool, "true".to_owned()).needed());
                Self::tell(part, wish.into_iter().collect())
            }
            PartState::Following => {
                let own = [Name::SYNC_DONE, Name::PROVISIONED].into_iter().filter_map(|name| self.node(part, name));
                ask(part, &own.chain(questions(part)).collect::<Vec<_>>())
            }
            PartState::Done | PartState::Failed | PartState::TimedOut | PartState::Refused => Vec::new(),
        }
    }

    /// What ends the page of a part, whatever it waits for; each is to follow the one before.
    pub(super) fn ending(&self, part_of: Option<&Principal>, succeeded: bool) -> Vec<Instruction> {
        let node = |name| self.node_of(part_of.is_some(), name);
        let provisioned = node(Name::PROVISIONED)
            .map(|node| Wish::replace(node, Format::Int, if succeeded { "1" } else { "0" }.to_owned()));
        let done = node(Name::SYNC_DONE).map(|node| Wish::replace(node, Format::Bool, "true".to_owned()));
        let single = |wish: Wish| {
            let (verb, if_exists) = (wish.verb, wish.if_exists);
            Instruction::Single(Operation { verb, items: vec![wish.setting], if_exists })
        };
        [provisioned, done].into_iter().flatten().map(single).collect()
    }

    /// Commands for those wishes that were not answered yet; each alone, so that one that is refused takes no other
    /// with it.
    fn tell(part: &mut ProvisioningPart, wishes: Vec<Wish>) -> Vec<NewCommand> {
        let mut commands = Vec::new();
        for wish in wishes {
            let target = &wish.setting.target;
            match part.told.iter().find(|told| told.node == *target) {
                Some(told) if told.status.is_some() => continue,
                Some(_) => {}
                None => {
                    part.told.push(ToldNode { node: target.clone(), needed: wish.needed, status: None });
                }
            }
            let operation = Operation { verb: wish.verb, items: vec![wish.setting], if_exists: wish.if_exists };
            commands.push(for_part(part, Instruction::Single(operation)));
        }
        commands
    }

    /// What a part begins with: how the page behaves, and what it waits for.
    fn introduction(&self, part: &ProvisioningPart, plan: &ProvisioningPlan) -> Vec<Wish> {
        let node = |name| self.node(part, name);
        let mut wishes = Vec::new();
        let mut set = |name, format, data: String| {
            wishes.extend(node(name).map(|node| Wish::replace(node, format, data)));
        };
        // What belongs to the computer is below `./Device` alone.
        if part.user.is_none() {
            let flags: u32 = plan.on_failure.iter().map(|choice: &FailureChoice| choice.flag()).fold(0, |a, b| a | b);
            set(Name::SKIP_DEVICE, Format::Bool, (!plan.show_device_page).to_string());
            set(Name::SKIP_USER, Format::Bool, (!plan.show_user_page).to_string());
            set(Name::TIMEOUT, Format::Int, plan.timeout_minutes.to_string());
            set(Name::BLOCK, Format::Int, flags.to_string());
        }
        set(Name::LOGS, Format::Bool, plan.collect_logs.to_string());
        if !plan.error_text.is_empty() {
            set(Name::ERROR_TEXT, Format::Chr, plan.error_text.clone());
        }
        for kind in ExpectedKind::ALL {
            let Some(node) = kind.list().and_then(|list| node(Name(list))) else { continue };
            let items: Vec<&ExpectedItem> = part.items.iter().filter(|item| item.kind == kind).collect();
            if !items.is_empty() {
                wishes.push(Wish::put(node, Format::Chr, list(&items)).needed());
            }
        }
        wishes.extend(agents(part));
        wishes
    }
}

/// The entries of a list, as a device reads it.
fn list(items: &[&ExpectedItem]) -> String {
    let entry = |item: &&ExpectedItem| match item.apps {
        Some(apps) => format!("{};{apps}", item.node),
        None => item.node.to_string(),
    };
    let entries: Vec<String> = items.iter().map(entry).collect();
    entries.join(&LIST_DELIMITER.to_string())
}

/// The nodes under which agents report their apps; with the last one of each agent the page begins to track them.
fn agents(part: &ProvisioningPart) -> Vec<Wish> {
    let root = if part.user.is_some() { "./User" } else { "./Device" };
    let node = |below: String| format!("{root}{AGENT_APPS}/{below}").parse::<LocUri>().ok();
    let mut providers: Vec<String> = Vec::new();
    let mut wishes = Vec::new();
    for item in part.items.iter().filter(|item| item.kind == ExpectedKind::Win32) {
        let Some((provider, app)) = agent_and_app(&item.node) else { continue };
        if !providers.contains(&provider) {
            wishes.extend(node(format!("PolicyProviders/{provider}")).map(Wish::make));
            providers.push(provider.clone());
        }
        wishes.extend(node(format!("Tracking/{provider}/{app}")).map(Wish::make));
    }
    for provider in providers {
        let created = node(format!("PolicyProviders/{provider}/TrackingPoliciesCreated"));
        wishes.extend(created.map(|node| Wish::put(node, Format::Bool, "true".to_owned()).needed()));
    }
    wishes
}

/// `…/Tracking/AGENT/APP/InstallationState`.
pub(super) fn agent_and_app(node: &LocUri) -> Option<(String, String)> {
    let mut segments = node.path().rsplit('/').skip(1);
    let (app, agent) = (segments.next()?, segments.next()?);
    Some((agent.to_owned(), app.to_owned()))
}

/// What is not there yet.
fn questions(part: &ProvisioningPart) -> Vec<LocUri> {
    part.items.iter().filter(|item| item.state != ItemState::Done).filter_map(question).collect()
}

/// The node that says how far a thing is.
pub(super) fn question(item: &ExpectedItem) -> Option<LocUri> {
    match item.kind {
        ExpectedKind::Scep | ExpectedKind::Pfx => format!("{}/Status", item.node).parse().ok(),
        _ => Some(item.node.clone()),
    }
}

fn ask(part: &ProvisioningPart, nodes: &[LocUri]) -> Vec<NewCommand> {
    let get = |nodes: &[LocUri]| {
        let bare = |node: &LocUri| Setting::bare(node.clone());
        let items = nodes.iter().map(bare).collect();
        for_part(part, Instruction::Single(Operation { verb: Verb::Get, items, if_exists: IfExists::Fail }))
    };
    nodes.chunks(ASKED_TOGETHER).map(get).collect()
}

fn for_part(part: &ProvisioningPart, instruction: Instruction) -> NewCommand {
    NewCommand { user: part.user.clone(), ..NewCommand::new(instruction) }
}
