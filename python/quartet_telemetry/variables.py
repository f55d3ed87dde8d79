"""Typed reading of variables: a value that means nothing is an error that names the variable and says what would be right."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from .errors import ConfigError

T = TypeVar("T")


class Variables:
    """The process's environment, or a table in tests. An empty value counts as unset, as OpenTelemetry asks."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def text(self, name: str) -> Optional[str]:
        """The trimmed value."""
        return (self._source.get(name) or "").strip() or None

    def first(self, *names: str) -> Optional[Tuple[str, str]]:
        """The first of `names` that is set, with its name."""
        for name in names:
            value = self.text(name)
            if value is not None:
                return name, value
        return None

    def number(self, name: str, least: int, most: int) -> Optional[int]:
        """A whole number from `least` to `most`."""
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ConfigError(name, value, f"a whole number from {least} to {most}")
        return int(value)

    def flag(self, name: str) -> Optional[bool]:
        """`true`, `false`, and the ways people write them."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() in ("true", "1", "yes", "on"):
            return True
        if value.lower() in ("false", "0", "no", "off"):
            return False
        raise ConfigError(name, value, "true or false")

    def ratio(self, name: str) -> Optional[float]:
        """A ratio from 0 to 1."""
        value = self.text(name)
        if value is None:
            return None
        try:
            ratio = float(value)
        except ValueError:
            ratio = -1.0
        if not 0.0 <= ratio <= 1.0:
            raise ConfigError(name, value, "a ratio from 0.0 to 1.0")
        return ratio

    def word(self, name: str, table: Mapping[str, T]) -> Optional[T]:
        """What one of the words of `table` means, in any case."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in table:
            raise ConfigError(name, value, one_of(list(table)))
        return table[value.lower()]

    def address(self, name: str) -> Optional[str]:
        """An http or https address."""
        value = self.text(name)
        if value is not None and not is_address(value):
            raise ConfigError(name, masked_url(value), "an http:// or https:// address")
        return value


def is_address(value: str) -> bool:
    """True for an http or https address with a host and, if any, a valid port."""
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def one_of(words: List[str]) -> str:
    """`a, b or c`"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def masked_url(value: str) -> str:
    """An address without user and password, for messages."""
    before, at, host = value.rpartition("@")
    return f"{before.partition('://')[0] if '://' in before else ''}://…@{host}" if at else value


def pairs(name: str, text: str, secret: bool) -> Dict[str, str]:
    """`key=value` pairs separated by commas, percent-decoded. Values of a `secret` variable are not shown in errors."""
    found: Dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        shown = "…" if secret else part
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigError(name, shown, "key=value pairs separated by commas")
        found[_decoded(name, key.strip(), shown)] = _decoded(name, value.strip(), shown)
    return found


def _decoded(name: str, text: str, shown: str) -> str:
    digits = "0123456789abcdefABCDEF"
    units = text.split("%")[1:]
    try:
        if any(len(unit) < 2 or unit[0] not in digits or unit[1] not in digits for unit in units):
            raise ValueError
        return unquote_to_bytes(text).decode()
    except ValueError:
        raise ConfigError(name, shown, "percent-encoding (%2C for a comma) of UTF-8 text") from None
