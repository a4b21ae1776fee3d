"""The table of all routes says of each what is true."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from spk.api.app import create_app
from spk.config import ServiceSettings, Settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "use-the-api.md"
PLACE = "/v1/galleries/{gallery}"


def test_every_route_is_in_the_table(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path / "home"), ServiceSettings())
    with closing(app.state.service):
        served = app.openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, operations in served.items() for method in operations}
    here, besides = DOCUMENT.read_text(encoding="utf-8").split("And besides:")
    row = re.compile(r"^\| `([A-Z]+) (/\S*)` \|", re.MULTILINE)
    told = [f"{method} {PLACE}{path}" for method, path in row.findall(here)]
    told += [" ".join(found) for found in row.findall(besides)]
    assert len(told) == len(set(told))
    assert set(told) == routes
