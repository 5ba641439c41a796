//! `transom simulate --push`: a stand-in for WNS, and devices that come when they are pushed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::session_from_clock;
use crate::cli::{hinted, now};
use crate::pki::{CertificateAuthority, ServerIdentity, ServerNames, write_public, write_secret};
use crate::simulator::fleet::{Fleet, FleetReport};
use crate::simulator::wns::{Pushes, Wns, WnsReport};

/// Devices that are pushed to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Push")]
pub(super) struct Push {
    /// Play WNS at this name and port, where the server calls it: the devices have channels there, and after their sessions
    /// come when they are pushed, until Ctrl-C
    #[arg(id = "push", long = "push", value_name = "HOST:PORT", value_parser = place, conflicts_with = "leave")]
    at: Option<(String, u16)>,
    /// Folder with the certificate of this WNS, made where there is none; its root.pem is for push.roots of the server
    #[arg(long = "push-folder", value_name = "DIR", default_value = "wns", requires = "push")]
    folder: PathBuf,
    /// End after so many sessions that a push began
    #[arg(long, value_name = "N", requires = "push")]
    pushed_sessions: Option<usize>,
}

/// A run in which devices are pushed to.
pub(super) struct Pushing {
    wns: Wns,
    pushes: Pushes,
    most: Option<usize>,
}

/// `localhost:8444`, for the parser of the command line.
fn place(text: &str) -> Result<(String, u16), String> {
    let wrong = || "write a name and a port, such as localhost:8444".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if host.is_empty() || !is_name || host.parse::<IpAddr>().is_ok() {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

impl Push {
    /// Begins to play WNS, where that is wanted, and gives the devices their channels.
    pub(super) fn start(&self, fleet: &mut Fleet) -> anyhow::Result<Option<Pushing>> {
        let Some((host, port)) = &self.at else { return Ok(None) };
        let identity = identity(&self.folder, host)?;
        let devices = fleet.devices().count();
        let (wns, pushes) = Wns::start((host, *port), &identity, devices, u64::from(session_from_clock()))?;
        for (number, device) in fleet.devices_mut().enumerate() {
            let mut behaviour = device.behaviour().clone();
            behaviour.channel = Some(wns.channel(number));
            behaviour.registers_at_once = true;
            device.behave(behaviour);
        }
        Ok(Some(Pushing { wns, pushes, most: self.pushed_sessions }))
    }
}

impl Pushing {
    /// The sessions of the devices, and then those that pushes begin.
    pub(super) async fn run(mut self, fleet: &mut Fleet, rounds: usize) -> (FleetReport, WnsReport) {
        let report = fleet.run_and_listen(rounds, &mut self.pushes, self.most).await;
        (report, self.wns.report())
    }
}

/// The certificate of the stand-in: from the folder, or made there.
fn identity(folder: &Path, host: &str) -> anyhow::Result<ServerIdentity> {
    let [root, chain, key] = ["root.pem", "wns.pem", "wns.key"].map(|name| folder.join(name));
    if !chain.exists() {
        std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
        let names = ServerNames { dns: vec![host.to_owned()], addresses: Vec::new() };
        let authority = CertificateAuthority::create("Simulated WNS", now())?;
        let made = authority.issue_server(&names, now())?;
        write_public(&root, &authority.certificate_pem()?)?;
        write_secret(&key, &made.key_pem()?)?;
        write_public(&chain, &made.chain_pem()?)?;
    }
    let identity = ServerIdentity::load(&chain, &key)?;
    if !identity.is_for(host) || identity.expires_at() <= now() {
        let what = format!("the certificate in {} is not for {host}, or its time is over", folder.display());
        return Err(hinted(
            what,
            "name another folder with --push-folder, and its root.pem in push.roots of the server",
        ));
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_made_once_and_for_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("wns");
        let made = identity(&place, "localhost").unwrap();
        let again = identity(&place, "localhost").unwrap();
        assert_eq!(made.chain_pem().unwrap(), again.chain_pem().unwrap());
        assert!(place.join("root.pem").exists());
        let other = identity(&place, "other.test").map(drop).unwrap_err();
        assert!(other.to_string().contains("is not for other.test"), "{other}");
    }

    #[test]
    fn a_place_is_a_name_and_a_port() {
        assert_eq!(place("localhost:8444"), Ok(("localhost".to_owned(), 8444)));
        for wrong in ["localhost", "localhost:", "localhost:x", ":1", "127.0.0.1:1", "[::1]:1", "https://a:1", "a b:1"]
        {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
