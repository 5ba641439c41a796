//! TLS as our doors speak it.

use std::sync::{Arc, PoisonError, RwLock};

use openssl::{
    error::ErrorStack,
    ssl::{AlpnError, SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslVerifyMode, select_next_proto},
    stack::Stack,
};

use transom_protocol::session::Timestamp;

use super::{
    Authorities, Error, LiveAuthorities, ServerIdentity, crypto, identity::FileStamp, public::PublicCertificate,
};

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
///
/// Certificate and key of the server are read again when their files change, and the authorities when theirs do: what
/// renews a certificate needs no restart, and connections that are open stay so. A public certificate that an ACME server
/// issued takes the place of the files for as long as it is valid.
pub struct DeviceAcceptor {
    authorities: Arc<LiveAuthorities>,
    public: Arc<PublicCertificate>,
    made: RwLock<Arc<Made>>,
}

/// An acceptor, and what it was made of.
struct Made {
    acceptor: SslAcceptor,
    authorities: Arc<Authorities>,
    /// Of the files.
    identity: ServerIdentity,
    /// How the files stood when they were last looked into.
    stamp: Option<FileStamp>,
    /// The number of the public certificate that is shown instead.
    public: Option<u64>,
    ends_at: Timestamp,
}

/// What to accept a connection with.
pub struct Accepting {
    /// The acceptor.
    pub acceptor: SslAcceptor,
    /// Whose certificates count.
    pub authorities: Arc<Authorities>,
    /// When the server's certificate ends.
    pub ends_at: Timestamp,
}

impl DeviceAcceptor {
    /// For these authorities, as they change, and this identity, as its files change.
    pub fn new(
        identity: ServerIdentity,
        public: Arc<PublicCertificate>,
        authorities: Arc<LiveAuthorities>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let stamp = identity.stamp();
        let made = Made::new(identity, stamp, public.current(now), authorities.current(), now)?;
        Ok(Self { authorities, public, made: RwLock::new(Arc::new(made)) })
    }

    /// What an ACME server is answered with, while it is expected.
    pub fn proofs(&self) -> Option<SslAcceptor> {
        self.public.proofs()
    }

    /// What to accept a connection with. After a rotation of the authority another acceptor is made, because clients
    /// choose their certificate by the names that they are told.
    pub fn current(&self, now: Timestamp) -> Accepting {
        let current = self.authorities.current();
        let made = Arc::clone(&self.made.read().unwrap_or_else(PoisonError::into_inner));
        let stamp = made.identity.stamp();
        let is_same = stamp.is_none() || stamp == made.stamp;
        if is_same && made.public == self.public.number(now) && Arc::ptr_eq(&made.authorities, &current) {
            return made.accepting();
        }
        let identity = if is_same { made.identity.clone() } else { read_again(&made.identity) };
        let stamp = stamp.or(made.stamp);
        let made = match Made::new(identity, stamp, self.public.current(now), Arc::clone(&current), now) {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(%error, "connections are accepted as before");
                return Accepting { authorities: current, ..made.accepting() };
            }
        };
        let made = Arc::new(made);
        *self.made.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&made);
        made.accepting()
    }
}

impl Made {
    fn new(
        identity: ServerIdentity,
        stamp: Option<FileStamp>,
        public: Option<(u64, ServerIdentity)>,
        authorities: Arc<Authorities>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let shown = public.as_ref().map_or(&identity, |(_, shown)| shown);
        let (acceptor, ends_at) = (asking(shown, &authorities, now)?, shown.expires_at());
        Ok(Self { acceptor, authorities, identity, stamp, public: public.map(|(number, _)| number), ends_at })
    }

    fn accepting(&self) -> Accepting {
        Accepting { acceptor: self.acceptor.clone(), authorities: Arc::clone(&self.authorities), ends_at: self.ends_at }
    }
}

/// The identity of changed files. While one of two is written they do not fit, and the one from before stays until they
/// change again.
fn read_again(before: &ServerIdentity) -> ServerIdentity {
    match before.again() {
        Ok(identity) => {
            tracing::info!("the server's certificate was read again");
            identity
        }
        Err(error) => {
            tracing::warn!(%error, "can't read the server's certificate again; the one from before stays");
            before.clone()
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
    fn a_certificate_that_is_replaced_is_shown_without_a_restart() {
        let now = Timestamp(1_790_000_000_000);
        let authority = CertificateAuthority::create("Test", now).unwrap();
        let names = ServerNames { dns: vec!["localhost".into()], addresses: vec![] };
        let folder = tempfile::tempdir().unwrap();
        let (chain, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        let mut written = std::time::UNIX_EPOCH;
        let mut write = |identity: &ServerIdentity, with_key: bool| {
            std::fs::write(&chain, identity.chain_pem().unwrap()).unwrap();
            if with_key {
                let _ = std::fs::remove_file(&key);
                crate::pki::write_secret(&key, &identity.key_pem().unwrap()).unwrap();
            }
            // The clock of the file system may be slower than this test.
            written += std::time::Duration::from_secs(1);
            std::fs::File::options().write(true).open(&chain).unwrap().set_modified(written).unwrap();
        };
        write(&authority.issue_server(&names, now).unwrap(), true);
        let authorities = Arc::new(LiveAuthorities::fixed(Authorities::of(authority.clone()).unwrap()));
        let identity = ServerIdentity::load(&chain, &key).unwrap();
        let acceptor = DeviceAcceptor::new(identity, Arc::default(), authorities, now).unwrap();
        let shown = || acceptor.current(now).acceptor.context().certificate().unwrap().to_der().unwrap();
        let first = shown();
        assert_eq!(shown(), first);
        // Another certificate whose key is not written yet: they do not fit, so nothing changes.
        let later = now.plus_millis(24 * 60 * 60 * 1000);
        let next =
            authority.issue_server(&ServerNames { dns: vec!["other.localhost".into()], ..names }, later).unwrap();
        write(&next, false);
        assert_eq!(shown(), first);
        write(&next, true);
        assert_eq!(shown(), next.leaf().unwrap().to_der().unwrap());
        assert!(acceptor.current(now).ends_at > now);
        // Files that are gone for a moment are no reason to close the door.
        std::fs::remove_file(&chain).unwrap();
        assert_eq!(shown(), next.leaf().unwrap().to_der().unwrap());
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
