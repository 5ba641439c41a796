-- From then on the device is asked for facts; NULL when it never was.
ALTER TABLE enrollments ADD COLUMN facts_due_at INTEGER;

-- What is known of a device, one row for each fact of the catalogue that was observed. All of them were observed in one
-- life of the device: the facts of the life before go when another begins.
CREATE TABLE facts (
    device TEXT NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    enrollment TEXT NOT NULL,   -- in which it was observed
    kind TEXT NOT NULL,         -- text, integer, boolean, time, list, odd or absent
    word TEXT,                  -- of a text
    number INTEGER,                          -- of a number, a yes or no, a time; how many items a list has
    said TEXT,                              -- what is odd
    status INTEGER,                          -- why it is absent
    observed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (device, name)
) STRICT;
CREATE INDEX facts_by_word ON facts (name, word, device) WHERE word IS NOT NULL;
CREATE INDEX facts_by_number ON facts (name, number, device) WHERE number IS NOT NULL;

-- The items of facts that are lists.
CREATE TABLE fact_items (
    device TEXT NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (device, name, item)
) STRICT;
CREATE INDEX fact_items_by_item ON fact_items (name, item, device);

-- What facts became, newest last; the oldest of each fact go.
CREATE TABLE fact_changes (
    id TEXT NOT NULL PRIMARY KEY,
    device TEXT NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    enrollment TEXT NOT NULL,
    at INTEGER NOT NULL,
    change TEXT NOT NULL                    -- JSON
) STRICT;
CREATE INDEX fact_changes_by_fact ON fact_changes (device, name, id);
CREATE INDEX fact_changes_by_age ON fact_changes (at);
