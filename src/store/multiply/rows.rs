//! Rows as they are copied: every column that a real one has something in.

use diesel::prelude::*;

use crate::store::schema::{
    actions, attempts, certificates, commands, devices, enrollments, events, exchanges, fact_changes, fact_items,
    facts, feed, push_channels, session_terms, sessions,
};

macro_rules! rows {
    ($($row:ident of $table:ident { $($column:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Debug, Clone, Queryable, Selectable, Insertable)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]
        pub(super) struct $row { $(pub(super) $column: $type),* }
    )*};
}

rows! {
    DeviceRow of devices {
        id: String, device_id: String, folded_id: String, folded_name: Option<String>, created_at: i64,
        name: Option<String>, manufacturer: Option<String>, model: Option<String>, language: Option<String>,
        dm_version: Option<String>, os_version: Option<String>,
    }
    EnrollmentRow of enrollments {
        id: String, device: String, device_id: String, folded_id: String, generation: i32, state: String,
        account: Option<Vec<u8>>, info: String, next_sequence: i64, open_commands: i64, created_at: i64,
        first_seen_at: Option<i64>, last_seen_at: Option<i64>, session: Option<String>,
        session_snapshot: Option<Vec<u8>>, awaiting_since: Option<i64>, upn: Option<String>,
        needs_certificate: bool, certificate_ends: Option<i64>, channel_due_at: Option<i64>,
        facts_due_at: Option<i64>, provisioning_due_at: Option<i64>,
    }
    SessionRow of sessions {
        id: String, enrollment: String, folded_id: String, session_id: String, started_at: i64, last_at: i64,
        phase: String, authentication: String, login: String, client_message: i64, server_message: i64,
        exchanges: i64, commands_sent: i64, commands_answered: i64, last_reply_encoding: Option<String>,
        last_reply: Option<Vec<u8>>, kind: String, user_name: Option<String>, user_verified: bool,
    }
    CommandRow of commands {
        id: String, enrollment: String, folded_id: String, sequence: i64, batch: Option<String>, kind: String,
        target: String, scope: String, user_name: Option<String>, lane: i32, proof: bool, state: String,
        reason: Option<String>, reason_since: Option<i64>, reason_count: Option<i64>, retry_at: Option<i64>,
        reason_detail: Option<String>, created_at: i64, created_by: String, not_before: Option<i64>,
        expires_at: Option<i64>, attempts: i64, sent_at: Option<i64>, settled_at: Option<i64>, ready_at: Option<i64>,
        lapses_at: Option<i64>, accepted_at: Option<i64>, depends_on: Option<String>, instruction: Vec<u8>,
        progress: Option<Vec<u8>>,
    }
    AttemptRow of attempts {
        command: String, number: i64, session: String, server_message: i64, cmd_id: i64, sent_in: String,
        sent_at: i64, answered_in: Option<String>, answered_at: Option<i64>,
    }
    TermRow of session_terms { term: Vec<u8>, session: String }
    ExchangeRow of exchanges {
        id: String, session: Option<String>, enrollment: Option<String>, device_id: Option<String>,
        folded_id: Option<String>, session_id: Option<String>, received_at: i64, duration_us: i64, stored_bytes: i64,
        peer: String, encoding: Option<String>, client_message: Option<i64>, server_message: Option<i64>,
        outcome: String, detail: Option<String>, headers: String, request_size: i64, reply_size: i64,
        request: Option<Vec<u8>>, reply: Option<Vec<u8>>, proofs: Option<String>,
    }
    EventRow of events {
        id: String, device_id: Option<String>, folded_id: Option<String>, enrollment: Option<String>,
        session: Option<String>, exchange: Option<String>, at: i64, kind: String, code: String, mime: Option<String>,
        source: Option<String>, format: Option<String>, mark: Option<String>, detail: Option<String>,
        data: Option<Vec<u8>>,
    }
    FeedRow of feed {
        number: i64, id: String, kind: String, at: i64, device_id: Option<String>, folded_id: Option<String>,
        enrollment: Option<String>, session: Option<String>, exchange: Option<String>, trace_id: Option<String>,
        correlation: Option<String>, data: Vec<u8>,
    }
    FactRow of facts {
        device: String, name: String, enrollment: String, kind: String, word: Option<String>, number: Option<i64>,
        said: Option<String>, status: Option<i64>, observed_at: i64, changed_at: i64,
    }
    ItemRow of fact_items { device: String, name: String, item: String }
    ChangeRow of fact_changes {
        id: String, device: String, name: String, enrollment: String, at: i64, change: String,
    }
    ActionRow of actions {
        id: String, enrollment: String, folded_id: String, kind: String, request: Vec<u8>, command: String,
        state: String, progress: Option<String>, detail: Option<String>, created_at: i64, created_by: String,
        accepted_at: Option<i64>, ask_at: Option<i64>, asks: i64, settled_at: Option<i64>,
    }
    ChannelRow of push_channels {
        enrollment: String, state: String, changed_at: i64, pushes: i64, woke: i64, slept: i64,
    }
    CertificateRow of certificates {
        fingerprint: String, serial: String, key: String, authority: String, enrollment: String, not_before: i64,
        not_after: i64, state: String, issued_at: i64,
    }
}
