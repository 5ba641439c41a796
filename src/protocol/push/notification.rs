//! The request that wakes a device: a raw notification.

/// A raw notification (WNS push request). The DM client ignores what it holds: that it comes is what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// For how many seconds WNS keeps it for a device that is not connected. One is kept, and none without this.
    pub ttl_seconds: u64,
}

impl Notification {
    /// The body: not empty, or WNS refuses it.
    pub const BODY: &[u8] = b"wake";

    /// The headers beside `Authorization` and `Content-Length`.
    pub fn headers(self) -> [(&'static str, String); 5] {
        [
            ("content-type", "application/octet-stream".to_owned()),
            ("x-wns-type", "wns/raw".to_owned()),
            // Raw notifications are not kept for a device that is away unless one asks for it.
            ("x-wns-cache-policy", "cache".to_owned()),
            ("x-wns-ttl", self.ttl_seconds.to_string()),
            ("x-wns-requestforstatus", "true".to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_raw_kept_for_a_while_and_never_empty() {
        let headers = Notification { ttl_seconds: 3600 }.headers();
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(header("x-wns-type"), Some("wns/raw"));
        assert_eq!(header("content-type"), Some("application/octet-stream"));
        assert_eq!(header("x-wns-cache-policy"), Some("cache"));
        assert_eq!(header("x-wns-ttl"), Some("3600"));
        assert_eq!(header("x-wns-requestforstatus"), Some("true"));
        assert!((1..5000).contains(&Notification::BODY.len()));
    }
}
