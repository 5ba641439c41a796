-- What was removed and still stands on devices is shown as it last was: the last revision that had it.
CREATE INDEX policy_revision_items_by_name ON policy_revision_items (identifier, revision);
