DROP TABLE audit_chain;
DROP TABLE audit;
ALTER TABLE api_tokens DROP COLUMN created_by;
ALTER TABLE api_tokens DROP COLUMN scope;
ALTER TABLE api_tokens DROP COLUMN role;
DROP TABLE operator_links;
DROP TABLE operator_sessions;
DROP TABLE operators;
