"""Finds secrets in text and masks them; the same families and kinds as the Rust crate `redact`.

A secret without a shape and without a name (a bare password in prose) cannot be found; nor one that is encoded as a whole.
"""

from __future__ import annotations

import re
from typing import Any

from . import names, pairs, shapes
from .sql import sql

__all__ = ["MASK", "Redactor", "sql"]

# Stands for a value whose key says that it is a secret.
MASK = "[REDACTED]"
# Deeper values are nobody's telemetry.
_DEPTH_MAX = 16
_EMAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9_\-]*\.)+[A-Za-z]{2,}")
_CARD = re.compile(r"(?<![A-Za-z0-9._])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_]|\.\d|[ -]\d)")
_ISSUERS = re.compile(r"4|5[0-9]|6(?:011|4[4-9]|5|2)|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|30[0-5]|36|3[89]|35(?:2[89]|[3-8])")
_PARAMETER = re.compile(r"(?<=[?&;#])([^=&;#\s]+)=([^&;#\s]+)")


class Redactor:
    """Masks secrets, and by option e-mail addresses and card numbers."""

    def __init__(self, emails: bool = False, cards: bool = False) -> None:
        self._emails = emails
        self._cards = cards

    def text(self, text: str) -> str:
        """`text` with each secret replaced by a mask that says what it was: `[REDACTED:api-key]`."""
        if shapes.MAY_HOLD.search(text):
            text = shapes.mask_shapes(text)
        if pairs.MAY_HOLD.search(text):
            text = pairs.mask_pairs(text)
            if self._emails:
                text = _EMAIL.sub("[REDACTED:email]", text)
        return _CARD.sub(_card, text) if self._cards else text

    def url(self, url: str) -> str:
        """`url` without user and password and without the values of secret parameters, then as by `text`."""
        url = re.sub(r"(?<=://)[^/?#@\s]+(?=@)", _userinfo, url)
        return self.text(_PARAMETER.sub(_parameter, url))

    def key_is_secret(self, key: str) -> bool:
        """True for names of attributes, headers and fields whose whole value is a secret."""
        return names.is_secret(key)

    def value(self, key: str, value: Any, depth: int = _DEPTH_MAX) -> Any:
        """The value of an attribute or field without secrets; lists and maps are walked. The same object when nothing was found."""
        if key and names.is_secret(key) and value is not None and not isinstance(value, bool):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            text = value.decode(errors="surrogateescape")
            masked = self.text(text)
            return value if masked == text else masked.encode(errors="surrogateescape")
        if isinstance(value, dict):
            return MASK if not depth else {k: self.value(str(k), v, depth - 1) for k, v in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return MASK if not depth else type(value)(self.value("", item, depth - 1) for item in value)
        return value


def _userinfo(found: "re.Match[str]") -> str:
    return found[0] if pairs.is_mask(found[0]) else "[REDACTED:url-credentials]"


def _parameter(found: "re.Match[str]") -> str:
    secret = names.is_secret_parameter(found[1]) and not pairs.is_placeholder(found[2])
    return f"{found[1]}=[REDACTED:secret]" if secret else found[0]


def _card(found: "re.Match[str]") -> str:
    digits = [int(char) for char in found[0] if char.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    valid = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1
    issued = _ISSUERS.match("".join(map(str, digits)))
    return "[REDACTED:card]" if valid and issued else found[0]
