-- A push is wanted, or was sent, and no session has begun since.
ALTER TABLE enrollments ADD COLUMN wake_since BIGINT;
-- From then on the device is asked for its channel; NULL when it never was.
ALTER TABLE enrollments ADD COLUMN channel_due_at BIGINT;
-- The schedule by which the device comes: the numbers of its sets as JSON, as far as they are known.
ALTER TABLE enrollments ADD COLUMN poll_schedule TEXT;
-- Since when, where we gave it.
ALTER TABLE enrollments ADD COLUMN poll_since BIGINT;
-- When the device was last given another one.
ALTER TABLE enrollments ADD COLUMN poll_asked_at BIGINT;

-- How a device is woken: the channel that it reported, and what became of the pushes to it.
CREATE TABLE push_channels (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT,                        -- why it is in this state
    package TEXT,                       -- the package family name that the device was given
    uri BYTEA,                          -- sealed: the address, where it may be called
    uri_hash TEXT COLLATE "C",          -- SHA-256 of the address that was last reported, whatever became of it
    status BIGINT,                      -- Push/Status
    observed_at BIGINT,                 -- when the device last said something of it
    changed_at BIGINT NOT NULL,
    pushes BIGINT NOT NULL,             -- pushes that WNS took
    woke BIGINT NOT NULL,               -- of these, followed by a session
    slept BIGINT NOT NULL,              -- of these, not followed by one in time
    awaiting_since BIGINT,              -- WNS took a push, and no session has begun yet
    pushed_at BIGINT,
    woke_at BIGINT,
    outcome TEXT,                       -- of the last push
    outcome_at BIGINT,
    outcome_detail TEXT
);
CREATE INDEX push_channels_awaiting ON push_channels (awaiting_since) WHERE awaiting_since IS NOT NULL;

-- Pushes to be sent, one for each enrollment.
CREATE TABLE pushes (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    urgent BOOLEAN NOT NULL,
    requested_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,             -- not before; while an instance sends it: when another may
    attempts BIGINT NOT NULL,
    claim TEXT COLLATE "C",             -- of the instance that sends it
    claimed_at BIGINT
);
CREATE INDEX pushes_by_due ON pushes (due_at);

-- What all instances share: the token, and how fast they may go. One row for each service.
CREATE TABLE push_services (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    token BYTEA,                        -- sealed
    token_for TEXT COLLATE "C",         -- SHA-256 of the credentials that it was given for
    token_ends BIGINT,
    token_number BIGINT NOT NULL,       -- counts the tokens
    refresh_until BIGINT,               -- an instance asks for one, and has time until then
    refresh_failures BIGINT NOT NULL,
    refresh_after BIGINT,               -- not to be asked before
    problem TEXT,                       -- why there is no token
    problem_at BIGINT,
    paced_until BIGINT NOT NULL,        -- the rate is used up until then
    paused_until BIGINT                 -- the service asked to be left alone
);
INSERT INTO push_services (name, token_number, refresh_failures, paced_until) VALUES ('wns', 0, 0, 0);
