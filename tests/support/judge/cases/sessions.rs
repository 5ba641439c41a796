//! Replies that are right by themselves and wrong after what went before.

use super::*;

pub(super) fn cases() -> Vec<Case> {
    let first = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let reply = answers(1, 212, CHAL, &format!("{ANSWERS_1}<Final/>"));
    let next = says(2, "", &format!("{}<Final/>", heard(1)));
    let get = "<Get><CmdID>9</CmdID><Item><Target><LocURI>./a</LocURI></Target></Item></Get><Final/>";
    let after = |request: &str, reply: &str| broken_after(&[(&first, &reply_1(CHAL))], request, reply);
    let wrong = |message| says(message, CRED, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Final/>");
    let once = answers(1, 401, CHAL, "<Final/>");
    vec![
        (&[], after(&next, &answers(2, 200, "", "<Final/>"))),
        (&[Rule::ServerMsgId], after(&next, &answers_to(1, 2, 200, "", "<Final/>"))),
        (&[Rule::ServerMsgId], after(&next, &answers_to(3, 2, 200, "", "<Final/>"))),
        (&[Rule::ServerMsgId], broken(&first, &reply.replace("<MsgID>1<", "<MsgID>2<"))),
        (&[Rule::SameReply], after(&first, &reply.replace("<Final/>", get))),
        (
            &[Rule::Stale],
            broken_after(
                &[(&first, &reply), (&next, &answers(2, 200, "", "<Final/>"))],
                &next.replace("<CmdID>1<", "<CmdID>4<"),
                &answers_to(3, 2, 200, "", get),
            ),
        ),
        (&[Rule::ChallengeLoop], broken_after(&[(&wrong(1), &once)], &wrong(2), &answers(2, 401, CHAL_2, "<Final/>"))),
        (&[Rule::NonceFresh], after(&next, &answers(2, 200, CHAL, "<Final/>"))),
        (&[Rule::NonceRenewed], not_renewed(&first)),
    ]
}

fn reply_1(chal: &str) -> String {
    answers(1, 212, chal, &format!("{ANSWERS_1}<Final/>"))
}

fn not_renewed(first: &str) -> BTreeSet<Rule> {
    let mut judge = Judge::new();
    judge.assert_exchange(&xml_request(first), &xml_reply(&reply_1("")));
    rules(&judge.session_end())
}

#[test]
fn devices_do_not_mix() {
    let first = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let other = |text: &str| text.replace(DEVICE, "other");
    let mut judge = Judge::new();
    judge.assert_exchange(&xml_request(&first), &xml_reply(&reply_1(CHAL)));
    judge.assert_exchange(&xml_request(&other(&first)), &xml_reply(&other(&reply_1(CHAL_2))));
    let next = says(2, "", &format!("{}<Final/>", heard(1)));
    judge.assert_exchange(&xml_request(&next), &xml_reply(&answers(2, 200, "", "<Final/>")));
}

#[test]
fn an_unauthenticated_beginning_leaves_the_session_alone() {
    let first = says(1, CRED, &format!("{PACKAGE_1}<Final/>"));
    let stranger = says(1, "", &format!("{PACKAGE_1}<Final/>"));
    let user = "<Get><CmdID>2</CmdID><Item><Target><LocURI>./User/a</LocURI></Target></Item></Get><Final/>";
    let mut judge = Judge::new();
    judge.assert_exchange(&xml_request(&first), &xml_reply(&reply_1(CHAL)));
    judge.assert_exchange(&xml_request(&stranger), &xml_reply(&answers(1, 407, CHAL_2, "<Final/>")));
    // The user is still signed in, and the count goes on.
    let next = says(2, "", &format!("{}<Final/>", heard(1)));
    judge.assert_exchange(&xml_request(&next), &xml_reply(&answers(2, 200, "", user)));
}
