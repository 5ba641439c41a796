-- Values of secret assets, by the asset's identifier: sealed. A value that was taken away leaves its row, so that no version
-- ever comes again.
CREATE TABLE policy_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,           -- counts the values
    value BLOB,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL
) STRICT;

-- Addresses of nodes to which a secret was published, a variable segment as *. What was there once may still be there.
CREATE TABLE policy_secret_nodes (
    pattern TEXT NOT NULL PRIMARY KEY
) STRICT;
