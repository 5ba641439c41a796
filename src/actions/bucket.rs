//! Archives as objects in a bucket: S3, or a store that speaks as S3 does.
//!
//! Each call is signed (Signature Version 4) for itself and for minutes, goes to the one place that the operator wrote,
//! follows no redirect, and holds a piece of an archive in memory, never all of it. What an error says never holds an
//! address with its signature, or a key.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use quick_xml::{Reader, events::Event};
use reqwest::{Method, Response, Url};
use rusty_s3::{Credentials, S3Action, UrlStyle};
use transom_protocol::session::Timestamp;

use crate::model::{ActionId, Secret, bytes_of_hex};
use crate::pki::guard::Unanswered;
use crate::pki::outbound;

/// Bytes of an archive that are in memory at once.
pub(super) const PIECE: usize = 256 * 1024;

/// For so long a signature is good, so that clocks may differ a little.
const SIGNED_FOR: Duration = Duration::from_mins(15);

/// A connection stands after so long, or never will.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest error that is read.
const MOST_BYTES: usize = 16 * 1024;

/// The pieces of an archive, one after the other.
pub type Pieces = BoxStream<'static, io::Result<Vec<u8>>>;

/// What an operator wrote of a bucket.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// Where the store answers.
    pub endpoint: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Region that signatures are made for.
    pub region: String,
    /// The bucket stands in the path of an address, not in its host.
    pub path_style: bool,
    /// What the names of objects begin with.
    pub prefix: String,
    /// Who asks.
    pub access_key_id: String,
    /// Their secret.
    pub secret_access_key: Secret<String>,
    /// Further roots that are trusted in calls.
    pub roots: Vec<reqwest::Certificate>,
    /// How long sending or getting one archive may take.
    pub timeout: Duration,
}

/// Why there can't be a bucket at all.
#[derive(Debug, thiserror::Error)]
pub enum BucketSetupError {
    /// The place can't be called.
    #[error("diagnostics_s3.endpoint and diagnostics_s3.bucket make no address")]
    Address,
    /// TLS could not be set up.
    #[error("can't set up the client that calls the object store")]
    Client(#[source] reqwest::Error),
}

/// Why the store did not do it. Shown to operators.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// Nobody answered.
    #[error("the object store {host} did not answer: {why} (diagnostics_s3.endpoint, diagnostics_s3.roots)")]
    Unanswered {
        /// Who should have.
        host: String,
        /// Why.
        why: Unanswered,
    },
    /// There is no such object.
    #[error("the archive is not in the bucket {bucket}")]
    NotThere {
        /// Where it was looked for.
        bucket: String,
    },
    /// It said no.
    #[error("the object store {host} answered {status}{}: {}", spaced(.code), remedy(*.status, .code))]
    Refused {
        /// Who.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// The word of S3, where there is one.
        code: String,
    },
    /// The archive on this machine can't be read.
    #[error("the archive can't be read")]
    File(#[from] io::Error),
    /// The time is none that can be signed.
    #[error("the clock of this machine is wrong")]
    Clock,
}

/// A bucket. Cheap to clone.
#[derive(Clone)]
pub struct Bucket(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    bucket: rusty_s3::Bucket,
    credentials: Credentials,
    prefix: String,
    host: String,
}

impl Bucket {
    /// The bucket that an operator wrote of.
    pub fn new(options: &BucketOptions) -> Result<Self, BucketSetupError> {
        let endpoint = Url::parse(&options.endpoint).map_err(|_| BucketSetupError::Address)?;
        let host = endpoint.host_str().ok_or(BucketSetupError::Address)?.to_owned();
        let style = if options.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let bucket = rusty_s3::Bucket::new(endpoint, style, options.bucket.clone(), options.region.clone())
            .map_err(|_| BucketSetupError::Address)?;
        let http = outbound::builder(&options.roots, options.timeout)
            .connect_timeout(CONNECT)
            .no_proxy()
            .build()
            .map_err(BucketSetupError::Client)?;
        let credentials = Credentials::new(&options.access_key_id, options.secret_access_key.expose());
        Ok(Self(Arc::new(Inner { http, bucket, credentials, prefix: options.prefix.clone(), host })))
    }

