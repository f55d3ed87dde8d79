"""Switches on the official instrumentations of the libraries that are installed."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Dict, Generator, List, Optional

from . import asgi, propagation
from .config import Config

_log = logging.getLogger(__name__)
# Probes and scrapes would be most of the traces. Matched against the full URL.
_QUIET = "^https?://[^/]+/(health|ready|metrics)/?$"
_FASTAPI = "opentelemetry.instrumentation.fastapi"


class _Done:
    """What both a plain and an awaiting caller of a hook can take: the seed's version awaits the same hook that it calls."""

    def __await__(self) -> Generator[None, None, None]:
        return iter(())  # type: ignore[return-value]


def instrument(config: Config, app: Any = None, engine: Any = None) -> List[str]:
    """Switches on what is installed; returns the names."""
    # The names that the Rust services write; versions that know no choice write the old ones.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")
    done = [
        _switch_on("httpx", "HTTPXClientInstrumentor", request_hook=_before_call, async_request_hook=_before_call_async),
        _switch_on("asyncpg", "AsyncPGInstrumentor"),
        _switch_on("redis", "RedisInstrumentor"),
        _switch_on("sqlalchemy", "SQLAlchemyInstrumentor", **_engines(engine)),
        # Only so that formats with %(otelTraceID)s work; records are sent by our own handler.
        _switch_on("logging", "LoggingInstrumentor", set_logging_format=False, enable_log_auto_instrumentation=False),
        _switch_on("system_metrics", "SystemMetricsInstrumentor"),
        _fastapi(config, app),
    ]
    return [name for name in done if name]


def _engines(engine: Any) -> Dict[str, Any]:
    """AsyncEngine wraps the engine that has the events."""
    return {} if engine is None else {"engine": getattr(engine, "sync_engine", engine)}


def _switch_on(name: str, instrumentor: str, **arguments: Any) -> Optional[str]:
    try:
        made = getattr(import_module(f"opentelemetry.instrumentation.{name}"), instrumentor)()
        if not made.is_instrumented_by_opentelemetry:
            made.instrument(**arguments)
        return name if made.is_instrumented_by_opentelemetry else None
    except ImportError:
        return None
    except Exception as error:  # noqa: BLE001 - a service runs on without the spans of one library
        _log.warning("instrumentation failed", extra={"library": name, "error": str(error)})
        return None


def _before_call(_span: Any, request: Any) -> _Done:
    propagation.next_host(_host(request.url))
    return _Done()


async def _before_call_async(_span: Any, request: Any) -> None:
    propagation.next_host(_host(request.url))


def _host(url: Any) -> str:
    """httpx hands an URL or, in old versions, its four raw parts."""
    if isinstance(url, tuple):
        return url[1].decode("latin-1") if isinstance(url[1], bytes) else str(url[1])
    return str(getattr(url, "host", ""))


def _fastapi(config: Config, app: Any) -> Optional[str]:
    """The given application; without one, each that is made from now on."""
    try:
        import_module(_FASTAPI)
        from fastapi import FastAPI
    except ImportError:
        return None
    if app is not None:
        instrument_app(app, config)
        return "fastapi"
    original = FastAPI.__init__
    if not getattr(original, "_quartet_telemetry", False):

        def made(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            instrument_app(self, config)

        made._quartet_telemetry = True  # type: ignore[attr-defined]
        FastAPI.__init__ = made  # type: ignore[method-assign]
    return "fastapi"


def instrument_app(app: Any, config: Config) -> None:
    """Adds the server span and both layers of `asgi` to an application, once."""
    if getattr(app, "_quartet_telemetry", False):
        return
    app._quartet_telemetry = True
    app.add_middleware(asgi.Request, old_names=_writes_old_names())
    module = import_module(_FASTAPI)
    module.FastAPIInstrumentor.instrument_app(app, excluded_urls="" if config.debug else _QUIET)
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: asgi.Answer(build())


def _writes_old_names() -> bool:
    """Before 0.46 the instrumentation knew only `http.server.duration` in milliseconds."""
    try:
        numbers = version("opentelemetry-instrumentation-fastapi").split(".")
        return (int(numbers[0]), int("".join(c for c in numbers[1] if c.isdigit() or c == "b").split("b")[0])) < (0, 46)
    except (PackageNotFoundError, ValueError, IndexError):
        return False
