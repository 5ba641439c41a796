//! Whoever means harm: random bytes, mutated messages, values that nobody expects (T42 to T45).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use serde_json::json;
use tokio::task::JoinSet;
use transom::protocol::syncml::codec::{Encoding, decode, encode};
use transom::protocol::xml::Limits;
use transom::simulator::device::Behaviour;

use super::on_both;
use super::signed_in::SignedIn;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, size};
use crate::support::windows::Windows;

on_both!(
    mutated_messages_never_break_the_server,
    values_that_nobody_expects_are_answered,
    what_is_no_message_is_refused,
);

/// Files below a folder of the fixtures.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/syncml").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|extension| extension == "xml") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Messages to start from, in both encodings.
fn seeds() -> Vec<(Encoding, Vec<u8>)> {
    let mut seeds = Vec::new();
    for path in files("") {
        let body = fs::read(path).unwrap();
        if let Ok(decoded) = decode(Encoding::Xml, &body, &Limits::default()) {
            seeds.push((Encoding::Wbxml, encode(Encoding::Wbxml, &decoded.message)));
        }
        if !body.is_empty() {
            seeds.push((Encoding::Xml, body));
        }
    }
    assert!(seeds.len() > 40, "{}", seeds.len());
    seeds
}

/// Pieces that a reader may stumble over.
const PIECES: [&str; 14] = [
    "<Item>",
    "</Item>",
    "<Data>",
    "<![CDATA[",
    "]]>",
    "&#0;",
    "&x;",
    "<Status><CmdID>1</CmdID>",
    "<MoreData/>",
    "<Atomic>",
    "99999999999999999999",
    "\u{FEFF}",
    "<!DOCTYPE a>",
    "xmlns:a='b' ",
];

/// Changes a message somewhere, somehow.
fn mutate(random: &mut SmallRng, body: &mut Vec<u8>, others: &[(Encoding, Vec<u8>)]) {
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=body.len());
        let to = (at + random.random_range(0..64)).min(body.len());
        match random.random_range(0..6) {
            0 => body.truncate(at.max(1)),
            1 => {
                if let Some(byte) = body.get_mut(at) {
                    *byte = random.random();
                }
            }
            2 => drop(body.drain(at..to)),
            3 => {
                let piece = body[at..to].repeat(random.random_range(1..40));
                drop(body.splice(at..at, piece));
            }
            4 => {
                let piece = PIECES[random.random_range(0..PIECES.len())];
                drop(body.splice(at..at, piece.bytes()));
            }
            _ => {
                let other = &others[random.random_range(0..others.len())].1;
                let from = random.random_range(0..other.len());
                let until = (from + random.random_range(0..256)).min(other.len());
                drop(body.splice(at..to, other[from..until].iter().copied()));
            }
        }
    }
    if random.random_bool(0.05) {
        *body = (0..random.random_range(1..512)).map(|_| random.random()).collect();
    }
}

/// What stands in the bodies of the messages that can be read.
fn bodies(seeds: &[(Encoding, Vec<u8>)]) -> Vec<String> {
    let texts = seeds.iter().filter(|(encoding, _)| *encoding == Encoding::Xml);
    let texts = texts.filter_map(|(_, body)| std::str::from_utf8(body).ok());
    let inside = texts.filter_map(|text| {
        let (_, rest) = text.split_once("<SyncBody>")?;
        Some(rest.split_once("</SyncBody>")?.0.replace("<Final/>", ""))
    });
    let bodies: Vec<String> = inside.collect();
    assert!(bodies.len() >= 10, "{}", bodies.len());
    bodies
}

/// Values that nobody expects.
const VALUES: [&str; 16] = [
    "",
    "0",
    "-1",
    "1",
    "2",
    "3",
    "200",
    "213",
    "407",
    "999",
    "1222",
    "1223",
    "18446744073709551616",
    "./DevInfo/DevId",
    "SyncHdr",
    "Exec",
];

