//! The tables, as Diesel sees them; the same on both engines. What a column is for stands in `migrations/`.

mod catalogue;
mod knowing;
mod people;
pub(in crate::store) mod policies;
mod serving;
mod telling;

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

pub(in crate::store) use catalogue::{csp_drops, csp_state, csp_templates};
pub(in crate::store) use knowing::{
    directory_devices, directory_people, fact_changes, fact_items, facts, provisionings,
};
pub(in crate::store) use people::{
    api_tokens, audit, audit_chain, idempotency_keys, operator_links, operator_sessions, operators,
};
pub(in crate::store) use serving::{envelope_keys, public_certificates};
pub(in crate::store) use telling::{feed, webhooks};

table! {
    meta (name) {
        name -> Text,
        value -> Binary,
    }
}

table! {
    devices (id) {
        id -> Text,
        device_id -> Text,
        folded_id -> Text,
        folded_name -> Nullable<Text>,
        created_at -> BigInt,
        name -> Nullable<Text>,
        manufacturer -> Nullable<Text>,
        model -> Nullable<Text>,
        language -> Nullable<Text>,
        dm_version -> Nullable<Text>,
        os_version -> Nullable<Text>,
    }
}

table! {
    enrollments (id) {
        id -> Text,
        device -> Text,
        device_id -> Text,
        folded_id -> Text,
        generation -> Integer,
        state -> Text,
        account -> Nullable<Binary>,
        info -> Text,
        next_sequence -> BigInt,
        open_commands -> BigInt,
        created_at -> BigInt,
        first_seen_at -> Nullable<BigInt>,
        last_seen_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        session -> Nullable<Text>,
        session_snapshot -> Nullable<Binary>,
        awaiting_since -> Nullable<BigInt>,
        upn -> Nullable<Text>,
        enrollment_type -> Nullable<Text>,
        hw_dev_id -> Nullable<Text>,
        context -> Nullable<Binary>,
        needs_certificate -> Bool,
        certificate_ends -> Nullable<BigInt>,
        leave_by -> Nullable<BigInt>,
        signing -> Nullable<Text>,
        signing_confirmed_at -> Nullable<BigInt>,
        wake_since -> Nullable<BigInt>,
        channel_due_at -> Nullable<BigInt>,
        poll_schedule -> Nullable<Text>,
        poll_since -> Nullable<BigInt>,
        poll_asked_at -> Nullable<BigInt>,
        facts_due_at -> Nullable<BigInt>,
        enveloping -> Nullable<Text>,
        envelopes_since -> Nullable<BigInt>,
        envelope_told -> Nullable<Text>,
        envelope_used -> Nullable<Text>,
        provisioning_due_at -> Nullable<BigInt>,
        entra_device -> Nullable<Text>,
        user_schedule -> Nullable<Text>,
        user_schedule_due_at -> Nullable<BigInt>,
    }
}

table! {
    certificates (fingerprint) {
        fingerprint -> Text,
        serial -> Text,
        key -> Text,
        authority -> Text,
        enrollment -> Text,
        not_before -> BigInt,
        not_after -> BigInt,
        state -> Text,
        issued_at -> BigInt,
        first_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        der -> Nullable<Binary>,
    }
}

table! {
    sessions (id) {
        id -> Text,
        enrollment -> Text,
        folded_id -> Text,
        session_id -> Text,
        started_at -> BigInt,
        last_at -> BigInt,
        phase -> Text,
        authentication -> Text,
        login -> Text,
        client_message -> BigInt,
        server_message -> BigInt,
        exchanges -> BigInt,
        commands_sent -> BigInt,
        commands_answered -> BigInt,
        last_reply_encoding -> Nullable<Text>,
        last_reply -> Nullable<Binary>,
        kind -> Text,
        user_name -> Nullable<Text>,
        user_verified -> Bool,
        user_tenant -> Nullable<Text>,
        user_object -> Nullable<Text>,
    }
}

table! {
    user_sessions (session) {
        session -> Text,
        enrollment -> Text,
        awaiting_since -> Nullable<BigInt>,
        snapshot -> Binary,
    }
}

table! {
    device_preparations (enrollment) {
        enrollment -> Text,
        state -> Text,
        changed_at -> BigInt,
    }
}

