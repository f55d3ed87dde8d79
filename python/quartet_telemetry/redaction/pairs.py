"""A name and its value in running text: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, `?key=…`; credentials of URLs."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple, Optional

from . import names
from .shapes import BEGIN

# What could make a text hold such a pair.
MAY_HOLD = re.compile(r"(?i)uthoriz|passw|passphrase|pwd|secret|token|ookie|redential|key|sig=|ignature|auth=|bearer|basic|@")
# A name at the start of its run of characters, and what separates it from its value.
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_.\-])([A-Za-z0-9_.\-]+)"
    r"(?P<quote>\\*[\"'`])?\]?(?P<gap>[ \t]{0,4})"
    r"(?P<separator>=>|==|:=|=|:(?!:)|%3[Dd]|\\u003[dD]|,)(?P<after>[ \t]{0,4})"
)
_FLAG = re.compile(r"(?<![A-Za-z0-9_.\-])(--[A-Za-z0-9_.\-]+)[ \t]+(?=[^\s=-])")
_SQL = re.compile(r"(?i)(?<![A-Za-z0-9_.\-])(password)[ \t]+(?=')")
_ELEMENT = re.compile(r"<([A-Za-z0-9_.:\-]+)>([^<]*)<")
_ENDS_VALUE = re.compile(r"[\x00-\x20\x7f&;,\"'`)\]}<>|\\]|%26")
_LINE_END = re.compile(r"[\x00-\x1f\"'`\\<]")
_ESCAPED = re.compile(r"\\u[0-9A-Fa-f]{4}\Z")
_SCHEME = re.compile(r"(?i)(?:bearer|basic|digest|token|api-?key|aws4-hmac-sha256|negotiate|ntlm|hawk|oauth|key) +")
_BEARER = re.compile(rf"{BEGIN}(Bearer|bearer|BEARER)( +|%20)([A-Za-z0-9\-._~+/=:]{{8,}})")
_BASIC = re.compile(rf"{BEGIN}([Bb]asic|BASIC)( +|%20)([A-Za-z0-9+/_\-]{{4,}}={{0,2}})")
_URL = re.compile(r"(:(?:\\/\\/|//))([^\s/\"'`<>\\@][^\s/\"'`<>\\]{0,511}|:[^\s/\"'`<>\\]{1,511})@")
_DRIVER = re.compile(r"(?<![^\s\"'`=])([^\s/\"'`<>\\:=]+:[^\s/\"'`<>\\]{1,511})@(?=(?:tcp|unix)\()")
_NOTHING = set(
    "true false null none nil undefined nan redacted <redacted> [filtered] hidden masked empty yes no required missing invalid expired "
    "unset string str self bearer basic".split()
)
_MASK = re.compile(r"\**|\[REDACTED(?::[a-z-]*)?\]?\**")


class _Value(NamedTuple):
    start: int
    end: int
    quoted: bool


def is_mask(value: str) -> bool:
    """True for what redaction leaves behind: masking it again would hide what it was."""
    return _MASK.fullmatch(value) is not None


def looks_secret(text: str) -> bool:
    """True when a lone word looks like a secret and not like prose: with a digit, long, or with capitals inside."""
    digit, letter = any(c.isdigit() for c in text), any(c.isascii() and c.isalpha() for c in text)
    inner = any(a.islower() and b.isupper() for a, b in zip(text, text[1:]))
    return len(text) >= 6 and letter and digit or len(text) >= 20 or len(text) >= 8 and inner


def is_placeholder(value: str) -> bool:
    """True for what is no secret: nothing, a mask, a word for nothing, or the place of a parameter (`?`, `$1`, `${X}`, `%s`, `:name`)."""
    if value.lower() in _NOTHING or is_mask(value) or not re.search(r"[A-Za-z0-9\x80-\U0010ffff]", value):
        return True
    if value.startswith("{"):
        return not looks_secret(value[1:])
    return re.fullmatch(r"\$\{.*|<.*>|%\(.*s|[$%][A-Z_0-9]*|%[sdvq]|:[a-z_]*", value, re.DOTALL) is not None


def mask_pairs(text: str) -> str:
    """`text` without credentials and values of names that say that they are secrets."""
    text = _URL.sub(_url, text)
    text = _DRIVER.sub("[REDACTED:url-credentials]@", text)
    text = _named(text)
    text = _after(text, _FLAG) if "--" in text else text
    text = _after(text, _SQL)
    text = _ELEMENT.sub(_element, text) if "</" in text else text
    text = _BEARER.sub(lambda found: _credential(found, looks_secret(found[3])), text)
    return _BASIC.sub(lambda found: _credential(found, _holds_colon(found[3])), text)


def _credential(found: "re.Match[str]", secret: bool) -> str:
    return f"{found[1]}{found[2]}[REDACTED:authorization]" if secret else found[0]


def _holds_colon(word: str) -> bool:
    digits = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(digits + "=" * (-len(digits) % 4))
    except ValueError:
        return False
    return b":" in decoded and all(byte >= 0x20 for byte in decoded)


def _url(found: "re.Match[str]") -> str:
    user, _, password = found[2].rpartition("@")[2].partition(":")
    secret = not is_placeholder(password) if password else len(user) >= 16 and looks_secret(user)
    return f"{found[1]}[REDACTED:url-credentials]@" if secret and not is_mask(found[2]) else found[0]


def _element(found: "re.Match[str]") -> str:
    secret = names.is_secret(found[1]) and not is_placeholder(found[2])
    return f"<{found[1]}>[REDACTED:secret]<" if secret else found[0]


def _named(text: str) -> str:
    out, kept = [], 0
    for found in _NAMED.finditer(text):
        if found.start() < kept:
            continue
        name, start = _name(text, found)
        in_query = text[start - 1 : start] in ("?", "&", ";") and start > 0 or bool(_ESCAPED.search(text[:start][-6:]))
        if not (names.is_secret(name) or in_query and names.is_secret_parameter(name)):
            continue
        if found["separator"] == "," and not found["quote"]:
            continue
        span = _secret_value(text, name, found)
        if span:
            kind = "authorization" if names.is_authorization(name) else "secret"
            out += [text[kept : span.start], f"[REDACTED:{kind}]"]
            kept = span.end
    return "".join(out) + text[kept:] if out else text


def _name(text: str, found: "re.Match[str]") -> "tuple[str, int]":
    """The name without the tail of an escape before it: `\\u0026key=`, `%26key=`, `\\nkey=`."""
    start, name = found.start(1), found[1]
    before = text[start - 1 : start] if start else ""
    skip = 0
    if before == "\\" and name.startswith("u") and len(name) > 5:
        skip = 5
    elif before == "\\" and name[0].isalpha() and len(name) > 1:
        skip = 1
    elif before == "%" and len(name) > 2:
        skip = 2
    return name[skip:].lstrip("-") or name, start + skip


def _secret_value(text: str, name: str, found: "re.Match[str]") -> Optional[_Value]:
    separator = found["separator"]
    spaced = bool(found["gap"] or found["after"])
    value = _value_at(text, found.end())
    word = text[value.start : value.end]
    if names.is_authorization(name) and not value.quoted and _SCHEME.match(text, value.start):
        line = _line(text, value.start)
        scheme = _SCHEME.match(text, value.start)
        rest = text[scheme.end() : line] if scheme else ""
        return None if is_mask(rest.strip()) else _Value(value.start, line, False)
    if names.is_cookie(name) and not value.quoted and "=" in word:
        line = _line(text, value.start)
        return None if is_mask(text[value.start : line]) else _Value(value.start, line, False)
    if not value.quoted:
        # A full stop ends a sentence, not a secret.
        word = word.rstrip(".:!?")
    scheme = _SCHEME.match(word)
    if is_placeholder(word) or scheme and is_mask(word[scheme.end() :].strip()):
        return None
    # Written like prose or as a list, only what looks like a secret is one.
    doubtful = separator == "," if value.quoted else spaced or separator in (":", ":=", "==", "=>", ",")
    if doubtful and not looks_secret(word):
        return None
    if name[-1:] in "nNyY" and len(word) < 10 and word.isdigit():
        return None
    return _Value(value.start, value.start + len(word), value.quoted)


def _line(text: str, at: int) -> int:
    end = _LINE_END.search(text, at)
    return end.start() if end else len(text)


_WRAPPED = re.compile(r"(?!\[REDACTED)\[?(?:[A-Za-z0-9]+\((?=[\"'])|b(?=[\"']))?")
_QUOTE = re.compile(r"(\\*)([\"'`])")


def _value_at(text: str, at: int) -> _Value:
    """What stands around a value in dumps of Go, Python and Rust goes: `[`, `b'…'`, `Some("…")`."""
    wrapped = _WRAPPED.match(text, at)
    at = wrapped.end() if wrapped else at
    quote = _QUOTE.match(text, at)
    if quote:
        return _Value(quote.end(), _quoted_end(text, quote.end(), quote[2], len(quote[1])), True)
    if text[at : at + 1] == "{" or text[at : at + 2] == "${":
        closing = re.compile(r"[}\n]").search(text, at)
        return _Value(at, closing.end() if closing else len(text), False)
    if text.startswith("[REDACTED", at):
        closing = text.find("]", at)
        return _Value(at, closing + 1 if closing > 0 else len(text), False)
    end = _ENDS_VALUE.search(text, at)
    return _Value(at, end.start() if end else len(text), False)


def _quoted_end(text: str, at: int, quote: str, slashes: int) -> int:
    while at < len(text):
        if text[at] == quote:
            return at
        if text[at] == "\\":
            run = len(text[at:]) - len(text[at:].lstrip("\\"))
            if text[at + run : at + run + 1] == quote and run <= slashes:
                return at
            # Inside a plain quotation an odd run escapes what follows.
            at += run + 1 if run % 2 else run
        else:
            at += 1
    return len(text)


def _after(text: str, pattern: "re.Pattern[str]") -> str:
    """`--password value`, and SQL's `PASSWORD 'value'`."""
    out, kept = [], 0
    for found in pattern.finditer(text):
        if found.start() < kept or not names.is_secret(found[1].lstrip("-")):
            continue
        value = _value_at(text, found.end())
        if not is_placeholder(text[value.start : value.end]):
            out += [text[kept : value.start], "[REDACTED:secret]"]
            kept = value.end
    return "".join(out) + text[kept:] if out else text
