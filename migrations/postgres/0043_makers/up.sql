-- By whom something was made that somebody can come in with: operators.id, or api_tokens.id for what was made with a
-- token. What they made goes with them.
ALTER TABLE api_tokens ADD COLUMN maker TEXT;
ALTER TABLE operator_links ADD COLUMN maker TEXT;
CREATE INDEX api_tokens_by_maker ON api_tokens (maker) WHERE maker IS NOT NULL;
CREATE INDEX operator_links_by_maker ON operator_links (maker) WHERE maker IS NOT NULL;

-- Tokens of before say only what their maker is called. Of several tokens with a name, it was the last one made before
-- that was good then. Links of before are good for a day.
UPDATE api_tokens SET maker = (SELECT operators.id FROM operators WHERE operators.name = api_tokens.created_by)
    WHERE created_by NOT LIKE 'token:%';
UPDATE api_tokens SET maker = (
        SELECT max(makers.id) FROM api_tokens AS makers
        WHERE 'token:' || makers.name = api_tokens.created_by AND makers.id < api_tokens.id
            AND (makers.revoked_at IS NULL OR makers.revoked_at >= api_tokens.created_at)
    )
    WHERE created_by LIKE 'token:%';
