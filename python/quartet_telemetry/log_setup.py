"""Sends structlog's loggers, the standard library's and uvicorn's into one sink."""

from __future__ import annotations

import logging
import sys
from typing import Any, Dict, MutableMapping

import structlog

from .config import Config
from .logs import Sink, SinkHandler, exception_fields

_METHODS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "msg": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "err": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_UVICORN = ("uvicorn", "uvicorn.error", "uvicorn.access")


class _Named:
    """What structlog's factory makes: the logger's name; the sink writes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, method: str) -> Any:
        if method not in _METHODS:
            raise AttributeError(method)
        return lambda *_args, **_fields: None


def install(config: Config, sink: Sink) -> None:
    """Sets up both logging systems for the rest of the process."""
    _install_structlog(config, sink)
    root = logging.getLogger()
    for handler in list(root.handlers):
        # Those of `basicConfig` write the same record once more, as text.
        if type(handler) is logging.StreamHandler or isinstance(handler, SinkHandler):
            root.removeHandler(handler)
    root.addHandler(SinkHandler(sink))
    root.setLevel(config.log_level)
    # Libraries that tell of every request at INFO.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(config.log_level, logging.WARNING))
    for name, level in config.log_levels.items():
        logging.getLogger(name).setLevel(level)
    _adopt_uvicorn()


def _install_structlog(config: Config, sink: Sink) -> None:
    def finish(logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        fields: Dict[str, Any] = dict(event)
        message = str(fields.pop("event", ""))
        fields.pop("exc_info", None)
        error = event.get("exc_info")
        if error:
            error = error[1] if isinstance(error, tuple) else error if isinstance(error, BaseException) else sys.exc_info()[1]
            if error is not None:
                fields.update(exception_fields(error))
        sink.emit(getattr(logger, "name", "") or "structlog", _METHODS.get(method, logging.INFO), message, fields)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.StackInfoRenderer(), finish],
        wrapper_class=structlog.make_filtering_bound_logger(max(config.log_level, logging.DEBUG)),
        logger_factory=lambda *args: _Named(str(args[0]) if args else ""),
        # Tests and late calls may configure anew.
        cache_logger_on_first_use=False,
    )


def _adopt_uvicorn() -> None:
    """uvicorn writes its lines by handlers of its own; without them they reach the root's."""
    for name in _UVICORN:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    try:
        import uvicorn.config as config
    except ImportError:
        return
    settings = getattr(config, "LOGGING_CONFIG", None)
    if isinstance(settings, dict):
        # The dictionary that `uvicorn.run` hands to `logging.config` if it is called after this.
        settings["handlers"] = {}
        settings["loggers"] = {name: {"level": "INFO", "propagate": True} for name in _UVICORN}
