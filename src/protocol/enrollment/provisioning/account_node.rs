//! Where Windows keeps the account that `APPLICATION` made (DDF of the `DMAcc` CSP).

use sha2::{Digest as _, Sha256};

/// What proves itself with a credential of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialSide {
    /// The device to the server: `CLCRED`, provisioned as `AAUTHLEVEL=APPSRV`.
    Client,
    /// The server to the device: `SRVCRED`, provisioned as `AAUTHLEVEL=CLIENT`.
    Server,
}

/// The node of a secret: `./SyncML/DMAcc/<AccountUID>/AppAuth/<CLCRED|SRVCRED>/AAuthSecret`. It can be set and never read.
///
/// The `AccountUID` is not in any document: `0x0000800c` and the SHA-256 of the `PROVIDER-ID` in UTF-16LE, as Windows makes it.
pub fn secret_node(provider_id: &str, side: CredentialSide) -> String {
    let bytes: Vec<u8> = provider_id.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hash = Sha256::digest(&bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
    let side = match side {
        CredentialSide::Client => "CLCRED",
        CredentialSide::Server => "SRVCRED",
    };
    format!("./SyncML/DMAcc/0x0000800c{hash}/AppAuth/{side}/AAuthSecret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_where_windows_puts_it() {
        for (provider, hash) in [
            ("Fleet", "ABF8CA7D87C0FA21BB21B896AE2C8468CA07710326415228ACF2392EA1327077"),
            ("MS DM Server", "74BDB90431EAACE93985B82D226F864491B9D8F5002B25346BAA2E9F399D4D86"),
            ("TestMDMServer", "7C442B5BAA5E3A62BD058BA4730A268774D9D915F7A7E47F09CC8BB9540A2486"),
        ] {
            let node = secret_node(provider, CredentialSide::Client);
            assert_eq!(node, format!("./SyncML/DMAcc/0x0000800c{hash}/AppAuth/CLCRED/AAuthSecret"));
        }
        assert!(secret_node("Transom", CredentialSide::Server).ends_with("/AppAuth/SRVCRED/AAuthSecret"));
    }
}
