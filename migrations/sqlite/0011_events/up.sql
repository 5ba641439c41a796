-- What happened, in the order in which it is told to others: the feed. A number is never used twice, and whoever has
-- seen one has seen all before it: the writer is alone. (On PostgreSQL numbers are given after the commit.)
CREATE TABLE feed (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    device_id TEXT,
    folded_id TEXT,
    enrollment TEXT,
    session TEXT,
    exchange TEXT,
    trace_id TEXT,                      -- of the request in which it happened
    correlation TEXT,                   -- what the device calls that request (MS-CV)
    data BLOB NOT NULL                  -- sealed: what belongs to the kind, as JSON
) STRICT;

-- Receivers of events.
CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url BLOB NOT NULL,                  -- sealed
    secret BLOB NOT NULL,               -- sealed: what deliveries are signed with
    kinds TEXT NOT NULL,                -- as a JSON array; all kinds when it is empty
    devices TEXT NOT NULL,              -- as a JSON array, in lower case; all devices when it is empty
    state TEXT NOT NULL,
    reason TEXT,                        -- why it is in this state
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    position INTEGER NOT NULL,          -- everything up to this number was delivered, or is not for it
    delivered INTEGER NOT NULL,
    missed INTEGER NOT NULL,            -- events that were gone before they were delivered
    failures INTEGER NOT NULL,          -- in a row
    failing_since INTEGER,
    retry_at INTEGER,
    tried_at INTEGER,
    status INTEGER,                     -- of the last answer
    problem TEXT,                       -- of the last try
    claim TEXT,                         -- of the instance that delivers
    claimed_until INTEGER
) STRICT;
