//! Forms for settings: what a node asks its author for, and which value the answers make. Pure: knows no pages and no
//! store.
//!
//! [`Form::of`] says what is asked, [`Form::value`] makes a value of what was entered, [`entered`] does the reverse, so
//! that a setting can be changed. Whether the value is right is the check's to say.

mod entries;
#[cfg(test)]
mod tests;

use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::{Catalogue, Found, NodeId, Proposed};
use transom_protocol::csp::ddf::{Kind, Properties, Range};
use transom_protocol::syncml::{Format, Verb};

pub use entries::{Entries, entered};

/// Words of the catalogue, for those who show forms.
pub use transom_protocol::csp::{
    Scope,
    admx::ElementKind,
    ddf::{Choice, Element},
};

/// A text that can't have more characters stands on one line.
const SHORT: i64 = 512;

/// What a setting asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The address as the catalogue spells it, with `{names}` that are still to be chosen.
    pub uri: String,
    /// Names that are to be chosen, in the order of the address.
    pub names: Vec<String>,
    /// The node, where the catalogue knows it.
    pub node: Option<NodeId>,
    /// Whether it is a setting of the device or of the user.
    pub scope: Scope,
    /// The same setting for the other of the two, where there is one.
    pub other_scope: Option<String>,
    /// Format of the value.
    pub format: Format,
    /// What is asked.
    pub field: Field,
    /// What is said of the address, where the catalogue does not know it.
    pub unknown: Option<String>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Nothing: the node itself.
    Node,
    /// One of these.
    Choice(Vec<Choice>),
    /// The sum of some of these.
    Flags(Vec<Choice>),
    /// Some of these, or others where there are none.
    List(Vec<Choice>),
    /// A number, within these where it says so.
    Number(Vec<Range>),
    /// `true` or `false`.
    Truth,
    /// A text.
    Text {
        /// The form that it is to have.
        pattern: Option<String>,
        /// How much of it there may be.
        length: Length,
    },
    /// Enabled or disabled, and what the policy of a template asks for besides; nothing where the template is not known.
    Policy(Option<Vec<Element>>),
    /// A value with its format, which nobody knows.
    Free,
}

/// How much room a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// One line: a form or a short length is prescribed.
    Line,
    /// Nobody says: a line, or a document.
    Any,
    /// A document: XML, JSON, bytes as text.
    Document,
}

/// Why there is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is no address.
    #[error("{0}")]
    Address(String),
    /// The node is there to be looked at, or to be called.
    #[error("this node can't be set: it takes {0}")]
    NotSettable(String),
    /// Other nodes stand below it, and it has no value.
    #[error("this is no setting: choose one of those below it")]
    Inner,
}

impl Form {
    /// The form for an address, which may have `{names}` in it that are still to be chosen.
    pub fn of(catalogue: &Catalogue, address: &str) -> Result<Self, FormError> {
        let address = address.trim();
        let looked_for: String = address.split('/').map(encoded).collect::<Vec<_>>().join("/");
        let uri: LocUri = looked_for
            .parse()
            .map_err(|error: transom_protocol::csp::LocUriError| FormError::Address(error.to_string()))?;
        let (hit, unknown) = match catalogue.find(&uri) {
            Found::Known(hit) => (hit, None),
            Found::Unchecked(_) => return Ok(Self::free(address, &uri, None)),
            Found::Missing(_) => {
                let proposed = Proposed { verb: Verb::Replace, uri: &uri, format: None, data: None, in_atomic: true };
                let what = catalogue.check(&proposed, None).findings.into_iter().next().map(|finding| finding.what);
                return Ok(Self::free(address, &uri, what));
            }
        };
        let Some(described) = catalogue.describe(hit.node) else { return Ok(Self::free(address, &uri, None)) };
        let properties = described.properties;
        let access = properties.access;
        let is_node = properties.format == Format::Node;
        if hit.is_result || !(access.is_empty() || access.is_settable() || access.allows(Verb::Add)) {
            let verbs: Vec<String> = access.verbs().map(|verb| format!("{verb:?}")).collect();
            return Err(FormError::NotSettable(verbs.join(", ")));
        }
        if is_node && !access.allows(Verb::Add) {
            return Err(FormError::Inner);
        }
        let pattern = catalogue.uri(hit.node);
        let (uri, names) = chosen(hit.uri.as_str(), &pattern, address);
        Ok(Self {
            other_scope: other_scope(catalogue, &uri),
            uri,
            names,
            node: Some(hit.node),
            scope: hit.uri.scope(),
            format: properties.format.clone(),
            field: field(properties),
            unknown,
        })
    }

