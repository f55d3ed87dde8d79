CREATE TABLE things (
    id TEXT PRIMARY KEY,
    name TEXT,
    size INTEGER,
    ratio REAL,
    good BOOLEAN,
    body BLOB,
    made TEXT,
    facts TEXT
);
