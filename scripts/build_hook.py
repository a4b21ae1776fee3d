"""What the review pages load in the browser goes into the package: hatch runs this before it builds or installs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FetchWeb(BuildHookInterface):
    """Runs scripts/fetch-web. Without npm the package is built all the same: the pages do without."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatch calls it
        """Before a build."""
        done = subprocess.run([Path(self.root, "scripts", "fetch-web")], check=False, capture_output=True, text=True)  # noqa: S603 - ours
        if done.returncode:
            self.app.display_warning(f"the review pages will be without waveforms: {done.stderr.strip()}")
