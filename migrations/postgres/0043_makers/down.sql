DROP INDEX operator_links_by_maker;
DROP INDEX api_tokens_by_maker;
ALTER TABLE operator_links DROP COLUMN maker;
ALTER TABLE api_tokens DROP COLUMN maker;
