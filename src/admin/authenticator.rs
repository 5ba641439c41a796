//! Codes of an authenticator (RFC 6238), and recovery codes for the day when it is lost.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use totp_rs::{Builder, Totp};

use super::{Admin, Error, NotIn};
use crate::enrollment::applicant::new_password;
use crate::model::{Actor, AuditRecord, FailureSubject, Operator, OperatorSecrets, Patience, Secret, Timestamp};
use crate::store::Tx;

/// Recovery codes that are made at once.
const CODES: usize = 10;

/// Bytes of an authenticator's secret (RFC 4226, 4, R6).
const SECRET: usize = 20;

/// A new secret for an authenticator, as it is typed into one.
pub fn new_secret() -> Secret<String> {
    let mut random = [0_u8; SECRET];
    rand::fill(&mut random);
    Secret::new(totp_rs::Secret::new(random.into()).to_base32())
}

/// The same as an authenticator on the same machine reads it.
pub fn address(name: &str, secret: &Secret<String>) -> Secret<String> {
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    Secret::new(format!("otpauth://totp/Transom:{name}?secret={}&issuer=Transom", secret.expose()))
}

impl Admin {
    /// Takes an authenticator into use that shows the right code, and gives the recovery codes: they can't be had again.
    pub async fn add_authenticator(
        &self,
        operator: &Operator,
        secret: &Secret<String>,
        code: &str,
        password: Secret<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Secret<String>>, NotIn> {
        let operator = self.is_theirs(operator, password, by, now).await?;
        let wrong =
            || NotIn::Choice("the code is not the one of this moment; look at the clock of the device".to_owned());
        let bytes = totp_rs::Secret::try_from_base32(secret.expose()).map_err(|_| wrong())?;
        if bytes.as_bytes().len() != SECRET {
            return Err(wrong());
        }
        let bytes = Secret::new(bytes.as_bytes().to_vec());
        let step = step_of(&bytes, code.trim(), now).ok_or_else(wrong)?;
        let codes: Vec<Secret<String>> = (0..CODES).map(|_| new_code()).collect();
        let hashes: Vec<String> = codes.iter().map(|code| recovery_hash(code.expose())).collect();
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.set_operator_totp(&operator, Some(&bytes), &hashes, step)?;
            let record = AuditRecord::new("operator.authenticator", "operator", operator.name.as_str());
            tx.audit(&by, record.after(json!({"in_use": true})), now);
            Ok::<_, NotIn>(())
        };
        self.store.write(job).await?;
        Ok(codes)
    }

    /// Somebody no longer uses an authenticator.
    pub async fn remove_authenticator(
        &self,
        operator: &Operator,
        password: Secret<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), NotIn> {
        let operator = self.is_theirs(operator, password, by, now).await?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.set_operator_totp(&operator, None, &[], 0)?;
            let record = AuditRecord::new("operator.authenticator", "operator", operator.name.as_str());
            tx.audit(&by, record.after(json!({"in_use": false})), now);
            Ok::<_, NotIn>(())
        };
        self.store.write(job).await
    }
}

/// What the second thing is worth that an operator with an authenticator shows, who has shown the password.
pub(super) enum Second {
    /// They may come in.
    Right,
    /// Nothing.
    Wrong,
    /// Nothing, and codes were guessed so often that all of them count for nothing from now on for a while.
    Guessed,
    /// Nobody may try codes until then.
    Locked(Timestamp),
}

/// Whether the second thing is right that an operator with an authenticator has to show. What is right is used up.
///
/// Wrong codes are counted for the account, from wherever they come: only who knows the password gets here, so that
/// strangers can lock nobody out. Recovery codes can't be guessed, and are taken all the while.
pub(super) fn second(
    tx: &mut Tx<'_>,
    (operator, secrets): (&Operator, &OperatorSecrets),
    code: Option<&str>,
    patience: Patience,
    now: Timestamp,
) -> Result<Second, Error> {
    let Some(totp) = &secrets.totp else { return Ok(Second::Right) };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else { return Ok(Second::Wrong) };
    let hash = recovery_hash(code);
    if secrets.recovery.contains(&hash) {
        let left: Vec<String> = secrets.recovery.iter().filter(|other| **other != hash).cloned().collect();
        let was_there = tx.keep_recovery(&operator.id, &secrets.recovery, &left)?;
        return Ok(if was_there { Second::Right } else { Second::Wrong });
    }
    let subject = FailureSubject::Codes(operator.name.clone());
    let before = tx.failures_for_update(&subject)?;
    if let Some(until) = before.as_ref().and_then(|before| before.locked_until).filter(|until| *until > now) {
        return Ok(Second::Locked(until));
    }
    if let Some(step) = step_of(totp, code, now)
        && tx.use_totp_step(&operator.id, step)?
    {
        return Ok(Second::Right);
    }
    let after = patience.after_failure(before.as_ref(), now);
    tx.save_failures(&subject, &after)?;
    Ok(if after.locked_until.is_some() { Second::Guessed } else { Second::Wrong })
}

/// The step whose code this is: now, or one step of 30 seconds before or after.
pub(super) fn step_of(secret: &Secret<Vec<u8>>, code: &str, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.0 / 1000).ok()?;
    let step = totp(secret)?.check(code, seconds)?;
    i64::try_from(step).ok()
}

/// The hash by which a recovery code is kept. 100 bits of chance need no slow one.
pub fn recovery_hash(code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    crate::model::hex(&Sha256::digest(plain.as_bytes()))
}

fn totp(secret: &Secret<Vec<u8>>) -> Option<Totp> {
    Builder::new().with_secret(secret.expose().clone()).build().ok()
}

fn new_code() -> Secret<String> {
    let mut random = [0; 20];
    rand::fill(&mut random);
    new_password(&random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, of which six digits are shown.
        let secret = Secret::new(b"12345678901234567890".to_vec());
        for (seconds, code) in [(59_i64, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            let now = Timestamp(seconds * 1000);
            assert_eq!(step_of(&secret, code, now), Some(seconds / 30));
            assert_eq!(step_of(&secret, code, now.plus_millis(30_000)), Some(seconds / 30));
            assert_eq!(step_of(&secret, code, now.plus_millis(90_000)), None);
        }
        for wrong in ["", "28708", "2870822", "٢٨٧٠٨٢", "28708x", "\u{0}"] {
            assert_eq!(step_of(&secret, wrong, Timestamp(59_000)), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_recovery_code_is_known_however_it_is_typed() {
        assert_eq!(recovery_hash("abcde-fghij"), recovery_hash(" ABCDE FGHIJ "));
        assert_ne!(recovery_hash("abcde-fghij"), recovery_hash("abcde-fghik"));
    }
}
