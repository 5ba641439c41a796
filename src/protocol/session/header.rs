//! Validation of `SyncHdr` (MS-MDM 2.2.4.2, 2.2.3): each violation has its Status.

use super::{DeviceId, MsgId, Rules, SessionId};
use crate::syncml::{StatusCode, SyncHdr};

/// A header that says what it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The session.
    pub session: SessionId,
    /// The message.
    pub message: MsgId,
    /// Who claims to speak.
    pub device: DeviceId,
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HeaderFault {
    /// Not 1.2.
    #[error("VerDTD is not 1.2")]
    VerDtd,
    /// Not DM/1.2.
    #[error("VerProto is not DM/1.2")]
    VerProto,
    /// Missing, too long or not printable.
    #[error("SessionID is missing or can't be one")]
    SessionId,
    /// Missing, zero or not a number.
    #[error("MsgID is missing or not a number from 1 up")]
    MsgId,
    /// Missing.
    #[error("Source is missing or can't be a device")]
    Source,
    /// Missing.
    #[error("Target is missing")]
    TargetMissing,
    /// Another address.
    #[error("Target is not this server's management address")]
    TargetUnknown,
}

impl HeaderFault {
    /// The Status of `SyncHdr` that answers it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::VerDtd => StatusCode::DTD_VERSION,
            Self::VerProto => StatusCode::PROTOCOL_VERSION,
            Self::SessionId | Self::MsgId | Self::Source | Self::TargetMissing => StatusCode::BAD_REQUEST,
            Self::TargetUnknown => StatusCode::NOT_FOUND,
        }
    }
}

/// Longest address of ours that a device may have kept, in bytes.
const MAX_TARGET: usize = 2048;

impl Header {
    /// Validates a header.
    pub fn parse(header: &SyncHdr, rules: &Rules) -> Result<Self, HeaderFault> {
        if header.ver_dtd != "1.2" {
            return Err(HeaderFault::VerDtd);
        }
        if !header.ver_proto.eq_ignore_ascii_case("DM/1.2") {
            return Err(HeaderFault::VerProto);
        }
        let session = SessionId::parse(&header.session_id).ok_or(HeaderFault::SessionId)?;
        let message = MsgId::parse(&header.msg_id).ok_or(HeaderFault::MsgId)?;
        let device = DeviceId::parse(&header.source.loc_uri).ok_or(HeaderFault::Source)?;
        if header.target.loc_uri.is_empty() {
            return Err(HeaderFault::TargetMissing);
        }
        if !names_management_door(&header.target.loc_uri, &rules.management_path) {
            return Err(HeaderFault::TargetUnknown);
        }
        Ok(Self { session, message, device })
    }
}

/// Whether a `Target` is a URL whose path ends with the management path. The host is not compared: devices keep the
/// name that they enrolled with, and a proxy may have changed ours.
fn names_management_door(target: &str, path: &str) -> bool {
    if target.len() > MAX_TARGET {
        return false;
    }
    let Some((scheme, rest)) = target.split_once("://") else { return false };
    let is_http = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let without_query = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let Some(start) = without_query.len().checked_sub(path.len()) else { return false };
    is_http && start > 0 && without_query.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syncml::Address;

    fn good() -> SyncHdr {
        SyncHdr {
            ver_dtd: "1.2".to_owned(),
            ver_proto: "DM/1.2".to_owned(),
            session_id: "0".to_owned(),
            msg_id: "1".to_owned(),
            target: Address::uri("https://mdm.example.test/ManagementServer/MDM.svc"),
            source: Address::uri("B5B954E81FBCB94EB79BD08BE625F4EE"),
            ..SyncHdr::default()
        }
    }

    #[test]
    fn each_violation_has_its_status() {
        type Case = (fn(&mut SyncHdr), u16);
        let cases: [Case; 13] = [
            (|h| h.ver_dtd = "1.1".to_owned(), 505),
            (|h| h.ver_dtd.clear(), 505),
            (|h| h.ver_proto = "DM/1.1".to_owned(), 513),
            (|h| h.session_id.clear(), 400),
            (|h| h.session_id = "a b".to_owned(), 400),
            (|h| h.msg_id = "0".to_owned(), 400),
            (|h| h.msg_id = "x".to_owned(), 400),
            (|h| h.msg_id = "99999999999".to_owned(), 400),
            (|h| h.msg_id = format!("{}1", "0".repeat(1000)), 400),
            (|h| h.source.loc_uri.clear(), 400),
            (|h| h.target.loc_uri.clear(), 400),
            (|h| h.target.loc_uri = "https://mdm.example.test/other".to_owned(), 404),
            (|h| h.target.loc_uri.insert_str(8, &"x".repeat(3000)), 404),
        ];
        for (number, (spoil, status)) in cases.into_iter().enumerate() {
            let mut header = good();
            spoil(&mut header);
            let fault = Header::parse(&header, &Rules::default()).unwrap_err();
            assert_eq!(fault.status().0, status, "case {number}: {fault}");
        }
    }

    #[test]
    fn session_zero_and_hexadecimal_sessions_are_legal() {
        for session in ["0", "6D", "4294967296"] {
            let header = SyncHdr { session_id: session.to_owned(), ..good() };
            assert_eq!(Header::parse(&header, &Rules::default()).unwrap().session.as_str(), session);
        }
    }

    #[test]
    fn the_target_may_have_a_query_another_host_and_another_case() {
        for target in [
            "https://other:8443/managementserver/mdm.svc?mode=Maintenance&Platform=WoA",
            "HTTPS://mdm/prefix/ManagementServer/MDM.svc/",
        ] {
            let header = SyncHdr { target: Address::uri(target), ..good() };
            assert!(Header::parse(&header, &Rules::default()).is_ok(), "{target}");
        }
    }
}
