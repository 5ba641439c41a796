//! Files come into a draft without scripts: profiles and declarations, and bodies that no browser sends.

use super::authoring::Author;
use super::pages::Person;
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    files_come_into_a_draft,
    a_profile_that_comes_twice_refers_to_its_own,
    what_was_entered_stays_beside_a_file_that_is_no_text,
    what_no_browser_sends_is_refused,
);

/// What a body of parts is.
pub(super) const TYPE: &str = "multipart/form-data; boundary=----between";

const PATH: &str = "/sets/default/import";
const LARGEST: usize = 4 * 1024 * 1024;
const SET: &str =
    "type: asset\nidentifier: note\npayload:\n  text: hello\n---\ntype: asset\nidentifier: more\npayload:\n  text: x\n";

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"------between\r\n", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

fn field(name: &str, content: &[u8]) -> Vec<u8> {
    part(&format!("Content-Disposition: form-data; name=\"{name}\""), content)
}

/// A body as a browser makes it; what is called `file` has a name of its own.
pub(super) fn body(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in fields {
        if *name == "file" {
            let head =
                "Content-Disposition: form-data; name=\"file\"; filename=\"../../set.yaml\"\r\nContent-Type: text/xml";
            body.extend(part(head, content.as_bytes()));
        } else {
            body.extend(field(name, content.as_bytes()));
        }
    }
    body.extend(b"------between--\r\n");
    body
}

async fn files_come_into_a_draft(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let page = ada.person.see(PATH).await;
    assert!(page.html.contains("enctype=\"multipart/form-data\"") && page.html.contains("type=\"file\""));
    let nothing = ada.upload(PATH, &[("as", "profile"), ("file", ""), ("text", " ")]).await;
    assert!(nothing.html.contains("Choose a file"), "{}", nothing.html);

    let taken = ada.upload(PATH, &[("as", "declarations"), ("file", SET), ("text", "")]).await;
    assert_eq!((taken.status, taken.header("location")), (303, "/sets/default?done=saved"), "{}", taken.html);
    let drafted = async || {
        let draft = ada.person.see("/sets/default").await.html;
        ["note", "more", "third"].map(|name| draft.contains(&format!("/declarations/{name}\"")))
    };
    assert_eq!(drafted().await, [true, true, false]);
    // Of the same name, in place of what was; the others stay, unless it is all.
    let third = "\u{feff}[{\"type\": \"asset\", \"identifier\": \"third\", \"payload\": {\"text\": \"y\"}}]";
    ada.upload(PATH, &[("as", "declarations"), ("text", third)]).await;
    assert_eq!(drafted().await, [true, true, true]);
    ada.upload(PATH, &[("as", "declarations"), ("whole", "true"), ("file", SET)]).await;
    assert_eq!(drafted().await, [true, true, false]);
    // What can't be read is said with its line, and nothing is changed.
    for (wrong, what) in [
        ("type: asset\nidentifier: a b\n", "line 2"),
        ("type: [", "line"),
        ("<a/>", "Not done:"),
        ("# nothing", "Nothing of it could be taken"),
    ] {
        let refused = ada.upload(PATH, &[("as", "declarations"), ("whole", "true"), ("text", wrong)]).await;
        assert!(refused.status == 200 && refused.html.contains(what), "{wrong}: {}", refused.html);
        assert!(refused.html.contains("value=\"declarations\" checked"), "{}", refused.html);
    }
    let twice = ada.upload(PATH, &[("as", "declarations"), ("text", &format!("{SET}---\n{SET}"))]).await;
    assert!(twice.html.contains("stands there twice"), "{}", twice.html);
    assert_eq!(drafted().await, [true, true, false]);

    let profile = "<Replace><Item><Target><LocURI>./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera</LocURI></Target>\
        <Meta><Format>int</Format></Meta><Data>0</Data></Item></Replace>";
    let imported = ada.upload(PATH, &[("as", "profile"), ("name", "old"), ("file", profile), ("text", "junk")]).await;
    assert!(
        imported.html.contains("What was understood") && imported.html.contains("AllowCamera"),
        "{}",
        imported.html
    );
    assert!(ada.person.see("/sets/default/declarations/old").await.html.contains("AllowCamera"));
    door.close().await;
}

