//! Which server, and with which token.

use std::{fs, io};

use reqwest::{Certificate, Url};

use super::Client;
use crate::{
    cli::{BearerToken, Global, discovery::Addresses, hinted, progress::warn, shown::line},
    config::DataFolder,
};

/// Where a server stands when nothing else is known of it.
pub(super) const HOW_TO_NAME_A_SERVER: &str =
    "start one with: transom serve; one that runs elsewhere is named with --server and --token";

/// Has a command do its work with the API.
pub(in crate::cli) fn connected<T>(
    global: &Global,
    work: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let client = Client::connect(global)?;
    if client.is_overheard() {
        warn(&format!("the token goes to {} in clear; use https", client.base()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(client))
}

impl Client {
    /// Of the server that the options of a command name, or of the one whose data folder they name.
    pub fn connect(global: &Global) -> anyhow::Result<Self> {
        let folder = global.folder();
        let local = local_server(&folder)?;
        // A variable that is set to nothing is not set.
        let server = global.server.as_deref().filter(|server| !server.is_empty());
        let given = global.token.as_ref().filter(|token| !token.expose().is_empty());
        let base = match (server, &local) {
            (Some(server), _) => server_url(server)?,
            (None, Some(local)) => local.clone(),
            (None, None) => {
                let what = format!("no server runs on the data folder {}", folder.path().display());
                return Err(hinted(what, HOW_TO_NAME_A_SERVER));
            }
        };
        let is_here = is_loopback(&base) || local.is_some_and(|local| local.origin() == base.origin());
        let token = match given {
            Some(token) => token.clone(),
            None if is_here => token_of(&folder)?,
            None => {
                let what = format!("no token for {base}");
                return Err(hinted(what, "set TRANSOM_TOKEN, or give one with --token"));
            }
        };
        Self::new(base, token, &roots(&folder)?)
    }
}

fn server_url(text: &str) -> anyhow::Result<Url> {
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
    url.ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()).ok_or_else(|| {
        hinted(format!("'{}' is no address of a server", line(text)), "write one such as https://mdm.example.com:8080")
    })
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// The server that runs on a data folder.
fn local_server(folder: &DataFolder) -> anyhow::Result<Option<Url>> {
    let addresses = Addresses::read(folder).map_err(|error| {
        let what = format!("can't read {}: {error}", folder.addresses().display());
        hinted(what, "start the server anew, or name it with --server")
    })?;
    addresses.map(|addresses| server_url(&addresses.admin)).transpose()
}

fn token_of(folder: &DataFolder) -> anyhow::Result<BearerToken> {
    let path = folder.admin_token();
    let token = fs::read_to_string(&path).map_err(|error| {
        let what = format!("can't read the token {}: {error}", path.display());
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => "ask as the user that the server runs as, or set TRANSOM_TOKEN",
            _ => "name the data folder with --data, set TRANSOM_TOKEN, or give a token with --token",
        };
        hinted(what, hint)
    })?;
    Ok(BearerToken::from(token.trim().to_owned()))
}

/// The installation's own root, so that its certificates are believed.
fn roots(folder: &DataFolder) -> anyhow::Result<Vec<Certificate>> {
    match fs::read(folder.authority()) {
        Ok(pem) => Ok(Certificate::from_pem_bundle(&pem)?),
        Err(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_from_the_folder_goes_to_no_other_server() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(place.path());
        fs::write(folder.admin_token(), "transom_x\n").unwrap();
        let global = |server: &str| Global {
            data: place.path().to_owned(),
            server: Some(server.to_owned()),
            token: None,
            json: false,
        };
        assert_eq!(Client::connect(&global("http://127.0.0.1:9")).unwrap().token.expose(), "transom_x");
        assert!(Client::connect(&global("https://elsewhere.example.test")).is_err());
        let listening = Addresses {
            admin: "https://mdm.example.test:8080".to_owned(),
            device: "https://mdm.example.test:8443".to_owned(),
            device_addr: ([127, 0, 0, 1], 8443).into(),
            pid: 1,
        };
        listening.write(&folder).unwrap();
        assert!(Client::connect(&global("mdm.example.test:8080")).is_ok());
        assert!(Client::connect(&global("mdm.example.test:9090")).is_err());
    }

    #[test]
    fn without_a_server_it_says_how_to_get_one() {
        let place = tempfile::tempdir().unwrap();
        let global = Global { data: place.path().to_owned(), server: None, token: None, json: false };
        let error = Client::connect(&global).unwrap_err().to_string();
        assert!(error.starts_with("no server runs on the data folder"), "{error}");
    }
}
