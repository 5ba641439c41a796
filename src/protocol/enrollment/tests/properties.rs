//! What holds for every request and for every body.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::client::{
    Presented, read_discover_response, read_policies_response, read_provisioning, read_token_response, sign,
    write_discover, write_get_policies, write_token_request,
};
use super::super::*;
use super::talk::{answer, provisioning};
use crate::soap::{Credential, LIMITS, SecretText, SignatureRefused, read_signature};

/// Text that survives trimming: no blanks at its ends, something in between.
fn word() -> impl Strategy<Value = String> {
    "[!-~éЖ\u{F000}]([ -~éЖ😀]{0,20}[!-~é])?"
        .prop_filter("null counts as absent", |word| !word.eq_ignore_ascii_case("null"))
}

fn version() -> impl Strategy<Value = Version> {
    (3..500_u16, 0..20_u16).prop_map(|(major, minor)| Version { major, minor })
}

fn discover() -> impl Strategy<Value = Discover> {
    let offered = proptest::sample::subsequence(
        vec![AuthPolicy::OnPremise, AuthPolicy::Federated, AuthPolicy::Certificate],
        0..=3,
    );
    (option::of(word()), version(), option::of(word()), option::of(word()), option::of(any::<u32>()), offered).prop_map(
        |(email, request_version, device_type, os_version, os_edition, offered)| Discover {
            email,
            request_version,
            application_version: device_type.clone(),
            device_type,
            os_edition,
            os_version,
            offered,
        },
    )
}

prop_compose! {
    fn context()(
        device_id in word(),
        words in vec(option::of(word()), 9),
        enrollment_data in option::of("[!-~]{1,3000}"),
        os_edition in option::of(any::<u32>()),
        macs in proptest::collection::btree_set(word(), 0..5),
        is_device in any::<bool>(),
        request_version in option::of(version()),
        not_in_oobe in option::of(any::<bool>()),
        ux_initiated in option::of(any::<bool>()),
        other in vec(("X[A-Za-z0-9]{0,10}", word()), 0..10),
    ) -> DeviceContext {
        let mut words = words.into_iter();
        let mut next = || words.next().flatten();
        DeviceContext {
            device_id: Some(device_id),
            hw_dev_id: next(),
            device_name: next(),
            os_version: next(),
            application_version: next(),
            device_type: next(),
            locale: next(),
            manufacturer: next(),
            model: next(),
            serial_number: next(),
            enrollment_data: enrollment_data.filter(|data| !data.eq_ignore_ascii_case("null")),
            os_edition,
            macs: macs.iter().cloned().collect(),
            imeis: macs.into_iter().rev().collect(),
            enrollment_type: if is_device { EnrollmentType::Device } else { EnrollmentType::Full },
            request_version,
            not_in_oobe,
            ux_initiated,
            other,
        }
    }
}

/// Pieces of which envelopes are made, whole and broken.
const PIECES: [&str; 30] = [
    "<Envelope>",
    "</Envelope>",
    "<Header>",
    "</Header>",
    "<Body>",
    "</Body>",
    "<Security>",
    "</Security>",
    "<UsernameToken><Username>a</Username></UsernameToken>",
    "<BinarySecurityToken ValueType='urn:ietf:params:oauth:token-type:jwt'>YQ==</BinarySecurityToken>",
    "<BinarySecurityToken ValueType='#PKCS10'>YQ==</BinarySecurityToken>",
    "<Signature/>",
    "<Discover>",
    "</Discover>",
    "<request>",
    "</request>",
    "<RequestVersion>4.0</RequestVersion>",
    "<GetPolicies/>",
    "<RequestSecurityToken>",
    "</RequestSecurityToken>",
    "<RequestType>/Issue</RequestType>",
    "<RequestType>/Renew</RequestType>",
    "<AdditionalContext>",
    "</AdditionalContext>",
    "<ContextItem Name='DeviceID'><Value>a</Value></ContextItem>",
    "<!-- -->",
    "<a Id='x'/>",
    "<![CDATA[",
    "]]>",
    "&#13;",
];

/// What the readers must do with any body whatsoever: end, without panic, and never take two tokens for one.
fn survives(body: &[u8]) {
    let tokens = |text: &str| ["<UsernameToken", "token-type:jwt", "#X509v3"].map(|token| text.matches(token).count());
    if let Ok(asked) = read_token_request(body, &LIMITS)
        && asked.credential != Credential::None
    {
        let text = crate::xml::text(body, &LIMITS).unwrap();
        assert!(
            text.contains("<![CDATA[") || text.contains("<!--") || tokens(&text).iter().sum::<usize>() == 1,
            "{text}"
        );
    }
    let _ = answer(body).map_err(|(_, refused)| refused.fault());
    let _ = read_discover_response(body, &LIMITS);
    let _ = read_policies_response(body, &LIMITS);
    let _ = read_token_response(body, &LIMITS);
    let _ = read_provisioning(body, &LIMITS);
}

