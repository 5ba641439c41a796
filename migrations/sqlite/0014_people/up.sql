-- People who run the server.
CREATE TABLE operators (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT NOT NULL UNIQUE,   -- in lower case: the form that is compared
    role TEXT NOT NULL,
    subject TEXT UNIQUE,                -- issuer and subject at the provider of sign-ins
    password BLOB,                      -- sealed: the Argon2id hash
    totp BLOB,                          -- sealed: the secret of the authenticator
    totp_step INTEGER NOT NULL,         -- the last code that was used: none is good twice
    recovery TEXT,                      -- hashes of the recovery codes that are left
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at INTEGER,
    last_seen_at INTEGER,
    version INTEGER NOT NULL
) STRICT;

-- Who is signed in.
CREATE TABLE operator_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of what the browser shows
    operator TEXT NOT NULL REFERENCES operators (id),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator);
CREATE INDEX operator_sessions_by_end ON operator_sessions (expires_at);

-- Links by which operators come in for the first time, or again when they lost their password.
CREATE TABLE operator_links (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of the secret in the link
    operator TEXT REFERENCES operators (id), -- whose password it sets; absent for one who is not there yet
    name TEXT,                          -- what the new one is called, where that is fixed
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT;
CREATE INDEX operator_links_by_end ON operator_links (expires_at);

-- Tokens of before may do everything, as they could.
ALTER TABLE api_tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE api_tokens ADD COLUMN scope TEXT;
ALTER TABLE api_tokens ADD COLUMN created_by TEXT;

-- Who did what. Each entry's hash covers it and the hash of the one before.
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    from_address TEXT,
    trace TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_time ON audit (at);

-- Where the chain of the audit log begins and ends: one row.
CREATE TABLE audit_chain (
    id INTEGER NOT NULL PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    anchor BLOB NOT NULL,               -- the hash of the entry before the first
    last_seq INTEGER NOT NULL,
    head BLOB NOT NULL                  -- the hash of the last entry
) STRICT;
INSERT INTO audit_chain (id, first_seq, anchor, last_seq, head) VALUES (1, 1, zeroblob(32), 0, zeroblob(32));
