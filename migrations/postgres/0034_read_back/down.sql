DROP INDEX policy_devices_by_look;
ALTER TABLE policy_devices DROP COLUMN look_at;
