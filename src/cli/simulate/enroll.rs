//! `transom simulate --enroll`, `--renew`, `--leave`: devices that come under management through the server's own
//! services, and keep what they were given.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use transom_protocol::enrollment::EnrollmentType;
use transom_protocol::enrollment::client::ReceivedFault;
use transom_protocol::soap::FaultKind;

use super::{Identities, Simulate, authority, identities};
use crate::cli::{hinted, now};
use crate::pki::write_secret;
use crate::simulator::enrollment::{EnrollError, EnrollOptions, Enrolled, Enroller, Machine, SignIn};
use crate::simulator::fleet::seed_of;

/// How devices come and go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Enrollment")]
pub(super) struct Enrollment {
    /// Enroll new devices first: address of the server, with or without the path of discovery
    #[arg(long, value_name = "URL", conflicts_with_all = ["identities", "device_id", "url"], requires = "ca")]
    enroll: Option<String>,
    /// Who enrolls them, with --password
    #[arg(long, value_name = "NAME", requires = "enroll")]
    user: Option<String>,
    /// File with a token of Entra, in place of a password
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "password")]
    entra_token: Option<PathBuf>,
    /// Certificate of a provisioning package (PEM, with its RSA key in the same file), in place of a password
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with_all = ["password", "entra_token"])]
    package_certificate: Option<PathBuf>,
    /// How many devices enroll
    #[arg(long, value_name = "N", default_value_t = 1)]
    devices: u64,
    /// Enroll for the device and not for a user, as Entra join and bulk enrollment do
    #[arg(long)]
    for_device: bool,
    /// Write the devices with their keys and certificates to a new file, for --identities of a later run
    #[arg(long, value_name = "FILE", conflicts_with = "leave")]
    keep: Option<PathBuf>,
    /// Renew the certificates of the devices before their sessions
    #[arg(long)]
    renew: bool,
    /// Let the devices leave management in a session more (Alert 1226)
    #[arg(long)]
    pub(super) leave: bool,
}

/// What enrolling and renewing was like.
#[derive(Debug, Default)]
pub(super) struct Walks {
    pub(super) enrolled: usize,
    pub(super) renewed: usize,
    /// What was not right, and yet no reason to stop.
    pub(super) problems: Vec<String>,
}

impl Walks {
    /// Nothing where nothing was done.
    pub(super) fn to_text(&self) -> String {
        let counts =
            [(self.enrolled, "enrolled"), (self.renewed, "renewed")].into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, what)| format!("{what}: {count}\n"));
        counts.chain(self.problems.iter().map(|problem| format!("complaint: {problem}\n"))).collect()
    }
}

/// The devices of a run: enrolled, or named; renewed where that was asked for; and kept where that was.
pub(super) async fn devices(args: &Simulate) -> anyhow::Result<(Identities, Walks)> {
    let flags = &args.enrollment;
    if flags.renew && flags.keep.is_none() && flags.enroll.is_none() {
        return Err(hinted("the renewed keys would be lost", "name a new file for them with --keep"));
    }
    if let Some(file) = flags.keep.as_ref().filter(|file| file.exists()) {
        let what = format!("{} exists already, and may hold the only copy of a key", file.display());
        return Err(hinted(what, "name a new file with --keep"));
    }
    let mut walks = Walks::default();
    let mut identities = match &flags.enroll {
        Some(server) => enroll(args, server, &mut walks).await?,
        None => identities(args)?,
    };
    if flags.renew {
        renew(args, &mut identities, &mut walks).await?;
    }
    if let Some(file) = &flags.keep {
        keep(file, &identities)?;
    }
    Ok((identities, walks))
}

async fn enroll(args: &Simulate, server: &str, walks: &mut Walks) -> anyhow::Result<Identities> {
    let Some(ca) = args.ca.clone() else { bail!("--enroll needs --ca") };
    let sign_in = sign_in(args)?;
    let enroller = Enroller::new(server, &authority(&ca)?, options(args))?;
    let machines = (0..args.enrollment.devices).map(|number| Machine::seeded(seed_of(args.seed, number)).anew());
    let enrolled: Vec<Enrolled> = stream::iter(machines)
        .map(|machine| {
            let (enroller, sign_in) = (&enroller, &sign_in);
            async move { enroller.enroll(&machine, sign_in).await }
        })
        .buffered(args.parallel.max(1))
        .try_collect()
        .await
        .map_err(|error| failed(&error))?;
    walks.enrolled = enrolled.len();
    let url = enrolled.first().map(|first| first.address.clone()).unwrap_or_default();
    if enrolled.iter().any(|enrolled| enrolled.address != url) {
        bail!("the server gave the devices different addresses of its management service");
    }
    let mut devices = Vec::with_capacity(enrolled.len());
    for Enrolled { identity, problems, .. } in enrolled {
        walks.problems.extend(problems.into_iter().map(|problem| format!("{}: {problem}", identity.device_id)));
        devices.push(identity);
    }
    Ok(Identities { url, ca, devices })
}

async fn renew(args: &Simulate, identities: &mut Identities, walks: &mut Walks) -> anyhow::Result<()> {
    let pem = authority(&identities.ca)?;
    for identity in &mut identities.devices {
        let Some(certificate) = &identity.certificate else {
            let what = format!("the device {} has no certificate to renew", identity.device_id);
            return Err(hinted(what, "name a file that --keep wrote"));
        };
        let enroller = Enroller::new(&certificate.renew_at, &pem, options(args))?;
        let renewed = enroller.renew(identity).await.map_err(|error| failed(&error))?;
        walks.renewed += 1;
        walks.problems.extend(renewed.problems.into_iter().map(|problem| format!("{}: {problem}", identity.device_id)));
        *identity = renewed.identity;
    }
    Ok(())
}

fn options(args: &Simulate) -> EnrollOptions {
    let enrollment_type = if args.enrollment.for_device { EnrollmentType::Device } else { EnrollmentType::Full };
    EnrollOptions { enrollment_type, ..EnrollOptions::default() }
}

fn sign_in(args: &Simulate) -> anyhow::Result<SignIn> {
    let name = args.enrollment.user.clone().context("--enroll needs --user: who enrolls the devices")?;
    if let Some(file) = &args.enrollment.entra_token {
        let token = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        return Ok(SignIn::Entra { email: name, token: token.trim().into() });
    }
    if let Some(file) = &args.enrollment.package_certificate {
        let pem = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        return Ok(SignIn::Certificate { email: name, certificate: pem.clone(), key: pem.into(), now: now() });
    }
    let password = args.password.clone().context("--enroll needs --password: the password or an enrollment token")?;
    Ok(SignIn::password(name, password))
}

/// Writes the devices, for their owner alone.
fn keep(file: &Path, identities: &Identities) -> anyhow::Result<()> {
    let ca = std::path::absolute(&identities.ca).context("can't tell where the authority is")?;
    let kept = Identities { url: identities.url.clone(), ca, devices: identities.devices.clone() };
    let text = zeroize::Zeroizing::new(serde_json::to_vec_pretty(&kept)?);
    Ok(write_secret(file, &text)?)
}

/// With what helps, where the server named its reason.
fn failed(error: &EnrollError) -> anyhow::Error {
    let kind = error.fault().and_then(ReceivedFault::kind);
    let hint = kind.map_or("`transom enrollment attempts` on the server says what it saw", FaultKind::remedy);
    hinted(error.to_string(), hint)
}
