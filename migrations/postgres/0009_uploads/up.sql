-- A value that a device is sending in chunks: how many bytes are kept of it, and since when. As many rows as there are
-- sessions in the middle of one; what all devices may leave behind is bounded by their sum.
CREATE TABLE uploads (
    session TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    folded_id TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
