//! `transom ca`: the program on an installation, and `openssl` as the judge of what it writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use transom::cli::{Installation, open_store};
use transom::config::DataFolder;
use transom::model::{CertificateState, DeviceId, DeviceInfo, NewCertificate, NewEnrollment, Timestamp};
use transom::pki::device::{DeviceKeyKind, DeviceKeyPair, RequestShape};
use transom::pki::{CertificateRequest, IssuedCertificate, verify_device_certificate};
use transom::protocol::session::{A1, Account, AuthScheme, Credential, Nonce, Rotation, Secret32};
use transom::store;

/// An installation, and files beside it.
struct Place {
    place: TempDir,
}

/// What the program said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new(arguments: &[&str]) -> Self {
        let place = Self { place: tempfile::tempdir().unwrap() };
        let made = place.run(&[&["init", "--host", "localhost"], arguments].concat());
        assert_eq!(made.code, Some(0), "{}", made.err);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
        let inherited = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_"));
        inherited.for_each(|(name, _)| _ = command.env_remove(name));
        command.current_dir(self.place.path()).args(["--data", "data"]).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command().args(arguments).output().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str(&said.out).unwrap()
    }

    fn installation(&self) -> Installation {
        Installation::open(DataFolder::new(self.path("data")), &[]).unwrap()
    }

    /// Whether `openssl` is content, and what it says; `None` where there is no such program.
    fn openssl(&self, arguments: &[&str]) -> Option<(bool, String)> {
        let Ok(output) = Command::new("openssl").current_dir(self.place.path()).args(arguments).output() else {
            println!("skipped: there is no openssl program here");
            return None;
        };
        let said = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    fn issue(&self, subject: &str) -> IssuedCertificate {
        let key = DeviceKeyPair::generate(DeviceKeyKind::P256).unwrap();
        let request = key.request("guid", subject, RequestShape::Windows11).unwrap();
        let request = CertificateRequest::read(&request).unwrap();
        let authority = self.installation().authority().unwrap();
        authority.issue_device(&request, subject, Duration::from_secs(86_400), now()).unwrap()
    }

    fn authorities(&self) -> Vec<(String, String)> {
        let shown = self.json(&["ca", "show"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let rows = shown["authorities"].as_array().unwrap().iter();
        rows.map(|authority| (text(&authority["id"]), text(&authority["state"]))).collect()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    fn refused(&self, code: i32, reason: &str) {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        assert!(self.err.contains(reason), "{}", self.err);
    }
}

fn now() -> Timestamp {
    transom::cli::now()
}

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

#[test]
fn the_root_is_exported_in_both_forms() {
    let place = Place::new(&[]);
    let printed = place.run(&["ca", "export"]);
    assert!(printed.out.starts_with("-----BEGIN CERTIFICATE-----"), "{}{}", printed.out, printed.err);
    let said = place.run(&["ca", "export", "--der", "--out", "root.cer"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let document = place.json(&["ca", "export"]);
    assert_eq!(document["certificate"].as_str().unwrap().trim(), printed.out.trim());
    place.run(&["ca", "export", "--der"]).refused(2, "--out");
    place.run(&["ca", "export", "--out", "nowhere/root.pem"]).refused(1, "can't write nowhere/root.pem");
    let arguments = ["x509", "-inform", "der", "-in", "root.cer", "-noout", "-fingerprint", "-sha1"];
    let Some((good, text)) = place.openssl(&arguments) else { return };
    let thumbprint = document["thumbprint"].as_str().unwrap();
    assert!(good && text.replace(':', "").trim().ends_with(thumbprint), "{text}");
}

#[test]
fn an_authority_may_have_a_key_of_rsa() {
    let place = Place::new(&["--ca-key", "rsa2048"]);
    assert_eq!(place.json(&["ca", "show"])["authorities"][0]["key"], "RSA 2048");
    let default = Place::new(&[]);
    assert_eq!(default.json(&["ca", "show"])["authorities"][0]["key"], "EC 256");
    let wrong = Place { place: tempfile::tempdir().unwrap() };
    wrong.run(&["init", "--host", "localhost", "--ca-key", "dsa"]).refused(2, "the kinds are p256 and rsa2048");
}

#[test]
fn a_rotation_keeps_the_old_authority_until_it_is_retired() {
    let place = Place::new(&[]);
    let old_root = place.run(&["ca", "export"]).out;
    let (old, device) = (place.authorities(), place.issue("device-1"));
    let rotated = place.json(&["ca", "rotate", "--overlap", "30d"]);
    let (new_id, old_id) = (rotated["issuing"].as_str().unwrap(), old[0].0.as_str());
    assert_eq!(rotated["previous"], old_id);
    let both = [(new_id.to_owned(), "issuing".to_owned()), (old_id.to_owned(), "trusted".to_owned())];
    assert_eq!(place.authorities(), both);
    let judged = || {
        let authorities = place.installation().authorities().unwrap().current();
        verify_device_certificate(&authorities, &device.encoded.der, now()).is_ok()
    };
    assert!(judged());
    let roots = place.run(&["ca", "export", "--all"]).out;
    assert_eq!(roots.matches("BEGIN CERTIFICATE").count(), 2);
    assert!(roots.contains(old_root.trim()) && !place.run(&["ca", "export"]).out.contains(old_root.trim()));
    // The server goes on showing what devices trust already.
    let shown = place.run(&["ca", "show"]);
    assert!(shown.out.contains(&format!("is from authority {old_id}")), "{}", shown.out);
    let early = place.run(&["ca", "retire", old_id]);
    early.refused(1, "is trusted until");
    assert!(early.err.contains("hint: ") && early.err.contains("--now"), "{}", early.err);
    place.run(&["ca", "retire", old_id, "--now"]).refused(1, "the server certificate is from authority");
    assert_eq!(place.run(&["ca", "server"]).code, Some(0));
    assert!(place.run(&["ca", "show"]).out.contains(&format!("is from authority {new_id}")));
    let retired = place.run(&["ca", "retire", old_id, "--now"]);
    assert_eq!(retired.code, Some(0), "{}", retired.err);
    assert!(!judged());
    assert_eq!(place.authorities(), both[..1]);
    place.run(&["ca", "retire", old_id]).refused(1, "there is no earlier authority");
    place.run(&["ca", "retire", new_id, "--now"]).refused(1, "there is no earlier authority");
    place.run(&["ca", "retire", "nothing"]).refused(2, "8 hexadecimal digits");
    let left: Vec<_> = std::fs::read_dir(place.path("data")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("ca-")), "{left:?}");
}

#[test]
fn a_server_certificate_of_somebody_else_is_not_replaced() {
    let place = Place::new(&[]);
    let other = Place::new(&[]);
    for name in ["server.pem", "server.key"] {
        std::fs::copy(other.path("data").join(name), place.path("data").join(name)).unwrap();
    }
    place.run(&["ca", "server"]).refused(1, "comes from another authority");
    assert!(place.json(&["ca", "show"])["server_certificate"]["authority"].is_null());
}

#[test]
fn an_authority_that_openssl_made_is_imported() {
    let place = Place::new(&[]);
    write(&place.path("issuing.ext"), b"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    write(
        &place.path("server.ext"),
        b"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n",
    );
    write(&place.path("passphrase"), b"correct-horse\n");
    let root = "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 -subj /CN=Company_Root";
    let asked = "req -newkey rsa:2048 -keyout issuing.key -passout file:passphrase -out issuing.csr -subj /CN=Issuing";
    let issue = "x509 -req -in issuing.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20";
    let issuing = format!("{issue} -extfile issuing.ext -out issuing.pem");
    let server = format!("{issue} -extfile server.ext -out server.pem");
    let archive = "pkcs12 -export -in issuing.pem -inkey issuing.key -passin file:passphrase -certfile root.pem -passout pass:correct-horse -out issuing.pfx";
    for line in [root, asked, &issuing, &server, archive] {
        let Some((good, said)) = place.openssl(&line.split(' ').collect::<Vec<_>>()) else { return };
        assert!(good, "{line}: {said}");
    }
    let key = ["ca", "import", "issuing.pem", "--key", "issuing.key"];
    let without = place.run(&key);
    without.refused(1, "the passphrase does not open it");
    assert!(without.err.contains("TRANSOM_CA_PASSPHRASE"), "{}", without.err);
    let with_file = |more: &[&str]| place.run(&[&key[..], &["--passphrase-file", "passphrase"], more].concat());
    with_file(&[]).refused(1, "the root above it is not there");
    let server = ["ca", "import", "server.pem", "--key", "issuing.key", "--passphrase-file", "passphrase"];
    place.run(&[&server[..], &["--chain", "root.pem"]].concat()).refused(1, "is not that of an authority");
    place.run(&["ca", "import", "root.pem", "--key", "nowhere.key"]).refused(1, "can't read nowhere.key");
    place.run(&["ca", "import", "issuing.pfx"]).refused(1, "the PKCS#12 can't be read");
    assert_eq!(place.authorities().len(), 1, "a refusal changes nothing");
    let mut import = place.command();
    import.args(["ca", "import", "issuing.pfx", "--overlap", "1d"]).env("TRANSOM_CA_PASSPHRASE", "correct-horse");
    let imported = Said::from(import.output().unwrap());
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    assert!(!format!("{}{}", imported.out, imported.err).contains("correct-horse"));
    let again = with_file(&["--chain", "root.pem"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(place.authorities().len(), 2, "the same one twice is one");
    // The key is no longer as it came.
    let kept = std::fs::read_to_string(place.path("data/ca.key")).unwrap();
    assert!(kept.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    assert_eq!(
        place.run(&["ca", "export"]).out.trim(),
        std::fs::read_to_string(place.path("root.pem")).unwrap().trim()
    );
    write(&place.path("device.der"), &place.issue("device-1").encoded.der);
    let verify = ["verify", "-purpose", "sslclient", "-CAfile", "root.pem", "-untrusted", "issuing.pem", "device.der"];
    let (good, said) = place.openssl(&verify).unwrap();
    assert!(good, "{said}");
}

/// Keeps a certificate for an enrollment of its own, and blocks that if asked to.
async fn kept(store: &store::Store, name: &str, authority: String, issued: &IssuedCertificate, block: bool) {
    let account = Account {
        scheme: AuthScheme::Md5,
        client: Credential { name: name.to_owned(), a1: A1::new(name, "secret") },
        server: None,
        next_nonce: Nonce::from_bytes(b"nonce"),
        previous_nonce: None,
        server_nonce: None,
        challenge_key: Secret32::new([9; 32]),
        accepted: 0,
        failures: 0,
        failed_session: None,
        recent_sessions: Vec::new(),
        proofs: None,
        rotation: Rotation::default(),
    };
    let device_id = DeviceId::parse(name).unwrap();
    let enrollment = NewEnrollment { device_id, account, info: DeviceInfo::default(), made: None };
    let certificate = NewCertificate {
        fingerprint: issued.fingerprint,
        serial: issued.serial.clone(),
        key: issued.key,
        authority,
        not_before: issued.not_before,
        not_after: issued.not_after,
        der: issued.encoded.der.clone(),
    };
    let keep = move |tx: &mut store::Tx<'_>| {
        let id = tx.import_enrollment(&enrollment, now())?.id;
        tx.add_certificate(&id, &certificate, CertificateState::Current, now())?;
        if block { tx.block_enrollment(&id, now()) } else { Ok::<_, store::Error>(()) }
    };
    store.write(keep).await.unwrap();
}

#[test]
fn the_revocation_list_holds_what_was_revoked_of_its_authority() {
    let place = Place::new(&[]);
    let names = ["blocked-1", "kept-1"];
    let of_first = names.map(|name| place.issue(name));
    let first = place.authorities()[0].0.clone();
    assert_eq!(place.run(&["ca", "rotate"]).code, Some(0));
    let of_second = place.issue("blocked-2");
    let second = place.authorities()[0].0.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = open_store(&place.installation()).unwrap();
        kept(&store, names[0], first.clone(), &of_first[0], true).await;
        kept(&store, names[1], first.clone(), &of_first[1], false).await;
        kept(&store, "blocked-2", second, &of_second, true).await;
    });
    let list = place.json(&["ca", "crl", "--authority", &first, "--out", "first.crl"]);
    assert_eq!((&list["revoked"], list["authority"].as_str()), (&Value::from(1), Some(first.as_str())));
    assert_eq!(place.run(&["ca", "crl", "--der", "--valid", "1h", "--out", "second.der"]).code, Some(0));
    assert!(place.run(&["ca", "crl"]).out.starts_with("-----BEGIN X509 CRL-----"));
    place.run(&["ca", "crl", "--authority", "00000000"]).refused(1, "there is no earlier authority 00000000");
    place.run(&["ca", "crl", "--der"]).refused(2, "--out");
    write(&place.path("roots.pem"), place.run(&["ca", "export", "--all"]).out.as_bytes());
    for (name, issued) in names.iter().zip(&of_first) {
        write(&place.path(name), &issued.encoded.der);
        let verify = ["verify", "-crl_check", "-CAfile", "roots.pem", "-CRLfile", "first.crl", name];
        let Some((good, said)) = place.openssl(&verify) else { return };
        assert_eq!(good, *name == "kept-1", "{said}");
        assert_eq!(said.contains("certificate revoked"), *name == "blocked-1", "{said}");
    }
    let read = ["crl", "-inform", "der", "-in", "second.der", "-CAfile", "roots.pem", "-noout", "-text"];
    let (good, said) = place.openssl(&read).unwrap();
    let number = of_second.serial.as_str().to_uppercase();
    assert!(good && said.contains("verify OK") && said.contains(&number), "{said}");
    assert!(said.contains("Privilege Withdrawn"), "{said}");
}

#[test]
fn ca_without_an_installation_says_how_to_make_one() {
    let place = Place { place: tempfile::tempdir().unwrap() };
    for verb in [&["ca", "show"][..], &["ca", "rotate"], &["ca", "crl"], &["ca", "export"], &["ca", "server"]] {
        let said = place.run(verb);
        said.refused(1, "there is no data folder data");
        assert!(said.err.contains("\nhint: make one with: transom init"), "{}", said.err);
    }
    place.run(&["ca"]).refused(2, "Usage");
    for verb in ["export", "show", "rotate", "import", "retire", "crl", "server"] {
        assert_eq!(place.run(&["ca", verb, "--help"]).code, Some(0));
    }
}

#[test]
fn rotations_at_the_same_time_follow_each_other() {
    let place = Place::new(&[]);
    let spawn = || place.command().args(["ca", "rotate"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..4).map(|_| spawn()).collect();
    for child in children {
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    let states: Vec<_> = place.authorities().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["issuing", "trusted", "trusted", "trusted", "trusted"]);
}
