//! The rules that the judge holds, each with the place that it comes from.
//!
//! The order is that of the checks: bytes, XML, header, answers, commands, package, session. Rules of the house, which
//! are stricter than the specification, name `docs/ARCHITECTURE.md`.

macro_rules! rules {
    ($($name:ident, $source:literal, $says:literal;)*) => {
        /// A rule that a reply can break.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Rule {
            $($name,)*
        }

        impl Rule {
            /// Every rule, so that a test can ask whether each of them has a message that breaks it.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Where the rule is written.
            pub(crate) const fn source(self) -> &'static str {
                match self {
                    $(Self::$name => $source,)*
                }
            }

            /// The rule in a sentence.
            pub(crate) const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

rules! {
    // Bytes
    ContentType, "MS-MDM 2.1, OMA SyncML HTTP Binding", "a reply has the media type of its request";
    Utf8, "MS-MDM 2.1", "the body is UTF-8 without a byte order mark";
    OneLine, "docs/ARCHITECTURE.md", "the body is one line: no raw line break anywhere";
    NoCdata, "Windows client management, known issues", "no CDATA: Windows hands it to a CSP as it stands";
    NoDoctype, "docs/ARCHITECTURE.md", "no DOCTYPE";
    NoComment, "docs/ARCHITECTURE.md", "no comment and no processing instruction";
    Declaration, "XML 1.0 2.8", "an XML declaration stands at the very start and says UTF-8, or is absent";
    WbxmlHeader, "WBXML 1.3 5, OMA SyncML RepPro", "a binary body says version 1.2 or 1.3, SyncML 1.2 and UTF-8";

    // XML
    WellFormed, "XML 1.0", "the body is well formed";
    Root, "MS-MDM 2.2.1", "the root is SyncML in SYNCML:SYNCML1.2";
    Namespace, "MS-MDM 2.2.1", "children of Meta are in syncml:metinf, everything else is in SYNCML:SYNCML1.2";
    MetInfOnChild, "MS-MDM 2.2.1", "syncml:metinf is declared on each child of Meta";
    NoPrefix, "MS-MDM 2.2.1", "elements have no prefix";
    NoAttribute, "OMA SyncML DTD 1.2", "elements have no attributes";
    ChildOrder, "OMA SyncML DTD 1.2, MS-MDM 2.2.2", "children stand in the order and number of the DTD";
    TextOnly, "OMA SyncML DTD 1.2", "text stands only in leaves, and leaves hold only text";
    EmptyElement, "OMA SyncML DTD 1.2", "Final, MoreData and NoResp are empty";
    NoPadding, "MS-MDM 2.2.3", "ids, codes and addresses have no white space around them";

    // Header
    VerDtd, "MS-MDM 2.2.3.13", "VerDTD is 1.2";
    VerProto, "MS-MDM 2.2.3.14", "VerProto is DM/1.2";
    SessionId, "MS-MDM 2.2.3.8", "SessionID is the client's";
    MsgIdNumber, "MS-MDM 2.2.3.7", "MsgID is a decimal number from 1 up";
    Target, "MS-MDM 2.2.4.2", "Target is the client's Source";
    Source, "MS-MDM 2.2.4.2", "Source is the client's Target";
    PlainHeader, "OMA DM Protocol 8", "the header has no NoResp and no RespURI";
    SmallMaxMsgSize, "MS-MDM 2.2.5.3", "a MaxMsgSize of ours is at least 512 KiB: Windows aborts the session below its need";
    ServerCred, "OMA DM Security 5.3", "a credential of ours is base64, of a known type, and LocName says whose it is";
    CmdIdNumber, "MS-MDM 2.2.3.2", "CmdIDs are decimal numbers, the first is 1, none is 0";
    CmdIdUnique, "MS-MDM 2.2.3.2", "a CmdID stands once in a message, nested commands included";

    // Answers
    HeaderStatusFirst, "MS-MDM 2.2.6.1", "the Status of SyncHdr comes first, with CmdRef 0";
    HeaderStatusOnce, "MS-MDM 2.2.6.1", "the header is answered once";
    StatusMsgRef, "MS-MDM 2.2.6.1", "MsgRef of a Status is the MsgID that is answered";
    CmdRefExists, "MS-MDM 2.2.6.1", "CmdRef of a Status is a CmdID of the message that is answered";
    CmdName, "MS-MDM 2.2.6.1", "Cmd of a Status is the name of the command that is answered";
    StatusOrder, "MS-MDM 2.2.6.1", "Statuses stand in the order of the commands";
    StatusMissing, "MS-MDM 2.2.6.1", "every command is answered";
    StatusRepeated, "MS-MDM 2.2.6.1", "a command is answered once, or once for each item with TargetRef or SourceRef";
    StatusUnwanted, "MS-MDM 2.2.6.1, OMA SyncML RepPro", "no Status for a Status or Results that is fine, or where NoResp asks for none";
    RefExists, "MS-MDM 2.2.6.1", "TargetRef and SourceRef name an item of the command that is answered";
    CodeKnown, "OMA SyncML RepPro 10", "the code of a Status is one that is defined";
    VersionRefused, "OMA SyncML RepPro 10 (505, 513)", "a header of another version is not accepted";
    NotUnderstood, "MS-MDM 2.2.6.1", "what is no command, or has no CmdID, or wants a value of the server, is answered with an error";
    ChunkAnswer, "OMA DM Protocol 7", "a chunk that is not the last is answered 213 or with an error, and nothing else is answered 213";
    StatusesFirst, "OMA DM Protocol 6", "Statuses stand before commands";

    // Challenges
    ChalPlace, "OMA DM Security 5.3", "a Chal stands only in the Status of SyncHdr, with 200, 212, 401 or 407";
    ChalForm, "OMA DM Security 5.3", "a Chal says Format b64, a known Type, and for MD5 a NextNonce of at least 16 bytes";
    ChallengeKind, "OMA SyncML RepPro 10 (401, 407)", "407 with a Chal answers missing credentials, 401 wrong ones";
    ChallengeAlone, "docs/ARCHITECTURE.md", "a header that is refused brings no commands and no good news";

    // Commands
    CommandAllowed, "OMA DM Protocol 6, MS-MDM 2.2.7", "a server sends Add, Delete, Replace, Get, Exec, Atomic, Sequence and Alert";
    AlertAllowed, "OMA DM Protocol 8", "a server sends Alert 1222, 1223 and 1225 only";
    NotInAtomic, "Windows client management, OMA DM protocol support", "an Atomic holds no Get and no Atomic";
    GroupContent, "MS-MDM 2.2.7.3, 2.2.7.9", "an Atomic or Sequence holds commands on nodes, and at least one";
    ReplaceAfterAdd, "Windows client management, OMA DM protocol support", "Add and Replace of one node do not share an Atomic";
    MixedScope, "docs/ARCHITECTURE.md", "device and user nodes do not share an Atomic";
    ItemTarget, "MS-MDM 2.2.5.2", "an item of a command names a Target and no Source";
    LocUri, "OMA DM TND 4.2", "a LocURI has no white space, no empty segment, no leading slash, and is escaped";
    NoData, "MS-MDM 2.2.7.4, 2.2.7.6", "Get and Delete carry no Data";
    DataWanted, "MS-MDM 2.2.7.1, 2.2.7.7", "Add and Replace carry Data, but for the formats node and null, which have none";
    FormatKnown, "MS-MDM 2.2.5.1", "Format is one of the specification's";
    DataFits, "MS-MDM 2.2.5.1", "Data is what its Format says";
    MetaPlace, "OMA SyncML MetaInf 1.2", "NextNonce stands in a Chal, MaxMsgSize and MaxObjSize in the header, Size, Mark in an item";
    NoNoResp, "docs/ARCHITECTURE.md", "a command of ours wants its Status";
    UserScope, "MS-MDM 3.2.5.1, docs/ARCHITECTURE.md", "user nodes wait until the enrolled user is signed in, and for a session of their scope";
    EndsSession, "docs/ARCHITECTURE.md", "an Exec that ends the session travels alone";

    // Package
    FinalMissing, "OMA DM Protocol 6", "Final stands at the end, unless the client goes on or a large object does";
    FinalEarly, "OMA DM Protocol 6", "no Final while the client's package or a large object of ours goes on";
    NextMessage, "OMA DM Protocol 6, 7", "Alert 1222 asks for the rest of a package or object, or where no room was left for a command";
    CommandsTooEarly, "OMA DM Protocol 6", "no commands before the client's package is complete";
    AfterAbort, "OMA DM Protocol 8", "no commands to a client that ended the session";
    WhileBusy, "DMClient CSP, requestpending", "no commands to a client that is still busy with the last ones";
    AfterUnenroll, "MS-MDM 3.2.5.1", "no commands to a client that leaves management";
    AbortAlone, "OMA DM Protocol 8", "an abort of ours comes with no other command";
    EndOfData, "OMA DM Protocol 7", "Alert 1225 names the object, and only one that was broken off";
    MaxMsgSize, "MS-MDM 2.2.5.3", "a reply is no larger than the client takes";
    MaxObjSize, "MS-MDM 2.2.5.3", "a value is no larger than the client takes";
    PackageSize, "docs/ARCHITECTURE.md", "a reply with several commands is at most 512 KiB";
    ChunkSize, "OMA DM Protocol 7", "Size stands in the first chunk of a large object and nowhere else";
    ChunkLast, "OMA DM Protocol 7", "nothing follows an item that goes on, and it is in no Atomic or Sequence";
    ChunkWanted, "OMA DM Protocol 7", "only a client that named its sizes gets an object in chunks";
    ChunkContinues, "OMA DM Protocol 7", "a large object goes on with its next chunk before anything else";
    ChunkTotal, "OMA DM Protocol 7", "the chunks are together as long as Size said";

    // Session
    ServerMsgId, "MS-MDM 2.2.3.7", "our MsgID starts at 1 and grows by 1 with each message of a session";
    SameReply, "docs/ARCHITECTURE.md", "the same message again gets the same reply, byte for byte";
    Stale, "docs/ARCHITECTURE.md", "a message from the past brings no commands";
    ChallengeLoop, "OMA DM Security 5.3", "a second wrong credential in a session gets no Chal";
    NonceFresh, "OMA DM Security 5.3", "a nonce is given out for one message only";
    NonceRenewed, "MS-MDM 1.3.1", "a session that used a digest brings a new nonce";
    ObjectLeftOpen, "OMA DM Protocol 7", "a session does not end in the middle of a large object of ours";
}
