-- Descriptions of settings that were imported: what one release of Windows knows, as one compressed document.
CREATE TABLE csp_drops (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,               -- of what was imported
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    files INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    trees INTEGER NOT NULL,
    nodes INTEGER NOT NULL,
    place INTEGER,                       -- in use, and which counts first; absent: kept only
    body BLOB NOT NULL
) STRICT;

-- Administrative templates that were imported.
CREATE TABLE csp_templates (
    file TEXT NOT NULL PRIMARY KEY,     -- in small letters
    app TEXT,                            -- devices are given it under this name
    kind TEXT,                           -- as a policy or as a preference
    sha256 TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    policies INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Counts the changes of both, so that every instance knows when what it has read is no longer true.
CREATE TABLE csp_state (
    id INTEGER NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO csp_state (id, generation) VALUES (1, 1);
