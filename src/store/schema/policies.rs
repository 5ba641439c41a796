//! Policies: what was published, and what became of it on each device.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

use super::{devices, enrollments};

table! {
    policy_contents (token) {
        token -> Text,
        body -> Binary,
    }
}

table! {
    policy_declarations (identifier) {
        identifier -> Text,
        owner -> Text,
        kind -> Text,
        token -> Text,
        revision -> BigInt,
        changed_at -> BigInt,
    }
}

table! {
    policy_revisions (number) {
        number -> BigInt,
        owner -> Text,
        author -> Text,
        message -> Text,
        at -> BigInt,
        added -> BigInt,
        changed -> BigInt,
        removed -> BigInt,
    }
}

table! {
    policy_revision_items (revision, identifier) {
        revision -> BigInt,
        identifier -> Text,
        kind -> Text,
        token -> Text,
    }
}

table! {
    policy_devices (enrollment) {
        enrollment -> Text,
        version -> BigInt,
        waits -> BigInt,
        changed_at -> BigInt,
        value -> Binary,
        look_at -> Nullable<BigInt>,
    }
}

table! {
    policy_standings (identifier, enrollment) {
        identifier -> Text,
        enrollment -> Text,
        state -> Text,
        changed_at -> BigInt,
    }
}

table! {
    policy_counts (identifier, state, part) {
        identifier -> Text,
        state -> Text,
        part -> BigInt,
        devices -> BigInt,
    }
}

table! {
    policy_looks (enrollment) {
        enrollment -> Text,
        ticket -> BigInt,
        due_at -> BigInt,
    }
}

table! {
    policy_work (name) {
        name -> Text,
        generation -> BigInt,
        changed_at -> BigInt,
        walk -> Text,
        claim -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
    }
}

table! {
    policy_drafts (author, owner) {
        author -> Text,
        owner -> Text,
        version -> BigInt,
        base -> BigInt,
        changed_at -> BigInt,
        body -> Binary,
    }
}

table! {
    policy_web_revisions (revision) {
        revision -> BigInt,
    }
}

table! {
    policy_secrets (name) {
        name -> Text,
        version -> BigInt,
        value -> Nullable<Binary>,
        set_at -> BigInt,
        set_by -> Text,
    }
}

table! {
    policy_secret_nodes (pattern) {
        pattern -> Text,
    }
}

table! {
    policy_stages (revision) {
        revision -> BigInt,
        state -> Text,
        value -> Text,
    }
}

table! {
    policy_retries (identifier) {
        identifier -> Text,
        asked_at -> BigInt,
    }
}

joinable!(policy_devices -> enrollments (enrollment));
joinable!(policy_standings -> enrollments (enrollment));
allow_tables_to_appear_in_same_query!(enrollments, policy_devices, policy_standings);
joinable!(enrollments -> devices (device));
allow_tables_to_appear_in_same_query!(devices, enrollments);
allow_tables_to_appear_in_same_query!(devices, policy_standings);
allow_tables_to_appear_in_same_query!(policy_declarations, policy_contents);
allow_tables_to_appear_in_same_query!(policy_counts, policy_declarations);
allow_tables_to_appear_in_same_query!(policy_revision_items, policy_contents);
allow_tables_to_appear_in_same_query!(policy_revisions, policy_web_revisions);
