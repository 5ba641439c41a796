-- A push is wanted, or was sent, and no session has begun since.
ALTER TABLE enrollments ADD COLUMN wake_since INTEGER;
-- From then on the device is asked for its channel; NULL when it never was.
ALTER TABLE enrollments ADD COLUMN channel_due_at INTEGER;
-- The schedule by which the device comes: the numbers of its sets as JSON, as far as they are known.
ALTER TABLE enrollments ADD COLUMN poll_schedule TEXT;
-- Since when, where we gave it.
ALTER TABLE enrollments ADD COLUMN poll_since INTEGER;
-- When the device was last given another one.
ALTER TABLE enrollments ADD COLUMN poll_asked_at INTEGER;

-- How a device is woken: the channel that it reported, and what became of the pushes to it.
CREATE TABLE push_channels (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT NOT NULL,
    reason TEXT,                        -- why it is in this state
    package TEXT,                       -- the package family name that the device was given
    uri BLOB,                          -- sealed: the address, where it may be called
    uri_hash TEXT,          -- SHA-256 of the address that was last reported, whatever became of it
    status INTEGER,                      -- Push/Status
    observed_at INTEGER,                 -- when the device last said something of it
    changed_at INTEGER NOT NULL,
    pushes INTEGER NOT NULL,             -- pushes that WNS took
    woke INTEGER NOT NULL,               -- of these, followed by a session
    slept INTEGER NOT NULL,              -- of these, not followed by one in time
    awaiting_since INTEGER,              -- WNS took a push, and no session has begun yet
    pushed_at INTEGER,
    woke_at INTEGER,
    outcome TEXT,                       -- of the last push
    outcome_at INTEGER,
    outcome_detail TEXT
) STRICT;
CREATE INDEX push_channels_awaiting ON push_channels (awaiting_since) WHERE awaiting_since IS NOT NULL;

-- Pushes to be sent, one for each enrollment.
CREATE TABLE pushes (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    urgent INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,             -- not before; while an instance sends it: when another may
    attempts INTEGER NOT NULL,
    claim TEXT,             -- of the instance that sends it
    claimed_at INTEGER
) STRICT;
CREATE INDEX pushes_by_due ON pushes (due_at);

-- What all instances share: the token, and how fast they may go. One row for each service.
CREATE TABLE push_services (
    name TEXT NOT NULL PRIMARY KEY,
    token BLOB,                        -- sealed
    token_for TEXT,         -- SHA-256 of the credentials that it was given for
    token_ends INTEGER,
    token_number INTEGER NOT NULL,       -- counts the tokens
    refresh_until INTEGER,               -- an instance asks for one, and has time until then
    refresh_failures INTEGER NOT NULL,
    refresh_after INTEGER,               -- not to be asked before
    problem TEXT,                       -- why there is no token
    problem_at INTEGER,
    paced_until INTEGER NOT NULL,        -- the rate is used up until then
    paused_until INTEGER                 -- the service asked to be left alone
) STRICT;
INSERT INTO push_services (name, token_number, refresh_failures, paced_until) VALUES ('wns', 0, 0, 0);
