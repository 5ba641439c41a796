//! One good reply, broken in one place at a time.

use super::good::COMMANDS;
use super::*;

/// The good reply.
fn reply() -> String {
    answers(1, 212, CHAL, &format!("{ANSWERS_1}{COMMANDS}<Final/>"))
}

/// Breaks the first occurrence of something.
fn change(from: &str, to: &str) -> BTreeSet<Rule> {
    let good = reply();
    assert!(good.contains(from), "{from} is not in the reply");
    broken(&says(1, CRED, &format!("{PACKAGE_1}<Final/>")), &good.replacen(from, to, 1))
}

pub(super) fn cases() -> Vec<Case> {
    [header(), statuses(), challenges(), commands(), nodes()].into_iter().flatten().collect()
}

fn header() -> Vec<Case> {
    vec![
        (&[], change("<Final/>", "<Final/>")),
        (&[Rule::VerDtd], change(">1.2</VerDTD", ">1.1</VerDTD")),
        (&[Rule::VerProto], change("DM/1.2", "DM/1.1")),
        (&[Rule::SessionId], change("<SessionID>7", "<SessionID>07")),
        (&[Rule::MsgIdNumber], change("<MsgID>1", "<MsgID>0x1")),
        (&[Rule::MsgIdNumber], change("<MsgID>1", "<MsgID>0")),
        (&[Rule::Target], change(DEVICE, "another")),
        (&[Rule::Source], change(SERVER, "https://mdm.example/")),
        (&[Rule::PlainHeader], change("</SyncHdr>", "<NoResp/></SyncHdr>")),
        (&[Rule::PlainHeader], change("</SyncHdr>", "<RespURI>https://mdm.example/</RespURI></SyncHdr>")),
        (&[], change("</SyncHdr>", &format!("<Meta>{}</Meta></SyncHdr>", metinf("MaxMsgSize", "524288")))),
        (
            &[Rule::SmallMaxMsgSize],
            change("</SyncHdr>", &format!("<Meta>{}</Meta></SyncHdr>", metinf("MaxMsgSize", "8192"))),
        ),
        (&[Rule::ServerCred], change("</SyncHdr>", &format!("{CRED}</SyncHdr>"))),
        (&[Rule::ServerCred], with_cred(&CRED.replace("auth-md5", "auth-md4"))),
        (&[Rule::ServerCred], with_cred(&CRED.replace("40d936ox", ""))),
        (&[Rule::ServerCred], with_cred(&CRED.replace("b64", "chr"))),
        (&[Rule::CmdIdNumber], change("<CmdID>12<", "<CmdID>0<")),
        (&[Rule::CmdIdNumber], change("<CmdID>12<", "<CmdID>a<")),
        (&[Rule::CmdIdNumber], change("<CmdID>12<", "<CmdID>012<")),
        (&[Rule::CmdIdNumber], change("<CmdID>1<", "<CmdID>13<")),
        (&[Rule::CmdIdUnique], change("<CmdID>9<", "<CmdID>2<")),
    ]
}

fn with_cred(cred: &str) -> BTreeSet<Rule> {
    let from = "</LocURI></Source></SyncHdr>";
    change(from, &format!("</LocURI><LocName>mdm</LocName></Source>{cred}</SyncHdr>"))
}

fn metinf(name: &str, text: &str) -> String {
    format!("<{name} xmlns=\"syncml:metinf\">{text}</{name}>")
}

