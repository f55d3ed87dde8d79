"""Reads the data folder of a stopped server with DuckDB and compares counts and values with what was sent."""

import json
import sys

import duckdb

folder, expected = sys.argv[1], json.loads(sys.argv[2])
database = duckdb.connect()


def one(query):
    return database.sql(query).fetchone()[0]


def files(signal, name):
    return f"read_parquet('{folder}/blocks/*/{signal}/*/*/{name}.parquet', union_by_name=true)"


found = {
    "spans": one(f"SELECT count(*) FROM {files('spans', 'spans')}"),
    "logs": one(f"SELECT count(*) FROM {files('logs', 'logs')}"),
    "samples": one(f"SELECT count(*) FROM {files('samples', 'samples')}"),
}
print(database.sql(f"DESCRIBE SELECT * FROM {files('spans', 'spans')}"))
print(database.sql(f"DESCRIBE SELECT * FROM {files('logs', 'logs')}"))
print(database.sql(f"DESCRIBE SELECT * FROM {files('samples', 'samples')}"))
found["sum"] = one(f"SELECT sum(value) FROM {files('samples', 'samples')}")
line = expected["first_line"].replace("'", "''")
matches = one(f"SELECT count(*) FROM {files('logs', 'logs')} WHERE body = '{line}'")
found["first_line"] = expected["first_line"] if matches == 1 else f"{matches} lines"
faults = [f"{key}: sent {expected[key]!r}, read {found[key]!r}" for key in expected if expected[key] != found[key]]
print("\n".join(faults) or "equal")
sys.exit(1 if faults else 0)
