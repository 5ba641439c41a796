-- Sign-ins at an OpenID Connect provider that were completed: what a device shows for one is kept as a hash.
CREATE TABLE sign_ins (
    id TEXT NOT NULL PRIMARY KEY,
    state_hash BLOB NOT NULL UNIQUE,    -- a sign-in is completed once
    handle_hash BLOB NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER,
    spent_by TEXT                       -- the device that enrolled with it, as it is compared
) STRICT;
CREATE INDEX sign_ins_by_time ON sign_ins (expires_at);
