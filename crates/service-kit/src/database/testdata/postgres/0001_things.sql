CREATE TABLE things (
    id TEXT PRIMARY KEY,
    name TEXT,
    size BIGINT,
    ratio DOUBLE PRECISION,
    good BOOLEAN,
    body BYTEA,
    made TIMESTAMPTZ,
    facts JSONB
);
