//! `Collection`: what a device is to collect, and what it says became of it (CSP `DiagnosticLog`, nodes
//! `DiagnosticArchive/ArchiveDefinition` and `ArchiveResults`).

use crate::xml::{Event, Limits, Reader, Refusal, Writer};

/// What a device is to collect, and where it sends it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveDefinition {
    /// A device does the same id once.
    pub id: String,
    /// Where the archive goes, with PUT. Whoever has it can write there.
    pub upload_url: String,
    /// Keys of the registry.
    pub registry_keys: Vec<String>,
    /// Channels of the event log.
    pub events: Vec<String>,
    /// Commands, of those that Windows allows.
    pub commands: Vec<String>,
    /// Files, of the folders and sorts that Windows allows.
    pub files: Vec<String>,
}

/// What a device says of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveResults {
    /// The id of the definition.
    pub id: String,
    /// `HRESULT` of the whole, as it was written.
    pub hresult: String,
}

const DEFINITION: [&str; 4] = ["RegistryKey", "Events", "Command", "FoldersFiles"];

impl ArchiveDefinition {
    /// The document.
    pub fn to_xml(&self) -> String {
        let mut xml = Writer::new(String::new());
        xml.open("Collection");
        xml.leaf_with("ID", &[], &self.id);
        xml.leaf_with("SasUrl", &[], &self.upload_url);
        let parts = [&self.registry_keys, &self.events, &self.commands, &self.files];
        for (name, values) in DEFINITION.into_iter().zip(parts) {
            for value in values {
                xml.leaf_with(name, &[], value);
            }
        }
        xml.leaf_with("OutputFileFormat", &[], "Flattened");
        xml.close("Collection");
        xml.into_sink()
    }

    /// Reads a document, as a device does.
    ///
    /// # Errors
    ///
    /// When it is no XML within the usual limits.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let mut definition = Self::default();
        walk(text, |name, _, value| match name {
            "ID" => definition.id = value,
            "SasUrl" => definition.upload_url = value,
            "RegistryKey" => definition.registry_keys.push(value),
            "Events" => definition.events.push(value),
            "Command" => definition.commands.push(value),
            "FoldersFiles" => definition.files.push(value),
            _ => {}
        })?;
        Ok(definition)
    }
}

impl ArchiveResults {
    /// The document, as a device writes it.
    pub fn to_xml(&self) -> String {
        let mut xml = Writer::new(String::new());
        xml.open_with("Collection", &[("HRESULT", &self.hresult)]);
        xml.leaf_with("ID", &[], &self.id);
        xml.close("Collection");
        xml.into_sink()
    }

    /// Reads what a device wrote.
    ///
    /// # Errors
    ///
    /// When it is no XML within the usual limits.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let mut results = Self::default();
        walk(text, |name, hresult, value| match name {
            "ID" if results.id.is_empty() => results.id = value,
            "Collection" => results.hresult = hresult.unwrap_or_default(),
            _ => {}
        })?;
        Ok(results)
    }
}

/// Tells each element as it ends: its name, its `HRESULT` and its text.
fn walk(text: &str, mut tell: impl FnMut(&str, Option<String>, String)) -> Result<(), Refusal> {
    let limits = Limits::default();
    let mut reader = Reader::new(text, &limits);
    let mut open: Vec<(Option<String>, String)> = Vec::new();
    loop {
        match reader.next()? {
            Event::Start(_) => {
                open.push((reader.attribute("HRESULT").map(std::borrow::Cow::into_owned), String::new()));
            }
            Event::Text(piece) => {
                if let Some((_, value)) = open.last_mut() {
                    value.push_str(&piece);
                }
            }
            Event::End(name) => {
                if let Some((hresult, value)) = open.pop() {
                    tell(name, hresult, value.trim().to_owned());
                }
            }
            Event::Eof => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_reads_back_as_it_was_written() {
        let definition = ArchiveDefinition {
            id: "1".to_owned(),
            upload_url: "https://mdm.example.test/Diagnostics/a?b=1&c=2".to_owned(),
            registry_keys: vec!["HKLM\\Software\\Policies".to_owned()],
            events: vec!["Application".to_owned(), "System".to_owned()],
            commands: vec!["%windir%\\system32\\ipconfig.exe /all".to_owned()],
            files: vec!["%ProgramData%\\<x>\\*.log".to_owned()],
        };
        assert_eq!(ArchiveDefinition::read(&definition.to_xml()), Ok(definition));
    }

    #[test]
    fn results_are_those_of_the_whole() {
        let text = "<Collection HRESULT=\"0\"><ID>7</ID><Command HRESULT=\"-2147024637\">x</Command></Collection>";
        let results = ArchiveResults::read(text).unwrap();
        assert_eq!((results.id.as_str(), results.hresult.as_str()), ("7", "0"));
        assert_eq!(ArchiveResults::read(&results.to_xml()), Ok(results));
        assert!(ArchiveResults::read("<Collection").is_err());
    }
}
