-- Since when a part of it has failed, so that those can be listed without looking at all; NULL while none has.
ALTER TABLE provisionings ADD COLUMN failed_at INTEGER;
UPDATE provisionings SET failed_at = changed_at
    WHERE value LIKE '%"state":"failed"%' OR value LIKE '%"state":"timed_out"%' OR value LIKE '%"state":"refused"%';
CREATE INDEX provisionings_by_failure ON provisionings (failed_at, enrollment) WHERE failed_at IS NOT NULL;
