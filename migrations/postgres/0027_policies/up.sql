-- What declarations say, by the token of what they say: sealed JSON. Never changed; revisions refer to it.
CREATE TABLE policy_contents (
    token TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL
);

-- Declarations as they are now. All sets share one space of identifiers; a set prunes only what it owns.
CREATE TABLE policy_declarations (
    identifier TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,                -- the set
    kind TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,          -- that brought it as it is
    changed_at BIGINT NOT NULL
);
CREATE INDEX policy_declarations_by_owner ON policy_declarations (owner, identifier);

-- What was published when, by whom and why. Never changed.
CREATE TABLE policy_revisions (
    number BIGINT NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    at BIGINT NOT NULL,
    added BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    removed BIGINT NOT NULL
);
CREATE INDEX policy_revisions_by_owner ON policy_revisions (owner, number);

-- All declarations of the set as they were with a revision.
CREATE TABLE policy_revision_items (
    revision BIGINT NOT NULL,
    identifier TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    token TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (revision, identifier)
);

-- What one life of a device is to have, what it confirmed, and where each setting stands: sealed JSON.
CREATE TABLE policy_devices (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    version BIGINT NOT NULL,           -- counts its changes
    waits BIGINT NOT NULL,             -- settings whose outcome is waited for
    changed_at BIGINT NOT NULL,
    value BYTEA NOT NULL
);

-- Where a declaration stands on a device, for lists.
CREATE TABLE policy_standings (
    identifier TEXT COLLATE "C" NOT NULL,
    enrollment TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (identifier, enrollment)
);
CREATE INDEX policy_standings_by_state ON policy_standings (identifier, state, enrollment);

-- The same counted, in several parts so that messages of many devices do not wait for each other.
CREATE TABLE policy_counts (
    identifier TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    part BIGINT NOT NULL,
    devices BIGINT NOT NULL,
    PRIMARY KEY (identifier, state, part)
);

-- Devices to be looked at again. The ticket grows each time that one is asked for.
CREATE TABLE policy_looks (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    ticket BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX policy_looks_by_time ON policy_looks (due_at);

-- One row: what was published last, how far it went through the devices, and which instance is about it.
CREATE TABLE policy_work (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,        -- grows with each change of what is wanted
    changed_at BIGINT NOT NULL,
    walk TEXT NOT NULL,                 -- JSON
    claim TEXT COLLATE "C",
    claimed_until BIGINT
);
INSERT INTO policy_work (name, generation, changed_at, walk) VALUES ('policies', 0, 0, '{}');
