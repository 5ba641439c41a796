ALTER TABLE enrollments DROP COLUMN entra_device;
ALTER TABLE sessions DROP COLUMN user_object;
ALTER TABLE sessions DROP COLUMN user_tenant;
