//! Signatures of deliveries, as Standard Webhooks has them: HMAC-SHA256 over id, time and body.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use crate::model::Secret;

/// What a secret begins with when it is shown, so that one that was lost somewhere is recognised.
pub const SECRET_PREFIX: &str = "whsec_";

/// A secret as it is shown, once.
pub fn secret_text(secret: &[u8]) -> Secret<String> {
    Secret::new(format!("{SECRET_PREFIX}{}", BASE64.encode(secret)))
}

/// The value of `webhook-signature`. `seconds` is that of `webhook-timestamp`: a receiver refuses what is old.
pub(super) fn signature(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> Result<String, ErrorStack> {
    let key = PKey::hmac(secret)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(format!("{id}.{seconds}.").as_bytes())?;
    signer.update(body)?;
    Ok(format!("v1,{}", BASE64.encode(signer.sign_to_vec()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the standard's own libraries.
        let secret = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret_text(&secret).expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }
}
