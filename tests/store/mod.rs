//! The storage contract: one suite of scenarios, run on SQLite and on PostgreSQL.

mod contact;
mod generations;
mod schema;
mod transactions;

use transom::model::{
    CommandId, CommandScope, DeviceId, DeviceInfo, EnrollmentId, NewCommand, NewCommands, NewEnrollment, Timestamp,
};
use transom::store::Error;
use transom_protocol::csp::Instruction;
use transom_protocol::session::{
    A1, Account, AuthScheme, Authentication, Credential, LoginStatus, MsgId, Nonce, Phase, Secret32, Session,
    SessionId, SyncType,
};

use crate::support::databases::TestStore;

/// A moment; scenarios step forward from it by hand.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

fn account(secret: &str) -> Account {
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
    }
}

fn session(id: &str, now: Timestamp) -> Session {
    Session {
        session_id: SessionId::parse(id).unwrap(),
        phase: Phase::Open,
        authentication: Authentication::Digest(Nonce::from_bytes(b"used nonce")),
        client_message: MsgId::FIRST,
        client_hash: "00".repeat(32),
        server_message: MsgId::FIRST,
        started_at: now,
        last_at: now,
        login: LoginStatus::User,
        sync_type: SyncType::Mixed,
        max_msg_size: Some(524_288),
        max_obj_size: None,
        in_flight: Vec::new(),
        upload: None,
        download: None,
        server_challenges: 0,
        server_cred: false,
        ender: None,
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
    }
}

impl TestStore {
    /// Makes an enrollment that the device has not used yet.
    async fn import(&self, name: &str, now: Timestamp) -> EnrollmentId {
        let new = NewEnrollment { device_id: device(name), account: account("secret"), info: DeviceInfo::default() };
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
