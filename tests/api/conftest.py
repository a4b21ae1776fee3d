"""A served home: in this process, as its only user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from spk.api.app import create_app
from spk.config import ServiceSettings, Settings


@pytest.fixture
def service_home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def http(service_home: Path) -> Iterator[TestClient]:
    """A client of the service of a home without keys: it may do everything."""
    app = create_app(Settings(service_home), ServiceSettings())
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 50_000)) as client:
        yield client
