//! `transom command send`.

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Parser as _};
use transom_protocol::csp::{Instruction, catalogue::Level};
use transom_protocol::session::Timestamp;

use super::{
    options::Options,
    shorthand::{Kind, Line},
    wait,
};
use crate::{
    admin::{NewOrder, Ordered},
    cli::{
        Global, Output,
        client::{Client, connected},
        hinted,
        input::{self, STDIN, usage},
        now,
        shown::{count, line, table},
    },
};

/// How long to wait for outcomes when nothing else is said.
const PATIENCE: Duration = Duration::from_mins(1);

/// Put a command into the queues of devices
///
/// The command is typed (get, add, replace, delete or exec, with its node), or given in JSON, where it can also be an
/// atomic or a sequence, or a list of commands that go out in this order. Options may stand before the command or
/// behind it; behind add, replace and exec, --data is the value of the node, so that a data folder is named before.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "transom command send --device ID [OPTIONS] get TARGET...
       transom command send --device ID [OPTIONS] delete TARGET...
       transom command send --device ID [OPTIONS] replace TARGET --data VALUE [--format FORMAT] [--type MIME]
       transom command send --device ID [OPTIONS] add TARGET --data VALUE [--if-exists replace]
       transom command send --device ID [OPTIONS] exec TARGET [--data VALUE]
       transom command send --device ID [OPTIONS] --file FILE"
)]
pub(super) struct Send {
    #[command(flatten)]
    options: Options,
    /// File with a command in JSON, or a list of them; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json_command", "words"])]
    file: Option<String>,
    /// A command in JSON, or a list of them
    #[arg(long, value_name = "JSON", conflicts_with = "words")]
    json_command: Option<String>,
    /// The command: get, add, replace, delete or exec, its node, and what else belongs to it
    #[arg(
        value_name = "KIND TARGET",
        trailing_var_arg = true,
        required_unless_present_any = ["file", "json_command"]
    )]
    words: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  transom command send --device 1A2B get ./DevDetail/SwV --wait
  transom command send --devices ids.txt --expires 24h exec ./Device/Vendor/MSFT/Reboot/RebootNow
  transom command send --device 1A2B replace \\
      ./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength --data 12 --format int
  transom command send --device 1A2B replace ./Vendor/MSFT/X/Key --data-file secret.txt
  transom command send --device 1A2B --json-command \\
      '{\"kind\":\"atomic\",\"commands\":[{\"kind\":\"delete\",\"items\":[{\"target\":\"./A\"}]}]}'";

impl Send {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Self { options, file, json_command, words } = self;
        if words.is_empty() {
            let from_stdin = file.as_deref() == Some(STDIN);
            let commands = || match (&file, &json_command) {
                (Some(file), _) => instructions(&input::read(file)?, file),
                (None, json) => instructions(json.as_deref().unwrap_or_default(), "--json-command"),
            };
            let new = order(&options, from_stdin, commands)?;
            return connected(global, async |client| carry_out(&client, &new, &options, output).await);
        }
        let Line { kind, options: later, global: late } = Line::try_parse_from(words)?;
        let global = late.over(global, kind.folder());
        let options = options.and(later);
        let from_stdin = kind.reads_stdin();
        let new = order(&options, from_stdin, || Ok(vec![Kind::instruction(kind)?]))?;
        let mut own = global.json.then(|| Output::new(true));
        let output = own.as_mut().unwrap_or(output);
        connected(&global, async |client| carry_out(&client, &new, &options, output).await)
    }
}

async fn carry_out(client: &Client, new: &NewOrder, options: &Options, output: &mut Output) -> anyhow::Result<()> {
    let key = options.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let ordered = client.order(new, &key).await?;
    let left_out = ordered.devices.iter().filter(|device| device.error.is_some()).count();
    if options.wait && !options.dry_run {
        if !output.is_json() && left_out > 0 {
            output.text(told(&ordered, false))?;
        }
        wait::for_outcomes(client, ordered, options.timeout.unwrap_or(PATIENCE), output).await?;
    } else if output.is_json() {
        output.document(&ordered)?;
    } else {
        output.text(told(&ordered, options.dry_run))?;
    }
    if left_out > 0 {
        bail!("{} could not take it", count(left_out, "device"));
    }
    Ok(())
}