fn statuses() -> Vec<Case> {
    let alert = |cmd_ref| format!("<CmdRef>{cmd_ref}</CmdRef><Cmd>Alert</Cmd>");
    let second = status(2, 1, "2", "Alert", 200);
    let third = status(3, 1, "3", "Alert", 200);
    let fourth = status(4, 1, "4", "Replace", 200);
    let named = |source: &str| fourth.replace("<Data>", &format!("<SourceRef>{source}</SourceRef><Data>"));
    vec![
        (&[Rule::HeaderStatusFirst], change("<CmdRef>0<", "<CmdRef>9<")),
        (
            &[Rule::HeaderStatusFirst, Rule::ChalPlace],
            change(
                &reply_status(),
                &format!("{}{}", second.replace("ID>2<", "ID>1<"), reply_status().replace("ID>1<", "ID>2<")),
            )
            .into_iter()
            .filter(|rule| matches!(rule, Rule::HeaderStatusFirst | Rule::ChalPlace))
            .collect(),
        ),
        (&[Rule::HeaderStatusOnce], change(&fourth, &format!("{fourth}{}", status(13, 1, "0", "SyncHdr", 200)))),
        (&[Rule::StatusMsgRef], change("<MsgRef>1</MsgRef><CmdRef>3<", "<MsgRef>2</MsgRef><CmdRef>3<")),
        (&[Rule::CmdRefExists, Rule::StatusMissing], change(&alert(3), &alert(33))),
        (&[Rule::CmdName, Rule::StatusMissing], change("<Cmd>Replace<", "<Cmd>Alert<")),
        (
            &[Rule::StatusOrder],
            change(
                &format!("{second}{third}"),
                &format!("{}{}", status(2, 1, "3", "Alert", 200), status(3, 1, "2", "Alert", 200)),
            ),
        ),
        (&[Rule::StatusMissing], change(&third, "")),
        (&[Rule::StatusRepeated], change(&fourth, &format!("{fourth}{}", status(13, 1, "4", "Replace", 200)))),
        (&[Rule::RefExists], change(&fourth, &named("./DevInfo/Mod"))),
        (&[Rule::RefExists], change(&fourth, &named("./DevInfo/Man").replace("SourceRef", "TargetRef"))),
        (&[Rule::CodeKnown], change(&third, &status(3, 1, "3", "Alert", 299))),
        (&[Rule::CodeKnown], change(&third, &third.replace("200", "OK"))),
        (&[Rule::StatusesFirst], change(&format!("{fourth}{COMMANDS}"), &format!("{COMMANDS}{fourth}"))),
    ]
}

/// The Status of the header in the good reply.
fn reply_status() -> String {
    status(1, 1, "0", "SyncHdr", 212).replace("<Data>", &format!("{CHAL}<Data>"))
}

fn challenges() -> Vec<Case> {
    let fourth = status(4, 1, "4", "Replace", 200);
    vec![
        (&[Rule::ChalPlace], change(&fourth, &fourth.replace("<Data>", &format!("{CHAL}<Data>")))),
        (&[Rule::ChalForm], change("AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0O")),
        (&[Rule::ChalForm], change("AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODw")),
        (
            &[Rule::ChalForm],
            change(
                ">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth",
                ">chr</Format><Type xmlns=\"syncml:metinf\">syncml:auth",
            ),
        ),
        (&[Rule::ChalForm], change("syncml:auth-md5", "syncml:auth-md4")),
        (&[Rule::ChalForm], change("syncml:auth-md5", "syncml:auth-basic")),
    ]
}

fn commands() -> Vec<Case> {
    let group = |name: &str, content: &str| format!("<{name}><CmdID>13</CmdID>{content}</{name}><Final/>");
    let add = |id: u32, verb: &str, target: &str| {
        format!("<{verb}><CmdID>{id}</CmdID>{}</{verb}>", item(target, "<Data>1</Data>"))
    };
    let get = "<Get><CmdID>14</CmdID><Item><Target><LocURI>./x</LocURI></Target></Item></Get>";
    let also = |content: String| change("<Final/>", &content);
    vec![
        (&[], also(group("Atomic", &format!("{}{}", add(14, "Add", "./a"), add(15, "Replace", "./b"))))),
        (
            &[Rule::CommandAllowed],
            change("<Replace><CmdID>6</CmdID>", "<Copy><CmdID>6</CmdID></Copy><Replace><CmdID>13</CmdID>")
                .into_iter()
                .filter(|rule| *rule != Rule::ChildOrder)
                .collect(),
        ),
        (
            &[Rule::CommandAllowed],
            also(
                "<Results><CmdID>13</CmdID><CmdRef>1</CmdRef><Item><Data>1</Data></Item></Results><Final/>".to_owned(),
            ),
        ),
        (&[Rule::AlertAllowed], also("<Alert><CmdID>13</CmdID><Data>1100</Data></Alert><Final/>".to_owned())),
        (&[Rule::NotInAtomic], also(group("Atomic", get))),
        (&[Rule::NotInAtomic], also(group("Atomic", &format!("<Sequence><CmdID>15</CmdID>{get}</Sequence>")))),
        (
            &[Rule::NotInAtomic],
            also(group("Atomic", &format!("<Atomic><CmdID>15</CmdID>{}</Atomic>", add(16, "Add", "./a")))),
        ),
        (&[Rule::GroupContent], also(group("Sequence", ""))),
        (&[Rule::GroupContent], also(group("Sequence", "<Alert><CmdID>14</CmdID><Data>1223</Data></Alert>"))),
        (
            &[Rule::ReplaceAfterAdd],
            also(group("Atomic", &format!("{}{}", add(14, "Add", "./a"), add(15, "Replace", "./a")))),
        ),
        (
            &[Rule::MixedScope],
            also(group("Atomic", &format!("{}{}", add(14, "Add", "./User/a"), add(15, "Add", "./Vendor/b")))),
        ),
        (&[Rule::ChildOrder], also(format!("<Exec><CmdID>13</CmdID>{0}{0}</Exec><Final/>", item("./a", "")))),
        (&[Rule::NoNoResp], change("<Get><CmdID>5</CmdID>", "<Get><CmdID>5</CmdID><NoResp/>")),
        (
            &[Rule::EndsSession],
            also(format!(
                "<Exec><CmdID>13</CmdID>{}</Exec><Final/>",
                item("./Device/Vendor/MSFT/Reboot/RebootNow", "")
            )),
        ),
        (
            &[Rule::EndsSession],
            also(format!("<Exec><CmdID>13</CmdID>{}</Exec><Final/>", item("./Vendor/MSFT/RemoteWipe/doWipe", ""))),
        ),
        (
            &[Rule::EndsSession],
            also(format!(
                "<Exec><CmdID>13</CmdID>{}</Exec><Final/>",
                item("./Vendor/MSFT/DMClient/Provider/P/Unenroll", "<Data>P</Data>")
            )),
        ),
    ]
}

