//! One message of a device: what it is given, and what it leaves behind.

use transom::model::SessionKey;
use transom::store::{Error, Reply, SaveContact, SaveSession};
use transom_protocol::syncml::codec::Encoding;

use super::{NOW, account, device, session};

use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(a_session_comes_back_as_it_was_saved);

async fn a_session_comes_back_as_it_was_saved(test: &TestStore) {
    let enrollment = test.enroll("Dev-1").await;
    let key = SessionKey::new(NOW);
    let (saved, saved_key) = (session("7", NOW), key.clone());
    let reply = Reply { encoding: Encoding::Wbxml, body: vec![0, 1, 2, 255] };
    let told = reply.clone();
    let id = enrollment.clone();
    test.store
        .write(move |tx| {
            tx.save_contact(SaveContact {
                enrollment: &id,
                device_id: &device("DEV-1"),
                now: NOW.plus_millis(5),
                account: Some(&account("changed")),
                info: None,
                session: Some(SaveSession {
                    key: &saved_key,
                    session: &saved,
                    is_new: true,
                    reply: Some(&told),
                    commands_sent: 2,
                    commands_answered: 1,
                }),
            })?;
            assert_eq!(tx.statements(), 2);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let contacts = test.store.write(|tx| tx.live_enrollments(&device("dev-1"))).await.unwrap();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].enrollment, enrollment);
    assert_eq!(contacts[0].account, account("changed"));
    assert_eq!(contacts[0].session, Some((key.clone(), session("7", NOW))));
    assert_eq!(test.store.read(move |tx| tx.last_reply(&key)).await.unwrap(), Some(reply));
}
