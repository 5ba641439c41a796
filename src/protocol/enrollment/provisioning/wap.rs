//! Characteristics and parms (MS-MDE2 2.2.9.1).

use crate::xml::Writer;

/// A document being written: one line, declared as UTF-8.
pub(super) struct Wap(Writer<String>);

/// The type that a parm of `DMClient` and `WSTEP` says it has; others say none.
#[derive(Clone, Copy)]
pub(super) enum DataType {
    Boolean,
    Integer,
    Text,
}

impl Wap {
    /// Writes a document.
    pub(super) fn document(write: impl FnOnce(&mut Self)) -> String {
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
        let mut wap = Self(Writer::new(declaration));
        wap.0.open_with("wap-provisioningdoc", &[("version", "1.1")]);
        write(&mut wap);
        wap.0.close("wap-provisioningdoc");
        wap.0.into_sink()
    }

    /// A characteristic and what stands in it.
    pub(super) fn characteristic(&mut self, kind: &str, write: impl FnOnce(&mut Self)) {
        self.0.open_with("characteristic", &[("type", kind)]);
        write(self);
        self.0.close("characteristic");
    }

    /// A characteristic that says all by being there.
    pub(super) fn mark(&mut self, kind: &str) {
        self.0.empty_with("characteristic", &[("type", kind)]);
    }

    /// A parm.
    pub(super) fn parm(&mut self, name: &str, value: &str) {
        self.0.empty_with("parm", &[("name", name), ("value", value)]);
    }

    /// A parm that says all by being there: without a value.
    pub(super) fn flag(&mut self, name: &str) {
        self.0.empty_with("parm", &[("name", name)]);
    }

    /// A parm with a type.
    pub(super) fn typed(&mut self, name: &str, value: &str, data_type: DataType) {
        let data_type = match data_type {
            DataType::Boolean => "boolean",
            DataType::Integer => "integer",
            DataType::Text => "string",
        };
        self.0.empty_with("parm", &[("name", name), ("value", value), ("datatype", data_type)]);
    }
}
