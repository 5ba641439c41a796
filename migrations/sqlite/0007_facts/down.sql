DROP TABLE fact_changes;
DROP TABLE fact_items;
DROP TABLE facts;
ALTER TABLE enrollments DROP COLUMN facts_due_at;