proptest! {
    #[test]
    fn discovery_arrives_as_it_was_sent(discover in discover(), to in word()) {
        let asked = read_discover(write_discover(&to, &discover).as_bytes(), &LIMITS).unwrap();
        prop_assert_eq!(asked.to, Some(to));
        prop_assert_eq!(asked.body, discover);
    }

    #[test]
    fn credentials_arrive_as_they_were_sent(name in word(), password in "[ -~éЖ\u{F000}\r\n\t]{0,40}", token in "[!-~]{1,900}") {
        let sent = |presented| {
            let text = write_get_policies("https://mdm.example/", presented);
            read_get_policies(text.as_bytes(), &LIMITS).unwrap().credential
        };
        let presented = Presented::Password { name: &name, password: &password };
        prop_assert_eq!(
            sent(presented),
            Credential::Password { name: name.clone(), password: SecretText::new(password.clone()) }
        );
        prop_assert_eq!(sent(Presented::Jwt(&token)), Credential::Jwt(SecretText::new(token.clone())));
        prop_assert_eq!(sent(Presented::UserToken(&token)), Credential::UserToken(SecretText::new(token.as_str())));
        prop_assert_eq!(sent(Presented::Nothing), Credential::None);
    }

    #[test]
    fn an_envelope_that_is_signed_is_read_as_it_was_signed(context in context(), bytes in vec(any::<u8>(), 1..90), now in any::<u32>()) {
        let presented = Presented::Certificate { certificate: &bytes, now_millis: i64::from(now) };
        let request = TokenRequest { kind: TokenKind::Issue { pkcs10: bytes.clone() }, context };
        let envelope = write_token_request("https://mdm.example/?a&b", presented, &request);
        let mut signed = Vec::new();
        let envelope = sign(&envelope, |what| -> Result<Vec<u8>, SignatureRefused> {
            signed = what.to_vec();
            Ok(b"signature".to_vec())
        }).unwrap();
        let asked = read_token_request(envelope.as_bytes(), &LIMITS).unwrap();
        prop_assert_eq!(asked.body, request);
        let Credential::Certificate(shown) = asked.credential else { panic!("{:?}", asked.credential) };
        prop_assert_eq!(&shown.certificate, &bytes);
        let read = read_signature(shown.envelope.expose(), &LIMITS).unwrap();
        prop_assert_eq!((read.certificate, read.signed, read.signature), (bytes, signed, b"signature".to_vec()));
    }

    #[test]
    fn token_requests_arrive_as_they_were_sent(context in context(), bytes in vec(any::<u8>(), 1..900), renew in any::<bool>()) {
        let kind = if renew { TokenKind::Renew { pkcs7: bytes } } else { TokenKind::Issue { pkcs10: bytes } };
        let request = TokenRequest { kind, context };
        let text = write_token_request("https://mdm.example/", Presented::Nothing, &request);
        prop_assert_eq!(read_token_request(text.as_bytes(), &LIMITS).unwrap().body, request);
    }

    #[test]
    fn documents_carry_any_text(secret in "[ -~éЖ\u{F000}\r\n\t]{0,40}", name in "\\PC{1,40}", id in word()) {
        let mut document = provisioning(&id, EnrollmentType::Full);
        document.application.client_auth.secret = SecretText::new(secret.clone());
        document.application.name = Some(name);
        document.dm_client.upn = Some(id.clone());
        let read = read_provisioning(document.to_xml().as_bytes(), &LIMITS).unwrap();
        let client = read.client.clone().unwrap();
        prop_assert_eq!(client.secret, SecretText::new(secret));
        prop_assert_eq!(client.name.as_deref(), Some(id.as_str()));
        prop_assert_eq!(read.dm_client("UPN"), Some(id.as_str()));
    }

    #[test]
    fn any_pieces_end_without_panic(pieces in vec(select(PIECES.as_slice()), 0..40)) {
        survives(pieces.concat().as_bytes());
        survives(format!("<Envelope><Header>{}</Header><Body/></Envelope>", pieces.concat()).as_bytes());
    }

    #[test]
    fn any_bytes_end_without_panic(body in vec(any::<u8>(), 0..300)) {
        survives(&body);
    }

    #[test]
    fn a_request_cut_or_changed_anywhere_ends_without_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let whole = include_bytes!("../../../../fixtures/soap/issue-certificate/request.xml");
        let at = at.index(whole.len());
        survives(&whole[..at]);
        let mut changed = whole.to_vec();
        changed[at] = byte;
        survives(&changed);
    }
}

#[test]
fn a_body_beyond_the_limits_is_refused_before_it_is_read() {
    let mut body = write_discover(
        "https://mdm.example/",
        &Discover {
            email: Some("a".repeat(LIMITS.bytes)),
            request_version: Version::OURS,
            device_type: None,
            application_version: None,
            os_edition: None,
            os_version: None,
            offered: Vec::new(),
        },
    );
    let code = |body: &str| read_discover(body.as_bytes(), &LIMITS).unwrap_err().why.code();
    assert_eq!(code(&body), "too_large");
    body = format!("<Envelope><Body><Discover>{}</Discover></Body></Envelope>", "<x/>".repeat(LIMITS.elements));
    assert_eq!(code(&body), "too_many_elements");
    body = format!("<Envelope>{}", "<x>".repeat(LIMITS.depth));
    assert_eq!(code(&body), "too_deep");
}
