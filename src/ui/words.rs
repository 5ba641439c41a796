//! Words of the protocol as people say them.

use crate::model::{Proof, StatusClass, StatusCode, Verdict};

/// Nodes that everybody meets, in words.
const NODES: &[(&str, &str)] = &[
    ("DevDetail/SwV", "version of Windows"),
    ("DevDetail/HwV", "version of the hardware"),
    ("DevDetail/FwV", "version of the firmware"),
    ("DevDetail/OEM", "manufacturer"),
    ("DevDetail/DevTyp", "kind of device"),
    ("DevDetail/Ext/Microsoft/DeviceName", "name of the computer"),
    ("DevDetail/Ext/Microsoft/SMBIOSSerialNumber", "serial number"),
    ("DevDetail/Ext/Microsoft/FreeStorage", "free space"),
    ("DevDetail/Ext/Microsoft/TotalStorage", "space"),
    ("DevDetail/Ext/Microsoft/TotalRAM", "memory"),
    ("DevInfo/DevId", "id of the device"),
    ("DevInfo/Man", "manufacturer"),
    ("DevInfo/Mod", "model"),
    ("DevInfo/Lang", "language"),
    ("DevInfo/DmV", "version of the management client"),
    ("Reboot/RebootNow", "restart now"),
    ("Reboot/Schedule/Single", "restart once at a time"),
    ("RemoteWipe/doWipe", "erase the device"),
    ("RemoteWipe/doWipeProtected", "erase the device, whatever stands in the way"),
    ("RemoteLock/Lock", "lock the device"),
    ("BitLocker/RotateRecoveryPasswords", "new BitLocker recovery password"),
];

/// Where management of the device begins, in any of its spellings.
const ROOTS: [&str; 4] = ["Device/Vendor/MSFT/", "User/Vendor/MSFT/", "Vendor/MSFT/", "Device/"];

/// A node in words: what it is where that is known, else its way without what all have in common.
pub fn target(uri: &str) -> String {
    let path = uri.trim_start_matches("./").split('?').next().unwrap_or_default().trim_end_matches('/');
    let of_user = path.starts_with("User/");
    let path = ROOTS.iter().find_map(|root| path.strip_prefix(root)).unwrap_or(path);
    if let Some((_, words)) = NODES.iter().find(|(node, _)| node.eq_ignore_ascii_case(path)) {
        return (*words).to_owned();
    }
    let path = path.strip_prefix("Policy/Config/").map_or_else(|| path.to_owned(), |rest| format!("policy/{rest}"));
    let way = path.replace('/', " › ");
    if of_user { format!("{way} (of the user)") } else { way }
}

/// Whether an address can be that of a setting, which the catalogue may know.
pub fn is_setting(uri: &str) -> bool {
    let path = uri.strip_prefix("./").unwrap_or_default();
    ROOTS.iter().any(|root| path.starts_with(root)) || path.starts_with("DevDetail/") || path.starts_with("DevInfo/")
}

/// Where a session stands: class and words.
pub fn phase(word: &str) -> (&'static str, String) {
    match word {
        "open" => ("open live", "goes on".to_owned()),
        "quiet" => ("good", "complete".to_owned()),
        "aborted_by_device" => ("bad", "broken off by the device".to_owned()),
        "aborted_by_server" => ("bad", "broken off by the server".to_owned()),
        "replaced" => ("", "ended by the next one".to_owned()),
        "timed_out" => ("bad", "the device did not go on in time".to_owned()),
        "unenrolled" => ("", "the device left management".to_owned()),
        other => ("", other.to_owned()),
    }
}

/// Who was signed in.
pub fn login(word: &str) -> String {
    match word {
        "user" => "the enrolled user".to_owned(),
        "others" => "another user".to_owned(),
        "none" => "nobody".to_owned(),
        "unknown" | "" => "the device did not say".to_owned(),
        other => other.to_owned(),
    }
}

/// How the device proved who it is.
pub fn authentication(word: &str) -> String {
    match word {
        "digest" => "digest of the account (MD5)".to_owned(),
        "basic" => "name and password".to_owned(),
        "transport" => "client certificate".to_owned(),
        other => other.to_owned(),
    }
}

