-- What an enrollment that the device made itself knows beside its credentials; NULL for one that was imported.
ALTER TABLE enrollments ADD COLUMN upn TEXT;                -- the enrolled user
ALTER TABLE enrollments ADD COLUMN enrollment_type TEXT;    -- "full" or "device"
ALTER TABLE enrollments ADD COLUMN hw_dev_id TEXT COLLATE "C";  -- in lower case
ALTER TABLE enrollments ADD COLUMN context BYTEA;           -- sealed: all that the device said when it enrolled, as JSON
-- Without a certificate of its own the device is not heard.
ALTER TABLE enrollments ADD COLUMN needs_certificate BOOLEAN NOT NULL DEFAULT FALSE;
-- When the last of its certificates ends; NULL when it has none that counts.
ALTER TABLE enrollments ADD COLUMN certificate_ends BIGINT;
-- The device was told to leave, and has time until then.
ALTER TABLE enrollments ADD COLUMN leave_by BIGINT;
CREATE INDEX enrollments_by_hardware ON enrollments (hw_dev_id) WHERE hw_dev_id IS NOT NULL;
CREATE INDEX enrollments_by_certificate_end ON enrollments (certificate_ends) WHERE certificate_ends IS NOT NULL;
CREATE INDEX enrollments_leaving ON enrollments (leave_by) WHERE leave_by IS NOT NULL;

-- One row for each certificate that was issued to a device. The table decides whether a key may still speak.
CREATE TABLE certificates (
    fingerprint TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- SHA-256 of the certificate
    serial TEXT COLLATE "C" NOT NULL UNIQUE,
    key TEXT COLLATE "C" NOT NULL,                     -- SHA-256 of the public key
    authority TEXT COLLATE "C" NOT NULL,                   -- the id of the authority that issued it
    enrollment TEXT COLLATE "C" NOT NULL REFERENCES enrollments (id),
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    state TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    first_used_at BIGINT,
    revoked_at BIGINT,
    reason TEXT                             -- why it no longer counts
);
CREATE INDEX certificates_by_enrollment ON certificates (enrollment);
CREATE INDEX certificates_by_key ON certificates (key);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;
