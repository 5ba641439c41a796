-- The whole schema, as the migrations make it. Rewritten by BLESS=1 cargo test; a test compares.

CREATE TABLE actions (
    id text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    request bytea NOT NULL,
    command text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    progress text,
    detail text,
    baseline bytea,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    accepted_at bigint,
    ask_at bigint,
    asks bigint NOT NULL,
    settled_at bigint,
    CONSTRAINT actions_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT actions_pkey PRIMARY KEY (id)
);
CREATE INDEX actions_by_device ON actions USING btree (folded_id, id);
CREATE INDEX actions_open ON actions USING btree (enrollment) WHERE (settled_at IS NULL);
CREATE INDEX actions_settled ON actions USING btree (settled_at) WHERE (settled_at IS NOT NULL);

CREATE TABLE admissions (
    enrollment text COLLATE "C" NOT NULL,
    user_name text NOT NULL,
    folded_user text COLLATE "C" NOT NULL,
    means text NOT NULL,
    token text COLLATE "C",
    device_id text NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    hw_dev_id text,
    admitted_at bigint NOT NULL,
    CONSTRAINT admissions_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT admissions_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX admissions_by_token ON admissions USING btree (token, enrollment) WHERE (token IS NOT NULL);
CREATE INDEX admissions_by_user ON admissions USING btree (folded_user, folded_id);

CREATE TABLE api_tokens (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint,
    role text NOT NULL,
    scope text,
    created_by text,
    maker text,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash)
);
CREATE INDEX api_tokens_by_maker ON api_tokens USING btree (maker) WHERE (maker IS NOT NULL);

CREATE TABLE attempts (
    command text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    session text COLLATE "C" NOT NULL,
    server_message bigint NOT NULL,
    cmd_id bigint NOT NULL,
    sent_in text NOT NULL,
    sent_at bigint NOT NULL,
    answered_in text,
    answered_at bigint,
    CONSTRAINT attempts_command_fkey FOREIGN KEY (command) REFERENCES commands(id) ON DELETE CASCADE,
    CONSTRAINT attempts_pkey PRIMARY KEY (command, number)
);
CREATE INDEX attempts_by_session ON attempts USING btree (session, server_message, cmd_id);

CREATE TABLE audit (
    seq bigint NOT NULL,
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    actor_kind text NOT NULL,
    from_address text,
    trace text,
    action text COLLATE "C" NOT NULL,
    subject_kind text NOT NULL,
    subject text COLLATE "C" NOT NULL,
    before_json text,
    after_json text,
    hash bytea NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (seq)
);
CREATE INDEX audit_by_action ON audit USING btree (action, at, seq);
CREATE INDEX audit_by_actor ON audit USING btree (actor, at, seq);
CREATE INDEX audit_by_subject ON audit USING btree (subject, at, seq);
CREATE INDEX audit_by_time ON audit USING btree (at, seq);

CREATE TABLE audit_chain (
    id bigint NOT NULL,
    first_seq bigint NOT NULL,
    anchor bytea NOT NULL,
    last_seq bigint NOT NULL,
    head bytea NOT NULL,
    CONSTRAINT audit_chain_pkey PRIMARY KEY (id)
);

