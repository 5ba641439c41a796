//! The messages that showed what became of settings.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeviceSettingJson, SettingCheckJson};
use crate::admin::Error;
use crate::model::CommandId;
use crate::store::Tx;

/// Commands whose messages are looked up at once.
const MOST_COMMANDS: usize = 500;

/// Says of settings that a device refused, or of which it has something else, in which session and message it said so.
pub(super) fn show_messages(tx: &mut Tx<'_>, mut settings: Vec<&mut DeviceSettingJson>) -> Result<(), Error> {
    let carriers = settings.iter().flat_map(|setting| [refused_by(setting), shown_by(setting.checked.as_ref())]);
    let carriers: BTreeSet<CommandId> = carriers.flatten().collect();
    let carriers: Vec<CommandId> = carriers.into_iter().collect();
    let mut answers: BTreeMap<CommandId, _> = BTreeMap::new();
    for some in carriers.chunks(MOST_COMMANDS) {
        answers.extend(tx.last_answers(some)?);
    }
    for setting in &mut settings {
        if let Some((session, message)) = refused_by(setting).and_then(|carrier| answers.get(&carrier)) {
            (setting.session_id, setting.shown_in) = (Some(session.to_string()), Some(message.to_string()));
        }
        let shown = shown_by(setting.checked.as_ref()).and_then(|carrier| answers.get(&carrier));
        if let (Some(check), Some((session, message))) = (&mut setting.checked, shown) {
            (check.session_id, check.shown_in) = (Some(session.to_string()), Some(message.to_string()));
        }
    }
    Ok(())
}

/// What carried a setting to which the device gave a code.
fn refused_by(setting: &DeviceSettingJson) -> Option<CommandId> {
    setting.command_id.clone().filter(|_| setting.status.is_some()).map(CommandId)
}

/// What carried the question whose answer shows something else.
fn shown_by(check: Option<&SettingCheckJson>) -> Option<CommandId> {
    check?.command_id.clone().map(CommandId)
}
