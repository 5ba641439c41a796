-- Accounts that enroll devices with a password.
CREATE TABLE enrollment_users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT COLLATE "C" NOT NULL UNIQUE,   -- in lower case: the form that is compared
    display_name TEXT,
    password BYTEA NOT NULL,            -- sealed: the Argon2id hash
    bulk BOOLEAN NOT NULL,              -- enrolls devices for others: any number
    max_devices BIGINT,
    created_at BIGINT NOT NULL,
    password_set_at BIGINT NOT NULL,
    disabled_at BIGINT,
    last_used_at BIGINT
);

-- Tokens that enroll devices in place of a password.
CREATE TABLE enrollment_tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,         -- SHA-256 of the token
    user_name TEXT NOT NULL,
    folded_user TEXT COLLATE "C" NOT NULL,
    uses BIGINT NOT NULL,
    used BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX enrollment_tokens_by_user ON enrollment_tokens (folded_user, id);

-- Who made an enrollment, and by what right.
CREATE TABLE admissions (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    user_name TEXT NOT NULL,
    folded_user TEXT COLLATE "C" NOT NULL,
    means TEXT NOT NULL,
    token TEXT COLLATE "C",
    device_id TEXT NOT NULL,
    folded_id TEXT COLLATE "C" NOT NULL,
    hw_dev_id TEXT,
    admitted_at BIGINT NOT NULL
);
CREATE INDEX admissions_by_user ON admissions (folded_user, folded_id);
CREATE INDEX admissions_by_token ON admissions (token, enrollment) WHERE token IS NOT NULL;

-- Devices that may enroll because somebody said so before.
CREATE TABLE declared_devices (
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    note TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (kind, value)
);

-- Failed attempts that are not forgiven yet. Accounts and addresses are hashed into a bounded number of buckets.
CREATE TABLE enrollment_failures (
    bucket TEXT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    locked_until BIGINT,
    noted TEXT                          -- the attempt at which those that come while it is locked are counted
);
CREATE INDEX enrollment_failures_by_time ON enrollment_failures (failed_at);

-- Attempts to enroll: who was let in, who was refused, and why. What the device claims is only a claim.
CREATE TABLE enrollment_attempts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    peer TEXT NOT NULL,
    user_name TEXT,
    folded_user TEXT COLLATE "C",
    device_id TEXT,
    folded_id TEXT COLLATE "C",
    hw_dev_id TEXT,
    device_name TEXT,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    fault TEXT,
    detail TEXT,
    enrollment TEXT COLLATE "C",
    trace_id TEXT NOT NULL
);
CREATE INDEX enrollment_attempts_by_time ON enrollment_attempts (at);
CREATE INDEX enrollment_attempts_by_user ON enrollment_attempts (folded_user, id) WHERE folded_user IS NOT NULL;
CREATE INDEX enrollment_attempts_by_device ON enrollment_attempts (folded_id, id) WHERE folded_id IS NOT NULL;
CREATE INDEX enrollment_attempts_by_trace ON enrollment_attempts (trace_id, id);
