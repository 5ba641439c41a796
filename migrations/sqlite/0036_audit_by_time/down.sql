DROP INDEX audit_by_actor;
DROP INDEX audit_by_subject;
DROP INDEX audit_by_action;
DROP INDEX audit_by_time;
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_subject ON audit (subject, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_time ON audit (at);
