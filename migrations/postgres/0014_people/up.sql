-- People who run the server.
CREATE TABLE operators (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT COLLATE "C" NOT NULL UNIQUE,   -- in lower case: the form that is compared
    role TEXT NOT NULL,
    subject TEXT COLLATE "C" UNIQUE,                -- issuer and subject at the provider of sign-ins
    password BYTEA,                      -- sealed: the Argon2id hash
    totp BYTEA,                          -- sealed: the secret of the authenticator
    totp_step BIGINT NOT NULL,         -- the last code that was used: none is good twice
    recovery TEXT,                      -- hashes of the recovery codes that are left
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at BIGINT,
    last_seen_at BIGINT,
    version BIGINT NOT NULL
);

-- Who is signed in.
CREATE TABLE operator_sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,          -- SHA-256 of what the browser shows
    operator TEXT COLLATE "C" NOT NULL REFERENCES operators (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator);
CREATE INDEX operator_sessions_by_end ON operator_sessions (expires_at);

-- Links by which operators come in for the first time, or again when they lost their password.
CREATE TABLE operator_links (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    hash BYTEA NOT NULL UNIQUE,          -- SHA-256 of the secret in the link
    operator TEXT COLLATE "C" REFERENCES operators (id), -- whose password it sets; absent for one who is not there yet
    name TEXT,                          -- what the new one is called, where that is fixed
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX operator_links_by_end ON operator_links (expires_at);

-- Tokens of before may do everything, as they could.
ALTER TABLE api_tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE api_tokens ADD COLUMN scope TEXT;
ALTER TABLE api_tokens ADD COLUMN created_by TEXT;

-- Who did what. Each entry's hash covers it and the hash of the one before.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    actor_kind TEXT NOT NULL,
    from_address TEXT,
    trace TEXT,
    action TEXT COLLATE "C" NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    before_json TEXT,
    after_json TEXT,
    hash BYTEA NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_time ON audit (at);

-- Where the chain of the audit log begins and ends: one row.
CREATE TABLE audit_chain (
    id BIGINT NOT NULL PRIMARY KEY,
    first_seq BIGINT NOT NULL,
    anchor BYTEA NOT NULL,               -- the hash of the entry before the first
    last_seq BIGINT NOT NULL,
    head BYTEA NOT NULL                  -- the hash of the last entry
);
INSERT INTO audit_chain (id, first_seq, anchor, last_seq, head) VALUES (1, 1, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'));
