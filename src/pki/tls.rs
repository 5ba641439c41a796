//! TLS as our doors speak it.

use std::sync::{Arc, PoisonError, RwLock};

use openssl::{
    error::ErrorStack,
    ssl::{AlpnError, SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslVerifyMode, select_next_proto},
    stack::Stack,
};

use transom_protocol::session::Timestamp;

use super::{Authorities, Error, LiveAuthorities, ServerIdentity, crypto};

/// HTTP/2 is not offered: the clients of the device door speak HTTP/1.1, and one protocol has one set of limits.
const ALPN: &[u8] = b"\x08http/1.1";

/// Sessions that clients without tickets may resume.
const CACHED_SESSIONS: i32 = 1024;

/// A TLS acceptor: versions 1.2 and 1.3, authenticated encryption with forward secrecy only, our order of preference,
/// resumption, no renegotiation.
pub fn acceptor(identity: &ServerIdentity) -> Result<SslAcceptor, Error> {
    builder(identity).map(SslAcceptorBuilder::build).map_err(crypto("can't set up TLS"))
}

/// The acceptor of the device door: the same, and a client is asked for a certificate of one of our authorities.
///
/// It may have none: a device that enrolls has none yet. What it shows proves that it has the key, and is believed
/// nothing else here, because a resumed connection is not checked again: the database is asked with every message.
pub struct DeviceAcceptor {
    identity: ServerIdentity,
    authorities: Arc<LiveAuthorities>,
    made: RwLock<(Arc<Authorities>, SslAcceptor)>,
}

impl DeviceAcceptor {
    /// For these authorities, as they change.
    pub fn new(identity: ServerIdentity, authorities: Arc<LiveAuthorities>, now: Timestamp) -> Result<Self, Error> {
        let current = authorities.current();
        let acceptor = asking(&identity, &current, now)?;
        Ok(Self { identity, authorities, made: RwLock::new((current, acceptor)) })
    }

    /// What to accept a connection with, and whose certificates count. After a rotation of the authority another
    /// acceptor is made, because clients choose their certificate by the names that they are told.
    pub fn current(&self, now: Timestamp) -> (SslAcceptor, Arc<Authorities>) {
        let current = self.authorities.current();
        let (known, acceptor) = self.made.read().unwrap_or_else(PoisonError::into_inner).clone();
        if Arc::ptr_eq(&known, &current) {
            return (acceptor, current);
        }
        match asking(&self.identity, &current, now) {
            Ok(acceptor) => {
                *self.made.write().unwrap_or_else(PoisonError::into_inner) = (Arc::clone(&current), acceptor.clone());
                (acceptor, current)
            }
            Err(error) => {
                tracing::warn!(%error, "devices are asked for certificates of the authorities from before");
                (acceptor, current)
            }
        }
    }
}

impl std::fmt::Debug for DeviceAcceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAcceptor").finish_non_exhaustive()
    }
}

fn asking(identity: &ServerIdentity, authorities: &Authorities, now: Timestamp) -> Result<SslAcceptor, Error> {
    let build = || {
        let mut builder = builder(identity)?;
        let mut names = Stack::new()?;
        for authority in authorities.trusted(now) {
            names.push(authority.certificate().subject_name().to_owned()?)?;
        }
        builder.set_client_ca_list(names);
        builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
        Ok(builder.build())
    };
    build().map_err(crypto("can't set up TLS"))
}

fn builder(identity: &ServerIdentity) -> Result<SslAcceptorBuilder, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_options(
        SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::PRIORITIZE_CHACHA | SslOptions::NO_RENEGOTIATION,
    );
    if let Some(leaf) = identity.leaf() {
        builder.set_certificate(leaf)?;
    }
    for certificate in identity.intermediates() {
        builder.add_extra_chain_cert(certificate.clone())?;
    }
    builder.set_private_key(identity.key())?;
    builder.check_private_key()?;
    // Without a context of its own every resumption is refused as soon as client certificates are asked for.
    builder.set_session_id_context(b"transom")?;
    builder.set_session_cache_size(CACHED_SESSIONS);
    builder.set_alpn_select_callback(|_, offered| select_next_proto(ALPN, offered).ok_or(AlpnError::NOACK));
    Ok(builder)
}

