//! `transom enrollment declare`: devices that may enroll because somebody said so before.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use crate::admin::{Declaration, Declared, DeclaredDeviceJson, NewDeclared, Part};
use crate::cli::{
    Global, Output,
    client::connected,
    hinted, input,
    shown::{count, line, short, table, time},
};
use crate::model::DeclaredKind;

/// Longest text in a table.
const VALUE: usize = 80;

/// Devices in one request.
const TOGETHER: usize = 500;

/// Column of a list that says what is declared by anything.
const NOTE: &str = "note";

/// Devices that may enroll because they were declared before
///
/// Windows tells the hash of its hardware and its network addresses when it enrolls, and on a PC no serial number.
#[derive(Debug, Args)]
#[command(after_help = "It counts where only_declared of [enrollment_limits] is true.")]
pub(super) struct Declare {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Add(Add),
    List(List),
    Remove(Remove),
    Import(Import),
}

/// Declare devices
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom enrollment declare add --mac 00-0C-29-51-60-9D --note 'front desk'
  transom enrollment attempts --refused --json    shows the hardware hash of what was refused")]
struct Add {
    #[command(flatten)]
    named: Named,
    /// Anything, to be shown with them
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// List what is declared
#[derive(Debug, Args)]
struct List {
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Take declarations back; what has enrolled stays
#[derive(Debug, Args)]
struct Remove {
    #[command(flatten)]
    named: Named,
}

/// Declare the devices of a list
///
/// The list is CSV; its first line names the columns. A device is declared by each of its values.
#[derive(Debug, Args)]
#[command(after_help = "Columns: hardware_hash, serial, mac, imei, note

Example:
  printf 'serial,mac,note\\nPF1AB2,00-0C-29-51-60-9D,front desk\\n' | transom enrollment declare import -")]
struct Import {
    /// File with the list; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
}

/// Devices that are named on the command line.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Named {
    /// Hash of the hardware, which Windows calls `HWDevID`; may be given again
    #[arg(long, value_name = "HASH")]
    hardware_hash: Vec<String>,
    /// Serial number; may be given again
    #[arg(long, value_name = "NUMBER")]
    serial: Vec<String>,
    /// Network address; may be given again
    #[arg(long, value_name = "ADDRESS")]
    mac: Vec<String>,
    /// Number of the modem; may be given again
    #[arg(long, value_name = "NUMBER")]
    imei: Vec<String>,
}

impl Declare {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Add(verb) => {
                let devices = verb.named.devices(verb.note.as_deref());
                declare(global, output, &devices)
            }
            Verb::Import(verb) => {
                let text = input::read(&verb.file)?;
                let devices = devices_of(&text).with_context(|| format!("can't use {}", verb.file))?;
                declare(global, output, &devices)
            }
            Verb::List(verb) => verb.run(global, output),
            Verb::Remove(verb) => verb.run(global, output),
        }
    }
}

impl Named {
    fn devices(self, note: Option<&str>) -> Vec<NewDeclared> {
        let of = |kind: DeclaredKind, values: Vec<String>| {
            values.into_iter().map(move |value| NewDeclared { kind, value, note: note.map(str::to_owned) })
        };
        of(DeclaredKind::HardwareHash, self.hardware_hash)
            .chain(of(DeclaredKind::Serial, self.serial))
            .chain(of(DeclaredKind::Mac, self.mac))
            .chain(of(DeclaredKind::Imei, self.imei))
            .collect()
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let part = Part { limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.declared_devices(&part).await?;
            output.page(&page, "no declared devices", table_of)
        })
    }
}

impl Remove {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let devices = self.named.devices(None);
        connected(global, async |client| {
            let mut removed = Vec::new();
            for device in &devices {
                let done = client.remove_declared(device.kind.as_str(), &device.value).await;
                removed.push(done.with_context(|| format!("{} {}", device.kind, line(&device.value)))?);
            }
            if output.is_json() {
                return output.document(&removed);
            }
            output.text(format!("Removed {}.", count(removed.len(), "declaration")))
        })
    }
}