CREATE TABLE certificates (
    fingerprint text COLLATE "C" NOT NULL,
    serial text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    authority text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    not_before bigint NOT NULL,
    not_after bigint NOT NULL,
    state text NOT NULL,
    issued_at bigint NOT NULL,
    first_used_at bigint,
    revoked_at bigint,
    reason text,
    der bytea,
    CONSTRAINT certificates_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT certificates_pkey PRIMARY KEY (fingerprint),
    CONSTRAINT certificates_serial_key UNIQUE (serial)
);
CREATE INDEX certificates_by_end ON certificates USING btree (not_after, fingerprint);
CREATE INDEX certificates_by_enrollment ON certificates USING btree (enrollment);
CREATE INDEX certificates_by_key ON certificates USING btree (key);
CREATE INDEX certificates_by_state ON certificates USING btree (state, not_after, fingerprint);
CREATE INDEX certificates_revoked ON certificates USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE commands (
    id text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    batch text COLLATE "C",
    kind text NOT NULL,
    target text NOT NULL,
    scope text NOT NULL,
    lane integer NOT NULL,
    proof boolean NOT NULL,
    state text NOT NULL,
    reason text,
    reason_since bigint,
    reason_count bigint,
    retry_at bigint,
    reason_detail text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    not_before bigint,
    expires_at bigint,
    attempts bigint NOT NULL,
    sent_at bigint,
    settled_at bigint,
    ready_at bigint,
    lapses_at bigint,
    accepted_at bigint,
    depends_on text,
    instruction bytea NOT NULL,
    progress bytea,
    user_name text,
    CONSTRAINT commands_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT commands_pkey PRIMARY KEY (id),
    CONSTRAINT commands_enrollment_sequence_key UNIQUE (enrollment, sequence)
);
CREATE INDEX commands_accepted ON commands USING btree (accepted_at) WHERE (accepted_at IS NOT NULL);
CREATE INDEX commands_by_batch ON commands USING btree (batch, id) WHERE (batch IS NOT NULL);
CREATE INDEX commands_by_device ON commands USING btree (folded_id, id);
CREATE INDEX commands_by_standing ON commands USING btree (enrollment, state, reason, sequence);
CREATE INDEX commands_by_state ON commands USING btree (state, id);
CREATE INDEX commands_lapsing ON commands USING btree (lapses_at) WHERE (lapses_at IS NOT NULL);
CREATE INDEX commands_ready ON commands USING btree (enrollment, lane, sequence, ready_at) WHERE (ready_at IS NOT NULL);
CREATE INDEX commands_settled ON commands USING btree (settled_at, id) WHERE (settled_at IS NOT NULL);

CREATE TABLE csp_drops (
    name text COLLATE "C" NOT NULL,
    sha256 text NOT NULL,
    imported_at bigint NOT NULL,
    imported_by text NOT NULL,
    files bigint NOT NULL,
    skipped bigint NOT NULL,
    trees bigint NOT NULL,
    nodes bigint NOT NULL,
    place bigint,
    body bytea NOT NULL,
    CONSTRAINT csp_drops_pkey PRIMARY KEY (name)
);

CREATE TABLE csp_state (
    id bigint NOT NULL,
    generation bigint NOT NULL,
    CONSTRAINT csp_state_pkey PRIMARY KEY (id)
);

CREATE TABLE csp_templates (
    file text COLLATE "C" NOT NULL,
    app text,
    kind text,
    sha256 text NOT NULL,
    imported_at bigint NOT NULL,
    imported_by text NOT NULL,
    policies bigint NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT csp_templates_pkey PRIMARY KEY (file)
);

CREATE TABLE declared_devices (
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    note text,
    created_at bigint NOT NULL,
    CONSTRAINT declared_devices_pkey PRIMARY KEY (kind, value)
);

CREATE TABLE device_preparations (
    enrollment text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    changed_at bigint NOT NULL,
    CONSTRAINT device_preparations_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT device_preparations_pkey PRIMARY KEY (enrollment)
);

CREATE TABLE devices (
    id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    folded_name text COLLATE "C",
    created_at bigint NOT NULL,
    name text,
    manufacturer text,
    model text,
    language text,
    dm_version text,
    os_version text,
    CONSTRAINT devices_pkey PRIMARY KEY (id),
    CONSTRAINT devices_folded_id_key UNIQUE (folded_id)
);
CREATE INDEX devices_by_name ON devices USING btree (folded_name, folded_id) WHERE (folded_name IS NOT NULL);

