-- The certificate itself: signatures of messages are verified with it. NULL where it was issued before this column.
ALTER TABLE certificates ADD COLUMN der BYTEA;
-- "off", "accept" or "require": whether messages of the device are signed. NULL: as the settings say.
ALTER TABLE enrollments ADD COLUMN signing TEXT;
-- When the device said that it signs from now on; NULL when it did not, or no longer does.
ALTER TABLE enrollments ADD COLUMN signing_confirmed_at BIGINT;
-- What proved who sent the message, and how each proof was judged, as JSON.
ALTER TABLE exchanges ADD COLUMN proofs TEXT;
