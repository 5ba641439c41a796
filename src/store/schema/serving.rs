//! What the doors stand on.

use diesel::table;

table! {
    public_certificates (door) {
        door -> Text,
        directory -> Nullable<Text>,
        account -> Nullable<Binary>,
        wanted -> Nullable<Text>,
        chain -> Nullable<Text>,
        key -> Nullable<Binary>,
        number -> BigInt,
        begins_at -> Nullable<BigInt>,
        ends_at -> Nullable<BigInt>,
        challenges -> Nullable<Text>,
        turn_until -> Nullable<BigInt>,
        failures -> BigInt,
        again_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        problem_at -> Nullable<BigInt>,
    }
}

table! {
    envelope_keys (id) {
        id -> Text,
        certificate -> Binary,
        private_key -> Binary,
        created_at -> BigInt,
        not_after -> BigInt,
    }
}
