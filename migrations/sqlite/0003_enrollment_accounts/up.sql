-- Accounts that enroll devices with a password.
CREATE TABLE enrollment_users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT NOT NULL UNIQUE,   -- in lower case: the form that is compared
    display_name TEXT,
    password BLOB NOT NULL,             -- sealed: the Argon2id hash
    bulk INTEGER NOT NULL,              -- enrolls devices for others: any number
    max_devices INTEGER,
    created_at INTEGER NOT NULL,
    password_set_at INTEGER NOT NULL,
    disabled_at INTEGER,
    last_used_at INTEGER
) STRICT;

-- Tokens that enroll devices in place of a password.
CREATE TABLE enrollment_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of the token
    user_name TEXT NOT NULL,
    folded_user TEXT NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX enrollment_tokens_by_user ON enrollment_tokens (folded_user, id);

-- Who made an enrollment, and by what right.
CREATE TABLE admissions (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    user_name TEXT NOT NULL,
    folded_user TEXT NOT NULL,
    means TEXT NOT NULL,
    token TEXT,
    device_id TEXT NOT NULL,
    folded_id TEXT NOT NULL,
    hw_dev_id TEXT,
    admitted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX admissions_by_user ON admissions (folded_user, folded_id);
CREATE INDEX admissions_by_token ON admissions (token, enrollment) WHERE token IS NOT NULL;

-- Devices that may enroll because somebody said so before.
CREATE TABLE declared_devices (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    note TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT;

-- Failed attempts that are not forgiven yet. Accounts and addresses are hashed into a bounded number of buckets.
CREATE TABLE enrollment_failures (
    bucket TEXT NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    failed_at INTEGER NOT NULL,
    locked_until INTEGER,
    noted TEXT                          -- the attempt at which those that come while it is locked are counted
) STRICT;
CREATE INDEX enrollment_failures_by_time ON enrollment_failures (failed_at);

-- Attempts to enroll: who was let in, who was refused, and why. What the device claims is only a claim.
CREATE TABLE enrollment_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    peer TEXT NOT NULL,
    user_name TEXT,
    folded_user TEXT,
    device_id TEXT,
    folded_id TEXT,
    hw_dev_id TEXT,
    device_name TEXT,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    fault TEXT,
    detail TEXT,
    enrollment TEXT,
    trace_id TEXT NOT NULL
) STRICT;
CREATE INDEX enrollment_attempts_by_time ON enrollment_attempts (at);
CREATE INDEX enrollment_attempts_by_user ON enrollment_attempts (folded_user, id) WHERE folded_user IS NOT NULL;
CREATE INDEX enrollment_attempts_by_device ON enrollment_attempts (folded_id, id) WHERE folded_id IS NOT NULL;
CREATE INDEX enrollment_attempts_by_trace ON enrollment_attempts (trace_id, id);