/// The order as the API takes it.
fn order(
    options: &Options,
    command_from_stdin: bool,
    commands: impl FnOnce() -> anyhow::Result<Vec<Instruction>>,
) -> anyhow::Result<NewOrder> {
    if command_from_stdin && options.devices.as_deref() == Some(STDIN) {
        return Err(usage("only one of the devices and the command can come from standard input"));
    }
    let mut devices = options.device.clone();
    if let Some(file) = &options.devices {
        devices.extend(device_list(&input::read(file)?)?);
    }
    if devices.is_empty() {
        return Err(usage("no device is named: use --device or --devices"));
    }
    Ok(filled(options, devices, commands()?, now()))
}

fn filled(options: &Options, mut devices: Vec<String>, mut commands: Vec<Instruction>, now: Timestamp) -> NewOrder {
    let device_id = if devices.len() == 1 { devices.pop() } else { None };
    let command = if commands.len() == 1 { commands.pop() } else { None };
    NewOrder {
        device_id,
        devices,
        command,
        commands,
        user: options.user.clone(),
        not_before: options.not_before.map(|moment| moment.rfc3339(now)),
        expires_at: options.expires.map(|moment| moment.rfc3339(now)),
        depends_on: options.after.clone(),
        chained: options.chained,
        unchecked: options.unchecked.clone(),
        dry_run: options.dry_run,
    }
}

/// Ids of devices: a JSON list, or one on each line.
fn device_list(text: &str) -> anyhow::Result<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|error| {
            hinted(
                format!("the list of devices can't be read: {error}"),
                "write a JSON list of texts, or one id on each line",
            )
        });
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// A command in JSON, or a list of them.
fn instructions(text: &str, name: &str) -> anyhow::Result<Vec<Instruction>> {
    let read = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|one| vec![one])
    };
    let commands: Vec<Instruction> = read.map_err(|error| {
        let hint = "a command looks like {\"kind\":\"get\",\"items\":[{\"target\":\"./DevDetail/SwV\"}]}";
        hinted(format!("the command of {name} can't be read: {error}"), hint)
    })?;
    if commands.is_empty() {
        bail!("{name} holds no command");
    }
    Ok(commands)
}

