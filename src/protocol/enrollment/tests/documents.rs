//! Provisioning documents against the list of MS-MDE2 2.2.9, read with the reader of the other side.

use super::super::client::{Provisioned, Store, read_provisioning};
use super::super::*;
use super::talk::{provisioning, renewal};
use crate::soap::{LIMITS, SecretText};

fn read(document: &str) -> Provisioned {
    read_provisioning(document.as_bytes(), &LIMITS).unwrap_or_else(|refused| panic!("{refused}: {document}"))
}

/// Every characteristic and parm with its path, in order.
fn outline(document: &str) -> Vec<String> {
    let (mut path, mut lines): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for tag in document.split('<').skip(1) {
        let value = |name: &str| tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        match tag.split([' ', '>']).next() {
            Some("characteristic") => {
                let kind = value(" type").unwrap();
                lines.push([path.as_slice(), &[kind]].concat().join("/"));
                if !tag.starts_with("characteristic") || !tag.trim_end().ends_with("/>") {
                    path.push(kind);
                }
            }
            Some("/characteristic") => {
                path.pop();
            }
            Some("parm") => lines.push(format!("{}:{}", path.join("/"), value(" name").unwrap())),
            _ => {}
        }
    }
    lines
}

#[test]
fn everything_stands_in_the_order_that_devices_took() {
    let document = provisioning("0F1E", EnrollmentType::Full);
    let (root, own) = (document.root.thumbprint(), document.certificate.thumbprint());
    let intermediate = document.intermediate.as_ref().unwrap().thumbprint();
    let wanted: Vec<String> = [
        "CertificateStore",
        "CertificateStore/Root",
        "CertificateStore/Root/System",
        &format!("CertificateStore/Root/System/{root}"),
        &format!("CertificateStore/Root/System/{root}:EncodedCertificate"),
        "CertificateStore/CA",
        "CertificateStore/CA/System",
        &format!("CertificateStore/CA/System/{intermediate}"),
        &format!("CertificateStore/CA/System/{intermediate}:EncodedCertificate"),
        "CertificateStore/My",
        "CertificateStore/My/User",
        &format!("CertificateStore/My/User/{own}"),
        &format!("CertificateStore/My/User/{own}:EncodedCertificate"),
        "CertificateStore/My/User/PrivateKeyContainer",
        "CertificateStore/My/WSTEP",
        "CertificateStore/My/WSTEP/Renew",
        "CertificateStore/My/WSTEP/Renew:ROBOSupport",
        "CertificateStore/My/WSTEP/Renew:RenewPeriod",
        "CertificateStore/My/WSTEP/Renew:RetryInterval",
        "APPLICATION",
        "APPLICATION:APPID",
        "APPLICATION:PROVIDER-ID",
        "APPLICATION:NAME",
        "APPLICATION:ADDR",
        "APPLICATION:CONNRETRYFREQ",
        "APPLICATION:INITIALBACKOFFTIME",
        "APPLICATION:MAXBACKOFFTIME",
        "APPLICATION:BACKCOMPATRETRYDISABLED",
        "APPLICATION:DEFAULTENCODING",
        "APPLICATION:SSLCLIENTCERTSEARCHCRITERIA",
        "APPLICATION/APPAUTH",
        "APPLICATION/APPAUTH:AAUTHLEVEL",
        "APPLICATION/APPAUTH:AAUTHTYPE",
        "APPLICATION/APPAUTH:AAUTHSECRET",
        "APPLICATION/APPAUTH:AAUTHDATA",
        "APPLICATION/APPAUTH",
        "APPLICATION/APPAUTH:AAUTHLEVEL",
        "APPLICATION/APPAUTH:AAUTHTYPE",
        "APPLICATION/APPAUTH:AAUTHNAME",
        "APPLICATION/APPAUTH:AAUTHSECRET",
        "APPLICATION/APPAUTH:AAUTHDATA",
        "DMClient",
        "DMClient/Provider",
        "DMClient/Provider/Transom",
        "DMClient/Provider/Transom:UPN",
        "DMClient/Provider/Transom:EntDMID",
        "DMClient/Provider/Transom:EntDeviceName",
        "DMClient/Provider/Transom:RequireMessageSigning",
        "DMClient/Provider/Transom:SyncApplicationVersion",
        "DMClient/Provider/Transom/Poll",
        "DMClient/Provider/Transom/Poll:NumberOfFirstRetries",
        "DMClient/Provider/Transom/Poll:IntervalForFirstSetOfRetries",
        "DMClient/Provider/Transom/Poll:NumberOfSecondRetries",
        "DMClient/Provider/Transom/Poll:IntervalForSecondSetOfRetries",
        "DMClient/Provider/Transom/Poll:NumberOfRemainingScheduledRetries",
        "DMClient/Provider/Transom/Poll:IntervalForRemainingScheduledRetries",
        "DMClient/Provider/Transom/Poll:PollOnLogin",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
    assert_eq!(outline(&document.to_xml()), wanted);
}

#[test]
fn what_is_known_to_break_windows_is_not_there() {
    for kind in [EnrollmentType::Full, EnrollmentType::Device] {
        let document = provisioning("0F1E", kind).to_xml();
        assert!(
            document.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><wap-provisioningdoc version=\"1.1\">")
        );
        assert!(document.contains("<parm name=\"BACKCOMPATRETRYDISABLED\"/>"), "{document}");
        assert_eq!(document.matches("name=\"AAUTHDATA\"").count(), 2);
        for breaks in ["RootCATrustedCertificates", "Registry", "name=\"INIT\"", "PFN", "\n", "<!--", "CDATA", "HMAC"] {
            assert!(!document.contains(breaks), "{breaks}: {document}");
        }
    }
}

