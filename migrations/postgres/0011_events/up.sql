-- What happened, in the order in which it is told to others: the feed. Transactions commit in another order than they
-- began in, so that numbers are given afterwards, by one at a time, to what is committed: whoever has seen a number has
-- seen all before it.
CREATE TABLE feed (
    arrival BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number BIGINT,                      -- NULL until it is given
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    device_id TEXT,
    folded_id TEXT COLLATE "C",
    enrollment TEXT COLLATE "C",
    session TEXT COLLATE "C",
    exchange TEXT COLLATE "C",
    trace_id TEXT,                      -- of the request in which it happened
    correlation TEXT,                   -- what the device calls that request (MS-CV)
    data BYTEA NOT NULL                  -- sealed: what belongs to the kind, as JSON
);
CREATE UNIQUE INDEX feed_by_number ON feed (number) WHERE number IS NOT NULL;
CREATE INDEX feed_unnumbered ON feed (arrival) WHERE number IS NULL;

-- The last number that was given. The row is the lock of whoever gives them.
CREATE TABLE feed_numbers (
    last BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO feed_numbers (last) VALUES (0);

-- Receivers of events.
CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    url BYTEA NOT NULL,                  -- sealed
    secret BYTEA NOT NULL,               -- sealed: what deliveries are signed with
    kinds TEXT NOT NULL,                -- as a JSON array; all kinds when it is empty
    devices TEXT NOT NULL,              -- as a JSON array, in lower case; all devices when it is empty
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT,                        -- why it is in this state
    changed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    position BIGINT NOT NULL,          -- everything up to this number was delivered, or is not for it
    delivered BIGINT NOT NULL,
    missed BIGINT NOT NULL,            -- events that were gone before they were delivered
    failures BIGINT NOT NULL,          -- in a row
    failing_since BIGINT,
    retry_at BIGINT,
    tried_at BIGINT,
    status BIGINT,                     -- of the last answer
    problem TEXT,                       -- of the last try
    claim TEXT COLLATE "C",                         -- of the instance that delivers
    claimed_until BIGINT
);
