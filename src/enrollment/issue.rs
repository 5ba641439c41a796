//! A certificate for a device that enrolls (MS-WSTEP 3.1.4.1; MS-MDE2 3.4): one transaction, then the reply.

use transom_protocol::enrollment::{
    Application, ConnectionRetry, DefaultEncoding, DeviceContext, DmClient, ProvisioningDocument, StoreCertificate,
};
use transom_protocol::session::{DeviceId, Timestamp};

use super::account::Drawn;
use super::applicant::{Applicant, Means, Visit, admit};
use super::context;
use super::plan::MANAGEMENT;
use super::refusal::Refusal;
use super::service::Enrolling;
use super::sign_in::EntraUser;
use crate::config::EnrollmentLimits;
use crate::model::{
    CertificateState, EnrollmentId, EnrollmentState, EnrollmentType, Event, EventKind, KeyFingerprint, Made,
    NewCertificate, NewEnrollment, entra_device,
};
use crate::pki::{Authorities, CertificateRequest, IssuedCertificate};
use crate::store::Tx;

/// A certificate that was made and is not kept yet.
pub(super) struct Prepared {
    pub(super) issued: IssuedCertificate,
    /// The authority that issued it.
    pub(super) authority: String,
    pub(super) root: StoreCertificate,
    pub(super) intermediate: Option<StoreCertificate>,
}

/// What a device asked for.
pub(super) struct Wanted {
    pub(super) pkcs10: Vec<u8>,
    pub(super) context: DeviceContext,
    pub(super) applicant: Applicant,
    pub(super) visit: Visit,
    pub(super) port: u16,
}

impl Enrolling {
    /// Enrolls a device: gives the provisioning document.
    pub(super) async fn issue(&self, wanted: Wanted, now: Timestamp) -> Result<String, Refusal> {
        let Wanted { pkcs10, context, applicant, visit, port } = wanted;
        let drawn = Drawn::new();
        let id = EnrollmentId::new(now);
        // The name on the certificate is the enrollment's own: no other device, and no other life of this one, has it.
        let prepared = self.prepare(move || Ok(CertificateRequest::read(&pkcs10)?), id.to_string(), now).await?;
        let provider = self.plan().provider_id.as_str();
        let new = NewEnrollment {
            device_id: visit.device.device_id.clone().ok_or(super::applicant::Denied::NoDeviceId)?,
            account: drawn.for_us(&id, provider),
            info: context::info_of(&context),
            made: Some(Made {
                id: id.clone(),
                upn: applicant.user.as_str().to_owned(),
                kind: context::kind_of(&context),
                hw_dev_id: context.hw_dev_id.clone(),
                context: context::kept(&context),
            }),
        };
        let document = self.document(&id, &prepared, &drawn, &new, port)?;
        let certificate = prepared.certificate();
        let user = applicant.user.clone();
        let limits = self.gate().limits().clone();
        let asked = visit.clone();
        let signs = self.plan().require_signing;
        let issued = self
            .store()
            .write(move |tx: &mut Tx<'_>| {
                Work { new, certificate, limits, signs, now }.carry_out(tx, &applicant, &asked)
            })
            .await;
        if let Err(Refusal::NotAdmitted(denied)) = &issued {
            self.gate().refused(&visit, &user, denied, now).await;
        }
        issued.map(|()| document)
    }

    /// Makes a certificate, on a thread where that may take a moment. Nobody has it until it is kept.
    pub(super) async fn prepare(
        &self,
        read: impl FnOnce() -> Result<CertificateRequest, Refusal> + Send + 'static,
        subject: String,
        now: Timestamp,
    ) -> Result<Prepared, Refusal> {
        let enrolling = self.clone();
        let prepare = move || {
            let request = read()?;
            let authorities = enrolling.authorities();
            Prepared::new(&authorities, &request, &subject, enrolling.plan().lifetime, now)
        };
        match tokio::task::spawn_blocking(prepare).await {
            Ok(prepared) => prepared,
            Err(_) => Err(Refusal::Store(crate::store::Error::Panicked)),
        }
    }

    /// The provisioning document (MS-MDE2 2.2.9).
    fn document(
        &self,
        id: &EnrollmentId,
        prepared: &Prepared,
        drawn: &Drawn,
        new: &NewEnrollment,
        port: u16,
    ) -> Result<String, Refusal> {
        let plan = self.plan();
        let (server_auth, client_auth) = drawn.for_device(id, plan.provider_id.as_str());
        let made = new.made.as_ref();
        let kind = made.map_or(EnrollmentType::Full, |made| made.kind);
        let document = ProvisioningDocument {
            root: prepared.root.clone(),
            intermediate: prepared.intermediate.clone(),
            certificate: StoreCertificate::new(prepared.issued.encoded.der.clone()),
            enrollment_type: context::on_the_wire(kind),
            renew: plan.renew.clone(),
            application: Application {
                provider_id: plan.provider_id.clone(),
                name: plan.provider_name.clone(),
                address: plan.url(MANAGEMENT, port)?,
                retry: ConnectionRetry::default(),
                encoding: DefaultEncoding::default(),
                certificate_subject: Some(format!("CN={id}")),
                server_auth,
                client_auth,
            },
            dm_client: DmClient {
                upn: made.filter(|_| kind == EnrollmentType::Full).map(|made| made.upn.clone()),
                ent_dm_id: id.to_string(),
                ent_device_name: new.info.name.clone(),
                require_message_signing: plan.require_signing.then_some(true),
                sync_application_version: None,
                poll: plan.poll.clone(),
            },
        };
        Ok(document.to_xml())
    }
}

