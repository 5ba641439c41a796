//! The storage contract: one suite of scenarios, run on SQLite and on PostgreSQL.

mod applicants;
mod audit;
mod certificates;
mod contact;
mod device_lists;
mod directory;
mod facts;
mod feed;
mod generations;
mod hostile;
mod outage;
mod outcomes;
mod plans;
mod policies;
mod provisioning;
mod prune;
mod publishing;
mod queue;
mod restored;
mod rolling;
mod schema;
mod sign_ins;
mod transactions;
mod uploads;
mod views;

use transom::model::{
    ApiToken, CommandId, CommandScope, DeviceId, DeviceInfo, EnrollmentId, NewCommand, NewCommands, NewEnrollment,
    Timestamp,
};
use transom::store::{Error, Tx};
use transom_protocol::csp::Instruction;
use transom_protocol::session::{
    A1, Account, AuthScheme, Authentication, Credential, LoginStatus, MsgId, Nonce, Rotation, Secret32, Session,
    SessionId,
};

use crate::support::databases::TestStore;

/// A moment; scenarios step forward from it by hand.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

pub(crate) fn account(secret: &str) -> Account {
    Account {
        scheme: AuthScheme::Md5,
        client: Credential { name: "device".to_owned(), a1: A1::new("device", secret) },
        server: None,
        next_nonce: Nonce::from_bytes(b"first nonce"),
        previous_nonce: None,
        server_nonce: None,
        challenge_key: Secret32::new([9; 32]),
        accepted: 0,
        failures: 0,
        failed_session: None,
        recent_sessions: Vec::new(),
        proofs: None,
        rotation: Rotation::default(),
    }
}

fn session(id: &str, now: Timestamp) -> Session {
    let authentication = Authentication::Digest(Nonce::from_bytes(b"used nonce"));
    Session {
        client_hash: "00".repeat(32),
        login: LoginStatus::User,
        max_msg_size: Some(524_288),
        ..Session::begin(SessionId::parse(id).unwrap(), MsgId::FIRST, authentication, now)
    }
}

fn instruction(json: &str) -> Instruction {
    serde_json::from_str(json).unwrap()
}

fn get(target: &str) -> NewCommand {
    command(&format!(r#"{{"kind":"get","items":[{{"target":"{target}"}}]}}"#))
}

fn command(json: &str) -> NewCommand {
    NewCommand {
        instruction: instruction(json),
        scope: CommandScope::Device,
        user: None,
        proof: false,
        not_before: None,
        expires_at: None,
        depends_on: Vec::new(),
    }
}

fn order(devices: &[&str], commands: Vec<NewCommand>) -> NewCommands {
    NewCommands {
        devices: devices.iter().map(|name| device(name)).collect(),
        commands,
        batch: None,
        created_by: "tests".to_owned(),
        max_open: 10_000,
        wake: false,
    }
}

/// A question that is cheap.
fn tokens(tx: &mut Tx<'_>) -> Result<Vec<ApiToken>, Error> {
    tx.tokens()
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

impl TestStore {
    /// Makes an enrollment that the device has not used yet.
    async fn import(&self, name: &str, now: Timestamp) -> EnrollmentId {
        let new = NewEnrollment {
            device_id: device(name),
            account: account("secret"),
            info: DeviceInfo::default(),
            made: None,
        };
        self.store.write(move |tx| Ok::<_, Error>(tx.import_enrollment(&new, now)?.id)).await.unwrap()
    }

    /// Makes an enrollment that is in use.
    async fn enroll(&self, name: &str) -> EnrollmentId {
        let id = self.import(name, NOW).await;
        let enrollment = id.clone();
        self.store.write(move |tx| tx.activate_enrollment(&enrollment, NOW)).await.unwrap();
        id
    }

    /// Puts commands into the queue of one device.
    async fn enqueue(&self, name: &str, commands: Vec<NewCommand>) -> Vec<CommandId> {
        let order = order(&[name], commands);
        let enqueued = self.store.write(move |tx| tx.enqueue(&order, NOW)).await.unwrap();
        enqueued.into_iter().next().unwrap().commands.unwrap()
    }
}
