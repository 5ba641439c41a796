//! What a job does happens as a whole or not at all, and lasts.

use transom::store::Error;

use super::{device, get};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(a_failed_job_leaves_nothing);

async fn a_failed_job_leaves_nothing(test: &TestStore) {
    test.enroll("a").await;
    let failed: Result<(), Error> = test
        .store
        .write(|tx| {
            tx.enqueue(&super::order(&["a"], vec![get("./DevDetail/SwV")]), super::NOW)?;
            Err(Error::NotFound("reason to go on"))
        })
        .await;
    assert!(matches!(failed, Err(Error::NotFound(_))));
    let contact = test.store.read(|tx| tx.device(&device("A"))).await.unwrap().unwrap();
    assert_eq!(contact.enrollment.unwrap().open_commands, 0);
    assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 0);
}
