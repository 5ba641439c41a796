-- What was asked of one device as a whole (restart, wipe, install), from the order to the end that the device tells.
CREATE TABLE actions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    enrollment TEXT COLLATE "C" NOT NULL REFERENCES enrollments (id),
    folded_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    request BYTEA NOT NULL,             -- sealed: what was asked for, with its secrets
    command TEXT COLLATE "C" NOT NULL,  -- whose outcome decides
    state TEXT COLLATE "C" NOT NULL,
    progress TEXT,                      -- what the device last said of it
    detail TEXT,                        -- why it ended so
    baseline BYTEA,                     -- sealed: what the device said before it began
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    accepted_at BIGINT,                 -- the device took it on then
    ask_at BIGINT,                      -- the device is asked how far it is, from then on
    asks BIGINT NOT NULL,               -- how often it was asked
    settled_at BIGINT                   -- when it ended
);
CREATE INDEX actions_by_device ON actions (folded_id, id);
CREATE INDEX actions_open ON actions (enrollment) WHERE settled_at IS NULL;
CREATE INDEX actions_settled ON actions (settled_at) WHERE settled_at IS NOT NULL;

-- Keys and passwords that get somebody back into a device.
CREATE TABLE recovery_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    folded_id TEXT COLLATE "C" NOT NULL,
    device_id TEXT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,                 -- the protector of the volume, or the account
    secret BYTEA NOT NULL,              -- sealed
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    outdated_at BIGINT                  -- the device has rotated it since
);
CREATE INDEX recovery_keys_by_device ON recovery_keys (folded_id, id);

-- Each time that one was shown. Never deleted with the key.
CREATE TABLE recovery_key_views (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    recovery_key TEXT COLLATE "C" NOT NULL,
    folded_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    viewed_by TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX recovery_key_views_by_device ON recovery_key_views (folded_id, id);

-- Archives of diagnostics that devices send to an address of their own.
CREATE TABLE diagnostics (
    action TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES actions (id),
    token_hash BYTEA NOT NULL UNIQUE,   -- SHA-256 of what the address ends with
    open_until BIGINT NOT NULL,         -- the address is good until then
    claimed_until BIGINT,               -- the device is sending, and has time until then
    bytes BIGINT,
    sha256 TEXT COLLATE "C",
    received_at BIGINT,
    deleted_at BIGINT
);
CREATE INDEX diagnostics_received ON diagnostics (received_at) WHERE deleted_at IS NULL;
