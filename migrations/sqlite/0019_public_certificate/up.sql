-- The certificate of the device door that an ACME server issues, one for all instances, and whose turn it is to order it.
CREATE TABLE public_certificates (
    door TEXT NOT NULL PRIMARY KEY,
    directory TEXT,                     -- of the account
    account BLOB,                       -- sealed: the account with its key
    wanted TEXT,                        -- SHA-256 of what the certificate was ordered for
    chain TEXT,                         -- PEM
    key BLOB,                           -- sealed: PEM
    number INTEGER NOT NULL,            -- counts the certificates
    begins_at INTEGER,
    ends_at INTEGER,
    challenges TEXT,                    -- names and what is to be shown for them, as JSON
    turn_until INTEGER,                 -- an instance orders one, and has time until then
    failures INTEGER NOT NULL,          -- in a row
    again_at INTEGER,                   -- not to be tried before
    problem TEXT,                       -- why there was none
    problem_at INTEGER
) STRICT;
INSERT INTO public_certificates (door, number, failures) VALUES ('device', 0, 0);
