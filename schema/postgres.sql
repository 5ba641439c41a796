-- The whole schema, as the migrations make it. Rewritten by BLESS=1 cargo test; a test compares.

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
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash)
);

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
CREATE INDEX certificates_by_enrollment ON certificates USING btree (enrollment);
CREATE INDEX certificates_by_key ON certificates USING btree (key);
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

CREATE TABLE declared_devices (
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    note text,
    created_at bigint NOT NULL,
    CONSTRAINT declared_devices_pkey PRIMARY KEY (kind, value)
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
    CONSTRAINT enrollments_device_fkey FOREIGN KEY (device) REFERENCES devices(id),
    CONSTRAINT enrollments_pkey PRIMARY KEY (id),
    CONSTRAINT enrollments_folded_id_generation_key UNIQUE (folded_id, generation)
);
CREATE INDEX enrollments_awaiting ON enrollments USING btree (awaiting_since) WHERE (awaiting_since IS NOT NULL);
CREATE INDEX enrollments_by_certificate_end ON enrollments USING btree (certificate_ends) WHERE (certificate_ends IS NOT NULL);
CREATE INDEX enrollments_by_device ON enrollments USING btree (device);
CREATE INDEX enrollments_by_hardware ON enrollments USING btree (hw_dev_id) WHERE (hw_dev_id IS NOT NULL);
CREATE INDEX enrollments_leaving ON enrollments USING btree (leave_by) WHERE (leave_by IS NOT NULL);

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
CREATE INDEX pushes_by_due ON pushes USING btree (due_at);

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
