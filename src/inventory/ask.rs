//! From facts to the Gets that read them, and back.

use std::collections::HashMap;
use std::sync::LazyLock;

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Scope};
use transom_protocol::syncml::Verb;

use crate::model::fact::{Definition, catalogue};
use crate::model::{FactName, NewCommand, Setting};

/// Most nodes of one Get: few enough for the reply to fit into one message of any client.
const NODES: usize = 16;

/// Which facts a node tells, by the node as it is compared.
static BY_NODE: LazyLock<HashMap<String, Vec<&'static Definition>>> = LazyLock::new(|| {
    let mut by_node: HashMap<String, Vec<&'static Definition>> = HashMap::new();
    for fact in catalogue().iter().filter(|fact| fact.fact_name().is_asked()) {
        by_node.entry(compared(fact.node)).or_default().push(fact);
    }
    by_node
});

/// The commands that read these facts; a node that tells several is read once.
pub fn questions(names: &[FactName]) -> Vec<NewCommand> {
    let mut nodes: Vec<LocUri> = Vec::new();
    for node in names.iter().filter_map(|name| name.definition().loc_uri()) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let (of_user, of_device): (Vec<LocUri>, Vec<LocUri>) =
        nodes.into_iter().partition(|node| node.scope() == Scope::User);
    of_device.chunks(NODES).chain(of_user.chunks(NODES)).map(get).collect()
}

fn get(nodes: &[LocUri]) -> NewCommand {
    let item = |node: &LocUri| Setting::bare(node.clone());
    let items = nodes.iter().map(item).collect();
    NewCommand::new(Instruction::Single(Operation { verb: Verb::Get, items, if_exists: IfExists::Fail }))
}

/// The facts that a Get of this node tells.
pub(super) fn read_by(setting: &Setting) -> Vec<&'static Definition> {
    BY_NODE.get(&compared(setting.target.as_str())).cloned().unwrap_or_default()
}

/// `./Device/Vendor` and `./Vendor` are one place, and case makes no difference.
fn compared(node: &str) -> String {
    let node = node.to_ascii_lowercase();
    match node.strip_prefix("./device/vendor/") {
        Some(rest) => format!("./vendor/{rest}"),
        None => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CommandScope;

    #[test]
    fn each_node_is_asked_for_once_and_scopes_are_apart() {
        let all: Vec<FactName> = catalogue().iter().map(Definition::fact_name).collect();
        let asked = questions(&all);
        let nodes: Vec<String> = asked
            .iter()
            .flat_map(|command| command.instruction.settings())
            .map(|(verb, setting)| {
                assert_eq!(verb, Verb::Get);
                setting.target.to_string()
            })
            .collect();
        assert_eq!(nodes.iter().filter(|node| *node == "./DevDetail/SwV").count(), 1);
        assert_eq!(nodes.len(), BY_NODE.len());
        assert!(asked.iter().all(|command| command.instruction.settings().count() <= NODES));
        let of_user = asked.iter().filter(|command| command.scope == CommandScope::User).count();
        assert_eq!(of_user, 1);
        assert!(asked.iter().all(|command| command.scope != CommandScope::Mixed));
        assert!(questions(&[]).is_empty());
    }

    #[test]
    fn a_node_tells_its_facts_however_it_is_written() {
        let told = |node: &str| -> Vec<&str> {
            let setting = Setting::bare(node.parse().unwrap());
            read_by(&setting).into_iter().map(|fact| fact.name).collect()
        };
        assert_eq!(told("./DevDetail/SwV"), ["os.version", "os.build", "os.revision"]);
        assert_eq!(told("./device/vendor/MSFT/devicestatus/os/edition"), ["os.edition", "os.edition_id"]);
        assert_eq!(told("./Vendor/MSFT/Reboot"), Vec::<&str>::new());
    }
}
