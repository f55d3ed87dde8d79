"""Each canary in each context, what must survive, and that only the secret goes. The cases are those of `crates/redact/src/tests.rs`."""

import re
from pathlib import Path

import pytest
from canaries import all_canaries

from quartet_telemetry.redaction import Redactor, sql

_PLAIN = Redactor()
_EVERYTHING = Redactor(emails=True, cards=True)
_RUST_TESTS = Path(__file__).resolve().parents[2] / "crates/redact/src/tests.rs"
_VALUE_CONTEXTS = [
    "https://api.example/v1/models/x:generate?key={}",
    "https://api.example/v1?a=b&token={}&c=d",
    "GET /v1?a=b\\u0026key={}\\u0026c=d",
    "Authorization: Bearer {}",
    "{'Authorization': 'Bearer {}', 'Accept': '*/*'}",
    'headers={"x-goog-api-key": "{}", "accept": "*/*"}',
    "map[X-Api-Key:[{}] Accept:[*/*]]",
    "('x-api-key', '{}')",
    'api_key: Some("{}")',
    'Config { api_key: "{}", retries: 3 }',
    "export SOME_TOKEN={}",
    "mytool --api-key {} run",
    "mytool --token={} run",
    "UPDATE users SET password = '{}' WHERE id = 1",
    "<apiKey>{}</apiKey>",
    "redirect=https%3A%2F%2Fx.example%2F%3Faccess_token%3D{}%26x%3D1",
    "secret: {}",
    "client_secret={}; scope=all",
]


def _contexts(text):
    json = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    twice = json.replace("\\", "\\\\").replace('"', '\\"')
    return [
        text,
        f"before {text} after",
        f"upstream refused ({text})",
        f"line one\n{text}\nline three",
        f'{{"message":"{json}"}}',
        f'{{"message": "a\\n{json}\\n", "n": 1}}',
        f'{{"outer":"{{\\"inner\\":\\"{twice}\\"}}"}}',
        f"ümläut {text} ümläut",
    ]


@pytest.mark.parametrize("redactor", [_PLAIN, _EVERYTHING], ids=["plain", "everything"])
def test_no_canary_survives_in_any_context(redactor):
    failures = []
    for canary in [canary for seed in range(1, 6) for canary in all_canaries(seed)]:
        texts = _contexts(canary.text)
        if not re.search(r"[ ;:/=%~]", canary.secret) and canary.name != "basic":
            texts += [context.replace("{}", canary.secret) for context in _VALUE_CONTEXTS]
        for text in texts:
            masked = redactor.text(text)
            if canary.secret in masked:
                failures.append((canary.name, text, masked))
            elif redactor.text(masked) != masked:
                failures.append((canary.name, "masked twice", masked, redactor.text(masked)))
        assert canary.key == "note" or redactor.key_is_secret(canary.key), canary.key
    assert not failures, f"{len(failures)}: {failures[:8]}"


def test_there_are_sixty_canaries():
    assert len(all_canaries(1)) >= 60


def _survivors():
    source = _RUST_TESTS.read_text()
    table = source[source.index("const SURVIVORS") :]
    table = table[: table.index("];")]
    texts = re.findall(r'^    "((?:[^"\\]|\\.)*)",$', table, re.MULTILINE)
    return [text.replace('\\"', '"').replace("\\n", "\n") for text in texts]


def test_what_only_resembles_a_secret_survives():
    survivors = _survivors()
    assert len(survivors) > 60
    assert [(text, _PLAIN.text(text)) for text in survivors if _PLAIN.text(text) != text] == []


def test_only_the_secret_goes():
    for text, expected in [
        ("GET https://x.example/v1?key=abc&alt=sse", "GET https://x.example/v1?key=[REDACTED:secret]&alt=sse"),
        ("postgres://app:pw@db:5432/shop", "postgres://[REDACTED:url-credentials]@db:5432/shop"),
        ("Authorization: Basic dXNlcjpwYXNz, next", "Authorization: [REDACTED:authorization]"),
        ('{"password":"a\\"b","n":1}', '{"password":"[REDACTED:secret]","n":1}'),
        ("password=hunter2.", "password=[REDACTED:secret]."),
        ("x-api-key: abc123def", "x-api-key: [REDACTED:secret]"),
        ("Pwd=ab;Server=x", "Pwd=[REDACTED:secret];Server=x"),
    ]:
        assert _PLAIN.text(text) == expected


