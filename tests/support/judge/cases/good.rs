//! Conversations that break no rule.

use super::super::client::{self, ClientMessage};
use super::super::{Judge, assert_clean, wbxml};
use super::*;

/// Commands of every kind, from `CmdID` 5 on.
pub(super) const COMMANDS: &str = "<Get><CmdID>5</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item><Item><Target><LocURI>./Vendor/MSFT/Policy?list=StructData</LocURI></Target></Item></Get><Replace><CmdID>6</CmdID><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera</LocURI></Target><Meta><Format xmlns=\"syncml:metinf\">int</Format><Type xmlns=\"syncml:metinf\">text/plain</Type></Meta><Data>0</Data></Item></Replace><Atomic><CmdID>7</CmdID><Add><CmdID>8</CmdID><Item><Target><LocURI>./Vendor/MSFT/A%20B</LocURI></Target><Meta><Format xmlns=\"syncml:metinf\">node</Format></Meta></Item></Add><Delete><CmdID>9</CmdID><Item><Target><LocURI>./Vendor/MSFT/C</LocURI></Target></Item></Delete></Atomic><Sequence><CmdID>10</CmdID><Exec><CmdID>11</CmdID><Item><Target><LocURI>./User/Vendor/MSFT/D</LocURI></Target></Item></Exec><Get><CmdID>12</CmdID><Item><Target><LocURI>./User/Vendor/MSFT/E</LocURI></Target></Item></Get></Sequence>";

/// Runs exchanges, then ends the session; nothing may be broken.
fn passes(exchanges: &[(String, String)]) {
    let mut judge = Judge::new();
    for (request, reply) in exchanges {
        judge.assert_exchange(&xml_request(request), &xml_reply(reply));
    }
    assert_clean(&judge.session_end());
}

fn package_2() -> String {
    let statuses = ANSWERS_1.replace("<MsgRef>1<", "<MsgRef>2<");
    answers(2, 212, CHAL_2, &format!("{statuses}{COMMANDS}<Final/>"))
}

fn package_1_again() -> String {
    says(2, CRED, &format!("{}{PACKAGE_1}<Final/>", status(1, 1, "0", "SyncHdr", 407)))
}

#[test]
fn a_whole_session_passes() {
    let results = "<Status><CmdID>2</CmdID><MsgRef>2</MsgRef><CmdRef>5</CmdRef><Cmd>Get</Cmd><TargetRef>./DevDetail/SwV</TargetRef><Data>200</Data></Status><Results><CmdID>3</CmdID><MsgRef>2</MsgRef><CmdRef>5</CmdRef><Item><Source><LocURI>./DevDetail/SwV</LocURI></Source><Data>10.0.26200</Data></Item></Results>";
    passes(&[
        (says(1, "", &format!("{PACKAGE_1}<Final/>")), answers(1, 407, CHAL, "<Final/>")),
        (package_1_again(), package_2()),
        (says(3, "", &format!("{}{results}<Final/>", heard(2))), answers(3, 200, "", "<Final/>")),
    ]);
}

