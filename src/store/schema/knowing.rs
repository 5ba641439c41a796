//! What is known of devices.

use diesel::table;

table! {
    facts (device, name) {
        device -> Text,
        name -> Text,
        enrollment -> Text,
        kind -> Text,
        word -> Nullable<Text>,
        number -> Nullable<BigInt>,
        said -> Nullable<Text>,
        status -> Nullable<BigInt>,
        observed_at -> BigInt,
        changed_at -> BigInt,
    }
}

table! {
    fact_items (device, name, item) {
        device -> Text,
        name -> Text,
        item -> Text,
    }
}

table! {
    fact_changes (id) {
        id -> Text,
        device -> Text,
        name -> Text,
        enrollment -> Text,
        at -> BigInt,
        change -> Text,
    }
}

table! {
    provisionings (enrollment) {
        enrollment -> Text,
        value -> Text,
        deadline -> Nullable<BigInt>,
        changed_at -> BigInt,
        failed_at -> Nullable<BigInt>,
    }
}

table! {
    directory_people (folded_name) {
        folded_name -> Text,
        name -> Text,
        value -> Text,
        changed_at -> BigInt,
        changed_by -> Text,
        forgotten -> Bool,
        spread -> Nullable<Text>,
    }
}

table! {
    directory_devices (device) {
        device -> Text,
        person -> Text,
        name -> Text,
    }
}
