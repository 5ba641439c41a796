DROP INDEX provisionings_by_failure;
ALTER TABLE provisionings DROP COLUMN failed_at;