#[test]
fn a_declaration_and_spaces_between_elements_pass() {
    let reply = package_2().replace("<SyncBody>", " <SyncBody> ");
    let first = (says(1, "", &format!("{PACKAGE_1}<Final/>")), answers(1, 407, CHAL, "<Final/>"));
    passes(&[first, (package_1_again(), format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{reply}"))]);
}

#[test]
fn one_wrong_credential_and_a_right_one_pass() {
    let again = |message| says(message, CRED, &format!("{PACKAGE_1}<Final/>"));
    passes(&[
        (again(1), answers(1, 401, CHAL, "<Final/>")),
        (again(2), answers(2, 401, "", "<Final/>")),
        (again(3), package_2().replace("<MsgRef>2<", "<MsgRef>3<").replace("<MsgID>2<", "<MsgID>3<")),
    ]);
}

#[test]
fn a_refused_version_passes() {
    let other = |from: &str, to: &str| says(1, "", &format!("{PACKAGE_1}<Final/>")).replace(from, to);
    passes(&[(other(">1.2</VerDTD", ">1.9</VerDTD"), answers(1, 505, "", "<Final/>"))]);
    let statuses = ANSWERS_1.replace(">200<", ">513<");
    passes(&[(other("DM/1.2", "DM/2.0"), answers(1, 513, "", &format!("{statuses}<Final/>")))]);
}

#[test]
fn a_package_in_two_messages_passes() {
    let ask = "<Alert><CmdID>5</CmdID><Data>1222</Data></Alert>";
    passes(&[
        (says(1, CRED, PACKAGE_1), answers(1, 212, CHAL, &format!("{ANSWERS_1}{ask}"))),
        (says(2, "", &format!("{}<Final/>", heard(1))), answers(2, 200, "", &format!("{COMMANDS}<Final/>"))),
    ]);
}

#[test]
fn a_repeated_message_and_one_from_the_past_pass() {
    let (first, challenge) = (says(1, "", &format!("{PACKAGE_1}<Final/>")), answers(1, 407, CHAL, "<Final/>"));
    passes(&[
        (first.clone(), challenge.clone()),
        (first, challenge),
        (package_1_again(), package_2()),
        (package_1_again(), package_2()),
        (says(3, "", &format!("{}<Final/>", heard(2))), answers(3, 200, "", "<Final/>")),
        (package_1_again(), answers_to(4, 2, 200, "", "<Final/>")),
        (says(4, "", &format!("{}<Final/>", heard(3))), answers_to(4, 4, 200, "", "<Final/>")),
    ]);
}

#[test]
fn a_reply_that_nobody_saw_may_have_counted() {
    let mut judge = Judge::new();
    let first = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    judge.lost(&xml_request(&first));
    let later = says(2, CRED, &format!("{PACKAGE_1}<Final/>"));
    judge.assert_exchange(&xml_request(&later), &xml_reply(&package_2()));
}

#[test]
fn a_new_session_under_an_old_number_passes() {
    let begin = || says(1, "", &format!("{PACKAGE_1}<Final/>"));
    let others = begin().replace("Example", "Sample");
    let nonce = CHAL.replace("AAEC", "AAED");
    passes(&[
        (begin(), answers(1, 407, CHAL, "<Final/>")),
        (package_1_again(), package_2()),
        (says(3, "", &format!("{}<Final/>", heard(2))), answers(3, 200, "", "<Final/>")),
        (others, answers(1, 407, CHAL, "<Final/>")),
        (package_1_again().replace("Example", "Sample"), package_2()),
        (says(3, CRED, &format!("{}<Final/>", heard(2))), answers(3, 200, &nonce, "<Final/>")),
    ]);
}

#[test]
fn an_abort_a_busy_client_and_a_leaving_one_pass() {
    let alert = |code: &str, item: &str| format!("<Alert><CmdID>2</CmdID><Data>{code}</Data>{item}</Alert><Final/>");
    let typed =
        |kind: &str| format!("<Item><Meta><Type xmlns=\"syncml:metinf\">{kind}</Type></Meta><Data>1</Data></Item>");
    let answered = format!("{}<Final/>", status(2, 1, "2", "Alert", 200));
    for body in [
        alert("1223", ""),
        alert("1224", &typed("Reversed-Domain-Name:com.microsoft.mdm.requestpending")),
        alert("1226", &typed("com.microsoft:mdm.unenrollment.userrequest")),
    ] {
        passes(&[(says(1, CRED, &body), answers(1, 212, CHAL, &answered))]);
    }
}

#[test]
fn what_is_no_command_is_refused_in_its_place() {
    let body = "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Frob><CmdID>3</CmdID></Frob><Get><CmdID>4</CmdID><Item><Target><LocURI>./x</LocURI></Target></Item></Get><Alert><Data>1224</Data></Alert><Alert><CmdID>6</CmdID><NoResp/><Data>1224</Data></Alert><Sequence><CmdID>7</CmdID><Replace><CmdID>8</CmdID><Item><Source><LocURI>./x</LocURI></Source><Data>1</Data></Item></Replace></Sequence><Final/>";
    let answered =
        [("2", "Alert", 200), ("3", "Frob", 400), ("4", "Get", 405), ("", "Alert", 400), ("7", "Sequence", 406)];
    let statuses: String =
        (2..).zip(answered).map(|(cmd_id, (cmd_ref, cmd, code))| status(cmd_id, 1, cmd_ref, cmd, code)).collect();
    passes(&[(says(1, CRED, body), answers(1, 212, CHAL, &format!("{statuses}<Final/>")))]);
}

#[test]
fn one_status_for_each_item_passes() {
    let named = |cmd_id: u32, source: &str, code: u16| {
        status(cmd_id, 1, "4", "Replace", code).replace("<Data>", &format!("<SourceRef>{source}</SourceRef><Data>"))
    };
    let two = [named(4, "./DevInfo/DevId", 200), named(5, "./DevInfo/Man", 404)].concat();
    let statuses = ANSWERS_1.replace(&status(4, 1, "4", "Replace", 200), &two);
    let message = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    passes(&[(message, answers(1, 212, CHAL, &format!("{statuses}<Final/>")))]);
}

#[test]
fn a_header_without_answers_passes_when_it_asks_for_none() {
    let message = says(1, &format!("<NoResp/>{CRED}"), &format!("{PACKAGE_1}<Final/>"));
    let all = answers(1, 212, "", &COMMANDS.replace("<CmdID>5<", "<CmdID>1<"));
    let start = all.find("<Status>").unwrap();
    let end = all.find("</Status>").unwrap() + "</Status>".len();
    let reply = format!("{}{}", &all[..start], &all[end..]).replace("</SyncBody>", "<Final/></SyncBody>");
    let mut judge = Judge::new();
    judge.assert_exchange(&xml_request(&message), &xml_reply(&reply));
}

#[test]
fn our_credential_passes_when_it_is_whole() {
    let name = "</LocURI><LocName>mdm</LocName></Source>";
    let reply = answers(1, 212, CHAL, &format!("{ANSWERS_1}<Final/>"))
        .replace("</LocURI></Source></SyncHdr>", &format!("</LocURI><LocName>mdm</LocName></Source>{CRED}</SyncHdr>"));
    assert!(reply.contains(name));
    passes(&[(says(1, CRED, &format!("{PACKAGE_1}<Final/>")), reply)]);
}

#[test]
fn utf_16_prefixes_and_cdata_of_a_client_are_read() {
    let message = says(1, CRED, &format!("{PACKAGE_1}<Final/>")).replace(">user<", "><![CDATA[user]]><");
    let message = message.replace("<SyncBody>", "<s:SyncBody xmlns:s=\"SYNCML:SYNCML1.2\">");
    let message = message.replace("</SyncBody>", "</s:SyncBody>");
    let message = format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{message}");
    let mut wide = vec![0xFF, 0xFE];
    wide.extend(message.encode_utf16().flat_map(u16::to_le_bytes));
    let reply = answers(1, 212, CHAL, &format!("{ANSWERS_1}{COMMANDS}<Final/>"));
    for body in [wide.as_slice(), message.as_bytes()] {
        assert_clean(&Judge::new().exchange(&Request { content_type: XML, body }, &xml_reply(&reply)));
        // It was read, or a missing Status would go unseen.
        let short = reply.replacen(&status(2, 1, "2", "Alert", 200), "", 1);
        let found = Judge::new().exchange(&Request { content_type: XML, body }, &xml_reply(&short));
        assert_eq!(rules(&found), BTreeSet::from([Rule::StatusMissing]));
    }
}

#[test]
fn a_message_that_can_not_be_read_leaves_the_form_to_judge() {
    let reply = answers(1, 400, "", "<Final/>");
    assert_eq!(broken("<SyncML", &reply), BTreeSet::new());
    assert_eq!(broken("<SyncML", &reply.replace("<Final/>", "\n<Final/>")), BTreeSet::from([Rule::OneLine]));
}

#[test]
fn messages_that_devices_sent_are_read() {
    let Some(folder) = traces() else {
        println!("skipped: no recorded messages beside the source");
        return;
    };
    let folders = std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
    let mut read = 0;
    for file in files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|suffix| suffix == "xml")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let of_client = name.contains("request-POST-ManagementServer") || name.starts_with("windows-");
        if of_client && !name.contains("response") {
            let text = client::decode(&std::fs::read(&file).unwrap()).unwrap();
            let message = ClientMessage::read(&text, false);
            assert!(message.is_some_and(|message| !message.commands.is_empty() && message.is_final), "{name}");
            read += 1;
        }
    }
    assert!(read > 5, "{read}");
}

/// The folder of recorded messages, when it lies beside the source.
fn traces() -> Option<std::path::PathBuf> {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join("shared/traces")).find(|folder| folder.is_dir())
}

#[test]
fn a_binary_exchange_passes_and_is_judged() {
    if !wbxml::is_installed() {
        return;
    }
    let message = wire::to_wbxml(&says(1, CRED, &format!("{PACKAGE_1}<Final/>")));
    let reply = wire::to_wbxml(&answers(1, 212, CHAL, &format!("{ANSWERS_1}{COMMANDS}<Final/>")));
    let request = Request { content_type: "application/vnd.syncml.dm+wbxml", body: &message };
    let reply = Reply { content_type: "application/vnd.syncml.dm+wbxml; charset=utf-8", body: &reply };
    assert_clean(&Judge::new().exchange(&request, &reply));
}
