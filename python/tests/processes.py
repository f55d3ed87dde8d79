"""Processes of the end-to-end test: the real Quartet and Python programs, on free ports, stopped by their ids."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, TypeVar

T = TypeVar("T")
LISTENERS = ("otlp-grpc", "otlp-http", "tempo", "loki", "mimir", "console", "health", "telemetry")
# Debug builds on two busy cores are slow.
_LIMIT_SECONDS = 60.0
_PYTHON = Path(__file__).resolve().parents[1]


def binary() -> Optional[str]:
    """QUARTET_BIN, else a build of this checkout."""
    named = os.environ.get("QUARTET_BIN")
    builds = [_PYTHON.parent / "target" / profile / "quartet" for profile in ("debug", "release")]
    return named or next((str(path) for path in builds if path.is_file()), None)


class Process:
    """A child; leaving its block sends SIGTERM and waits."""

    def __init__(self, command: List[str], variables: Dict[str, str]) -> None:
        # What the caller's environment says about telemetry is not for these.
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        environment = {**kept, "PYTHONPATH": str(_PYTHON), **variables}
        self.child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.child.poll() is None:
            self.child.kill()
        self.child.communicate()

    def line(self) -> str:
        """The next line of its stdout."""
        assert self.child.stdout
        line = self.child.stdout.readline()
        assert line, f"ended: {self.child.communicate()[1]}"
        return line

    def stop(self) -> "tuple[int, str, str]":
        """SIGTERM; its exit code, stdout and stderr."""
        self.child.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> "tuple[int, str, str]":
        """Waits until it ends by itself."""
        out, error = self.child.communicate(timeout=_LIMIT_SECONDS)
        return self.child.returncode, out, error


class Quartet(Process):
    """The real server."""

    def __init__(self, path: str, folder: Path) -> None:
        listeners = [part for name in LISTENERS for part in (f"--{name}", "127.0.0.1:0")]
        super().__init__([path, "up", "-o", "json", "--data-dir", str(folder), *listeners], {})
        found = json.loads(self.line())["listeners"]
        pairs = found.items() if isinstance(found, dict) else ((item["name"], item["address"]) for item in found)
        self.urls = {
            name.replace("_", "-"): f"http://{address.replace('http://', '')}" for name, address in pairs if address
        }


def python(arguments: List[str], variables: Dict[str, str]) -> Process:
    """A program run by the interpreter of the tests."""
    return Process([sys.executable, *arguments], variables)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def get(url: str, headers: Optional[Dict[str, str]] = None) -> "tuple[Any, Dict[str, str]]":
    """The JSON body and the headers, names in lower case."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer), {name.lower(): value for name, value in answer.headers.items()}


def until(what: str, look: Callable[[], Optional[T]]) -> T:
    """Asks until there is an answer: another process's progress cannot be awaited otherwise."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    last: Optional[BaseException] = None
    while time.monotonic() < deadline:
        try:
            found = look()
            if found:
                return found
        except (urllib.error.URLError, ConnectionError, KeyError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"no {what} within {_LIMIT_SECONDS:.0f} s ({last})")