table! {
    commands (id) {
        id -> Text,
        enrollment -> Text,
        folded_id -> Text,
        sequence -> BigInt,
        batch -> Nullable<Text>,
        kind -> Text,
        target -> Text,
        scope -> Text,
        user_name -> Nullable<Text>,
        lane -> Integer,
        proof -> Bool,
        state -> Text,
        reason -> Nullable<Text>,
        reason_since -> Nullable<BigInt>,
        reason_count -> Nullable<BigInt>,
        retry_at -> Nullable<BigInt>,
        reason_detail -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Text,
        not_before -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        attempts -> BigInt,
        sent_at -> Nullable<BigInt>,
        settled_at -> Nullable<BigInt>,
        ready_at -> Nullable<BigInt>,
        lapses_at -> Nullable<BigInt>,
        accepted_at -> Nullable<BigInt>,
        depends_on -> Nullable<Text>,
        instruction -> Binary,
        progress -> Nullable<Binary>,
    }
}

table! {
    attempts (command, number) {
        command -> Text,
        number -> BigInt,
        session -> Text,
        server_message -> BigInt,
        cmd_id -> BigInt,
        sent_in -> Text,
        sent_at -> BigInt,
        answered_in -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
    }
}

table! {
    session_terms (term, session) {
        term -> Binary,
        session -> Text,
    }
}

table! {
    exchanges (id) {
        id -> Text,
        session -> Nullable<Text>,
        enrollment -> Nullable<Text>,
        device_id -> Nullable<Text>,
        folded_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        received_at -> BigInt,
        duration_us -> BigInt,
        stored_bytes -> BigInt,
        peer -> Text,
        encoding -> Nullable<Text>,
        client_message -> Nullable<BigInt>,
        server_message -> Nullable<BigInt>,
        outcome -> Text,
        detail -> Nullable<Text>,
        headers -> Text,
        request_size -> BigInt,
        reply_size -> BigInt,
        request -> Nullable<Binary>,
        reply -> Nullable<Binary>,
        proofs -> Nullable<Text>,
    }
}

table! {
    journal_size (counted_until) {
        counted_until -> BigInt,
        stored_bytes -> BigInt,
    }
}

table! {
    events (id) {
        id -> Text,
        device_id -> Nullable<Text>,
        folded_id -> Nullable<Text>,
        enrollment -> Nullable<Text>,
        session -> Nullable<Text>,
        exchange -> Nullable<Text>,
        at -> BigInt,
        kind -> Text,
        code -> Text,
        mime -> Nullable<Text>,
        source -> Nullable<Text>,
        format -> Nullable<Text>,
        mark -> Nullable<Text>,
        detail -> Nullable<Text>,
        data -> Nullable<Binary>,
    }
}

table! {
    upload_chunks (session, number) {
        session -> Text,
        number -> BigInt,
        created_at -> BigInt,
        data -> Binary,
    }
}

table! {
    uploads (session) {
        session -> Text,
        folded_id -> Text,
        began_at -> BigInt,
        bytes -> BigInt,
    }
}

table! {
    sign_ins (id) {
        id -> Text,
        state_hash -> Binary,
        handle_hash -> Binary,
        issuer -> Text,
        subject -> Text,
        user_name -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        spent_at -> Nullable<BigInt>,
        spent_by -> Nullable<Text>,
        said -> Nullable<Text>,
    }
}

