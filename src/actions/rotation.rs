//! New recovery passwords and administrator passwords (CSP `BitLocker`, `LAPS`).
//!
//! Windows hands the new secrets to Entra ID or Active Directory, never to its management server: what is told here is
//! only that there are new ones.

use transom_protocol::csp::LocUri;
use transom_protocol::syncml::Format;

use super::Refusal;
use super::plan::{Plan, exec, vendor};
use super::reading::{Readings, Told, error_code};
use crate::model::ActionId;

/// The id of the request is the action's own, so that the device's word for another request is not taken for this one.
pub(super) fn recovery_passwords(id: &ActionId) -> Result<Plan, Refusal> {
    let data = (Format::Chr, id.to_string());
    Ok(Plan::of(exec(vendor("BitLocker/RotateRecoveryPasswords")?, Some(data))).then_reading(recovery_nodes()?))
}

/// Where the device says how far it is with recovery passwords.
pub(super) fn recovery_nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![recovery_request()?, recovery_status()?])
}

fn recovery_request() -> Result<LocUri, Refusal> {
    vendor("BitLocker/Status/RotateRecoveryPasswordsRequestID")
}

fn recovery_status() -> Result<LocUri, Refusal> {
    vendor("BitLocker/Status/RotateRecoveryPasswordsStatus")
}

/// 0 done, 1 in work, 2 not begun, all else an error.
pub(super) fn judge_recovery(id: &ActionId, readings: &Readings) -> Result<Told, Refusal> {
    let (request, status) = (recovery_request()?, recovery_status()?);
    let Some(value) = readings.number(&status) else { return Ok(Told::Nothing) };
    let ours = readings.value(&request).is_some_and(|said| is_id(said, id));
    Ok(match value {
        _ if !ours => Told::GoesOn("the device speaks of another request".to_owned()),
        0 => Told::Done("the device says that the recovery passwords are new".to_owned()),
        1 => Told::GoesOn("the device is changing the recovery passwords".to_owned()),
        2 => Told::GoesOn("the device has not begun".to_owned()),
        code => Told::Failed(format!("the device could not: {}", error_code(code))),
    })
}

fn is_id(said: &str, id: &ActionId) -> bool {
    said.trim_matches(['{', '}']).eq_ignore_ascii_case(id.as_str())
}

/// A new password of the administrator that LAPS looks after.
pub(super) fn laps_password() -> Result<Plan, Refusal> {
    Ok(Plan::of(exec(vendor("LAPS/Actions/ResetPassword")?, None)).then_reading(laps_nodes()?))
}

/// Where the device says how far it is with the administrator's password.
pub(super) fn laps_nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![vendor("LAPS/Actions/ResetPasswordStatus")?])
}

/// `E_PENDING`.
const PENDING: i64 = 0x8000_000A;

/// Whether LAPS is still at it: the documents write `E_PENDING` in more than one way.
const fn is_pending(code: i64) -> bool {
    matches!(code, PENDING | 0x800_0000 | 0x8000_0000)
}

/// An HRESULT of the last request: 0 done, `E_PENDING` in work.
pub(super) fn judge_laps(readings: &Readings) -> Result<Told, Refusal> {
    let nodes = laps_nodes()?;
    let Some(value) = nodes.first().and_then(|node| readings.number(node)) else { return Ok(Told::Nothing) };
    Ok(match value {
        0 => Told::Done("the device says that the password is new".to_owned()),
        code if is_pending(code) => Told::GoesOn("the device is changing the password".to_owned()),
        code => Told::Failed(format!("the device could not: {}", error_code(code))),
    })
}
