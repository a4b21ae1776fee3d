"""What requests say in the same words, and the answer that several routes give."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi.responses import FileResponse
from pydantic import Field

from spk.jobs.asked import Asked, Name

__all__ = ["FLAC", "DryRun", "Force", "JustAsked", "MergeAsked", "play"]

DryRun = Annotated[bool, Field(description="Say what would change, and change nothing.")]
Force = Annotated[bool, Field(description="Let the profile learn also from what sounds unlike the rest of it.")]

FLAC: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/flac": {}}, "description": "All of it."},
    206: {"content": {"audio/flac": {}}, "description": "The part that `Range` names."},
    416: {"description": "`Range` names nothing of it."},
}
"""What OpenAPI says of a route that plays something."""


class JustAsked(Asked):
    """Whether only to look."""

    dry_run: DryRun = False


class MergeAsked(Asked):
    """Who takes over what is somebody's: a stranger, or a name."""

    into: Name
    force: Force = False
    dry_run: DryRun = False


def play(clip: Path) -> FileResponse:
    """A clip, all or some of it."""
    return FileResponse(clip, media_type="audio/flac")
