//! Who runs this server, and what they did.

use diesel::table;

table! {
    api_tokens (id) {
        id -> Text,
        name -> Text,
        hash -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        role -> Text,
        scope -> Nullable<Text>,
        created_by -> Nullable<Text>,
        maker -> Nullable<Text>,
    }
}

table! {
    operators (id) {
        id -> Text,
        name -> Text,
        folded_name -> Text,
        role -> Text,
        subject -> Nullable<Text>,
        password -> Nullable<Binary>,
        totp -> Nullable<Binary>,
        totp_step -> BigInt,
        recovery -> Nullable<Text>,
        created_at -> BigInt,
        created_by -> Text,
        disabled_at -> Nullable<BigInt>,
        last_seen_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

table! {
    operator_sessions (id) {
        id -> Text,
        hash -> Binary,
        operator -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
        expires_at -> BigInt,
    }
}

table! {
    operator_links (id) {
        id -> Text,
        hash -> Binary,
        operator -> Nullable<Text>,
        name -> Nullable<Text>,
        role -> Text,
        created_at -> BigInt,
        created_by -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        maker -> Nullable<Text>,
    }
}

table! {
    audit (seq) {
        seq -> BigInt,
        at -> BigInt,
        actor -> Text,
        actor_kind -> Text,
        from_address -> Nullable<Text>,
        trace -> Nullable<Text>,
        action -> Text,
        subject_kind -> Text,
        subject -> Text,
        before_json -> Nullable<Text>,
        after_json -> Nullable<Text>,
        hash -> Binary,
    }
}

table! {
    audit_chain (id) {
        id -> BigInt,
        first_seq -> BigInt,
        anchor -> Binary,
        last_seq -> BigInt,
        head -> Binary,
    }
}

table! {
    idempotency_keys (token, key) {
        token -> Text,
        key -> Text,
        request_hash -> Binary,
        created_at -> BigInt,
        status -> Nullable<Integer>,
        response -> Nullable<Binary>,
    }
}
