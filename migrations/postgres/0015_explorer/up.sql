-- What was said in sessions, to be found again: for each word a keyed hash, so that nothing can be read here. Ids of
-- sessions sort by their start, so a page of the newest is a range.
CREATE TABLE session_terms (
    term BYTEA NOT NULL,
    session TEXT COLLATE "C" NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    PRIMARY KEY (term, session)
);
CREATE INDEX session_terms_by_session ON session_terms (session);

-- Which command a line of a session is.
CREATE INDEX attempts_by_session ON attempts (session, server_message, cmd_id);

-- Devices that have not been heard of for long, devices of a user, and what happened of one kind.
CREATE INDEX enrollments_by_silence ON enrollments (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX enrollments_by_user ON enrollments (lower(upn), folded_id);
CREATE INDEX events_by_kind ON events (kind, id);
