//! Replies that would be right at another moment.

use super::good::COMMANDS;
use super::*;

const GET: &str = "<Get><CmdID>9</CmdID><Item><Target><LocURI>./a</LocURI></Target></Item></Get>";

pub(super) fn cases() -> Vec<Case> {
    [answered(), refused(), packages(), scopes()].into_iter().flatten().collect()
}

/// A client that sends this body, and a reply of these Statuses: number, name, code.
fn reply_to(body: &str, statuses: &[(&str, &str, u16)]) -> BTreeSet<Rule> {
    let statuses: String =
        (2..).zip(statuses).map(|(cmd_id, (cmd_ref, cmd, code))| status(cmd_id, 1, cmd_ref, cmd, *code)).collect();
    broken(&says(1, CRED, &format!("{body}<Final/>")), &answers(1, 212, CHAL, &format!("{statuses}<Final/>")))
}

fn answered() -> Vec<Case> {
    let heard = heard(1).replace("<CmdID>1<", "<CmdID>2<");
    let results = "<Results><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Item><Source><LocURI>./a</LocURI></Source><Data>1</Data></Item></Results>";
    let silent = "<Alert><CmdID>2</CmdID><NoResp/><Data>1201</Data></Alert>";
    let alert = "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>";
    let unnumbered = "<Alert><Data>1201</Data></Alert>";
    let sequence = format!("<Sequence><CmdID>3</CmdID>{alert}</Sequence>");
    vec![
        (&[], reply_to(&heard, &[])),
        (&[], reply_to(&heard, &[("2", "Status", 406)])),
        (&[Rule::StatusUnwanted], reply_to(&heard, &[("2", "Status", 200)])),
        (&[], reply_to(results, &[])),
        (&[], reply_to(results, &[("2", "Results", 424)])),
        (&[Rule::StatusUnwanted], reply_to(results, &[("2", "Results", 200)])),
        (&[Rule::StatusUnwanted], reply_to(silent, &[("2", "Alert", 200)])),
        (&[Rule::NotUnderstood], reply_to("<Frob><CmdID>2</CmdID></Frob>", &[("2", "Frob", 200)])),
        (&[Rule::NotUnderstood], reply_to("<Get><CmdID>2</CmdID></Get>", &[("2", "Get", 200)])),
        (&[Rule::NotUnderstood], reply_to(unnumbered, &[("", "Alert", 200)])),
        (&[Rule::StatusMissing], reply_to("<Frob><CmdID>2</CmdID></Frob>", &[])),
        (&[Rule::ChunkAnswer], reply_to(alert, &[("2", "Alert", 213)])),
        (&[], reply_to(&sequence, &[("3", "Sequence", 200), ("2", "Alert", 200)])),
        (&[], reply_to(&sequence, &[("3", "Sequence", 406)])),
        (&[Rule::StatusMissing], reply_to(&sequence, &[("3", "Sequence", 200)])),
    ]
}

fn refused() -> Vec<Case> {
    let plain = says(1, "", &format!("{PACKAGE_1}<Final/>"));
    let with_cred = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let refusal = |code, chal, body: &str| answers(1, code, chal, &format!("{body}<Final/>"));
    let abort = "<Alert><CmdID>5</CmdID><Data>1223</Data></Alert>";
    let older = plain.replace(">1.2</VerDTD", ">1.1</VerDTD");
    let other = plain.replace("DM/1.2", "DM/1.3");
    vec![
        (&[], broken(&plain, &refusal(407, CHAL, &ANSWERS_1.replace(">200<", ">407<")))),
        (&[Rule::ChallengeKind], broken(&plain, &refusal(407, "", ""))),
        (&[Rule::ChallengeKind], broken(&plain, &refusal(401, CHAL, ""))),
        (&[Rule::ChallengeKind], broken(&with_cred, &refusal(407, CHAL, ""))),
        (&[], broken(&plain, &refusal(401, "", ""))),
        (&[Rule::ChalPlace], broken(&older, &refusal(505, CHAL, ""))),
        (&[], broken(&older, &refusal(505, "", abort))),
        (&[Rule::ChallengeAlone], broken(&plain, &refusal(407, CHAL, abort))),
        (&[Rule::ChallengeAlone], broken(&plain, &refusal(407, CHAL, GET))),
        (&[Rule::ChallengeAlone], broken(&plain, &refusal(407, CHAL, ANSWERS_1))),
        (&[Rule::ChallengeAlone], broken(&older, &refusal(505, "", GET))),
        (&[Rule::VersionRefused], broken(&older, &refusal(200, "", ANSWERS_1))),
        (&[Rule::VersionRefused], broken(&other, &refusal(200, "", ANSWERS_1))),
        (&[Rule::FinalMissing], broken(&plain, &answers(1, 407, CHAL, ""))),
    ]
}

