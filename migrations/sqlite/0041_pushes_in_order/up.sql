-- Pushes are claimed urgent ones first, and of these the longest due: what goes out next is found without looking at all
-- that waits.
DROP INDEX pushes_by_due;
CREATE INDEX pushes_in_order ON pushes (urgent, due_at);
