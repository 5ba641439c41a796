//! `transom policy check`: without a server.

use std::process::{Command, Output};

use serde_json::Value;

fn check(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    command.current_dir(folder).args(["policy", "check"]).args(arguments);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const BASELINE: &str = "type: configuration
identifier: baseline
payload:
  settings:
    ./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera: 0
    ./Device/Vendor/MSFT/RootCATrustedCertificates/Root/ABC/EncodedCertificate: {asset: our-root}
---
type: asset
identifier: our-root
payload: {file: root.cer}
";

#[test]
fn a_plan_is_what_can_be_sent() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |setting: &str| {
        format!(
            "type: configuration\nidentifier: a\npayload:\n  settings: {{{setting}}}\n---\ntype: activation\nidentifier: all\npayload: {{configurations: [a], when: os.build >= 22000}}\n"
        )
    };
    std::fs::write(folder.path().join("new.yaml"), policy("./Vendor/MSFT/Policy/Config/Camera/AllowCamera: 0"))
        .unwrap();
    std::fs::write(
        folder.path().join("old.yaml"),
        policy("./Vendor/MSFT/Policy/Config/Privacy/AllowCrossDeviceClipboard: 0"),
    )
    .unwrap();
    let plan = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
        command.current_dir(folder.path()).args(["policy", "plan", "new.yaml", "--commands"]).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let fresh = plan(&["--fact", "os.build=22631"]);
    assert_eq!((fresh.as_array().unwrap().len(), &fresh[0]["items"][0]["data"]), (1, &"0".into()));
    let kinds = |commands: &Value| {
        commands
            .as_array()
            .unwrap()
            .iter()
            .map(|command| command["kind"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&plan(&["--fact", "os.build=22631", "--before", "old.yaml"])), ["delete", "replace"]);
    assert_eq!(kinds(&plan(&["--fact", "os.build=22631", "--before", "new.yaml"])), Vec::<String>::new());
    assert_eq!(kinds(&plan(&["--fact", "os.build=19045"])), Vec::<String>::new());
}

#[test]
fn files_are_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("policies/below");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(folder.path().join("policies/baseline.yaml"), BASELINE).unwrap();
    std::fs::write(folder.path().join("policies/root.cer"), [0x30, 0x82, 0xFF]).unwrap();
    std::fs::write(folder.path().join("policies/README.md"), "not a: [policy").unwrap();
    let activation = r#"{"type": "activation", "identifier": "all", "payload": {"configurations": ["baseline"]}}"#;
    std::fs::write(below.join("all.json"), activation).unwrap();
    let good = check(folder.path(), &["policies"]);
    assert!(good.status.success(), "{}{}", text(&good.stdout), text(&good.stderr));
    assert!(text(&good.stdout).contains("3 declarations with 2 settings: 0 errors"), "{}", text(&good.stdout));

    std::fs::write(below.join("wrong.yaml"), BASELINE.replace("Camera: 0", "Camera: 7").replace("baseline", "b2"))
        .unwrap();
    let wrong = check(folder.path(), &["policies", "--json"]);
    assert_eq!(wrong.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&wrong.stdout).unwrap();
    let remarks = document["remarks"].as_array().unwrap();
    let value = remarks.iter().find(|remark| remark["rule"] == "value").unwrap();
    assert_eq!((&value["line"], &value["identifier"]), (&5.into(), &"b2".into()), "{value}");
    assert!(value["file"].as_str().unwrap().ends_with("wrong.yaml"), "{value}");
    // The file of the asset stands beside the other file, and the name of the asset is taken.
    assert!(remarks.iter().any(|remark| remark["what"].as_str().unwrap().contains("can't read")), "{remarks:#?}");
    assert!(remarks.iter().any(|remark| remark["rule"] == "twice"), "{remarks:#?}");
    assert_eq!(document["errors"], 3, "{remarks:#?}");
    assert_eq!(check(folder.path(), &[]).status.code(), Some(2), "wrong usage");
}

#[test]
fn a_file_that_is_no_text_is_told_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.yaml", b"# caf\xe9\ntype: asset\n");
    let utf16: Vec<u8> = "\u{feff}type: asset\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write("b.yaml", &utf16);
    write("c.yaml", "\u{feff}type: asset\nidentifier: c\npayload: {text: x}\n".as_bytes());
    let output = check(folder.path(), &["."]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for says in ["a.yaml: error: it is no text in UTF-8", "b.yaml: error: it is a text in UTF-16", "1 declaration with"]
    {
        assert!(told.contains(says), "{told}");
    }
}

#[test]
#[cfg(unix)]
fn only_files_beside_the_declarations_are_read() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("policies");
    std::fs::create_dir_all(inside.join("below")).unwrap();
    std::fs::write(folder.path().join("admin.token"), "hunter2").unwrap();
    std::fs::write(inside.join("root.cer"), "x").unwrap();
    std::fs::create_dir_all(folder.path().join("policies-too")).unwrap();
    std::fs::write(folder.path().join("policies-too/x"), "x").unwrap();
    symlink("../admin.token", inside.join("link")).unwrap();
    symlink("root.cer", inside.join("fine")).unwrap();
    assert!(Command::new("mkfifo").arg(inside.join("pipe")).status().unwrap().success());
    let of = |file: &str| format!("type: asset\nidentifier: a\npayload:\n  file: {file}\n");
    let told = |file: &str, path: &str| {
        std::fs::write(inside.join("below/a.yaml"), of(file)).unwrap();
        let output = check(folder.path(), &[path]);
        assert_eq!(output.status.success(), text(&output.stdout).contains("0 errors"));
        text(&output.stdout)
    };
    for (file, says) in [
        ("/etc/hostname", "write the path from the folder of the declaration on"),
        ("../../admin.token", "outside of policies"),
        ("../../policies-too/x", "outside of policies"),
        ("../link", "outside of policies"),
        ("../pipe", "no regular file"),
        ("../below", "no regular file"),
        ("../nothing", "can't read"),
    ] {
        let told = told(file, "policies");
        assert!(told.contains("a.yaml:4:3: error: a: ") && told.contains(says), "{told}");
    }
    assert!(told("../root.cer", "policies").contains("0 errors"));
    assert!(told("../fine", "policies").contains("0 errors"));
    // Of a file that is named alone, its folder counts.
    assert!(told("../root.cer", "policies/below/a.yaml").contains("outside of policies/below"));
    std::fs::write(inside.join("b.yaml"), of("root.cer")).unwrap();
    let mut alone = Command::new(env!("CARGO_BIN_EXE_transom"));
    let alone = alone.current_dir(&inside).args(["policy", "check", "b.yaml"]).output().unwrap();
    assert!(alone.status.success(), "{}", text(&alone.stdout));

    // A device never ends.
    symlink("/dev/zero", inside.join("z.yaml")).unwrap();
    let endless = check(folder.path(), &["policies"]);
    assert!(text(&endless.stderr).contains("it is no regular file"), "{}", text(&endless.stderr));
    let named = check(folder.path(), &["/dev/zero"]);
    assert!(text(&named.stdout).contains("larger than"), "{}", text(&named.stdout));
}
