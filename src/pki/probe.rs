//! What a TLS server shows to a stranger, and what a device would think of it. Nothing is trusted here, so that what is
//! wrong can be told.

use std::{net::IpAddr, pin::Pin};

use openssl::{
    error::ErrorStack,
    ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion},
    stack::Stack,
    x509::{
        X509, X509PurposeId, X509StoreContext, X509StoreContextRef,
        store::X509StoreBuilder,
        verify::{X509VerifyFlags, X509VerifyParam},
    },
};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use transom_protocol::session::Timestamp;

use super::{Description, Error};

/// RSA with 2,048 bits and SHA-256, or better.
const SECURITY_LEVEL: i32 = 2;

/// Which versions of TLS are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// 1.2 and 1.3.
    Usual,
    /// 1.2 alone, which is all that older releases of Windows 10 have.
    Older,
    /// 1.0 and 1.1, which nobody should take.
    Obsolete,
}

/// What a server showed.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The version that was agreed on, as OpenSSL calls it.
    pub version: &'static str,
    chain: Vec<X509>,
}

/// Who vouches for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A root that Windows and this machine know.
    Public,
    /// A root that devices must be given first.
    Own,
}

/// Why nobody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nothing was shown.
    #[error("the server shows no certificate")]
    Nothing,
    /// Its time is over.
    #[error("the certificate, or one above it, has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the certificate, or one above it, is not valid yet")]
    NotYetValid,
    /// It vouches for itself.
    #[error("the certificate is signed by nobody but itself")]
    SelfSigned,
    /// What is between it and a root was not sent.
    #[error("the server does not send the certificate that is above its own")]
    Incomplete,
    /// Its root is none that is known.
    #[error("the root is not one that is known here")]
    Unknown,
    /// It is for something else than servers.
    #[error("the certificate is not for a server")]
    Purpose,
    /// Its key or signature is too weak.
    #[error("the key or the signature is too weak")]
    Weak,
    /// Anything else, with the number that OpenSSL has for it.
    #[error("the certificate does not verify (OpenSSL {0})")]
    Other(i32),
}

/// Roots to judge by.
#[derive(Clone, Default)]
pub struct Roots {
    public: Vec<X509>,
    own: Vec<X509>,
}

/// Makes a TLS connection with whoever is at the other end.
pub async fn shake(tcp: TcpStream, name: &str, offer: Offer) -> Result<(SslStream<TcpStream>, Shown), String> {
    let prepare = || {
        let mut builder = SslConnector::builder(SslMethod::tls_client())?;
        builder.set_verify(SslVerifyMode::NONE);
        let (from, to) = match offer {
            Offer::Usual => (SslVersion::TLS1_2, None),
            Offer::Older => (SslVersion::TLS1_2, Some(SslVersion::TLS1_2)),
            Offer::Obsolete => (SslVersion::TLS1, Some(SslVersion::TLS1_1)),
        };
        if offer == Offer::Obsolete {
            builder.set_security_level(0);
            builder.set_cipher_list("ALL:@SECLEVEL=0")?;
        }
        builder.set_min_proto_version(Some(from))?;
        builder.set_max_proto_version(to)?;
        let mut configuration = builder.build().configure()?;
        configuration.set_verify_hostname(false);
        // A name goes into the greeting, an address does not.
        configuration.set_use_server_name_indication(name.parse::<IpAddr>().is_err());
        SslStream::new(configuration.into_ssl(name)?, tcp)
    };
    let mut stream = prepare().map_err(|error: ErrorStack| error.to_string())?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        return Err(reason(&error));
    }
    let chain = stream.ssl().peer_cert_chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect());
    let shown = Shown { version: stream.ssl().version_str(), chain: chain.unwrap_or_default() };
    Ok((stream, shown))
}

/// What OpenSSL says first, in words.
fn reason(error: &openssl::ssl::Error) -> String {
    let stack = error.ssl_error().and_then(|stack| stack.errors().first());
    let words = stack.and_then(openssl::error::Error::reason).map(str::to_owned);
    let io = || error.io_error().map(ToString::to_string);
    words.or_else(io).unwrap_or_else(|| "the other side ended the connection".to_owned())
}

impl Shown {
    /// What there is to know of the server's own certificate.
    pub fn description(&self) -> Option<Result<Description, Error>> {
        self.chain.first().map(|leaf| Description::of(leaf))
    }

