DROP TABLE push_services;
DROP TABLE pushes;
DROP TABLE push_channels;
ALTER TABLE enrollments DROP COLUMN poll_asked_at;
ALTER TABLE enrollments DROP COLUMN poll_since;
ALTER TABLE enrollments DROP COLUMN poll_schedule;
ALTER TABLE enrollments DROP COLUMN channel_due_at;
ALTER TABLE enrollments DROP COLUMN wake_since;
