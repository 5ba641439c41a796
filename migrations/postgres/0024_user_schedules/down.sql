ALTER TABLE enrollments DROP COLUMN user_schedule_due_at;
ALTER TABLE enrollments DROP COLUMN user_schedule;
