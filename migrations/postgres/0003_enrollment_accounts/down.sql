DROP TABLE enrollment_attempts;
DROP TABLE enrollment_failures;
DROP TABLE declared_devices;
DROP TABLE admissions;
DROP TABLE enrollment_tokens;
DROP TABLE enrollment_users;
