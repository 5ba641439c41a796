//! What can be asked of a device, as its author writes it, and which family knows how.

use serde::{Deserialize, Serialize};
use transom_protocol::csp::LocUri;
use utoipa::ToSchema;

use super::plan::{End, Plan};
use super::reading::{Baseline, Readings, Told};
use super::requirement::{Facts, Needs};
use super::{
    Refusal,
    certificates::{InstallPfx, InstallRoot, ScepEnrollment},
    defender::Scan,
    diagnostics::Collection,
    erase::Wipe,
    msi::{InstallMsi, RemoveMsi},
    power::Reboot,
    rename::Rename,
};
use super::{certificates, defender, diagnostics, erase, msi, power, rename, rotation};
use crate::model::{ActionId, ActionKind};

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ActionRequest)]
pub enum Request {
    /// Restart.
    Reboot(Reboot),
    /// Lock the screen.
    Lock {},
    /// Another name for the computer.
    Rename(Rename),
    /// Back to the state of the factory.
    Wipe(Wipe),
    /// Ready for the next user, and still managed.
    AutopilotReset {},
    /// New recovery passwords of `BitLocker`.
    RotateRecoveryPasswords {},
    /// A new password of the local administrator.
    ResetLapsPassword {},
    /// Look for malware.
    Scan(Scan),
    /// Fetch the newest signatures of malware.
    UpdateSignatures {},
    /// Collect logs and send them here.
    CollectDiagnostics(Collection),
    /// Install an MSI.
    InstallMsi(InstallMsi),
    /// Remove an MSI.
    RemoveMsi(RemoveMsi),
    /// Trust a root certificate.
    InstallRoot(InstallRoot),
    /// Have a certificate issued over SCEP.
    EnrollScep(ScepEnrollment),
    /// Install a certificate with its key.
    InstallPfx(InstallPfx),
}

/// What the plan of an action may depend on beside the request.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    /// The action.
    pub(super) id: &'a ActionId,
    /// The device's Windows.
    pub(super) facts: &'a Facts,
    /// Where the device may send what it collects.
    pub(super) upload_url: Option<String>,
}

