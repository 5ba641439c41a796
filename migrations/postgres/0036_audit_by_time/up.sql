-- Entries of somebody, of something or of an action are listed newest first, between two times: what is looked for is
-- found without looking at what is newer or older.
DROP INDEX audit_by_actor;
DROP INDEX audit_by_subject;
DROP INDEX audit_by_action;
DROP INDEX audit_by_time;
CREATE INDEX audit_by_actor ON audit (actor, at, seq);
CREATE INDEX audit_by_subject ON audit (subject, at, seq);
CREATE INDEX audit_by_action ON audit (action, at, seq);
CREATE INDEX audit_by_time ON audit (at, seq);
