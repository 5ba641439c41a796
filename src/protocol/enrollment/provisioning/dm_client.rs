//! The client's own settings (CSP `DMClient`, `Provider`).

use super::wap::{DataType, Wap};
use super::{PollSchedule, ProviderId};

/// What the client of OMA-DM is told about this server. Push and the first synchronization follow over OMA-DM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmClient {
    /// `UPN` of the user who enrolled.
    pub upn: Option<String>,
    /// `EntDMID`: the server's id of the enrollment. Without it a certificate is not renewed.
    pub ent_dm_id: String,
    /// `EntDeviceName`.
    pub ent_device_name: Option<String>,
    /// `RequireMessageSigning`; the client's default is `false`.
    pub require_message_signing: Option<bool>,
    /// `SyncApplicationVersion`; the client's default is `1.0`.
    pub sync_application_version: Option<String>,
    /// When the device comes by itself.
    pub poll: PollSchedule,
}

impl DmClient {
    pub(super) fn write(&self, provider: &ProviderId, wap: &mut Wap) {
        wap.characteristic("DMClient", |wap| {
            wap.characteristic("Provider", |wap| {
                wap.characteristic(provider.as_str(), |wap| {
                    if let Some(upn) = &self.upn {
                        wap.typed("UPN", upn, DataType::Text);
                    }
                    wap.typed("EntDMID", &self.ent_dm_id, DataType::Text);
                    if let Some(name) = &self.ent_device_name {
                        wap.typed("EntDeviceName", name, DataType::Text);
                    }
                    if let Some(required) = self.require_message_signing {
                        let value = if required { "true" } else { "false" };
                        wap.typed("RequireMessageSigning", value, DataType::Boolean);
                    }
                    if let Some(version) = &self.sync_application_version {
                        wap.typed("SyncApplicationVersion", version, DataType::Text);
                    }
                    self.poll.write(wap);
                });
            });
        });
    }
}
