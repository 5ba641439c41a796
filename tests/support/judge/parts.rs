//! A reply, taken apart.

use roxmltree::Node;

use super::client::{child, leaf, text_of};

/// A reply, taken apart.
#[derive(Debug)]
pub(super) struct Parts<'a, 'input> {
    pub(super) root: Node<'a, 'input>,
    pub(super) header: Node<'a, 'input>,
    pub(super) body: Node<'a, 'input>,
    pub(super) statuses: Vec<Node<'a, 'input>>,
    /// Everything else in the body but Final, alerts included.
    pub(super) commands: Vec<Node<'a, 'input>>,
    pub(super) is_final: bool,
    /// The client wants no Status and there is none: it was accepted.
    pub(super) unasked: bool,
}

impl<'a, 'input> Parts<'a, 'input> {
    pub(super) fn of(root: Node<'a, 'input>) -> Option<Self> {
        let (header, body) = (child(root, "SyncHdr")?, child(root, "SyncBody")?);
        let elements = || body.children().filter(Node::is_element);
        let named = |name| elements().filter(move |node| node.tag_name().name() == name);
        Some(Self {
            root,
            header,
            body,
            statuses: named("Status").collect(),
            commands: elements().filter(|node| !matches!(node.tag_name().name(), "Status" | "Final")).collect(),
            is_final: named("Final").next().is_some(),
            unasked: false,
        })
    }

    pub(super) fn msg_id(&self) -> String {
        leaf(self.header, "MsgID")
    }

    /// Code that answers the header; 0 when nothing does.
    pub(super) fn code(&self) -> u16 {
        self.statuses.first().and_then(|status| leaf(*status, "Data").parse().ok()).unwrap_or(0)
    }

    /// Whether the client's message was processed.
    pub(super) fn is_accepted(&self) -> bool {
        self.unasked || matches!(self.code(), 200 | 212)
    }

    /// The Chal that answers the header.
    pub(super) fn chal(&self) -> Option<Node<'a, 'input>> {
        self.statuses.first().and_then(|status| child(*status, "Chal"))
    }

    /// The nonce in it.
    pub(super) fn nonce(&self) -> Option<String> {
        let meta = child(self.chal()?, "Meta")?;
        child(meta, "NextNonce").map(text_of)
    }

    /// Commands that are no alerts.
    pub(super) fn own_commands(&self) -> Vec<Node<'a, 'input>> {
        self.commands.iter().copied().filter(|node| node.tag_name().name() != "Alert").collect()
    }

    pub(super) fn alerts(&self, code: &str) -> impl Iterator<Item = Node<'a, 'input>> {
        self.commands
            .iter()
            .copied()
            .filter(move |node| node.tag_name().name() == "Alert" && leaf(*node, "Data") == code)
    }

    pub(super) fn has_alert(&self, code: &str) -> bool {
        self.alerts(code).next().is_some()
    }

    /// Whether an item of ours goes on in the next message.
    pub(super) fn sends_chunk(&self) -> bool {
        self.body.descendants().any(|node| node.tag_name().name() == "MoreData")
    }
}
