"""Where a signal goes and how: endpoint, protocol, headers, TLS.

The signal's variable wins over the generic one, which wins over the default. A signal endpoint on port 4318 is HTTP even beside a
generic `grpc`, an HTTP endpoint without a path gets the signal's path, a loopback host without a scheme is not asked for TLS.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple
from urllib.parse import urlsplit, urlunsplit

from .errors import ConfigError
from .variables import Variables, is_address, masked_url, pairs

GRPC = "grpc"
HTTP_PROTOBUF = "http/protobuf"
HTTP_JSON = "http/json"
_PROTOCOLS = {GRPC: GRPC, HTTP_PROTOBUF: HTTP_PROTOBUF, HTTP_JSON: HTTP_JSON}
_ENDPOINT = "http://localhost:4317"
_HTTP_PORT = 4318
_HOUR_MS = 3_600_000
# The default of OpenTelemetry's exporter specification.
_TIMEOUT_MS = 10_000
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True)
class ExporterConfig:
    """The exporter of one signal."""

    endpoint: str
    protocol: str
    # Credentials: not for a repr.
    headers: Dict[str, str] = field(default_factory=dict, repr=False)
    gzip: bool = False
    timeout_seconds: float = _TIMEOUT_MS / 1000
    authority_file: Optional[str] = None
    certificate_file: Optional[str] = None
    key_file: Optional[str] = None

    @property
    def insecure(self) -> bool:
        """True without TLS."""
        return self.endpoint.startswith("http://")


def read_exporter(variables: Variables, signal: str) -> Optional[ExporterConfig]:
    """Reads the exporter of `traces`, `metrics` or `logs`; None with `OTEL_*_EXPORTER=none`."""
    upper = signal.upper()
    if variables.word(f"OTEL_{upper}_EXPORTER", {"otlp": False, "none": True}):
        return None

    def names(what: str) -> Tuple[str, str]:
        return f"OTEL_EXPORTER_OTLP_{upper}_{what}", f"OTEL_EXPORTER_OTLP_{what}"

    insecure = variables.flag(names("INSECURE")[0])
    if insecure is None:
        insecure = variables.flag(names("INSECURE")[1])
    endpoint, protocol = _endpoint(variables, names("ENDPOINT"), names("PROTOCOL"), insecure, f"/v1/{signal}")
    headers = variables.first(*names("HEADERS"))
    compression = variables.first(*names("COMPRESSION"))
    timeout = variables.first(*names("TIMEOUT"))
    files = [_file(variables, names(what)) for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY")]
    certificate, key = files[1], files[2]
    if certificate and not key:
        raise ConfigError(certificate[0], "a certificate", "a client key beside it")
    if key and not certificate:
        raise ConfigError(key[0], "a key", "a client certificate beside it")
    return ExporterConfig(
        endpoint=endpoint,
        protocol=protocol,
        headers=_headers(*headers) if headers else {},
        gzip=bool(compression and variables.word(compression[0], {"gzip": True, "none": False})),
        timeout_seconds=((variables.number(timeout[0], 1, _HOUR_MS) if timeout else None) or _TIMEOUT_MS) / 1000,
        authority_file=files[0][1] if files[0] else None,
        certificate_file=certificate[1] if certificate else None,
        key_file=key[1] if key else None,
    )


def _endpoint(
    variables: Variables, names: Tuple[str, str], protocol_names: Tuple[str, str], insecure: Optional[bool], path: str
) -> Tuple[str, str]:
    own_protocol, generic_protocol = (variables.word(name, _PROTOCOLS) for name in protocol_names)
    own = variables.text(names[0])
    name, value = (names[0], own) if own else (names[1], variables.text(names[1]) or _ENDPOINT)
    url = urlsplit(_with_scheme(name, value, insecure))
    has_path = url.path.rstrip("/")
    looks_http = url.port == _HTTP_PORT or has_path.endswith(path)
    if own_protocol:
        protocol = own_protocol
    elif generic_protocol == GRPC and own and looks_http:
        protocol = HTTP_PROTOBUF
    else:
        protocol = generic_protocol or (HTTP_PROTOBUF if looks_http else GRPC)
    if protocol == GRPC:
        full = ""
    elif not own or not has_path:
        full = has_path + path
    else:
        full = has_path
    return urlunsplit((url.scheme, url.netloc, full, "" if protocol == GRPC else url.query, "")), protocol


def _with_scheme(name: str, value: str, insecure: Optional[bool]) -> str:
    """`host:port` gets a scheme by the INSECURE variable, and on loopback http."""
    if "://" not in value:
        host = urlsplit(f"//{value}").hostname or ""
        plain = insecure if insecure is not None else _is_loopback(host)
        value = f"{'http' if plain else 'https'}://{value}"
    if not is_address(value):
        raise ConfigError(name, masked_url(value), "an address such as http://localhost:4317")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(name: str, text: str) -> Dict[str, str]:
    found = {}
    for key, value in pairs(name, text, secret=True).items():
        if not _HEADER_NAME.fullmatch(key) or not _HEADER_VALUE.fullmatch(value):
            raise ConfigError(name, f"{key}=…", "names and values of HTTP headers")
        found[key.lower()] = value
    return found


def _file(variables: Variables, names: Tuple[str, str]) -> Optional[Tuple[str, str]]:
    found = variables.first(*names)
    if found and not os.access(found[1], os.R_OK):
        raise ConfigError(found[0], found[1], "a file that can be read")
    return found
