//! Who speaks is asked of the database with every message: T01 to T03, T06 and T07 over real TLS.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose};
use serde_json::json;
use transom::model::{CertificateState, DeviceId, NewCertificate};
use transom::pki::{AuthorityFiles, CertificateRequest, DataKey, Purpose};
use transom::store::{Error, SealKey, Store, StoreOptions, Tx};

use super::enrollment::{PASSWORD, USER, computer, events, serve, shown};
use super::on_both;
use crate::support::databases::Direct;
use crate::support::pc::{Identity, Pc, Says, commands_of, header_status, new_key};
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    without_its_certificate_a_device_is_not_heard,
    a_certificate_speaks_for_its_own_device_only,
    every_message_of_a_connection_is_judged_by_itself,
    certificates_of_others_open_nothing,
    a_device_that_is_blocked_is_cut_off_in_the_middle_of_a_session,
    a_resumed_connection_proves_no_more_than_a_new_one,
    a_certificate_that_has_ended_is_refused_on_open_resumed_and_new_connections,
    an_imported_device_proves_itself_as_before,
);

/// An enrolled computer that has been there, with a command that waits for it.
async fn enrolled(site: &Site, server: &Server, id: &str) -> Pc {
    let mut pc = computer(site, server, id);
    pc.enroll(USER, PASSWORD).await.unwrap();
    pc.session(&mut pc.connect().await, 1).await;
    let command = json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]);
    server.operator().order_for(id, &command).await;
    pc
}

/// Whether nothing has happened to a device: its command waits, and nobody has seen it since.
async fn is_untouched(server: &Server, id: &str, seen: &serde_json::Value) -> bool {
    let commands = server.operator().list(&format!("/api/v1/commands?device_id={id}")).await;
    commands.iter().all(|command| command["state"] == "queued") && shown(server, id).await["last_seen_at"] == *seen
}

async fn refused(server: &Server, reason: &str) -> u64 {
    let label = format!("reason=\"{reason}\"");
    server.operator().counter("transom_device_certificate_refusals_total", &label).await
}

async fn without_its_certificate_a_device_is_not_heard(site: Site) {
    let (site, server) = serve(site).await;
    let pc = enrolled(&site, &server, "T01").await;
    let seen = shown(&server, "T01").await["last_seen_at"].clone();
    let mut line = pc.connect_bare().await;
    let digest = "<Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">\
                  syncml:auth-md5</Type></Meta><Data>AAAAAAAAAAAAAAAAAAAAAA==</Data></Cred>";
    let name = pc.document.as_ref().unwrap().client["EntDMID"].clone();
    for says in [pc.itself(), Says { cred: digest, name: &name, ..pc.itself() }] {
        let answered = line.syncml(&pc.says(2, 1, &says)).await;
        assert_eq!((answered.status, answered.body.len()), (403, 0));
    }
    assert!(is_untouched(&server, "T01", &seen).await);
    assert_eq!(refused(&server, "certificate_missing").await, 2);
    // Nobody has shown the key, so nobody can fill the events.
    assert!(!events(&server, "T01").await.contains(&"certificate_missing".to_owned()));
}

async fn a_certificate_speaks_for_its_own_device_only(site: Site) {
    let (site, server) = serve(site).await;
    let a = enrolled(&site, &server, "T02-A").await;
    let b = enrolled(&site, &server, "T02-B").await;
    let seen =
        [shown(&server, "T02-A").await["last_seen_at"].clone(), shown(&server, "T02-B").await["last_seen_at"].clone()];
    let of_b = b.document.as_ref().unwrap().client["EntDMID"].clone();
    let cred = "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type></Meta>\
                <Data>AAAAAAAAAAAAAAAAAAAAAA==</Data></Cred>";
    let lies = [
        Says { source: "T02-B", dev_id: "T02-B", ..a.itself() },
        Says { dev_id: "T02-B", ..a.itself() },
        Says { cred, name: &of_b, ..a.itself() },
    ];
    for lie in &lies {
        let mut line = a.connect().await;
        for message in [1, 2] {
            let answered = line.syncml(&a.says(9, message, lie)).await;
            assert_eq!((answered.status, answered.body.len()), (403, 0));
        }
    }
    assert!(is_untouched(&server, "T02-A", &seen[0]).await && is_untouched(&server, "T02-B", &seen[1]).await);
    let told = events(&server, "T02-A").await;
    for code in ["certificate_of_another_device", "credential_of_another_device"] {
        assert_eq!(told.iter().filter(|told| *told == code).count(), 1, "told once an hour: {told:?}");
    }
    assert_eq!(refused(&server, "certificate_of_another_device").await, 4);
    // Both go on as before.
    for pc in [&a, &b] {
        assert_eq!(pc.session(&mut pc.connect().await, 10).await.len(), 1);
    }
}

