DROP INDEX events_by_kind;
DROP INDEX enrollments_by_user;
DROP INDEX enrollments_by_silence;
DROP INDEX attempts_by_session;
DROP TABLE session_terms;
