-- Ways to look at devices that operators keep for themselves.
CREATE TABLE saved_filters (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    operator TEXT COLLATE "C" NOT NULL REFERENCES operators (id),
    name TEXT COLLATE "C" NOT NULL,
    search TEXT NOT NULL,               -- how names, users and ids begin
    condition TEXT NOT NULL,            -- on facts
    created_at BIGINT NOT NULL,
    UNIQUE (operator, name)
);