async fn every_message_of_a_connection_is_judged_by_itself(site: Site) {
    let (site, server) = serve(site).await;
    let a = enrolled(&site, &server, "T03-A").await;
    let b = enrolled(&site, &server, "T03-B").await;
    let mut line = a.connect().await;
    let first = line.syncml(&a.package_1(5)).await;
    assert_eq!(commands_of(&first).len(), 1);
    assert_eq!(line.syncml(&b.answers(5, 2, &commands_of(&first))).await.status, 403);
    let on = line.syncml(&a.answers(5, 2, &commands_of(&first))).await;
    assert_eq!((on.status, header_status(&on)), (200, "200".to_owned()));
    let waiting = server.operator().list("/api/v1/commands?device_id=T03-B").await;
    assert!(waiting.iter().all(|command| command["state"] == "queued"));
}

/// A certificate for a key of our own, by an authority of our own.
fn forged(subject: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let authority_key = new_key();
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Transom");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = Issuer::new(authority, authority_key);
    let key = new_key();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    Identity { certificate: certificate.der().to_vec(), key: key.serialize_der() }
}

fn self_signed(subject: &str) -> Identity {
    let key = new_key();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Identity { certificate: params.self_signed(&key).unwrap().der().to_vec(), key: key.serialize_der() }
}

async fn certificates_of_others_open_nothing(site: Site) {
    let (site, server) = serve(site).await;
    let mut pc = enrolled(&site, &server, "T06").await;
    let seen = shown(&server, "T06").await["last_seen_at"].clone();
    let name = pc.document.as_ref().unwrap().client["EntDMID"].clone();
    let others = [
        self_signed(&name),
        forged(&name, |_| {}),
        forged(&name, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        forged(&name, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        forged(&name, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)),
        forged(&name, |params| params.not_before = rcgen::date_time_ymd(2090, 1, 1)),
    ];
    let own = pc.own();
    for other in others {
        pc.shows(Some(other));
        let answered = pc.connect().await.syncml(&pc.package_1(7)).await;
        assert_eq!((answered.status, answered.body.len()), (403, 0));
    }
    assert!(is_untouched(&server, "T06", &seen).await);
    assert_eq!(refused(&server, "certificate_foreign").await, 6);
    pc.shows(Some(own));
    assert_eq!(pc.session(&mut pc.connect().await, 8).await.len(), 1);
}

async fn a_device_that_is_blocked_is_cut_off_in_the_middle_of_a_session(site: Site) {
    let (site, server) = serve(site).await;
    let pc = enrolled(&site, &server, "T07").await;
    let mut line = pc.connect().await;
    let first = line.syncml(&pc.package_1(3)).await;
    let told = commands_of(&first);
    assert_eq!(told.len(), 1);
    let blocked = server.operator().post("/api/v1/devices/T07/block", &json!({})).await;
    assert_eq!(blocked["enrollment"]["state"], "blocked");
    assert_eq!(line.syncml(&pc.answers(3, 2, &told)).await.status, 403, "on the open connection");
    assert_eq!(pc.connect().await.syncml(&pc.package_1(4)).await.status, 403, "and on another");
    let renewed = pc.connect().await;
    let mut pc = pc;
    let mut renewed = renewed;
    let fault = pc.renew(&mut renewed).await.err().unwrap();
    assert_eq!(fault.error_type, "NotEligibleToRenew");
    let commands = server.operator().list("/api/v1/commands?device_id=T07").await;
    assert!(commands.iter().all(|command| command["state"] == "canceled"), "{commands:?}");
    assert!(events(&server, "T07").await.contains(&"certificate_revoked".to_owned()));
    // A new life is possible for whoever may enroll.
    pc.shows(None);
    pc.enroll(USER, PASSWORD).await.unwrap();
    assert_eq!(pc.session(&mut pc.connect().await, 1).await, []);
}

async fn a_resumed_connection_proves_no_more_than_a_new_one(site: Site) {
    let (site, server) = serve(site).await;
    let pc = enrolled(&site, &server, "RESUMES").await;
    let mut session = 10;
    // Tickets come with the first bytes of a reply.
    pc.connect().await.syncml(&pc.package_1(session)).await;
    let mut line = pc.connect().await;
    assert!(line.is_resumed(), "computers resume, and have to be able to");
    session += 1;
    assert_eq!(line.syncml(&pc.package_1(session)).await.status, 200, "the certificate comes with the session");
    server.operator().post("/api/v1/devices/RESUMES/block", &json!({})).await;
    let mut line = pc.connect().await;
    assert!(line.is_resumed());
    assert_eq!(line.syncml(&pc.package_1(session + 1)).await.status, 403);
}

/// A certificate of our authority for the key of a computer, registered as its renewed one, whose time was over a minute
/// ago.
async fn ended(site: &Site, pc: &Pc) -> Identity {
    let now = transom::cli::now();
    let at = |name: &str| site.data().join(name);
    let key = DataKey::load(&at("transom.key")).unwrap();
    let authorities = AuthorityFiles::new(at("ca.pem"), at("ca.key")).load(&key).unwrap();
    let authority = authorities.issuing();
    let request = CertificateRequest::read(&pc.request()).unwrap();
    let two_minutes = std::time::Duration::from_mins(2);
    let issued = authority.issue_device(&request, &pc.device_id, two_minutes, now.plus_millis(-180_000)).unwrap();
    assert!(issued.not_after < now);
    let new = NewCertificate {
        fingerprint: issued.fingerprint,
        serial: issued.serial,
        key: issued.key,
        authority: authorities.all()[0].id().unwrap().to_string(),
        not_before: issued.not_before,
        not_after: issued.not_after,
        der: issued.encoded.der.clone(),
    };
    let seal = SealKey::new(*key.derive(Purpose::StoreSeal).unwrap());
    let store = Store::open(site.url(), seal, &StoreOptions::default()).unwrap();
    let device = DeviceId::parse(&pc.device_id).unwrap();
    let register = move |tx: &mut Tx<'_>| {
        let enrollment = tx.live_enrollments(&device)?[0].enrollment.clone();
        tx.add_certificate(&enrollment, &new, CertificateState::Next, now)?;
        Ok::<_, Error>(())
    };
    store.write(register).await.unwrap();
    Identity { certificate: issued.encoded.der, key: pc.key.serialize_der() }
}

