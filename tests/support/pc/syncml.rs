//! Just enough of OMA-DM for a first session: package 1, answers, and the alert that one leaves.

use roxmltree::{Document as Xml, Node};

use super::{Answered, Line, Pc};

/// A command of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) verb: String,
    pub(crate) cmd_id: String,
    pub(crate) target: String,
    pub(crate) data: String,
}

/// What a computer says of itself in package 1.
pub(crate) struct Says<'a> {
    pub(crate) source: &'a str,
    pub(crate) dev_id: &'a str,
    /// Inside `SyncHdr`, behind `Source`.
    pub(crate) cred: &'a str,
    /// Name of the `Source`.
    pub(crate) name: &'a str,
    /// More alerts.
    pub(crate) alerts: &'a str,
}

impl Pc {
    /// The first message of a session.
    pub(crate) fn package_1(&self, session: u32) -> String {
        self.says(session, 1, &Says { ..self.itself() })
    }

    /// What it says when it says nothing wrong.
    pub(crate) fn itself(&self) -> Says<'_> {
        Says { source: &self.device_id, dev_id: &self.device_id, cred: "", name: "", alerts: "" }
    }

    /// The first message of a session, as somebody says it.
    pub(crate) fn says(&self, session: u32, message: u32, says: &Says<'_>) -> String {
        let Says { source, dev_id, cred, name, alerts } = says;
        let name = if name.is_empty() { String::new() } else { format!("<LocName>{name}</LocName>") };
        let item = |node: &str, value: &str| {
            format!("<Item><Source><LocURI>./DevInfo/{node}</LocURI></Source><Data>{value}</Data></Item>")
        };
        let info = [("DevId", *dev_id), ("Man", "Contoso"), ("Mod", "Laptop 9"), ("DmV", "1.3"), ("Lang", "en-US")];
        let info: String = info.into_iter().map(|(node, value)| item(node, value)).collect();
        message_of(
            self,
            (session, message),
            &format!("<Source><LocURI>{source}</LocURI>{name}</Source>{cred}"),
            &format!(
                "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta>\
                 <Type xmlns=\"syncml:metinf\">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item>\
                 </Alert>{alerts}<Replace><CmdID>5</CmdID>{info}</Replace>"
            ),
        )
    }

    /// A message in which it says that it leaves.
    pub(crate) fn goodbye(&self, session: u32) -> String {
        let alerts = "<Alert><CmdID>4</CmdID><Data>1226</Data><Item><Meta>\
                      <Type xmlns=\"syncml:metinf\">com.microsoft:mdm.unenrollment.userrequest</Type>\
                      <Format xmlns=\"syncml:metinf\">int</Format></Meta><Data>1</Data></Item></Alert>";
        self.says(session, 1, &Says { alerts, ..self.itself() })
    }

    /// A message that answers commands, and asks for more.
    pub(crate) fn answers(&self, session: u32, message: u32, told: &[Told]) -> String {
        let before = message - 1;
        let mut body = format!(
            "<Status><CmdID>1</CmdID><MsgRef>{before}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>"
        );
        let answers = (1..).zip(told).map(|(number, command)| {
            let Told { verb, cmd_id, target, .. } = command;
            let (status, results) = (2 * number, 2 * number + 1);
            let status = format!(
                "<Status><CmdID>{status}</CmdID><MsgRef>{before}</MsgRef><CmdRef>{cmd_id}</CmdRef><Cmd>{verb}</Cmd>\
                 <Data>200</Data></Status>"
            );
            let value = format!(
                "<Results><CmdID>{results}</CmdID><MsgRef>{before}</MsgRef><CmdRef>{cmd_id}</CmdRef><Item><Source>\
                 <LocURI>{target}</LocURI></Source><Data>its value</Data></Item></Results>"
            );
            if verb == "Get" { status + &value } else { status }
        });
        body.extend(answers);
        let source = format!("<Source><LocURI>{}</LocURI></Source>", self.device_id);
        message_of(self, (session, message), &source, &body)
    }

    /// Runs a session over a connection; gives all that the server told, each answered with 200 but what ends it.
    pub(crate) async fn session(&self, line: &mut Line, session: u32) -> Vec<Told> {
        let mut all = Vec::new();
        let mut said = self.package_1(session);
        for message in 1..20 {
            let answered = line.syncml(&said).await;
            assert_eq!(answered.status, 200);
            assert_eq!(header_status(&answered), if message == 1 { "212" } else { "200" });
            let told = commands_of(&answered);
            if told.is_empty() || told.iter().any(|command| command.target.ends_with("/Unenroll")) {
                all.extend(told);
                return all;
            }
            said = self.answers(session, message + 1, &told);
            all.extend(told);
        }
        panic!("the session does not end");
    }
}

fn message_of(pc: &Pc, (session, message): (u32, u32), source: &str, body: &str) -> String {
    let target = pc.document.as_ref().and_then(|document| document.application.get("ADDR").cloned());
    let target = target.unwrap_or_else(|| format!("https://localhost:{}/ManagementServer/Mdm.svc", pc.addr.port()));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD>\
         <VerProto>DM/1.2</VerProto><SessionID>{session}</SessionID><MsgID>{message}</MsgID><Target><LocURI>{target}\
         </LocURI></Target>{source}</SyncHdr><SyncBody>{body}<Final/></SyncBody></SyncML>"
    )
}

/// The Status of the header that a reply begins with.
pub(crate) fn header_status(answered: &Answered) -> String {
    let xml = std::str::from_utf8(&answered.body).unwrap();
    let tree = Xml::parse(xml).unwrap();
    let first = tree.descendants().find(|node| node.tag_name().name() == "Status").unwrap();
    assert_eq!(child(first, "CmdRef"), "0", "{xml}");
    child(first, "Data")
}

/// The commands of a reply.
pub(crate) fn commands_of(answered: &Answered) -> Vec<Told> {
    let xml = std::str::from_utf8(&answered.body).unwrap();
    let tree = Xml::parse(xml).unwrap();
    let body = tree.descendants().find(|node| node.tag_name().name() == "SyncBody").unwrap();
    let commands =
        body.children().filter(|node| ["Get", "Add", "Replace", "Delete", "Exec"].contains(&node.tag_name().name()));
    commands
        .map(|node| {
            let item = node.children().find(|node| node.tag_name().name() == "Item").unwrap();
            let target =
                item.descendants().find(|node| node.tag_name().name() == "LocURI").and_then(|node| node.text());
            Told {
                verb: node.tag_name().name().to_owned(),
                cmd_id: child(node, "CmdID"),
                target: target.unwrap_or_default().to_owned(),
                data: child(item, "Data"),
            }
        })
        .collect()
}

fn child(node: Node<'_, '_>, name: &str) -> String {
    let found = node.children().find(|node| node.tag_name().name() == name);
    found.and_then(|node| node.text()).unwrap_or_default().to_owned()
}
