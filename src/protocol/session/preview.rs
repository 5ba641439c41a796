//! What would be sent, for people who want to see it before anything is.

use super::answer::CmdIds;
use super::build::build;
use super::{CommandId, Pending};
use crate::csp::Instruction;
use crate::syncml::redact::redact;
use crate::syncml::{Command, write};

/// Instructions as a device would get them: the body of one message, however long, without secrets. A session counts
/// `CmdID`s from its own beginning and divides what is too much for one message.
pub fn preview<'a>(instructions: impl IntoIterator<Item = &'a Instruction>) -> String {
    let mut ids = CmdIds::default();
    let mut commands: Vec<Command> = Vec::new();
    for instruction in instructions {
        let pending = Pending::new(CommandId(String::new()), 1, instruction.clone());
        commands.extend(build(&pending, &mut ids).command);
    }
    redact(&write::commands(&commands))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncml::read::read;
    use crate::xml::Limits;

    #[test]
    fn it_is_what_a_device_gets_without_secrets() {
        let json = r#"[
            {"kind": "replace", "items": [
                {"target": "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", "format": "int", "data": "0"},
                {"target": "./Vendor/MSFT/Accounts/Users/a/Password", "format": "chr", "data": "hunter2"}]},
            {"kind": "atomic", "commands": [{"kind": "delete", "items": [{"target": "./Vendor/A&B"}]}]}
        ]"#;
        let instructions: Vec<Instruction> = serde_json::from_str(json).unwrap();
        let shown = preview(&instructions);
        assert!(shown.contains("<CmdID>1</CmdID><Item><Target><LocURI>./Device/Vendor"), "{shown}");
        assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
        assert!(shown.contains("<Atomic><CmdID>2</CmdID><Delete><CmdID>3</CmdID>"), "{shown}");
        assert!(shown.contains("./Vendor/A&amp;B"), "{shown}");
        let message =
            format!("<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD></SyncHdr>{shown}</SyncML>");
        assert_eq!(read(&message, &Limits::default()).unwrap().body.commands.len(), 2);
    }
}