async fn a_certificate_that_has_ended_is_refused_on_open_resumed_and_new_connections(site: Site) {
    let (site, server) = serve(site).await;
    let mut pc = enrolled(&site, &server, "ENDS").await;
    // Tickets come with the first bytes of a reply.
    pc.connect().await.syncml(&pc.package_1(10)).await;
    let mut open = pc.connect().await;
    assert_eq!(open.syncml(&pc.package_1(11)).await.status, 200);
    let command = json!([{ "kind": "get", "items": [{ "target": "./DevInfo/Man" }] }]);
    let waiting = server.operator().order_for("ENDS", &command).await;
    let seen = shown(&server, "ENDS").await["last_seen_at"].clone();
    // Its time passes while the connection is open. Nobody waits for that here: the end comes nearer.
    Direct::connect(site.url()).execute("UPDATE certificates SET not_after = 1000");
    assert_eq!(open.syncml(&pc.package_1(12)).await.status, 403);
    let mut resumed = pc.connect().await;
    assert!(resumed.is_resumed());
    assert_eq!(resumed.syncml(&pc.package_1(13)).await.status, 403);
    // And one that TLS shows to have ended.
    let ended = ended(&site, &pc).await;
    pc.shows(Some(ended));
    let mut new = pc.connect().await;
    assert!(!new.is_resumed());
    let answered = new.syncml(&pc.package_1(14)).await;
    assert_eq!((answered.status, answered.body.len()), (403, 0));
    assert_eq!(refused(&server, "certificate_expired").await, 3);
    assert!(events(&server, "ENDS").await.contains(&"certificate_expired".to_owned()));
    let journal = server.operator().get("/api/v1/devices/ENDS/refused").await;
    assert_eq!(journal["items"][0]["proofs"][0]["reason"], "certificate_expired", "{journal}");
    assert_eq!(server.operator().state(&waiting[0]).await, "queued");
    assert_eq!(shown(&server, "ENDS").await["last_seen_at"], seen);
}

async fn an_imported_device_proves_itself_as_before(site: Site) {
    let (site, server) = serve(site).await;
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("IMPORTED", transom::simulator::device::Behaviour::default());
    server.operator().import(&[entry]).await;
    let client = windows.usual();
    windows.session(&client, &mut device).await;
    // A certificate of somebody else's says nothing about it, and opens nothing.
    let mut pc = computer(&site, &server, "IMPORTED");
    pc.shows(Some(self_signed("IMPORTED")));
    let challenged = pc.connect().await.syncml(&pc.package_1(9)).await;
    assert_eq!((challenged.status, header_status(&challenged)), (200, "407".to_owned()));
    // One of ours says that it is another device.
    let enrolled = enrolled(&site, &server, "ENROLLED").await;
    let lie = Says { source: "IMPORTED", dev_id: "IMPORTED", ..enrolled.itself() };
    assert_eq!(enrolled.connect().await.syncml(&enrolled.says(9, 1, &lie)).await.status, 403);
    // It enrolls by itself: the old account counts until the new life is used.
    pc.shows(None);
    pc.enroll(USER, PASSWORD).await.unwrap();
    windows.session(&client, &mut device).await;
    pc.session(&mut pc.connect().await, 1).await;
    let over = windows.usual().run_session(&mut device, &mut transom::simulator::faults::FaultPlan::none()).await;
    assert!(over.is_err() || shown(&server, "IMPORTED").await["enrollment"]["generation"] == 2);
    assert_eq!(shown(&server, "IMPORTED").await["enrollment"]["state"], "active");
}
