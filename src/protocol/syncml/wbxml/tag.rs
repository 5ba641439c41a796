//! The tags that the encoder writes.

/// A tag: its code page and its token there, without the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) page: u8,
    pub(super) token: u8,
}

macro_rules! tags {
    ($($constant:ident = $name:literal: $page:literal, $token:literal;)*) => {
        impl Tag {
            $(pub(super) const $constant: Self = Self { page: $page, token: $token };)*
        }

        #[cfg(test)]
        const NAMES: &[(Tag, &str)] = &[$((Tag::$constant, $name)),*];
    };
}

tags! {
    ADD = "Add": 0, 0x05;
    ALERT = "Alert": 0, 0x06;
    ATOMIC = "Atomic": 0, 0x08;
    CHAL = "Chal": 0, 0x09;
    CMD = "Cmd": 0, 0x0A;
    CMD_ID = "CmdID": 0, 0x0B;
    CMD_REF = "CmdRef": 0, 0x0C;
    COPY = "Copy": 0, 0x0D;
    CRED = "Cred": 0, 0x0E;
    DATA = "Data": 0, 0x0F;
    DELETE = "Delete": 0, 0x10;
    EXEC = "Exec": 0, 0x11;
    FINAL = "Final": 0, 0x12;
    GET = "Get": 0, 0x13;
    ITEM = "Item": 0, 0x14;
    LOC_NAME = "LocName": 0, 0x16;
    LOC_URI = "LocURI": 0, 0x17;
    META = "Meta": 0, 0x1A;
    MSG_ID = "MsgID": 0, 0x1B;
    MSG_REF = "MsgRef": 0, 0x1C;
    NO_RESP = "NoResp": 0, 0x1D;
    REPLACE = "Replace": 0, 0x20;
    RESP_URI = "RespURI": 0, 0x21;
    RESULTS = "Results": 0, 0x22;
    SEQUENCE = "Sequence": 0, 0x24;
    SESSION_ID = "SessionID": 0, 0x25;
    SOURCE = "Source": 0, 0x27;
    SOURCE_REF = "SourceRef": 0, 0x28;
    STATUS = "Status": 0, 0x29;
    SYNC_BODY = "SyncBody": 0, 0x2B;
    SYNC_HDR = "SyncHdr": 0, 0x2C;
    SYNC_ML = "SyncML": 0, 0x2D;
    TARGET = "Target": 0, 0x2E;
    TARGET_REF = "TargetRef": 0, 0x2F;
    VER_DTD = "VerDTD": 0, 0x31;
    VER_PROTO = "VerProto": 0, 0x32;
    MORE_DATA = "MoreData": 0, 0x34;
    CORRELATOR = "Correlator": 0, 0x3C;
    FORMAT = "Format": 1, 0x07;
    MARK = "Mark": 1, 0x0B;
    MAX_MSG_SIZE = "MaxMsgSize": 1, 0x0C;
    NEXT_NONCE = "NextNonce": 1, 0x10;
    SIZE = "Size": 1, 0x12;
    TYPE = "Type": 1, 0x13;
    MAX_OBJ_SIZE = "MaxObjSize": 1, 0x15;
}

#[cfg(test)]
mod tests {
    use super::super::tables::DocumentType;
    use super::*;

    #[test]
    fn each_tag_has_the_token_of_its_name() {
        for (tag, name) in NAMES {
            assert_eq!(DocumentType::SyncMl12.page(tag.page).unwrap().tag(tag.token), Some(*name));
        }
    }
}