fn declare(global: &Global, output: &mut Output, devices: &[NewDeclared]) -> anyhow::Result<()> {
    connected(global, async |client| {
        let mut done = Declared::default();
        for some in devices.chunks(TOGETHER) {
            let declared = client.declare(&Declaration { devices: some.to_vec() }).await?;
            done = Declared { declared: done.declared + declared.declared, known: done.known + declared.known };
        }
        if output.is_json() {
            return output.document(&done);
        }
        let known = if done.known > 0 { format!("; {} declared before", done.known) } else { String::new() };
        output.text(format!("Declared {}{known}.", count(done.declared, "value")))
    })
}

/// The devices of a list. All or none: each that can't be is told with its line.
fn devices_of(text: &str) -> anyhow::Result<Vec<NewDeclared>> {
    let mut list =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut columns = Vec::new();
    for name in list.headers().context("the first line can't be read")? {
        let folded = name.to_ascii_lowercase().replace([' ', '-'], "_");
        match (DeclaredKind::parse(&folded), folded.as_str()) {
            (None, NOTE) => columns.push(None),
            (Some(kind), _) => columns.push(Some(kind)),
            (None, _) => {
                let hint = "the columns are hardware_hash, serial, mac, imei and note; leave the others out";
                return Err(hinted(format!("there is no column {}", line(name)), hint));
            }
        }
    }
    let (mut devices, mut wrong) = (Vec::new(), Vec::new());
    for row in list.records() {
        let row = row.context("a line can't be read")?;
        let place = row.position().map_or(0, csv::Position::line);
        let cells = || columns.iter().zip(&row).filter(|(_, value)| !value.is_empty());
        let note = cells().find(|(column, _)| column.is_none()).map(|(_, note)| note.to_owned());
        for (kind, value) in cells().filter_map(|(column, value)| Some(((*column)?, value))) {
            if kind.fold(value).is_none() {
                wrong.push(format!("line {place}: {} can't be a {kind}", short(value, VALUE)));
            }
            devices.push(NewDeclared { kind, value: value.to_owned(), note: note.clone() });
        }
    }
    if !wrong.is_empty() {
        bail!("nothing is declared\n  {}", wrong.join("\n  "));
    }
    if devices.is_empty() {
        bail!("it holds no device");
    }
    Ok(devices)
}

fn table_of(devices: &[DeclaredDeviceJson]) -> String {
    let rows = devices.iter().map(|device| {
        let note = device.note.as_deref().map(|note| short(note, VALUE)).unwrap_or_default();
        [device.kind.as_str().to_owned(), line(&device.value), note, time(device.created_at)]
    });
    table(&["KIND", "VALUE", "NOTE", "DECLARED"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_declares_each_value_of_a_device() {
        let list = "\u{feff}Serial,MAC,Note\nPF-1, 00-0C-29-51-60-9D ,\"desk, front\"\n,00:0c:29:51:60:9e,\nPF-2,,\n";
        let devices = devices_of(list).unwrap();
        let told: Vec<_> = devices
            .iter()
            .map(|device| (device.kind.as_str(), device.value.as_str(), device.note.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("serial", "PF-1", Some("desk, front")),
                ("mac", "00-0C-29-51-60-9D", Some("desk, front")),
                ("mac", "00:0c:29:51:60:9e", None),
                ("serial", "PF-2", None),
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_list_is_told_with_its_line() {
        for (list, told) in [
            ("serial,color\nPF-1,red\n", "there is no column color"),
            ("serial\n", "it holds no device"),
            ("mac\n00-0C-29-51-60-9D\nnonsense\n", "nothing is declared\n  line 3: nonsense can't be a mac"),
            ("serial,mac\nPF-1\n", "a line can't be read"),
        ] {
            let error = devices_of(list).unwrap_err();
            assert!(format!("{error:#}").starts_with(told), "{error:#}");
        }
    }
}
