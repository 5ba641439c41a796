-- Values of secret assets, by the asset's identifier: sealed. A value that was taken away leaves its row, so that no version
-- ever comes again.
CREATE TABLE policy_secrets (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,           -- counts the values
    value BYTEA,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL
);

-- Addresses of nodes to which a secret was published, a variable segment as *. What was there once may still be there.
CREATE TABLE policy_secret_nodes (
    pattern TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
