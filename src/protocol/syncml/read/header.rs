//! `SyncHdr`, and the parts that it shares with commands: addresses and credentials (MS-MDM 2.2.4.2).

use super::source::Source;
use crate::syncml::{Address, Chal, Cred, Meta, SyncHdr};
use crate::xml::Refusal;

impl Source<'_> {
    /// `SyncHdr`. What is missing is empty; the session judges it.
    pub(super) fn header(&mut self) -> Result<SyncHdr, Refusal> {
        let (mut ver_dtd, mut ver_proto, mut session_id, mut msg_id) = (None, None, None, None);
        let (mut target, mut source, mut resp_uri, mut no_resp) = (None, None, None, None);
        let (mut cred, mut meta) = (None, None);
        while let Some(name) = self.child()? {
            match name {
                "VerDTD" => self.once(&mut ver_dtd, Self::token)?,
                "VerProto" => self.once(&mut ver_proto, Self::token)?,
                "SessionID" => self.once(&mut session_id, Self::token)?,
                "MsgID" => self.once(&mut msg_id, Self::token)?,
                "Target" => self.once(&mut target, Self::address)?,
                "Source" => self.once(&mut source, Self::address)?,
                "RespURI" => self.once(&mut resp_uri, Self::token)?,
                "NoResp" => self.once(&mut no_resp, Self::flag)?,
                "Cred" => self.once(&mut cred, Self::cred)?,
                "Meta" => self.once(&mut meta, Self::meta)?,
                _ => self.pass_over()?,
            }
        }
        Ok(SyncHdr {
            ver_dtd: ver_dtd.unwrap_or_default(),
            ver_proto: ver_proto.unwrap_or_default(),
            session_id: session_id.unwrap_or_default(),
            msg_id: msg_id.unwrap_or_default(),
            target: target.unwrap_or_default(),
            source: source.unwrap_or_default(),
            resp_uri: present(resp_uri),
            no_resp: no_resp.is_some(),
            cred,
            meta: says_something(meta),
        })
    }

    /// `Target` or `Source`.
    pub(super) fn address(&mut self) -> Result<Address, Refusal> {
        let (mut loc_uri, mut loc_name) = (None, None);
        while let Some(name) = self.child()? {
            match name {
                "LocURI" => self.once(&mut loc_uri, Self::token)?,
                "LocName" => self.once(&mut loc_name, Self::token)?,
                _ => self.pass_over()?,
            }
        }
        Ok(Address { loc_uri: loc_uri.unwrap_or_default(), loc_name: present(loc_name) })
    }

    /// `Cred` (OMA DM Security 5.1). Its data is not trimmed: the session compares it and knows its encoding.
    pub(super) fn cred(&mut self) -> Result<Cred, Refusal> {
        let (mut meta, mut data) = (None, None);
        while let Some(name) = self.child()? {
            match name {
                "Meta" => self.once(&mut meta, Self::meta)?,
                "Data" => self.once(&mut data, Self::data)?,
                _ => self.pass_over()?,
            }
        }
        let data = data.map(crate::syncml::Data::into_string).unwrap_or_default();
        Ok(Cred { meta: says_something(meta), data })
    }

    /// `Chal` (OMA DM Security 5.2).
    pub(super) fn chal(&mut self) -> Result<Chal, Refusal> {
        let mut meta = None;
        while let Some(name) = self.child()? {
            match name {
                "Meta" => self.once(&mut meta, Self::meta)?,
                _ => self.pass_over()?,
            }
        }
        Ok(Chal { meta: meta.unwrap_or_default() })
    }
}

/// An optional text counts as absent when it is empty.
pub(super) fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A Meta counts as absent when nothing stands in it.
pub(super) fn says_something(meta: Option<Meta>) -> Option<Meta> {
    meta.filter(|meta| *meta != Meta::default())
}
