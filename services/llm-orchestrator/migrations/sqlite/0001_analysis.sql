-- Batch jobs of table analysis. Times: text with microseconds, in order of time.
CREATE TABLE analysis_jobs (
    job_id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    -- Trace context and baggage of the request, so that the work belongs to its trace and its payer.
    carried TEXT NOT NULL
);
CREATE INDEX analysis_jobs_created ON analysis_jobs (created_at);

CREATE TABLE analysis_tables (
    job_id TEXT NOT NULL REFERENCES analysis_jobs (job_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    table_id TEXT NOT NULL,
    request TEXT NOT NULL,
    -- pending, running, completed, failed
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- Who works on it, and until when nobody else may.
    owner TEXT,
    lease_until TEXT,
    finished_at TEXT,
    result TEXT,
    error TEXT,
    PRIMARY KEY (job_id, position)
);
CREATE INDEX analysis_tables_open ON analysis_tables (status, lease_until);