CREATE TABLE diagnostics (
    action text COLLATE "C" NOT NULL,
    token_hash bytea NOT NULL,
    open_until bigint NOT NULL,
    claimed_until bigint,
    bytes bigint,
    sha256 text COLLATE "C",
    received_at bigint,
    deleted_at bigint,
    CONSTRAINT diagnostics_action_fkey FOREIGN KEY (action) REFERENCES actions(id),
    CONSTRAINT diagnostics_pkey PRIMARY KEY (action),
    CONSTRAINT diagnostics_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX diagnostics_received ON diagnostics USING btree (received_at) WHERE (deleted_at IS NULL);

CREATE TABLE directory_devices (
    device text COLLATE "C" NOT NULL,
    person text COLLATE "C" NOT NULL,
    name text NOT NULL,
    CONSTRAINT directory_devices_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT directory_devices_pkey PRIMARY KEY (device)
);
CREATE INDEX directory_devices_by_person ON directory_devices USING btree (person, device);

CREATE TABLE directory_people (
    folded_name text COLLATE "C" NOT NULL,
    name text NOT NULL,
    value text NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text NOT NULL,
    forgotten boolean NOT NULL,
    spread text COLLATE "C",
    CONSTRAINT directory_people_pkey PRIMARY KEY (folded_name)
);
CREATE INDEX directory_people_to_spread ON directory_people USING btree (folded_name) WHERE (spread IS NOT NULL);

CREATE TABLE enrollment_attempts (
    id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    last_at bigint NOT NULL,
    count bigint NOT NULL,
    peer text NOT NULL,
    user_name text,
    folded_user text COLLATE "C",
    device_id text,
    folded_id text COLLATE "C",
    hw_dev_id text,
    device_name text,
    step text NOT NULL,
    outcome text NOT NULL,
    reason text,
    fault text,
    detail text,
    enrollment text COLLATE "C",
    trace_id text NOT NULL,
    CONSTRAINT enrollment_attempts_pkey PRIMARY KEY (id)
);
CREATE INDEX enrollment_attempts_by_device ON enrollment_attempts USING btree (folded_id, id) WHERE (folded_id IS NOT NULL);
CREATE INDEX enrollment_attempts_by_time ON enrollment_attempts USING btree (at);
CREATE INDEX enrollment_attempts_by_trace ON enrollment_attempts USING btree (trace_id, id);
CREATE INDEX enrollment_attempts_by_user ON enrollment_attempts USING btree (folded_user, id) WHERE (folded_user IS NOT NULL);

CREATE TABLE enrollment_failures (
    bucket text NOT NULL,
    count bigint NOT NULL,
    failed_at bigint NOT NULL,
    locked_until bigint,
    noted text,
    CONSTRAINT enrollment_failures_pkey PRIMARY KEY (bucket)
);
CREATE INDEX enrollment_failures_by_time ON enrollment_failures USING btree (failed_at);

CREATE TABLE enrollment_tokens (
    id text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    user_name text NOT NULL,
    folded_user text COLLATE "C" NOT NULL,
    uses bigint NOT NULL,
    used bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    revoked_at bigint,
    CONSTRAINT enrollment_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT enrollment_tokens_hash_key UNIQUE (hash)
);
CREATE INDEX enrollment_tokens_by_user ON enrollment_tokens USING btree (folded_user, id);

CREATE TABLE enrollment_users (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    folded_name text COLLATE "C" NOT NULL,
    display_name text,
    password bytea NOT NULL,
    bulk boolean NOT NULL,
    max_devices bigint,
    created_at bigint NOT NULL,
    password_set_at bigint NOT NULL,
    disabled_at bigint,
    last_used_at bigint,
    CONSTRAINT enrollment_users_pkey PRIMARY KEY (id),
    CONSTRAINT enrollment_users_folded_name_key UNIQUE (folded_name)
);

CREATE TABLE enrollments (
    id text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    state text NOT NULL,
    account bytea,
    info text NOT NULL,
    next_sequence bigint NOT NULL,
    open_commands bigint NOT NULL,
    created_at bigint NOT NULL,
    first_seen_at bigint,
    last_seen_at bigint,
    ended_at bigint,
    session text COLLATE "C",
    session_snapshot bytea,
    awaiting_since bigint,
    upn text,
    enrollment_type text,
    hw_dev_id text COLLATE "C",
    context bytea,
    needs_certificate boolean NOT NULL,
    certificate_ends bigint,
    leave_by bigint,
    signing text,
    signing_confirmed_at bigint,
    wake_since bigint,
    channel_due_at bigint,
    poll_schedule text,
    poll_since bigint,
    poll_asked_at bigint,
    facts_due_at bigint,
    enveloping text,
    envelopes_since bigint,
    envelope_told text,
    envelope_used text,
    provisioning_due_at bigint,
    entra_device text,
    user_schedule text,
    user_schedule_due_at bigint,
    CONSTRAINT enrollments_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT enrollments_pkey PRIMARY KEY (id),
    CONSTRAINT enrollments_folded_id_generation_key UNIQUE (folded_id, generation)
);
CREATE INDEX enrollments_awaiting ON enrollments USING btree (awaiting_since) WHERE (awaiting_since IS NOT NULL);
CREATE INDEX enrollments_by_certificate_end ON enrollments USING btree (certificate_ends) WHERE (certificate_ends IS NOT NULL);
CREATE INDEX enrollments_by_device ON enrollments USING btree (device);
CREATE INDEX enrollments_by_hardware ON enrollments USING btree (hw_dev_id) WHERE (hw_dev_id IS NOT NULL);
CREATE INDEX enrollments_by_silence ON enrollments USING btree (last_seen_at) WHERE (ended_at IS NULL);
CREATE INDEX enrollments_by_user ON enrollments USING btree (lower(upn), folded_id);
CREATE INDEX enrollments_leaving ON enrollments USING btree (leave_by) WHERE (leave_by IS NOT NULL);

CREATE TABLE envelope_keys (
    id text COLLATE "C" NOT NULL,
    certificate bytea NOT NULL,
    private_key bytea NOT NULL,
    created_at bigint NOT NULL,
    not_after bigint NOT NULL,
    CONSTRAINT envelope_keys_pkey PRIMARY KEY (id)
);

CREATE TABLE events (
    id text COLLATE "C" NOT NULL,
    device_id text,
    folded_id text COLLATE "C",
    enrollment text COLLATE "C",
    session text COLLATE "C",
    exchange text,
    at bigint NOT NULL,
    kind text NOT NULL,
    code text NOT NULL,
    mime text,
    source text,
    format text,
    mark text,
    detail text,
    data bytea,
    CONSTRAINT events_pkey PRIMARY KEY (id)
);
CREATE INDEX events_by_device ON events USING btree (folded_id, id) WHERE (folded_id IS NOT NULL);
CREATE INDEX events_by_kind ON events USING btree (kind, id);
CREATE INDEX events_by_session ON events USING btree (session, id) WHERE (session IS NOT NULL);
CREATE INDEX events_by_time ON events USING btree (at);

CREATE TABLE exchanges (
    id text COLLATE "C" NOT NULL,
    session text COLLATE "C",
    enrollment text COLLATE "C",
    device_id text,
    folded_id text COLLATE "C",
    session_id text,
    received_at bigint NOT NULL,
    duration_us bigint NOT NULL,
    stored_bytes bigint NOT NULL,
    peer text NOT NULL,
    encoding text,
    client_message bigint,
    server_message bigint,
    outcome text NOT NULL,
    detail text,
    headers text NOT NULL,
    request_size bigint NOT NULL,
    reply_size bigint NOT NULL,
    request bytea,
    reply bytea,
    proofs text,
    CONSTRAINT exchanges_pkey PRIMARY KEY (id)
);
CREATE INDEX exchanges_by_session ON exchanges USING btree (session, id) WHERE (session IS NOT NULL);
CREATE INDEX exchanges_by_time ON exchanges USING btree (received_at, stored_bytes);
CREATE INDEX exchanges_unauthenticated ON exchanges USING btree (folded_id, id) WHERE (session IS NULL);

CREATE TABLE fact_changes (
    id text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    change text NOT NULL,
    CONSTRAINT fact_changes_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT fact_changes_pkey PRIMARY KEY (id)
);
CREATE INDEX fact_changes_by_age ON fact_changes USING btree (at);
CREATE INDEX fact_changes_by_fact ON fact_changes USING btree (device, name, id);

CREATE TABLE fact_items (
    device text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    item text COLLATE "C" NOT NULL,
    CONSTRAINT fact_items_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT fact_items_pkey PRIMARY KEY (device, name, item)
);
CREATE INDEX fact_items_by_item ON fact_items USING btree (name, item, device);

CREATE TABLE facts (
    device text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    word text COLLATE "C",
    number bigint,
    said text,
    status bigint,
    observed_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    CONSTRAINT facts_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT facts_pkey PRIMARY KEY (device, name)
);
CREATE INDEX facts_by_number ON facts USING btree (name, number, device) WHERE (number IS NOT NULL);
CREATE INDEX facts_by_word ON facts USING btree (name, word, device) WHERE (word IS NOT NULL);

CREATE TABLE feed (
    arrival bigint NOT NULL,
    number bigint,
    id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    device_id text,
    folded_id text COLLATE "C",
    enrollment text COLLATE "C",
    session text COLLATE "C",
    exchange text COLLATE "C",
    trace_id text,
    correlation text,
    data bytea NOT NULL,
    CONSTRAINT feed_pkey PRIMARY KEY (arrival)
);
CREATE INDEX feed_unnumbered ON feed USING btree (arrival) WHERE (number IS NULL);
CREATE UNIQUE INDEX feed_by_number ON feed USING btree (number) WHERE (number IS NOT NULL);

CREATE TABLE feed_numbers (
    last bigint NOT NULL,
    CONSTRAINT feed_numbers_pkey PRIMARY KEY (last)
);

CREATE TABLE idempotency_keys (
    token text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    created_at bigint NOT NULL,
    status integer,
    response bytea,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (token, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys USING btree (created_at);

CREATE TABLE journal_size (
    counted_until bigint NOT NULL,
    stored_bytes bigint NOT NULL,
    CONSTRAINT journal_size_pkey PRIMARY KEY (counted_until)
);

CREATE TABLE meta (
    name text NOT NULL,
    value bytea NOT NULL,
    CONSTRAINT meta_pkey PRIMARY KEY (name)
);

CREATE TABLE operator_links (
    id text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    operator text COLLATE "C",
    name text,
    role text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint NOT NULL,
    used_at bigint,
    maker text,
    CONSTRAINT operator_links_operator_fkey FOREIGN KEY (operator) REFERENCES operators(id),
    CONSTRAINT operator_links_pkey PRIMARY KEY (id),
    CONSTRAINT operator_links_hash_key UNIQUE (hash)
);
CREATE INDEX operator_links_by_end ON operator_links USING btree (expires_at);
CREATE INDEX operator_links_by_maker ON operator_links USING btree (maker) WHERE (maker IS NOT NULL);

CREATE TABLE operator_sessions (
    id text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    operator text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT operator_sessions_operator_fkey FOREIGN KEY (operator) REFERENCES operators(id),
    CONSTRAINT operator_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT operator_sessions_hash_key UNIQUE (hash)
);
CREATE INDEX operator_sessions_by_end ON operator_sessions USING btree (expires_at);
CREATE INDEX operator_sessions_by_operator ON operator_sessions USING btree (operator);

CREATE TABLE operators (
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    folded_name text COLLATE "C" NOT NULL,
    role text NOT NULL,
    subject text COLLATE "C",
    password bytea,
    totp bytea,
    totp_step bigint NOT NULL,
    recovery text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    disabled_at bigint,
    last_seen_at bigint,
    version bigint NOT NULL,
    CONSTRAINT operators_pkey PRIMARY KEY (id),
    CONSTRAINT operators_folded_name_key UNIQUE (folded_name),
    CONSTRAINT operators_subject_key UNIQUE (subject)
);

CREATE TABLE policy_contents (
    token text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT policy_contents_pkey PRIMARY KEY (token)
);

CREATE TABLE policy_counts (
    identifier text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    part bigint NOT NULL,
    devices bigint NOT NULL,
    CONSTRAINT policy_counts_pkey PRIMARY KEY (identifier, state, part)
);

CREATE TABLE policy_declarations (
    identifier text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    changed_at bigint NOT NULL,
    CONSTRAINT policy_declarations_pkey PRIMARY KEY (identifier)
);
CREATE INDEX policy_declarations_by_owner ON policy_declarations USING btree (owner, identifier);

CREATE TABLE policy_devices (
    enrollment text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    waits bigint NOT NULL,
    changed_at bigint NOT NULL,
    value bytea NOT NULL,
    look_at bigint,
    CONSTRAINT policy_devices_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT policy_devices_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX policy_devices_by_look ON policy_devices USING btree (look_at, enrollment) WHERE (look_at IS NOT NULL);

CREATE TABLE policy_drafts (
    author text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    base bigint NOT NULL,
    changed_at bigint NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT policy_drafts_pkey PRIMARY KEY (author, owner)
);

CREATE TABLE policy_looks (
    enrollment text COLLATE "C" NOT NULL,
    ticket bigint NOT NULL,
    due_at bigint NOT NULL,
    CONSTRAINT policy_looks_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX policy_looks_by_time ON policy_looks USING btree (due_at);

CREATE TABLE policy_retries (
    identifier text COLLATE "C" NOT NULL,
    asked_at bigint NOT NULL,
    CONSTRAINT policy_retries_pkey PRIMARY KEY (identifier)
);

CREATE TABLE policy_revision_items (
    revision bigint NOT NULL,
    identifier text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    CONSTRAINT policy_revision_items_pkey PRIMARY KEY (revision, identifier)
);
CREATE INDEX policy_revision_items_by_name ON policy_revision_items USING btree (identifier, revision);

CREATE TABLE policy_revisions (
    number bigint NOT NULL,
    owner text COLLATE "C" NOT NULL,
    author text NOT NULL,
    message text NOT NULL,
    at bigint NOT NULL,
    added bigint NOT NULL,
    changed bigint NOT NULL,
    removed bigint NOT NULL,
    CONSTRAINT policy_revisions_pkey PRIMARY KEY (number)
);
CREATE INDEX policy_revisions_by_owner ON policy_revisions USING btree (owner, number);

CREATE TABLE policy_secret_nodes (
    pattern text COLLATE "C" NOT NULL,
    CONSTRAINT policy_secret_nodes_pkey PRIMARY KEY (pattern)
);

CREATE TABLE policy_secrets (
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    value bytea,
    set_at bigint NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT policy_secrets_pkey PRIMARY KEY (name)
);

CREATE TABLE policy_stages (
    revision bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    value text NOT NULL,
    CONSTRAINT policy_stages_pkey PRIMARY KEY (revision)
);
CREATE INDEX policy_stages_by_state ON policy_stages USING btree (state, revision);

CREATE TABLE policy_standings (
    identifier text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    changed_at bigint NOT NULL,
    CONSTRAINT policy_standings_pkey PRIMARY KEY (identifier, enrollment)
);
CREATE INDEX policy_standings_by_state ON policy_standings USING btree (identifier, state, enrollment);

CREATE TABLE policy_web_revisions (
    revision bigint NOT NULL,
    CONSTRAINT policy_web_revisions_pkey PRIMARY KEY (revision)
);

CREATE TABLE policy_work (
    name text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    changed_at bigint NOT NULL,
    walk text NOT NULL,
    claim text COLLATE "C",
    claimed_until bigint,
    CONSTRAINT policy_work_pkey PRIMARY KEY (name)
);

CREATE TABLE provisionings (
    enrollment text COLLATE "C" NOT NULL,
    value text NOT NULL,
    deadline bigint,
    changed_at bigint NOT NULL,
    failed_at bigint,
    CONSTRAINT provisionings_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT provisionings_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX provisionings_by_deadline ON provisionings USING btree (deadline) WHERE (deadline IS NOT NULL);
CREATE INDEX provisionings_by_failure ON provisionings USING btree (failed_at, enrollment) WHERE (failed_at IS NOT NULL);

CREATE TABLE public_certificates (
    door text COLLATE "C" NOT NULL,
    directory text,
    account bytea,
    wanted text COLLATE "C",
    chain text,
    key bytea,
    number bigint NOT NULL,
    begins_at bigint,
    ends_at bigint,
    challenges text,
    turn_until bigint,
    failures bigint NOT NULL,
    again_at bigint,
    problem text,
    problem_at bigint,
    CONSTRAINT public_certificates_pkey PRIMARY KEY (door)
);

CREATE TABLE push_channels (
    enrollment text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    reason text,
    package text,
    uri bytea,
    uri_hash text COLLATE "C",
    status bigint,
    observed_at bigint,
    changed_at bigint NOT NULL,
    pushes bigint NOT NULL,
    woke bigint NOT NULL,
    slept bigint NOT NULL,
    awaiting_since bigint,
    pushed_at bigint,
    woke_at bigint,
    outcome text,
    outcome_at bigint,
    outcome_detail text,
    CONSTRAINT push_channels_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT push_channels_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX push_channels_awaiting ON push_channels USING btree (awaiting_since) WHERE (awaiting_since IS NOT NULL);
CREATE INDEX push_channels_by_state ON push_channels USING btree (state);

CREATE TABLE push_services (
    name text COLLATE "C" NOT NULL,
    token bytea,
    token_for text COLLATE "C",
    token_ends bigint,
    token_number bigint NOT NULL,
    refresh_until bigint,
    refresh_failures bigint NOT NULL,
    refresh_after bigint,
    problem text,
    problem_at bigint,
    paced_until bigint NOT NULL,
    paused_until bigint,
    CONSTRAINT push_services_pkey PRIMARY KEY (name)
);

CREATE TABLE pushes (
    enrollment text COLLATE "C" NOT NULL,
    urgent boolean NOT NULL,
    requested_at bigint NOT NULL,
    due_at bigint NOT NULL,
    attempts bigint NOT NULL,
    claim text COLLATE "C",
    claimed_at bigint,
    CONSTRAINT pushes_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT pushes_pkey PRIMARY KEY (enrollment)
);
CREATE INDEX pushes_in_order ON pushes USING btree (urgent, due_at);

CREATE TABLE recovery_key_views (
    id text COLLATE "C" NOT NULL,
    recovery_key text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    viewed_by text NOT NULL,
    reason text NOT NULL,
    CONSTRAINT recovery_key_views_pkey PRIMARY KEY (id)
);
CREATE INDEX recovery_key_views_by_device ON recovery_key_views USING btree (folded_id, id);

CREATE TABLE recovery_keys (
    id text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    device_id text NOT NULL,
    kind text COLLATE "C" NOT NULL,
    name text NOT NULL,
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    outdated_at bigint,
    CONSTRAINT recovery_keys_pkey PRIMARY KEY (id)
);
CREATE INDEX recovery_keys_by_device ON recovery_keys USING btree (folded_id, id);

CREATE TABLE saved_filters (
    id text COLLATE "C" NOT NULL,
    operator text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    search text NOT NULL,
    condition text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT saved_filters_operator_fkey FOREIGN KEY (operator) REFERENCES operators(id),
    CONSTRAINT saved_filters_pkey PRIMARY KEY (id),
    CONSTRAINT saved_filters_operator_name_key UNIQUE (operator, name)
);

CREATE TABLE session_terms (
    term bytea NOT NULL,
    session text COLLATE "C" NOT NULL,
    CONSTRAINT session_terms_session_fkey FOREIGN KEY (session) REFERENCES sessions(id) ON DELETE CASCADE,
    CONSTRAINT session_terms_pkey PRIMARY KEY (term, session)
);
CREATE INDEX session_terms_by_session ON session_terms USING btree (session);

CREATE TABLE sessions (
    id text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    session_id text NOT NULL,
    started_at bigint NOT NULL,
    last_at bigint NOT NULL,
    phase text NOT NULL,
    authentication text NOT NULL,
    login text NOT NULL,
    client_message bigint NOT NULL,
    server_message bigint NOT NULL,
    exchanges bigint NOT NULL,
    commands_sent bigint NOT NULL,
    commands_answered bigint NOT NULL,
    last_reply_encoding text,
    last_reply bytea,
    kind text COLLATE "C" NOT NULL,
    user_name text,
    user_verified boolean NOT NULL,
    user_tenant text,
    user_object text,
    CONSTRAINT sessions_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT sessions_pkey PRIMARY KEY (id)
);
CREATE INDEX sessions_by_device ON sessions USING btree (folded_id, started_at, id);
CREATE INDEX sessions_by_enrollment ON sessions USING btree (enrollment);
CREATE INDEX sessions_by_start ON sessions USING btree (started_at, id);

CREATE TABLE sign_ins (
    id text COLLATE "C" NOT NULL,
    state_hash bytea NOT NULL,
    handle_hash bytea NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    user_name text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    spent_at bigint,
    spent_by text COLLATE "C",
    said text,
    CONSTRAINT sign_ins_pkey PRIMARY KEY (id),
    CONSTRAINT sign_ins_handle_hash_key UNIQUE (handle_hash),
    CONSTRAINT sign_ins_state_hash_key UNIQUE (state_hash)
);
CREATE INDEX sign_ins_by_time ON sign_ins USING btree (expires_at);

CREATE TABLE upload_chunks (
    session text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    created_at bigint NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT upload_chunks_pkey PRIMARY KEY (session, number)
);
CREATE INDEX upload_chunks_by_time ON upload_chunks USING btree (created_at);

CREATE TABLE uploads (
    session text COLLATE "C" NOT NULL,
    folded_id text COLLATE "C" NOT NULL,
    began_at bigint NOT NULL,
    bytes bigint NOT NULL,
    CONSTRAINT uploads_pkey PRIMARY KEY (session)
);

CREATE TABLE user_sessions (
    session text COLLATE "C" NOT NULL,
    enrollment text COLLATE "C" NOT NULL,
    awaiting_since bigint,
    snapshot bytea NOT NULL,
    CONSTRAINT user_sessions_enrollment_fkey FOREIGN KEY (enrollment) REFERENCES enrollments(id),
    CONSTRAINT user_sessions_session_fkey FOREIGN KEY (session) REFERENCES sessions(id) ON DELETE CASCADE,
    CONSTRAINT user_sessions_pkey PRIMARY KEY (session)
);
CREATE INDEX user_sessions_awaiting ON user_sessions USING btree (awaiting_since) WHERE (awaiting_since IS NOT NULL);
CREATE INDEX user_sessions_by_enrollment ON user_sessions USING btree (enrollment);

CREATE TABLE webhooks (
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    url bytea NOT NULL,
    secret bytea NOT NULL,
    kinds text NOT NULL,
    devices text NOT NULL,
    state text COLLATE "C" NOT NULL,
    reason text,
    changed_at bigint NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    position bigint NOT NULL,
    delivered bigint NOT NULL,
    missed bigint NOT NULL,
    failures bigint NOT NULL,
    failing_since bigint,
    retry_at bigint,
    tried_at bigint,
    status bigint,
    problem text,
    claim text COLLATE "C",
    claimed_until bigint,
    CONSTRAINT webhooks_pkey PRIMARY KEY (id),
    CONSTRAINT webhooks_name_key UNIQUE (name)
);
