//! Policies are written in a real browser: found, entered, refused, foreseen, published, and taken by a device.

use std::io::Write as _;

use reqwest::Method;
use transom::model::FactValue;

use super::browser::{Flow, has_browser};
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(an_author_writes_and_a_device_takes_it);

const GREETING: &[u8] = include_bytes!("../../fixtures/admx/greeting.admx");

async fn an_author_writes_and_a_device_takes_it(test: &TestStore) {
    if !has_browser() {
        return;
    }
    let door = AdminDoor::open_with_policies(&test.store).await;
    super::people::operator(&door, "ada", "author").await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    door.knows("D1", &[("os.build", FactValue::Integer(26_100)), ("os.edition_id", FactValue::Integer(4))]).await;
    let template = door.request(Method::POST, "/csp/templates?name=greeting.admx&app=Kiosk").body(GREETING.to_vec());
    assert_eq!(door.send(template).await.status, 201);

    let Flow { mut browser, mut answer, mut said } = Flow::begin("authoring.mjs", "authoring-", &door, test);
    let mut last = String::new();
    while let Some(line) = said.recv().await {
        if line == "please check in" {
            door.check_in(&mut device).await;
            answer.write_all(b"done\n").unwrap();
        } else {
            last = line;
        }
    }
    assert!(browser.wait().unwrap().success(), "the flow ended after: {last}");
    assert_eq!(last, "done");
    door.close().await;
}
