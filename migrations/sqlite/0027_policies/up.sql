-- What declarations say, by the token of what they say: sealed JSON. Never changed; revisions refer to it.
CREATE TABLE policy_contents (
    token TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

-- Declarations as they are now. All sets share one space of identifiers; a set prunes only what it owns.
CREATE TABLE policy_declarations (
    identifier TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,                -- the set
    kind TEXT NOT NULL,
    token TEXT NOT NULL,
    revision INTEGER NOT NULL,          -- that brought it as it is
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_declarations_by_owner ON policy_declarations (owner, identifier);

-- What was published when, by whom and why. Never changed.
CREATE TABLE policy_revisions (
    number INTEGER NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    at INTEGER NOT NULL,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_revisions_by_owner ON policy_revisions (owner, number);

-- All declarations of the set as they were with a revision.
CREATE TABLE policy_revision_items (
    revision INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    kind TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (revision, identifier)
) STRICT, WITHOUT ROWID;

-- What one life of a device is to have, what it confirmed, and where each setting stands: sealed JSON.
CREATE TABLE policy_devices (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    version INTEGER NOT NULL,           -- counts its changes
    waits INTEGER NOT NULL,             -- settings whose outcome is waited for
    changed_at INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;

-- Where a declaration stands on a device, for lists.
CREATE TABLE policy_standings (
    identifier TEXT NOT NULL,
    enrollment TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (identifier, enrollment)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_standings_by_state ON policy_standings (identifier, state, enrollment);

-- The same counted, in several parts so that messages of many devices do not wait for each other.
CREATE TABLE policy_counts (
    identifier TEXT NOT NULL,
    state TEXT NOT NULL,
    part INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (identifier, state, part)
) STRICT, WITHOUT ROWID;

-- Devices to be looked at again. The ticket grows each time that one is asked for.
CREATE TABLE policy_looks (
    enrollment TEXT NOT NULL PRIMARY KEY,
    ticket INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_looks_by_time ON policy_looks (due_at);

-- One row: what was published last, how far it went through the devices, and which instance is about it.
CREATE TABLE policy_work (
    name TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,        -- grows with each change of what is wanted
    changed_at INTEGER NOT NULL,
    walk TEXT NOT NULL,                 -- JSON
    claim TEXT,
    claimed_until INTEGER
) STRICT;
INSERT INTO policy_work (name, generation, changed_at, walk) VALUES ('policies', 0, 0, '{}');
