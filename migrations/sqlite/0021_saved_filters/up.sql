-- Ways to look at devices that operators keep for themselves.
CREATE TABLE saved_filters (
    id TEXT NOT NULL PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operators (id),
    name TEXT NOT NULL,
    search TEXT NOT NULL,               -- how names, users and ids begin
    condition TEXT NOT NULL,            -- on facts
    created_at INTEGER NOT NULL,
    UNIQUE (operator, name)
) STRICT;