    /// The DNS names that it is for.
    pub fn names(&self) -> Vec<String> {
        let names = self.chain.first().and_then(|leaf| leaf.subject_alt_names());
        names.iter().flatten().filter_map(|name| name.dnsname().map(str::to_owned)).collect()
    }

    /// Whether it is for a name or an address.
    pub fn is_for(&self, name: &str) -> bool {
        let Some(leaf) = self.chain.first() else { return false };
        let verified = verified(std::slice::from_ref(leaf), &self.chain, None, |param| {
            param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
            match name.parse::<IpAddr>() {
                Ok(address) => param.set_ip(address),
                Err(_) => param.set_host(name),
            }
        });
        // The names are looked at before anything else could be wrong.
        !matches!(verified, Err(62 | 64))
    }

    /// Who vouches for it at `now`.
    pub fn trust(&self, roots: &Roots, now: Timestamp) -> Result<Trust, Untrusted> {
        if self.chain.is_empty() {
            return Err(Untrusted::Nothing);
        }
        let server = |param: &mut X509VerifyParam| {
            param.set_auth_level(SECURITY_LEVEL);
            param.set_purpose(X509PurposeId::SSL_SERVER)
        };
        let by = |roots: &[X509]| verified(roots, &self.chain, Some(now), server);
        let Err(code) = by(&roots.public) else { return Ok(Trust::Public) };
        match by(&roots.own) {
            Ok(()) => Ok(Trust::Own),
            // Whichever of the two got further says more.
            Err(other) if is_unknown(code) => Err(untrusted(other, self.chain.len())),
            Err(_) => Err(untrusted(code, self.chain.len())),
        }
    }
}

impl Roots {
    /// Those that this machine trusts, which are about those that Windows trusts, and some of our own in PEM.
    pub fn of_this_machine(own: &[u8]) -> Self {
        let bundle = openssl_probe::probe().cert_file.and_then(|path| std::fs::read(path).ok());
        Self::new(&bundle.unwrap_or_default(), own)
    }

    /// From two bundles in PEM. Of the second only roots count.
    pub fn new(public: &[u8], own: &[u8]) -> Self {
        let all = |pem: &[u8]| X509::stack_from_pem(pem).unwrap_or_default();
        Self { public: all(public), own: all(own) }
    }

    /// Whether any public root is known.
    pub fn knows_public(&self) -> bool {
        !self.public.is_empty()
    }

    /// Whether there is any of our own.
    pub fn knows_own(&self) -> bool {
        !self.own.is_empty()
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Roots({} public, {} of our own)", self.public.len(), self.own.len())
    }
}

/// Verifies a chain by some roots; the error is OpenSSL's `X509_V_ERR_…`.
fn verified(
    roots: &[X509],
    chain: &[X509],
    now: Option<Timestamp>,
    more: impl FnOnce(&mut X509VerifyParam) -> Result<(), ErrorStack>,
) -> Result<(), i32> {
    let verify = || -> Result<Result<(), i32>, ErrorStack> {
        let mut param = X509VerifyParam::new()?;
        if let Some(now) = now {
            param.set_time(now.0.div_euclid(1000));
        }
        more(&mut param)?;
        let mut store = X509StoreBuilder::new()?;
        for root in roots {
            store.add_cert(root.clone())?;
        }
        store.set_param(&param)?;
        let mut between = Stack::new()?;
        for certificate in chain.iter().skip(1) {
            between.push(certificate.clone())?;
        }
        let Some(leaf) = chain.first() else { return Ok(Err(0)) };
        let mut context = X509StoreContext::new()?;
        context.init(&store.build(), leaf, &between, |context: &mut X509StoreContextRef| {
            Ok(if context.verify_cert()? { Ok(()) } else { Err(context.error().as_raw()) })
        })
    };
    let verified = verify();
    drop(ErrorStack::get());
    verified.unwrap_or(Err(0))
}

const fn is_unknown(code: i32) -> bool {
    matches!(code, 2 | 18..=21)
}

const fn untrusted(code: i32, length: usize) -> Untrusted {
    match code {
        9 => Untrusted::NotYetValid,
        10 => Untrusted::Expired,
        18 => Untrusted::SelfSigned,
        // Alone, and not by itself: what it came from is missing.
        2 | 20 | 21 if length == 1 => Untrusted::Incomplete,
        2 | 19..=21 => Untrusted::Unknown,
        26 => Untrusted::Purpose,
        66..=68 => Untrusted::Weak,
        code => Untrusted::Other(code),
    }
}
