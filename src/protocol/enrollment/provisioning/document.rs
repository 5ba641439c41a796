//! The two documents: after enrollment, and after renewal (MS-MDE2 2.2.9, 3.4).

use super::super::EnrollmentType;
use super::wap::Wap;
use super::{Application, DmClient, ProviderId, RenewSettings, StoreCertificate};

/// What a device gets when it enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisioningDocument {
    /// The root that the device has to trust: `Root/System`. A characteristic `RootCATrustedCertificates`, which some
    /// pages advise, makes Windows 11 refuse the whole.
    pub root: StoreCertificate,
    /// One intermediate at most: `CA/System`.
    pub intermediate: Option<StoreCertificate>,
    /// The certificate of the device: `My/User` or `My/System`.
    pub certificate: StoreCertificate,
    /// Which of the two.
    pub enrollment_type: EnrollmentType,
    /// When the certificate is renewed.
    pub renew: RenewSettings,
    /// The account of OMA-DM.
    pub application: Application,
    /// The client's own settings.
    pub dm_client: DmClient,
}

/// What a device gets when it renewed: the next certificate, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalDocument {
    /// The root, where the device may not have it yet.
    pub root: Option<StoreCertificate>,
    /// The next certificate.
    pub certificate: StoreCertificate,
    /// Where the certificate in use lies.
    pub enrollment_type: EnrollmentType,
    /// `PROVIDER-ID` of the enrollment.
    pub provider_id: ProviderId,
}

impl ProvisioningDocument {
    /// The document as text. It holds both secrets.
    pub fn to_xml(&self) -> String {
        Wap::document(|wap| {
            wap.characteristic("CertificateStore", |wap| {
                system(wap, "Root", Some(&self.root));
                system(wap, "CA", self.intermediate.as_ref());
                wap.characteristic("My", |wap| {
                    my(wap, &self.certificate, self.enrollment_type);
                    self.renew.write(wap);
                });
            });
            self.application.write(self.enrollment_type, wap);
            self.dm_client.write(&self.application.provider_id, wap);
        })
    }
}

impl RenewalDocument {
    /// The document as text.
    pub fn to_xml(&self) -> String {
        Wap::document(|wap| {
            wap.characteristic("CertificateStore", |wap| {
                system(wap, "Root", self.root.as_ref());
                wap.characteristic("My", |wap| my(wap, &self.certificate, self.enrollment_type));
            });
            wap.characteristic("APPLICATION", |wap| wap.parm("PROVIDER-ID", self.provider_id.as_str()));
        })
    }
}

/// A certificate that everybody on the device can use.
fn system(wap: &mut Wap, store: &str, certificate: Option<&StoreCertificate>) {
    if let Some(certificate) = certificate {
        wap.characteristic(store, |wap| wap.characteristic("System", |wap| certificate.write(wap)));
    }
}

/// The device's certificate, and beside it the mark that its key is there already. One sample puts the mark inside; it
/// is beside in what devices are known to have taken.
fn my(wap: &mut Wap, certificate: &StoreCertificate, enrollment_type: EnrollmentType) {
    wap.characteristic(enrollment_type.store(), |wap| {
        certificate.write(wap);
        wap.mark("PrivateKeyContainer");
    });
}
