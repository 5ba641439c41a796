//! `SyncBody` and the commands in it (MS-MDM 2.2.6, 2.2.7).

use super::header::{present, says_something};
use super::source::{Source, decimal};
use crate::syncml::{
    Alert, AlertCode, Command, Group, GroupKind, Request, Results, Status, StatusCode, SyncBody, Unreadable, Verb,
};
use crate::xml::{Refusal, clip};

impl Source<'_> {
    /// `SyncBody`.
    pub(super) fn body(&mut self) -> Result<SyncBody, Refusal> {
        let mut body = SyncBody::default();
        while let Some(name) = self.child()? {
            if body.is_final {
                self.note("stands after Final");
            }
            if name == "Final" {
                self.flag()?;
                body.is_final = true;
            } else {
                body.commands.push(self.command(name)?);
            }
        }
        Ok(body)
    }

    /// A child of SyncBody, Atomic or Sequence, which just began.
    fn command(&mut self, name: &str) -> Result<Command, Refusal> {
        self.keep()?;
        match name {
            "Add" => self.request(Verb::Add),
            "Replace" => self.request(Verb::Replace),
            "Delete" => self.request(Verb::Delete),
            "Get" => self.request(Verb::Get),
            "Exec" => self.request(Verb::Exec),
            "Copy" => self.request(Verb::Copy),
            "Alert" => self.alert(),
            "Atomic" => self.group(GroupKind::Atomic),
            "Sequence" => self.group(GroupKind::Sequence),
            "Status" => self.status(),
            "Results" => self.results(),
            _ => self.stranger(name),
        }
    }

    fn request(&mut self, verb: Verb) -> Result<Command, Refusal> {
        let (mut cmd_id, mut no_resp, mut meta, mut items) = (None, None, None, Vec::new());
        while let Some(name) = self.child()? {
            match name {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                "NoResp" => self.once(&mut no_resp, Self::flag)?,
                "Meta" => self.once(&mut meta, Self::meta)?,
                "Item" => items.push(self.item()?),
                _ => self.pass_over()?,
            }
        }
        let (name, cmd_id) = (verb.as_str(), cmd_id.unwrap_or_default());
        Ok(match items.len() {
            0 => unreadable(name, cmd_id, "there is no Item"),
            2.. if verb == Verb::Exec => unreadable(name, cmd_id, "there is more than one Item"),
            _ => {
                let (no_resp, meta) = (no_resp.is_some(), says_something(meta));
                Command::Request(Request { verb, cmd_id, no_resp, meta, items })
            }
        })
    }

    fn alert(&mut self) -> Result<Command, Refusal> {
        let (mut cmd_id, mut no_resp, mut data, mut correlator) = (None, None, None, None);
        let mut items = Vec::new();
        while let Some(name) = self.child()? {
            match name {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                "NoResp" => self.once(&mut no_resp, Self::flag)?,
                "Data" => self.once(&mut data, Self::token)?,
                "Correlator" => self.once(&mut correlator, Self::token)?,
                "Item" => items.push(self.item()?),
                _ => self.pass_over()?,
            }
        }
        let cmd_id = cmd_id.unwrap_or_default();
        let code = match data.as_deref().map(decimal) {
            Some(None) => return Ok(unreadable("Alert", cmd_id, "Data is not an alert code")),
            Some(Some(code)) => Some(AlertCode(code)),
            None => None,
        };
        let (no_resp, correlator) = (no_resp.is_some(), present(correlator));
        Ok(Command::Alert(Alert { cmd_id, no_resp, code, correlator, items }))
    }

    fn group(&mut self, kind: GroupKind) -> Result<Command, Refusal> {
        let (mut cmd_id, mut no_resp, mut meta, mut commands) = (None, None, None, Vec::new());
        while let Some(name) = self.child()? {
            match name {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                "NoResp" => self.once(&mut no_resp, Self::flag)?,
                "Meta" => self.once(&mut meta, Self::meta)?,
                "Final" => self.pass_over()?,
                _ => commands.push(self.command(name)?),
            }
        }
        let (no_resp, meta) = (no_resp.is_some(), says_something(meta));
        Ok(Command::Group(Group { kind, cmd_id: cmd_id.unwrap_or_default(), no_resp, meta, commands }))
    }

    fn status(&mut self) -> Result<Command, Refusal> {
        let (mut cmd_id, mut msg_ref, mut cmd_ref, mut cmd) = (None, None, None, None);
        let (mut cred, mut chal, mut data, mut original_error) = (None, None, None, None);
        let (mut target_refs, mut source_refs, mut items) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(name) = self.child()? {
            match name {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                "MsgRef" => self.once(&mut msg_ref, Self::token)?,
                "CmdRef" => self.once(&mut cmd_ref, Self::token)?,
                "Cmd" => self.once(&mut cmd, Self::token)?,
                "TargetRef" => target_refs.extend(self.word()?),
                "SourceRef" => source_refs.extend(self.word()?),
                "Cred" => self.once(&mut cred, Self::cred)?,
                "Chal" => self.once(&mut chal, Self::chal)?,
                "Data" => {
                    let error = self.attribute("originalerror");
                    self.once(&mut data, Self::token)?;
                    original_error = present(error.map(|error| error.trim_ascii().to_owned()));
                }
                "Item" => items.push(self.item()?),
                _ => self.pass_over()?,
            }
        }
        let cmd_id = cmd_id.unwrap_or_default();
        let Some(code) = data.as_deref().and_then(decimal) else {
            return Ok(unreadable("Status", cmd_id, "Data is not a status code"));
        };
        Ok(Command::Status(Status {
            cmd_id,
            msg_ref: msg_ref.unwrap_or_default(),
            cmd_ref: cmd_ref.unwrap_or_default(),
            cmd: cmd.unwrap_or_default(),
            target_refs,
            source_refs,
            cred,
            chal,
            code: StatusCode(code),
            original_error,
            items,
        }))
    }

    fn results(&mut self) -> Result<Command, Refusal> {
        let (mut cmd_id, mut msg_ref, mut cmd_ref, mut cmd) = (None, None, None, None);
        let (mut meta, mut target_ref, mut source_ref, mut items) = (None, None, None, Vec::new());
        while let Some(name) = self.child()? {
            match name {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                "MsgRef" => self.once(&mut msg_ref, Self::token)?,
                "CmdRef" => self.once(&mut cmd_ref, Self::token)?,
                // MS-MDM has it, Windows does not send it, and it says nothing that CmdRef doesn't.
                "Cmd" => self.once(&mut cmd, Self::token)?,
                "Meta" => self.once(&mut meta, Self::meta)?,
                "TargetRef" => self.once(&mut target_ref, Self::token)?,
                "SourceRef" => self.once(&mut source_ref, Self::token)?,
                "Item" => items.push(self.item()?),
                _ => self.pass_over()?,
            }
        }
        Ok(Command::Results(Results {
            cmd_id: cmd_id.unwrap_or_default(),
            msg_ref: present(msg_ref),
            cmd_ref: present(cmd_ref),
            meta: says_something(meta),
            target_ref: present(target_ref),
            source_ref: present(source_ref),
            items,
        }))
    }

    /// An element that is no command of OMA-DM. Only its `CmdID` is looked for.
    fn stranger(&mut self, name: &str) -> Result<Command, Refusal> {
        let mut cmd_id = None;
        while let Some(child) = self.child()? {
            match child {
                "CmdID" => self.once(&mut cmd_id, Self::token)?,
                _ => self.flag()?,
            }
        }
        Ok(unreadable(name, cmd_id.unwrap_or_default(), "this is no command"))
    }
}

