//! Tokens of Entra ID in management sessions: verified as those of enrollment are.

use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::{
    enrollment::sign_in::{Denied, SignIns},
    management::{TokenDenied, TokenDevice, TokenUser, TokenVerifier},
};

/// Who tells whether a token is what it says; nobody where no tenant is configured.
pub(super) fn verifier(sign_ins: &SignIns) -> Option<TokenVerifier> {
    if !sign_ins.takes_entra() {
        return None;
    }
    let (users, devices) = (sign_ins.clone(), sign_ins.clone());
    Some(TokenVerifier {
        user: Arc::new(move |token, now| {
            let users = users.clone();
            async move {
                let user = users.entra(&token, now).await.map_err(|why| denied(&why))?;
                Ok(TokenUser { name: user.name, tenant: user.tenant, object_id: user.object_id })
            }
            .boxed()
        }),
        device: Arc::new(move |token, now| {
            let devices = devices.clone();
            async move {
                let device = devices.entra_device(&token, now).await.map_err(|why| denied(&why))?;
                Ok(TokenDevice { tenant: device.tenant, id: device.device })
            }
            .boxed()
        }),
    })
}

fn denied(why: &Denied) -> TokenDenied {
    TokenDenied { word: why.word(), detail: format!("{why}; {}", why.remedy()) }
}