fn nodes() -> Vec<Case> {
    let target = |to: &str| change("./DevDetail/SwV", to);
    let exec = |to: &str| change("./User/Vendor/MSFT/D", to);
    let value = |format: &str, data: &str| {
        let meta = format!("<Meta>{}</Meta>", metinf("Format", format));
        change("<Final/>", &format!("<Add><CmdID>13</CmdID>{}</Add><Final/>", item("./a", &format!("{meta}{data}"))))
    };
    let size = |name: &str| change("<Type xmlns=\"syncml:metinf\">text/plain</Type>", &metinf(name, "5"));
    vec![
        (&[Rule::ItemTarget], change("<Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item>", "<Item/>")),
        (
            &[Rule::ItemTarget],
            change("SwV</LocURI></Target>", "SwV</LocURI></Target><Source><LocURI>./x</LocURI></Source>"),
        ),
        (&[Rule::LocUri], target("./DevDetail/Sw V")),
        (&[Rule::LocUri], target("/DevDetail/SwV")),
        (&[Rule::LocUri], target("./DevDetail//SwV")),
        (&[Rule::LocUri], target("./DevDetail/./SwV")),
        (&[Rule::LocUri], target("./DevDetail/*")),
        (&[Rule::LocUri], target("./DevDetail/é")),
        (&[Rule::LocUri], target("./DevDetail/%2")),
        (&[], target("./DevDetail/%C3%A9/a.b")),
        (&[Rule::LocUri], exec("./User/Vendor/MSFT/D?list=Struct")),
        (&[Rule::NoData], change("SwV</LocURI></Target>", "SwV</LocURI></Target><Data>1</Data>")),
        (&[Rule::NoData], change("C</LocURI></Target>", "C</LocURI></Target><Data/>")),
        (&[Rule::DataWanted], change("<Data>0</Data>", "")),
        (&[Rule::DataWanted], value("node", "<Data>1</Data>")),
        (&[], value("null", "")),
        (&[], value("chr", "<Data/>")),
        (&[Rule::FormatKnown], value("string", "<Data>1</Data>")),
        (&[Rule::DataFits], value("int", "<Data>12a</Data>")),
        (&[Rule::DataFits], value("int", "<Data> 12</Data>")),
        (&[], value("int", "<Data>-12</Data>")),
        (&[Rule::DataFits], value("bool", "<Data>yes</Data>")),
        (&[Rule::DataFits], value("b64", "<Data>a b</Data>")),
        (&[Rule::DataFits], value("float", "<Data>1,5</Data>")),
        (&[Rule::MetaPlace], size("MaxMsgSize")),
        (&[Rule::MetaPlace], size("NextNonce")),
        (
            &[Rule::MetaPlace],
            change(
                "AAECAwQFBgcICQoLDA0ODw==</NextNonce>",
                &format!("AAECAwQFBgcICQoLDA0ODw==</NextNonce>{}", metinf("MaxMsgSize", "5")),
            ),
        ),
    ]
}
