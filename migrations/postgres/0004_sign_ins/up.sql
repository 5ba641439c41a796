-- Sign-ins at an OpenID Connect provider that were completed: what a device shows for one is kept as a hash.
CREATE TABLE sign_ins (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    state_hash BYTEA NOT NULL UNIQUE,   -- a sign-in is completed once
    handle_hash BYTEA NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    spent_at BIGINT,
    spent_by TEXT COLLATE "C"           -- the device that enrolled with it, as it is compared
);
CREATE INDEX sign_ins_by_time ON sign_ins (expires_at);
