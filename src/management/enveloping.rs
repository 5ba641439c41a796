//! Whether a device envelopes its messages: told to it with our certificate, confirmed by it, and only then demanded
//! (`DMClient/Provider/<PROVIDER-ID>/EnhancedAppLayerSecurity`; MS-MDM 2.1 note 6).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::session::{CommandState, Decision, DeviceId, Timestamp};
use transom_protocol::syncml::{Format, Verb};

use super::exchange::{Frame, Heard};
use super::identity::Mismatch;
use super::{Management, Order, effects::tell};
use crate::model::{
    Actor, AuditRecord, BatchId, CertificateRecord, CertificateState, Dependency, EnvelopeKeyRecord, Enveloping,
    EventKind, NewCommand, NewCommands, NotEnqueued, OWN, Secret, hex, provider_node,
};
use crate::pki::{certificate_fingerprint, envelope::can_be_sealed_for};
use crate::store::{Contact, Error, Tx};

/// Ten years, or as long as the authority lives: a device whose certificate has ended could not be told another.
const LIFETIME: Duration = Duration::from_hours(24 * 3650);

/// `SecurityMode`: sign and encrypt.
const SIGN_AND_ENCRYPT: &str = "3";

/// Why it could not be set.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopingError {
    /// It is not enrolled.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// There is nothing that replies could be enveloped for.
    #[error("the device has no certificate of this server with an RSA key, so that nothing can be enveloped for it")]
    NoCertificate,
    /// No device can know its server by this name.
    #[error("this can't be a PROVIDER-ID")]
    ProviderId,
    /// Its queue is full.
    #[error("the queue of the device is full; clear it first")]
    QueueFull,
    /// There is nobody to issue the certificate.
    #[error("this server has no authority that could issue a certificate for envelopes")]
    NoAuthority,
    /// It was not issued.
    #[error("the certificate for envelopes could not be made")]
    Issue(#[from] crate::pki::Error),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What became of the wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnvelopingSet {
    /// How it is now.
    pub enveloping: Enveloping,
    /// Whether the device is to be told with its next session.
    pub to_be_told: bool,
    /// Whether the device has said before that it envelopes.
    pub is_confirmed: bool,
}

impl Management {
    /// Makes the first key for envelopes, where there is none yet.
    pub async fn ensure_envelope_key(&self, by: &Actor, now: Timestamp) -> Result<(), EnvelopingError> {
        let keys = self.store().read(|tx: &mut Tx<'_>| tx.envelope_keys()).await?;
        if !keys.is_empty() {
            return Ok(());
        }
        let (new, by) = (self.issue_envelope_key(now).await?, by.clone());
        let keep = move |tx: &mut Tx<'_>| {
            if tx.envelope_keys()?.is_empty() { Self::keep_envelope_key(tx, &new, &by, now) } else { Ok(()) }
        };
        self.store().write(keep).await?;
        self.forget_envelope_keys();
        Ok(())
    }

    /// Another key for envelopes, which is one when it is kept.
    pub async fn issue_envelope_key(&self, now: Timestamp) -> Result<EnvelopeKeyRecord, EnvelopingError> {
        let authorities = self.options().envelopes.authorities.clone().ok_or(EnvelopingError::NoAuthority)?;
        let name = format!("{} envelopes", self.options().provider_id);
        let issue = move || {
            let key = authorities.current().issuing().issue_for_envelopes(&name, LIFETIME, now)?;
            let plain = Secret::new(key.key_der()?.to_vec());
            Ok::<_, crate::pki::Error>((key.certificate().to_vec(), plain, key.not_after()?))
        };
        let issued = tokio::task::spawn_blocking(issue).await.map_err(|_| EnvelopingError::NoAuthority)?;
        let (certificate, key, not_after) = issued?;
        let id = certificate_fingerprint(&certificate);
        Ok(EnvelopeKeyRecord { id, certificate, key, created_at: now, not_after })
    }

