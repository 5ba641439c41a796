-- Keys of this server that open envelopes and sign what is in those of its replies. A few: one for each rotation.
CREATE TABLE envelope_keys (
    -- SHA-256 of the certificate.
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The certificate, in DER.
    certificate BYTEA NOT NULL,
    -- The key in PKCS #8, sealed.
    private_key BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    not_after BIGINT NOT NULL
);
-- "off", "accept" or "require": whether messages of the device are enveloped. NULL: as the settings say.
ALTER TABLE enrollments ADD COLUMN enveloping TEXT;
-- When the device said that it envelopes from now on; NULL when it did not, or no longer does.
ALTER TABLE enrollments ADD COLUMN envelopes_since BIGINT;
-- The key that the device was told last, and the one that it has used last.
ALTER TABLE enrollments ADD COLUMN envelope_told TEXT;
ALTER TABLE enrollments ADD COLUMN envelope_used TEXT;
