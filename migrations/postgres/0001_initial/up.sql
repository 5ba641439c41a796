-- Text that is put in order compares byte by byte (COLLATE "C"), whatever the database's own language is.
-- Times are milliseconds since 1970 UTC. Ids are UUIDs of version 7 as text. What is called "sealed" is encrypted.

-- What the database knows of itself. The row `canary` is sealed: a wrong key is noticed when the database is opened.
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE devices (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL,            -- as it was first sent
    folded_id TEXT COLLATE "C" NOT NULL UNIQUE, -- in lower case: the form that is compared
    folded_name TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    name TEXT,
    manufacturer TEXT,
    model TEXT,
    language TEXT,
    dm_version TEXT,
    os_version TEXT
);
CREATE INDEX devices_by_name ON devices (folded_name, folded_id) WHERE folded_name IS NOT NULL;

-- One life of a device. The row is the lock of everything below it, and holds the newest session, so that whoever
-- waited for the lock sees what its last holder wrote.
CREATE TABLE enrollments (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    device TEXT COLLATE "C" NOT NULL REFERENCES devices (id),
    device_id TEXT NOT NULL,
    folded_id TEXT COLLATE "C" NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    account BYTEA,                      -- sealed; gone when the enrollment has ended
    info TEXT NOT NULL,                 -- what the device last said of itself, as JSON
    next_sequence BIGINT NOT NULL,
    open_commands BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    first_seen_at BIGINT,
    last_seen_at BIGINT,
    ended_at BIGINT,
    session TEXT COLLATE "C",
    session_snapshot BYTEA,             -- sealed
    awaiting_since BIGINT,              -- since when the newest session has waited for an answer
    UNIQUE (folded_id, generation)
);
CREATE INDEX enrollments_by_device ON enrollments (device);
CREATE INDEX enrollments_awaiting ON enrollments (awaiting_since) WHERE awaiting_since IS NOT NULL;

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    enrollment TEXT COLLATE "C" NOT NULL REFERENCES enrollments (id),
    folded_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT NOT NULL,           -- the client's
    started_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    phase TEXT NOT NULL,
    authentication TEXT NOT NULL,
    login TEXT NOT NULL,
    client_message BIGINT NOT NULL,
    server_message BIGINT NOT NULL,
    exchanges BIGINT NOT NULL,
    commands_sent BIGINT NOT NULL,
    commands_answered BIGINT NOT NULL,
    last_reply_encoding TEXT,
    last_reply BYTEA                    -- sealed
);
CREATE INDEX sessions_by_device ON sessions (folded_id, started_at, id);
CREATE INDEX sessions_by_enrollment ON sessions (enrollment);
CREATE INDEX sessions_by_start ON sessions (started_at, id);

-- The queue and its history. Three columns are only there to be indexed; they follow from the others:
-- ready_at: a message may take the command from then on; lapses_at: it expires then;
-- accepted_at: since when the device has been working on it.
CREATE TABLE commands (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    enrollment TEXT COLLATE "C" NOT NULL REFERENCES enrollments (id),
    folded_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    batch TEXT COLLATE "C",
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    scope TEXT NOT NULL,
    lane INTEGER NOT NULL,              -- 1: only while the user is signed in; 0: all others
    proof BOOLEAN NOT NULL,             -- kept longer than the rest
    state TEXT NOT NULL,
    reason TEXT,
    reason_since BIGINT,
    reason_count BIGINT,
    retry_at BIGINT,
    reason_detail TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    not_before BIGINT,
    expires_at BIGINT,
    attempts BIGINT NOT NULL,
    sent_at BIGINT,
    settled_at BIGINT,
    ready_at BIGINT,
    lapses_at BIGINT,
    accepted_at BIGINT,
    depends_on TEXT,                    -- ids as a JSON array
    instruction BYTEA NOT NULL,         -- sealed
    progress BYTEA,                     -- sealed
    UNIQUE (enrollment, sequence)
);
CREATE INDEX commands_ready ON commands (enrollment, lane, sequence, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX commands_by_standing ON commands (enrollment, state, reason, sequence);
CREATE INDEX commands_by_device ON commands (folded_id, id);
CREATE INDEX commands_by_state ON commands (state, id);
CREATE INDEX commands_by_batch ON commands (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX commands_lapsing ON commands (lapses_at) WHERE lapses_at IS NOT NULL;
CREATE INDEX commands_accepted ON commands (accepted_at) WHERE accepted_at IS NOT NULL;
CREATE INDEX commands_settled ON commands (settled_at, id) WHERE settled_at IS NOT NULL;

CREATE TABLE attempts (
    command TEXT COLLATE "C" NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    session TEXT COLLATE "C" NOT NULL,
    server_message BIGINT NOT NULL,
    cmd_id BIGINT NOT NULL,
    sent_in TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    answered_in TEXT,
    answered_at BIGINT,
    PRIMARY KEY (command, number)
);

CREATE TABLE exchanges (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session TEXT COLLATE "C",
    enrollment TEXT COLLATE "C",
    device_id TEXT,
    folded_id TEXT COLLATE "C",
    session_id TEXT,
    received_at BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL,
    peer TEXT NOT NULL,
    encoding TEXT,
    client_message BIGINT,
    server_message BIGINT,
    outcome TEXT NOT NULL,
    detail TEXT,
    headers TEXT NOT NULL,
    request_size BIGINT NOT NULL,
    reply_size BIGINT NOT NULL,
    request BYTEA,                      -- sealed
    reply BYTEA                         -- sealed
);
CREATE INDEX exchanges_by_session ON exchanges (session, id) WHERE session IS NOT NULL;
CREATE INDEX exchanges_unauthenticated ON exchanges (folded_id, id) WHERE session IS NULL;
CREATE INDEX exchanges_by_time ON exchanges (received_at, stored_bytes);

-- How many bytes the exchanges before a moment take: one row. Those after it are added up when it matters.
CREATE TABLE journal_size (
    counted_until BIGINT NOT NULL PRIMARY KEY,
    stored_bytes BIGINT NOT NULL
);
INSERT INTO journal_size (counted_until, stored_bytes) VALUES (0, 0);

CREATE TABLE events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    device_id TEXT,
    folded_id TEXT COLLATE "C",
    enrollment TEXT COLLATE "C",
    session TEXT COLLATE "C",
    exchange TEXT,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    mime TEXT,
    source TEXT,
    format TEXT,
    mark TEXT,
    detail TEXT,
    data BYTEA                          -- sealed
);
CREATE INDEX events_by_device ON events (folded_id, id) WHERE folded_id IS NOT NULL;
CREATE INDEX events_by_session ON events (session, id) WHERE session IS NOT NULL;
CREATE INDEX events_by_time ON events (at);

CREATE TABLE upload_chunks (
    session TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    data BYTEA NOT NULL,                -- sealed
    PRIMARY KEY (session, number)
);
CREATE INDEX upload_chunks_by_time ON upload_chunks (created_at);

CREATE TABLE api_tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE idempotency_keys (
    token TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    status INTEGER,
    response BYTEA,                     -- sealed
    PRIMARY KEY (token, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
