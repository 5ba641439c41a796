//! How commands on the server's own machine find the server: a small file in its data folder.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use serde::{Deserialize, Serialize};

use crate::config::{DataFolder, Host};

/// Where a running server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// URL of the admin door.
    pub admin: String,
    /// URL of the device door, by the name in its certificate.
    pub device: String,
    /// Address of the device door on this machine, for clients here that can't resolve that name.
    pub device_addr: SocketAddr,
    /// The server's process.
    pub pid: u32,
}

impl Addresses {
    /// Of two doors that are open.
    pub fn new(host: &Host, device: SocketAddr, admin: SocketAddr, admin_has_tls: bool) -> Self {
        let scheme = if admin_has_tls { "https" } else { "http" };
        Self {
            admin: format!("{scheme}://{}", reachable(admin)),
            device: format!("https://{}:{}", host.in_url(), device.port()),
            device_addr: reachable(device),
            pid: std::process::id(),
        }
    }

    /// Writes them down, whole or not at all.
    pub fn write(&self, folder: &DataFolder) -> io::Result<()> {
        let path = folder.addresses();
        let Some(parent) = path.parent() else { return Ok(()) };
        fs::create_dir_all(parent)?;
        let file = tempfile::NamedTempFile::new_in(parent)?;
        serde_json::to_writer_pretty(&file, self)?;
        file.persist(path)?;
        Ok(())
    }

    /// Reads what the running server wrote down; `None` when none runs.
    pub fn read(folder: &DataFolder) -> io::Result<Option<Self>> {
        match fs::read(folder.addresses()) {
            Ok(content) => Ok(Some(serde_json::from_slice(&content)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what this server wrote down, unless another has taken its place.
    pub fn remove(&self, folder: &DataFolder) -> io::Result<()> {
        match Self::read(folder)? {
            Some(written) if written == *self => fs::remove_file(folder.addresses()),
            _ => Ok(()),
        }
    }
}

/// An address that listens everywhere is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back_and_are_removed_only_by_their_writer() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(place.path());
        let at = |port| SocketAddr::from(([0, 0, 0, 0], port));
        let host: Host = "mdm.example.test".parse().unwrap();
        assert_eq!(Addresses::read(&folder).unwrap(), None);
        let first = Addresses::new(&host, at(8443), at(8080), false);
        assert_eq!(
            (first.admin.as_str(), first.device.as_str()),
            ("http://127.0.0.1:8080", "https://mdm.example.test:8443")
        );
        first.write(&folder).unwrap();
        assert_eq!(Addresses::read(&folder).unwrap().as_ref(), Some(&first));
        let second = Addresses::new(&host, at(9443), at(9080), true);
        second.write(&folder).unwrap();
        first.remove(&folder).unwrap();
        assert_eq!(Addresses::read(&folder).unwrap().as_ref(), Some(&second));
        second.remove(&folder).unwrap();
        assert_eq!(Addresses::read(&folder).unwrap(), None);
    }
}
