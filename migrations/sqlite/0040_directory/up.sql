-- What is known of people: from the provider where they signed in to enroll, or from operators. Devices get it as facts.
CREATE TABLE directory_people (
    folded_name TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    value TEXT NOT NULL,                -- JSON: groups and attributes
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    forgotten INTEGER NOT NULL,         -- it goes when all of their devices have heard so
    spread TEXT                         -- the last of their devices that has it as it is now; NULL when all have
) STRICT;
CREATE INDEX directory_people_to_spread ON directory_people (folded_name) WHERE spread IS NOT NULL;

-- Whose a device is.
CREATE TABLE directory_devices (
    device TEXT NOT NULL PRIMARY KEY REFERENCES devices (id),
    person TEXT NOT NULL,               -- as directory_people.folded_name; nothing needs to be known of them
    name TEXT NOT NULL
) STRICT;
CREATE INDEX directory_devices_by_person ON directory_devices (person, device);

INSERT INTO directory_devices (device, person, name)
    SELECT enrollments.device, admissions.folded_user, admissions.user_name
    FROM admissions JOIN enrollments ON enrollments.id = admissions.enrollment
    WHERE enrollments.ended_at IS NULL AND enrollments.state IN ('active', 'unenrolling')
    ON CONFLICT DO NOTHING;
INSERT INTO facts (device, name, enrollment, kind, word, observed_at, changed_at)
    SELECT enrollments.device, 'user.name', enrollments.id, 'text', admissions.user_name,
        admissions.admitted_at, admissions.admitted_at
    FROM admissions JOIN enrollments ON enrollments.id = admissions.enrollment
    WHERE enrollments.ended_at IS NULL AND enrollments.state IN ('active', 'unenrolling')
    ON CONFLICT DO NOTHING;

-- What the provider said of whoever signed in: JSON, until a device enrolls with it.
ALTER TABLE sign_ins ADD COLUMN said TEXT;
