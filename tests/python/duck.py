"""Reads the data folder of a stopped server with DuckDB and compares counts and values with what was sent."""

import json
import sys

import duckdb

folder, expected = sys.argv[1], json.loads(sys.argv[2])
database = duckdb.connect()


def one(query):
    return database.sql(query).fetchall()[0][0]


def files(signal, name):
    return f"read_parquet('{folder}/blocks/*/{signal}/*/*/{name}.parquet', union_by_name=true, filename=true)"


found = {
    "spans": one(f"SELECT count(*) FROM {files('spans', 'spans')}"),
    "logs": one(f"SELECT count(*) FROM {files('logs', 'logs')}"),
    "samples": one(f"SELECT count(*) FROM {files('samples', 'samples')}"),
}
# docs/formats/samples.md: a value is a double, or an integer scaled by its series. Series are numbered block by block.
found["sum"] = one(f"""
    SELECT sum(coalesce(value, (base + value_int) / divisor))
    FROM (SELECT *, parse_dirpath(filename) AS block FROM {files('samples', 'samples')})
    JOIN (SELECT *, parse_dirpath(filename) AS block FROM {files('samples', 'series')}) USING (block, series_id)
""")
line = expected["first_line"].replace("'", "''")
matches = one(f"SELECT count(*) FROM {files('logs', 'logs')} WHERE body = '{line}'")
found["first_line"] = expected["first_line"] if matches == 1 else f"{matches} lines"
faults = [f"{key}: sent {expected[key]!r}, read {found[key]!r}" for key in expected if expected[key] != found[key]]
print("\n".join(faults) or "equal")
sys.exit(1 if faults else 0)
