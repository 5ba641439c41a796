//! `Item` and `Meta` (MS-MDM 2.2.5).

use super::header::says_something;
use super::source::Source;
use crate::syncml::{Format, Item, Meta};
use crate::xml::Refusal;

impl Source<'_> {
    /// `Item`. In some alerts `Type`, `Format` and `Mark` stand beside an empty Meta instead of in it (MS-MDM
    /// 3.2.5.1.5): they count where Meta itself says nothing.
    pub(super) fn item(&mut self) -> Result<Item, Refusal> {
        self.keep()?;
        let (mut target, mut source, mut meta, mut data, mut more_data) = (None, None, None, None, None);
        let mut beside = Meta::default();
        while let Some(name) = self.child()? {
            match name {
                "Target" => self.once(&mut target, Self::address)?,
                "Source" => self.once(&mut source, Self::address)?,
                "Meta" => self.once(&mut meta, Self::meta)?,
                "Data" => self.once(&mut data, Self::data)?,
                "MoreData" => self.once(&mut more_data, Self::flag)?,
                "Type" | "Format" | "Mark" | "Size" => {
                    self.note("stands outside Meta");
                    self.meta_child(&mut beside, name)?;
                }
                _ => self.pass_over()?,
            }
        }
        if beside != Meta::default() {
            let meta = meta.get_or_insert_default();
            meta.format = meta.format.take().or(beside.format);
            meta.mime = meta.mime.take().or(beside.mime);
            meta.mark = meta.mark.take().or(beside.mark);
            meta.size = meta.size.or(beside.size);
        }
        Ok(Item { target, source, meta: says_something(meta), data, more_data: more_data.is_some() })
    }

    /// `Meta`. Its children are known by name alone: their namespace is missing or misspelled in the field.
    pub(super) fn meta(&mut self) -> Result<Meta, Refusal> {
        let mut meta = Meta::default();
        self.meta_children(&mut meta)?;
        Ok(meta)
    }

    fn meta_children(&mut self, meta: &mut Meta) -> Result<(), Refusal> {
        while let Some(name) = self.child()? {
            self.meta_child(meta, name)?;
        }
        Ok(())
    }

    /// Reads one child of Meta, which just began.
    fn meta_child(&mut self, meta: &mut Meta, name: &str) -> Result<(), Refusal> {
        match name {
            "Format" => {
                self.at_most_once(&mut meta.format, |source| Ok(source.word()?.map(|word| Format::from(word.as_str()))))
            }
            "Type" => self.at_most_once(&mut meta.mime, Self::word),
            "Mark" => self.at_most_once(&mut meta.mark, Self::word),
            "Size" => self.at_most_once(&mut meta.size, |source| source.number(name)),
            "NextNonce" => self.at_most_once(&mut meta.next_nonce, Self::word),
            "MaxMsgSize" => self.at_most_once(&mut meta.max_msg_size, |source| source.number(name)),
            "MaxObjSize" => self.at_most_once(&mut meta.max_obj_size, |source| source.number(name)),
            // The root of a metinf document of its own; encoders of WBXML put it here.
            "MetInf" => self.meta_children(meta),
            _ => self.pass_over(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_body;
    use super::*;
    use crate::syncml::{Address, Command, Data};

    fn item(inside: &str) -> (Item, usize) {
        let message = with_body(&format!("<Alert><Data>1224</Data><Item>{inside}</Item></Alert>"));
        match message.body.commands.as_slice() {
            [Command::Alert(alert)] => (alert.items[0].clone(), message.oddities.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn order_inside_an_item_is_free() {
        let wanted = Item {
            target: Some(Address::uri("./a")),
            source: Some(Address::uri("./b")),
            meta: Some(Meta { format: Some(Format::Int), ..Meta::default() }),
            data: Some(Data::from("1")),
            more_data: true,
        };
        let (target, source) = ("<Target><LocURI>./a</LocURI></Target>", "<Source><LocURI>./b</LocURI></Source>");
        let (meta, data) = ("<Meta><Format>int</Format></Meta>", "<Data>1</Data><MoreData/>");
        assert_eq!(item(&[target, source, meta, data].concat()), (wanted.clone(), 0));
        assert_eq!(item(&[meta, target, data, source].concat()), (wanted, 0));
    }

    #[test]
    fn meta_is_known_by_local_names_alone() {
        let wanted = Meta {
            format: Some(Format::Other("weird".to_owned())),
            mime: Some("text/plain".to_owned()),
            mark: Some("critical".to_owned()),
            size: Some(7),
            next_nonce: Some("AA==".to_owned()),
            max_msg_size: Some(8),
            max_obj_size: Some(9),
        };
        let inside = "<Size> 7 </Size><Format xmlns='syncml:metinf'>weird</Format><Type xmlns='syncml:metinfo'>text/plain\
                      </Type><m:Mark>critical</m:Mark><NextNonce>\nAA==\n</NextNonce><MaxMsgSize>8</MaxMsgSize>\
                      <MaxObjSize>9</MaxObjSize>";
        for meta in [
            format!("<Meta xmlns:m='syncml:metinf'>{inside}</Meta>"),
            format!("<Meta xmlns='syncml:metinf' xmlns:m='m'><MetInf>{inside}</MetInf></Meta>"),
        ] {
            assert_eq!(item(&meta), (Item { meta: Some(wanted.clone()), ..Item::default() }, 0));
        }
    }

    #[test]
    fn type_beside_an_empty_meta_counts() {
        let typed = |mime: &str| Item {
            meta: Some(Meta { mime: Some(mime.to_owned()), ..Meta::default() }),
            ..Item::default()
        };
        assert_eq!(item("<Meta/><Type>com.microsoft.mdm.synctype</Type>"), (typed("com.microsoft.mdm.synctype"), 1));
        assert_eq!(item("<Type>a</Type>"), (typed("a"), 1));
        assert_eq!(item("<Type>a</Type><Meta><Type>b</Type></Meta>"), (typed("b"), 1));
    }

    #[test]
    fn empty_is_absent_but_for_data() {
        let (item, oddities) = item("<Meta><Type/><Format> </Format></Meta><Data/>");
        assert_eq!(item, Item { data: Some(Data::from("")), ..Item::default() });
        assert_eq!(oddities, 0);
    }

    #[test]
    fn size_that_is_no_number_is_absent_and_noted() {
        for size in ["", "-1", "many", "99999999999999999999"] {
            assert_eq!(item(&format!("<Meta><Size>{size}</Size></Meta>")), (Item::default(), 1), "{size}");
        }
    }
}