fn unreadable(name: &str, cmd_id: String, why: &str) -> Command {
    Command::Unreadable(Unreadable { name: clip(name, 64).into_owned(), cmd_id, why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_body;
    use super::*;
    use crate::syncml::{Item, Meta};

    fn command(body: &str) -> Command {
        let mut commands = with_body(body).body.commands;
        assert_eq!(commands.len(), 1, "{body}");
        commands.remove(0)
    }

    fn why(body: &str) -> String {
        match command(body) {
            Command::Unreadable(Unreadable { name, cmd_id, why }) => format!("{name} {cmd_id}: {why}"),
            other => panic!("{body} was read as {other:?}"),
        }
    }

    #[test]
    fn every_verb_is_a_request() {
        for verb in [Verb::Add, Verb::Replace, Verb::Delete, Verb::Get, Verb::Exec, Verb::Copy] {
            let name = verb.as_str();
            let meta = Some(Meta { mime: Some("t".to_owned()), ..Meta::default() });
            assert_eq!(
                command(&format!(
                    "<{name}><Item><Target><LocURI>\n./a </LocURI></Target></Item><NoResp/><CmdID> 7 </CmdID>\
                     <Meta><Type>t</Type></Meta></{name}>"
                )),
                Command::Request(Request {
                    verb,
                    cmd_id: "7".to_owned(),
                    no_resp: true,
                    meta,
                    items: vec![Item::target("./a")]
                })
            );
        }
    }

    #[test]
    fn what_can_not_be_understood_is_kept_as_unreadable() {
        assert_eq!(why("<Get><CmdID>1</CmdID></Get>"), "Get 1: there is no Item");
        assert_eq!(why("<Exec><CmdID>1</CmdID><Item/><Item/></Exec>"), "Exec 1: there is more than one Item");
        assert_eq!(why("<Put><Item/><CmdID>1</CmdID></Put>"), "Put 1: this is no command");
        assert_eq!(why("<x><CmdID>1<y/></CmdID>text</x>"), "x 1: this is no command");
        assert_eq!(why("<item/>"), "item : this is no command");
        for data in ["", "<Data/>", "<Data>ok</Data>", "<Data>-1</Data>", "<Data>65536</Data>", "<Data>2 0</Data>"] {
            assert_eq!(why(&format!("<Status><CmdID>1</CmdID>{data}</Status>")), "Status 1: Data is not a status code");
        }
        for data in ["<Data/>", "<Data>no</Data>", "<Data>99999</Data>"] {
            assert_eq!(why(&format!("<Alert><CmdID>1</CmdID>{data}</Alert>")), "Alert 1: Data is not an alert code");
        }
    }

    #[test]
    fn long_names_are_cut() {
        let name = "x".repeat(100_000);
        assert!(why(&format!("<{name}/>")).len() < 100);
    }

    #[test]
    fn status_keeps_every_reference_and_the_original_error() {
        let text = "<Status xmlns:msft='http://schemas.microsoft.com/MobileDevice/MDM'><CmdID>3</CmdID><MsgRef>2</MsgRef>\
                    <CmdRef>5</CmdRef><Cmd>Get</Cmd><TargetRef> ./a </TargetRef><TargetRef/><TargetRef>./b</TargetRef>\
                    <SourceRef>./c</SourceRef><Data msft:originalerror=' 0x86000002 '> 404 </Data>\
                    <Chal><Meta><NextNonce>AA==</NextNonce></Meta></Chal></Status>";
        let Command::Status(status) = command(text) else { panic!() };
        assert_eq!(status.target_refs, ["./a", "./b"]);
        assert_eq!(status.source_refs, ["./c"]);
        assert_eq!(status.code, StatusCode::NOT_FOUND);
        assert_eq!(status.original_error.as_deref(), Some("0x86000002"));
        assert_eq!(status.chal.and_then(|chal| chal.meta.next_nonce).as_deref(), Some("AA=="));
        assert_eq!(
            (status.cmd_id.as_str(), status.msg_ref.as_str(), status.cmd_ref.as_str(), status.cmd.as_str()),
            ("3", "2", "5", "Get")
        );
    }

    #[test]
    fn alert_without_data_has_no_code() {
        let Command::Alert(alert) = command("<Alert><CmdID>1</CmdID><Correlator>c</Correlator></Alert>") else {
            panic!()
        };
        assert_eq!((alert.code, alert.correlator.as_deref()), (None, Some("c")));
    }

    #[test]
    fn results_need_no_references() {
        let Command::Results(results) = command("<Results><CmdID>1</CmdID><Cmd>Get</Cmd><CmdRef/><Item/></Results>")
        else {
            panic!()
        };
        assert_eq!((results.msg_ref, results.cmd_ref, results.items.len()), (None, None, 1));
    }

    #[test]
    fn groups_nest_and_keep_what_is_unreadable() {
        let text = "<Atomic><CmdID>1</CmdID><Sequence><CmdID>2</CmdID><Get><CmdID>3</CmdID></Get><Final/></Sequence>\
                    <Status><Data>200</Data></Status></Atomic>";
        let Command::Group(atomic) = command(text) else { panic!() };
        assert_eq!(atomic.kind, GroupKind::Atomic);
        let [Command::Group(sequence), Command::Status(_)] = atomic.commands.as_slice() else { panic!() };
        assert_eq!(sequence.kind, GroupKind::Sequence);
        assert_eq!(sequence.commands.iter().map(Command::cmd_id).collect::<Vec<_>>(), ["3"]);
        assert!(matches!(sequence.commands.as_slice(), [Command::Unreadable(_)]));
    }
}
