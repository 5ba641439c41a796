-- Revisions that go to devices in stages. At most one is not done.
CREATE TABLE policy_stages (
    revision INTEGER NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    value TEXT NOT NULL                 -- JSON
) STRICT;
CREATE INDEX policy_stages_by_state ON policy_stages (state, revision);

-- What failed until then is to be sent again: of a declaration, or of all under the empty name.
CREATE TABLE policy_retries (
    identifier TEXT NOT NULL PRIMARY KEY,
    asked_at INTEGER NOT NULL
) STRICT;