table! {
    enrollment_users (id) {
        id -> Text,
        name -> Text,
        folded_name -> Text,
        display_name -> Nullable<Text>,
        password -> Binary,
        bulk -> Bool,
        max_devices -> Nullable<BigInt>,
        created_at -> BigInt,
        password_set_at -> BigInt,
        disabled_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

table! {
    enrollment_tokens (id) {
        id -> Text,
        hash -> Binary,
        user_name -> Text,
        folded_user -> Text,
        uses -> BigInt,
        used -> BigInt,
        created_at -> BigInt,
        created_by -> Text,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

table! {
    admissions (enrollment) {
        enrollment -> Text,
        user_name -> Text,
        folded_user -> Text,
        means -> Text,
        token -> Nullable<Text>,
        device_id -> Text,
        folded_id -> Text,
        hw_dev_id -> Nullable<Text>,
        admitted_at -> BigInt,
    }
}

table! {
    declared_devices (kind, value) {
        kind -> Text,
        value -> Text,
        note -> Nullable<Text>,
        created_at -> BigInt,
    }
}

table! {
    enrollment_failures (bucket) {
        bucket -> Text,
        count -> BigInt,
        failed_at -> BigInt,
        locked_until -> Nullable<BigInt>,
        noted -> Nullable<Text>,
    }
}

table! {
    enrollment_attempts (id) {
        id -> Text,
        at -> BigInt,
        last_at -> BigInt,
        count -> BigInt,
        peer -> Text,
        user_name -> Nullable<Text>,
        folded_user -> Nullable<Text>,
        device_id -> Nullable<Text>,
        folded_id -> Nullable<Text>,
        hw_dev_id -> Nullable<Text>,
        device_name -> Nullable<Text>,
        step -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        fault -> Nullable<Text>,
        detail -> Nullable<Text>,
        enrollment -> Nullable<Text>,
        trace_id -> Text,
    }
}

table! {
    push_channels (enrollment) {
        enrollment -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        package -> Nullable<Text>,
        uri -> Nullable<Binary>,
        uri_hash -> Nullable<Text>,
        status -> Nullable<BigInt>,
        observed_at -> Nullable<BigInt>,
        changed_at -> BigInt,
        pushes -> BigInt,
        woke -> BigInt,
        slept -> BigInt,
        awaiting_since -> Nullable<BigInt>,
        pushed_at -> Nullable<BigInt>,
        woke_at -> Nullable<BigInt>,
        outcome -> Nullable<Text>,
        outcome_at -> Nullable<BigInt>,
        outcome_detail -> Nullable<Text>,
    }
}

table! {
    pushes (enrollment) {
        enrollment -> Text,
        urgent -> Bool,
        requested_at -> BigInt,
        due_at -> BigInt,
        attempts -> BigInt,
        claim -> Nullable<Text>,
        claimed_at -> Nullable<BigInt>,
    }
}

table! {
    push_services (name) {
        name -> Text,
        token -> Nullable<Binary>,
        token_for -> Nullable<Text>,
        token_ends -> Nullable<BigInt>,
        token_number -> BigInt,
        refresh_until -> Nullable<BigInt>,
        refresh_failures -> BigInt,
        refresh_after -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        problem_at -> Nullable<BigInt>,
        paced_until -> BigInt,
        paused_until -> Nullable<BigInt>,
    }
}

// On PostgreSQL `number` is not there until it is given; rows without one are never loaded.
table! {
    actions (id) {
        id -> Text,
        enrollment -> Text,
        folded_id -> Text,
        kind -> Text,
        request -> Binary,
        command -> Text,
        state -> Text,
        progress -> Nullable<Text>,
        detail -> Nullable<Text>,
        baseline -> Nullable<Binary>,
        created_at -> BigInt,
        created_by -> Text,
        accepted_at -> Nullable<BigInt>,
        ask_at -> Nullable<BigInt>,
        asks -> BigInt,
        settled_at -> Nullable<BigInt>,
    }
}

table! {
    diagnostics (action) {
        action -> Text,
        token_hash -> Binary,
        open_until -> BigInt,
        claimed_until -> Nullable<BigInt>,
        bytes -> Nullable<BigInt>,
        sha256 -> Nullable<Text>,
        received_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
    }
}

joinable!(actions -> enrollments (enrollment));
joinable!(actions -> commands (command));
allow_tables_to_appear_in_same_query!(actions, enrollments);
allow_tables_to_appear_in_same_query!(envelope_keys, enrollments);
allow_tables_to_appear_in_same_query!(actions, commands);
allow_tables_to_appear_in_same_query!(actions, diagnostics);
joinable!(push_channels -> enrollments (enrollment));
joinable!(admissions -> enrollments (enrollment));
joinable!(commands -> enrollments (enrollment));
joinable!(sessions -> enrollments (enrollment));
allow_tables_to_appear_in_same_query!(enrollments, push_channels);
allow_tables_to_appear_in_same_query!(enrollments, admissions);
joinable!(certificates -> enrollments (enrollment));
allow_tables_to_appear_in_same_query!(enrollments, commands);
allow_tables_to_appear_in_same_query!(enrollments, provisionings);
allow_tables_to_appear_in_same_query!(enrollments, sessions);
allow_tables_to_appear_in_same_query!(devices, sessions);
allow_tables_to_appear_in_same_query!(enrollments, certificates);
allow_tables_to_appear_in_same_query!(sessions, exchanges);
allow_tables_to_appear_in_same_query!(sessions, events);
