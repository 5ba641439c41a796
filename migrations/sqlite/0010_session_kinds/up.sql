-- What a session is for: the device, a user, or both.
ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT 'mixed';
-- Whose session it is, where a token said so, and whether somebody checked the token.
ALTER TABLE sessions ADD COLUMN user_name TEXT;
ALTER TABLE sessions ADD COLUMN user_verified INTEGER NOT NULL DEFAULT 0;

-- Whose nodes a command means; NULL: those of the enrolled user.
ALTER TABLE commands ADD COLUMN user_name TEXT;

-- The last session of each user who has sessions of his own; that of the device is in its enrollment.
CREATE TABLE user_sessions (
    session TEXT NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    awaiting_since INTEGER,              -- it waits for an answer to what was sent
    snapshot BLOB NOT NULL              -- sealed
) STRICT;
CREATE INDEX user_sessions_by_enrollment ON user_sessions (enrollment);
CREATE INDEX user_sessions_awaiting ON user_sessions (awaiting_since) WHERE awaiting_since IS NOT NULL;

-- How far device preparation is (DevicePrepSync), by the device's own word, and since when.
CREATE TABLE device_preparations (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