#[test]
fn a_device_takes_from_a_document_what_was_put_in() {
    for (kind, search) in [
        (EnrollmentType::Full, "Subject=CN%3D0F1E&Stores=My%5CUser"),
        (EnrollmentType::Device, "Subject=CN%3D0F1E&Stores=My%5CSystem"),
    ] {
        let document = provisioning("0F1E", kind);
        let read = read(&document.to_xml());
        assert_eq!(read.provider_id, "Transom");
        assert_eq!(read.address.as_deref(), Some("https://mdm.contoso.example/ManagementServer/Mdm.svc"));
        assert_eq!(read.certificate_search.as_deref(), Some(search));
        assert_eq!(read.certificate(), Some(document.certificate.der()));
        assert_eq!(read.certificates[2].0, Store::My(kind));
        assert_eq!(read.roots().collect::<Vec<_>>(), [document.root.der()]);
        let (server, client) = (read.server.as_ref().unwrap(), read.client.as_ref().unwrap());
        assert_eq!((server.kind.as_str(), server.name.as_deref()), ("DIGEST", None));
        assert_eq!(server.secret, SecretText::new("server <secret>"));
        assert_eq!((client.kind.as_str(), client.name.as_deref()), ("DIGEST", Some("0F1E")));
        assert_eq!(client.secret, SecretText::new("client & secret"));
        assert_eq!(client.nonce.as_deref(), Some("AgICAgICAgICAgICAgICAg=="));
        assert_eq!(read.dm_client("EntDMID"), Some("01935000-0000-7000-8000-000000000002"));
        assert_eq!(read.dm_client("UPN"), Some("ada@contoso.example"));
        assert_eq!(read.dm_client("Poll/IntervalForRemainingScheduledRetries"), Some("1440"));
    }
}

#[test]
fn what_was_not_set_is_left_out() {
    let mut document = provisioning("0F1E", EnrollmentType::Full);
    document.intermediate = None;
    document.application.name = None;
    document.application.certificate_subject = None;
    document.dm_client.upn = None;
    document.dm_client.ent_device_name = None;
    document.dm_client.require_message_signing = None;
    document.dm_client.sync_application_version = None;
    let text = document.to_xml();
    for absent in [
        "\"CA\"",
        "\"NAME\"",
        "SSLCLIENTCERTSEARCHCRITERIA",
        "UPN",
        "EntDeviceName",
        "RequireMessageSigning",
        "SyncApplicationVersion",
    ] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    assert_eq!(read(&text).certificates.len(), 2);
}

#[test]
fn a_renewal_has_the_next_certificate_and_whose_it_is() {
    let mut document = renewal();
    let own = document.certificate.thumbprint();
    assert_eq!(
        outline(&document.to_xml()),
        [
            "CertificateStore",
            "CertificateStore/My",
            "CertificateStore/My/User",
            &format!("CertificateStore/My/User/{own}"),
            &format!("CertificateStore/My/User/{own}:EncodedCertificate"),
            "CertificateStore/My/User/PrivateKeyContainer",
            "APPLICATION",
            "APPLICATION:PROVIDER-ID",
        ]
    );
    document.root = Some(StoreCertificate::new(b"a new root".to_vec()));
    let read = read(&document.to_xml());
    assert_eq!(read.roots().collect::<Vec<_>>(), [b"a new root".as_slice()]);
    assert_eq!(read.certificate(), Some(document.certificate.der()));
    assert_eq!((read.address, read.client), (None, None));
}

#[test]
fn a_server_for_renewals_is_named_where_it_is_set() {
    let mut document = provisioning("0F1E", EnrollmentType::Full);
    let server = HttpsUrl::parse("https://mdm.contoso.example/EnrollmentServer/Enrollment.svc?renew=1&x").unwrap();
    document.renew = RenewSettings::new(42, 7, Some(server)).unwrap();
    assert!(document.to_xml().contains(
        "<parm name=\"RenewPeriod\" value=\"42\" datatype=\"integer\"/><parm name=\"RetryInterval\" value=\"7\" \
         datatype=\"integer\"/><parm name=\"ServerURL\" \
         value=\"https://mdm.contoso.example/EnrollmentServer/Enrollment.svc?renew=1&amp;x\" datatype=\"string\"/>"
    ));
}
