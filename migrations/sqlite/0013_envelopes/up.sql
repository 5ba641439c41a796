-- Keys of this server that open envelopes and sign what is in those of its replies. A few: one for each rotation.
CREATE TABLE envelope_keys (
    -- SHA-256 of the certificate.
    id TEXT NOT NULL PRIMARY KEY,
    -- The certificate, in DER.
    certificate BLOB NOT NULL,
    -- The key in PKCS #8, sealed.
    private_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT;
-- "off", "accept" or "require": whether messages of the device are enveloped. NULL: as the settings say.
ALTER TABLE enrollments ADD COLUMN enveloping TEXT;
-- When the device said that it envelopes from now on; NULL when it did not, or no longer does.
ALTER TABLE enrollments ADD COLUMN envelopes_since INTEGER;
-- The key that the device was told last, and the one that it has used last.
ALTER TABLE enrollments ADD COLUMN envelope_told TEXT;
ALTER TABLE enrollments ADD COLUMN envelope_used TEXT;
