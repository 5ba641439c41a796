-- What a session is for: the device, a user, or both.
ALTER TABLE sessions ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT 'mixed';
-- Whose session it is, where a token said so, and whether somebody checked the token.
ALTER TABLE sessions ADD COLUMN user_name TEXT;
ALTER TABLE sessions ADD COLUMN user_verified BOOLEAN NOT NULL DEFAULT FALSE;

-- Whose nodes a command means; NULL: those of the enrolled user.
ALTER TABLE commands ADD COLUMN user_name TEXT;

-- The last session of each user who has sessions of his own; that of the device is in its enrollment.
CREATE TABLE user_sessions (
    session TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    enrollment TEXT COLLATE "C" NOT NULL REFERENCES enrollments (id),
    awaiting_since BIGINT,              -- it waits for an answer to what was sent
    snapshot BYTEA NOT NULL              -- sealed
);
CREATE INDEX user_sessions_by_enrollment ON user_sessions (enrollment);
CREATE INDEX user_sessions_awaiting ON user_sessions (awaiting_since) WHERE awaiting_since IS NOT NULL;

-- How far device preparation is (DevicePrepSync), by the device's own word, and since when.
CREATE TABLE device_preparations (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL
);
