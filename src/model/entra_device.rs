//! A device as Entra ID knows it.

/// The device of a tenant in one text, whoever says so: a token at enrollment, a token in a session.
pub(crate) fn entra_device(tenant: &str, id: &str) -> String {
    format!("{}/{}", tenant.to_ascii_lowercase(), id.to_ascii_lowercase())
}