impl Prepared {
    fn new(
        authorities: &Authorities,
        request: &CertificateRequest,
        subject: &str,
        lifetime: std::time::Duration,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let authority = authorities.issuing();
        Ok(Self {
            issued: authority.issue_device(request, subject, lifetime, now)?,
            authority: authority.id()?.to_string(),
            root: StoreCertificate::new(authority.root()?.der),
            intermediate: authority.intermediate()?.map(|certificate| StoreCertificate::new(certificate.der)),
        })
    }

    /// What is kept of it.
    pub(super) fn certificate(&self) -> NewCertificate {
        NewCertificate {
            fingerprint: self.issued.fingerprint,
            serial: self.issued.serial.clone(),
            key: self.issued.key,
            authority: self.authority.clone(),
            not_before: self.issued.not_before,
            not_after: self.issued.not_after,
            der: self.issued.encoded.der.clone(),
        }
    }
}

/// What the transaction does.
struct Work {
    new: NewEnrollment,
    certificate: NewCertificate,
    limits: EnrollmentLimits,
    /// The provisioning document tells the device to sign its messages.
    signs: bool,
    now: Timestamp,
}

impl Work {
    fn carry_out(self, tx: &mut Tx<'_>, applicant: &Applicant, visit: &Visit) -> Result<(), Refusal> {
        let Self { new, certificate, limits, signs, now } = self;
        let device = &new.device_id;
        key_is_free(tx, certificate.key, device)?;
        let admitted = admit(tx, applicant, &visit.device, &limits, now)?;
        forget_lost_replies(tx, applicant, device, now)?;
        let made = tx.import_enrollment(&new, now)?;
        tx.add_certificate(&made.id, &certificate, CertificateState::Current, now)?;
        if signs {
            tx.confirm_signing(&made.id, Some(now))?;
        }
        if let Means::Entra(EntraUser { device: Some(of_token), .. }) = &applicant.means {
            tx.bind_entra_device(&made.id, &entra_device(&of_token.tenant, &of_token.device))?;
        }
        tx.add_events(&[Event {
            device: Some(device.clone()),
            enrollment: Some(made.id.clone()),
            detail: Some(format!("enrolled by {}, enrollment {} of the device", applicant.user, made.generation)),
            ..Event::new(EventKind::Enrollment, "enrolled", now)
        }])?;
        let hardware = new.made.as_ref().and_then(|made| made.hw_dev_id.as_deref());
        if let Some(hardware) = hardware {
            tell_same_hardware(tx, hardware, device, &made.id, now)?;
        }
        Ok(admitted.settle(tx, &made.id, visit, now)?)
    }
}

/// A key speaks for one device: whoever could enroll with another's would have a certificate that it can use.
pub(super) fn key_is_free(tx: &mut Tx<'_>, key: KeyFingerprint, device: &DeviceId) -> Result<(), Refusal> {
    tx.lock_key(key)?;
    let holders = tx.holders_of_key(key)?;
    match holders.into_iter().find(|(holder, _)| holder.key() != device.key()) {
        Some((holder, _)) => Err(Refusal::KeyOfAnother(holder)),
        None => Ok(()),
    }
}

/// Enrollments that the same user began with the same device and that were never used: their replies were lost. The one
/// that is made now takes their place. Another user's stay, because anybody can claim to be a device.
fn forget_lost_replies(
    tx: &mut Tx<'_>,
    applicant: &Applicant,
    device: &DeviceId,
    now: Timestamp,
) -> Result<(), Refusal> {
    let user = applicant.user.key();
    let lives = tx.live_enrollments(device)?;
    let lost = lives.into_iter().filter(|life| {
        let same = life.upn.as_deref().and_then(crate::model::UserName::parse).is_some_and(|upn| upn.key() == user);
        life.state == EnrollmentState::Pending && same
    });
    let lost: Vec<String> = lost.map(|life| life.enrollment.to_string()).collect();
    if lost.is_empty() { Ok(()) } else { Ok(tx.replace_enrollments(&lost, now)?) }
}

/// Two devices that say they are the same hardware: cloned disks, or one computer that enrolled again under a new id.
/// Both are kept, because what a device says of its hardware proves nothing.
fn tell_same_hardware(
    tx: &mut Tx<'_>,
    hardware: &str,
    device: &DeviceId,
    enrollment: &EnrollmentId,
    now: Timestamp,
) -> Result<(), Refusal> {
    const CODE: &str = "hardware_id_conflict";
    let others = tx.others_with_hardware(hardware, device)?;
    if others.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = others.iter().map(ToString::to_string).collect();
    let told = |of: &DeviceId, others: String| Event {
        device: Some(of.clone()),
        detail: Some(format!("says it is the same hardware as {others}; both are kept")),
        ..Event::new(EventKind::Security, CODE, now)
    };
    let mut events = vec![Event { enrollment: Some(enrollment.clone()), ..told(device, names.join(", ")) }];
    for other in &others {
        if !tx.was_told(other, CODE, now.plus_millis(-TOLD_EVERY))? {
            events.push(told(other, device.to_string()));
        }
    }
    Ok(tx.add_events(&events)?)
}

/// The same conflict of the same device is told again after an hour.
const TOLD_EVERY: i64 = 60 * 60 * 1000;
