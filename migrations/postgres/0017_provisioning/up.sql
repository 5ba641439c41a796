-- From then on it is looked how far the provisioning of the device is; NULL when it never was. The largest numbers stand
-- for never, and for looking only when a user comes. Who enrolled before is provisioned.
ALTER TABLE enrollments ADD COLUMN provisioning_due_at BIGINT;
UPDATE enrollments SET provisioning_due_at = 9223372036854775807;

-- What is expected of a device before a person may work with it, and how far it is: a JSON document, which an enrollment
-- has one of at most.
CREATE TABLE provisionings (
    enrollment TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    value TEXT NOT NULL,
    deadline BIGINT,                     -- when time runs out for something that goes on
    changed_at BIGINT NOT NULL
);
CREATE INDEX provisionings_by_deadline ON provisionings (deadline) WHERE deadline IS NOT NULL;
