"""SQL statements without their literals and comments.

`SELECT * FROM t WHERE name = 'x' AND id IN (1, 2)` becomes `SELECT * FROM t WHERE name = ? AND id IN (?)`. Strings of all dialects,
numbers and comments go; names, keywords and placeholders stay. Two ambiguities are decided for safety: text in double quotes stays only
where it reads like a name, and a string in which a backslash stands before a quote ends at the end of the statement.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"(?P<line>--[^\n]*)"
    r"|(?P<block>/\*)"
    r"|(?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$)"
    r"|(?P<string>(?P<escape>\b[Ee])?(?:\b[NnBbXxRr]|\b[Uu]&)?')"
    r'|(?P<double>")'
    r"|(?P<name>`[^`]*`?|[:@$]\w+)"
    r"|(?P<number>(?<![\w.])(?:\d|\.\d)(?:[eE][+-](?=\d)|[\w.])*)"
    r"|(?P<word>\w+)"
    r"|(?P<mark>[^\s])"
)
_COMPARING = {"like", "ilike", "regexp", "between"}
_ITEM = r"(?:-?\?|%s|[$:@?]\w+|(?i:null|true|false|default))"
_ROW = rf"\(\s*{_ITEM}(?:\s*,\s*{_ITEM})*\s*\)"
_LIST = re.compile(rf"(?i:\b(in|values))(\s*){_ROW}(?:\s*,\s*{_ROW})*")


def sql(text: str) -> str:
    """The statement with `?` for each literal, `(?)` for lists of them after IN and VALUES, and a space for each comment."""
    out, kept, at = [], 0, 0
    comparing = False
    lists = 0
    after_list_word = False
    while True:
        found = _TOKEN.search(text, at)
        if not found:
            break
        at = found.end()
        if found["line"] is not None or found["block"] is not None:
            at = _comment_end(text, at) if found["block"] else at
            out += [text[kept : found.start()], " "]
            kept = at
            continue
        literal = True
        if found["dollar"] is not None:
            closing = text.find(found["dollar"], at)
            at = len(text) if closing < 0 else closing + len(found["dollar"])
        elif found["string"] is not None:
            at = _string_end(text, at, "'", bool(found["escape"]))
        elif found["double"] is not None:
            start, at = at, _string_end(text, at, '"', False)
            name = re.fullmatch(r"[A-Za-z_]\w{0,62}", text[start : at - 1])
            literal = not name or comparing or lists > 0
        else:
            literal = found["number"] is not None
        if literal:
            out += [text[kept : found.start()], "?"]
            kept, comparing, after_list_word = at, False, False
            continue
        word = (found["word"] or "").lower()
        mark = found["mark"]
        if mark == "(":
            lists += 1 if after_list_word or lists else 0
        elif mark == ")":
            lists = max(0, lists - 1)
        comparing = mark is not None and mark in "=<>!~" or word in _COMPARING or word == "and" and comparing
        # Rows after VALUES follow each other.
        follows = mark == "," and not lists and after_list_word
        after_list_word = word in ("in", "values") or mark == ")" and not lists or follows
    if not out:
        return _LIST.sub(_collapsed, text)
    return _LIST.sub(_collapsed, "".join(out) + text[kept:])


def _collapsed(found: "re.Match[str]") -> str:
    return f"{found[1]}{found[2]}(?)"


def _comment_end(text: str, at: int) -> int:
    """Comments nest in PostgreSQL; where they do not, more goes than must."""
    depth = 1
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return mark.end()
    return len(text)


def _string_end(text: str, at: int, quote: str, escaped: bool) -> int:
    while at < len(text):
        char = text[at]
        if char == "\\":
            if not escaped and text[at + 1 : at + 2] == quote:
                return len(text)
            at += 2
        elif char == quote:
            if text[at + 1 : at + 2] != quote:
                return at + 1
            at += 2
        else:
            at += 1
    return len(text)
