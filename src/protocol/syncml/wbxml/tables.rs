//! Names of the tags: document types, their code pages, and the pages' tokens (OMA `SyncML` `RepPro` 7, `MetInf` 6,
//! `DevInf` 6, DM TND 8).

/// What a document is, by its public identifier. It decides what the code pages mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DocumentType {
    SyncMl10,
    SyncMl11,
    SyncMl12,
    MetInf,
    DevInf,
    Ddf,
}

/// One code page.
#[derive(Debug)]
pub(super) struct Page {
    /// Namespace of its elements in XML.
    pub(super) namespace: &'static str,
    /// Names, from token 5 on; empty where none is assigned.
    tags: &'static [&'static str],
}

/// First token that a tag can have: the ones before are global.
const FIRST_TAG: u8 = 5;

/// Public identifier of `SyncML` 1.2, which the encoder writes.
pub(super) const SYNCML_12: u32 = 0x1201;

/// Public identifier of a document that does not say what it is.
const UNKNOWN: u32 = 0x01;

impl DocumentType {
    /// By number. A document that does not say what it is is taken for `SyncML` 1.2: its content type says so.
    pub(super) fn from_public_id(number: u32) -> Option<Self> {
        Some(match number {
            0x0FD1 => Self::SyncMl10,
            0x0FD3 => Self::SyncMl11,
            SYNCML_12 | UNKNOWN => Self::SyncMl12,
            0x1202 => Self::MetInf,
            0x0FD2 | 0x0FD4 | 0x1203 => Self::DevInf,
            _ => return None,
        })
    }

    /// By formal public identifier, such as `-//SYNCML//DTD SyncML 1.2//EN`.
    pub(super) fn from_formal_public_id(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        if text == "-//OMA//DTD-DM-DDF 1.2//EN" {
            return Some(Self::Ddf);
        }
        match text.strip_prefix("-//SYNCML//DTD ")?.strip_suffix("//EN")? {
            "SYNCML 1.0" => Some(Self::SyncMl10),
            "SYNCML 1.1" => Some(Self::SyncMl11),
            "SYNCML 1.2" => Some(Self::SyncMl12),
            "METINF 1.0" | "METINF 1.1" | "METINF 1.2" => Some(Self::MetInf),
            "DEVINF 1.0" | "DEVINF 1.1" | "DEVINF 1.2" => Some(Self::DevInf),
            _ => None,
        }
    }

    /// The code page of a number. `MetInf` and DDF keep the number that they have inside of `SyncML` where they
    /// stand alone, and may also be page 0 there.
    pub(super) fn page(self, number: u8) -> Option<&'static Page> {
        match (self, number) {
            (Self::SyncMl10, 0) => Some(&SYNCML_10_PAGE),
            (Self::SyncMl11, 0) => Some(&SYNCML_11_PAGE),
            (Self::SyncMl12, 0) => Some(&SYNCML_12_PAGE),
            (Self::MetInf, 0) | (Self::SyncMl10 | Self::SyncMl11 | Self::SyncMl12 | Self::MetInf, 1) => {
                Some(&METINF_PAGE)
            }
            (Self::Ddf, 0) | (Self::SyncMl12 | Self::Ddf, 2) => Some(&DDF_PAGE),
            (Self::DevInf, 0) => Some(&DEVINF_PAGE),
            _ => None,
        }
    }
}

impl Page {
    /// The name behind a token without its flags.
    pub(super) fn tag(&self, token: u8) -> Option<&'static str> {
        let index = usize::from(token.checked_sub(FIRST_TAG)?);
        self.tags.get(index).copied().filter(|name| !name.is_empty())
    }
}

static SYNCML_10_PAGE: Page = Page { namespace: "SYNCML:SYNCML1.0", tags: SYNCML };
static SYNCML_11_PAGE: Page = Page { namespace: "SYNCML:SYNCML1.1", tags: SYNCML };
static SYNCML_12_PAGE: Page = Page { namespace: "SYNCML:SYNCML1.2", tags: SYNCML };
static METINF_PAGE: Page = Page { namespace: "syncml:metinf", tags: METINF };
static DEVINF_PAGE: Page = Page { namespace: "syncml:devinf", tags: DEVINF };
static DDF_PAGE: Page = Page { namespace: "syncml:dmddf1.2", tags: DDF };

