-- Sets of policies that somebody is writing and has not published: sealed JSON, for each author by themselves.
CREATE TABLE policy_drafts (
    author TEXT COLLATE "C" NOT NULL,   -- a person or a token
    owner TEXT COLLATE "C" NOT NULL,    -- the set
    version BIGINT NOT NULL,            -- counts its changes
    base BIGINT NOT NULL,               -- the revision that it began with; 0 for none
    changed_at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (author, owner)
);

-- Revisions that were written on the pages: all others came from files or scripts, which will publish theirs again.
CREATE TABLE policy_web_revisions (
    revision BIGINT NOT NULL PRIMARY KEY
);
