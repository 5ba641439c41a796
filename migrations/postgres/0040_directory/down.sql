ALTER TABLE sign_ins DROP COLUMN said;
DELETE FROM facts WHERE name LIKE 'user.%' AND name <> 'user.login';
DELETE FROM fact_items WHERE name = 'user.groups';
DROP TABLE directory_devices;
DROP TABLE directory_people;
