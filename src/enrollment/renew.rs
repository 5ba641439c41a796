//! Another certificate for a device that has one (ROBO; MS-MDE2 3.4.4.1.2, MS-WSTEP): asked for over TLS with the
//! current certificate, and signed with it.

use transom_protocol::enrollment::{DeviceContext, RenewalDocument, StoreCertificate};
use transom_protocol::session::{DeviceId, Timestamp};

use super::applicant::Visit;
use super::context;
use super::issue::{Prepared, key_is_free};
use super::refusal::Refusal;
use super::service::Enrolling;
use crate::model::{
    CertificateRecord, CertificateState, EnrollmentState, EnrollmentType, Event, EventKind, NewCertificate,
};
use crate::pki::{Presented, renewal, verify_device_certificate_with_grace};
use crate::store::Tx;

/// Certificates that an enrollment may have issued in a day: more than any lost reply explains.
const MOST_A_DAY: usize = 10;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// What a device asked for.
pub(super) struct Wanted<'a> {
    pub(super) pkcs7: Vec<u8>,
    pub(super) context: DeviceContext,
    pub(super) presented: Option<&'a Presented>,
    pub(super) visit: Visit,
}

/// Whose certificate it is.
struct Holder {
    record: CertificateRecord,
    device: DeviceId,
    kind: EnrollmentType,
    user: Option<String>,
}

impl Enrolling {
    /// Renews a certificate: gives the document that brings the next one. Both count until the next one is used.
    pub(super) async fn renew(&self, wanted: Wanted<'_>, now: Timestamp) -> Result<String, Refusal> {
        let Wanted { pkcs7, context, presented, visit } = wanted;
        let presented = presented.ok_or(Refusal::NotEligible("the device came without its certificate"))?;
        let certificate = presented.der().to_vec();
        let verified = certificate.clone();
        let holder = self.holder(presented, &context, now).await?;
        let (enrolling, grace) = (self.clone(), self.plan().grace);
        let read = move || {
            // In time, or a little late: a computer that was off for a while.
            verify_device_certificate_with_grace(&enrolling.authorities(), &verified, now, grace)?;
            Ok(renewal::open(&pkcs7)?.verify_with(&certificate)?)
        };
        let prepared = self.prepare(read, holder.record.enrollment.to_string(), now).await?;
        let document = self.renewal_document(&holder, &prepared);
        let new = prepared.certificate();
        let job = move |tx: &mut Tx<'_>| carry_out(tx, &holder, &new, &visit, now);
        self.store().write(job).await.map(|()| document)
    }

    /// The enrollment that a certificate speaks for, while it may be renewed.
    async fn holder(&self, presented: &Presented, context: &DeviceContext, now: Timestamp) -> Result<Holder, Refusal> {
        let fingerprint = presented.fingerprint();
        let claimed = context.device_id.clone();
        let look = move |tx: &mut Tx<'_>| {
            let record = tx.certificate(fingerprint)?.ok_or(Refusal::NotEligible("the certificate is none of ours"))?;
            let device = tx.device_of(&record.enrollment)?.ok_or(Refusal::NotEligible("the device is gone"))?;
            let claims_another =
                claimed.as_deref().and_then(DeviceId::parse).is_some_and(|id| id.key() != device.key());
            if claims_another {
                return Err(Refusal::NotEligible("the device says that it is another than its certificate"));
            }
            let life = tx.enrollment(&record.enrollment)?.ok_or(Refusal::NotEligible("the device is gone"))?;
            may_renew(&record, life.state)?;
            let kind = life.kind.ok_or(Refusal::NotEligible("the enrollment is imported, and has no certificate"))?;
            let lately = tx.certificates_of(&record.enrollment)?;
            let since = now.plus_millis(-DAY);
            if lately.iter().filter(|certificate| certificate.issued_at > since).count() >= MOST_A_DAY {
                return Err(Refusal::NotEligible("the device has asked for too many certificates today"));
            }
            Ok(Holder { record, device, kind, user: life.upn })
        };
        self.store().read(look).await
    }

    /// The root stands in it only where the device does not have it yet: after a rotation.
    fn renewal_document(&self, holder: &Holder, prepared: &Prepared) -> String {
        let is_new = holder.record.certificate.authority != prepared.authority;
        let document = RenewalDocument {
            root: is_new.then(|| prepared.root.clone()),
            certificate: StoreCertificate::new(prepared.issued.encoded.der.clone()),
            enrollment_type: context::on_the_wire(holder.kind),
            provider_id: self.plan().provider_id.clone(),
        };
        document.to_xml()
    }
}

/// Whether the certificate is the current one of an enrollment that goes on.
fn may_renew(record: &CertificateRecord, state: EnrollmentState) -> Result<(), Refusal> {
    match (record.state, state) {
        (CertificateState::Current, EnrollmentState::Pending | EnrollmentState::Active) => Ok(()),
        (CertificateState::Current, EnrollmentState::Unenrolling) => {
            Err(Refusal::NotEligible("the device is told to leave"))
        }
        (CertificateState::Next, _) => Err(Refusal::NotEligible("the certificate was not used yet")),
        (CertificateState::Superseded, _) => Err(Refusal::NotEligible("the certificate was renewed already")),
        (CertificateState::Current | CertificateState::Revoked, _) => {
            Err(Refusal::NotEligible("the certificate was taken back"))
        }
    }
}

fn carry_out(
    tx: &mut Tx<'_>,
    holder: &Holder,
    new: &NewCertificate,
    visit: &Visit,
    now: Timestamp,
) -> Result<(), Refusal> {
    let enrollment = &holder.record.enrollment;
    // Looked at again, now that nobody else can change it.
    let contact = tx.enrollment_for_update(enrollment)?.ok_or(Refusal::NotEligible("the enrollment has ended"))?;
    let record = tx.certificate(holder.record.certificate.fingerprint)?;
    let record = record.ok_or(Refusal::NotEligible("the certificate is none of ours"))?;
    may_renew(&record, contact.state)?;
    key_is_free(tx, new.key, &holder.device)?;
    tx.add_certificate(enrollment, new, CertificateState::Next, now)?;
    tx.add_events(&[Event {
        device: Some(holder.device.clone()),
        enrollment: Some(enrollment.clone()),
        detail: Some(format!("the certificate {} is to be followed by {}", record.certificate.serial, new.serial)),
        ..Event::new(EventKind::Enrollment, "renewed", now)
    }])?;
    Ok(tx.record_attempt(&visit.renewed(holder.user.as_deref(), enrollment, now))?)
}
