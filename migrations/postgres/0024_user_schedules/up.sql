-- How often the users of a computer that several work on at once come: the numbers as JSON, as far as they are known.
ALTER TABLE enrollments ADD COLUMN user_schedule TEXT;
-- From then on they may be set; NULL where no user ever had a session of his own.
ALTER TABLE enrollments ADD COLUMN user_schedule_due_at BIGINT;
