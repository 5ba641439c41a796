-- A value that a device is sending in chunks: how many bytes are kept of it, and since when. As many rows as there are
-- sessions in the middle of one; what all devices may leave behind is bounded by their sum.
CREATE TABLE uploads (
    session TEXT NOT NULL PRIMARY KEY,
    folded_id TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
