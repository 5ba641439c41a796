//! What the client said, read leniently: only as far as a reply must fit it.
//!
//! A message that can't be read here is judged by the form of its reply alone. Whether the server had to refuse it is
//! for the tests of its reader.

use roxmltree::{Document, Node};

/// A message of the client.
#[derive(Debug, Default)]
pub(super) struct ClientMessage {
    pub(super) ver_dtd: String,
    pub(super) ver_proto: String,
    pub(super) session_id: String,
    pub(super) msg_id: String,
    /// `LocURI` of Target.
    pub(super) target: String,
    /// `LocURI` of Source.
    pub(super) source: String,
    /// `NoResp` in the header: no Status at all is wanted.
    pub(super) no_resp: bool,
    /// The header has a credential.
    pub(super) cred: bool,
    /// The credential is a digest.
    pub(super) digest: bool,
    pub(super) max_msg_size: Option<usize>,
    pub(super) max_obj_size: Option<usize>,
    pub(super) is_final: bool,
    /// Everything in the body but Final, nested commands behind their container.
    pub(super) commands: Vec<ClientCommand>,
}

/// One element of the client's body.
#[derive(Debug)]
pub(super) struct ClientCommand {
    pub(super) name: String,
    /// Empty when it is missing.
    pub(super) cmd_id: String,
    pub(super) no_resp: bool,
    /// `Data` of an Alert or a Status.
    pub(super) code: String,
    /// What a Status or Results answers.
    pub(super) msg_ref: String,
    pub(super) cmd_ref: String,
    pub(super) items: Vec<ClientItem>,
    /// Place of the Atomic or Sequence that it stands in.
    pub(super) parent: Option<usize>,
}

/// One item of a command.
#[derive(Debug, Default)]
pub(super) struct ClientItem {
    pub(super) target: String,
    pub(super) source: String,
    /// `Type` in Meta or, as some devices have it, directly in the item.
    pub(super) kind: String,
    pub(super) data: String,
    pub(super) more_data: bool,
}

/// Commands that a client may send and that have a meaning.
const KNOWN: [&str; 11] =
    ["Add", "Alert", "Atomic", "Copy", "Delete", "Exec", "Get", "Replace", "Results", "Sequence", "Status"];

impl ClientMessage {
    /// Reads a body as text; `None` when it is no SyncML.
    pub(super) fn read(text: &str, allow_dtd: bool) -> Option<Self> {
        let options = roxmltree::ParsingOptions { allow_dtd, ..Default::default() };
        let document = Document::parse_with_options(text, options).ok()?;
        let root = document.root_element();
        let header = child(root, "SyncHdr")?;
        let body = child(root, "SyncBody")?;
        let meta = child(header, "Meta");
        let size = |name| meta.and_then(|meta| child(meta, name)).and_then(|node| text_of(node).parse().ok());
        let cred = child(header, "Cred");
        let cred_type = cred.and_then(|cred| child(cred, "Meta")).map(|meta| leaf(meta, "Type")).unwrap_or_default();
        let mut message = Self {
            ver_dtd: leaf(header, "VerDTD"),
            ver_proto: leaf(header, "VerProto"),
            session_id: leaf(header, "SessionID"),
            msg_id: leaf(header, "MsgID"),
            target: uri(header, "Target"),
            source: uri(header, "Source"),
            no_resp: child(header, "NoResp").is_some(),
            cred: cred.is_some(),
            digest: cred_type == "syncml:auth-md5",
            max_msg_size: size("MaxMsgSize"),
            max_obj_size: size("MaxObjSize"),
            is_final: child(body, "Final").is_some(),
            commands: Vec::new(),
        };
        message.add_commands(body, None);
        Some(message)
    }

    fn add_commands(&mut self, container: Node<'_, '_>, parent: Option<usize>) {
        for node in container.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            let is_property = parent.is_some() && matches!(name, "CmdID" | "NoResp" | "Meta");
            if name == "Final" || is_property {
                continue;
            }
            self.commands.push(ClientCommand {
                name: name.to_owned(),
                cmd_id: leaf(node, "CmdID"),
                no_resp: child(node, "NoResp").is_some(),
                code: leaf(node, "Data"),
                msg_ref: leaf(node, "MsgRef"),
                cmd_ref: leaf(node, "CmdRef"),
                items: node.children().filter(|node| node.tag_name().name() == "Item").map(ClientItem::read).collect(),
                parent,
            });
            if matches!(name, "Atomic" | "Sequence") {
                let place = self.commands.len() - 1;
                self.add_commands(node, Some(place));
            }
        }
    }

    /// `MsgID` as a number, when it is one.
    pub(super) fn msg_number(&self) -> Option<u32> {
        self.msg_id.parse().ok().filter(|number| *number > 0)
    }

    /// Data of the items of typed alerts whose type ends like this.
    pub(super) fn alert_data<'a>(&'a self, code: &'a str, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.commands
            .iter()
            .filter(move |command| command.name == "Alert" && command.code == code)
            .flat_map(|command| &command.items)
            .filter(move |item| item.kind.ends_with(kind))
            .map(|item| item.data.as_str())
    }

    /// Whether it carries an alert with this code.
    pub(super) fn has_alert(&self, code: &str) -> bool {
        self.commands.iter().any(|command| command.name == "Alert" && command.code == code)
    }

    /// Whether an item of it goes on in the next message.
    pub(super) fn more_data(&self) -> bool {
        self.commands.iter().any(ClientCommand::more_data)
    }
}

impl ClientCommand {
    /// Whether it is a command of SyncML at all.
    pub(super) fn is_known(&self) -> bool {
        KNOWN.contains(&self.name.as_str())
    }

    /// Whether an item of it goes on in the next message.
    pub(super) fn more_data(&self) -> bool {
        self.items.iter().any(|item| item.more_data)
    }
}

impl ClientItem {
    fn read(item: Node<'_, '_>) -> Self {
        let in_meta = child(item, "Meta").map(|meta| leaf(meta, "Type")).unwrap_or_default();
        Self {
            target: uri(item, "Target"),
            source: uri(item, "Source"),
            kind: if in_meta.is_empty() { leaf(item, "Type") } else { in_meta },
            data: leaf(item, "Data"),
            more_data: child(item, "MoreData").is_some(),
        }
    }
}

/// The text of an XML body in whichever Unicode encoding it came; the label in its declaration is not believed.
pub(super) fn decode(body: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    match body {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [b'<', 0, ..] => wide(body, u16::from_le_bytes),
        [0, b'<', ..] => wide(body, u16::from_be_bytes),
        _ => String::from_utf8(body.to_vec()).ok(),
    }
}

/// First child element of this name, in whatever namespace.
pub(super) fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// All text of an element, trimmed; a CDATA section reads like text.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    let text: String = node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect();
    text.trim().to_owned()
}

/// Text of the child of this name; empty when there is none.
pub(super) fn leaf(node: Node<'_, '_>, name: &str) -> String {
    child(node, name).map(text_of).unwrap_or_default()
}

/// `LocURI` of a Target or Source; empty when there is none.
pub(super) fn uri(node: Node<'_, '_>, name: &str) -> String {
    child(node, name).map(|address| leaf(address, "LocURI")).unwrap_or_default()
}
