"""A file of turns, read and refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spk.errors import FormatError
from spk.formats.turns import read_turns


def read(folder: Path, name: str, content: bytes | str) -> list[tuple[float, float, str]]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(turn.start, turn.end, turn.label) for turn in read_turns(path)]


def refused(folder: Path, name: str, content: bytes | str, line: int, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(folder, name, content)
    message = str(caught.value)
    assert message.startswith(f"{folder / name}:{line}: ")
    assert re.search(reason, message)
    assert "\n" not in message
