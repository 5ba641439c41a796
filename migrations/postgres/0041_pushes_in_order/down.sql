DROP INDEX pushes_in_order;
CREATE INDEX pushes_by_due ON pushes (due_at);
