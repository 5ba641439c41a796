//! What was imported for the catalogue of settings.

use diesel::table;

table! {
    csp_drops (name) {
        name -> Text,
        sha256 -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
        files -> BigInt,
        skipped -> BigInt,
        trees -> BigInt,
        nodes -> BigInt,
        place -> Nullable<BigInt>,
        body -> Binary,
    }
}

table! {
    csp_templates (file) {
        file -> Text,
        app -> Nullable<Text>,
        kind -> Nullable<Text>,
        sha256 -> Text,
        imported_at -> BigInt,
        imported_by -> Text,
        policies -> BigInt,
        body -> Binary,
    }
}

table! {
    csp_state (id) {
        id -> BigInt,
        generation -> BigInt,
    }
}
