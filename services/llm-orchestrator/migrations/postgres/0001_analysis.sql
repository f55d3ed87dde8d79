-- Batch jobs of table analysis.
CREATE TABLE analysis_jobs (
    job_id TEXT PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    -- Trace context and baggage of the request, so that the work belongs to its trace and its payer.
    carried JSONB NOT NULL
);
CREATE INDEX analysis_jobs_created ON analysis_jobs (created_at);

CREATE TABLE analysis_tables (
    job_id TEXT NOT NULL REFERENCES analysis_jobs (job_id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    table_id TEXT NOT NULL,
    request JSONB NOT NULL,
    -- pending, running, completed, failed
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Who works on it, and until when nobody else may.
    owner TEXT,
    lease_until TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    result JSONB,
    error TEXT,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX analysis_tables_open ON analysis_tables (status, lease_until);