#[cfg(test)]
pub(super) mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{SocketAddr, TcpListener},
        path::{Path, PathBuf},
        process::{Command, Stdio},
    };

    use transom_protocol::session::Timestamp;

    use super::*;
    use crate::pki::{CertificateAuthority, ServerNames};

    /// A server that says the same to everybody, and its root certificate in a file.
    pub(in crate::pki) struct Greeter {
        pub(in crate::pki) address: SocketAddr,
        pub(in crate::pki) folder: tempfile::TempDir,
    }

    impl Greeter {
        pub(in crate::pki) fn start(asks_for_client_certificates: bool) -> Self {
            let now = Timestamp(jiff::Timestamp::now().as_millisecond());
            let authority = CertificateAuthority::create("Greeter", now).unwrap();
            let names = ServerNames { dns: vec!["localhost".into()], addresses: vec![[127, 0, 0, 1].into()] };
            let identity = authority.issue_server(&names, now).unwrap();
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("root.pem"), authority.certificate_pem().unwrap()).unwrap();
            std::fs::write(folder.path().join("client.pem"), identity.chain_pem().unwrap()).unwrap();
            std::fs::write(folder.path().join("client.key"), identity.key_pem().unwrap()).unwrap();
            let mut builder = builder(&identity).unwrap();
            if asks_for_client_certificates {
                builder.set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, |_, _| true);
            }
            let acceptor = builder.build();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            std::thread::spawn(move || {
                for tcp in listener.incoming() {
                    let Ok(mut tls) = acceptor.accept(tcp.unwrap()) else { continue };
                    let _ = tls.read(&mut [0; 1024]);
                    let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
                    let _ = tls.shutdown();
                }
            });
            Self { address, folder }
        }

        pub(in crate::pki) fn root(&self) -> PathBuf {
            self.folder.path().join("root.pem")
        }
    }

    /// What `openssl s_client` says of a connection; `None` where there is no such program.
    fn connect(greeter: &Greeter, session: &Path, arguments: &[&str]) -> Option<String> {
        let at = |name: &str| greeter.folder.path().join(name);
        let child = Command::new("openssl")
            .args(["s_client", "-ign_eof", "-verify_return_error", "-connect", &greeter.address.to_string()])
            .args(arguments)
            .arg("-CAfile")
            .arg(greeter.root())
            .arg("-cert")
            .arg(at("client.pem"))
            .arg("-key")
            .arg(at("client.key"))
            .arg(if session.exists() { "-sess_in" } else { "-sess_out" })
            .arg(session)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: there is no openssl program here");
            return None;
        };
        child.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        Some(String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned())
    }

    #[test]
    fn sessions_are_resumed_in_both_versions_with_and_without_client_certificates() {
        for asks in [false, true] {
            let greeter = Greeter::start(asks);
            for version in ["-tls1_2", "-tls1_3"] {
                let session = greeter.folder.path().join(version);
                let Some(first) = connect(&greeter, &session, &[version]) else { return };
                assert!(first.contains("New, TLSv1") && first.contains("HTTP/1.1 200 OK"), "{first}");
                for attempt in 1..=2 {
                    let again = connect(&greeter, &session, &[version]).unwrap();
                    let resumed = again.contains("Reused, TLSv1") && again.contains("HTTP/1.1 200 OK");
                    assert!(resumed, "{version}, client certificate {asks}, attempt {attempt}: {again}");
                }
            }
        }
    }

    #[test]
    fn old_versions_and_weak_ciphers_find_no_door() {
        let greeter = Greeter::start(false);
        let refused = [
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
            &["-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA"],
        ];
        for arguments in refused {
            let Some(said) = connect(&greeter, &greeter.folder.path().join("unused"), arguments) else { return };
            assert!(!said.contains("200 OK"), "{arguments:?}: {said}");
        }
        let said = connect(&greeter, &greeter.folder.path().join("unused"), &["-alpn", "h2,http/1.1"]);
        assert!(said.is_some_and(|said| said.contains("ALPN protocol: http/1.1") && said.contains("200 OK")));
    }
}
