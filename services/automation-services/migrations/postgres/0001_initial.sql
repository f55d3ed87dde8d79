-- Documents are JSON in text columns: JSONB refuses an escaped NUL, and nothing here looks inside.

CREATE TABLE workflows (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    config TEXT NOT NULL,
    triggers TEXT NOT NULL,
    cron_expression TEXT,
    status TEXT NOT NULL,
    -- On whose behalf it runs: user, tenant, cost centre, hash of the API key.
    business TEXT NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    next_run TIMESTAMPTZ,
    last_run TIMESTAMPTZ,
    execution_count BIGINT NOT NULL DEFAULT 0,
    success_count BIGINT NOT NULL DEFAULT 0,
    failure_count BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX workflows_due ON workflows (next_run) WHERE next_run IS NOT NULL;

CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    workflow_name TEXT NOT NULL,
    -- The steps as they were when the execution was asked for: a later change of the workflow does not reach it.
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    trigger_type TEXT NOT NULL,
    trigger_data TEXT NOT NULL,
    scheduled_for TIMESTAMPTZ,
    business TEXT NOT NULL,
    -- Propagation headers of whoever triggered it, and of the first run's own span.
    trace_parent TEXT NOT NULL,
    first_run TEXT,
    -- Who runs it, until when that is believed, and how often it was taken up.
    owner TEXT,
    lease_until TIMESTAMPTZ,
    attempt BIGINT NOT NULL DEFAULT 0,
    result TEXT,
    error_message TEXT,
    logs TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    -- No two schedulers start one due time twice.
    UNIQUE (workflow_id, scheduled_for)
);

CREATE INDEX executions_open ON executions (created_at) WHERE status IN ('pending', 'running');
CREATE INDEX executions_newest ON executions (created_at, id);

CREATE TABLE execution_steps (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    error TEXT,
    logs TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    PRIMARY KEY (execution_id, position)
);

CREATE TABLE files (
    id TEXT PRIMARY KEY,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    extension TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    status TEXT NOT NULL,
    error_message TEXT,
    metadata TEXT NOT NULL,
    business TEXT NOT NULL,
    -- While it is processed: until when that is believed.
    lease_until TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ
);

CREATE INDEX files_newest ON files (created_at, id);

CREATE TABLE file_texts (
    file_id TEXT PRIMARY KEY REFERENCES files (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    truncated BOOLEAN NOT NULL
);