    fn free(address: &str, uri: &LocUri, unknown: Option<String>) -> Self {
        Self {
            uri: address.to_owned(),
            names: Vec::new(),
            node: None,
            scope: uri.scope(),
            other_scope: None,
            format: Format::Chr,
            field: Field::Free,
            unknown,
        }
    }

    /// The address with the names that were chosen.
    pub fn address(&self, entries: &Entries) -> Result<LocUri, String> {
        let mut chosen = self.names.iter().enumerate();
        let mut segments = Vec::new();
        for segment in self.uri.split('/') {
            if !is_open(segment, &self.names) {
                segments.push(segment.to_owned());
                continue;
            }
            let Some((place, name)) = chosen.next() else { continue };
            let written = entries.text(&format!("name.{place}")).trim();
            if written.is_empty() {
                return Err(format!("{name}: choose a name"));
            }
            segments.push(segment_of(written));
        }
        segments.join("/").parse().map_err(|error: transom_protocol::csp::LocUriError| error.to_string())
    }
}

/// What a node asks for.
fn field(properties: &Properties) -> Field {
    if properties.format == Format::Node {
        return Field::Node;
    }
    let allowed = properties.allowed.as_ref();
    let kind = allowed.map_or(&Kind::Any, |allowed| &allowed.kind);
    let is_list = allowed.is_some_and(|allowed| allowed.delimiter.is_some());
    match kind {
        Kind::Admx(admx) => Field::Policy(admx.elements.clone()),
        Kind::Enum(choices) if is_list => Field::List(choices.clone()),
        Kind::Enum(choices) if !choices.is_empty() => Field::Choice(choices.clone()),
        Kind::Flags(choices) if !choices.is_empty() => Field::Flags(choices.clone()),
        Kind::Range(ranges) if properties.format == Format::Int => Field::Number(ranges.clone()),
        Kind::Regex(pattern) if !is_list => Field::Text { pattern: Some(pattern.clone()), length: Length::Line },
        Kind::Xsd | Kind::Json => Field::Text { pattern: None, length: Length::Document },
        _ if is_list => Field::List(Vec::new()),
        _ => match properties.format {
            Format::Int => Field::Number(Vec::new()),
            Format::Bool => Field::Truth,
            Format::Xml | Format::B64 | Format::Bin => Field::Text { pattern: None, length: Length::Document },
            Format::Float | Format::Date | Format::Time => Field::Text { pattern: None, length: Length::Line },
            _ => Field::Text { pattern: None, length: length(kind) },
        },
    }
}

/// How long a text may be by its description. Many nodes that take XML say nothing but that it is a text.
fn length(kind: &Kind) -> Length {
    match kind {
        Kind::Range(lengths) if lengths.iter().all(|range| range.1 <= SHORT) => Length::Line,
        _ => Length::Any,
    }
}

/// What stands between braces can have any letters: for looking it up, those that an address can't have are replaced.
fn encoded(segment: &str) -> String {
    if !(segment.starts_with('{') && segment.ends_with('}')) {
        return segment.to_owned();
    }
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "{}-._~".contains(letter);
    segment.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

/// The address with those names open that were not chosen, and what they are called.
fn chosen(spelled: &str, pattern: &str, written: &str) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let parts = spelled.split('/').zip(pattern.split('/')).map(|(spelled, pattern)| {
        let is_chosen_later = pattern.starts_with('{') && spelled == encoded(pattern);
        if is_chosen_later {
            names.push(pattern.trim_matches(['{', '}']).to_owned());
            return pattern.to_owned();
        }
        spelled.to_owned()
    });
    let uri = parts.collect::<Vec<_>>().join("/");
    if spelled.split('/').count() == pattern.split('/').count() {
        (uri, names)
    } else {
        (written.to_owned(), Vec::new())
    }
}

fn is_open(segment: &str, names: &[String]) -> bool {
    let inner = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
    inner.is_some_and(|inner| names.iter().any(|name| name == inner))
}

/// A name as a segment of an address: what an address can't have is escaped, variables stay.
fn segment_of(name: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const NAME: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'|')
        .add(b'/')
        .add(b'?');
    utf8_percent_encode(name, NAME).to_string()
}

fn other_scope(catalogue: &Catalogue, uri: &str) -> Option<String> {
    let rest = |prefix: &str| uri.strip_prefix(prefix);
    let other = match rest("./User/") {
        Some(rest) => format!("./Device/{rest}"),
        None => format!("./User/{}", rest("./Device/").or_else(|| rest("./"))?),
    };
    let looked_for: String = other.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let hit = catalogue.known(&looked_for.parse().ok()?)?;
    let settable = catalogue.describe(hit.node)?.properties.access;
    (!hit.is_result && (settable.is_settable() || settable.allows(Verb::Add))).then_some(other)
}