    /// Makes it the key for envelopes; afterwards [`Self::forget_envelope_keys`]. Devices are told when they come next; the
    /// one before opens what they send until they use the new one.
    pub fn keep_envelope_key(
        tx: &mut Tx<'_>,
        new: &EnvelopeKeyRecord,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        tx.add_envelope_key(new)?;
        let record = AuditRecord::new("envelope_key.rotate", "envelope_key", new.id.to_string());
        tx.audit(by, record.after(serde_json::json!({"id": new.id.to_string()})), now);
        Ok(())
    }

    /// Sets whether messages of a device are enveloped. What has to change on the device is queued; messages in clear are
    /// refused only when the device has said that it envelopes.
    pub fn set_enveloping(
        &self,
        tx: &mut Tx<'_>,
        device: DeviceId,
        (enveloping, provider_id): (Enveloping, Option<&str>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<EnvelopingSet, EnvelopingError> {
        let provider = provider_id.unwrap_or(&self.options().provider_id);
        let lives = tx.live_enrollments(&device)?;
        let newest = lives.first().ok_or(EnvelopingError::NotEnrolled)?;
        let is_confirmed = newest.envelopes_since.is_some();
        let mut told = None;
        let commands = if enveloping == Enveloping::Require {
            let certificates = tx.certificates_of(&newest.enrollment)?;
            if !certificates.iter().any(can_be_replied_to) {
                return Err(EnvelopingError::NoCertificate);
            }
            let keys = tx.envelope_keys()?;
            let key = keys.first().ok_or(EnvelopingError::NoAuthority)?;
            if is_confirmed && newest.envelope_used == Some(key.id) {
                Vec::new()
            } else {
                told = Some(key.id);
                let used = keys.iter().find(|other| Some(other.id) == newest.envelope_used && other.id != key.id);
                let offline = self.options().envelopes.despite_offline_revocation;
                switch_on(
                    provider,
                    (&key.certificate, used.map(|used| used.certificate.as_slice())),
                    is_confirmed,
                    offline,
                )
                .ok_or(EnvelopingError::ProviderId)?
            }
        } else if newest.enveloping == Some(Enveloping::Require) || is_confirmed {
            let off = mode_command(provider, "0").ok_or(EnvelopingError::ProviderId)?;
            vec![NewCommand::new(off)]
        } else {
            Vec::new()
        };
        let count = commands.len();
        if count > 0 {
            let order = Order { devices: vec![device], commands, by: by.clone(), unchecked: None };
            for one in self.enqueue(tx, &order, &order.devices, &BatchId::new(now), now)? {
                one.commands.map_err(|why| match why {
                    NotEnqueued::QueueFull => EnvelopingError::QueueFull,
                    _ => EnvelopingError::NotEnrolled,
                })?;
            }
        }
        tx.set_enveloping(&newest.enrollment, enveloping)?;
        if let Some(key) = told {
            tx.tell_envelope_key(&newest.enrollment, key)?;
        }
        let detail = format!("message enveloping is set to {} by {}", enveloping.as_str(), by.name);
        tell(tx, newest, (EventKind::Security, "enveloping_set"), detail, now)?;
        let record = AuditRecord::new("device.enveloping", "device", newest.device_id.as_str())
            .before(serde_json::json!({"enveloping": newest.enveloping}))
            .after(serde_json::json!({"enveloping": enveloping}));
        tx.audit(by, record, now);
        self.count_ordered(count);
        Ok(EnvelopingSet { enveloping, to_be_told: count > 0, is_confirmed })
    }
}

fn can_be_replied_to(record: &CertificateRecord) -> bool {
    matches!(record.state, CertificateState::Current | CertificateState::Next)
        && can_be_sealed_for(&record.certificate.der)
}

/// Why a message of an enrollment is refused for its envelope, or for having none.
pub(super) fn refused(
    heard: &Heard,
    contact: &Contact,
    signer: Option<&CertificateRecord>,
    frame: &Frame<'_>,
) -> Option<Mismatch> {
    let mode = contact.enveloping.unwrap_or(frame.envelopes.enveloping);
    let Some(wrapped) = &heard.wrapped else {
        return (mode == Enveloping::Require && has_switched(heard, contact)).then_some(Mismatch::Unenveloped);
    };
    // One that does so still has to be heard, to be told otherwise, and to the end of the session in which it was.
    let goes_on = || {
        let session = contact.session.as_ref().map(|(_, session)| session.session_id.as_str());
        session == Some(heard.message.header.session_id.as_str())
    };
    let is_opened = mode != Enveloping::Off || contact.envelopes_since.is_some() || goes_on();
    match signer.filter(|_| is_opened) {
        None => Some(Mismatch::EnvelopeOff),
        Some(signer) if !can_be_sealed_for(&signer.certificate.der) => Some(Mismatch::EnvelopeWithoutRsa),
        Some(_) => {
            contact.envelope_used.is_some_and(|used| wrapped.is_newer(used)).then_some(Mismatch::EnvelopeKeyRetired)
        }
    }
}

/// Whether the device has said that it envelopes, in a session before this one: what it was told holds from the next on.
fn has_switched(heard: &Heard, contact: &Contact) -> bool {
    let Some(confirmed) = contact.envelopes_since.filter(|_| contact.needs_certificate) else { return false };
    let goes_on = contact.session.as_ref().is_some_and(|(_, session)| {
        session.session_id.as_str() == heard.message.header.session_id && session.started_at <= confirmed
    });
    !goes_on
}

/// What a message says of enveloping: that the device does so from now on, or no longer; and which key it uses.
pub(super) fn follow(
    tx: &mut Tx<'_>,
    heard: &Heard,
    contact: &Contact,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Error> {
    let done = decision.commands.iter().filter(|command| command.state == CommandState::Succeeded);
    if let Some(envelopes) = done.filter_map(|command| wanted(&command.instruction)).next_back()
        && envelopes != contact.envelopes_since.is_some()
    {
        tx.confirm_enveloping(&contact.enrollment, envelopes.then_some(now))?;
        let (code, detail) = if envelopes {
            ("enveloping", "the device envelopes its messages")
        } else {
            ("not_enveloping", "the device no longer envelopes its messages")
        };
        tell(tx, contact, (EventKind::Security, code), detail.to_owned(), now)?;
    }
    let Some(wrapped) = &heard.wrapped else { return Ok(()) };
    if let Some(key) = wrapped.key().filter(|key| contact.envelope_used != Some(*key)) {
        tx.use_envelope_key(&contact.enrollment, key)?;
        if contact.envelope_used.is_some() {
            let detail = "the device uses the newer key for envelopes; the one before opens nothing of it any more";
            tell(tx, contact, (EventKind::Security, "envelope_key_changed"), detail.to_owned(), now)?;
        }
    }
    Ok(())
}

/// Tells a device that envelopes for a key that was replaced the newest one, once it is there; whether there is something
/// to tell.
pub(super) fn offer_newer(
    tx: &mut Tx<'_>,
    heard: &Heard,
    contact: &Contact,
    frame: &Frame<'_>,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some((key, certificate, before)) = heard.wrapped.as_ref().and_then(|wrapped| wrapped.replacement()) else {
        return Ok(false);
    };
    if contact.envelope_told == Some(key) || contact.leave_by.is_some() {
        return Ok(false);
    }
    let (offline, does_so) = (frame.envelopes.despite_offline_revocation, contact.envelopes_since.is_some());
    // The name comes from the settings, which were checked.
    let Some(commands) = switch_on(frame.provider_id, (certificate, Some(before)), does_so, offline) else {
        return Ok(false);
    };
    let new = NewCommands {
        devices: Vec::new(),
        commands,
        batch: None,
        created_by: format!("{OWN}envelopes"),
        max_open: frame.max_open,
        wake: false,
    };
    if tx.enqueue_own(&contact.enrollment, &new, now)?.is_empty() {
        return Ok(false);
    }
    tx.tell_envelope_key(&contact.enrollment, key)?;
    let detail = "the key for envelopes was replaced; the device is told the new one".to_owned();
    tell(tx, contact, (EventKind::Security, "envelope_key_offered"), detail, now)?;
    Ok(true)
}

/// What has a device envelope for a certificate: installed and named first, and switched on when both were done. A device
/// that envelopes already is not told to use what it has not installed. Whether the nodes are there before, devices are not
/// agreed on.
fn switch_on(
    provider_id: &str,
    (certificate, before): (&[u8], Option<&[u8]>),
    does_so: bool,
    offline: bool,
) -> Option<Vec<NewCommand>> {
    let thumbprint = hex(&openssl::sha::sha1(certificate)).to_ascii_uppercase();
    let place = format!("./Device/Vendor/MSFT/CertificateStore/MY/System/{thumbprint}/EncodedCertificate");
    let encoded = BASE64.encode(certificate);
    let before = before.map(|before| BASE64.encode(before));
    let node = |name: &str| provider_node(provider_id, &format!("EnhancedAppLayerSecurity/{name}"));
    let add = |target, value| NewCommand::new(single(Verb::Add, target, value, IfExists::Replace));
    let after = |places: &[usize], command: NewCommand| {
        let depends_on = places.iter().copied().map(Dependency::OnEarlier).collect();
        NewCommand { depends_on, ..command }
    };
    let installed: &[usize] = if does_so { &[0] } else { &[] };
    let mut commands = vec![
        add(place.parse().ok()?, (Format::B64, &encoded)),
        after(installed, add(node("Cert0")?, (Format::Chr, &encoded))),
    ];
    if let Some(before) = &before {
        commands.push(after(installed, add(node("Cert1")?, (Format::Chr, before))));
    }
    let despite = (Format::Bool, if offline { "true" } else { "false" });
    commands.push(add(node("UseCertIfRevocationCheckOffline")?, despite));
    if !does_so {
        commands.push(after(&[0, 1], NewCommand::new(mode_command(provider_id, SIGN_AND_ENCRYPT)?)));
    }
    Some(commands)
}

fn mode_command(provider_id: &str, mode: &str) -> Option<Instruction> {
    let target = provider_node(provider_id, "EnhancedAppLayerSecurity/SecurityMode")?;
    Some(single(Verb::Add, target, (Format::Int, mode), IfExists::Replace))
}

fn single(verb: Verb, target: LocUri, (format, data): (Format, &str), if_exists: IfExists) -> Instruction {
    let setting = Setting { target, format: Some(format), mime: None, data: Some(data.to_owned()) };
    Instruction::Single(Operation { verb, items: vec![setting], if_exists })
}

/// What an instruction tells a device about enveloping, whoever ordered it.
fn wanted(instruction: &Instruction) -> Option<bool> {
    let told = instruction.settings().filter(|(verb, setting)| {
        let target = setting.target.as_str().to_ascii_lowercase();
        matches!(verb, Verb::Replace | Verb::Add)
            && target.contains("/dmclient/provider/")
            && target.ends_with("/enhancedapplayersecurity/securitymode")
    });
    told.filter_map(|(_, setting)| Some(setting.data.as_deref()?.trim() == SIGN_AND_ENCRYPT)).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_about_enveloping_is_known_again() {
        assert_eq!(wanted(&mode_command("Transom", "3").unwrap()), Some(true));
        for other in ["0", "1", "2"] {
            assert_eq!(wanted(&mode_command("MS DM Server", other).unwrap()), Some(false), "{other}");
        }
        let commands = switch_on("Transom", (b"new", None), false, false).unwrap();
        let known: Vec<_> = commands.iter().map(|command| wanted(&command.instruction)).collect();
        assert_eq!(known, [None, None, None, Some(true)], "switched on at last");
        let needs = &commands.last().unwrap().depends_on;
        assert_eq!(needs, &[Dependency::OnEarlier(0), Dependency::OnEarlier(1)], "installed and named");
        let again = switch_on("Transom", (b"new", Some(b"old")), true, false).unwrap();
        assert!(again.iter().all(|command| wanted(&command.instruction).is_none()), "it is on already");
        assert_eq!(again[1].depends_on, [Dependency::OnEarlier(0)], "named when it is installed");
    }
}
