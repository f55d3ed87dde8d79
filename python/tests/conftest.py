"""One telemetry into memory for the whole run, as OpenTelemetry's providers are one per process."""

import fastapi
import pytest

from quartet_telemetry.testing import InMemory

_app = fastapi.FastAPI()
_VARIABLES = {
    "TELEMETRY_KEY_SALT": "Jefe",
    "SERVICE_VERSION": "1.2.3",
    "OTEL_PROPAGATORS": "tracecontext,baggage,b3multi,jaeger",
    "OTEL_BSP_SCHEDULE_DELAY": "60000",
}


@pytest.fixture(scope="session")
def started():
    return InMemory.start("tests", environ=_VARIABLES, app=_app, service_port=8003)


@pytest.fixture(scope="session")
def app(started):
    return _app


@pytest.fixture
def memory(started):
    started.clear()
    return started
