//! Takes secrets out of a message before it is stored or shown.

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The text of a message without its secrets; everything else stays as it came, byte for byte.
pub fn redact(_xml: &str) -> String {
    todo!()
}

/// Whether the value of a node is a secret, judged by its URI.
pub fn is_secret(_loc_uri: &str) -> bool {
    todo!()
}
