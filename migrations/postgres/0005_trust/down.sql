ALTER TABLE exchanges DROP COLUMN proofs;
ALTER TABLE enrollments DROP COLUMN signing_confirmed_at;
ALTER TABLE enrollments DROP COLUMN signing;
ALTER TABLE certificates DROP COLUMN der;
