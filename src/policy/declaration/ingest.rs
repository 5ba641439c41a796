//! Templates that policies give to devices (`Policy/ConfigOperations/ADMXInstall`): the settings in them are known from
//! then on, here as on the device.

use std::borrow::Cow;
use std::collections::BTreeMap;

use transom_protocol::csp::admx::{AdmxError, Template, read};
use transom_protocol::csp::catalogue::Catalogue;

use super::{Content, Declaration, Identifier, LocUri, Payload, Value};

/// Where devices are given templates, below the root of the device.
const INSTALL: [&str; 5] = ["Vendor", "MSFT", "Policy", "ConfigOperations", "ADMXInstall"];

/// Under which name a device is given a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ingestion {
    /// The name of the app.
    pub app: String,
    /// `Policy` or `Preference`.
    pub kind: String,
    /// What the template is called below it.
    pub file: String,
}

/// What the settings of a template have in common: its app, and whether it is of policies or of preferences. In small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Area(String, String);

impl Area {
    /// Of a setting in a template: `./Device/Vendor/MSFT/Policy/Config/{App}~{Kind}~{category}/{setting}`.
    pub fn of(uri: &LocUri) -> Option<Self> {
        let folded = uri.path().to_lowercase();
        let (_, below) = folded.split_once("/vendor/msft/policy/config/")?;
        let mut parts = below.split('/').next()?.split('~');
        let (app, kind, _) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self(app.to_owned(), kind.to_owned()))
    }

    /// Of the settings in a template that is given to devices at an address.
    pub fn given_by(uri: &LocUri) -> Option<Self> {
        let ingestion = Ingestion::of(uri)?;
        Some(Self(ingestion.app.to_lowercase(), ingestion.kind.to_lowercase()))
    }
}

impl std::fmt::Display for Area {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// A template that a configuration gives to devices.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// Under which name.
    pub ingestion: Ingestion,
    /// As it was written, which is as it is sent.
    pub text: String,
    /// What stands in it.
    pub template: Template,
}

/// Why the settings of a template are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The asset is not of text.
    #[error("a template is text: save it as UTF-8")]
    Bytes,
    /// It can't be known before a device is given it.
    #[error("a template is given as it is: without variables, and no secret")]
    Variable,
    /// It is no template.
    #[error("it is no administrative template: {0}")]
    Template(AdmxError),
}

impl Ingestion {
    /// The name that an address gives a template, if it is one that does.
    pub fn of(uri: &LocUri) -> Option<Self> {
        let mut segments = uri.path().split('/').filter(|segment| !segment.is_empty() && *segment != ".");
        let mut next = segments.next()?;
        if next.eq_ignore_ascii_case("Device") {
            next = segments.next()?;
        }
        for (place, name) in INSTALL.iter().enumerate() {
            if place > 0 {
                next = segments.next()?;
            }
            if !next.eq_ignore_ascii_case(name) {
                return None;
            }
        }
        let (app, kind, file) = (segments.next()?, segments.next()?, segments.next()?);
        let kind = ["Policy", "Preference"].into_iter().find(|known| known.eq_ignore_ascii_case(kind))?;
        segments.next().is_none().then(|| Self { app: app.to_owned(), kind: kind.to_owned(), file: file.to_owned() })
    }

    /// Under which name the catalogue keeps the template.
    pub fn name(&self) -> String {
        format!("{}~{}~{}", self.app, self.kind, self.file).to_lowercase()
    }
}

/// The template of a setting that gives one to devices; `None` for every other setting.
pub(super) fn ingested(
    uri: &LocUri,
    value: &Value,
    assets: &BTreeMap<&Identifier, &Declaration>,
) -> Option<Result<Ingested, IngestError>> {
    let ingestion = Ingestion::of(uri)?;
    let text = match value {
        Value::Asset(name) => match &assets.get(name)?.payload {
            Payload::Asset(asset) => match &asset.content {
                Content::Text(text) => text.clone(),
                Content::Base64(_) => return Some(Err(IngestError::Bytes)),
                Content::Secret => return Some(Err(IngestError::Variable)),
                // Whoever has the file reads it.
                Content::File(_) => return None,
            },
            // That the reference leads nowhere is said elsewhere.
            _ => return None,
        },
        Value::Text(text) if text.contains("${") => return Some(Err(IngestError::Variable)),
        Value::Text(text) => text.clone(),
        _ => return None,
    };
    let read = read(text.as_bytes()).map_err(IngestError::Template);
    Some(read.map(|template| Ingested { ingestion, text, template }))
}

