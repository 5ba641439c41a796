//! `transom csp builtin`: makes the facts that the program brings along. For whoever builds it.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::archive::{name_of, read};
use crate::cli::Output;
use crate::policy::catalogue::builtin::make;

/// Make the facts that are built in, of the files that Microsoft publishes
///
/// For whoever builds Transom: the file is `schema/csp-facts.json.gz`. Of an older release only what no newer one has is
/// taken.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp builtin --from DDFv2Feb2026.zip --from ddf-v1-20H2.zip --out schema/csp-facts.json.gz")]
pub(super) struct Builtin {
    /// A ZIP as Microsoft publishes it, the newest first
    #[arg(long, value_name = "PATH", required = true)]
    from: Vec<PathBuf>,
    /// Where to write the facts
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Builtin {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<()> {
        let archives: Vec<(String, Vec<u8>)> = self
            .from
            .iter()
            .map(|path| Ok((name_of(path)?, read(path, ".xml")?.bytes)))
            .collect::<anyhow::Result<_>>()?;
        let archives: Vec<(&str, &[u8])> =
            archives.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let day = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let facts = make(&archives, &day)?;
        std::fs::write(&self.out, &facts).with_context(|| format!("can't write {}", self.out.display()))?;
        output.text(format!("{} bytes of facts in {}", facts.len(), self.out.display()))
    }
}