async fn a_profile_that_comes_twice_refers_to_its_own(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let profile = |word: &str| {
        format!(
            "<Replace><Item><Target><LocURI>./Device/Vendor/MSFT/Accounts/Users/{word}/Password</LocURI></Target>\
             <Data>of {word}</Data></Item></Replace>"
        )
    };
    for word in ["ada", "joe"] {
        let imported = ada.upload(PATH, &[("as", "profile"), ("text", &profile(word))]).await;
        assert!(imported.html.contains("It is in your draft"), "{}", imported.html);
    }
    let published = ada.publish("default", "two accounts").await;
    assert_eq!(published.status, 303, "{}", published.html);
    let draft = door.get("/policies/export").await.json();
    let all = draft["declarations"].as_array().unwrap();
    let of = |kind: &str| all.iter().filter(|each| each["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("configuration").len(), of("asset").len()), (2, 2), "{draft}");
    let used: Vec<&str> = of("configuration")
        .iter()
        .map(|each| {
            each["payload"]["settings"].as_object().unwrap().values().next().unwrap()["asset"].as_str().unwrap()
        })
        .collect();
    assert_ne!(used[0], used[1], "{draft}");
    for name in used {
        assert!(of("asset").iter().any(|each| each["identifier"] == name), "{name}: {draft}");
    }
    door.close().await;
}

async fn what_was_entered_stays_beside_a_file_that_is_no_text(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let send = async |file: &[u8]| {
        let fields = [
            field("csrf", ada.csrf.as_bytes()),
            field("as", b"declarations"),
            field("name", b"kiosks"),
            field("text", b"what was pasted"),
            field("file", file),
            b"------between--\r\n".to_vec(),
        ];
        ada.person.send_body(PATH, TYPE, fields.concat()).await
    };
    let refused = send(b"MZ\x90\0\xff").await;
    assert!(refused.html.contains("no text in UTF-8"), "{}", refused.html);
    for kept in ["value=\"kiosks\"", "what was pasted", "value=\"declarations\" checked"] {
        assert!(refused.html.contains(kept), "{kept}: {}", refused.html);
    }
    // As shells of Windows write files.
    let utf_16: Vec<u8> = format!("\u{feff}{SET}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(send(&utf_16).await.status, 303);
    assert!(ada.person.see("/sets/default").await.html.contains("/declarations/note\""));
    door.close().await;
}

async fn what_no_browser_sends_is_refused(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let joe = Person::signed_in_as(&door, "joe", "helpdesk").await;
    let token = field("csrf", ada.csrf.as_bytes());
    let end = b"------between--\r\n";
    let set = field("text", SET.as_bytes());
    let how = field("as", b"declarations");
    let whole = |parts: &[&[u8]]| parts.concat();
    let csrf = joe.see("/sets").await.field("csrf");
    let of_joe = whole(&[&field("csrf", csrf.as_bytes()), &how, &set, end]);
    assert_eq!(joe.send_body(PATH, TYPE, of_joe).await.status, 403);
    let sent = async |content_type: &str, body: Vec<u8>| ada.person.send_body(PATH, content_type, body).await.status;
    // Not from a page of ours: without the token, with another, or with it behind what it is to guard.
    for body in [
        whole(&[&how, &set, end]),
        whole(&[&field("csrf", b"x"), &how, &set, end]),
        whole(&[&field("csrf", b"\xff\xfe"), &how, &set, end]),
        whole(&[&how, &token, &set, end]),
        end.to_vec(),
    ] {
        assert_eq!(sent(TYPE, body).await, 403);
    }
    for (what, body) in [
        ("a part that nobody asked for", whole(&[&token, &how, &set, &field("more", b"x"), end])),
        ("a part without a name", whole(&[&token, &how, &part("Content-Disposition: form-data", b"x"), end])),
        ("a part that is none of a form", whole(&[&token, &part("Content-Type: text/plain", b"x"), end])),
        ("the same twice", whole(&[&token, &how, &set, &set, end])),
        ("a second token", whole(&[&token, &token, &how, &set, end])),
        ("no end", whole(&[&token, &how, &set[..set.len() - 10]])),
        ("a head without an end", whole(&[&token, b"------between\r\nX: ", &b"y".repeat(200_000)])),
        ("many heads", whole(&[&token, &part(&"X-A: b\r\n".repeat(100), b"x"), end])),
    ] {
        assert_eq!(sent(TYPE, body).await, 400, "{what}");
    }
    let good = whole(&[&token, &how, &set, end]);
    for content_type in
        ["multipart/form-data", "multipart/form-data; boundary=", "text/plain", "multipart/form-data; boundary=other"]
    {
        assert!([400, 403].contains(&sent(content_type, good.clone()).await), "{content_type}");
    }
    let long = whole(&[&token, &how, &field("file", &b"x".repeat(LARGEST + 1)), end]);
    assert_eq!(sent(TYPE, long).await, 413);
    assert_eq!(sent(TYPE, whole(&[&token, &field("as", &b"x".repeat(33)), end])).await, 413);
    assert_eq!(sent(TYPE, whole(&[&field("csrf", &b"x".repeat(300)), end])).await, 413);
    let binary = whole(&[&token, &how, &field("file", b"MZ\x90\0\xff"), end]);
    let refused = ada.person.send_body(PATH, TYPE, binary).await;
    assert!(refused.status == 200 && refused.html.contains("no text in UTF-8"), "{}", refused.html);
    assert_eq!(door.get("/policies/drafts").await.json()["items"].as_array().unwrap().len(), 0, "nothing was taken");
    // The largest that is taken.
    let text = format!("type: asset\nidentifier: note\npayload:\n  text: {}\n", "x".repeat(1_000_000));
    assert_eq!(sent(TYPE, whole(&[&token, &how, &field("text", text.as_bytes()), end])).await, 303);
    door.close().await;
}