/// All templates that declarations give to devices. Those that can't be read are left out: the check says which.
pub fn all_ingested<'a>(declarations: impl IntoIterator<Item = &'a Declaration>) -> Vec<Ingested> {
    let all: BTreeMap<&Identifier, &Declaration> =
        declarations.into_iter().map(|declaration| (&declaration.identifier, declaration)).collect();
    let mut found = Vec::new();
    for declaration in all.values() {
        let Payload::Configuration(configuration) = &declaration.payload else { continue };
        for (uri, value) in &configuration.settings {
            found.extend(ingested(uri, value, &all).and_then(Result::ok));
        }
    }
    found
}

/// The catalogue with the settings of the templates that declarations give to devices.
pub fn with_ingested<'c, 'a>(
    catalogue: &'c Catalogue,
    declarations: impl IntoIterator<Item = &'a Declaration>,
) -> Cow<'c, Catalogue> {
    let ingested = all_ingested(declarations);
    if ingested.is_empty() {
        return Cow::Borrowed(catalogue);
    }
    let mut catalogue = catalogue.clone();
    for Ingested { ingestion, template, .. } in &ingested {
        catalogue.learn_ingested(&ingestion.app, &ingestion.kind, template);
    }
    Cow::Owned(catalogue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::catalogue::builtin;
    use crate::policy::declaration::{Level, check, read_text};

    const TEMPLATE: &str = r#"<policyDefinitions revision="1.0" schemaVersion="1.0">
      <policyNamespaces><target prefix="acme" namespace="Acme.Policies"/></policyNamespaces>
      <categories><category name="net"/></categories>
      <policies><policy name="Proxy" class="Machine" key="Software\Policies\Acme">
        <parentCategory ref="net"/>
        <elements><text id="Server" valueName="Server" required="true" maxLength="20"/>
          <decimal id="Port" valueName="Port" maxValue="65535"/></elements>
      </policy></policies></policyDefinitions>"#;

    const POLICY: &str = "./Device/Vendor/MSFT/Policy/Config/Acme~Policy~net/Proxy";
    const INSTALL: &str = "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/AcmeAdmx";

    fn errors(content: &str, value: &str) -> Vec<String> {
        let content = serde_json::json!({"type": "asset", "identifier": "template", "payload": {"text": content}});
        let text = format!(
            "{content}\n---\ntype: configuration\nidentifier: acme\npayload:\n  settings:\n    {POLICY}: {value}\n    \
             {INSTALL}: {{asset: template}}\n---\ntype: activation\nidentifier: all\npayload: {{configurations: [acme]}}\n"
        );
        let read = read_text("p.yaml", &text);
        assert!(read.remarks.is_empty(), "{:?}", read.remarks);
        let remarks = check(&read.documents, &[], &builtin::catalogue().unwrap());
        remarks.into_iter().filter(|remark| remark.level == Level::Error).map(|remark| remark.what).collect()
    }

    #[test]
    fn settings_of_a_template_are_known_to_those_who_are_given_it() {
        assert_eq!(errors(TEMPLATE, "{enabled: true, Server: proxy.example}"), Vec::<String>::new());
        let wrong = errors(TEMPLATE, "{enabled: true, Servre: proxy.example}");
        assert!(wrong.iter().any(|what| what.contains("Servre") && what.contains("Server")), "{wrong:?}");
    }

    #[test]
    fn variables_stand_where_a_template_asks_for_something() {
        for fine in ["Server: '${device.serial}.proxy.example', Port: '${os.build}'", "Server: a, Port: '8080'"] {
            assert_eq!(errors(TEMPLATE, &format!("{{enabled: true, {fine}}}")), Vec::<String>::new(), "{fine}");
        }
        for wrong in ["Server: '${device.serial}', Port: x", "Server: a.very.long.name.example, Port: '${os.build}'"] {
            let told = errors(TEMPLATE, &format!("{{enabled: true, {wrong}}}"));
            assert!(
                matches!(&told[..], [only] if only.contains("write a number") || only.contains("most")),
                "{told:?}"
            );
        }
    }

    #[test]
    fn what_is_no_template_is_refused_where_it_is_given() {
        let wrong = errors("<policies/>", "enabled");
        assert!(wrong.iter().any(|what| what.contains("no administrative template")), "{wrong:?}");
    }

    #[test]
    fn only_whole_addresses_give_templates() {
        let of = |text: &str| Ingestion::of(&text.parse().unwrap());
        let whole = Ingestion { app: "Acme".into(), kind: "Policy".into(), file: "AcmeAdmx".into() };
        assert_eq!(of(INSTALL), Some(whole.clone()));
        let other = "./device/vendor/msft/policy/configoperations/admxinstall/Acme/policy/AcmeAdmx";
        assert_eq!(of(other), Some(whole.clone()));
        assert_eq!(whole.name(), "acme~policy~acmeadmx");
        for not in [
            POLICY,
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy",
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Other/File",
            "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/File/Properties",
            "./User/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/File",
        ] {
            assert_eq!(of(not), None, "{not}");
        }
    }
}
