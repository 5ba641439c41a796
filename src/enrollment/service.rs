//! The service that the device door talks to: one request in, one envelope out.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;
use transom_protocol::enrollment::{
    AuthPolicy, CertificatePolicy, DiscoverResponse, SignIn, TokenKind, choose_auth_policy, read_discover,
    read_get_policies, read_token_request, write_discover_response, write_policies_response, write_token_response,
};
use transom_protocol::session::Timestamp;
use transom_protocol::soap::{self, Asked, Credential, Fault, FaultKind, Operation, Refused, Reply, write_fault};

use super::applicant::{Applicant, Claims, Gate, Visit};
use super::plan::{AUTHENTICATION, ENROLLMENT, POLICIES, Plan};
use super::refusal::Refusal;
use super::{issue, renew};
use crate::metrics::Metrics;
use crate::model::EnrollmentStep;
use crate::pki::{Authorities, LiveAuthorities, Presented};
use crate::store::{Store, Tx};

/// A request to one of the three services, as it came through the door: bytes that nobody has looked into yet.
#[derive(Debug)]
pub struct EnrollmentRequest {
    /// Which of them, by the path.
    pub operation: Operation,
    /// The body, whole and within the limit of the door.
    pub body: Vec<u8>,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The certificate that it showed in the TLS handshake.
    pub certificate: Option<Arc<Presented>>,
    /// The port that it came in at.
    pub port: u16,
    /// The address has `entra` in its query, as the discovery URL of a tenant does (MS-MDE2 3.5).
    pub from_entra: bool,
    /// What the device is told to show when it is refused, random.
    pub trace_id: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a device gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollmentAnswer {
    /// What it asked for.
    Done(String),
    /// A fault, and the word for it.
    Fault(String, &'static str),
    /// The body was no envelope: 400 with an empty body.
    Unreadable(&'static str),
}

/// Enrolls devices. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Enrolling(Arc<Inner>);

struct Inner {
    store: Store,
    gate: Gate,
    authorities: Arc<LiveAuthorities>,
    plan: Plan,
    metrics: Metrics,
    /// Places at the database: a school that enrolls in one hour leaves some to the sessions.
    places: Semaphore,
}

/// Requests that are looked into at once; the others wait for their turn.
const AT_ONCE: usize = 8;

impl Enrolling {
    /// On a store, with the one who judges who may.
    pub fn new(store: Store, gate: Gate, authorities: Arc<LiveAuthorities>, plan: Plan, metrics: Metrics) -> Self {
        Self(Arc::new(Inner { store, gate, authorities, plan, metrics, places: Semaphore::new(AT_ONCE) }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The authorities as they are now. Looks at files.
    pub(super) fn authorities(&self) -> Arc<Authorities> {
        self.0.authorities.current()
    }

    /// Answers a request.
    pub async fn answer(&self, request: EnrollmentRequest) -> EnrollmentAnswer {
        let (operation, trace_id) = (request.operation, request.trace_id.clone());
        let mut message_id = None;
        let _place = match operation {
            Operation::Discover => None,
            _ => self.0.places.acquire().await.ok(),
        };
        let answered = match operation {
            Operation::Discover => self.discover(&request, &mut message_id),
            Operation::GetPolicies => self.policies(&request, &mut message_id).await,
            Operation::RequestSecurityToken => self.token(request, &mut message_id).await,
        };
        let refusal = match answered {
            Ok(reply) => {
                self.0.metrics.enrollment(operation.as_str(), "answered");
                return EnrollmentAnswer::Done(reply);
            }
            Err(refusal) => refusal,
        };
        let word = refusal.word();
        self.0.metrics.enrollment(operation.as_str(), word);
        if refusal.is_ours() {
            tracing::error!(error = %refusal, operation = operation.as_str(), "a device could not be enrolled");
        } else {
            tracing::info!(reason = word, detail = %refusal, operation = operation.as_str(), "enrollment refused");
        }
        if matches!(refusal, Refusal::Unreadable(_)) {
            return EnrollmentAnswer::Unreadable(word);
        }
        let kind = refusal.fault();
        let reply = Reply { relates_to: message_id.as_deref(), activity: Some(&trace_id) };
        let fault = Fault::new(kind, told(kind), trace_id.clone());
        EnrollmentAnswer::Fault(write_fault(operation, reply, &fault), word)
    }

    /// Where to go on, and how one signs in (MS-MDE2 3.1).
    fn discover(&self, request: &EnrollmentRequest, id: &mut Option<String>) -> Result<String, Refusal> {
        let asked = taken(read_discover(&request.body, &soap::LIMITS), id)?;
        let offered = self.gate().sign_ins().offered(request.from_entra);
        let sign_in = match choose_auth_policy(&asked.body.offered, &offered)? {
            AuthPolicy::OnPremise => SignIn::OnPremise,
            AuthPolicy::Federated => {
                SignIn::Federated { authentication: self.plan().url(AUTHENTICATION, request.port)? }
            }
            AuthPolicy::Certificate => SignIn::Certificate,
        };
        let answer = DiscoverResponse {
            sign_in,
            version: asked.body.request_version.answer(),
            policies: self.plan().url(POLICIES, request.port)?,
            enrollment: self.plan().url(ENROLLMENT, request.port)?,
        };
        Ok(write_discover_response(request.reply(id.as_deref()), &answer))
    }

    /// What a certificate request may look like (MS-XCEP). Nobody is told who has not shown that they may enroll, or
    /// that they have.
    async fn policies(&self, request: &EnrollmentRequest, id: &mut Option<String>) -> Result<String, Refusal> {
        let asked = taken(read_get_policies(&request.body, &soap::LIMITS), id)?;
        if !shows_nothing(&asked.credential) || !self.has_certificate(request).await? {
            let visit = request.visit(EnrollmentStep::Policies, Claims::default());
            self.let_in(&asked.credential, &visit, request.received_at).await?;
        }
        let plan = self.plan();
        let policy = CertificatePolicy {
            validity_seconds: plan.lifetime.as_secs(),
            renewal_seconds: plan.renew_before.as_secs(),
            ..CertificatePolicy::default()
        };
        Ok(write_policies_response(request.reply(id.as_deref()), &policy))
    }

    /// A certificate, the first or the next (MS-WSTEP).
    async fn token(&self, mut request: EnrollmentRequest, id: &mut Option<String>) -> Result<String, Refusal> {
        let body = std::mem::take(&mut request.body);
        let read = tokio::task::spawn_blocking(move || read_token_request(&body, &soap::LIMITS)).await;
        let asked = taken(read.map_err(|_| Refusal::Store(crate::store::Error::Panicked))?, id)?;
        let Asked { credential, body, .. } = asked;
        let step = match &body.kind {
            TokenKind::Issue { .. } => EnrollmentStep::Issue,
            TokenKind::Renew { .. } => EnrollmentStep::Renew,
            TokenKind::Recovery => EnrollmentStep::Recover,
        };
        let now = request.received_at;
        let visit = request.visit(step, Claims::from(&body.context));
        let (context, journaled) = (body.context, visit.clone());
        let mut user = None;
        let done = match body.kind {
            TokenKind::Issue { pkcs10 } => {
                let applicant = self.let_in(&credential, &visit, now).await?;
                user = Some(applicant.user.as_str().to_owned());
                self.issue(issue::Wanted { pkcs10, context, applicant, visit, port: request.port }, now).await
            }
            TokenKind::Renew { pkcs7 } => {
                let presented = request.certificate.as_deref();
                self.renew(renew::Wanted { pkcs7, context, presented, visit }, now).await
            }
            TokenKind::Recovery => Err(Refusal::Recovery),
        };
        match done {
            Ok(document) => Ok(write_token_response(request.reply(id.as_deref()), now.0, document.as_bytes())),
            Err(refusal) => {
                // Of what anybody can send, only what comes with a certificate of the TLS connection is written down.
                let known = user.is_some() || request.certificate.is_some();
                if known && refusal.is_worth_a_line() {
                    let detail = refusal.to_string();
                    let why = (refusal.fault(), refusal.word(), detail.as_str());
                    self.gate().refused_for(&journaled, user.as_deref(), why, now).await;
                }
                Err(refusal)
            }
        }
    }

    /// Who asks, by what they show.
    async fn let_in(&self, credential: &Credential, visit: &Visit, now: Timestamp) -> Result<Applicant, Refusal> {
        self.gate().check(credential, visit, now).await.map_err(Refusal::NotLetIn)
    }

    /// Whether the connection has a certificate that still counts: a device that renews asks for the policies too, and
    /// has nothing else to show.
    async fn has_certificate(&self, request: &EnrollmentRequest) -> Result<bool, Refusal> {
        let Some(presented) = request.certificate.as_ref().filter(|presented| presented.verdict().is_ok()) else {
            return Ok(false);
        };
        let fingerprint = presented.fingerprint();
        let known = self.store().read(move |tx: &mut Tx<'_>| tx.certificate(fingerprint)).await?;
        Ok(known.is_some_and(|record| record.state.counts()))
    }
}

impl EnrollmentRequest {
    fn reply<'a>(&'a self, relates_to: Option<&'a str>) -> Reply<'a> {
        Reply { relates_to, activity: Some(&self.trace_id) }
    }

    fn visit(&self, step: EnrollmentStep, device: Claims) -> Visit {
        Visit { peer: self.peer, step, trace_id: self.trace_id.clone(), device }
    }
}

impl std::fmt::Debug for Enrolling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrolling").finish_non_exhaustive()
    }
}

/// What was read, with its `MessageID` kept for the reply.
fn taken<T>(read: Result<Asked<T>, Refused>, id: &mut Option<String>) -> Result<Asked<T>, Refusal> {
    match read {
        Ok(asked) => {
            id.clone_from(&asked.message_id);
            Ok(asked)
        }
        Err(refused) => {
            id.clone_from(&refused.message_id);
            Err(if refused.fault().is_some() { Refusal::Envelope(refused) } else { Refusal::Unreadable(refused) })
        }
    }
}

/// A renewal has the name of its user and an empty password.
fn shows_nothing(credential: &Credential) -> bool {
    match credential {
        Credential::None => true,
        Credential::Password { password, .. } => password.is_empty(),
        Credential::Jwt(_) | Credential::UserToken(_) | Credential::Certificate(_) => false,
    }
}

/// What people read on the device. It helps whoever looks after the server and nobody who guesses: the rest stands in
/// the list of attempts, to be found by the trace id.
fn told(kind: FaultKind) -> &'static str {
    kind.meaning()
}
