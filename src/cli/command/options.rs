//! For whom, when, and how long to wait: the options of `command send`, before the command or behind it.

use std::time::Duration;

use clap::Args;

use crate::cli::{
    BearerToken, Global,
    input::{self, Moment},
};

/// Options that stand before the command or behind it.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub(super) struct Options {
    /// A device; can be given several times
    #[arg(long = "device", value_name = "ID", global = true)]
    pub(super) device: Vec<String>,
    /// File with devices, one id on each line or as a JSON list; - is standard input
    #[arg(long = "devices", value_name = "FILE", global = true)]
    pub(super) devices: Option<String>,
    /// Whose ./User nodes are meant, such as bob@contoso.com [default: the enrolled user]
    #[arg(long, value_name = "NAME", global = true)]
    pub(super) user: Option<String>,
    /// Not to be sent before: a time, or a time from now such as 2h
    #[arg(long, value_name = "WHEN", value_parser = input::moment, global = true)]
    pub(super) not_before: Option<Moment>,
    /// Not to be sent at or after: a time, or a time from now such as 24h
    #[arg(long, value_name = "WHEN", value_parser = input::moment, global = true)]
    pub(super) expires: Option<Moment>,
    /// Only when this command has succeeded; can be given several times
    #[arg(long, value_name = "COMMAND_ID", global = true)]
    pub(super) after: Vec<String>,
    /// Of several commands, each waits until the one before it has succeeded
    #[arg(long, global = true)]
    pub(super) chained: bool,
    /// Send it although the catalogue of settings says that it can't work; the reason is kept in the audit log
    #[arg(long, value_name = "REASON", global = true)]
    pub(super) unchecked: Option<String>,
    /// Check it and say which devices it would reach, but send nothing
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// Wait for the outcome, print it, and end with 0 only if all succeeded
    #[arg(long, global = true)]
    pub(super) wait: bool,
    /// How long to wait [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = input::duration, global = true)]
    pub(super) timeout: Option<Duration>,
    /// A word of your own: sent again with the same one, the command is put into the queue only once
    #[arg(long, value_name = "KEY", global = true)]
    pub(super) idempotency_key: Option<String>,
}

/// Options of all commands, where they may stand behind a command as well. There `--data` is the value of a node.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct LateGlobal {
    /// Address of the admin API
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Bearer token for the admin API
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<BearerToken>,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
}

impl Options {
    /// Both together; of what can stand once, what was said later counts.
    pub(super) fn and(mut self, later: Self) -> Self {
        self.device.extend(later.device);
        self.after.extend(later.after);
        Self {
            devices: later.devices.or(self.devices),
            user: later.user.or(self.user),
            not_before: later.not_before.or(self.not_before),
            expires: later.expires.or(self.expires),
            chained: later.chained || self.chained,
            unchecked: later.unchecked.or(self.unchecked),
            dry_run: later.dry_run || self.dry_run,
            wait: later.wait || self.wait,
            timeout: later.timeout.or(self.timeout),
            idempotency_key: later.idempotency_key.or(self.idempotency_key),
            ..self
        }
    }
}

impl LateGlobal {
    /// Both together.
    pub(super) fn over(self, global: &Global, folder: Option<std::path::PathBuf>) -> Global {
        Global {
            data: folder.unwrap_or_else(|| global.data.clone()),
            server: self.server.or_else(|| global.server.clone()),
            token: self.token.or_else(|| global.token.clone()),
            json: self.json || global.json,
        }
    }
}