/// Code page 0 of `SyncML` 1.2; 1.0 and 1.1 have the first part of it.
#[rustfmt::skip]
static SYNCML: &[&str] = &[
    /* 05 */ "Add", "Alert", "Archive", "Atomic", "Chal", "Cmd", "CmdID", "CmdRef",
    /* 0D */ "Copy", "Cred", "Data", "Delete", "Exec", "Final", "Get", "Item",
    /* 15 */ "Lang", "LocName", "LocURI", "Map", "MapItem", "Meta", "MsgID", "MsgRef",
    /* 1D */ "NoResp", "NoResults", "Put", "Replace", "RespURI", "Results", "Search", "Sequence",
    /* 25 */ "SessionID", "SftDel", "Source", "SourceRef", "Status", "Sync", "SyncBody", "SyncHdr",
    /* 2D */ "SyncML", "Target", "TargetRef", "", "VerDTD", "VerProto", "NumberOfChanges", "MoreData",
    /* 35 */ "Field", "Filter", "Record", "FilterType", "SourceParent", "TargetParent", "Move", "Correlator",
];

/// Code page 1: `MetInf` 1.2.
#[rustfmt::skip]
static METINF: &[&str] = &[
    /* 05 */ "Anchor", "EMI", "Format", "FreeID", "FreeMem", "Last", "Mark", "MaxMsgSize",
    /* 0D */ "Mem", "MetInf", "Next", "NextNonce", "SharedMem", "Size", "Type", "Version",
    /* 15 */ "MaxObjSize", "FieldLevel",
];

/// Code page 2: DM DDF 1.2.
#[rustfmt::skip]
static DDF: &[&str] = &[
    /* 05 */ "AccessType", "ACL", "Add", "b64", "bin", "bool", "chr", "CaseSense",
    /* 0D */ "CIS", "Copy", "CS", "date", "DDFName", "DefaultValue", "Delete", "Description",
    /* 15 */ "DFFormat", "DFProperties", "DFTitle", "DFType", "Dynamic", "Exec", "float", "Format",
    /* 1D */ "Get", "int", "Man", "MgmtTree", "MIME", "Mod", "Name", "Node",
    /* 25 */ "node", "NodeName", "null", "Occurrence", "One", "OneOrMore", "OneOrN", "Path",
    /* 2D */ "Permanent", "Replace", "RTProperties", "Scope", "Size", "time", "Title", "TStamp",
    /* 35 */ "Type", "Value", "VerDTD", "VerNo", "xml", "ZeroOrMore", "ZeroOrN", "ZeroOrOne",
];

/// `DevInf` 1.2, page 0 of its own document type.
#[rustfmt::skip]
static DEVINF: &[&str] = &[
    /* 05 */ "CTCap", "CTType", "DataStore", "DataType", "DevID", "DevInf", "DevTyp", "DisplayName",
    /* 0D */ "DSMem", "Ext", "FwV", "HwV", "Man", "MaxGUIDSize", "MaxID", "MaxMem",
    /* 15 */ "Mod", "OEM", "ParamName", "PropName", "Rx", "Rx-Pref", "SharedMem", "MaxSize",
    /* 1D */ "SourceRef", "SwV", "SyncCap", "SyncType", "Tx", "Tx-Pref", "ValEnum", "VerCT",
    /* 25 */ "VerDTD", "XNam", "XVal", "UTC", "SupportNumberOfChanges", "SupportLargeObjs", "Property", "PropParam",
    /* 2D */ "MaxOccur", "NoTruncate", "", "Filter-Rx", "FilterCap", "FilterKeyword", "FieldLevel", "SupportHierarchicalSync",
];