/// Changes a body so that it still is XML: another value, an element twice, an element gone.
fn distort(random: &mut SmallRng, body: &mut String) {
    let tags: Vec<usize> = body.match_indices('<').map(|(at, _)| at).collect();
    if tags.is_empty() {
        return;
    }
    let at = tags[random.random_range(0..tags.len())];
    let Some(end) = body[at..].find('>').map(|end| at + end + 1) else { return };
    let name = body[at + 1..end - 1].split(' ').next().unwrap_or_default().to_owned();
    let close = format!("</{name}>");
    if name.starts_with('/') || name.starts_with('!') || name.ends_with('/') {
        return;
    }
    let Some(inside) = body[end..].find(&close) else { return };
    let element = at..end + inside + close.len();
    if !body[end..end + inside].contains('<') && random.random_bool(0.7) {
        body.replace_range(end..end + inside, VALUES[random.random_range(0..VALUES.len())]);
    } else if random.random_bool(0.5) {
        let again = body[element.clone()].repeat(random.random_range(1..20));
        body.insert_str(element.end, &again);
    } else {
        body.replace_range(element, "");
    }
}

/// The server is well: nothing panicked, nothing was an error, and a device can check in.
async fn assert_well(site: &Site, server: &mut Server, windows: &Windows, operator: &Operator) {
    assert!(server.is_alive());
    assert_eq!(operator.counter("transom_http_panics_total", "").await, 0, "{}", site.log());
    assert!(!site.log().contains("ERROR"), "{}", site.log());
    let (mut device, entry) = windows.device("A-GOOD-DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    let commands = json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]);
    let id = operator.order_for("A-GOOD-DEVICE", &commands).await.remove(0);
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(operator.state(&id).await, "succeeded");
}

async fn mutated_messages_never_break_the_server(site: Site) {
    const WORKERS: usize = 4;
    let site = site.without_rates();
    let mut server = site.serve();
    let operator = server.operator();
    let windows = Arc::new(Windows::new(server.device_addr, site.root()));
    let seed = u64::try_from(size("E2E_SEED", 1)).unwrap();
    let messages = size("E2E_MESSAGES", 1_200);
    let seeds = Arc::new(seeds());
    let (_, known) = windows.device("0123456789ABCDEF0123456789ABCDEF", Behaviour::default());
    let entries = (0..WORKERS).map(|worker| windows.device(&format!("HOSTILE-{worker}"), Behaviour::default()).1);
    operator.import(&entries.chain([known]).collect::<Vec<_>>()).await;

    // All that is made at the first use is made before memory is measured.
    attack(&windows, &seeds, seed, 300, WORKERS).await;
    let before = server.resident();
    attack(&windows, &seeds, seed + 1, messages, WORKERS).await;
    let grown = server.resident().saturating_sub(before);
    let answered = operator.counter("transom_session_messages_total", "answered").await;
    let refused = operator.counter("transom_session_messages_total", "unreadable").await;
    let tenth = u64::try_from(messages / 10).unwrap();
    assert!(answered > tenth && refused > tenth, "{answered} were answered, {refused} refused");
    assert!(grown < 24 * 1024, "seed {seed}: {messages} messages cost {grown} KiB");
    assert_well(&site, &mut server, &windows, &operator).await;
}

/// Sends so many messages, half of them in sessions that were let in.
async fn attack(
    windows: &Arc<Windows>,
    seeds: &Arc<Vec<(Encoding, Vec<u8>)>>,
    seed: u64,
    messages: usize,
    workers: usize,
) {
    let mut running = JoinSet::new();
    for worker in 0..workers {
        let (windows, seeds) = (Arc::clone(windows), Arc::clone(seeds));
        running.spawn(async move {
            let mut random = SmallRng::seed_from_u64(seed * 1000 + u64::try_from(worker).unwrap());
            let http = windows.http();
            let device = format!("HOSTILE-{worker}");
            let mut session = None;
            let bodies = bodies(&seeds);
            for number in 0..messages / workers {
                let (mut encoding, mut body) = seeds[random.random_range(0..seeds.len())].clone();
                if number % 2 == 0 {
                    mutate(&mut random, &mut body, &seeds);
                } else {
                    if number % 40 == 1 {
                        let id = usize::try_from(seed).unwrap() * 10_000 + number;
                        session = Some(SignedIn::new(&windows, &http, &device, id).await);
                    }
                    let session = session.as_mut().unwrap();
                    let mut inside = bodies[random.random_range(0..bodies.len())].clone();
                    for _ in 0..random.random_range(0..4) {
                        distort(&mut random, &mut inside);
                    }
                    if random.random_bool(0.2) {
                        let mut bytes = inside.into_bytes();
                        mutate(&mut random, &mut bytes, &seeds);
                        inside = String::from_utf8_lossy(&bytes).into_owned();
                    }
                    let inside = inside.replace("1226", "1224");
                    (encoding, body) = (Encoding::Xml, session.message(&inside));
                    if let (true, Ok(read)) = (random.random_bool(0.3), decode(encoding, &body, &Limits::default())) {
                        (encoding, body) = (Encoding::Wbxml, encode(Encoding::Wbxml, &read.message));
                    }
                }
                if body.is_empty() {
                    continue;
                }
                let (status, reply) = windows.post(&http, encoding, body.clone()).await;
                let sent = String::from_utf8_lossy(&body).into_owned();
                assert!([200, 400, 413].contains(&status), "seed {seed}: {status} to {sent}");
                if status == 200 {
                    let read = decode(encoding, &reply, &Limits::default());
                    assert!(read.is_ok(), "seed {seed}: {:?} to {sent}", read.err());
                } else {
                    assert!(reply.is_empty(), "seed {seed}");
                }
            }
        });
    }
    running.join_all().await;
}

/// So many pieces of text in a row.
fn numbered(count: u32, piece: impl Fn(u32) -> String) -> String {
    (0..count).map(piece).collect::<Vec<_>>().concat()
}

async fn what_is_no_message_is_refused(site: Site) {
    let mut server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    let expected = fs::read_to_string(files("refused")[0].parent().unwrap().join("expected.txt")).unwrap();
    assert!(!expected.is_empty());
    for path in files("refused") {
        let (status, reply) = windows.post(&http, Encoding::Xml, fs::read(&path).unwrap()).await;
        assert!(status == 400 || status == 413, "{}: {status}", path.display());
        assert!(reply.is_empty(), "{}", path.display());
    }
    let shells = [
        "<?xml version=\"1.0\"?><!DOCTYPE SyncML SYSTEM \"http://127.0.0.1:9/x.dtd\"><SyncML/>".to_owned(),
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><SyncML>&b;</SyncML>".to_owned(),
        "<SyncML><xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/></SyncML>"
            .to_owned(),
        format!("<SyncML {}/>", numbered(100_000, |n| format!("a{n}='' "))),
        format!("<SyncML {}/>", numbered(20_000, |n| format!("xmlns:a{n}='u{n}' "))),
        "<a>".repeat(500_000),
        format!("<{}/>", "n".repeat(1_000_000)),
        format!("<SyncML>{}</SyncML>", "<a/>".repeat(400_000)),
        "\u{0}".repeat(1000),
    ];
    for shell in shells {
        let started = std::time::Instant::now();
        let (status, _) = windows.post(&http, Encoding::Xml, shell.clone().into_bytes()).await;
        assert_eq!(status, 400, "{}", &shell[..60.min(shell.len())]);
        assert!(started.elapsed().as_secs() < 5, "{}", &shell[..60.min(shell.len())]);
    }
    assert_well(&site, &mut server, &windows, &operator).await;
}

/// What is in order as XML and makes no sense as `SyncML` (T45, T47, T58).
const NONSENSE: [&str; 34] = [
    "<Frobnicate><CmdID>2</CmdID></Frobnicate>",
    "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Get</Cmd><Data>999</Data></Status>",
    "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Get</Cmd><Data>-1</Data></Status>",
    "<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>1</CmdRef><Cmd>Get</Cmd><Data/></Status>",
    "<Status><CmdID>2</CmdID><MsgRef>x</MsgRef><CmdRef>y</CmdRef><Cmd>z</Cmd><Data>200</Data></Status>",
    "<Status><CmdID>2</CmdID><MsgRef>18446744073709551616</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>",
    "<Status><CmdID>2</CmdID></Status>",
    "<Status/>",
    "<Alert><CmdID>x</CmdID><Data>1224</Data></Alert>",
    "<Alert><CmdID>0</CmdID><Data>1224</Data></Alert>",
    "<Alert><CmdID>9223372036854775808</CmdID><Data>1224</Data></Alert>",
    "<Alert><CmdID>-3</CmdID><Data>1224</Data></Alert>",
    "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>2</CmdID><Data>1201</Data></Alert>",
    "<Alert><CmdID>2</CmdID><Data>99999</Data></Alert>",
    "<Alert><CmdID>2</CmdID><Data>1222</Data></Alert>",
    "<Alert><CmdID>2</CmdID><Data>1225</Data><Item><Source><LocURI>./x</LocURI></Source></Item></Alert>",
    "<Alert><CmdID>2</CmdID></Alert>",
    "<Alert><CmdID>2</CmdID><Data>1226</Data><Item/></Alert>",
    "<Alert><CmdID>2</CmdID><Data>1224</Data><Item><Meta><Type xmlns='syncml:metinf'>com.microsoft/MDM/LoginStatus</Type></Meta><Data>emperor</Data></Item></Alert>",
    "<Results><CmdID>2</CmdID><MsgRef>77</MsgRef><CmdRef>88</CmdRef><Item><Source><LocURI>./x</LocURI></Source><Data>y</Data></Item></Results>",
    "<Results><CmdID>2</CmdID><Item/></Results>",
    "<Results><CmdID>2</CmdID><Item><Source><LocURI>./x</LocURI></Source><Data>part</Data><MoreData/></Item></Results>",
    "<Results><CmdID>2</CmdID><Meta><Size xmlns='syncml:metinf'>99999999999</Size></Meta><Item><Data>part</Data><MoreData/></Item></Results>",
    "<Get><CmdID>2</CmdID><Item><Target><LocURI>./server</LocURI></Target></Item></Get>",
    "<Exec><CmdID>2</CmdID><Item><Target><LocURI>./x</LocURI></Target></Item></Exec>",
    "<Delete><CmdID>2</CmdID></Delete>",
    "<Add><CmdID>2</CmdID><Item/></Add>",
    "<Replace><CmdID>2</CmdID><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>SOMEBODY-ELSE</Data></Item></Replace>",
    "<Replace><CmdID>2</CmdID><Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data></Data></Item></Replace>",
    "<Atomic><CmdID>2</CmdID></Atomic>",
    "<Atomic><CmdID>2</CmdID><Atomic><CmdID>3</CmdID></Atomic></Atomic>",
    "<Sequence><CmdID>2</CmdID><Get><CmdID>3</CmdID></Get></Sequence>",
    "<Copy><CmdID>2</CmdID></Copy><Map><CmdID>3</CmdID></Map><Sync><CmdID>4</CmdID></Sync>",
    "<Put><CmdID>2</CmdID><Item><Data>é ☃ 𝄞 &#x1F4A3; ' \" &lt;&amp;&gt;</Data></Item></Put>",
];

async fn values_that_nobody_expects_are_answered(site: Site) {
    let site = site.without_rates();
    let mut server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let http = windows.http();
    let device = "FOND-OF-NONSENSE";
    operator.import(&[windows.device(device, Behaviour::default()).1]).await;
    let victim =
        json!([{ "kind": "exec", "items": [{ "target": "./Device/Vendor/MSFT/Defender/Scan", "data": "1" }] }]);
    operator.import(&[windows.device("VICTIM", Behaviour::default()).1]).await;
    let id = operator.order_for("VICTIM", &victim).await.remove(0);
    for (number, nonsense) in NONSENSE.iter().enumerate() {
        let mut session = SignedIn::new(&windows, &http, device, number + 1).await;
        let message = session.message(nonsense);
        let (status, reply) = windows.post(&http, Encoding::Xml, message).await;
        assert!(status == 200 || status == 400, "{nonsense}: {status}");
        assert!(status == 400 || decode(Encoding::Xml, &reply, &Limits::default()).is_ok(), "{nonsense}");
        // The session goes on, or a new one can be had.
        let (status, _) = windows.post(&http, Encoding::Xml, session.message("")).await;
        assert_eq!(status, 200, "after {nonsense}");
    }
    assert_eq!(operator.state(&id).await, "queued");
    assert_well(&site, &mut server, &windows, &operator).await;
}
