-- Whose session it is as the tenant keeps people apart, where the token was checked.
ALTER TABLE sessions ADD COLUMN user_tenant TEXT;
ALTER TABLE sessions ADD COLUMN user_object TEXT;

-- The device of Entra ID that the enrollment has shown a token of, with its tenant.
ALTER TABLE enrollments ADD COLUMN entra_device TEXT;
