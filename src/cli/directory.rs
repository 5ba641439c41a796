//! `transom directory`: what is known of people; `transom device person`: whose a device is.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::connected,
    hinted, input,
    shown::{count, line, short, table, time},
};
use crate::admin::{GiveDevice, Part, PeopleSet, PersonJson, SetPeople, SetPerson};
use crate::model::{Attribute, UserName};

/// Longest text in a table.
const VALUE: usize = 80;

/// People in one request.
const TOGETHER: usize = 500;

/// People: their groups and attributes, which policies use
///
/// Devices have what is known of their person as facts: 'finance' in groups, ${user.department}. People who sign in at the
/// provider to enroll are known by it; what is set here holds until somebody says something else.
#[derive(Debug, Args)]
pub(super) struct Directory {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(Named),
    Set(Set),
    Import(Import),
    Remove(Named),
}

/// List people by name
#[derive(Debug, Args)]
struct List {
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// One person
#[derive(Debug, Args)]
struct Named {
    /// What they enroll with
    #[arg(value_name = "NAME")]
    name: String,
}

/// Say all that is known of a person; what is not said is known no more
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom directory set ada@contoso.com --group finance --group staff --attribute department=Sales
  transom directory set ada@contoso.com       in no group, and nothing else is known")]
struct Set {
    /// What they enroll with
    #[arg(value_name = "NAME")]
    name: String,
    /// A group that they are in; may be given again
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// What else is known, by the name of the fact below user; may be given again
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
}

/// Say all that is known of the people of a list; others stay as they are
///
/// The list is CSV, whose first line names the columns, or JSON as `transom directory list --json` prints it.
#[derive(Debug, Args)]
#[command(after_help = "Columns: name, groups (with ; between them), and attributes such as department

Example:
  printf 'name,groups,department\\nada@contoso.com,finance;staff,Sales\\n' | transom directory import -")]
struct Import {
    /// File with the list; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
}

/// Show whose a device is, or say it
///
/// A device that its user enrolled is that user's. What is said here holds until somebody enrolls it anew.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device person 1A2B
  transom device person 1A2B ada@contoso.com
  transom device person 1A2B --nobody")]
pub(super) struct PersonVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Whose it is from now on
    #[arg(value_name = "NAME", conflicts_with = "nobody")]
    person: Option<String>,
    /// It is nobody's
    #[arg(long)]
    nobody: bool,
}

impl Directory {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::List(verb) => verb.run(global, output),
            Verb::Show(verb) => connected(global, async |client| shown(output, &client.person(&verb.name).await?)),
            Verb::Set(verb) => {
                let attribute = |written: &String| {
                    let (name, said) = written.split_once('=')?;
                    Some((name.trim().to_owned(), said.to_owned()))
                };
                let attributes = verb.attributes.iter().map(attribute).collect::<Option<_>>();
                let attributes = attributes.context("an attribute is written NAME=VALUE")?;
                set(global, output, &[SetPerson { name: verb.name, groups: verb.groups, attributes }])
            }
            Verb::Import(verb) => {
                let text = input::read(&verb.file)?;
                let people = people_of(&text).with_context(|| format!("can't use {}", verb.file))?;
                set(global, output, &people)
            }
            Verb::Remove(verb) => connected(global, async |client| {
                let person = client.forget_person(&verb.name).await?;
                if output.is_json() {
                    return output.document(&person);
                }
                output.text(format!("Nothing is known of {} any more.", line(&person.name)))
            }),
        }
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let part = Part { limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.people(&part).await?;
            output.page(&page, "nobody is known", table_of)
        })
    }
}

impl PersonVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let whose = if self.person.is_none() && !self.nobody {
                client.device_person(&self.id).await?
            } else {
                client.give_device(&self.id, &GiveDevice { person: self.person.clone() }).await?
            };
            if output.is_json() {
                return output.document(&whose);
            }
            output.text(whose.person.as_deref().map_or_else(|| "nobody's".to_owned(), line))
        })
    }
}

fn set(global: &Global, output: &mut Output, people: &[SetPerson]) -> anyhow::Result<()> {
    connected(global, async |client| {
        let mut done = PeopleSet::default();
        for some in people.chunks(TOGETHER) {
            let set = client.set_people(&SetPeople { people: some.to_vec() }).await?;
            done = PeopleSet { changed: done.changed + set.changed, same: done.same + set.same };
        }
        if output.is_json() {
            return output.document(&done);
        }
        let same = if done.same > 0 { format!("; {} as before", done.same) } else { String::new() };
        output.text(format!("Changed {}{same}.", count(done.changed, "person")))
    })
}

/// The people of a list. All or none: each that can't be is told with its line.
fn people_of(text: &str) -> anyhow::Result<Vec<SetPerson>> {
    let text = text.trim_start_matches('\u{feff}');
    let people = match text.trim_start().chars().next() {
        Some('[' | '{') => of_json(text)?,
        _ => of_csv(text)?,
    };
    if people.is_empty() {
        bail!("it names nobody");
    }
    Ok(people)
}

