-- The certificate of the device door that an ACME server issues, one for all instances, and whose turn it is to order it.
CREATE TABLE public_certificates (
    door TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    directory TEXT,                     -- of the account
    account BYTEA,                       -- sealed: the account with its key
    wanted TEXT COLLATE "C",                        -- SHA-256 of what the certificate was ordered for
    chain TEXT,                         -- PEM
    key BYTEA,                           -- sealed: PEM
    number BIGINT NOT NULL,            -- counts the certificates
    begins_at BIGINT,
    ends_at BIGINT,
    challenges TEXT,                    -- names and what is to be shown for them, as JSON
    turn_until BIGINT,                 -- an instance orders one, and has time until then
    failures BIGINT NOT NULL,          -- in a row
    again_at BIGINT,                   -- not to be tried before
    problem TEXT,                       -- why there was none
    problem_at BIGINT
);
INSERT INTO public_certificates (door, number, failures) VALUES ('device', 0, 0);
