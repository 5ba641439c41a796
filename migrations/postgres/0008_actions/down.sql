DROP TABLE diagnostics;
DROP TABLE recovery_key_views;
DROP TABLE recovery_keys;
DROP TABLE actions;