/// State of a command, with the reason why it stands there: class and words.
pub fn state<'a>(word: &'a str, reason: Option<&str>) -> (&'static str, &'a str) {
    match word {
        "deferred" => ("open", deferred(reason)),
        "succeeded" => ("good", "succeeded"),
        "failed" => ("bad", "failed"),
        "unknown" => ("bad", "outcome unknown"),
        "expired" => ("bad", "expired"),
        "queued" => ("open", "waits"),
        "sent" => ("open", "sent"),
        "canceled" => ("", "canceled"),
        "superseded" => ("", "superseded"),
        other => ("", other),
    }
}

/// What a command waits for that is neither in the queue nor on its way.
fn deferred(reason: Option<&str>) -> &'static str {
    match reason {
        Some("waiting_for_user") => "waits for the user",
        Some("waiting_for_scope") => "waits for a session of its kind",
        Some("waiting_for_dependency") => "waits for another command",
        Some("retry_later") => "tried again later",
        Some("accepted") => "accepted, not done yet",
        _ => "waits",
    }
}

/// The class of a Status.
pub const fn status(code: u16) -> &'static str {
    match StatusCode(code).class() {
        StatusClass::Done => "good",
        StatusClass::Accepted | StatusClass::Buffered | StatusClass::Later => "open",
        StatusClass::RolledBack | StatusClass::Failed => "bad",
    }
}

/// What became of a message: class and words.
pub fn outcome(word: &str) -> (&'static str, String) {
    match word {
        "answered" => ("good", "answered".to_owned()),
        "challenged" => ("", "asked for credentials".to_owned()),
        "repeated" => ("open", "the same again".to_owned()),
        "wrong_credential" => ("bad", "wrong credential".to_owned()),
        "stale" => ("open", "from further back".to_owned()),
        "header_refused" => ("bad", "header refused".to_owned()),
        "stranger" => ("bad", "from nobody known".to_owned()),
        "forbidden" => ("bad", "identity refused".to_owned()),
        other => ("", other.replace('_', " ")),
    }
}

/// A proof of identity: class, words, and why.
pub fn proof(proof: &Proof) -> (&'static str, String, String) {
    let (class, verdict) = match proof.verdict {
        Verdict::Good => ("good", "good"),
        Verdict::Refused => ("bad", "refused"),
        Verdict::Missing => ("bad", "missing"),
        Verdict::Ignored => ("", "not used"),
    };
    (class, format!("{} {verdict}", proof.kind.as_str()), proof.detail.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReasonCode;

    #[test]
    fn what_waits_says_for_what() {
        let reasons = [
            ReasonCode::WaitingForUser,
            ReasonCode::WaitingForScope,
            ReasonCode::WaitingForDependency,
            ReasonCode::RetryLater,
            ReasonCode::Accepted,
        ];
        let told = reasons.map(|reason| state("deferred", Some(reason.as_str())));
        assert!(told.iter().all(|(class, words)| *class == "open" && *words != "waits"), "{told:?}");
        assert_eq!(told.iter().filter(|(_, words)| words.starts_with("accepted")).count(), 1);
        assert_eq!(
            [status(200), status(202), status(503), status(215), status(404)],
            ["good", "open", "open", "bad", "bad"]
        );
    }

    #[test]
    fn nodes_have_words() {
        assert_eq!(target("./DevDetail/SwV"), "version of Windows");
        assert_eq!(target("./Device/Vendor/MSFT/Reboot/RebootNow"), "restart now");
        assert_eq!(
            target("./Vendor/MSFT/Policy/Config/Camera/AllowCamera?list=Struct"),
            "policy › Camera › AllowCamera"
        );
        assert_eq!(target("./User/Vendor/MSFT/Policy/Config/A/B"), "policy › A › B (of the user)");
        assert_eq!(target("<script>"), "<script>");
        assert!(is_setting("./Vendor/MSFT/Reboot") && is_setting("./User/Vendor/MSFT/Policy/Config/A/B"));
        assert!(!is_setting("<script>") && !is_setting("javascript:Vendor/MSFT/") && !is_setting(""));
    }
}
