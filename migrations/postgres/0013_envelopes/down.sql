ALTER TABLE enrollments DROP COLUMN envelope_used;
ALTER TABLE enrollments DROP COLUMN envelope_told;
ALTER TABLE enrollments DROP COLUMN envelopes_since;
ALTER TABLE enrollments DROP COLUMN enveloping;
DROP TABLE envelope_keys;
