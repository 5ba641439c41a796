-- The whole schema, as the migrations make it. Rewritten by BLESS=1 cargo test; a test compares.

CREATE TABLE actions (
    id TEXT NOT NULL PRIMARY KEY,
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    folded_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    request BLOB NOT NULL,             -- sealed: what was asked for, with its secrets
    command TEXT NOT NULL,  -- whose outcome decides
    state TEXT NOT NULL,
    progress TEXT,                      -- what the device last said of it
    detail TEXT,                        -- why it ended so
    baseline BLOB,                     -- sealed: what the device said before it began
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    accepted_at INTEGER,                 -- the device took it on then
    ask_at INTEGER,                      -- the device is asked how far it is, from then on
    asks INTEGER NOT NULL,               -- how often it was asked
    settled_at INTEGER                   -- when it ended
) STRICT;
CREATE INDEX actions_by_device ON actions (folded_id, id);
CREATE INDEX actions_open ON actions (enrollment) WHERE settled_at IS NULL;
CREATE INDEX actions_settled ON actions (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE admissions (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    user_name TEXT NOT NULL,
    folded_user TEXT NOT NULL,
    means TEXT NOT NULL,
    token TEXT,
    device_id TEXT NOT NULL,
    folded_id TEXT NOT NULL,
    hw_dev_id TEXT,
    admitted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX admissions_by_token ON admissions (token, enrollment) WHERE token IS NOT NULL;
CREATE INDEX admissions_by_user ON admissions (folded_user, folded_id);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
, role TEXT NOT NULL DEFAULT 'admin', scope TEXT, created_by TEXT, maker TEXT) STRICT;
CREATE INDEX api_tokens_by_maker ON api_tokens (maker) WHERE maker IS NOT NULL;

CREATE TABLE attempts (
    command TEXT NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    session TEXT NOT NULL,
    server_message INTEGER NOT NULL,
    cmd_id INTEGER NOT NULL,
    sent_in TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    answered_in TEXT,
    answered_at INTEGER,
    PRIMARY KEY (command, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_session ON attempts (session, server_message, cmd_id);

CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    from_address TEXT,
    trace TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_by_action ON audit (action, at, seq);
CREATE INDEX audit_by_actor ON audit (actor, at, seq);
CREATE INDEX audit_by_subject ON audit (subject, at, seq);
CREATE INDEX audit_by_time ON audit (at, seq);

CREATE TABLE audit_chain (
    id INTEGER NOT NULL PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    anchor BLOB NOT NULL,               -- the hash of the entry before the first
    last_seq INTEGER NOT NULL,
    head BLOB NOT NULL                  -- the hash of the last entry
) STRICT;

CREATE TABLE certificates (
    fingerprint TEXT NOT NULL PRIMARY KEY,  -- SHA-256 of the certificate
    serial TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,                     -- SHA-256 of the public key
    authority TEXT NOT NULL,                   -- the id of the authority that issued it
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    state TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    first_used_at INTEGER,
    revoked_at INTEGER,
    reason TEXT                             -- why it no longer counts
, der BLOB) STRICT;
CREATE INDEX certificates_by_end ON certificates (not_after, fingerprint);
CREATE INDEX certificates_by_enrollment ON certificates (enrollment);
CREATE INDEX certificates_by_key ON certificates (key);
CREATE INDEX certificates_by_state ON certificates (state, not_after, fingerprint);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE TABLE commands (
    id TEXT NOT NULL PRIMARY KEY,
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    folded_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    batch TEXT,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    scope TEXT NOT NULL,
    lane INTEGER NOT NULL,              -- 1: only while the user is signed in; 0: all others
    proof INTEGER NOT NULL,             -- kept longer than the rest
    state TEXT NOT NULL,
    reason TEXT,
    reason_since INTEGER,
    reason_count INTEGER,
    retry_at INTEGER,
    reason_detail TEXT,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    not_before INTEGER,
    expires_at INTEGER,
    attempts INTEGER NOT NULL,
    sent_at INTEGER,
    settled_at INTEGER,
    ready_at INTEGER,
    lapses_at INTEGER,
    accepted_at INTEGER,
    depends_on TEXT,                    -- ids as a JSON array
    instruction BLOB NOT NULL,          -- sealed
    progress BLOB, user_name TEXT,                      -- sealed
    UNIQUE (enrollment, sequence)
) STRICT;
CREATE INDEX commands_accepted ON commands (accepted_at) WHERE accepted_at IS NOT NULL;
CREATE INDEX commands_by_batch ON commands (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX commands_by_device ON commands (folded_id, id);
CREATE INDEX commands_by_standing ON commands (enrollment, state, reason, sequence);
CREATE INDEX commands_by_state ON commands (state, id);
CREATE INDEX commands_lapsing ON commands (lapses_at) WHERE lapses_at IS NOT NULL;
CREATE INDEX commands_ready ON commands (enrollment, lane, sequence, ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX commands_settled ON commands (settled_at, id) WHERE settled_at IS NOT NULL;

CREATE TABLE csp_drops (
    name TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,               -- of what was imported
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    files INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    trees INTEGER NOT NULL,
    nodes INTEGER NOT NULL,
    place INTEGER,                       -- in use, and which counts first; absent: kept only
    body BLOB NOT NULL
) STRICT;

CREATE TABLE csp_state (
    id INTEGER NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT;

CREATE TABLE csp_templates (
    file TEXT NOT NULL PRIMARY KEY,     -- in small letters
    app TEXT,                            -- devices are given it under this name
    kind TEXT,                           -- as a policy or as a preference
    sha256 TEXT NOT NULL,
    imported_at INTEGER NOT NULL,
    imported_by TEXT NOT NULL,
    policies INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE declared_devices (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    note TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT;

CREATE TABLE device_preparations (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE devices (
    id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT NOT NULL,            -- as it was first sent
    folded_id TEXT NOT NULL UNIQUE,     -- in lower case: the form that is compared
    folded_name TEXT,
    created_at INTEGER NOT NULL,
    name TEXT,
    manufacturer TEXT,
    model TEXT,
    language TEXT,
    dm_version TEXT,
    os_version TEXT
) STRICT;
CREATE INDEX devices_by_name ON devices (folded_name, folded_id) WHERE folded_name IS NOT NULL;

CREATE TABLE diagnostics (
    action TEXT NOT NULL PRIMARY KEY REFERENCES actions (id),
    token_hash BLOB NOT NULL UNIQUE,   -- SHA-256 of what the address ends with
    open_until INTEGER NOT NULL,         -- the address is good until then
    claimed_until INTEGER,               -- the device is sending, and has time until then
    bytes INTEGER,
    sha256 TEXT,
    received_at INTEGER,
    deleted_at INTEGER
) STRICT;
CREATE INDEX diagnostics_received ON diagnostics (received_at) WHERE deleted_at IS NULL;

CREATE TABLE directory_devices (
    device TEXT NOT NULL PRIMARY KEY REFERENCES devices (id),
    person TEXT NOT NULL,               -- as directory_people.folded_name; nothing needs to be known of them
    name TEXT NOT NULL
) STRICT;
CREATE INDEX directory_devices_by_person ON directory_devices (person, device);

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

CREATE TABLE enrollment_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    peer TEXT NOT NULL,
    user_name TEXT,
    folded_user TEXT,
    device_id TEXT,
    folded_id TEXT,
    hw_dev_id TEXT,
    device_name TEXT,
    step TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    fault TEXT,
    detail TEXT,
    enrollment TEXT,
    trace_id TEXT NOT NULL
) STRICT;
CREATE INDEX enrollment_attempts_by_device ON enrollment_attempts (folded_id, id) WHERE folded_id IS NOT NULL;
CREATE INDEX enrollment_attempts_by_time ON enrollment_attempts (at);
CREATE INDEX enrollment_attempts_by_trace ON enrollment_attempts (trace_id, id);
CREATE INDEX enrollment_attempts_by_user ON enrollment_attempts (folded_user, id) WHERE folded_user IS NOT NULL;

CREATE TABLE enrollment_failures (
    bucket TEXT NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    failed_at INTEGER NOT NULL,
    locked_until INTEGER,
    noted TEXT                          -- the attempt at which those that come while it is locked are counted
) STRICT;
CREATE INDEX enrollment_failures_by_time ON enrollment_failures (failed_at);

CREATE TABLE enrollment_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of the token
    user_name TEXT NOT NULL,
    folded_user TEXT NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX enrollment_tokens_by_user ON enrollment_tokens (folded_user, id);

CREATE TABLE enrollment_users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT NOT NULL UNIQUE,   -- in lower case: the form that is compared
    display_name TEXT,
    password BLOB NOT NULL,             -- sealed: the Argon2id hash
    bulk INTEGER NOT NULL,              -- enrolls devices for others: any number
    max_devices INTEGER,
    created_at INTEGER NOT NULL,
    password_set_at INTEGER NOT NULL,
    disabled_at INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE TABLE enrollments (
    id TEXT NOT NULL PRIMARY KEY,
    device TEXT NOT NULL REFERENCES devices (id),
    device_id TEXT NOT NULL,
    folded_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    account BLOB,                       -- sealed; gone when the enrollment has ended
    info TEXT NOT NULL,                 -- what the device last said of itself, as JSON
    next_sequence INTEGER NOT NULL,
    open_commands INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    first_seen_at INTEGER,
    last_seen_at INTEGER,
    ended_at INTEGER,
    session TEXT,
    session_snapshot BLOB,              -- sealed
    awaiting_since INTEGER, upn TEXT, enrollment_type TEXT, hw_dev_id TEXT, context BLOB, needs_certificate INTEGER NOT NULL DEFAULT 0, certificate_ends INTEGER, leave_by INTEGER, signing TEXT, signing_confirmed_at INTEGER, wake_since INTEGER, channel_due_at INTEGER, poll_schedule TEXT, poll_since INTEGER, poll_asked_at INTEGER, facts_due_at INTEGER, enveloping TEXT, envelopes_since INTEGER, envelope_told TEXT, envelope_used TEXT, provisioning_due_at INTEGER, entra_device TEXT, user_schedule TEXT, user_schedule_due_at INTEGER,             -- since when the newest session has waited for an answer
    UNIQUE (folded_id, generation)
) STRICT;
CREATE INDEX enrollments_awaiting ON enrollments (awaiting_since) WHERE awaiting_since IS NOT NULL;
CREATE INDEX enrollments_by_certificate_end ON enrollments (certificate_ends) WHERE certificate_ends IS NOT NULL;
CREATE INDEX enrollments_by_device ON enrollments (device);
CREATE INDEX enrollments_by_hardware ON enrollments (hw_dev_id) WHERE hw_dev_id IS NOT NULL;
CREATE INDEX enrollments_by_silence ON enrollments (last_seen_at) WHERE ended_at IS NULL;
CREATE INDEX enrollments_by_user ON enrollments (lower(upn), folded_id);
CREATE INDEX enrollments_leaving ON enrollments (leave_by) WHERE leave_by IS NOT NULL;

CREATE TABLE envelope_keys (
    -- SHA-256 of the certificate.
    id TEXT NOT NULL PRIMARY KEY,
    -- The certificate, in DER.
    certificate BLOB NOT NULL,
    -- The key in PKCS #8, sealed.
    private_key BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    device_id TEXT,
    folded_id TEXT,
    enrollment TEXT,
    session TEXT,
    exchange TEXT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    mime TEXT,
    source TEXT,
    format TEXT,
    mark TEXT,
    detail TEXT,
    data BLOB                           -- sealed
) STRICT;
CREATE INDEX events_by_device ON events (folded_id, id) WHERE folded_id IS NOT NULL;
CREATE INDEX events_by_kind ON events (kind, id);
CREATE INDEX events_by_session ON events (session, id) WHERE session IS NOT NULL;
CREATE INDEX events_by_time ON events (at);

CREATE TABLE exchanges (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    enrollment TEXT,
    device_id TEXT,
    folded_id TEXT,
    session_id TEXT,
    received_at INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    peer TEXT NOT NULL,
    encoding TEXT,
    client_message INTEGER,
    server_message INTEGER,
    outcome TEXT NOT NULL,
    detail TEXT,
    headers TEXT NOT NULL,
    request_size INTEGER NOT NULL,
    reply_size INTEGER NOT NULL,
    request BLOB,                       -- sealed
    reply BLOB                          -- sealed
, proofs TEXT) STRICT;
CREATE INDEX exchanges_by_session ON exchanges (session, id) WHERE session IS NOT NULL;
CREATE INDEX exchanges_by_time ON exchanges (received_at, stored_bytes);
CREATE INDEX exchanges_unauthenticated ON exchanges (folded_id, id) WHERE session IS NULL;

CREATE TABLE fact_changes (
    id TEXT NOT NULL PRIMARY KEY,
    device TEXT NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    enrollment TEXT NOT NULL,
    at INTEGER NOT NULL,
    change TEXT NOT NULL                    -- JSON
) STRICT;
CREATE INDEX fact_changes_by_age ON fact_changes (at);
CREATE INDEX fact_changes_by_fact ON fact_changes (device, name, id);

CREATE TABLE fact_items (
    device TEXT NOT NULL REFERENCES devices (id),
    name TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (device, name, item)
) STRICT;
CREATE INDEX fact_items_by_item ON fact_items (name, item, device);

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
CREATE INDEX facts_by_number ON facts (name, number, device) WHERE number IS NOT NULL;
CREATE INDEX facts_by_word ON facts (name, word, device) WHERE word IS NOT NULL;

CREATE TABLE feed (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    device_id TEXT,
    folded_id TEXT,
    enrollment TEXT,
    session TEXT,
    exchange TEXT,
    trace_id TEXT,                      -- of the request in which it happened
    correlation TEXT,                   -- what the device calls that request (MS-CV)
    data BLOB NOT NULL                  -- sealed: what belongs to the kind, as JSON
) STRICT;

CREATE TABLE idempotency_keys (
    token TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    status INTEGER,
    response BLOB,                      -- sealed
    PRIMARY KEY (token, key)
) STRICT;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

CREATE TABLE journal_size (
    counted_until INTEGER NOT NULL PRIMARY KEY,
    stored_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE operator_links (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of the secret in the link
    operator TEXT REFERENCES operators (id), -- whose password it sets; absent for one who is not there yet
    name TEXT,                          -- what the new one is called, where that is fixed
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
, maker TEXT) STRICT;
CREATE INDEX operator_links_by_end ON operator_links (expires_at);
CREATE INDEX operator_links_by_maker ON operator_links (maker) WHERE maker IS NOT NULL;

CREATE TABLE operator_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,          -- SHA-256 of what the browser shows
    operator TEXT NOT NULL REFERENCES operators (id),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX operator_sessions_by_end ON operator_sessions (expires_at);
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator);

CREATE TABLE operators (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,                 -- as it was first written
    folded_name TEXT NOT NULL UNIQUE,   -- in lower case: the form that is compared
    role TEXT NOT NULL,
    subject TEXT UNIQUE,                -- issuer and subject at the provider of sign-ins
    password BLOB,                      -- sealed: the Argon2id hash
    totp BLOB,                          -- sealed: the secret of the authenticator
    totp_step INTEGER NOT NULL,         -- the last code that was used: none is good twice
    recovery TEXT,                      -- hashes of the recovery codes that are left
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at INTEGER,
    last_seen_at INTEGER,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_contents (
    token TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE policy_counts (
    identifier TEXT NOT NULL,
    state TEXT NOT NULL,
    part INTEGER NOT NULL,
    devices INTEGER NOT NULL,
    PRIMARY KEY (identifier, state, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_declarations (
    identifier TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,                -- the set
    kind TEXT NOT NULL,
    token TEXT NOT NULL,
    revision INTEGER NOT NULL,          -- that brought it as it is
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_declarations_by_owner ON policy_declarations (owner, identifier);

CREATE TABLE policy_devices (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    version INTEGER NOT NULL,           -- counts its changes
    waits INTEGER NOT NULL,             -- settings whose outcome is waited for
    changed_at INTEGER NOT NULL,
    value BLOB NOT NULL
, look_at INTEGER) STRICT;
CREATE INDEX policy_devices_by_look ON policy_devices (look_at, enrollment) WHERE look_at IS NOT NULL;

CREATE TABLE policy_drafts (
    author TEXT NOT NULL,               -- a person or a token
    owner TEXT NOT NULL,                -- the set
    version INTEGER NOT NULL,           -- counts its changes
    base INTEGER NOT NULL,              -- the revision that it began with; 0 for none
    changed_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (author, owner)
) STRICT;

CREATE TABLE policy_looks (
    enrollment TEXT NOT NULL PRIMARY KEY,
    ticket INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_looks_by_time ON policy_looks (due_at);

CREATE TABLE policy_retries (
    identifier TEXT NOT NULL PRIMARY KEY,
    asked_at INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_revision_items (
    revision INTEGER NOT NULL,
    identifier TEXT NOT NULL,
    kind TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (revision, identifier)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_revision_items_by_name ON policy_revision_items (identifier, revision);

CREATE TABLE policy_revisions (
    number INTEGER NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    at INTEGER NOT NULL,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE INDEX policy_revisions_by_owner ON policy_revisions (owner, number);

CREATE TABLE policy_secret_nodes (
    pattern TEXT NOT NULL PRIMARY KEY
) STRICT;

CREATE TABLE policy_secrets (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,           -- counts the values
    value BLOB,
    set_at INTEGER NOT NULL,
    set_by TEXT NOT NULL
) STRICT;

CREATE TABLE policy_stages (
    revision INTEGER NOT NULL PRIMARY KEY,
    state TEXT NOT NULL,
    value TEXT NOT NULL                 -- JSON
) STRICT;
CREATE INDEX policy_stages_by_state ON policy_stages (state, revision);

CREATE TABLE policy_standings (
    identifier TEXT NOT NULL,
    enrollment TEXT NOT NULL,
    state TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (identifier, enrollment)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_standings_by_state ON policy_standings (identifier, state, enrollment);

CREATE TABLE policy_web_revisions (
    revision INTEGER NOT NULL PRIMARY KEY
) STRICT;

CREATE TABLE policy_work (
    name TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,        -- grows with each change of what is wanted
    changed_at INTEGER NOT NULL,
    walk TEXT NOT NULL,                 -- JSON
    claim TEXT,
    claimed_until INTEGER
) STRICT;

CREATE TABLE provisionings (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    value TEXT NOT NULL,
    deadline INTEGER,                     -- when time runs out for something that goes on
    changed_at INTEGER NOT NULL
, failed_at INTEGER) STRICT;
CREATE INDEX provisionings_by_deadline ON provisionings (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX provisionings_by_failure ON provisionings (failed_at, enrollment) WHERE failed_at IS NOT NULL;

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

CREATE TABLE push_channels (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    state TEXT NOT NULL,
    reason TEXT,                        -- why it is in this state
    package TEXT,                       -- the package family name that the device was given
    uri BLOB,                          -- sealed: the address, where it may be called
    uri_hash TEXT,          -- SHA-256 of the address that was last reported, whatever became of it
    status INTEGER,                      -- Push/Status
    observed_at INTEGER,                 -- when the device last said something of it
    changed_at INTEGER NOT NULL,
    pushes INTEGER NOT NULL,             -- pushes that WNS took
    woke INTEGER NOT NULL,               -- of these, followed by a session
    slept INTEGER NOT NULL,              -- of these, not followed by one in time
    awaiting_since INTEGER,              -- WNS took a push, and no session has begun yet
    pushed_at INTEGER,
    woke_at INTEGER,
    outcome TEXT,                       -- of the last push
    outcome_at INTEGER,
    outcome_detail TEXT
) STRICT;
CREATE INDEX push_channels_awaiting ON push_channels (awaiting_since) WHERE awaiting_since IS NOT NULL;
CREATE INDEX push_channels_by_state ON push_channels (state);

CREATE TABLE push_services (
    name TEXT NOT NULL PRIMARY KEY,
    token BLOB,                        -- sealed
    token_for TEXT,         -- SHA-256 of the credentials that it was given for
    token_ends INTEGER,
    token_number INTEGER NOT NULL,       -- counts the tokens
    refresh_until INTEGER,               -- an instance asks for one, and has time until then
    refresh_failures INTEGER NOT NULL,
    refresh_after INTEGER,               -- not to be asked before
    problem TEXT,                       -- why there is no token
    problem_at INTEGER,
    paced_until INTEGER NOT NULL,        -- the rate is used up until then
    paused_until INTEGER                 -- the service asked to be left alone
) STRICT;

CREATE TABLE pushes (
    enrollment TEXT NOT NULL PRIMARY KEY REFERENCES enrollments (id),
    urgent INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,             -- not before; while an instance sends it: when another may
    attempts INTEGER NOT NULL,
    claim TEXT,             -- of the instance that sends it
    claimed_at INTEGER
) STRICT;
CREATE INDEX pushes_in_order ON pushes (urgent, due_at);

CREATE TABLE recovery_key_views (
    id TEXT NOT NULL PRIMARY KEY,
    recovery_key TEXT NOT NULL,
    folded_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    viewed_by TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX recovery_key_views_by_device ON recovery_key_views (folded_id, id);

CREATE TABLE recovery_keys (
    id TEXT NOT NULL PRIMARY KEY,
    folded_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,                 -- the protector of the volume, or the account
    secret BLOB NOT NULL,              -- sealed
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    outdated_at INTEGER                  -- the device has rotated it since
) STRICT;
CREATE INDEX recovery_keys_by_device ON recovery_keys (folded_id, id);

CREATE TABLE saved_filters (
    id TEXT NOT NULL PRIMARY KEY,
    operator TEXT NOT NULL REFERENCES operators (id),
    name TEXT NOT NULL,
    search TEXT NOT NULL,               -- how names, users and ids begin
    condition TEXT NOT NULL,            -- on facts
    created_at INTEGER NOT NULL,
    UNIQUE (operator, name)
) STRICT;

CREATE TABLE session_terms (
    term BLOB NOT NULL,
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    PRIMARY KEY (term, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_terms_by_session ON session_terms (session);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    folded_id TEXT NOT NULL,
    session_id TEXT NOT NULL,           -- the client's
    started_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    phase TEXT NOT NULL,
    authentication TEXT NOT NULL,
    login TEXT NOT NULL,
    client_message INTEGER NOT NULL,
    server_message INTEGER NOT NULL,
    exchanges INTEGER NOT NULL,
    commands_sent INTEGER NOT NULL,
    commands_answered INTEGER NOT NULL,
    last_reply_encoding TEXT,
    last_reply BLOB                     -- sealed
, kind TEXT NOT NULL DEFAULT 'mixed', user_name TEXT, user_verified INTEGER NOT NULL DEFAULT 0, user_tenant TEXT, user_object TEXT) STRICT;
CREATE INDEX sessions_by_device ON sessions (folded_id, started_at, id);
CREATE INDEX sessions_by_enrollment ON sessions (enrollment);
CREATE INDEX sessions_by_start ON sessions (started_at, id);

CREATE TABLE sign_ins (
    id TEXT NOT NULL PRIMARY KEY,
    state_hash BLOB NOT NULL UNIQUE,    -- a sign-in is completed once
    handle_hash BLOB NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at INTEGER,
    spent_by TEXT                       -- the device that enrolled with it, as it is compared
, said TEXT) STRICT;
CREATE INDEX sign_ins_by_time ON sign_ins (expires_at);

CREATE TABLE sqlite_sequence(name,seq);

CREATE TABLE upload_chunks (
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    data BLOB NOT NULL,                 -- sealed
    PRIMARY KEY (session, number)
) STRICT;
CREATE INDEX upload_chunks_by_time ON upload_chunks (created_at);

CREATE TABLE uploads (
    session TEXT NOT NULL PRIMARY KEY,
    folded_id TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE user_sessions (
    session TEXT NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    enrollment TEXT NOT NULL REFERENCES enrollments (id),
    awaiting_since INTEGER,              -- it waits for an answer to what was sent
    snapshot BLOB NOT NULL              -- sealed
) STRICT;
CREATE INDEX user_sessions_awaiting ON user_sessions (awaiting_since) WHERE awaiting_since IS NOT NULL;
CREATE INDEX user_sessions_by_enrollment ON user_sessions (enrollment);

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url BLOB NOT NULL,                  -- sealed
    secret BLOB NOT NULL,               -- sealed: what deliveries are signed with
    kinds TEXT NOT NULL,                -- as a JSON array; all kinds when it is empty
    devices TEXT NOT NULL,              -- as a JSON array, in lower case; all devices when it is empty
    state TEXT NOT NULL,
    reason TEXT,                        -- why it is in this state
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    position INTEGER NOT NULL,          -- everything up to this number was delivered, or is not for it
    delivered INTEGER NOT NULL,
    missed INTEGER NOT NULL,            -- events that were gone before they were delivered
    failures INTEGER NOT NULL,          -- in a row
    failing_since INTEGER,
    retry_at INTEGER,
    tried_at INTEGER,
    status INTEGER,                     -- of the last answer
    problem TEXT,                       -- of the last try
    claim TEXT,                         -- of the instance that delivers
    claimed_until INTEGER
) STRICT;
