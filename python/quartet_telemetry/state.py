"""The one value of the process that the helpers look up: its configuration, redactor and tracer; defaults before the start."""

from __future__ import annotations

import os
from typing import Optional

from opentelemetry import trace

from .config import Config
from .redaction import Redactor

_config: Optional[Config] = None
_redactor = Redactor()
_key: Optional[bytes] = None


def config() -> Config:
    """The variables as they were read at start; those of now before."""
    return _config or Config.from_env()


def redactor() -> Redactor:
    """The process's redactor."""
    return _redactor


def install(new: Optional[Config]) -> None:
    """Called at start, and by tests."""
    global _config, _redactor, _key
    _config, _key = new, None
    _redactor = Redactor(new.redact_emails, new.redact_cards) if new else Redactor()


def tracer() -> trace.Tracer:
    """The tracer of TraceContext."""
    return trace.get_tracer("quartet_telemetry")


def salt() -> bytes:
    """The key of `hash_api_key`. Without a salt of the deployment it is the machine's id, which is stable and not public; on machines
    without one it is random, and hashes of two processes differ."""
    global _key
    if _key is None:
        text = config().key_salt or machine_id()
        _key = text.encode() if text else os.urandom(16).hex().encode()
    return _key


def machine_id() -> str:
    """The machine's id, or an empty text."""
    try:
        with open("/etc/machine-id", encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
