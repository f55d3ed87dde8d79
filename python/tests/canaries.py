"""Secrets that are none: the formats of `crates/testkit/src/canaries.rs`, read from there, made up anew from a seed."""

from __future__ import annotations

import random
import re
import string
from pathlib import Path
from typing import List, NamedTuple

_SOURCE = Path(__file__).resolve().parents[2] / "crates/testkit/src/canaries.rs"
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ROW = re.compile(rf"\(\s*{_TEXT},\s*{_TEXT},\s*{_TEXT},\s*{_TEXT},?\s*\)")
_LETTERS = string.ascii_letters + string.digits
_SETS = {
    "A9": _LETTERS,
    "Az": string.ascii_letters,
    "x": "0123456789abcdef",
    "U": string.ascii_uppercase + "234567",
    "6": _LETTERS + "-_",
    "9": string.digits,
}


class Canary(NamedTuple):
    """Whose format it has, the text that must not be found, a text that holds it, a name under which it would stand."""

    name: str
    secret: str
    text: str
    key: str


def all_canaries(seed: int) -> List[Canary]:
    """All of them, the same for the same seed."""
    chance = random.Random(seed)

    def expand(found: "re.Match[str]") -> str:
        return "".join(chance.choice(_SETS[found[1]]) for _ in range(int(found[2])))

    made = []
    for name, form, text, key in _ROW.findall(_SOURCE.read_text()):
        secret = re.sub(r"<(\w+):(\d+)>", expand, form)
        text = text.replace('\\"', '"').replace("\\n", "\n").replace("@@", secret, 1)
        made.append(Canary(name, secret, text, key))
    return made