    /// Puts a whole file there, under the name of an action; what was there before is replaced. The store compares what
    /// it got with the SHA-256, which is given in hexadecimal digits.
    pub(super) async fn put(
        &self,
        action: &ActionId,
        file: &Path,
        sha256: &str,
        now: Timestamp,
    ) -> Result<(), BucketError> {
        let checksum = STANDARD.encode(bytes_of_hex(sha256).ok_or_else(|| io::Error::other("it has no SHA-256"))?);
        let file = tokio::fs::File::open(file).await?;
        let bytes = file.metadata().await?.len();
        let (object, credentials) = (self.object(action), Some(&self.0.credentials));
        let mut put = self.0.bucket.put_object(credentials, &object);
        put.headers_mut().insert(CHECKSUM, checksum.as_str());
        let url = put.sign_with_time(SIGNED_FOR, &at(now)?);
        let request = self
            .0
            .http
            .put(url)
            .header(CHECKSUM, checksum.as_str())
            .header(reqwest::header::CONTENT_TYPE, "application/zip")
            .header(reqwest::header::CONTENT_LENGTH, bytes)
            .body(reqwest::Body::wrap_stream(pieces(file)));
        self.ask(request).await.map(drop)
    }

    /// The pieces of an archive.
    pub(super) async fn read(&self, action: &ActionId, now: Timestamp) -> Result<Pieces, BucketError> {
        let (object, credentials) = (self.object(action), Some(&self.0.credentials));
        let url = self.0.bucket.get_object(credentials, &object).sign_with_time(SIGNED_FOR, &at(now)?);
        let response = self.ask(self.0.http.request(Method::GET, url)).await?;
        let broken = |error: reqwest::Error| io::Error::other(Unanswered::from(&error));
        Ok(response.bytes_stream().map_ok(Vec::from).map_err(broken).boxed())
    }

    /// Deletes an archive. One that is not there is as good.
    pub(super) async fn delete(&self, action: &ActionId, now: Timestamp) -> Result<(), BucketError> {
        let (object, credentials) = (self.object(action), Some(&self.0.credentials));
        let url = self.0.bucket.delete_object(credentials, &object).sign_with_time(SIGNED_FOR, &at(now)?);
        match self.ask(self.0.http.request(Method::DELETE, url)).await {
            Ok(_) | Err(BucketError::NotThere { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn object(&self, action: &ActionId) -> String {
        format!("{}{action}.zip", self.0.prefix)
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Response, BucketError> {
        let host = || self.0.host.clone();
        let unanswered =
            |error: reqwest::Error| BucketError::Unanswered { host: host(), why: Unanswered::from(&error) };
        let mut response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let mut body = Vec::new();
        while let Ok(Some(piece)) = response.chunk().await {
            if body.len() + piece.len() > MOST_BYTES {
                break;
            }
            body.extend_from_slice(&piece);
        }
        let code = code(&body).unwrap_or_default();
        if status == reqwest::StatusCode::NOT_FOUND && code != "NoSuchBucket" {
            return Err(BucketError::NotThere { bucket: self.0.bucket.name().to_owned() });
        }
        Err(BucketError::Refused { host: host(), status: status.as_u16(), code })
    }
}

/// The header by which a store knows that all of an object arrived.
const CHECKSUM: &str = "x-amz-checksum-sha256";

/// The pieces of a file.
pub(super) fn pieces(file: tokio::fs::File) -> Pieces {
    use tokio::io::AsyncReadExt as _;
    let next = |mut file: tokio::fs::File| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, io::Error>((read > 0).then_some((piece, file)))
    };
    futures_util::stream::try_unfold(file, next).boxed()
}

fn at(now: Timestamp) -> Result<jiff::Timestamp, BucketError> {
    jiff::Timestamp::from_millisecond(now.0).map_err(|_| BucketError::Clock)
}

/// The word in an error of S3: `<Error><Code>…</Code>…</Error>`.
fn code(body: &[u8]) -> Option<String> {
    let mut reader = Reader::from_reader(body);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if start.local_name().as_ref() == "Code" => break,
            Event::Eof => return None,
            _ => {}
        }
    }
    let Event::Text(text) = reader.read_event().ok()? else { return None };
    let word: &str = &text;
    let is_word = !word.is_empty() && word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| word.to_owned())
}

fn spaced(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" {code}") }
}