fn packages() -> Vec<Case> {
    let whole = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let half = says(1, CRED, PACKAGE_1);
    let reply = |body: &str| answers(1, 212, CHAL, &format!("{ANSWERS_1}{body}"));
    let alert = |code: u16| format!("<Alert><CmdID>5</CmdID><Data>{code}</Data></Alert>");
    let told = |code: &str, kind: &str| {
        let meta = format!("<Meta><Type xmlns=\"syncml:metinf\">{kind}</Type></Meta>");
        let more = format!("<Alert><CmdID>5</CmdID><Data>{code}</Data><Item>{meta}<Data>1</Data></Item></Alert>");
        let statuses = format!("{ANSWERS_1}{}{GET}<Final/>", status(5, 1, "5", "Alert", 200));
        broken(&says(1, CRED, &format!("{PACKAGE_1}{more}<Final/>")), &answers(1, 212, CHAL, &statuses))
    };
    let small = says(1, &format!("{CRED}{}", max("MaxMsgSize", 500)), &format!("{PACKAGE_1}<Final/>"));
    let bulk = |count: u32| -> String {
        let one =
            |id: u32| format!("<Get><CmdID>{id}</CmdID>{}</Get>", item("./a", "").repeat(13_000 / count as usize));
        (5..5 + count).map(one).collect()
    };
    vec![
        (&[Rule::FinalMissing], broken(&whole, &reply(""))),
        (&[Rule::FinalEarly], broken(&half, &reply(&format!("{}<Final/>", alert(1222))))),
        (&[Rule::NextMessage], broken(&half, &reply(""))),
        (&[Rule::NextMessage], broken(&whole, &reply(&format!("{}<Final/>", alert(1222))))),
        (&[Rule::CommandsTooEarly], broken(&half, &reply(&format!("{}{GET}", alert(1222))))),
        (&[Rule::AfterAbort], told("1223", "any")),
        (&[Rule::WhileBusy], told("1224", "Reversed-Domain-Name:com.microsoft.mdm.requestpending")),
        (&[Rule::AfterUnenroll], told("1226", "com.microsoft:mdm.unenrollment.userrequest")),
        (&[], told("1226", "com.microsoft.mdm.other")),
        (&[], broken(&whole, &reply(&format!("{}<Final/>", alert(1223))))),
        (&[Rule::AbortAlone], broken(&whole, &reply(&format!("{}{GET}<Final/>", alert(1223))))),
        (&[Rule::EndOfData], broken(&whole, &reply(&format!("{}<Final/>", alert(1225))))),
        (&[], broken(&small, &reply("<Final/>"))),
        (&[], broken(&small, &reply(&format!("{}<Final/>", alert(1222))))),
        (&[Rule::MaxMsgSize], broken(&small, &reply(&format!("{GET}<Final/>")))),
        (&[], broken(&whole, &reply(&format!("{}<Final/>", bulk(1))))),
        (&[Rule::PackageSize], broken(&whole, &reply(&format!("{}<Final/>", bulk(2))))),
    ]
}

/// Meta of the header with a size.
pub(super) fn max(name: &str, bytes: usize) -> String {
    format!("<Meta><{name} xmlns=\"syncml:metinf\">{bytes}</{name}></Meta>")
}

fn scopes() -> Vec<Case> {
    let reply = |commands: &str| answers(1, 212, CHAL, &format!("{ANSWERS_1}{commands}<Final/>"));
    let login = |word: &str| says(1, CRED, &format!("{PACKAGE_1}<Final/>").replace(">user<", &format!(">{word}<")));
    let sync = |word: &str| login(word).replace("com.microsoft/MDM/LoginStatus", "com.microsoft.mdm.synctype");
    let unsaid = says(1, CRED, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Final/>");
    let first = format!("{}{COMMANDS}<Final/>", status(2, 1, "2", "Alert", 200));
    vec![
        (&[], broken(&login("user"), &reply(COMMANDS))),
        (&[Rule::UserScope], broken(&login("none"), &reply(COMMANDS))),
        (&[Rule::UserScope], broken(&login("others"), &reply(COMMANDS))),
        (&[Rule::UserScope], broken(&unsaid, &answers(1, 212, CHAL, &first))),
        (&[], broken(&sync("mixed"), &reply(COMMANDS))),
        (&[Rule::UserScope], broken(&sync("device"), &reply(COMMANDS))),
        (&[], broken(&sync("device"), &reply(GET))),
        (&[Rule::UserScope], broken(&sync("user"), &reply(GET))),
    ]
}
