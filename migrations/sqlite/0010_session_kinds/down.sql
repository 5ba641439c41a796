DROP TABLE device_preparations;
DROP TABLE user_sessions;
ALTER TABLE commands DROP COLUMN user_name;
ALTER TABLE sessions DROP COLUMN user_verified;
ALTER TABLE sessions DROP COLUMN user_name;
ALTER TABLE sessions DROP COLUMN kind;