/// What an operator does about it.
fn remedy(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "NoSuchBucket") => "make the bucket, or look at diagnostics_s3.bucket and diagnostics_s3.path_style",
        (_, "InvalidAccessKeyId") => "look at diagnostics_s3.access_key_id",
        (_, "SignatureDoesNotMatch") => "look at diagnostics_s3.secret_access_key and diagnostics_s3.region",
        (_, "RequestTimeTooSkewed" | "RequestExpired") => "set the clock of this machine, or of the store",
        (_, "AuthorizationHeaderMalformed" | "AuthorizationQueryParametersError" | "PermanentRedirect")
        | (300..=399, _) => "look at diagnostics_s3.region and diagnostics_s3.endpoint: the bucket is elsewhere",
        (_, "QuotaExceeded" | "StorageFull" | "XMinioStorageFull") | (507, _) => {
            "the store is full: make room, or lower diagnostics.keep and diagnostics.all_bytes"
        }
        (_, "EntityTooLarge") | (413, _) => "the store takes no archive of this size: lower diagnostics.max_bytes",
        (_, "BadDigest" | "XAmzContentChecksumMismatch") => "the archive changed on the way; it is sent again",
        (401 | 403, _) => "the key needs the rights to put, get and delete objects of the bucket under the prefix",
        (429 | 500..=599, _) => "the store can't do it now; it is asked again",
        _ => "this is none of the answers that S3 gives: look at diagnostics_s3.endpoint",
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("host", &self.0.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> BucketOptions {
        BucketOptions {
            endpoint: "https://s3.amazonaws.com".to_owned(),
            bucket: "examplebucket".to_owned(),
            region: "us-east-1".to_owned(),
            path_style: false,
            prefix: String::new(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            roots: Vec::new(),
            timeout: Duration::from_mins(1),
        }
    }

    #[test]
    fn addresses_are_signed_as_amazon_shows_it() {
        // The example of "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
        let bucket = Bucket::new(&options()).unwrap();
        let now = at(Timestamp(1_369_353_600_000)).unwrap();
        let get = bucket.0.bucket.get_object(Some(&bucket.0.credentials), "test.txt");
        let url = get.sign_with_time(Duration::from_hours(24), &now);
        assert_eq!(
            url.as_str(),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
             &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        let bucket = Bucket::new(&options()).unwrap();
        assert!(!format!("{bucket:?} {:?}", options()).contains("wJalr"));
    }

    #[test]
    fn errors_of_s3_say_what_to_do() {
        let body = b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>secret</Message></Error>";
        assert_eq!(code(body).as_deref(), Some("NoSuchBucket"));
        for body in ["", "<html>", "<Error><Code></Code>", "<Error><Code>a b\"</Code></Error>", "\u{0}"] {
            assert_eq!(code(body.as_bytes()), None, "{body}");
        }
        let refused = |status, code: &str| {
            BucketError::Refused { host: "s3.test".to_owned(), status, code: code.to_owned() }.to_string()
        };
        assert_eq!(
            refused(404, "NoSuchBucket"),
            "the object store s3.test answered 404 NoSuchBucket: make the bucket, or look at diagnostics_s3.bucket and \
             diagnostics_s3.path_style"
        );
        assert!(refused(403, "SignatureDoesNotMatch").contains("diagnostics_s3.secret_access_key"));
        assert!(refused(403, "AccessDenied").contains("the rights to put, get and delete"));
        assert!(refused(301, "").contains("diagnostics_s3.region"));
        assert!(refused(503, "SlowDown").contains("asked again"));
    }
}