/// What became of an order, for people.
pub(super) fn told(ordered: &Ordered, dry_run: bool) -> String {
    let (taken, left_out): (Vec<_>, Vec<_>) = ordered.devices.iter().partition(|device| device.error.is_none());
    let notes = ordered.findings.iter().filter(|finding| finding.level != Level::Note).map(|finding| {
        let level = if finding.level == Level::Error { "error" } else { "warning" };
        format!("{level}: {}: {}\n", line(&finding.at), line(&finding.what))
    });
    let notes: String = notes.collect();
    let said = match (dry_run, taken.as_slice()) {
        (_, []) => String::new(),
        (true, taken) => format!("It would reach {}; nothing was sent.\n", count(taken.len(), "device")),
        (false, [one]) if one.commands.len() == 1 => {
            let id = line(one.commands.first().map_or("", String::as_str));
            let device = line(&one.device_id);
            format!("Queued command {id} for {device}.\nFollow it with: transom command show {id}\n")
        }
        (false, taken) => {
            let commands = count(taken.iter().map(|device| device.commands.len()).sum(), "command");
            let devices = count(taken.len(), "device");
            let batch = line(ordered.batch_id.as_deref().unwrap_or_default());
            format!("Queued {commands} for {devices}.\nFollow them with: transom command list --batch {batch}\n")
        }
    };
    let rows = left_out.iter().map(|device| {
        [line(&device.device_id), device.error.map(|error| error.meaning().to_owned()).unwrap_or_default()]
    });
    notes + &said + &table(&["LEFT OUT", "WHY"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{NotOrdered, OrderedDevice};

    fn device(id: &str, commands: &[&str], error: Option<NotOrdered>) -> OrderedDevice {
        let commands = commands.iter().map(|&id| id.to_owned()).collect();
        OrderedDevice { device_id: id.to_owned(), commands, error }
    }

    #[test]
    fn one_command_for_one_device_is_told_with_its_id() {
        let ordered = Ordered {
            batch_id: Some("B".into()),
            devices: vec![device("D\u{1b}1", &["C1"], None)],
            findings: Vec::new(),
        };
        assert_eq!(
            told(&ordered, false),
            "Queued command C1 for D\\u{1b}1.\nFollow it with: transom command show C1\n"
        );
        assert_eq!(told(&ordered, true), "It would reach 1 device; nothing was sent.\n");
    }

    #[test]
    fn who_was_left_out_is_told_with_the_reason() {
        let devices = vec![
            device("D1", &["C1", "C2"], None),
            device("D2", &[], Some(NotOrdered::UnknownDevice)),
            device("D3", &["C3", "C4"], None),
        ];
        let text = told(&Ordered { batch_id: Some("B".into()), devices, findings: Vec::new() }, false);
        assert!(
            text.starts_with("Queued 4 commands for 2 devices.\nFollow them with: transom command list --batch B\n")
        );
        assert!(text.contains("D2         there is no such device"), "{text}");
    }

    #[test]
    fn a_list_of_devices_is_lines_or_json() {
        assert_eq!(device_list(" a \r\n\n b b\n").unwrap(), ["a", "b b"]);
        assert_eq!(device_list("[\"a\",\"b\"]").unwrap(), ["a", "b"]);
        assert!(device_list("[1]").is_err());
    }

    #[test]
    fn an_order_says_what_the_options_say() {
        let options = Options {
            expires: Some(input::moment("24h").unwrap()),
            after: vec!["C0".to_owned()],
            dry_run: true,
            ..Options::default()
        };
        let commands = instructions(r#"{"kind":"get","items":[{"target":"./A"}]}"#, "x").unwrap();
        let order = filled(&options, vec!["D1".to_owned()], commands.clone(), Timestamp(1_800_000_000_000));
        assert_eq!(
            serde_json::to_value(&order).unwrap(),
            serde_json::json!({
                "device_id": "D1",
                "command": {"kind": "get", "items": [{"target": "./A"}]},
                "expires_at": "2027-01-16T08:00:00.000Z",
                "depends_on": ["C0"],
                "chained": false,
                "dry_run": true,
            })
        );
        let two = filled(&options, vec!["D1".into(), "D2".into()], [commands.clone(), commands].concat(), Timestamp(0));
        assert_eq!((two.device_id, two.devices.len(), two.command, two.commands.len()), (None, 2, None, 2));
    }

    #[test]
    fn a_command_that_can_not_be_read_is_told_with_its_place() {
        let error = instructions("{\"kind\":\"gett\"}", "cmd.json").unwrap_err().to_string();
        assert!(error.starts_with("the command of cmd.json can't be read: \"gett\" is no kind of command"), "{error}");
        assert!(instructions("[]", "x").is_err());
    }

    #[test]
    fn standard_input_is_read_once() {
        let options = Options { devices: Some("-".to_owned()), device: vec!["D".to_owned()], ..Options::default() };
        let error = order(&options, true, || Ok(Vec::new())).unwrap_err();
        assert_eq!(error.downcast::<clap::Error>().unwrap().exit_code(), 2);
        let nobody = order(&Options::default(), false, || Ok(Vec::new())).unwrap_err();
        assert_eq!(nobody.downcast::<clap::Error>().unwrap().exit_code(), 2);
    }
}
