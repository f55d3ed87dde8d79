"""What the process says about itself: `service.*`, `deployment.*`, `platform.*`, `host.*`, `os.*`, `process.*`, `telemetry.sdk.*`.

Later sources win: detection, the call's arguments, `SERVICE_*`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`.
"""

from __future__ import annotations

import os
import platform
import sys
import uuid
from importlib.metadata import version
from typing import Any, Dict, Mapping

from opentelemetry.sdk.resources import Resource

from .config import Config
from .state import machine_id

_PLATFORM = "pyairtable"


def detect(config: Config, service_name: str, declared: Mapping[str, Any]) -> Resource:
    """The resource of this process. Without the arguments of the command: they are where people put passwords."""
    attributes: Dict[str, Any] = {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": version("opentelemetry-sdk"),
        "service.namespace": _PLATFORM,
        "service.instance.id": str(uuid.uuid4()),
        "service.version": "unknown",
        "deployment.environment": config.environment,
        "deployment.environment.name": config.environment,
        "platform.name": _PLATFORM,
        "platform.cluster": "local",
        "host.name": platform.node(),
        "host.id": machine_id(),
        "host.arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os.type": sys.platform,
        "os.version": platform.release(),
        "process.pid": os.getpid(),
        "process.executable.name": os.path.basename(sys.executable or ""),
        "process.executable.path": sys.executable,
        "process.command": sys.argv[0] if sys.argv else "",
        "process.runtime.name": platform.python_implementation().lower(),
        "process.runtime.version": platform.python_version(),
        "service.name": service_name,
        **{key: value for key, value in declared.items() if value is not None},
    }
    fixed = {"service.version": config.service_version, "service.tier": config.service_tier}
    attributes.update({key: value for key, value in fixed.items() if value is not None})
    attributes.update(config.resource)
    if config.service_name:
        attributes["service.name"] = config.service_name
    return Resource({key: value for key, value in attributes.items() if value not in (None, "")})


