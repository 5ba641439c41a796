DROP TABLE provisionings;
ALTER TABLE enrollments DROP COLUMN provisioning_due_at;
