//! One authority after the other.

use std::sync::Arc;

use super::{
    super::{
        AuthorityFiles, AuthorityId, CertificateRefused, DataKey, Error, LiveAuthorities, verify_device_certificate,
    },
    *,
};

/// The files of an installation, with its first authority.
struct Place {
    folder: tempfile::TempDir,
    files: AuthorityFiles,
    data_key: DataKey,
    first: CertificateAuthority,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = AuthorityFiles::new(folder.path().join("ca.pem"), folder.path().join("ca.key"));
        let (data_key, first) = (DataKey::generate().unwrap(), root());
        files.create(&first, &data_key).unwrap();
        Self { folder, files, data_key, first }
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn second() -> CertificateAuthority {
    CertificateAuthority::create("Test, the second", NOW).unwrap()
}

#[test]
fn after_a_rotation_the_new_one_issues_and_both_are_trusted_until_the_overlap_ends() {
    let place = Place::new();
    let old = issued_to(&place.first, &curve_key());
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    let authorities = place.files.load(&place.data_key).unwrap();
    let new = issued_to(authorities.issuing(), &curve_key());
    assert_ne!(authorities.issuing().id().unwrap(), place.first.id().unwrap());
    let judged = |der: &[u8], at| verify_device_certificate(&authorities, der, at).err();
    let after = later(DAY);
    let before = after.plus_millis(-1000);
    assert_eq!((judged(&old.encoded.der, before), judged(&new.encoded.der, before)), (None, None));
    assert_eq!(judged(&old.encoded.der, after), Some(CertificateRefused::Unknown));
    assert_eq!(judged(&new.encoded.der, after), None);
    assert_eq!((authorities.trusted(before).count(), authorities.trusted(after).count()), (2, 1));
    assert_eq!(authorities.previous()[0].until(), after);
}

#[test]
fn an_earlier_authority_keeps_its_key_until_it_is_retired() {
    let place = Place::new();
    let id = place.first.id().unwrap();
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    let names = [
        "ca-previous-ID.key".replace("ID", id.as_str()),
        "ca-previous-ID.pem".replace("ID", id.as_str()),
        "ca.key".into(),
        "ca.pem".into(),
    ];
    assert_eq!(place.names(), names);
    let earlier = place.files.load_previous(&id, &place.data_key).unwrap();
    assert!(earlier.key().public_eq(place.first.key()));
    let text = std::fs::read_to_string(place.folder.path().join(&names[1])).unwrap();
    assert!(text.starts_with("Trusted until: 2026-"), "{text}");
    place.files.retire(&id).unwrap();
    assert_eq!(place.names(), ["ca.key", "ca.pem"]);
    assert!(matches!(place.files.retire(&id), Err(Error::NoSuchAuthority(_))));
    assert!(matches!(place.files.load_previous(&id, &place.data_key), Err(Error::NoSuchAuthority(_))));
    let authorities = place.files.load(&place.data_key).unwrap();
    let old = issued_to(&place.first, &curve_key());
    let judged = verify_device_certificate(&authorities, &old.encoded.der, NOW);
    assert_eq!(judged, Err(CertificateRefused::Unknown));
}

#[test]
fn several_rotations_are_all_trusted_and_one_that_comes_back_is_not_before_itself() {
    let place = Place::new();
    let all = [second(), second(), place.first.clone()];
    for (next, days) in all.iter().zip(1..) {
        place.files.replace(next, later(DAY * days), &place.data_key).unwrap();
    }
    let authorities = place.files.load(&place.data_key).unwrap();
    let ids: Vec<AuthorityId> = authorities.trusted(NOW).map(|authority| authority.id().unwrap()).collect();
    let wanted = [&all[2], &all[1], &all[0]].map(|authority| authority.id().unwrap());
    assert_eq!(ids, wanted);
}

#[test]
fn a_rotation_that_was_cut_short_is_understood_and_can_be_repeated() {
    let place = Place::new();
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    let authorities = place.files.load(&place.data_key).unwrap();
    // The key had moved, the certificate had not.
    let at = |name: &str| place.folder.path().join(name);
    std::fs::rename(at("ca.pem"), at("ca-next.pem")).unwrap();
    let previous = format!("ca-previous-{}.pem", place.first.id().unwrap());
    std::fs::copy(at(&previous), at("ca.pem")).unwrap();
    let found = place.files.load(&place.data_key).unwrap();
    assert_eq!(found.issuing().id().unwrap(), authorities.issuing().id().unwrap());
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    assert_eq!(place.files.load(&place.data_key).unwrap().trusted(NOW).count(), 3);
    assert!(!place.names().iter().any(|name| name.contains("next")), "{:?}", place.names());
}

#[test]
fn a_running_server_sees_a_rotation_and_survives_files_that_can_not_be_read() {
    let place = Place::new();
    let live = LiveAuthorities::open(place.files.clone(), place.data_key.clone()).unwrap();
    let before = live.current();
    assert!(Arc::ptr_eq(&before, &live.current()), "nothing has changed");
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    let after = live.current();
    assert_eq!((before.trusted(NOW).count(), after.trusted(NOW).count()), (1, 2));
    let id = place.first.id().unwrap();
    place.files.retire(&id).unwrap();
    assert_eq!(live.current().trusted(NOW).count(), 1);
    std::fs::remove_file(place.folder.path().join("ca.pem")).unwrap();
    std::fs::write(place.folder.path().join("ca.pem"), "nothing").unwrap();
    assert_eq!(live.current().issuing().id().unwrap(), after.issuing().id().unwrap());
    let fixed = LiveAuthorities::fixed(crate::pki::Authorities::of(root()).unwrap());
    assert!(Arc::ptr_eq(&fixed.current(), &fixed.current()));
}

#[test]
fn a_time_that_can_not_be_read_is_no_time_at_all() {
    let place = Place::new();
    place.files.replace(&second(), later(DAY), &place.data_key).unwrap();
    let path = place.folder.path().join(format!("ca-previous-{}.pem", place.first.id().unwrap()));
    let text = std::fs::read_to_string(&path).unwrap();
    let (_, certificate) = text.split_once('\n').unwrap();
    std::fs::write(&path, format!("Trusted until: next week\n{certificate}")).unwrap();
    assert!(matches!(place.files.load(&place.data_key), Err(Error::Content { .. })));
    std::fs::write(&path, certificate).unwrap();
    let authorities = place.files.load(&place.data_key).unwrap();
    assert_eq!(authorities.previous()[0].until(), place.first.ends_at().unwrap());
}
