-- From then on somebody is to look at what the device has: what it was asked for, or is to be asked for again. What was
-- decided before there was a plan for that is looked at once.
ALTER TABLE policy_devices ADD COLUMN look_at INTEGER;
UPDATE policy_devices SET look_at = 0;
CREATE INDEX policy_devices_by_look ON policy_devices (look_at, enrollment) WHERE look_at IS NOT NULL;
