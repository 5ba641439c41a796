-- Descriptions of settings that were imported: what one release of Windows knows, as one compressed document.
CREATE TABLE csp_drops (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,               -- of what was imported
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL,
    files BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    trees BIGINT NOT NULL,
    nodes BIGINT NOT NULL,
    place BIGINT,                        -- in use, and which counts first; absent: kept only
    body BYTEA NOT NULL
);

-- Administrative templates that were imported.
CREATE TABLE csp_templates (
    file TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- in small letters
    app TEXT,                            -- devices are given it under this name
    kind TEXT,                           -- as a policy or as a preference
    sha256 TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL,
    policies BIGINT NOT NULL,
    body BYTEA NOT NULL
);

-- Counts the changes of both, so that every instance knows when what it has read is no longer true.
CREATE TABLE csp_state (
    id BIGINT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL
);
INSERT INTO csp_state (id, generation) VALUES (1, 1);