/// A list, or a page of one: what the server adds by itself is passed over.
fn of_json(text: &str) -> anyhow::Result<Vec<SetPerson>> {
    #[derive(serde::Deserialize)]
    struct Entry {
        name: String,
        #[serde(default)]
        groups: Vec<String>,
        #[serde(default)]
        attributes: std::collections::BTreeMap<String, String>,
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Listed {
        Bare(Vec<Entry>),
        Page {
            #[serde(alias = "people")]
            items: Vec<Entry>,
        },
    }
    let listed: Listed = serde_json::from_str(text).context("it is no list of people as JSON")?;
    let entries = match listed {
        Listed::Bare(entries) | Listed::Page { items: entries } => entries,
    };
    let person = |Entry { name, groups, attributes }| SetPerson { name, groups, attributes };
    Ok(entries.into_iter().map(person).collect())
}

/// What a column holds.
enum Column {
    Name,
    Groups,
    Attribute(Attribute),
}

fn of_csv(text: &str) -> anyhow::Result<Vec<SetPerson>> {
    let mut list = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut columns = Vec::new();
    for name in list.headers().context("the first line can't be read")? {
        let folded = name.to_ascii_lowercase().replace([' ', '-'], "_");
        columns.push(match (folded.as_str(), Attribute::parse(&folded)) {
            ("name", _) => Column::Name,
            ("groups", _) => Column::Groups,
            (_, Some(attribute)) => Column::Attribute(attribute),
            (_, None) => {
                let known: Vec<&str> = Attribute::all().map(Attribute::as_str).collect();
                let hint = format!("the columns are name, groups and {}; leave others out", known.join(", "));
                return Err(hinted(format!("there is no column {}", line(name)), &hint));
            }
        });
    }
    let (mut people, mut wrong) = (Vec::new(), Vec::new());
    for row in list.records() {
        let row = row.context("a line can't be read")?;
        let mut person = SetPerson::default();
        for (column, value) in columns.iter().zip(&row).filter(|(_, value)| !value.is_empty()) {
            match column {
                Column::Name => value.clone_into(&mut person.name),
                Column::Groups => {
                    let groups = value.split(';').map(str::trim).filter(|group| !group.is_empty());
                    person.groups = groups.map(str::to_owned).collect();
                }
                Column::Attribute(attribute) => {
                    person.attributes.insert(attribute.as_str().to_owned(), value.to_owned());
                }
            }
        }
        if UserName::parse(&person.name).is_none() {
            let place = row.position().map_or(0, csv::Position::line);
            wrong.push(format!("line {place}: {:?} can't be a name", short(&person.name, VALUE)));
        }
        people.push(person);
    }
    if !wrong.is_empty() {
        bail!("nothing is changed\n  {}", wrong.join("\n  "));
    }
    Ok(people)
}

fn shown(output: &mut Output, person: &PersonJson) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(person);
    }
    let mut text = format!("{}\n", line(&person.name));
    let groups: Vec<String> = person.groups.iter().map(|group| line(group)).collect();
    let groups = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
    let _ = writeln!(text, "  groups: {groups}");
    for (name, said) in &person.attributes {
        let _ = writeln!(text, "  {}: {}", line(name), line(said));
    }
    let _ = write!(text, "  said {} by {}", time(person.changed_at), line(&person.changed_by));
    output.text(text)
}

fn table_of(people: &[PersonJson]) -> String {
    let rows = people.iter().map(|person| {
        let attributes: Vec<String> =
            person.attributes.iter().map(|(name, said)| format!("{name}={}", short(said, VALUE))).collect();
        [
            line(&person.name),
            short(&person.groups.join(", "), VALUE),
            short(&attributes.join(", "), VALUE),
            time(person.changed_at),
        ]
    });
    table(&["NAME", "GROUPS", "ATTRIBUTES", "CHANGED"], rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_says_all_that_is_known_of_people() {
        let csv = "\u{feff}Name,Groups,Department,Job Title\nada@b.test, finance; staff ,\"Sales, south\",\nbob@b.test,,,Clerk\n";
        let wanted = json!([
            {"name": "ada@b.test", "groups": ["finance", "staff"], "attributes": {"department": "Sales, south"}},
            {"name": "bob@b.test", "groups": [], "attributes": {"job_title": "Clerk"}},
        ]);
        assert_eq!(json!(people_of(csv).unwrap()), wanted);
        assert_eq!(json!(people_of(&wanted.to_string()).unwrap()), wanted);
        let mut page = json!({"items": wanted, "next_cursor": null});
        page["items"][0]["changed_by"] = json!("transom:sign-in");
        assert_eq!(json!(people_of(&page.to_string()).unwrap()), wanted);
        assert_eq!(json!(people_of(&json!({"people": wanted}).to_string()).unwrap()), wanted);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told_with_its_line() {
        for (list, told) in [
            ("name,color\nada,red\n", "there is no column color"),
            ("name,groups\n", "it names nobody"),
            ("[]", "it names nobody"),
            ("{\"a\": 1}", "it is no list of people as JSON"),
            ("name,groups\nada,a\n,b\n", "nothing is changed\n  line 3: \"\" can't be a name"),
        ] {
            let error = people_of(list).unwrap_err();
            assert!(format!("{error:#}").starts_with(told), "{error:#}");
        }
    }
}
