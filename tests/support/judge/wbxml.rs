//! Binary messages, read by another's tool: `wbxml2xml` of libwbxml, where it is installed.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Environment variable that makes a missing `wbxml2xml` a failure instead of a line of output.
pub(crate) const REQUIRED: &str = "REQUIRE_WBXML";

/// Whether the tool is there. When it is not, says so once, or panics where it is required.
pub(crate) fn is_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let found = Command::new("wbxml2xml").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        assert!(found || std::env::var_os(REQUIRED).is_none(), "wbxml2xml is required and not installed");
        if !found {
            println!("skipped: binary replies are not judged, wbxml2xml is not installed");
        }
        found
    })
}

/// The XML that a binary body stands for; `None` when the tool refuses it.
pub(crate) fn to_xml(body: &[u8]) -> Option<String> {
    // The tool reads files only, so the body goes through one.
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(body).expect("writing a temporary file");
    let output = Command::new("wbxml2xml").args(["-m", "0", "-o", "-"]).arg(file.path()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.is_empty()).then_some(text)
}
