//! What others are told.

use diesel::table;

table! {
    feed (number) {
        number -> BigInt,
        id -> Text,
        kind -> Text,
        at -> BigInt,
        device_id -> Nullable<Text>,
        folded_id -> Nullable<Text>,
        enrollment -> Nullable<Text>,
        session -> Nullable<Text>,
        exchange -> Nullable<Text>,
        trace_id -> Nullable<Text>,
        correlation -> Nullable<Text>,
        data -> Binary,
    }
}

table! {
    webhooks (id) {
        id -> Text,
        name -> Text,
        url -> Binary,
        secret -> Binary,
        kinds -> Text,
        devices -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        changed_at -> BigInt,
        created_at -> BigInt,
        created_by -> Text,
        position -> BigInt,
        delivered -> BigInt,
        missed -> BigInt,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        retry_at -> Nullable<BigInt>,
        tried_at -> Nullable<BigInt>,
        status -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        claim -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
    }
}