def test_urls_lose_users_and_secret_parameters():
    for url, expected in [
        ("https://user@host/x", "https://[REDACTED:url-credentials]@host/x"),
        (
            "https://host/x?sig=a%2Fb&x=1#access_token=t",
            "https://host/x?sig=[REDACTED:secret]&x=1#access_token=[REDACTED:secret]",
        ),
        ("https://host/x?q=1", "https://host/x?q=1"),
        ("/x?Key=short", "/x?Key=[REDACTED:secret]"),
    ]:
        assert _PLAIN.url(url) == expected
        assert _PLAIN.url(expected) == expected


def test_addresses_and_cards_go_by_option():
    for text, expected in [
        ("mail to jane.doe+x@mail.example.com.", "mail to [REDACTED:email]."),
        ("paid with 4111 1111 1111 1111, thanks", "paid with [REDACTED:card], thanks"),
        ("amex 378282246310005", "amex [REDACTED:card]"),
        ("card=5555-5555-5555-4444.", "card=[REDACTED:card]."),
    ]:
        assert _EVERYTHING.text(text) == expected
        assert _PLAIN.text(text) == text
    for text in [
        "4111111111111112",
        "1795363200000000000",
        "span 4bf92f3577b34da6",
        "0000000000000000",
        "a@b",
        "v1.2@latest",
        "4111111111111111.5",
        "id=x4111111111111111",
        "@decorator",
        "user@localhost",
    ]:
        assert _EVERYTHING.text(text) == text


def test_values_of_all_kinds():
    assert _PLAIN.value("authorization", "x") == "[REDACTED]"
    assert _PLAIN.value("a", {"password": "x", "n": 1}) == {"password": "[REDACTED]", "n": 1}
    assert _PLAIN.value("a", ["sk-proj-" + "aB3" * 10]) == ["[REDACTED:api-key]"]
    assert _PLAIN.value("a", b"password=hunter2") == b"password=[REDACTED:secret]"
    assert _PLAIN.value("a", 1.5) == 1.5


def test_statements_lose_literals_and_comments():
    for statement, expected in [
        ("SELECT * FROM t WHERE name = 'x''y' AND n > 1.5e-3", "SELECT * FROM t WHERE name = ? AND n > ?"),
        ("SELECT 1", "SELECT ?"),
        ("select a1, t2.b3 from t2 where a1=0xFF and b=-5", "select a1, t2.b3 from t2 where a1=? and b=-?"),
        ("WHERE id IN (1, 2,3) AND x in ('a','b')", "WHERE id IN (?) AND x in (?)"),
        ("WHERE id IN ($1, $2, $3) -- note", "WHERE id IN (?)  "),
        ("INSERT INTO t (a, \"b\") VALUES ('x', 2), (\"y\", NULL)", 'INSERT INTO t (a, "b") VALUES (?)'),
        ("INSERT INTO t VALUES (1, now())", "INSERT INTO t VALUES (?, now())"),
        ("SELECT $$secret$$, $tag$a $$ b$tag$, $1", "SELECT ?, ?, $1"),
        ("SELECT E'a\\'b', N'c', X'ff', U&'d' FROM e", "SELECT ?, ?, ?, ? FROM e"),
        ("SELECT a /* one /* two */ three */ FROM b", "SELECT a   FROM b"),
        ('SELECT "user" FROM "t" WHERE "a" = "secret"', 'SELECT "user" FROM "t" WHERE "a" = ?'),
        ('SELECT "two words"', "SELECT ?"),
        ('WHERE a LIKE "x" AND b IN ("c", "d")', "WHERE a LIKE ? AND b IN (?)"),
        ("SELECT 'open", "SELECT ?"),
        ("SELECT 'it\\'s', 'secret'", "SELECT ?"),
        ("SELECT 'C:\\dir', 'b'", "SELECT ?, ?"),
        ("CREATE USER u PASSWORD 'x'; SELECT 2", "CREATE USER u PASSWORD ?; SELECT ?"),
        ("SELECT 'é', ä FROM ü", "SELECT ?, ä FROM ü"),
        ("SELECT .5, t.c", "SELECT ?, t.c"),
        ("SELECT a::int, :name, @v FROM [my table]", "SELECT a::int, :name, @v FROM [my table]"),
        ("SELECT a FROM b WHERE c = ? AND d = $1", "SELECT a FROM b WHERE c = ? AND d = $1"),
    ]:
        assert sql(statement) == expected
