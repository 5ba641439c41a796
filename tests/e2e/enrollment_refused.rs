//! What is refused: each with its fault, nothing half-written, nothing issued.

use serde_json::json;

use super::enrollment::{PASSWORD, USER, computer, serve};
use super::on_both;
use crate::support::databases::Direct;
use crate::support::pc::{self, DISCOVERY, ENROLLMENT, Identity, POLICY, Pc, SoapFault};
use crate::support::server::{Server, Site};

on_both!(
    who_may_not_enroll_gets_the_fault_that_says_so,
    a_token_is_good_once,
    what_a_request_asks_for_beyond_its_key_is_ignored_and_a_bad_one_refused,
    a_key_speaks_for_one_device,
    what_is_no_envelope_is_no_envelope,
    renewal_is_for_the_holder_of_the_current_certificate,
);

/// Nothing was made: neither a device nor an enrollment nor a certificate.
pub(super) fn nothing_is_there(site: &Site) {
    let mut direct = Direct::connect(site.url());
    for table in ["devices", "enrollments", "certificates", "admissions"] {
        assert_eq!(direct.number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

/// Whether it is this fault, with a sentence for a person and an id to find it by.
fn is(fault: &SoapFault, subcode: &str) -> bool {
    assert!(!fault.text.is_empty() && fault.trace_id.len() >= 32, "{fault:?}");
    let said = fault.subcode.rsplit(':').next().unwrap();
    assert!(said.eq_ignore_ascii_case(subcode), "{subcode}: {fault:?}");
    true
}

async fn fault(pc: &Pc, body: String) -> SoapFault {
    pc.token(&mut pc.connect_bare().await, body).await.unwrap_err()
}

async fn who_may_not_enroll_gets_the_fault_that_says_so(site: Site) {
    let (site, server) = serve(site).await;
    let pc = computer(&site, &server, "REFUSED");
    let csr = pc.request();
    for (user, password) in [(USER, "wrong"), ("nobody@example.test", PASSWORD), (USER, "")] {
        let mut line = pc.connect_bare().await;
        let asked = pc.policies(&mut line, user, password).await.unwrap_err();
        assert!(is(&asked, "Authentication"));
        let refused = fault(&pc, pc.issue_body(user, password, &csr)).await;
        assert!(is(&refused, "Authentication"));
    }
    // Nothing shown, and shown twice.
    let none = fault(&pc, pc.issue_with("", &csr)).await;
    assert!(is(&none, "Authentication"));
    let good = pc::security(USER, PASSWORD);
    let twice = fault(&pc, pc.issue_with(&format!("{good}{good}"), &csr)).await;
    assert!(is(&twice, "InvalidSecurity"));
    // Ways to sign in that are not configured.
    let jwt = "<wsse:BinarySecurityToken ValueType=\"urn:ietf:params:oauth:token-type:jwt\">ZXlKaGJHY2lPaUp1YjI1bEluMC5lMzAu\
               </wsse:BinarySecurityToken>";
    let unoffered = fault(&pc, pc.issue_with(jwt, &csr)).await;
    assert!(is(&unoffered, "Authentication"));
    let mut line = pc.connect_bare().await;
    let nothing = pc.discover(&mut line, &["Certificate"]).await.err().unwrap();
    assert_eq!(nothing.error_type, "NotSupported");
    nothing_is_there(&site);
    // What was tried can be read, with the reason, and found by what the device shows.
    let attempts = server.operator().list("/api/v1/enrollment-attempts").await;
    assert!(attempts.iter().all(|attempt| attempt["outcome"] == "refused"), "{attempts:?}");
    assert!(attempts.iter().any(|attempt| attempt["trace_id"] == none.trace_id.as_str()), "{attempts:?}");
    let found = attempts.iter().find(|attempt| attempt["reason"] == "wrong_password").unwrap();
    assert_eq!(found["user"], USER);
    let log = site.log();
    assert!(!log.contains(PASSWORD) && !attempts.iter().any(|attempt| attempt.to_string().contains(PASSWORD)));
}

async fn a_token_is_good_once(site: Site) {
    let (site, server) = serve(site).await;
    let made = server.operator().post("/api/v1/enrollment-tokens", &json!({ "user": "bob@example.test" })).await;
    let token = made["token"].as_str().unwrap().to_owned();
    let mut first = computer(&site, &server, "TOKEN-1");
    first.enroll("bob@example.test", &token).await.unwrap();
    first.session(&mut first.connect().await, 1).await;
    let mut second = computer(&site, &server, "TOKEN-2");
    let spent = second.enroll("bob@example.test", &token).await.unwrap_err();
    assert!(is(&spent, "Authentication"));
    assert_eq!(Direct::connect(site.url()).number("SELECT count(*) FROM certificates"), 1);
    assert!(!site.log().contains(&token));
}

/// A request by the `openssl` program.
fn openssl_request(new_key: &[&str], more: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem").to_str().unwrap().to_owned();
    let fixed = ["req", "-new", "-nodes", "-outform", "DER", "-subj", "/CN=X!WEAK", "-keyout", &key];
    let made = pc::openssl(&[&fixed[..], new_key, more].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

async fn what_a_request_asks_for_beyond_its_key_is_ignored_and_a_bad_one_refused(site: Site) {
    let (site, server) = serve(site).await;
    let pc = computer(&site, &server, "REQUESTS");
    let mut tampered = pc.request();
    let last = tampered.len() - 10;
    tampered[last] ^= 1;
    let weak = openssl_request(&["-newkey", "rsa:1024"], &[]);
    for bad in [tampered, weak, b"no request at all".to_vec(), pc.request()[..40].to_vec()] {
        let refused = fault(&pc, pc.issue_body(USER, PASSWORD, &bad)).await;
        assert!(is(&refused, "CertificateRequest"));
    }
    nothing_is_there(&site);
    let attempts = server.operator().list("/api/v1/enrollment-attempts").await;
    assert_eq!(attempts.iter().filter(|attempt| attempt["reason"] == "certificate_request").count(), 4);

    let greedy = openssl_request(
        &["-newkey", "rsa:2048"],
        &[
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-addext",
            "extendedKeyUsage=codeSigning,serverAuth",
            "-addext",
            "subjectAltName=DNS:bank.example",
        ],
    );
    let document = pc.token(&mut pc.connect_bare().await, pc.issue_body(USER, PASSWORD, &greedy)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = pc::file(&folder, "own.pem", pc::pem("CERTIFICATE", &document.certificate).as_bytes());
    let text = String::from_utf8(pc::openssl(&["x509", "-in", &path, "-noout", "-text"]).stdout).unwrap();
    assert!(text.contains("CA:FALSE") && text.contains("TLS Web Client Authentication"), "{text}");
    for word in ["CA:TRUE", "Certificate Sign", "Code Signing", "TLS Web Server", "bank.example", "WEAK"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

async fn a_key_speaks_for_one_device(site: Site) {
    let (site, server) = serve(site).await;
    let mut first = computer(&site, &server, "KEY-1");
    first.enroll(USER, PASSWORD).await.unwrap();
    let second = computer(&site, &server, "KEY-2");
    let stolen = second.issue_body(USER, PASSWORD, &first.request());
    let refused = fault(&second, stolen).await;
    assert!(is(&refused, "CertificateRequest"));
    assert_eq!(Direct::connect(site.url()).number("SELECT count(*) FROM devices"), 1);
    // The same device may come again with its own.
    let again = first.issue_body(USER, PASSWORD, &first.request());
    assert!(first.token(&mut first.connect_bare().await, again).await.is_ok());
}

async fn what_is_no_envelope_is_no_envelope(site: Site) {
    let (site, server) = serve(site).await;
    let pc = computer(&site, &server, "ENVELOPES");
    let good = pc.issue_body(USER, PASSWORD, &pc.request());
    let bomb = good.replacen(
        "<s:Envelope",
        "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><s:Envelope",
        1,
    );
    let soap = "Content-Type: application/soap+xml\r\n";
    let cut = &good[..good.len() / 2];
    for path in [DISCOVERY, POLICY, ENROLLMENT, "/enrollmentserver/ENROLLMENT.SVC"] {
        for (body, status) in [(bomb.as_str(), 400), (cut, 400), ("<html/>", 400), ("\u{feff}{}", 400)] {
            let mut line = pc.connect_bare().await;
            let answered = line.send("POST", path, soap, body.as_bytes()).await;
            assert_eq!((answered.status, answered.body.len()), (status, 0), "{path}");
        }
        let mut line = pc.connect_bare().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10485760\r\n{soap}\r\n");
        line.write(head.as_bytes()).await;
        let answered = line.reply().await;
        assert_eq!((answered.status, answered.body.len()), (413, 0), "10 MB at {path}");
        let other = pc.connect_bare().await.send("POST", path, "Content-Type: application/json\r\n", b"{}").await;
        assert_eq!(other.status, 415);
        let packed = format!("{soap}Content-Encoding: gzip\r\n");
        assert_eq!(pc.connect_bare().await.send("POST", path, &packed, b"x").await.status, 415);
    }
    assert_eq!(pc.connect_bare().await.send("GET", ENROLLMENT, "", b"").await.status, 405);
    // An envelope that asks for something else is told so in its own language.
    let mut line = pc.connect_bare().await;
    let answered = line.soap(ENROLLMENT, &Pc::discover_body(&["OnPremise"], "4.0")).await;
    assert_eq!(answered.status, 200);
    assert!(pc::content(&answered, "traceid").is_some());
    let old = pc.connect_bare().await.soap(DISCOVERY, &Pc::discover_body(&["OnPremise"], "1.0")).await;
    assert!(pc::content(&old, "traceid").is_some(), "Windows 8 is told that it is too old");
    nothing_is_there(&site);
    // And SOAP 1.1's content type is as good.
    let mut line = pc.connect_bare().await;
    let text = line.send("POST", ENROLLMENT, "Content-Type: text/xml; charset=utf-8\r\n", good.as_bytes()).await;
    assert!(pc::content(&text, "BinarySecurityToken").is_some());
    drop(server);
}

async fn renewal_is_for_the_holder_of_the_current_certificate(site: Site) {
    let (site, server) = serve(site).await;
    let mut a = enrolled(&site, &server, "RENEWS-A").await;
    let b = enrolled(&site, &server, "RENEWS-B").await;
    let certificates = |site: &Site| Direct::connect(site.url()).number("SELECT count(*) FROM certificates");
    let request = |pc: &Pc| {
        let mut pc = Pc::new(pc.addr, &site.root(), &pc.device_id);
        pc.key = pc::new_key();
        pc.request()
    };
    let signed_by = |signer: &Identity, pc: &Pc| Pc::renew_body(&pc::openssl_sign(&request(pc), signer));
    let (of_a, of_b) = (a.own(), b.own());
    let foreign = {
        let key = pc::new_key();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        Identity { certificate: certificate.der().to_vec(), key: key.serialize_der() }
    };
    // Without the certificate in the connection, with another's, signed by another, signed by nobody we know.
    let mut bare = a.connect_bare().await;
    let mut line = a.connect().await;
    let mut line_of_b = b.connect().await;
    let cases = [
        a.token(&mut bare, signed_by(&of_a, &a)).await,
        a.token(&mut line_of_b, signed_by(&of_a, &a)).await,
        a.token(&mut line, signed_by(&of_b, &a)).await,
        a.token(&mut line, signed_by(&foreign, &a)).await,
        a.token(&mut line, Pc::renew_body(b"no PKCS#7")).await,
    ];
    for refused in cases {
        assert_eq!(refused.unwrap_err().error_type, "NotEligibleToRenew");
    }
    // A device that says it is another.
    let item = "<ac:ContextItem Name=\"DeviceID\"><ac:Value>RENEWS-B</ac:Value></ac:ContextItem>";
    let signed = pc::openssl_sign(&request(&a), &of_a);
    let lie = Pc::renew_body(&signed).replace("<ac:AdditionalContext>", &format!("<ac:AdditionalContext>{item}"));
    assert_eq!(a.token(&mut line, lie).await.unwrap_err().error_type, "NotEligibleToRenew");
    // With the key of another device.
    let stolen = Pc::renew_body(&pc::openssl_sign(&b.request(), &of_a));
    let refused = a.token(&mut line, stolen).await.unwrap_err();
    assert!(is(&refused, "CertificateRequest"));
    // Recovery of a key is not offered.
    let recovery = Pc::token_body("", "Recovery", "x#PKCS7", "", "");
    assert!(a.token(&mut line, recovery).await.is_err());
    assert_eq!(certificates(&site), 2, "nothing was issued");

    // A reply that was lost: the device asks again, and the one that it never got is over.
    let (lost, lost_key) = a.renew(&mut line).await.unwrap();
    let (document, key) = a.renew(&mut line).await.unwrap();
    assert_eq!(certificates(&site), 4);
    let with = |document: &pc::Document, key: &rcgen::KeyPair| Identity {
        certificate: document.certificate.clone(),
        key: key.serialize_der(),
    };
    a.shows(Some(with(&lost, &lost_key)));
    assert_eq!(a.connect().await.syncml(&a.package_1(5)).await.status, 403);
    a.shows(Some(with(&document, &key)));
    assert_eq!(a.session(&mut a.connect().await, 6).await, []);
    // The new one is renewed in its turn, the old one no more.
    let mut old = Pc::new(a.addr, &site.root(), "RENEWS-A");
    old.shows(Some(of_a.clone()));
    let late = old.token(&mut old.connect().await, signed_by(&of_a, &old)).await;
    assert_eq!(late.unwrap_err().error_type, "NotEligibleToRenew");
    a.key = key;
    assert!(a.renew(&mut a.connect().await).await.is_ok());
}

async fn enrolled(site: &Site, server: &Server, id: &str) -> Pc {
    let mut pc = computer(site, server, id);
    pc.enroll(USER, PASSWORD).await.unwrap();
    pc.session(&mut pc.connect().await, 1).await;
    pc
}