impl Request {
    /// Of which sort it is.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Reboot(_) => ActionKind::Reboot,
            Self::Lock {} => ActionKind::Lock,
            Self::Rename(_) => ActionKind::Rename,
            Self::Wipe(_) => ActionKind::Wipe,
            Self::AutopilotReset {} => ActionKind::AutopilotReset,
            Self::RotateRecoveryPasswords {} => ActionKind::RotateRecoveryPasswords,
            Self::ResetLapsPassword {} => ActionKind::ResetLapsPassword,
            Self::Scan(_) => ActionKind::Scan,
            Self::UpdateSignatures {} => ActionKind::UpdateSignatures,
            Self::CollectDiagnostics(_) => ActionKind::CollectDiagnostics,
            Self::InstallMsi(_) => ActionKind::InstallMsi,
            Self::RemoveMsi(_) => ActionKind::RemoveMsi,
            Self::InstallRoot(_) => ActionKind::InstallRoot,
            Self::EnrollScep(_) => ActionKind::EnrollScep,
            Self::InstallPfx(_) => ActionKind::InstallPfx,
        }
    }

    /// What Windows it needs.
    pub(super) const fn needs(&self) -> Needs {
        match self {
            Self::Reboot(_)
            | Self::Rename(_)
            | Self::UpdateSignatures {}
            | Self::InstallRoot(_)
            | Self::EnrollScep(_)
            | Self::InstallPfx(_) => Needs::NOTHING,
            Self::Lock {} | Self::InstallMsi(_) | Self::RemoveMsi(_) => Needs::business(0),
            Self::Wipe(wipe) => wipe.variant.needs(),
            Self::AutopilotReset {} | Self::ResetLapsPassword {} => Needs::business(17_763),
            Self::RotateRecoveryPasswords {} => Needs::business(18_363),
            Self::Scan(scan) => scan.needs(),
            Self::CollectDiagnostics(_) => Needs { build: 18_362, not_home: false },
        }
    }

    /// The commands that it becomes.
    pub(super) fn plan(&self, situation: &Situation<'_>) -> Result<Plan, Refusal> {
        match self {
            Self::Reboot(reboot) => reboot.plan(),
            Self::Lock {} => power::lock(),
            Self::Rename(rename) => rename.plan(situation.facts),
            Self::Wipe(wipe) => wipe.plan(),
            Self::AutopilotReset {} => erase::autopilot_reset(),
            Self::RotateRecoveryPasswords {} => rotation::recovery_passwords(situation.id),
            Self::ResetLapsPassword {} => rotation::laps_password(),
            Self::Scan(scan) => scan.plan(),
            Self::UpdateSignatures {} => defender::update_signatures(),
            Self::CollectDiagnostics(collection) => collection.plan(situation),
            Self::InstallMsi(install) => install.plan(),
            Self::RemoveMsi(remove) => remove.plan(),
            Self::InstallRoot(root) => root.plan(),
            Self::EnrollScep(scep) => scep.plan(),
            Self::InstallPfx(pfx) => pfx.plan(),
        }
    }

    /// What ends it, once the device has taken it.
    pub(super) const fn end(&self) -> End {
        match self {
            Self::Reboot(Reboot { at: None }) | Self::Scan(Scan { depth: defender::Depth::Offline }) => End::Return,
            Self::Lock {} => End::Status,
            Self::Wipe(_) => End::Rebirth,
            Self::InstallMsi(_) => End::Report,
            Self::CollectDiagnostics(_) => End::Upload,
            _ => End::Reading,
        }
    }

    /// The nodes that tell how far it is.
    pub(super) fn nodes(&self) -> Result<Vec<LocUri>, Refusal> {
        match self {
            Self::Reboot(reboot) => reboot.nodes(),
            Self::Lock {} | Self::Wipe(_) => Ok(Vec::new()),
            Self::Rename(_) => rename::nodes(),
            Self::AutopilotReset {} => erase::nodes(),
            Self::RotateRecoveryPasswords {} => rotation::recovery_nodes(),
            Self::ResetLapsPassword {} => rotation::laps_nodes(),
            Self::Scan(scan) => scan.nodes(),
            Self::UpdateSignatures {} => defender::signature_nodes(),
            Self::CollectDiagnostics(_) => diagnostics::nodes(),
            Self::InstallMsi(install) => msi::nodes(&install.product_code),
            Self::RemoveMsi(remove) => msi::nodes(&remove.product_code),
            Self::InstallRoot(root) => root.nodes(),
            Self::EnrollScep(scep) => certificates::scep_nodes(&scep.id),
            Self::InstallPfx(pfx) => certificates::pfx_nodes(&pfx.id),
        }
    }

    /// What readings say of it.
    pub(super) fn judge(&self, id: &ActionId, readings: &Readings, before: &Baseline) -> Result<Told, Refusal> {
        match self {
            Self::Reboot(reboot) => reboot.judge(readings),
            Self::Lock {} | Self::Wipe(_) => Ok(Told::Nothing),
            Self::Rename(rename) => rename.judge(readings),
            Self::AutopilotReset {} => erase::judge(readings, before),
            Self::RotateRecoveryPasswords {} => rotation::judge_recovery(id, readings),
            Self::ResetLapsPassword {} => rotation::judge_laps(readings),
            Self::Scan(scan) => scan.judge(readings, before),
            Self::UpdateSignatures {} => defender::judge_signatures(readings),
            Self::CollectDiagnostics(_) => diagnostics::judge(id, readings),
            Self::InstallMsi(install) => msi::judge_install(&install.product_code, readings),
            Self::RemoveMsi(remove) => msi::judge_remove(&remove.product_code, readings),
            Self::InstallRoot(root) => root.judge(readings),
            Self::EnrollScep(scep) => certificates::judge_scep(&scep.id, readings),
            Self::InstallPfx(pfx) => certificates::judge_pfx(&pfx.id, readings),
        }
    }
}
