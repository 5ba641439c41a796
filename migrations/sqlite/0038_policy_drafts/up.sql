-- Sets of policies that somebody is writing and has not published: sealed JSON, for each author by themselves.
CREATE TABLE policy_drafts (
    author TEXT NOT NULL,               -- a person or a token
    owner TEXT NOT NULL,                -- the set
    version INTEGER NOT NULL,           -- counts its changes
    base INTEGER NOT NULL,              -- the revision that it began with; 0 for none
    changed_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (author, owner)
) STRICT;

-- Revisions that were written on the pages: all others came from files or scripts, which will publish theirs again.
CREATE TABLE policy_web_revisions (
    revision INTEGER NOT NULL PRIMARY KEY
) STRICT;
